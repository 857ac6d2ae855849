#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The shared page is wiped while somebody is about to seal a new key with it: by seal(), and by a change of pg_sftca.kek_file. What is
# sealed under a page of zeros could be opened by everybody, so nothing of it may be stored.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
BEGIN { $ENV{PG_SFTCA_BUILD} = "$FindBin::Bin/../stage-faults" }
use Digest::SHA 'hmac_sha256_hex';
use Vault;
use Test::More;

my $v = Vault->new(settings => { shared_preload_libraries => 'pg_sftca' });
my $dir = $v->folder . '/pg';
my ($uid, $gid) = (stat "$dir/data")[4, 5];
$v->db->must('sh', '-c', "umask 077; head -c 32 /dev/urandom >$dir/kek.new; chown $uid:$gid $dir/kek.new");
sub set { my (%set) = @_; my $r = $v->db->root; $r->run("ALTER SYSTEM SET $_ = '$set{$_}'") for keys %set; return }
sub restart { my ($fault) = @_; delete $v->db->{root}; $v->db->stop; local $ENV{SFT_FAULT} = $fault; $v->db->start; return }

# Sends a statement to a backend that stops itself at the fault; returns the two.
sub stopped
{
	my ($sql) = @_;
	my $s = $v->db->session('postgres');
	my $pid = $s->backend;
	$s->send($sql);
	for (1 .. 300) {                          # a stopped process tells nobody
		last if Sft::Db::slurp("/proc/$pid/stat") =~ /\) T /;
		select undef, undef, undef, 0.1;
	}
	return ($s, $pid);
}
my $zeros = substr hmac_sha256_hex('sftca kek check v1', "\0" x 32), 0, 16;
sub marks { return join ' ', $v->db->root->run("SELECT DISTINCT encode(kek_check, 'hex') FROM (SELECT kek_check FROM sftca.sealed_keys UNION ALL SELECT kek_check FROM sftca.transport_keys) m") }

my $mark = marks();
restart('vault.before_wrap:stop');
my $root = $v->db->root;
my ($s, $pid) = stopped(q{SELECT sftca.authority_create('ssh_user')});
set('pg_sftca.kek_file' => "$dir/kek.new");
$root->run('SELECT pg_reload_conf()', 'SELECT pg_sleep(0.5)');
kill CONT => $pid;
$s->receive;
is $s->code, 'kek_missing', 'another key-encryption key while a key is made: refused';
is marks(), $mark, '  nothing is stored under another one';
set('pg_sftca.kek_file' => "$dir/kek");

for my $sql (q{SELECT sftca.authority_create('ssh_user')}, "SELECT sftca.key_prepare('$v->{x509}')") {
	restart('vault.before_wrap:stop');
	($s, $pid) = stopped($sql);
	$v->db->root->run('SELECT sftca.seal()');
	kill CONT => $pid;
	$s->receive;
	is $s->code, 'vault_sealed', "sealed during $sql: refused";
	unlike marks(), qr/$zeros/, '  and nothing is stored under zeros';
}

# a call of many ids, after its first
restart('vault.after_sign:stop');
my @ids = map { $v->uuid } 1 .. 3;
$v->db->root->run(map { $v->user($_) } @ids);
($s, $pid) = stopped("SELECT count(certificate) FROM sftca.finish('{" . join(',', @ids) . "}')");
$v->db->root->run('SELECT sftca.seal()');
kill CONT => $pid;
$s->receive;
is $s->code, 'vault_sealed', 'sealed during finish(): refused';

# the same while keys are sealed anew
restart('');
set('pg_sftca.previous_kek_file' => "$dir/kek", 'pg_sftca.kek_file' => "$dir/kek.new");
restart('vault.reseal:stop');
($s, $pid) = stopped('SELECT * FROM sftca.reseal()');
$v->db->root->run('SELECT sftca.seal()');
kill CONT => $pid;
$s->receive;
is $s->code, 'vault_sealed', 'sealed during reseal(): refused';
is marks(), $mark, '  everything is under the key that it was under';
restart('');
is $v->db->root->value('SELECT remaining FROM sftca.reseal()'), 0, '  and goes on after the next start';

# a key-encryption key that arrives after the sealing
$v->db->must('sh', '-c', "mkfifo $dir/late; chown $uid:$gid $dir/late");
set('pg_sftca.kek_file' => '', 'pg_sftca.previous_kek_file' => '', shared_preload_libraries => 'plpgsql', 'pg_sftca.kek_command' => "cat $dir/late");
restart('');
$s = $v->db->session('postgres');
$s->send('SELECT sftca.transport_key_create()');
open my $late, '>:raw', "$dir/late" or die "late: $!";  # waits until the command reads
$v->db->root->run('SELECT sftca.seal()');
print $late Sft::Db::slurp("$dir/kek.new");
close $late;
$s->receive;
like $s->code, qr/^(?:kek_missing|vault_sealed)$/, 'sealed while the key-encryption key was being read: refused';
done_testing;
