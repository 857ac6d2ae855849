#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Two at once (S10, S11): whoever takes access away waits for issues under way and stops those after; of many that
# use one thing that is good once, one wins.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $db = $w->db;
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
my @doors = map { Sft::Door->new($db) } 1 .. 5;

# Waits until that backend waits for a lock.
sub blocked
{
	my ($pid) = @_;
	for (1 .. 100) {
		return 1 if $db->root->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'");
		$db->root->value('SELECT 1 FROM pg_sleep(0.05)');
	}
	return 0;
}

# an issue is under way, somebody takes the access away
my %ways = (
	'leaving the group' => [ q{remove_member('acme', 'ops', 'alice')}, q{add_member('acme', 'ops', 'alice')}, 'not_granted' ],
	'a lock on the user' => [ q{lock('acme', 'user', 'alice', 'race')}, q{unlock('acme', 'user', 'alice')}, 'locked' ],
	'the group leaving the project' => [ q{remove_project_group('acme', 'prod', 'ops')}, q{add_project_group('acme', 'prod', 'ops')}, 'not_granted' ],
);
my $dba_pid = $db->dba->backend;
for my $way (sort keys %ways) {
	my ($take, $give, $error) = @{ $ways{$way} };
	my $s = $doors[0]->session;
	my $r = $alice->credential_request($server->{id});
	$s->run('BEGIN', 'SELECT 1 FROM ' . $doors[0]->handle_sql($r));
	is $s->error, undef, "S10 $way: an issue is under way";
	$db->dba->send("SELECT sft_admin.$take");
	ok blocked($dba_pid), '  the one who takes it away waits';
	$s->run('COMMIT');
	$db->dba->receive;
	is $db->dba->error, undef, '  until the issue is recorded';
	my ($late) = $doors[1]->batch([ $alice->credential_request($server->{id}) ]);
	is $late->{json}{error}, $error, '  whoever asks afterwards is refused';
	my ($finished) = $doors[0]->finish($r->{nonce});
	is $finished->{status}, 404, '  and a lock has revoked what was recorded before it' if $error eq 'locked';
	# the other way round: it is being taken away, somebody asks
	$w->admin($give);
	$db->dba->run('BEGIN', "SELECT sft_admin.$take");
	my $asked = $alice->credential_request($server->{id});
	my $pid = $doors[2]->session->backend;
	$doors[2]->session->send('SELECT 1 FROM ' . $doors[2]->handle_sql($asked));
	ok blocked($pid), "  while it is being taken away, who asks waits";
	$db->dba->run('COMMIT');
	$doors[2]->session->receive;
	is $db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$asked->{nonce}'"), 0, '  and is refused';
	is $db->root->value("SELECT error FROM sft.audit_events WHERE request_id = '$asked->{nonce}'"), $error, '  with the reason in the audit';
	$w->admin($give);
}

# the same request five times at once
my $r = $alice->credential_request($server->{id});
$_->session->send('SELECT continue_id IS NOT NULL OR status = 200 FROM ' . $_->handle_sql($r) . ' AS h (trace_id, status, headers, body, wait, continue_id)') for @doors;
my @said = map { my ($line) = $_->session->receive; $line // $_->session->error } @doors;
is $db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$r->{nonce}'"), 1, 'T1 the same request five times at once: one record';
is scalar(grep { $_ eq 't' || $_ =~ /^40/ || $_ eq 'f' } @said), 5, '  every one is answered' or diag "@said";
my ($one) = $doors[0]->finish($r->{nonce});
is $one->{status}, 201, '  and it is finished';

# a write five times at once: one is done, the others are replays
my $write = $alice->make(POST => $alice->path('client_sessions'), body => { password => 'correct horse alice battery' });
$_->session->send('SELECT status FROM ' . $_->handle_sql($write) . ' AS h (trace_id, status, headers, body, wait, continue_id)') for @doors;
@said = sort map { my ($line) = $_->session->receive; $line // $_->session->error } @doors;
is "@said", '201 409 409 409 409', 'T1 a signed write five times at once is done once';
is $db->root->value("SELECT count(*) FROM sft.client_sessions WHERE client_id = '$alice->{id}' AND ended_at IS NULL"), 1, '  one session';

# a token with one use, five servers at once
my $t = Sft::Door::token($w->admin(q{create_server_enrollment_token('acme', 'prod', 'once', NULL, 1)}));
my @made = map {
	my ($key, $id) = ($w->key, Sft::Door::uuid());
	$_->make(POST => '/v1/servers/enroll', key => $key, as => "server/$id", body => { id => $id, public_key => $key->public,
		token => { id => $t->{i}, mac => $key->mac($t->{s}, $id) }, hostname => 'db01', os => 'o', os_type => 'linux', sftd_version => '1', ssh_port => 22, alt_names => [], ssh_host_keys => [], labels => {} });
} @doors;
$doors[$_]->session->send('SELECT status FROM ' . $doors[$_]->handle_sql($made[$_]) . ' AS h (trace_id, status, headers, body, wait, continue_id)') for 0 .. $#doors;
@said = sort map { my ($line) = $_->session->receive; $line // $_->session->error } @doors;
is "@said", '201 401 401 401 401', 'S11 T5 a token with one use, five servers at once: one joins';

# wrong passwords, guessed in parallel, are all counted
my @guess = map { my $d = $_; map { $alice->make(POST => $alice->path('client_sessions'), body => { password => "guess $_" }) } 1 .. 4 } @doors;
my %status;
while (my @round = splice @guess, 0, 5) {
	$doors[$_]->session->send('SELECT status FROM ' . $doors[$_]->handle_sql($round[$_]) . ' AS h (trace_id, status, headers, body, wait, continue_id)') for 0 .. $#round;
	$status{ ($doors[$_]->session->receive)[0] // $doors[$_]->session->error }++ for 0 .. $#round;
}
is $status{401}, 10, 'T8 twenty guesses in parallel: ten are looked at' or diag join ' ', %status;
is $status{429}, 10, '  ten are not';

# opposite orders do not deadlock
$w->admin(q{create_project('acme', 'two')});
$w->admin(q{add_project_group('acme', 'two', 'ops')});
my $dba2 = $db->session('carol');
my @calls = map { [ "SELECT sft_admin.lock('acme', 'user', 'alice', 'x')", "SELECT sft_admin.unlock('acme', 'user', 'alice')", q{SELECT sft_admin.add_member('acme', 'ops', 'bob')}, q{SELECT sft_admin.remove_member('acme', 'ops', 'bob')} ] } 1 .. 3;
$db->dba->send(map { @$_[0, 1] } @calls);
$dba2->send(map { @$_[2, 3] } @calls);
$_->receive for $db->dba, $dba2;
is $db->dba->error // 'fine', 'fine', 'F12 two administrators at once: no deadlock for the one' or diag $db->dba->message;
is $dba2->error // 'fine', 'fine', '  nor for the other' or diag $dba2->message;
done_testing;
