#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# seal(): nothing is signed by anybody until the server is started again, and no process keeps a key in memory.
use strict;
use warnings;
no warnings 'portable';
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new;
my $dir = $v->folder . '/pg';
my $id = $v->uuid;
my $s = $v->db->session('postgres');
$s->value($v->user($id));
my $first = ($v->finish($s, $id))[1];
my $token = $s->value("SELECT sftca.secret('token', '$id')");
$s->run('CREATE ROLE mallory LOGIN', 'CREATE ROLE guard LOGIN', 'GRANT USAGE ON SCHEMA sftca TO mallory, guard', 'GRANT EXECUTE ON FUNCTION sftca.seal TO guard');
my $kek = Sft::Db::slurp("$dir/kek");

# Whether a process has these bytes in memory it could write to.
sub holds
{
	my ($pid, $bytes) = @_;
	open my $maps, '<', "/proc/$pid/maps" or die "$pid: $!";
	open my $mem, '<:raw', "/proc/$pid/mem" or die $!;
	while (<$maps>) {
		my ($from, $to, $mode, $name) = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)/ or next;
		next if $mode !~ /^r/ || $name =~ m{^/(usr|lib)|^\[v};
		my ($at, $end) = (hex $from, hex $to);
		next if $end - $at > 200_000_000;
		sysseek $mem, $at, 0 or next;
		sysread $mem, my $buf, $end - $at or next;
		return 1 if index($buf, $bytes) >= 0;
	}
	return 0;
}
sub start { my ($preloaded) = @_; my $r = $v->db->root; $r->run('ALTER SYSTEM ' . ($preloaded ? "SET shared_preload_libraries = 'pg_sftca'" : 'RESET shared_preload_libraries')); delete $v->db->{root}; $v->db->stop; $v->db->start; return }

for my $preloaded (0, 1) {
	my $name = $preloaded ? 'preloaded' : 'not preloaded';
	start($preloaded);
	my ($a, $b, $busy, $guard) = map { $v->db->session($_) } qw(postgres postgres postgres guard);
	is +($v->finish($_, $id))[1], $first, "$name: it signs" for $a, $b, $busy;
	my @pids = map { $_->backend } $a, $b, $busy;
	my $postmaster = (split /\n/, Sft::Db::slurp("$dir/data/postmaster.pid"))[0];
	ok holds($pids[1], $kek), '  a backend has the key in memory';
	is holds($postmaster, $kek), $preloaded, '  the postmaster ' . ($preloaded ? 'too' : 'not');
	is $b->value('SELECT cached_keys > 0 FROM sftca.status()'), 't', '  and unsealed ones';
	$busy->run('BEGIN', 'SELECT 1');
	my $quiet = $v->db->session('postgres');
	my $quiet_pid = $quiet->backend;
	is $quiet->value("SELECT sftca.secret('token', '$id')"), $token, '  one that never signed';
	ok holds($quiet_pid, $kek), '    has the key too';
	my $m = $v->db->session('mallory');
	$m->run('SELECT sftca.seal()');
	is $m->error, '42501', '  not everybody may seal';
	$guard->run('BEGIN', 'SELECT sftca.seal()', 'ROLLBACK');
	is $guard->error, undef, '  who was granted it may, and nothing undoes it' or diag $guard->message;
	select undef, undef, undef, 0.5;
	ok !holds($pids[1], $kek), '  a backend that does nothing has let go of the key';
	ok !holds($quiet_pid, $kek), '  and so has one that never signed';
	ok !holds($postmaster, $kek), '  and the postmaster has none';
	is +(split /\|/, $b->value('SELECT cached_keys || \'|\' || kek FROM sftca.status()'))[0], 0, '  nothing unsealed is left';
	$busy->run('ROLLBACK');
	select undef, undef, undef, 0.2;
	ok !holds($pids[2], $kek), '  one in a transaction lets go when that ends';
	for my $x ($a, $v->db->session('postgres')) {
		for my $sql ("SELECT * FROM sftca.finish('{$id}')", $v->user($v->uuid), "SELECT sftca.secret('token', '$id')", q{SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')}, "SELECT sftca.crl('$v->{x509}')", q{SELECT sftca.authority_create('ssh_user')}, 'SELECT sftca.reseal()') {
			$x->run($sql);
			is $x->code, 'vault_sealed', '  ' . substr $sql, 0, 40;
			is $x->error, 'SF503', '    is unavailable';
		}
		is $x->value('SELECT kek FROM sftca.status()'), 'sealed', '  status() says sealed';
		like $x->value('SELECT detail FROM sftca.status()'), qr/until the server is started again/, '    until when';
	}
	# to seal it again and again opens it for nobody
	my $loop = sub { my ($sql) = @_; return "DO \$\$ DECLARE n int := 0; BEGIN FOR i IN 1 .. $_[1] LOOP BEGIN PERFORM $sql; n := n + 1; EXCEPTION WHEN SQLSTATE 'SF503' THEN NULL; END; END LOOP; CREATE TEMP TABLE opened AS SELECT n; END \$\$" };
	my $again = $v->db->session('postgres');
	$again->send('DO $$ BEGIN FOR i IN 1 .. 20000 LOOP PERFORM sftca.seal(); END LOOP; END $$');
	my $thief = $v->db->session('postgres');
	$thief->run($loop->('sftca.transport_key_create()', 20000));
	$again->receive;
	is $thief->value('SELECT n FROM opened'), 0, '  nor does sealing it anew, for a moment';
	$a->run("ALTER SYSTEM SET pg_sftca.kek_file = '$dir/kek'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.2)');
	$v->finish($v->db->session('postgres'), $id);
	$a->run('SELECT sftca.krl(authority_id) FROM sftca.krl_versions');
	is $a->error, undef, '  revocation lists are still to be had';
	is $a->value('SELECT kek FROM sftca.status()'), 'sealed', '  a reload does not open it';
	# a crash of one backend restarts all others, not the server
	my ($rc) = $v->db->command('kill', '-SEGV', $a->backend);
	for (1 .. 100) {                          # until it has recovered; there is nothing to wait on
		last if ($v->db->command('env', $v->db->env, 'psql', '-XAtqc', 'SELECT 1', 'vault'))[0] == 0;
		select undef, undef, undef, 0.2;
	}
	is eval { $v->db->session('postgres')->value('SELECT kek FROM sftca.status()') }, 'sealed', '  nor does a crash of a backend';
	delete $v->db->{root};
	$v->db->stop;
	$v->db->start;
	is +($v->finish($v->db->session('postgres'), $id))[1], $first, '  started again: the same certificate';
	is $v->db->session('postgres')->value("SELECT sftca.secret('token', '$id')"), $token, '  and secrets';
}
like $v->db->log_text, qr/LOG:  pg_sftca: sealed by role guard/, 'the log says who did it';
done_testing;
