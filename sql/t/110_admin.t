#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# sft_admin, the DBA's door: what it does, what it refuses and in which words, and that the audit says who did it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $w = Sft::World->new;
my $dba = $w->db->dba;

sub refused
{
	my ($call, $code, $state) = @_;
	$dba->run("SELECT sft_admin.$call");
	is $dba->code // $dba->error // 'done', $code, "$call: $code";
	like $dba->message // '', qr/^\w.*\.$/, '  in a sentence' or diag $dba->message;
	like $dba->error // '', $state // qr/^SF4\d\d$/, '  with its status';
}

# what the world was made with is in the audit
is_deeply [ map { $_->{type} } grep { $_->{actor} eq 'dba:carol' } $w->audit ],
	[ 'instance.update', ('group.create') x 2, 'team.create', 'user.create', 'member.add', 'member.add', ('user.create', 'member.add') x 2, 'group.create', 'member.add', 'project.create', 'project.add_group' ],
	'every deed is in the audit as dba:carol';
is scalar(grep { $_->{actor} !~ /^dba:carol$/ } $w->audit), 0, '  and of nobody else';

# refusals: the same codes and sentences as the API
refused(@$_) for
	[ q{create_team('acme', 'x')}, 'team_name_taken' ], [ q{create_team('A b', 'x')}, 'team_name_format' ], [ qq{create_team('a\nb', 'x')}, 'team_name_format' ], [ q{create_team('-x', 'x')}, 'team_name_format' ],
	[ q{create_team(NULL, 'x')}, 'value_missing' ], [ q{create_user('nobody', 'x')}, 'team_unknown' ], [ q{create_user('acme', 'Alice')}, 'user_name_taken' ],
	[ qq{create_user('acme', 'a\nb')}, 'user_name_format' ], [ q{create_user('acme', 'a,b')}, 'user_name_format' ], [ q{create_user('acme', '-x')}, 'user_name_format' ], [ q{create_user('acme', '')}, 'user_name_format' ],
	[ q{create_user('acme', 'x', 'root')}, 'server_user_name_reserved' ], [ q{create_user('acme', 'x', 'sshd')}, 'server_user_name_reserved' ], [ q{create_user('acme', 'x', 'a,root')}, 'server_user_name_format' ],
	[ qq{create_user('acme', 'x', E'a\\nroot')}, 'server_user_name_format' ], [ q{create_user('acme', 'x', '-x')}, 'server_user_name_format' ], [ q{create_user('acme', 'x', 'alice')}, 'server_user_name_taken' ],
	[ q{create_user('acme', 'x', '*')}, 'server_user_name_format' ], [ "create_user('acme', 'x', 'r\x{043e}\x{043e}t')", 'server_user_name_format' ], [ q{create_user('acme', 'x', user_type => 'robot')}, 'user_type_unknown' ],
	[ q{create_group('acme', 'OPS')}, 'group_name_taken' ], [ q{create_group('acme', 'a b')}, 'group_name_format' ], [ q{create_group('acme', 'x', '{root}')}, 'group_role_unknown' ], [ q{delete_group('acme', 'owners')}, 'group_unknown' ],
	[ q{add_member('acme', 'ops', 'nobody')}, 'user_unknown' ], [ q{add_member('acme', 'nobody', 'alice')}, 'group_unknown' ], [ q{add_member('acme', 'ops', 'alice')}, 'group_member_taken' ],
	[ q{remove_member('acme', 'ops', 'bob')}, 'group_member_unknown' ], [ q{create_project('acme', 'Prod')}, 'project_name_taken' ], [ q{create_project('acme', '../x')}, 'project_name_format' ],
	[ q{create_project('acme', 'x', ttl => '1 second')}, 'certificate_ttl_range' ], [ q{create_project('acme', 'x', ttl => '2 days')}, 'certificate_ttl_range' ],
	[ q{create_project('acme', 'x', next_unix_uid => 0)}, 'unix_id_range' ], [ q{create_project('acme', 'x', next_unix_uid => 65534)}, 'unix_id_range' ],
	[ q{add_project_group('acme', 'nope', 'ops')}, 'project_unknown' ], [ q{add_project_group('acme', 'prod', 'ops', false, false)}, 'project_group_rights_missing' ], [ q{remove_project_group('acme', 'prod', 'everyone')}, 'project_group_unknown' ],
	[ q{set_policy('acme', 'prod', source_networks => '{}')}, 'source_networks_empty' ], [ q{set_policy('acme', 'prod', ttl => '5 seconds')}, 'max_certificate_ttl_range' ], [ q{set_policy('acme', 'prod', sign_in_age => '-1 second')}, 'seconds_range' ],
	[ q{create_server_enrollment_token('acme', 'nope')}, 'project_unknown' ], [ q{create_server_enrollment_token('acme', 'prod', max_uses => 0)}, 'max_uses_range' ], [ qq{create_server_enrollment_token('acme', 'prod', E'a\\nb')}, 'line_format' ],
	[ q{delete_server_enrollment_token(gen_random_uuid())}, 'server_enrollment_token_unknown' ], [ q{invite('acme', 'nobody')}, 'user_unknown' ], [ q{invite('acme', 'alice', '1 year')}, 'invitation_lifetime_range' ],
	[ q{delete_invitation(gen_random_uuid())}, 'invitation_unknown' ], [ q{reset_password('acme', 'nobody')}, 'user_unknown' ], [ q{approve_client('AAAA-AAAA-AAAA-AAAA')}, 'client_unknown' ], [ q{remove_client('x')}, 'client_unknown' ],
	[ q{remove_server('acme', 'x')}, 'server_unknown' ], [ q{lock('acme', 'user', 'nobody', 'x')}, 'user_unknown' ], [ q{lock('acme', 'planet', 'x', 'x')}, 'lock_subject_kind_unknown' ], [ q{lock('acme', 'user', 'alice', '')}, 'lock_reason_missing' ],
	[ q{lock('acme', 'user', 'alice', 'x', now() - interval '1 day')}, 'lock_expires_at_range' ], [ q{unlock('acme', 'user', 'alice')}, 'lock_unknown' ], [ q{revoke_certificates('acme', 'prod', 0, 1, 'x')}, 'serial_range' ],
	[ q{revoke_certificates('acme', 'prod', 5, 4, 'x')}, 'serial_range' ], [ q{revoke_user('acme', 'nobody', 'x')}, 'user_unknown' ], [ q{set_user_status('acme', 'alice', 'GONE')}, 'user_status_unknown' ],
	[ q{set_instance('x', 'http://x', 'x')}, 'instance_url_format' ], [ q{set_instance('x', 'https://x', 'x y')}, 'instance_authority_format' ], [ q{set_instance('x', 'https://x', 'x', 'no pem')}, 'instance_tls_authority_format' ],
	[ q{allow_removals('acme', 'nope', 3)}, 'server_unknown' ];

# names that are odd and right
isnt $w->admin(qq{create_user('acme', '$_')}), undef, "a user may be named $_" for 'Eve.Smith@example.com', '_svc', 'a+b', '0abc';
is $w->db->root->value(q{SELECT server_user_name FROM sft.users WHERE name = 'Eve.Smith@example.com'}), 'eve_smith', 'the account name is derived';
is $w->db->root->value(q{SELECT server_user_name FROM sft.users WHERE name = '0abc'}), '_0abc', '  in a form that every system takes';
$w->admin(q{create_user('acme', 'alice@other.example')});
is $w->db->root->value(q{SELECT server_user_name FROM sft.users WHERE name = 'alice@other.example'}), 'alice2', 'P15 a second one of the same form gets a number';
is $w->try_admin(q{create_user('acme', 'root')}), 'server_user_name_reserved', 'P7 a derived name of the operating system is refused';

# approving a device by the code that its user reads out
my $pending = $w->enroll('acme', 'bob', body => { user_name => 'bob' });
my $code = $pending->{key}->device_code;
is_deeply [ map { "$_->{state} $_->{code} $_->{claimed_name}" } $dba->rows(q{SELECT * FROM sft_admin.clients WHERE state = 'PENDING'}) ], ["PENDING $code bob"], 'a waiting device is seen with its code';
$w->admin("approve_client('@{[lc $code]}')");
is $pending->call(GET => $pending->path("clients/$pending->{id}/enrollment"))->{json}{state}, 'ACTIVE', 'and approved by it';
is $pending->sign_in->{status}, 201, '  its user can sign in';
my $mallory = $w->enroll('acme', 'x');
is $w->try_admin("approve_client('$mallory->{id}')"), 'user_name_missing', 'a device that claims nobody is approved only for a named user';
$w->admin("approve_client('$mallory->{id}', 'olga')");
is $mallory->call(GET => $mallory->path("clients/$mallory->{id}/enrollment"))->{json}{user_name}, 'olga', '  by id';
isnt $w->try_admin("approve_client('$mallory->{id}', 'alice')"), 'done', '  and not again for another';

# tokens and invitations end
my $server = $w->server('acme', 'prod', 'web01');
my $token = $w->admin(q{create_server_enrollment_token('acme', 'prod', 'gone')});
my $t = Sft::Door::token($token);
$w->admin("delete_server_enrollment_token('$t->{i}')");
is $w->server('acme', 'prod', 'web09', token => $token, may_fail => 1)->{enrolled}{json}{error}, 'token_invalid', 'T5 a deleted token lets nobody in';
my $invitation = $w->admin(q{invite('acme', 'alice')});
$w->admin("delete_invitation('" . Sft::Door::token($invitation)->{i} . "')");
is $w->enroll('acme', 'alice', invitation => $invitation)->{enrolled}{json}{error}, 'invitation_invalid', 'T5 a deleted invitation too';

# confirmed removals
$w->admin(q{allow_removals('acme', 'web01', 3)});
is $server->call(GET => '/v1/server/state?after=0')->{json}{removals_confirmed}, 3, 'confirmed removals are in the server\'s state';

is $dba->row(q{SELECT wanted_version FROM sft_admin.servers WHERE hostname = 'web01'})->{wanted_version}, $server->call(GET => '/v1/server/state?after=0')->{json}{version}, 'sft_admin.servers tells the version that a server should have';
$w->admin(q{lock('acme', 'client', '} . $mallory->{id} . q{', 'a moment', now() + interval '0.2 seconds')});
$w->db->root->value('SELECT 1 FROM pg_sleep(0.3)');
is $dba->row(q{SELECT wanted_version FROM sft_admin.servers WHERE hostname = 'web01'})->{wanted_version}, $server->call(GET => '/v1/server/state?after=0')->{json}{version}, '  also after a lock has ended by itself';

# why somebody may or may not
my $events = $w->db->root->value('SELECT count(*) FROM sft.audit_events');
my $why = $dba->row(q{SELECT * FROM sft_admin.explain_access('acme', 'alice', 'web01')});
ok $why->{allowed}, 'explain_access: alice may';
is "$why->{server_user_name} $why->{lifetime}", 'alice 00:05:00', '  as whom and how long';
$why = $dba->row(q{SELECT * FROM sft_admin.explain_access('acme', 'bob', 'web01')});
is !!$why->{allowed} . " $why->{error}", ' not_granted', '  bob may not';
like $why->{reasons}, qr/^No group of bob is in the project prod\.$/, '  because';
$w->admin(q{set_policy('acme', 'prod', source_networks => '{192.0.2.0/24}', sign_in_age => '1 hour')});
$w->admin(q{lock('acme', 'user', 'bob', 'on leave')});
$why = $dba->row(q{SELECT * FROM sft_admin.explain_access('acme', 'bob', 'web01', '203.0.113.9', now() - interval '2 hours', '2 hours')});
like $why->{reasons}, $_, "  all reasons at once: $_" for qr/on leave/, qr/No group/, qr/203\.0\.113\.9/, qr/sign in again/, qr/lives at most/;
is ref $why->{inputs}, 'HASH', '  and the inputs';
ok $dba->row(q{SELECT * FROM sft_admin.explain_access('acme', 'alice', 'web01', '192.0.2.9')})->{allowed}, '  alice may, from there';
$w->admin(q{set_policy('acme', 'prod')});
$w->admin(q{unlock('acme', 'user', 'bob')});
is $w->db->root->value('SELECT count(*) FROM sftca.certificates'), 0, '  nothing was issued';
is $w->db->root->value('SELECT count(*) FROM sft.audit_events'), $events + 4, '  nor audited but what was changed';

# the views show what happened, and no secret
my $alice = $w->client('acme', 'alice');
my $cert = $alice->credential($server->{id})->{json};
my ($row) = $dba->rows("SELECT * FROM sft_admin.credentials WHERE request_id = '$cert->{request_id}'");
is "$row->{team} $row->{user_name} $row->{project} $row->{server} $row->{serial} $row->{peer}", "acme alice prod web01 $cert->{serial} 192.0.2.10", 'credentials: who, where, from where';
is ref $row->{decision}, 'HASH', '  and the decision with its inputs';
($row) = $dba->rows("SELECT * FROM sft_admin.certificates WHERE serial = $cert->{serial}");
is "$row->{team} $row->{project} $row->{key_id}", "acme prod sft1:acme:prod:alice:$cert->{request_id}", 'certificates: the vault\'s record';
ok !$row->{revoked}, '  not revoked';
is $w->admin("revoke_certificates('acme', 'prod', $cert->{serial}, $cert->{serial}, 'test')"), 1, 'revoked by its serial';
ok $dba->row("SELECT * FROM sft_admin.certificates WHERE serial = $cert->{serial}")->{revoked}, '  the view says so';
($row) = $dba->rows("SELECT * FROM sft_admin.audit WHERE request_id = '$cert->{request_id}'");
is "$row->{team} $row->{server}", 'acme web01', 'audit: by names';
my @views = $dba->run(q{SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'sft_admin'::regnamespace AND relkind = 'v' ORDER BY 1});
cmp_ok scalar(@views), '>=', 12, 'there are views';
for my $view (@views) {
	my $text = join "\n", $dba->run("SELECT to_jsonb(v) FROM $view v");
	is $dba->error, undef, "$view is readable";
	unlike $text, qr/scrypt|\$s0\$|correct horse|\Q$t->{s}\E/, '  and has no secret';
}
my @columns = $w->db->root->run(q{SELECT attrelid::regclass || '.' || attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'sft_admin'::regnamespace AND attname ~ 'hash|secret|sealed|private|tbs$'});
is "@columns", '', 'no column of a view is a secret one';

# the manual
is $w->db->root->value(q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'sft_admin'::regnamespace AND prosecdef AND length(obj_description(oid, 'pg_proc')) < 40}), 0, '\df+ sft_admin.* reads as a manual';
is $w->db->root->value(q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'sft_admin'::regnamespace AND (obj_description(oid, 'pg_proc') LIKE '%Example%') AND obj_description(oid, 'pg_proc') !~ ('sft_admin\.' || proname)}), 0, 'examples call what they describe';

my ($purged) = $dba->rows('SELECT * FROM sft_admin.purge()');
is $purged->{what}, 'nonces', 'purge tells what it forgot';

# rolled back is rolled back
my $n = $w->db->root->value('SELECT count(*) FROM sft.audit_events');
$dba->run('BEGIN', q{SELECT sft_admin.create_user('acme', 'ghost')}, 'ROLLBACK');
is $w->db->root->value(q{SELECT count(*) FROM sft.users WHERE name = 'ghost'}), 0, 'a deed rolled back is not done';
is $w->db->root->value('SELECT count(*) FROM sft.audit_events'), $n, '  nor in the audit';
unlike $w->db->log_text, qr/\Q@{[substr $w->{once}, 0, 12]}\E/, 'S15 no one-time password in the log';
done_testing;
