#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Promise 1, attacked by the gateway's own role: no certificate without a committed, durable record (S7, F1, F2).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new(settings => { max_prepared_transactions => 5 });    # so that PREPARE TRANSACTION could work
my $s = $w->door->session;
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');

sub request { return $alice->credential_request($server->{id}) }
sub handle { return 'SELECT continue_id FROM ' . $w->door->handle_sql($_[0]) }
sub finish { return 'SELECT status FROM ' . $w->door->finish_sql($_[0]{nonce}) . q{ UNION ALL SELECT 1000 FROM }
	. $w->door->finish_sql($_[0]{nonce}) . q{ WHERE position('cert-v01' in encode(body, 'escape')) > 0} }
sub records { return $w->db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$_[0]{nonce}'") }
sub events { return $w->db->root->value("SELECT count(*) FROM sft.audit_events WHERE request_id = '$_[0]{nonce}'") }

# No certificate in any of this output, and the status that is there instead.
sub none
{
	my ($name, $want, @out) = @_;
	my @status = grep { /^\d{3,4}$/ } @out;
	ok !grep({ $_ == 1000 || $_ == 200 || $_ == 201 } @status), $name or diag "@out";
	is $status[-1], $want, "  it is $want" if defined $want;
}

my $r = request();
none 'S7 BEGIN; handle; finish: not committed', 409, $s->run('BEGIN', handle($r), finish($r));
$s->run('ROLLBACK');
none 'S7 … ROLLBACK; finish: unknown', 404, $s->run(finish($r));
is records($r), 0, '  no record stays behind';

$r = request();
none 'S7 SAVEPOINT; handle; RELEASE; finish', 409, $s->run('BEGIN', 'SAVEPOINT a', handle($r), 'RELEASE a', finish($r));
$s->run('ROLLBACK');
$r = request();
none 'S7 SAVEPOINT; handle; ROLLBACK TO; finish', 404, $s->run('BEGIN', 'SAVEPOINT a', handle($r), 'ROLLBACK TO a', finish($r), 'COMMIT');
is records($r), 0, '  nothing was recorded';

$r = request();
none 'S7 handle and finish in one statement', 409,
	$s->run('SELECT f.status FROM ' . $w->door->handle_sql($r) . ' h, LATERAL sft_api.finish(ARRAY[h.continue_id]) f');
$r = request();
none 'S7 a CTE that is read by finish', 409,
	$s->run('WITH h AS MATERIALIZED (' . handle($r) . ') SELECT f.status FROM h, LATERAL sft_api.finish(ARRAY[h.continue_id]) f');

$r = request();
none 'S7 a cursor WITH HOLD over finish, handle before COMMIT', 409,
	$s->run('BEGIN', 'DECLARE c CURSOR WITH HOLD FOR ' . finish($r), handle($r), 'COMMIT', 'FETCH ALL FROM c', 'CLOSE c');

$r = request();
none 'S7 a cursor opened before the record', undef,
	$s->run('BEGIN', 'DECLARE c CURSOR FOR ' . finish($r), 'FETCH 0 FROM c', handle($r), 'FETCH ALL FROM c', 'ROLLBACK');

$r = request();
my ($h, $f) = (handle($r), $w->door->finish_sql($r->{nonce}));
none 'S7 a DO block with an exception block', undef, $s->run(qq{DO \$do\$ DECLARE st int; BEGIN
	BEGIN PERFORM 1 FROM ($h) q; SELECT status INTO st FROM $f; RAISE WARNING 'status %', st; RAISE EXCEPTION 'undo'; EXCEPTION WHEN raise_exception THEN NULL; END; END \$do\$});
ok !grep({ /status 20/ } $s->warnings), '  nothing came out of it' or diag join ' ', $s->warnings;
ok scalar(grep { /status 409/ } $s->warnings), '  409 was seen in it' or diag join ' ', $s->warnings, $s->message // '';
is records($r), 0, '  nothing was recorded';

$r = request();
none 'S7 EXPLAIN ANALYZE of both', undef, $s->run('EXPLAIN (ANALYZE, VERBOSE) ' . handle($r), 'EXPLAIN (ANALYZE, VERBOSE) ' . finish($r));
$r = request();
$s->run(handle($r) . ' WHERE false');
none 'S7 handle in WHERE false', undef, $s->run(finish($r) . ' LIMIT 0');

$r = request();
$s->run('BEGIN', handle($r), "PREPARE TRANSACTION 'x'");
ok defined $s->error, 'S7 PREPARE TRANSACTION is refused' or $s->run("ROLLBACK PREPARED 'x'");
like $s->message // '', qr/record|certificate|prepare/i, '  by the vault' or diag $s->message;
$s->run('ROLLBACK');
none '  and gives nothing', 404, $s->run(finish($r));

$r = request();
$s->run('BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT 1');
my $other = Sft::Door->new($w->db);
$other->handle($r);
none 'S7 under an old snapshot the record is not there', 404, $s->run(finish($r));
$s->run('COMMIT');
is(($w->door->finish($r->{nonce}))[0]{status}, 201, '  afterwards it is');

# synchronous_commit lowered after every check in SQL, then a crash
for my $when (qw(before after)) {
	$r = request();
	my @sql = ('BEGIN', $when eq 'before' ? 'SET LOCAL synchronous_commit = off' : (), handle($r), $when eq 'after' ? 'SET LOCAL synchronous_commit = off' : (), 'COMMIT');
	$s->run(@sql);
	my $commit_error = $s->error;
	my @out = $s->run(finish($r));
	my $out = grep { /^(200|201)$/ } @out;
	$w->db->crash;
	$w->db->start;
	$w->db->{root} = undef;
	ok !$out || records($r), "S7 F2 synchronous_commit = off $when handle, crash: a certificate that is out has its record" or diag "lost: @out";
	ok !$out || events($r), '  and its audit event';
	ok $out || defined $commit_error, '  (the record was durable, or COMMIT was refused)' or diag "@out";
	$s = ($w->{door} = Sft::Door->new($w->db))->session;
}
# where standbys are required, a commit that does not wait for them is refused, and so is the certificate
$w->db->root->run(q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'}, 'SELECT pg_reload_conf()');
$w->db->root->value('SELECT 1 FROM pg_sleep(0.3)');
for my $level (qw(off local remote_write)) {
	$r = request();
	$s->run('BEGIN', handle($r), "SET LOCAL synchronous_commit = $level", 'COMMIT');
	ok defined $s->error, "G2 synchronous_commit = $level where a standby is required: COMMIT is refused";
	none '  no certificate', 404, $s->run(finish($r));
}
$r = request();
$s->send('BEGIN', handle($r), 'COMMIT');                   # waits for a standby that is not there
$w->db->root->value(q{SELECT 1 FROM pg_sleep(1)});
is $w->db->root->value(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'}), 1, 'F5 a commit waits for its standby';
$w->db->root->run(q{ALTER SYSTEM RESET synchronous_standby_names}, 'SELECT pg_reload_conf()');
$s->receive;
is $s->error, undef, '  and ends when there is none to wait for';
is(($w->door->finish($r->{nonce}))[0]{status}, 201, '  then it is finished');

# alice's session survived the crashes: it is a row
is $alice->credential($server->{id})->{status}, 201, 'F2 after a crash alice is still signed in';

# the record outlives everybody: kill between handle and finish
$r = request();
$w->door->handle($r);
$s->run('SELECT pg_terminate_backend(pg_backend_pid())');
$s = ($w->{door} = Sft::Door->new($w->db))->session;
is(($w->door->finish($r->{nonce}))[0]{status}, 201, 'F1 a killed backend: the committed record is finished by another');
is events($r) > 0, 1, '  and the audit has it';

# killed inside
my $victim = Sft::Door->new($w->db);
my $pid = $victim->session->backend;
$r = request();
$victim->session->run('BEGIN', handle($r));
$w->db->root->run("SELECT pg_terminate_backend($pid)");
eval { $victim->session->run('COMMIT') };
none 'F1 a backend killed before COMMIT leaves nothing', 404, $s->run(finish($r));
is records($r) + events($r), 0, '  neither record nor event';

# read only and unknown
$s->run('BEGIN READ ONLY', handle(request()));
is $s->error, '25006', 'F8 in a READ ONLY transaction handle fails, it does not answer';
$s->run('ROLLBACK');
none 'finish of an id that nobody knows', 404, $s->run('SELECT status FROM ' . $w->door->finish_sql(Sft::Door::uuid()));
my ($n) = $s->run(q{SELECT count(*) FROM sft_api.finish(NULL)});
is $n // 0, 0, 'finish(NULL) is nothing';
$s->run(q{SELECT * FROM sft_api.finish(ARRAY[NULL]::uuid[])});
is $s->error, undef, 'S4 finish of a NULL id does not fail';

# every certificate has record and event
is $w->db->root->value(q{SELECT count(*) FROM sftca.certificates c WHERE NOT EXISTS (SELECT FROM sft.audit_events a WHERE a.request_id = c.id)}), 0,
	'every record has its audit event';
done_testing;
