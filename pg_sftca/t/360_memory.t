#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G9, S15, E: unsealed keys and the key-encryption key in none of: core dump, log at its loudest, pg_stat_statements, pg_stat_activity, error contexts,
# settings, data files. And making an RSA key can be cancelled.
use strict;
use warnings;
no warnings 'portable';
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Time::HiRes 'time';
use Vault;
use Test::More;

my $v = Vault->new(settings => { shared_preload_libraries => 'pg_sftca,pg_stat_statements,auto_explain', log_statement => 'all', log_min_messages => 'debug5', log_min_error_statement => 'debug5',
	log_error_verbosity => 'verbose', log_parameter_max_length => -1, log_parameter_max_length_on_error => -1, debug_print_plan => 'on', debug_print_parse => 'on', log_duration => 'on', 'auto_explain.log_min_duration' => 0,
	'auto_explain.log_analyze' => 'on', 'auto_explain.log_nested_statements' => 'on', 'pg_stat_statements.track' => 'all', 'pg_stat_statements.track_utility' => 'on' });
my $dir = $v->folder . '/pg';
my ($uid, $gid) = (stat "$dir/data")[4, 5];
mkdir "$dir/keys", 0700;
chown $uid, $gid, "$dir/keys";
my $s = $v->db->session('postgres');
$s->run("ALTER SYSTEM SET pg_sftca.key_directory = '$dir/keys'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)', 'CREATE EXTENSION pg_stat_statements');

# keys of which we know every byte
sub make
{
	my ($name, @how) = @_;
	my $file = "$dir/keys/$name";
	$v->db->must('openssl', 'genpkey', @how, '-out', $file);
	chown $uid, $gid, $file;
	return decode_base64(Sft::Db::slurp($file) =~ s/-----.*?-----//gr);
}
my $ed = substr make('ed', '-algorithm', 'ed25519'), 16, 32;
my $ec = make('ec', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');
my ($scalar) = $ec =~ /\x02\x01\x01\x04\x20(.{32})/s;
make('rsa', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048');
my ($prime) = $v->db->must('openssl', 'pkey', '-in', "$dir/keys/rsa", '-noout', '-text') =~ /prime1:\s*((?:[0-9a-f]{2}:?\s*)+)/;
$prime = pack 'H*', $prime =~ s/[:\s]//gr;
$prime =~ s/^\0//;
my ($exponent) = $v->db->must('openssl', 'pkey', '-in', "$dir/keys/rsa", '-noout', '-text') =~ /privateExponent:\s*((?:[0-9a-f]{2}:?\s*)+)/;
$exponent = pack 'H*', $exponent =~ s/[:\s]//gr;
$exponent =~ s/^\0//;
my $kek = Sft::Db::slurp("$dir/kek");
my %secret = ('the key-encryption key' => $kek, 'the Ed25519 seed' => $ed, 'the P-256 scalar' => $scalar, 'the RSA exponent' => $exponent, 'an RSA prime' => $prime);
my %length = ('an RSA prime' => 128);
is length $secret{$_}, $length{$_} // 32, "$_ is known" for grep { !/exponent/ } sort keys %secret;
cmp_ok length $exponent, '>', 240, 'the RSA exponent is known';    # it may begin with zeros, which openssl leaves out

# the backend that signs read them from the tables, like any other after the import
my %authority = map { $_ => $s->value("SELECT sftca.authority_import('ssh_user', '$_')") } qw(ed ec rsa);
my $b = $v->db->session('postgres');
my @ids;
for (sort keys %authority) {
	push @ids, my $id = $v->uuid;
	$b->value($v->user($id, authority => "'$authority{$_}'"));
	is +($v->finish($b, $id))[0], 'signed', "$_ signs";
}
my $token = $b->value("SELECT sftca.secret('token', '$ids[0]')");
$secret{'a secret text'} = $token;
$b->value("SELECT 'the needle ' || 'that is to be found'");

sub found { my ($bytes, $in) = @_; return index($$in, $bytes) >= 0 || index($$in, scalar reverse $bytes) >= 0 } # the library has its numbers in either order
sub memory
{
	my ($pid) = @_;
	my $all = '';
	open my $maps, '<', "/proc/$pid/maps" or die $!;
	open my $mem, '<:raw', "/proc/$pid/mem" or die $!;
	while (<$maps>) {
		my ($from, $to, $mode, $name) = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)/ or next;
		next if $mode !~ /^r/ || $name =~ m{^/(usr|lib|SYSV)|^\[v} || hex($to) - hex $from > 50_000_000;
		sysseek $mem, hex $from, 0 or next;
		sysread $mem, my $buf, hex($to) - hex $from or next;
		$all .= $buf;
	}
	return \$all;
}
my $pid = $b->backend;
my $live = memory($pid);
ok found($secret{$_}, $live), "$_ is in the backend's memory" for 'the key-encryption key', 'the Ed25519 seed', 'the P-256 scalar', 'an RSA prime';

# a core dump as gdb takes it, which leaves out what the kernel would leave out
my ($rc, $out) = $v->db->command('gcore', '-o', $v->folder . '/core', $pid);
is $rc, 0, 'a core dump is taken' or diag $out;
my $core = Sft::Db::slurp($v->folder . "/core.$pid");
ok index($core, 'that is to be found') >= 0, 'it has the memory of the backend';
for (sort grep { !/prime|secret text/ } keys %secret) {
	ok !found($secret{$_}, \$core), "G9 $_ is not in the core dump";
}
is +(stat "/proc/$pid/mem")[4], 0, 'and the kernel makes no core dump of a backend that has unsealed a key';
isnt +(stat '/proc/' . $v->db->session('postgres')->backend . '/mem')[4], 0, '  but of one that has not';
unlink $v->folder . "/core.$pid";

# errors with as much context as there is
$b->run('BEGIN', "UPDATE sftca.sealed_keys SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1)");
my $e = $v->db->session('postgres');
$b->run($v->user($v->uuid, authority => "'$authority{ed}'"), 'ROLLBACK');
$e->run("SELECT sftca.authority_import('ssh_user', 'ed')", "SELECT sftca.authority_import('ssh_user', 'nothing')", 'SELECT sftca.reseal()', "SELECT sftca.key_export('$authority{ed}', 1, 'x')", "SELECT sftca.key_prepare('$authority{ed}')",
	'PREPARE p (text) AS SELECT sftca.authority_import($1, $2, $3)', "EXECUTE p('ssh_user', 'rsa', 'ec')", "DO \$\$ BEGIN PERFORM sftca.authority_import('ssh_user', 'ec'); END \$\$");
my $log = $v->db->log_text;
my $statements = join "\n", $e->run('SELECT query FROM pg_stat_statements');
like $statements, qr/authority_import/, 'pg_stat_statements has seen it all';
my $activity = join "\n", $e->run('SELECT query FROM pg_stat_activity'), $e->run('SELECT name || setting FROM pg_settings'), $e->run('SELECT * FROM pg_prepared_statements');
for my $name (sort grep { !/secret text/ } keys %secret) {
	my $bytes = $secret{$name};
	my ($hex, $base64) = (unpack('H*', $bytes), substr encode_base64($bytes, ''), 0, 40);
	my $all = $log . $statements . $activity;
	ok index(lc $all, $hex) < 0 && index($all, $base64) < 0 && index($all, $bytes) < 0, "S15 $name is not in the log, pg_stat_statements, pg_stat_activity or the settings";
}
$e->run('CHECKPOINT');
my $files = $v->db->must('sh', '-c', "cat $dir/data/base/*/* $dir/data/global/* $dir/data/pg_wal/0* >" . $v->folder . '/files; echo ok');
my $data = Sft::Db::slurp($v->folder . '/files');
ok !found($secret{$_}, \$data), "E $_ is not in the data files or the WAL" for sort grep { !/secret text/ } keys %secret;

# RSA keys: a timeout, a cancel, an end of the connection; the backend goes on
my $r = $v->db->session('postgres');
$r->run("SET statement_timeout = '300ms'");
my $from = time;
$r->run("SELECT sftca.authority_create('ssh_user', 'rsa-8192')");
is $r->error, '57014', 'making an RSA key ends with statement_timeout';
cmp_ok time - $from, '<', 5, '  at once';
$r->run('RESET statement_timeout');
is $r->value("SELECT count(*) FROM sftca.authorities WHERE algorithm = 'rsa-8192'"), 0, '  and leaves nothing behind';
my $its = $r->backend;
if (my $child = fork // die $!) {
	$r->run("SELECT sftca.authority_create('ssh_user', 'rsa-8192')");
	is $r->error, '57014', 'or with pg_cancel_backend';
	waitpid $child, 0;
} else {
	sleep 1;
	exec 'env', $v->db->env, 'psql', '-XAtqc', "SELECT pg_cancel_backend($its)", '-o', '/dev/null', 'vault';
}
is $r->backend, $its, '  the backend lives';
like $r->value("SELECT sftca.authority_create('ssh_user', 'rsa-2048')"), qr/^[0-9a-f-]{36}$/, '  and makes the next';
done_testing;
