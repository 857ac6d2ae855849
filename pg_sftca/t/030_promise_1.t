#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G1: no certificate exists without a committed, durable record, whatever a caller does to the transaction.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new(settings => { max_prepared_transactions => 5, wal_writer_delay => '10s' });
my $s = $v->db->session('postgres');
my $other = $v->db->session('postgres');
sub fin { my ($id) = @_; return "SELECT outcome || coalesce(' ' || certificate, '') FROM sftca.finish(ARRAY['$id']::uuid[])" }
sub gone { my ($id, $name) = @_; is $other->value(fin($id)), 'unknown', "$name: nothing is left of it" }

# S7 transactions
{
	my $id = $v->uuid;
	my @lines = $s->run('BEGIN', $v->user($id), fin($id), 'ROLLBACK');
	is $lines[-1], 'not_committed', 'S7 signed before the commit';
	gone($id, 'S7 rolled back');
}
{
	my $id = $v->uuid;
	my @lines = $s->run('BEGIN', 'SAVEPOINT a', $v->user($id), 'RELEASE a', fin($id), 'SAVEPOINT b', fin($id), 'ROLLBACK TO b', fin($id), 'ROLLBACK');
	is_deeply [@lines[1 .. 3]], [('not_committed') x 3], 'S7 a released savepoint is no commit';
	gone($id, 'S7 savepoint');
}
{
	my $id = $v->uuid;
	my @lines = $s->run('BEGIN', 'SAVEPOINT a', $v->user($id), 'ROLLBACK TO a', fin($id), 'COMMIT');
	is $lines[-1], 'unknown', 'S7 rolled back to a savepoint';
	gone($id, 'S7 rolled back to a savepoint');
}
{
	my $id = $v->uuid;
	my ($line) = $s->run('WITH p AS MATERIALIZED (' . $v->user($id) . " AS serial) SELECT f.outcome FROM p, LATERAL sftca.finish(ARRAY['$id']::uuid[] || ARRAY(SELECT NULL::uuid FROM p)) f");
	ok $line eq 'unknown' || $line eq 'not_committed', "S7 both in one statement: $line";
	is $s->value(fin($id)) =~ s/ .*//r, 'signed', '  and signed after its commit';
}
{
	my $id = $v->uuid;
	(my $prepare = $v->user($id)) =~ s/^SELECT/PERFORM/;
	$s->run("DO \$\$ DECLARE o text; BEGIN BEGIN $prepare; SELECT outcome INTO o FROM sftca.finish(ARRAY['$id']::uuid[]); RAISE EXCEPTION 'said %', o; EXCEPTION WHEN raise_exception THEN RAISE EXCEPTION '%', SQLERRM; END; END \$\$");
	is $s->message, 'said not_committed', 'S7 in a DO block';
	gone($id, 'S7 a DO block that failed');
}
{
	my $id = $v->uuid;
	(my $prepare = $v->user($id)) =~ s/^SELECT/PERFORM/;
	# COMMIT inside a procedure is a commit
	my @lines = $s->run("CREATE PROCEDURE public.both(OUT o text) LANGUAGE plpgsql AS \$\$ BEGIN $prepare; SELECT outcome INTO o FROM sftca.finish(ARRAY['$id']::uuid[]); ROLLBACK; END \$\$", 'CALL public.both(NULL)');
	is $lines[-1], 'not_committed', 'S7 in a procedure that rolls back';
	gone($id, 'S7 procedure');
}
{
	my $id = $v->uuid;
	my @lines = $s->run('BEGIN', 'DECLARE c CURSOR WITH HOLD FOR ' . fin($id), $v->user($id), 'COMMIT', 'FETCH ALL FROM c', 'CLOSE c');
	is $lines[-1], 'not_committed', 'S7 a cursor WITH HOLD that runs at the commit';
}
{
	my $id = $v->uuid;
	$s->run('BEGIN', 'DECLARE c CURSOR FOR ' . $v->user($id), 'FETCH ALL FROM c', 'CLOSE c', 'ROLLBACK');
	gone($id, 'S7 prepared by a cursor');
}
{
	my $id = $v->uuid;
	$s->run('BEGIN', 'EXPLAIN ANALYZE ' . $v->user($id), 'EXPLAIN ANALYZE ' . fin($id), 'ROLLBACK');
	gone($id, 'S7 EXPLAIN ANALYZE');
	$s->run('SELECT 1 FROM (' . $v->user($id) . ') x WHERE false');
	gone($id, 'S7 WHERE false');
}
{
	my $id = $v->uuid;
	(my $prepare = $v->user($id)) =~ s/^SELECT/PERFORM/;
	$s->run('CREATE TABLE public.trap (x int)', 'CREATE TABLE public.caught (o text, c text)',
		"CREATE FUNCTION public.spring() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO public.caught SELECT outcome, certificate FROM sftca.finish(ARRAY['$id']::uuid[]); RETURN NULL; END \$\$",
		'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.spring()',
		'BEGIN', $v->user($id), 'INSERT INTO public.trap VALUES (1)', 'COMMIT');
	is $s->value("SELECT o || coalesce(c, '') FROM public.caught"), 'not_committed', 'S7 a deferred trigger at the commit';
}
{
	my $id = $v->uuid;
	$s->run('BEGIN', $v->user($id));
	is $other->value(fin($id)), 'unknown', 'S7 another session before the commit';
	$s->run('COMMIT');
	like $other->value(fin($id)), qr/^signed ssh-/, '  and after it';
}
{
	my $id = $v->uuid;
	$s->run('BEGIN', $v->user($id), "PREPARE TRANSACTION 'two'");
	is $s->code, 'not_durable', 'S7 two-phase commit is refused';
	$s->run('ROLLBACK');
	gone($id, 'S7 two-phase commit');
	is $s->value('SELECT count(*) FROM pg_prepared_xacts'), 0, '  nothing is prepared';
}
{
	my $id = $v->uuid;
	$s->run('BEGIN READ ONLY', $v->user($id), 'ROLLBACK');
	is $s->error, '25006', 'S7 a read-only transaction records nothing';
	$s->value($v->user($id));
	my @lines = $s->run('BEGIN READ ONLY', fin($id), 'COMMIT');
	like $lines[0], qr/^signed/, '  but may sign what is committed';
}
{
	my $id = $v->uuid;
	my $parallel = $s->value('SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
	$s->run("SET $parallel = on", $v->user($id));
	my ($line) = $s->run(fin($id), "RESET $parallel");
	like $line, qr/^signed/, 'S9 never in a parallel worker';
	is $s->value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'sftca'::regnamespace AND (proname ~ '^(prepare_|finish|sign_|secret|key_|authority_create|revoke)' AND (provolatile <> 'v' OR proparallel <> 'u'))"), 0, 'S9 nothing that signs or records is anything but VOLATILE and PARALLEL UNSAFE';
	is $s->value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'sftca'::regnamespace AND prosrc = 'sftca_finish'"), 1, 'one door to the signer';
}

# durability: a lower synchronous_commit after the record was made
{
	my ($kept, $session) = ($v->uuid, $v->uuid);
	$s->run('CREATE TABLE public.control (x int)', 'CHECKPOINT', 'BEGIN', $v->user($kept), 'SET LOCAL synchronous_commit = off', 'COMMIT');
	like $s->value(fin($kept)), qr/^signed/, 'a caller lowers synchronous_commit after the record';
	$s->run('SET synchronous_commit = off', $v->user($session));
	like $s->value(fin($session)), qr/^signed/, '  or before it';
	$s->run('INSERT INTO public.control VALUES (1)');
	$v->db->crash;
	$v->db->start;
	$_ = $v->db->session('postgres') for $s, $other;
	is $s->value('SELECT count(*) FROM public.control'), 0, '  (a record without it would be lost in this crash)';
	like $s->value(fin($_)), qr/^signed/, '  the record outlives the crash' for $kept, $session;
}
{
	my $id = $v->uuid;
	$s->run(q(ALTER SYSTEM SET synchronous_standby_names = 'nowhere'), 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.5)');
	for my $level (qw(off local remote_write)) {
		$s->run('BEGIN', $v->user($id), "SET LOCAL synchronous_commit = $level", 'COMMIT');
		is $s->code, 'not_durable', "standbys are required: synchronous_commit = $level is refused at the commit";
		$s->run('ROLLBACK');
		is $s->value(fin($id)), 'unknown', '  nothing is left of it';
	}
	$s->run('SET synchronous_commit = off', 'CREATE TABLE public.unrelated (x int)');
	is $s->error, undef, '  other transactions do as they like';
	$s->run('ALTER SYSTEM RESET synchronous_standby_names', 'SELECT pg_reload_conf()', 'RESET synchronous_commit', 'SELECT pg_sleep(0.5)');
}

# what happened to the record since
{
	my $id = $v->uuid;
	$s->value($v->user($id, valid_before => "clock_timestamp() + interval '2 s'"));
	like $s->value(fin($id)), qr/^signed/, 'alive';
	$s->run('SELECT pg_sleep(2.1)');
	is $s->value(fin($id)), 'expired', 'expired since';
}
{
	my $id = $v->uuid;
	my $serial = $s->value($v->user($id));
	$s->run('BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT 1');
	like $s->value(fin($id)), qr/^signed/, 'signed in an old snapshot';
	$other->value("SELECT sftca.revoke('$v->{ssh_user}', $serial, $serial, 'test')");
	is $s->value(fin($id)), 'revoked', 'C16 a revocation is seen past any snapshot';
	$s->run('COMMIT');
	is $s->value(fin($id)), 'revoked', '  and stays';
	my $later = $v->uuid;
	$s->value("SELECT sftca.revoke('$v->{ssh_user}', sftca.serial_at(now()), sftca.serial_at(now() + interval '1 hour'), 'the next hour')");
	$s->value($v->user($later));
	is $s->value(fin($later)), 'revoked', 'a range of the future revokes what is recorded in it';
	$s->run('DELETE FROM sftca.revocations');
}
{
	my ($future, $fine) = ($v->uuid, $v->uuid);
	$s->value($v->user($_)) for $future, $fine;
	$s->run("UPDATE sftca.certificates SET recorded_in = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8 WHERE id = '$future'");
	my %got = map { split /\|/ } $s->run("SELECT id, outcome FROM sftca.finish(ARRAY['$future', '$fine']::uuid[])");
	is $got{$future}, 'not_committed', 'a transaction of the future (after a restore) is not committed';
	is $got{$fine}, 'signed', '  for that row alone';
	for my $xid (0, 1, 2, 3) {
		$s->run("UPDATE sftca.certificates SET recorded_in = '$xid' WHERE id = '$future'");
		my ($line) = $s->run(fin($future));
		ok !defined $s->error, "transaction $xid is answered";
	}
}

# C17 the record is not what will be signed: somebody with the owner's rights has been at it
{
	my @edits = (
		['serial', 'serial + 1'], ['key_id', "key_id || 'x'"], ['principals', "'{root}'"], ['principals', "principals || '{root}'::text[]"],
		['critical_options', "'{force-command=/bin/sh}'"], ['extensions', "'{}'"], ['extensions', q('{permit-pty,project@sft=other}')],
		['fingerprint', "reverse(fingerprint)"], ['valid_before', "valid_before + interval '1 s'"], ['valid_after', "valid_after - interval '1 s'"],
		['kind', "'ssh_host'"], ['kind', "'x509_client'"], ['tbs', 'set_byte(tbs, 45, 255 - get_byte(tbs, 45))'], ['tbs', "tbs || '\\x00'"], ['tbs', "substr(tbs, 1, 100)"], ['tbs', "''"],
		['authority_id', "'$v->{ssh_host}'"], ['authority_id', "'$v->{x509}'"],
	);
	for (@edits) {
		my ($column, $value) = @$_;
		my $id = $v->uuid;
		$s->value($v->user($id));
		$s->run("UPDATE sftca.certificates SET $column = $value WHERE id = '$id'");
		my @lines = $s->run(fin($id));
		# a byte of the nonce is nobody's statement: the certificate still says what the record says
		if ($column eq 'tbs' && $value =~ /set_byte/) { like $lines[0], qr/^signed/, 'C17 another nonce is signed' }
		else { is_deeply \@lines, ['damaged'], "C17 $column = $value is not released" }
	}
	my ($id, $fine) = ($v->uuid, $v->uuid);
	$s->value($v->user($_)) for $id, $fine;
	$s->run("UPDATE sftca.certificates SET principals = '{root}' WHERE id = '$id'");
	is_deeply [sort $s->run("SELECT outcome FROM sftca.finish(ARRAY['$id', '$fine']::uuid[])")], [qw(damaged signed)], 'C17 a damaged record harms no other of its batch';
	$s->run("UPDATE sftca.certificates SET generation = 2 WHERE id = '$id'");
	is $s->value(fin($id)), 'revoked', 'C17 a generation that is not there signs nothing';
	my $x = $v->uuid;
	for (['principals', "'{root}'"], ['key_id', "'sft://x/y/z'"], ['extensions', "'{organization=evil,organizational_unit=prod}'"], ['serial', 'serial + 1'], ['valid_before', "valid_before + interval '1 h'"], ['fingerprint', 'reverse(fingerprint)']) {
		my ($column, $value) = @$_;
		$x = $v->uuid;
		$s->value($v->client($x));
		my @lines = $s->run("UPDATE sftca.certificates SET $column = $value WHERE id = '$x'", fin($x));
		is_deeply \@lines, ['damaged'], "C17 X.509: $column = $value is not released";
	}
	like $v->db->log_text, qr/differs from its record/, '  and the log says so';
}

# a standby signs nothing
{
	my $id = $v->uuid;
	$s->value($v->user($id));
	my $dir = $v->folder . '/standby';
	mkdir $dir; mkdir "$dir/sock";
	my ($uid, $gid) = (stat "$v->{db}{dir}/data")[4, 5];
	chown $uid, $gid, $dir, "$dir/sock";
	chmod 0700, "$dir/sock";
	$v->db->must('env', $v->db->env, 'setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'pg_basebackup', '-D', "$dir/data", '-R', '-X', 'stream', '-c', 'fast');
	$v->db->must('sh', '-c', "echo \"unix_socket_directories = '$dir/sock'\" >>$dir/data/postgresql.conf");
	my $standby = bless { %{ $v->db }, dir => $dir, pid => 0 }, 'Sft::Db';
	$standby->start;
	my $r = $standby->session('postgres');
	is $r->value('SELECT pg_is_in_recovery()'), 't', 'a standby';
	$r->run(fin($id));
	is $r->error, '25006', '  signs no certificate';
	is $r->code, 'standby', '  and says why';
	$r->run(q{SELECT sftca.sign_statement('trust', 200, '/v1/x', NULL, 1, 'x')});
	is $r->code, 'standby', '  nor a statement';
	is $r->value('SELECT in_recovery FROM sftca.status()'), 't', '  status() tells';

	# the standby becomes a required one
	$s->run(q(ALTER SYSTEM SET synchronous_standby_names = '*'), 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.5)');
	my ($kept, $lost) = ($v->uuid, $v->uuid);
	$s->value($v->user($kept));
	like $s->value(fin($kept)), qr/^signed/, 'with a required standby that is there: signed';
	my ($walreceiver) = map { (split)[0] } grep { /walreceiver/ } split /\n/, $v->db->must('ps', '-eo', 'pid,args', '--ppid', (split /\n/, Sft::Db::slurp("$dir/data/postmaster.pid"))[0]);
	kill 'STOP', $walreceiver;
	my $pid = $other->backend;
	$other->send($v->user($lost));
	for (1 .. 50) { last if $s->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'SyncRep'"); select undef, undef, undef, 0.1 }
	is $s->value(fin($lost)), 'unknown', 'a commit that waits for its standby is not committed';
	$s->value("SELECT pg_cancel_backend($pid)");
	$other->receive;
	is scalar($other->warnings), 1, '  cancelled: a warning, and it is committed here alone';
	$s->run("SET statement_timeout = '1s'");
	my @lines = $s->run(fin($lost));
	is $s->code, 'not_durable', '  which signs nothing' or diag "@lines";
	unlike "@lines", qr/cert-v01/, '  (no certificate)';
	$s->run("SET synchronous_commit = local");
	@lines = $s->run(fin($lost));
	is $s->code, 'not_durable', '  whatever the caller sets';
	kill 'CONT', $walreceiver;
	$s->run('RESET synchronous_commit', 'RESET statement_timeout');
	like $s->value(fin($lost)), qr/^signed/, '  until the standby has it';
	$r->close;
	$standby->stop('immediate');
}

done_testing;
