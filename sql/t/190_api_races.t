#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Two at once on everything that the API writes (issue 4, S10, S11): names are given once, no update is lost, the last owner
# stays, what is taken away stays away from those who come at the same moment; and a repeat does nothing twice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my ($db, $root) = ($w->db, $w->db->root);
my $T = '/v1/teams/acme';
my $tf = $w->robot('acme', 'terraform', 'owners');
my $second = $w->robot('acme', 'pulumi', 'owners');
my @doors = map { Sft::Door->new($db) } 1 .. 4;
my @pid = map { $_->session->backend } @doors;

sub status_sql { my ($door, $r) = @_; return "SELECT coalesce(status::text, 'issued') || CASE WHEN status >= 400 THEN ' ' || (convert_from(body, 'UTF8')::jsonb->>'error') ELSE '' END FROM " . $door->handle_sql($r) . ' AS h (trace_id, status, headers, body, wait, continue_id)' }
sub said { my ($session, @lines) = @_; return $lines[0] // 'SQLSTATE ' . ($session->error // 'none') }
sub ask { my ($who, $method, $rest, $body, %o) = @_; return $who->make($method, "$T/$rest", defined $body ? (body => $body) : (), %o) }
sub must { my ($who, @ask) = @_; my $a = $w->door->call($ask[0], "$T/$ask[1]", $who->bearer(defined $ask[2] ? (body => $ask[2]) : ())); die "@ask[0, 1]: $a->{text}" unless $a->{status} =~ /^2/; return $a->{json} }

# Waits until that backend waits for a lock.
sub blocked
{
	my ($pid) = @_;
	for (1 .. 40) {
		return 1 if $root->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'");
		return 0 if $root->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'idle'") && $_ > 4;
		$root->value('SELECT 1 FROM pg_sleep(0.02)');
	}
	return 0;
}

# The first has answered and not committed when the second comes: what each is told.
sub overlap
{
	my ($one, $two) = @_;
	my ($s, $t) = map { $_->session } @doors[0, 1];
	$s->run('BEGIN');
	my $first = said($s, $s->run(status_sql($doors[0], $one)));
	$t->send(status_sql($doors[1], $two));
	my $waits = blocked($pid[1]);
	$s->run('COMMIT');
	my $late = said($t, $t->receive);
	return ("$first, $late", $waits);
}

# All at once, each on a connection of its own; what they are told, sorted.
sub rush
{
	my (@requests) = @_;
	$doors[$_]->session->send(status_sql($doors[$_], $requests[$_])) for 0 .. $#requests;
	return join ', ', sort map { said($doors[$_]->session, $doors[$_]->session->receive) } 0 .. $#requests;
}

# --- names are given once ---------------------------------------------------------------------------
my %named = (
	groups => [ sub { ask($_[0], POST => 'groups', { name => $_[1], roles => [] }) }, 'group_name_taken' ],
	projects => [ sub { ask($_[0], POST => 'projects', { name => $_[1] }) }, 'project_name_taken' ],
	service_users => [ sub { ask($_[0], POST => 'service_users', { name => $_[1] }) }, 'user_name_taken' ],
	'entitlements/sudo' => [ sub { ask($_[0], POST => 'entitlements/sudo', { name => $_[1], structured_commands => [ { command => '/bin/id', command_type => 'executable', args_type => 'any' } ] }) }, 'entitlement_name_taken' ],
);
for my $kind (sort keys %named) {
	my ($make, $word) = @{ $named{$kind} };
	my ($told, $waits) = overlap($make->($tf, 'same'), $make->($second, 'SAME'));
	is $told, "201, 409 $word", "two $kind of one name at once: one is made";
	is rush(map { $make->($_ % 2 ? $tf : $second, 'four') } 0 .. 3), join(', ', '201', ("409 $word") x 3), '  four: one';
}

# --- no update is lost ------------------------------------------------------------------------------
my ($told) = overlap(ask($tf, PUT => 'projects/prod', { next_unix_uid => 61000 }), ask($second, PUT => 'projects/prod', { require_preauth_for_creds => JSON::PP::true() }));
is $told, '204, 204', 'two change different things of a project at once';
my $project = must($tf, GET => 'projects/prod');
ok $project->{next_unix_uid} == 61000 && $project->{require_preauth_for_creds}, '  both are kept';
must($tf, PUT => 'projects/prod', { require_preauth_for_creds => JSON::PP::false() });
($told) = overlap(ask($tf, PUT => 'settings', { client_session_duration => 3600 }), ask($second, PUT => 'settings', { post_login_url => 'https://example.com/x' }));
is $told, '200, 200', 'of the team\'s settings';
my $settings = must($tf, GET => 'settings');
is "$settings->{client_session_duration} $settings->{post_login_url}", '3600 https://example.com/x', '  both are kept';
($told) = overlap(ask($tf, PUT => 'users/bob', { details => { first_name => 'Bob' } }), ask($second, PUT => 'users/bob', { status => 'DISABLED' }));
my $bob = must($tf, GET => 'users/bob');
is "$told $bob->{status} $bob->{details}{first_name}", '200, 200 DISABLED Bob', 'of a user';
must($tf, PUT => 'users/bob', { status => 'ACTIVE' });
is rush(map { ask($tf, POST => 'projects/prod/groups', { group => 'everyone', server_access => JSON::PP::true(), server_admin => $_ % 2 ? JSON::PP::true() : JSON::PP::false() }) } 0 .. 3), '204, 204, 204, 204', 'a project group posted four times at once is an update each time';
is $root->value(q{SELECT count(*) FROM sft.project_groups pg JOIN sft.groups g ON g.id = pg.group_id WHERE g.name = 'everyone'}), 1, '  one row';
my %id = map { my $u = $_; ($u => (grep { $_->{attribute_name} eq 'unix_user_name' } @{ must($tf, GET => "users/$u/attributes")->{list} })[0]{id}) } qw(alice bob);
($told) = overlap(map { ask($tf, PUT => "users/$_/attributes/$id{$_}", { attribute_name => 'unix_user_name', attribute_value => 'ops1' }) } qw(alice bob));
is $told, '204, 204', 'two users are given one account name at once';
is $root->value(q{SELECT count(*) FROM sft.users WHERE server_user_name = 'ops1'}), 1, '  one has it';
is scalar(@{ must($tf, GET => 'attributes/conflicts')->{list} }), 1, '  the other\'s is a conflict';
like rush(map { ask($tf, POST => 'groups/ops/users', { name => 'bob' }) } 0 .. 3), qr/^204(, 204|, 409 group_member_taken){3}$/, 'a user joins a group four times at once';
is $root->value(q{SELECT count(*) FROM sft.group_members m JOIN sft.groups g ON g.id = m.group_id AND g.name = 'ops' JOIN sft.users u ON u.id = m.user_id AND u.name = 'bob'}), 1, '  and is in it once';

# --- the last owner ---------------------------------------------------------------------------------
my $owners = sub { join ' ', $root->run(q{SELECT u.name FROM sft.group_members m JOIN sft.groups g ON g.id = m.group_id AND g.name = 'owners' JOIN sft.users u ON u.id = m.user_id AND u.status = 'ACTIVE' AND u.user_type = 'human' ORDER BY 1}) };
$w->admin(q{add_member('acme', 'owners', 'bob')});
is $owners->(), 'bob olga', 'two people own the team';
($told) = overlap(ask($tf, DELETE => 'groups/owners/users/bob'), ask($second, DELETE => 'groups/owners/users/olga'));
is $told, '204, 409 last_owner', 'both are thrown out at once: one stays';
is $owners->(), 'olga', '  that one';
$w->admin(q{add_member('acme', 'owners', 'bob')});
($told) = overlap(ask($tf, PUT => 'users/bob', { status => 'DISABLED' }), ask($second, DELETE => 'groups/owners/users/olga'));
is $told, '200, 409 last_owner', 'one is disabled while the other is thrown out';
is $owners->(), 'olga', '  one stays';
$w->admin(q{set_user_status('acme', 'bob', 'ACTIVE')});
like rush(map { ask($tf, $_ % 2 ? (PUT => 'users/bob', { status => 'DISABLED' }) : (DELETE => 'groups/owners/users/olga')) } 0 .. 3), qr/409 last_owner/, 'four at once';
isnt $owners->(), '', '  somebody owns the team';
$w->try_admin(qq{set_user_status('acme', 'bob', 'ACTIVE')});
$w->try_admin(qq{add_member('acme', 'owners', 'olga')});

# --- taking away against using ----------------------------------------------------------------------
must($tf, POST => 'groups', { name => $_, roles => [] }) for qw(g1 g2 g3);
($told) = overlap(ask($tf, DELETE => 'groups/g1'), ask($second, POST => 'projects/prod/groups', { group => 'g1', server_access => JSON::PP::true() }));
is $told, '204, 404 group_unknown', 'a group is deleted while it joins a project: it does not';
($told) = overlap(ask($second, POST => 'projects/prod/groups', { group => 'g2', server_access => JSON::PP::true() }), ask($tf, DELETE => 'groups/g2'));
is $told, '204, 204', '  the other way round: it joins and is gone';
is $root->value(q{SELECT count(*) FROM sft.project_groups pg JOIN sft.groups g ON g.id = pg.group_id WHERE g.deleted_at IS NOT NULL}), 0, '  nothing of it is left in projects';
($told) = overlap(ask($tf, DELETE => 'groups/g3'), ask($second, POST => 'groups/g3/users', { name => 'alice' }));
is $told, '204, 404 group_unknown', 'a group is deleted while somebody joins it';
is $root->value(q{SELECT count(*) FROM sft.group_members m JOIN sft.groups g ON g.id = m.group_id WHERE g.deleted_at IS NOT NULL}), 0, '  nobody is in it';
must($tf, POST => 'service_users', { name => 'leaver' });
($told) = overlap(ask($tf, PUT => 'service_users/leaver', { status => 'DELETED' }), ask($second, POST => 'groups/ops/users', { name => 'leaver' }));
is $told, '200, 404 user_unknown', 'a user is deleted while joining a group';
is $root->value(q{SELECT count(*) FROM sft.group_members m JOIN sft.users u ON u.id = m.user_id WHERE u.status = 'DELETED'}), 0, '  nobody deleted is in a group';
must($tf, POST => 'service_users', { name => 'leaver2' });
($told) = overlap(ask($tf, PUT => 'service_users/leaver2', { status => 'DELETED' }), ask($second, POST => 'service_users/leaver2/keys'));
is $told, '200, 404 user_unknown', 'a service user is deleted while it gets a key';
must($tf, POST => 'projects', { name => 'short' });
must($tf, POST => 'projects/short/groups', { group => 'ops', server_access => JSON::PP::true() });
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'short', 'short01');
($told) = overlap(ask($tf, DELETE => 'projects/short'), $alice->credential_request($server->{id}));
like $told, qr/^204, (403 not_granted|404 server_unknown)$/, 'a project is deleted while a certificate for it is asked for: none is issued';
must($tf, POST => 'projects', { name => 'short2' });
must($tf, POST => 'projects/short2/groups', { group => 'ops', server_access => JSON::PP::true() });
$server = $w->server('acme', 'short2', 'short02');
my $r = $alice->credential_request($server->{id});
my $waits;
($told, $waits) = overlap($r, ask($tf, DELETE => 'projects/short2'));
is $told, 'issued, 204', '  the other way round: whoever deletes waits for the issue';
ok $waits, '  it did wait';
isnt(($w->door->finish($r->{nonce}))[0]{status}, 201, '  and what was recorded is not signed any more');
must($tf, POST => 'projects', { name => 'short3' });
my $made = must($tf, POST => 'projects/short3/server_enrollment_tokens', { description => 'x' });
my $token = Sft::Door::token($made->{token});
my $join = sub {
	my ($key, $id) = ($w->key, Sft::Door::uuid());
	return $w->door->make(POST => '/v1/servers/enroll', key => $key, as => "server/$id", body => { id => $id, public_key => $key->public, token => { id => $token->{i}, mac => $key->mac($token->{s}, $id) },
		hostname => 'late01', os => 'o', os_type => 'linux', sftd_version => '1', ssh_port => 22, alt_names => [], ssh_host_keys => [], labels => {} });
};
($told) = overlap(ask($tf, DELETE => "projects/short3/server_enrollment_tokens/$made->{id}"), $join->());
is $told, '204, 401 token_invalid', 'a token is deleted while a server joins with it';
$made = must($tf, POST => 'projects/short3/server_enrollment_tokens', { description => 'x' });
$token = Sft::Door::token($made->{token});
($told) = overlap(ask($tf, DELETE => 'projects/short3'), $join->());
is $told, '204, 401 token_invalid', 'a project is deleted while a server joins it';
is $root->value(q{SELECT count(*) FROM sft.servers v JOIN sft.projects p ON p.id = v.project_id WHERE p.deleted_at IS NOT NULL AND v.deleted_at IS NULL}), 0, '  no live server is in a deleted project';

# --- revoking against issuing -----------------------------------------------------------------------
my $web = $w->server('acme', 'prod', 'web01');
$r = $alice->credential_request($web->{id});
($told, $waits) = overlap($r, ask($tf, POST => 'revocations', { user => 'alice', reason => 'race' }));
is $told, 'issued, 201', 'revoking a user\'s certificates waits for an issue under way';
ok $waits, '  it did wait';
is(($w->door->finish($r->{nonce}))[0]{status}, 404, '  and takes that one back too');
$alice->sign_in;
($told) = overlap(ask($tf, POST => 'revocations', { user => 'alice', reason => 'race' }), $alice->credential_request($web->{id}));
is $told, '201, 401 session_required', '  whoever asks afterwards has to sign in again';
$alice->sign_in;

# --- keys -------------------------------------------------------------------------------------------
must($tf, POST => 'service_users', { name => 'rotating' });
is rush(map { ask($tf, POST => 'service_users/rotating/keys') } 0 .. 3), '200, 200, 200, 200', 'four rotations at once';
is $root->value(q{SELECT count(*) FILTER (WHERE k.expires_at IS NULL) || ' of ' || count(*) FROM sft.service_keys k JOIN sft.users u ON u.id = k.user_id WHERE u.name = 'rotating'}), '1 of 4', '  one key goes on for good';
my $key = (grep { !$_->{expires_at} } @{ must($tf, GET => 'service_users/rotating/keys')->{list} })[0]{id};
is rush(map { ask($tf, DELETE => "service_users/rotating/keys/$key") } 0 .. 3), join(', ', '204', ('404 service_key_unknown') x 3), 'a key deleted four times at once is deleted once';
my ($authority) = map { $_->{id} } grep { $_->{purpose} eq 'x509' } @{ must($tf, GET => 'authorities?project=prod')->{list} };
is rush(map { ask($tf, POST => "authorities/$authority/keys") } 0 .. 3), join(', ', '201', ('409 key_next_exists') x 3), 'an authority\'s next key prepared four times at once is prepared once';
is rush(map { ask($tf, POST => "authorities/$authority/keys/2/activation", {}) } 0 .. 3), join(', ', '200', ('409 key_state') x 3), '  and activated once';
my $lock = must($tf, POST => 'locks', { subject_kind => 'user', subject => 'bob', reason => 'x' })->{id};
is rush(map { ask($tf, DELETE => "locks/$lock") } 0 .. 3), join(', ', '204', ('404 lock_unknown') x 3), 'a lock is lifted once';

# --- repeats ----------------------------------------------------------------------------------------
my $olga = $w->client('acme', 'olga');
my $write = $olga->make(POST => "$T/groups", body => { name => 'signed', roles => [] });
is rush(($write) x 4), join(', ', '201', ('409 request_replayed') x 3), 'a signed write four times at once is done once';
is_deeply [ map { $w->door->call(@$_, $tf->bearer)->{status} } map { [ DELETE => "$T/groups/signed" ] } 1, 2 ], [ 204, 404 ], 'deleting again says that there is nothing';

# --- opposite orders --------------------------------------------------------------------------------
# What is refused by the database as a deadlock or a failed serialization leaves the door, and the gateway asks again (docs/doors.md).
my $dead = 0;
for my $round (1 .. 6) {
	my @sets = ([ map { ask($tf, PUT => "projects/$_", { forward_traffic => JSON::PP::false() }) } qw(prod same four) ], [ map { ask($second, PUT => "projects/$_", { forward_traffic => JSON::PP::false() }) } qw(four same prod) ],
		[ map { ask($tf, POST => "groups/$_/users", { name => 'bob' }) } qw(same four) ], [ map { ask($second, DELETE => "groups/$_/users/bob") } qw(four same) ]);
	for my $i (0 .. 3) { $doors[$i]->session->send(map { status_sql($doors[$i], $_) } @{ $sets[$i] }) }
	for my $i (0 .. 3) { $doors[$i]->session->receive; $dead++ if ($doors[$i]->session->error // '') =~ /^40/ }
}
is $dead, 0, 'writers in opposite orders: no deadlock';
done_testing;
