#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# E4, E5: every call of the cryptographic library fails once, at each place it is made from. What was asked for is refused by a word or is right; never half a certificate, never a key in the clear, and the next call works.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Config;
use File::Temp ();
use MIME::Base64;
use Oracle;
use Vault;
use Test::More;

plan skip_all => 'the stubs are written for x86-64' unless $Config{archname} =~ /^x86_64/;

# --- a library in front of OpenSSL's: each function can be told to fail ---------------------------------

my $dir = File::Temp->newdir('sft-failing-XXXXXX', TMPDIR => 1);
chmod 0711, "$dir";
my $module = ($ENV{PG_SFTCA_BUILD} // "$FindBin::Bin/../stage") . '/pg_sftca.so';
# what gives 0 or NULL when it fails; not what asks, compares or frees
my @functions = grep { /^(?:EVP_|HMAC$|d2i_|i2d_|OSSL_PARAM_BLD|EC_|ECDSA_|BN_bin2bn|BN_CTX_new|X509_CRL_verify)/ && !/_free$|^EVP_(?:sha|aes)|get_bits$|is_a$|get0/ }
	sort map { (split)[1] =~ s/@.*//r } split /\n/, qx(nm -D --undefined-only '$module');
push @functions, 'RAND_bytes';
cmp_ok scalar @functions, '>', 30, 'functions of the library that can fail';
my $count = @functions;
my $stubs = join '', map { qq(STUB("$functions[$_]", "$_")\n) } 0 .. $#functions;
my $names = join ', ', map { qq("$_") } @functions;
open my $c, '>', "$dir/failing.c" or die $!;
print $c <<"END";
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
struct control { int pid, countdown, calls, hit; };
static const char *const names[] = {$names};
static void *real[$count];
static struct control *control;
__attribute__((constructor)) static void begin(void)
{
    int fd = open("$dir/control", O_RDWR);
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = p == MAP_FAILED ? NULL : p;
}
__attribute__((used)) static void *decide(long i)
{
    if (real[i] == NULL && (real[i] = dlsym(RTLD_NEXT, names[i])) == NULL)
        abort();
    if (control != NULL && control->pid == getpid()) {
        control->calls++;
        if (control->countdown > 0 && --control->countdown == 0) {
            control->hit = (int)i + 1;
            return NULL;
        }
    }
    return real[i];
}
#define STUB(name, i) __asm__(".globl " name "\\n.type " name ",\@function\\n" name ":\\n" \\
    "push %rdi\\npush %rsi\\npush %rdx\\npush %rcx\\npush %r8\\npush %r9\\npush %rax\\n" \\
    "mov \$" i ",%edi\\ncall decide\\nmov %rax,%r11\\n" \\
    "pop %rax\\npop %r9\\npop %r8\\npop %rcx\\npop %rdx\\npop %rsi\\npop %rdi\\n" \\
    "test %r11,%r11\\njz 1f\\njmp *%r11\\n1: xor %eax,%eax\\nret\\n");
$stubs
END
close $c;
system('cc', '-O1', '-fPIC', '-shared', '-o', "$dir/failing.so", "$dir/failing.c", '-ldl') == 0 or BAIL_OUT('cc');
open my $control, '+>:raw', "$dir/control" or die $!;
print $control "\0" x 16;
$control->flush;
my ($uid, $gid) = (getpwnam 'postgres')[2, 3];
chown $uid, $gid, "$dir/control";
my ($version) = $ENV{PG_VERSION} // sort { $b <=> $a } map { m{/(\d+)/bin/postgres$} } glob '/usr/lib/postgresql/*/bin/postgres';
open my $program, '>', "$dir/postgres" or die $!;
print $program "#!/bin/sh\nLD_PRELOAD=$dir/failing.so exec /usr/lib/postgresql/$version/bin/postgres \"\$@\"\n";
close $program;
chmod 0755, "$dir/postgres", "$dir/failing.so";
$ENV{PG_PROGRAM} = "$dir/postgres";

# In this backend the n-th call from now on fails; 0: none.
sub arm { my ($pid, $n) = @_; seek $control, 0, 0; syswrite $control, pack 'l4', $pid, $n, 0, 0 }
sub told { my $buf; sysseek $control, 0, 0; sysread $control, $buf, 16; my (undef, undef, $calls, $hit) = unpack 'l4', $buf; arm(0, 0); return ($calls, $hit ? $functions[$hit - 1] : undef) }

# --- what is asked ---------------------------------------------------------------------------------------

my $v = Vault->new;
my $s = $v->db->session('postgres');
my @algorithms = Oracle::everything() ? qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048) : qw(ed25519);
my %authority = map { my $p = $_; map { ("$p $_" => $s->value("SELECT sftca.authority_create('$p', '$_')")) } @algorithms } qw(ssh_user x509);
my %key = (ed25519 => $v->key, p256 => $v->key('ecdsa', '-b', 256), rsa => $v->key('rsa', '-b', 2048));
my %pem_of;
for (grep { /^x509/ } sort keys %authority) { $pem_of{ $authority{$_} } = $v->write_file("ca.$authority{$_}", $v->db->psql('vault', "SELECT sftca.trust_bundle('$authority{$_}')") . "\n") }

sub recorded { my ($how, $authority, $key) = @_; my $id = $v->uuid; $s->value($v->$how($id, authority => "'$authority'", public_key => "'$key'", valid_before => "now() + interval '3 hours'")); return $id }
sub fin { my ($id) = @_; return "SELECT outcome || coalesce(' ' || certificate, '') FROM sftca.finish(ARRAY['$id']::uuid[])" }
sub is_ssh { my ($said) = @_; my ($certificate) = $said =~ /^signed (ssh-.*|ecdsa-.*)/s; return $certificate && defined $v->read_ssh($certificate) }
sub is_x509 { my ($said, $authority) = @_; return 0 if $said !~ s/^signed //; return ($v->db->command('openssl', 'verify', '-CAfile', $pem_of{$authority}, $v->write_file('one.pem', "$said\n")))[0] == 0 }

# name, statement, whether an answer is right
my @asked;
for my $algorithm (@algorithms) {
	my ($user, $x509) = @authority{"ssh_user $algorithm", "x509 $algorithm"};
	my $user_id = recorded('user', $user, $key{ed25519});
	my $client_id = recorded('client', $x509, $key{p256});
	push @asked, ["finish of a user, by $algorithm", fin($user_id), \&is_ssh];
	push @asked, ["finish of a client, by $algorithm", fin($client_id), sub { is_x509($_[0], $x509) }] if Oracle::everything();
}
for my $type (Oracle::everything() ? sort keys %key : ()) {
	push @asked, ["prepare of a user with $type", sub { $v->user($v->uuid, public_key => "'$key{$type}'") }, sub { $_[0] =~ /^\d+$/ }];
}
push @asked, ['a secret', q{SELECT sftca.secret('token', '8fd0c5a2-1c1c-4f0e-9d5e-3a4a56b1a001')}, sub { $_[0] eq $s->value(q{SELECT sftca.secret('token', '8fd0c5a2-1c1c-4f0e-9d5e-3a4a56b1a001')}) }];
push @asked, ['a statement', q{SELECT sftca.sign_statement('trust', 200, '/v1/x', NULL, 1, 'x')}, sub { $_[0] =~ /^signature: \S+=:/m }],
	map({ my $a = $_; ["an authority of $a", "SELECT sftca.authority_create('ssh_user', '$a')", sub { $_[0] =~ /^[0-9a-f-]{36}$/ }] } grep { !/rsa/ } @algorithms),
	['an X.509 list', "SELECT encode(sftca.crl('$authority{'x509 ecdsa-p256'}'), 'base64')", sub { $v->write_file('list.der', decode_base64($_[0])); ($v->db->command('openssl', 'crl', '-inform', 'DER', '-noout', '-in', $v->folder . '/list.der', '-CAfile', $pem_of{ $authority{'x509 ecdsa-p256'} }))[1] =~ /verify OK/ }],
	['an X.509 authority', q{SELECT sftca.authority_create('x509')}, sub { $_[0] =~ /^[0-9a-f-]{36}$/ }],
	['a password', q{SELECT sftca.hash_password('x')}, sub { $_[0] =~ /^\$?scrypt/i || $s->value("SELECT sftca.verify_password('$_[0]', 'x')") eq 't' }] if Oracle::everything();

my %word = map { ($_ => 1) } qw(crypto_failed out_of_memory random_failed key_damaged kek_missing not_durable malformed public_key_malformed public_key_point public_key_weak internal);
my %hit;
for (@asked) {
	my ($name, $sql, $is_right) = @$_;
	my ($n, $refused, $right, @wrong) = (0, 0, 0);
	my $b = $v->db->session('postgres');
	while (++$n < 400) {
		$b->run('\\c');                         # another backend, which unseals anew
		my $statement = ref $sql ? $sql->() : $sql;
		arm($b->backend, $n);
		my @lines = $b->run($statement);
		my ($calls, $hit) = told();
		last unless $hit;
		$hit{$hit}++;
		my $said = join "\n", @lines;
		if (defined $b->error) {
			$refused++;
			push @wrong, "$n $hit: " . ($b->code // $b->error) . ' ' . $b->message unless $word{ $b->code // '' } || $b->message =~ /^could not generate random values/;   # PostgreSQL's own word
			push @wrong, "$n $hit: and gives $said" if $said ne '';
		} elsif ($said =~ /^damaged$/) { $refused++ }
		elsif ($is_right->($said)) { $right++ }
		else { push @wrong, "$n $hit: gives $said" }
		# the same backend, the library well again
		@lines = $b->run(ref $sql ? $sql->() : $statement);
		push @wrong, "$n $hit: afterwards " . ($b->message // "@lines") if defined $b->error || !$is_right->(join "\n", @lines);
	}
	ok !@wrong, "$name: each of " . ($n - 1) . " calls failed once: $refused refused, $right right all the same" or diag map { "$_\n" } @wrong;
	cmp_ok $refused, '>', 0, '  (it was noticed)';
}
cmp_ok scalar(keys %hit), '>', 8, 'functions that failed: ' . join ' ', sort keys %hit;
unlike $v->db->log_text, qr/terminated by signal|PANIC/, 'no backend fell';

# E5: the library is configured from elsewhere: not at all, by rubbish, without any algorithm
if (Oracle::everything()) {
	my $id = recorded('user', $authority{'ssh_user ed25519'}, $key{ed25519});
	my ($good) = $s->run(fin($id));
	$v->write_file('rubbish.cnf', "openssl_conf = \0\xff[[[\n");
	$v->write_file('null.cnf', "openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\nactivate = 1\n");
	for my $name (qw(none rubbish null)) {
		delete $v->db->{root};
		$v->db->stop;
		open my $again, '>', "$dir/postgres" or die $!;
		print $again "#!/bin/sh\nOPENSSL_CONF=" . $v->folder . "/$name.cnf exec /usr/lib/postgresql/$version/bin/postgres \"\$@\"\n";
		close $again;
		my $up = eval { $v->db->start; 1 };
		my $b = $up && eval { $v->db->session('postgres') };
		my @lines = $b ? $b->run(fin($id)) : ();
		my $said = join "\n", @lines;
		ok $said eq '' || $said eq 'damaged' || $said eq $good, "E5 OPENSSL_CONF is $name: " . ($said eq $good ? 'the same certificate' : !$up ? 'the server does not start' : 'refused: ' . (($b && ($b->code // $b->message)) // $said));
		unlike $said, qr/cert-v01/, '  without algorithms nothing is signed' if $name eq 'null';
	}
	delete $v->db->{root};
	eval { $v->db->stop };
	$v->db->must('sh', '-c', "printf '#!/bin/sh\nexec /usr/lib/postgresql/$version/bin/postgres \"\$@\"\n' >$dir/postgres");
	$v->db->start;
}

# E4: backends that are forked from one process do not repeat its chance
my @chance = map { $v->db->session('postgres')->value('SELECT sftca.random_text(64)') } 1 .. 12;
my %once = map { ($_ => 1) } @chance;
is scalar(keys %once), 12, 'E4 each backend has chance of its own';

done_testing;
