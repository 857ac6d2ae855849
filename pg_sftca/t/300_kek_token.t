#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# E1: the key-encryption key unwrapped by a PKCS#11 token: at server start, or by each backend; and every way in which that fails.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Hsm;
use Vault;
use Test::More;

my $hsm = Hsm->new;
$hsm->keypair($_, 'rsa:2048') for qw(kek other);
$hsm->keypair('curve', 'EC:prime256v1');
my $kek = join '', map { chr } map { int rand 256 } 1 .. 32;
my $good = $hsm->wrap('kek', $kek);
my $wrapped = $hsm->put('kek.wrapped', $good);
my $uri = 'pkcs11:token=sft;object=kek;type=private';
my $v = Vault->new(settings => { $hsm->settings, 'pg_sftca.kek_file' => '', 'pg_sftca.kek_token' => $uri, 'pg_sftca.kek_wrapped_file' => $wrapped });
my $id = $v->uuid;
my $s = $v->db->session('postgres');
$s->value($v->user($id));
my ($outcome, $first) = $v->finish($s, $id);
is $outcome, 'signed', 'a backend has the key unwrapped by the token, with openssl\'s OAEP and SHA-256';
is $s->value('SELECT kek FROM sftca.status()'), 'ok', 'status() says so';
is +($v->finish($v->db->session('postgres'), $id))[1], $first, 'and so does the next';

sub set { my (%set) = @_; my $s = $v->db->root; $s->run("ALTER SYSTEM SET $_ = '$set{$_}'") for keys %set; $s->run('SELECT pg_reload_conf()', 'SELECT pg_sleep(0.2)'); return }
sub refuses
{
	my ($name, $reason) = @_;
	my $b = $v->db->session('postgres');
	$v->finish($b, $id);
	is $b->code, 'kek_missing', "E1 $name: nothing is signed";
	like $b->message, $reason, '  and why' or diag $b->message;
	unlike $b->message, qr/\Q@{[$hsm->dir]}\E|1234/, '  without a path or the PIN';
	$b->close;
	return;
}

for (['one bit flipped', $good ^ "\1"], ['cut short', substr $good, 1], ['nothing', ''], ['not wrapped at all', $kek], ['OAEP with SHA-1', $hsm->wrap('kek', $kek, 'sha1')],
	['31 bytes', $hsm->wrap('kek', substr $kek, 1)], ['33 bytes', $hsm->wrap('kek', "$kek\n")], ['wrapped to another key', $hsm->wrap('other', $kek)]) {
	$hsm->put('kek.wrapped', $_->[1]);
	refuses($_->[0], qr/not 32 bytes that were encrypted to the token's key|token has failed/);
}
$hsm->put('kek.wrapped', $good, 0666);
refuses('a wrapped key that others can replace', qr/can be written by others/);
$hsm->put('kek.wrapped', $good);
for (['no such token', 'pkcs11:token=none;object=kek', qr/no such token: none/], ['no such key', 'pkcs11:token=sft;object=none', qr/has no key of this name/],
	['a curve', 'pkcs11:token=sft;object=curve', qr/the token has failed/], ['no name at all', 'pkcs11:token=sft', qr/URI is malformed/], ['a PIN in the URI', 'pkcs11:object=kek?pin-value=1234', qr/URI is malformed/],
	['a module in the URI', 'pkcs11:object=kek?module-path=/tmp/x.so', qr/URI is malformed/], ['two names', 'pkcs11:object=kek;object=other', qr/URI is malformed/], ['a public key', 'pkcs11:object=kek;type=public', qr/URI is malformed/],
	['half an escape', 'pkcs11:object=k%6', qr/URI is malformed/], ['a NUL', 'pkcs11:object=kek%00', qr/URI is malformed/], ['not a URI', 'kek', qr/URI is malformed/], ['too long', 'pkcs11:object=' . 'k' x 500, qr/URI is malformed/]) {
	set('pg_sftca.kek_token' => $_->[1]);
	refuses($_->[0], $_->[2]);
}
set('pg_sftca.kek_token' => 'pkcs11:object=%6Bek');
is +($v->finish($v->db->session('postgres'), $id))[1], $first, 'escapes are read; one token needs no name';
set('pg_sftca.kek_token' => $uri);

$hsm->put('pin', "1234\n", 0644);
refuses('a PIN that others can read', qr/token_pin_file is open to others/);
$hsm->put('pin', "\n", 0600);
refuses('no PIN', qr/does not hold a PIN/);
$hsm->put('pin', "4444\n", 0600);
refuses('a wrong PIN', qr/refuses the PIN/);
refuses('a second try of a wrong PIN', qr/has seen a wrong PIN: log in to it once by other means first/);
$hsm->put('pin', "1234\n", 0600);
refuses('the right PIN then', qr/has seen a wrong PIN/);
$hsm->tool('--list-objects');
is +($v->finish($v->db->session('postgres'), $id))[1], $first, 'after somebody has logged in by hand it works again';
set('pg_sftca.token_pin_file' => '');
refuses('no PIN file', qr/token_pin_file is not set/);
set('pg_sftca.token_pin_file' => $hsm->dir . '/pin', 'pg_sftca.token_module' => '/nowhere/module.so');
refuses('no module', qr/library of pg_sftca.token_module cannot be loaded/);
set('pg_sftca.token_module' => '/usr/lib/x86_64-linux-gnu/libcrypto.so.3') if -e '/usr/lib/x86_64-linux-gnu/libcrypto.so.3';
refuses('a library that is no module', qr/is not a PKCS#11 module|cannot be loaded/);
set('pg_sftca.token_module' => 'libsofthsm2.so');
refuses('a relative path', qr/is not an absolute path/);
set('pg_sftca.token_module' => $Hsm::module, 'pg_sftca.kek_wrapped_file' => '');
refuses('nothing to unwrap', qr/needs pg_sftca.kek_wrapped_file/);
set('pg_sftca.kek_wrapped_file' => $wrapped, 'pg_sftca.kek_file' => '/x');
refuses('a file and a token', qr/are both set/);
set('pg_sftca.kek_file' => '');

# preloaded: a child of the postmaster asks the token, and the postmaster never loads the module
set('shared_preload_libraries' => 'pg_sftca');
delete $v->db->{root};
$v->db->stop;
$v->db->start;
my $postmaster = (split /\n/, Sft::Db::slurp($v->folder . '/pg/data/postmaster.pid'))[0];
unlike Sft::Db::slurp("/proc/$postmaster/maps"), qr/softhsm/, 'the postmaster has not loaded the module';
$hsm->put('kek.wrapped', 'gone');
$s = $v->db->session('postgres');
is +($v->finish($s, $id))[1], $first, 'preloaded: unwrapped once at start';
unlike Sft::Db::slurp('/proc/' . $s->backend . '/maps'), qr/softhsm/, '  backends need no token at all';
$v->db->stop;
$v->db->start;
like $v->db->log_text, qr/WARNING:  pg_sftca signs nothing: (the file of pg_sftca.kek_wrapped_file is not 32 bytes|pg_sftca.kek_token: the token has failed)/, 'a start with a spoilt one says so';
$hsm->put('kek.wrapped', $good);
is +($v->finish($v->db->session('postgres'), $id))[1], $first, '  and backends find it when it is back';

unlike $v->db->log_text, qr/terminated by signal|PANIC|1234$/m, 'no process has died, and the log has no PIN';
done_testing;
