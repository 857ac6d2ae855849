#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who gets a certificate and who does not: membership, locks, source networks, age of the sign-in, disabled and removed
# subjects; passwords; and that every refusal is in the audit with its reason (promise 2).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $alice = $w->client('acme', 'alice');
my $bob = $w->client('acme', 'bob');
my $server = $w->server('acme', 'prod', 'web01');
my $second = $w->server('acme', 'prod', 'web02');

# The answer, and that the audit has it as completely as a grant.
sub says
{
	my ($name, $want, $client, %o) = @_;
	my $r = $client->credential_request($o{server} // $server->{id}, %o);
	my ($a) = $w->door->batch([$r]);
	is join(' ', grep { defined } $a->{status}, $a->{json}{error}), $want, $name or diag $a->{text};
	my @events = $w->audit("request_id = '$r->{nonce}'");
	is scalar(@events), 1, '  one audit event';
	my $e = $events[0] // {};
	my $error = $a->{json}{error};
	is $e->{error}, $error, '  with the reason' if $a->{status} >= 400;
	is "$e->{client_id} $e->{user_id} $e->{peer} $e->{trace_id}", join(' ', $client->{id}, $w->db->root->value("SELECT user_id FROM sft.clients WHERE id = '$client->{id}'"), $o{peer} // '192.0.2.10', $r->{trace_id}),
		'  who, from which device, from where, in which call';
	is $w->db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$r->{nonce}'"), $a->{status} < 300 ? 1 : 0, '  a record exactly when granted';
	return $a;
}

says 'alice is in ops, ops is in prod', '201', $alice;
my $denied = says 'bob is in no group of prod', '403 not_granted', $bob;
like $denied->{json}{message}, qr/\w+.*\.$/, '  the reason is a sentence';
is_deeply $bob->call(GET => $bob->path('servers'))->{json}{list}, [], '  and the servers are not shown to him';

$w->admin(q{add_member('acme', 'ops', 'bob')});
says 'bob joins ops', '201', $bob;
$w->admin(q{remove_member('acme', 'ops', 'bob')});
says 'bob leaves ops', '403 not_granted', $bob;

# what the servers are told
# who may log in: locked and disabled users keep their accounts, without principals
sub users { return join ' ', map { $_->{name} . ($_->{admin} ? '*' : '') } grep { @{ $_->{principals} } } sort { $a->{name} cmp $b->{name} } @{ $server->call(GET => '/v1/server/state?after=0')->{json}{users} } }
sub version { return $server->call(GET => '/v1/server/state?after=0')->{json}{version} }
is users(), 'alice', 'the servers are told who is left';
my $v = version();
$w->admin(q{add_member('acme', 'ops', 'bob')});
is users(), 'alice bob', 'a member more';
cmp_ok version(), '>', $v, '  is a newer version';
my @uids = map { $_->{uid} } @{ $server->call(GET => '/v1/server/state?after=0')->{json}{users} };
is_deeply [ sort { $a <=> $b } @uids ], [ 60001, 60002 ], 'uids from 60001 upward';
$w->admin(q{remove_member('acme', 'ops', 'bob')});
$w->admin(q{create_user('acme', 'dora')});
$w->admin(q{add_member('acme', 'ops', 'dora')});
is_deeply [ sort map { $_->{uid} } @{ $server->call(GET => '/v1/server/state?after=0')->{json}{users} } ], [ 60001, 60003 ], 'P14 no uid is given twice';
$w->admin(q{remove_member('acme', 'ops', 'dora')});
$w->admin(q{add_member('acme', 'ops', 'bob')});
$w->admin(q{create_group('acme', 'admins')});
$w->admin(q{add_member('acme', 'admins', 'alice')});
$w->admin(q{add_project_group('acme', 'prod', 'admins', false, true)});
is users(), 'alice* bob', 'a project group with server_admin';
is says('alice is admin there', '201', $alice)->{json}{admin} ? 1 : 0, 1, '  the certificate\'s answer says so';
$w->admin(q{remove_project_group('acme', 'prod', 'admins')});
is users(), 'alice bob', 'its removal';

# a new state wakes the waiting
my $listen = $w->door->session;
$listen->run('LISTEN sft_changes');
my $project = $server->{enrolled}{json}{project_id};
$w->admin(q{remove_member('acme', 'ops', 'bob')});
is +(grep { $_ eq "project/$project" } $w->db->root->run("SELECT topic FROM sft.changes ORDER BY id DESC LIMIT 3"))[0], "project/$project", 'a change of state is a row in sft.changes';
my ($note) = grep { /Asynchronous notification "sft_changes" with payload "project\/\Q$project\E"/ } $listen->run('SELECT 1');
ok $note, '  and pokes the channel';
$alice->credential($server->{id});
$listen->run('SELECT 1');
ok !grep({ /Asynchronous/ } $listen->run('SELECT 1')), 'issuing never notifies';
$listen->run('UNLISTEN *');

# locks
for (['user', q{'user', 'alice'}], ['client', "'client', '$alice->{id}'"], ['server', q{'server', 'web01'}], ['project', q{'project', 'prod'}], ['team', q{'team', 'acme'}]) {
	my ($kind, $what) = @$_;
	$w->admin("lock('acme', $what, 'test of $kind')");
	my $a = says "a lock on the $kind", '403 locked', $alice;
	like $a->{json}{message}, qr/\.$/, '  says so in a sentence';
	is $alice->credential($second->{id})->{status}, 201, '  the other server is not locked' if $kind eq 'server';
	is users(), '', '  the servers are told that nobody may in' if $kind ne 'client' && $kind ne 'server';
	$w->admin("unlock('acme', $what)");
	says "lifted from the $kind", '201', $alice;
}
$w->admin(q{lock('acme', 'user', 'alice', 'for a moment', now() + interval '1 hour')});
says 'a lock that ends', '403 locked', $alice;
$w->db->psql($w->db->{database}, q{UPDATE sft.locks SET expires_at = now() WHERE reason = 'for a moment'});      # an hour later
says 'has ended', '201', $alice;

# a lock on the user, or the device, also stops signing in
for ("'user', 'alice'", "'client', '$alice->{id}'") {
	$w->admin("lock('acme', $_, 'test')");
	my $in = $alice->sign_in(password => 'correct horse alice battery');
	is "$in->{status} $in->{json}{error}", '403 locked', "no sign-in under a lock on $_";
	$w->admin("unlock('acme', $_)");
}
is $alice->sign_in(password => 'correct horse alice battery')->{status}, 201, '  lifted';

# a session ends by itself
$w->db->psql($w->db->{database}, "UPDATE sft.client_sessions SET expires_at = now() WHERE client_id = '$alice->{id}' AND ended_at IS NULL");
my $over = $alice->credential($server->{id});
is "$over->{status} $over->{json}{error}", '401 session_required', 'a session that is over';
is $alice->sign_in(password => 'correct horse alice battery')->{status}, 201, '  sign in again';
$w->db->psql($w->db->{database}, "UPDATE sft.client_sessions SET expires_at = now() + interval '100 seconds' WHERE client_id = '$alice->{id}' AND ended_at IS NULL");
my $short = $alice->credential($server->{id});
cmp_ok $w->db->root->value("SELECT extract(epoch FROM valid_before - now()) FROM sftca.certificates WHERE serial = $short->{json}{serial}"), '<=', 100, 'C4 no certificate outlives the session';
is $alice->sign_in(password => 'correct horse alice battery')->{status}, 201, '  and again';

# source networks
$w->admin(q{set_policy('acme', 'prod', source_networks => '{192.0.2.0/25,2001:db8::/32}')});
says 'from a network of the policy', '201', $alice, peer => '192.0.2.77';
says 'from an IPv6 network of it', '201', $alice, peer => '2001:db8::7';
says 'from elsewhere', '403 source_address_denied', $alice, peer => '192.0.2.200';
says 'from an unknown address', '403 source_address_denied', $alice, peer => '203.0.113.1';
$w->admin(q{set_policy('acme', 'prod')});
says 'the policy was lifted', '201', $alice, peer => '203.0.113.1';

# age of the sign-in
$w->admin(q{set_policy('acme', 'prod', sign_in_age => '1 hour')});
says 'signed in a moment ago', '201', $alice;
$w->db->psql($w->db->{database}, q{UPDATE sft.client_sessions SET signed_in_at = now() - interval '61 minutes' WHERE ended_at IS NULL});
says 'signed in too long ago', '403 sign_in_too_old', $alice;
is $alice->sign_in->{status}, 201, '  alice signs in again';
says '  and gets one', '201', $alice;
$w->admin(q{set_policy('acme', 'prod', ttl => '10 minutes')});
my $a = says 'ttl up to the policy\'s', '201', $alice, body => { ttl => 600 };
says 'beyond it', '403 ttl_too_long', $alice, body => { ttl => 601 };
$w->admin(q{set_policy('acme', 'prod')});

# passwords
my $wrong = $alice->sign_in(password => 'wrong');
is "$wrong->{status} $wrong->{json}{error}", '401 password_wrong', 'T8 a wrong password';
is $alice->credential($server->{id})->{status}, 201, '  does not end the session that there is';
my $once = $w->admin(q{reset_password('acme', 'alice')});
like $once, qr/^\S{12,}$/, 'reset_password makes up a one-time password';
is $alice->credential($server->{id})->{json}{error}, 'session_required', '  and ends the sessions';
$wrong = $alice->sign_in(password => 'correct horse alice battery');
is "$wrong->{status} $wrong->{json}{error}", '401 password_wrong', '  the old one is void';
my $must = $alice->sign_in(password => $once);
is "$must->{status} $must->{json}{error}", '403 password_change_required', '  the one-time password must be changed';
isnt $alice->sign_in(password => $once, new_password => $_)->{status}, 201, '  not for ' . JSON::PP->new->allow_nonref->encode(substr $_, 0, 20) for $once, '', 'short', "x\0y", 'x' x 5000;
is $alice->sign_in(password => $once, new_password => 'another staple for alice')->{status}, 201, '  by one of one\'s own';
$must = $alice->sign_in(password => $once, new_password => 'x' x 20);
is "$must->{status} $must->{json}{error}", '401 password_wrong', '  it was good once';
is $alice->sign_in(password => 'another staple for alice')->{status}, 201, '  the new one works';
my $tablet = $w->enroll('acme', 'alice', invitation => $w->admin(q{invite('acme', 'alice')}));
is $tablet->sign_in(password => 'another staple for alice', new_password => 'a third staple for alice')->{status}, 201, 'a password changed on another device';
is $alice->credential($server->{id})->{json}{error}, 'session_required', '  signs out whoever came in with the old one';
is $tablet->credential($server->{id})->{status}, 201, '  but not that device';
is $alice->sign_in(password => 'a third staple for alice')->{status}, 201, '  back with the new one';
my @tries = map { $bob->sign_in(password => "guess $_")->{json}{error} } 1 .. 30;
is $tries[0], 'password_wrong', 'T8 guessing';
is $tries[-1], 'too_many_attempts', '  is limited';
my $limited = $bob->sign_in(password => 'correct horse bob battery');
is "$limited->{status} $limited->{json}{error}", '429 too_many_attempts', '  even when right';
is $alice->sign_in(password => 'a third staple for alice')->{status}, 201, '  and locks out nobody else';
cmp_ok scalar($w->audit("error = 'too_many_attempts' AND client_id = '$bob->{id}'")), '>=', 1, '  it is in the audit';

# people go
$w->admin(q{disable_user('acme', 'alice')});
$a = $alice->credential($server->{id});
like "$a->{status} $a->{json}{error}", qr/^40[13] (user_disabled|session_required)$/, 'a disabled user gets nothing';
$a = $alice->sign_in(password => 'a third staple for alice');
is "$a->{status} $a->{json}{error}", '403 user_disabled', '  and cannot sign in';
is users(), '', '  and no server lets her in';
$w->admin(q{enable_user('acme', 'alice')});
is $alice->sign_in(password => 'a third staple for alice')->{status}, 201, 'enabled again';
says '  gets one', '201', $alice;
$w->admin("remove_client('$alice->{id}')");
$a = $alice->credential($server->{id});
is $a->{status}, 401, 'T3 a removed client is nobody' or diag $a->{text};
$w->admin("remove_server('acme', '$second->{id}')");
$a = $second->call(GET => '/v1/server/state?after=0');
is "$a->{status} $a->{json}{error}", '401 server_authorization_revoked', 'T3 a removed server is told so';
is $a->{json}{type}, 'server_authorization_revoked', '  with the product\'s type';
my $again = $w->enroll('acme', 'alice', invitation => $w->admin(q{invite('acme', 'alice')}));
is $again->sign_in(password => 'a third staple for alice')->{status}, 201, 'alice enrolls her next device';
is $again->credential($second->{id})->{json}{error}, 'server_unknown', '  nobody gets a certificate for it';
is $again->credential($server->{id})->{status}, 201, 'alice\'s next device works';
$w->admin(q{delete_user('acme', 'alice')});
is $again->sign_in(password => 'a third staple for alice')->{status} >= 400, 1, 'a deleted user is out';
is $w->try_admin(q{create_user('acme', 'alice')}), 'user_name_taken', 'P14 and the name is not given to another';

# revocation
my $bobs = $w->client('acme', 'bob') if $w->admin(q{add_member('acme', 'ops', 'bob')}) || 1;
my $issued = $bobs->credential($server->{id})->{json};
$w->admin("revoke_certificates('acme', 'prod', $issued->{serial}, $issued->{serial}, 'test')");
my $state = $server->call(GET => '/v1/server/state?after=0')->{json};
open my $krl, '>:raw', $w->db->folder . '/krl' or die $!;
print $krl MIME::Base64::decode_base64($state->{trust}{krl});
close $krl;
open my $cert, '>', $w->db->folder . '/c.pub' or die $!;
print $cert "$issued->{certificate}\n";
close $cert;
isnt +($w->db->command('ssh-keygen', '-Q', '-f', $w->db->folder . '/krl', $w->db->folder . '/c.pub'))[0], 0, 'a revoked certificate is in the servers\' KRL';
my $refetched = $bobs->call(GET => $bobs->path("credentials/$issued->{request_id}"));
is $refetched->{status}, 404, '  and is not given out again' or diag $refetched->{text};
is $w->try_admin(q{revoke_user('acme', 'bob', 'gone')}), 'done', 'a user\'s certificates are revoked';

# refusals before any identity is known are counted, not told one by one
my $n = $w->db->root->value('SELECT count(*) FROM sft.audit_events');
$w->door->call(GET => '/v1/teams/acme/projects', peer => '198.51.100.9') for 1 .. 3;
is $w->db->root->value('SELECT count(*) FROM sft.audit_events'), $n, 'a refusal of nobody adds no event';
is $w->db->root->value(q{SELECT sum(count) FROM sft.refusals WHERE peer = '198.51.100.9'}), 3, '  but is counted per peer and minute';
done_testing;
