#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What a red team tried against the doors and what has to fail: a gateway that lies about the path, the snapshot and the
# clock; a server that calls itself by another's id; bodies whose numbers are larger than their text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;
use Time::HiRes 'time';

my $w = Sft::World->new;
my $db = $w->db;
my $door = $w->door;
my $s = $door->session;
my $old = Sft::Door->new($db);                # a gateway that keeps a transaction open until the end of this test
$old->session->run('SET idle_in_transaction_session_timeout = 0', 'BEGIN', 'SELECT 1');
my $alice = $w->client('acme', 'alice');
my $second = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
sub refused { my ($r, $error, $name) = @_; my ($a) = $door->batch([$r]); is $a->{json}{error} // "status $a->{status}", $error, $name; return $a }
sub state_of { return $db->root->value("SELECT state FROM sft.clients WHERE id = '$_[0]'") }

# G4: a signed deed is done to what its path names, whatever the gateway says the path means
my $delete = $alice->make(DELETE => $alice->path("clients/$second->{id}"));
refused({ %$delete, params => "acme/$alice->{id}" }, 'path_mismatch', 'G4 a removal redirected to another client');
is state_of($alice->{id}), 'ACTIVE', '  removes nobody';
my $logout = $alice->make(DELETE => $alice->path("client_sessions/$alice->{session}"));
refused({ %$logout, route => 'DELETE /v1/teams/{team}/clients/{id}', params => "acme/$second->{id}" }, 'path_mismatch', 'G4 a sign-out used as a removal');
is state_of($second->{id}), 'ACTIVE', '  removes nobody';
my $get = $alice->make(GET => $alice->path("clients/$alice->{id}/enrollment"));
refused({ %$get, method => 'GET', route => 'DELETE /v1/teams/{team}/clients/{id}', params => "acme/$second->{id}" }, 'path_mismatch', 'G4 a read used as a write');

# G4: what is signed about one authority is not told in the name of another
my ($user_ca, $host_ca) = split /\|/, $db->root->value('SELECT user_authority_id, host_authority_id FROM sft.projects');
for my $what (qw(trust krl)) {
	my $public = $door->make(GET => "/v1/authorities/$user_ca/$what");
	is +($door->batch([$public]))[0]{status}, 200, "$what is public";
	my $a = refused({ %$public, target => "/v1/authorities/$host_ca/$what" }, 'path_mismatch', "G4 one authority's $what in the name of another");
	ok !$a->{headers}{signature}, '  is not signed';
}
refused({ %{ $door->make(GET => '/v1/instance') }, target => "/v1/authorities/$host_ca/trust" }, 'path_mismatch', 'G4 the instance under another path');
for my $target ("/v1/instance/", "/v1/%69nstance", '/v1/instance?x=1') {
	is +($door->batch([ { %{ $door->make(GET => '/v1/instance') }, target => $target } ]))[0]{status}, 200, "the same path in other letters is the same: $target";
}
is $alice->call(GET => "/v1/teams/ac%6de/projects")->{status}, 200, '  in a parameter too';
is $alice->call(GET => "/v1/teams/acme/projects/", route => 'GET /v1/teams/{team}/projects', params => ['acme'])->{status}, 200, '  and with a slash at the end';
refused({ %{ $alice->make(GET => '/v1/teams/acme/projects') }, route => 'GET /v1/teams/{team}/servers' }, 'path_mismatch', '  but not another route');


# S9: numbers that are large only when they are read as text
for my $path ('/v1/teams/acme/clients', '/v1/servers/enroll') {
	my $many = join ',', ('1e131071') x 1000;
	my $before = time;
	refused($door->make(POST => $path, body => "{\"id\":[$many]}"), 'number_too_large', "S9 a thousand times 1e131071 to $path");
	cmp_ok time - $before, '<', 2, '  costs nothing';
	refused($door->make(POST => $path, body => "{\"id\":$_}"), 'number_too_large', "  nor $_") for qw(1E+131071 1.5e-16000 -1e0000131071 10E131070);
}
isnt $door->call(POST => '/v1/teams/acme/clients', body => '{"id":"1e131071"}')->{json}{error}, 'number_too_large', '  in a string it is a text';
isnt $door->call(POST => '/v1/teams/acme/clients', body => '{"id":1e5}')->{json}{error}, 'number_too_large', '  and small ones are numbers';

# G4: the snapshot and the clock of a transaction that the gateway has kept open
for my $begin ('BEGIN ISOLATION LEVEL REPEATABLE READ', 'BEGIN ISOLATION LEVEL SERIALIZABLE') {
	$s->run($begin, 'SELECT method FROM sft_api.route LIMIT 1');
	$w->admin(q{remove_member('acme', 'ops', 'alice')});
	my $r = $alice->credential_request($server->{id});
	$s->run('SELECT 1 FROM ' . $door->handle_sql($r));
	is $s->error, '25000', "G4 $begin from before a removal: the door stays shut";
	$s->run('ROLLBACK');
	is +($door->finish($r->{nonce}))[0]{status}, 404, '  nothing was recorded';
	$w->admin(q{add_member('acme', 'ops', 'alice')});
}
# S3: what else the gateway's role could hold up or fill
for my $f ('pg_advisory_lock(5337002, 1)', 'pg_advisory_xact_lock(1)', 'pg_try_advisory_lock_shared(1, 1)', 'lo_create(0)', "lo_from_bytea(0, 'x')") {
	$s->run("SELECT $f");
	is $s->error, '42501', "S3 the gateway's role may not call $f";
}

# S10: whoever is being removed while they ask is removed
my $other = Sft::Door->new($db);
my %ways = ('the client' => sub { ("remove_client('$_[0]{id}')", 'key_unknown') }, 'the session' => sub { ("revoke_user('acme', 'alice', 'lost')", 'session_required') });
for my $way (sort keys %ways) {
	my $c = $w->client('acme', 'alice');
	my ($take, $error) = $ways{$way}->($c);
	$db->dba->run('BEGIN', "SELECT sft_admin.$take");
	is $db->dba->error, undef, "S10 $way is being ended";
	my $r = $c->credential_request($server->{id});
	$other->session->send('SELECT status FROM ' . $other->handle_sql($r) . ' AS h (trace_id, status, headers, body, wait, continue_id)');
	$db->root->value('SELECT 1 FROM pg_sleep(0.3)');
	$db->dba->run('COMMIT');
	my ($status) = $other->session->receive;
	is $status, 401, '  and the one who asked meanwhile is refused';
	is $db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$r->{nonce}'"), 0, '  with nothing recorded';
}

# G3: an id belongs to its server alone, whatever another calls itself
my $mallory = $w->server('acme', 'prod', 'mallory', body => { alt_names => [ $server->{id}, "$server->{id}.local", 'web02' ] });
my $as = sub { my ($m) = @_; my $a = $m->call(POST => '/v1/server/host_certificates', body => { public_key => $w->ssh_key }); return join ' ', sort grep { $_ ne $m->{id} } @{ $a->{json}{principals} } };
unlike $as->($mallory), qr/\Q$server->{id}\E( |$)/, 'G3 no host certificate for the id of another server';
$mallory->call(POST => '/v1/server/report', body => { state_version => 0, trust_version => 0, krl_version => 0, facts => { hostname => $server->{id}, canonical_name => $server->{id}, access_address => $server->{id}, alt_names => [] } });
unlike $as->($mallory), qr/\Q$server->{id}\E( |$)/, '  by hostname neither';
my $c = $w->client('acme', 'alice');
is $c->credential($server->{id})->{json}{server_id}, $server->{id}, '  and asking by id still means that server';
my ($x, $y) = map { $w->server('acme', 'prod', 'same', body => { canonical_name => "name-$_" }) } 1 .. 2;
is $as->($x), 'name-1', 'G3 a hostname that two servers have is in nobody\'s certificate';

# S4: a locked device lets no other in
my $waits = $w->enroll('acme', 'alice');
my $thief = $w->client('acme', 'alice');
$w->admin("lock('acme', 'client', '$thief->{id}', 'stolen')");
is $thief->call(POST => $thief->path("clients/$waits->{id}/approval"), body => { code => $waits->{key}->device_code })->{json}{error}, 'locked', 'S4 a locked device approves no other';
is state_of($waits->{id}), 'PENDING', '  which goes on waiting';
is $thief->call(DELETE => $thief->path("clients/$c->{id}"))->{json}{error}, 'locked', '  nor removes one';
is $c->call(POST => $c->path("clients/$waits->{id}/approval"), body => { code => $waits->{key}->device_code })->{status}, 200, '  another device of the user does';

# S12: strangers fill the queue of clients that wait
$db->root->run(q{INSERT INTO sft.clients (id, team_id, hostname, os, public_key, code)
	SELECT gen_random_uuid(), t.id, 'x', 'x', 'x', 'ABCDEFGHIJKLMNOP' FROM sft.teams t, generate_series(1, 1000)});
is $db->root->error, undef, 'a thousand clients wait' or diag $db->root->message;
is $w->enroll('acme', 'alice')->{enrolled}{json}{error}, 'too_many_pending_clients', 'S12 no further stranger may';
is $w->enroll('acme', 'alice', invitation => $w->admin(q{invite('acme', 'alice')}))->{enrolled}{status}, 201, '  who was invited does not have to';

# the version of the instance only grows, whatever becomes of its keys
my $version = sub { return $door->call(GET => '/v1/instance')->{json}{version} };
my ($statement) = $db->root->value(q{SELECT authority_id FROM sftca.statement_keys});
my @versions = $version->();
for my $step ("key_prepare('$statement')", "key_activate('$statement', 2)", "key_retire('$statement', 1)") {
	$db->root->value("SELECT sftca.$step");
	push @versions, $version->();
}
is "@versions", join(' ', sort { $a <=> $b } @versions), "the instance's version only grows" or diag "@versions";
is scalar(keys %{ { map { $_ => 1 } @versions } }), 4, '  with every step of a key';

# S6: the row security's context is the door's own
for my $name (qw(sft.teams sft.requests sft.token)) {
	$s->run("SET $name = '{$server->{id}}'", 'BEGIN', 'SELECT 1 FROM ' . $door->handle_sql($door->make(GET => '/v1/instance')));
	isnt $s->value("SELECT current_setting('$name')"), "{$server->{id}}", "S6 $name of the caller does not reach the rows";
	$s->run('ROLLBACK', 'RESET ALL');
}

# G4: the clock of a transaction that the gateway has kept open: sessions, invitations and sign-ins of then
$db->root->value("SELECT 1 FROM pg_stat_activity, LATERAL pg_sleep(greatest(0, extract(epoch FROM xact_start - now()) + 31)) WHERE pid = $_") for $old->session->value('SELECT pg_backend_pid()');
$old->session->run('SELECT 1 FROM ' . $old->handle_sql($old->make(GET => '/v1/instance')));
is $old->session->error, '25000', 'G4 a transaction with an old now() is not served';
$old->session->run('ROLLBACK');
is $old->call(GET => '/v1/instance')->{status}, 200, '  a new one is';

done_testing;
