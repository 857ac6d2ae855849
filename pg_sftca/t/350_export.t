#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# A generation moves from one server to another under another key-encryption key, sealed to a transport key; python reads the same envelope by the format's description.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new(settings => { log_statement => 'all', log_min_messages => 'debug2' });
my $w = Vault->new(bare => 1);
my $from = $v->db->session('postgres');
my $to = $w->db->root;
$to->value('CREATE EXTENSION pg_sftca');
isnt Sft::Db::slurp($v->folder . '/pg/kek'), Sft::Db::slurp($w->folder . '/pg/kek'), 'two servers, two key-encryption keys';

my $recipient = $to->value('SELECT sftca.transport_key_create()');
like $recipient, qr{^sft-transport-v1:[A-Za-z0-9+/]{43}=$}, 'the receiver makes a transport key';
sub fingerprint { my ($authority, $generation) = @_; return $from->value("SELECT fingerprint FROM sftca.keys WHERE authority_id = '$authority' AND generation = $generation") }
sub refused { my ($s, $name, $word, $sql) = @_; $s->run($sql); is $s->code, $word, $name or diag $s->message; return }

my %certificate;
for my $purpose (qw(ssh_user ssh_host x509)) {
	my $authority = $v->{$purpose};
	my $id = $v->uuid;
	$from->value({ ssh_user => sub { $v->user($id) }, ssh_host => sub { $v->host($id) }, x509 => sub { $v->client($id) } }->{$purpose}->());
	my $envelope = $from->value("SELECT sftca.key_export('$authority', 1, '$recipient')");
	like $envelope, qr{^sft-sealed-key-v1:[A-Za-z0-9+/=]+$}, "$purpose: an envelope";
	my $print = fingerprint($authority, 1);
	is $to->value("SELECT authority || '/' || generation FROM sftca.key_import_sealed('$envelope', '$recipient', '$print')"), "$authority/1", '  the same authority and generation' or diag $to->message;
	is $to->value("SELECT sftca.trust_bundle('$authority')"), $from->value("SELECT sftca.trust_bundle('$authority')"), '  trusted as before' ;
	is $to->value("SELECT sftca.canary('$authority', 1)"), $from->value("SELECT sftca.canary('$authority', 1)"), '  with its canary' if $purpose ne 'x509';
	cmp_ok $to->value("SELECT sftca.krl_version('$authority')"), '>', $from->value("SELECT sftca.krl_version('$authority')"), '  its list is newer than there' if $purpose ne 'x509';
	my $other = $v->uuid;
	my %over = (authority => "'$authority'");
	$to->value({ ssh_user => sub { $v->user($other, %over) }, ssh_host => sub { $v->host($other, %over) }, x509 => sub { $v->client($other, %over) } }->{$purpose}->());
	my ($outcome, $certificate) = $w->finish($w->db->session('postgres'), $other);
	is $outcome, 'signed', '  it signs there';
	if ($purpose eq 'x509') {
		$v->write_file('ca.pem', join "\n", $from->run("SELECT sftca.trust_bundle('$authority')"));
		$v->write_file('leaf.pem', $certificate);
		is +($v->db->command('openssl', 'verify', '-x509_strict', '-CAfile', $v->folder . '/ca.pem', $v->folder . '/leaf.pem'))[0], 0, '  who trusted it here trusts what it signs there';
	} else {
		like $v->read_ssh($certificate), qr/Signing CA: \S+ \Q$print\E/, '  with the same key';
	}
	is +($v->finish($from, $id))[0], 'signed', '  and here still';
	refused($to, '  twice is once too often', 'generation_taken', "SELECT sftca.key_import_sealed('$envelope', '$recipient', '$print')");
	$certificate{$purpose} = $envelope;
}
is $to->value("SELECT count(*) FROM sftca.key_events WHERE event = 'import'"), 3, 'the receiver has it on record';
is $from->value("SELECT count(*) FROM sftca.key_events WHERE event = 'export' AND detail LIKE 'SHA256:% to $recipient'"), 3, 'the sender too';

# more generations of one authority
$from->value("SELECT sftca.key_prepare('$v->{ssh_user}')");
my $two = $from->value("SELECT sftca.key_export('$v->{ssh_user}', 2, '$recipient')");
is $to->value("SELECT generation FROM sftca.key_import_sealed('$two', '$recipient', '@{[fingerprint($v->{ssh_user}, 2)]}')"), 2, 'the next generation follows';
is $to->value("SELECT state FROM sftca.keys WHERE authority_id = '$v->{ssh_user}' AND generation = 2"), 'next', '  as what it was';
my $rsa = $from->value("SELECT sftca.authority_create('ssh_user', 'rsa-2048')");
my $sealed = $from->value("SELECT sftca.key_export('$rsa', 1, '$recipient')");
my $print = fingerprint($rsa, 1);

# refusals
refused($from, 'a transport key of one\'s own making', 'transport_key_malformed', "SELECT sftca.key_export('$rsa', 1, '$_')") for '', 'x', 'sft-transport-v1:', 'sft-transport-v1:AAAA', "$recipient ", substr($recipient, 0, -2), $certificate{x509};
refused($from, 'a point that gives no secret', 'transport_key_malformed', "SELECT sftca.key_export('$rsa', 1, 'sft-transport-v1:" . 'A' x 43 . "=')");
refused($from, 'no such generation', 'generation_unknown', "SELECT sftca.key_export('$rsa', 7, '$recipient')");
refused($from, 'no such authority', 'authority_unknown', "SELECT sftca.key_export('" . $v->uuid . "', 1, '$recipient')");
refused($from, 'the statement key', 'authority_purpose', "SELECT sftca.key_export(authority_id, 1, '$recipient') FROM sftca.statement_keys");
refused($to, 'another fingerprint', 'envelope_fingerprint', "SELECT sftca.key_import_sealed('$sealed', '$recipient', '@{[fingerprint($v->{x509}, 1)]}')");
refused($to, 'no fingerprint', 'argument_missing', "SELECT sftca.key_import_sealed('$sealed', '$recipient', NULL)");
my $other = $to->value('SELECT sftca.transport_key_create()');
refused($to, 'for another transport key', 'envelope_malformed', "SELECT sftca.key_import_sealed('$sealed', '$other', '$print')");
refused($from, 'on another server', 'transport_key_unknown', "SELECT sftca.key_import_sealed('$sealed', '$recipient', '$print')");
my ($head, $body) = split /:/, $sealed;
require MIME::Base64;
my $bytes = MIME::Base64::decode_base64($body);
my $pack = sub { "sft-sealed-key-v1:" . MIME::Base64::encode_base64($_[0], '') };
my @bad = ('', 'x', 'sft-sealed-key-v1:', "$head:" . substr($body, 4), "$sealed ", $recipient, $pack->(substr $bytes, 0, 48), $pack->(substr $bytes, 0, -1), $pack->("$bytes\0"), $pack->("\2" . substr $bytes, 1));
for my $at (0, 1, 20, 32, 33, 100, 500, length($bytes) - 17, length($bytes) - 1) {
	my $flipped = $bytes;
	substr($flipped, $at, 1) ^= "\x10";
	push @bad, $pack->($flipped);
}
my $good = grep { $to->run("SELECT sftca.key_import_sealed('$_', '$recipient', '$print')"); ($to->code // '') eq 'envelope_malformed' } @bad;
is $good, scalar @bad, 'whatever is cut, lengthened or flipped is refused by name';
$to->run("UPDATE sftca.transport_keys SET expires_at = now() WHERE public_key = '$recipient'");
refused($to, 'a transport key of yesterday', 'transport_key_unknown', "SELECT sftca.key_import_sealed('$sealed', '$recipient', '$print')");
$to->value('SELECT sftca.transport_key_create()');
is $to->value("SELECT count(*) FROM sftca.transport_keys WHERE public_key = '$recipient'"), 0, '  and is removed when the next is made';

# python opens an envelope that was made for a key of its own
my $python = $v->write_file('open.py', <<'P');
import base64, struct, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
seed = bytes(range(32))
me = X25519PrivateKey.from_private_bytes(seed)
raw = lambda k: k.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
if len(sys.argv) == 1:
    print('sft-transport-v1:' + base64.b64encode(raw(me.public_key())).decode())
    sys.exit()
data = base64.b64decode(open(sys.argv[1]).read().split(':')[1])
once = data[1:33]
keys = once + raw(me.public_key())
secret = me.exchange(X25519PublicKey.from_public_bytes(once))
key = HKDF(hashes.SHA256(), 32, None, b'sftca envelope v1' + keys).derive(secret)
plain = AESGCM(key).decrypt(bytes(12), data[33:], data[:1] + keys)
at = 20
parts = []
for _ in range(4):
    n, = struct.unpack('>I', plain[at:at + 4]); parts.append(plain[at + 4:at + 4 + n]); at += 4 + n
assert at == len(plain) and data[0] == 1
private = serialization.load_der_private_key(parts[3], None)
print(parts[0].decode(), parts[1].decode(), private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode())
P
chomp(my $mine = $v->db->must('python3', $python));
my $file = $v->write_file('envelope', $from->value("SELECT sftca.key_export('$rsa', 1, '$mine')"));
is $v->db->must('python3', $python, $file), 'rsa-2048 ssh_user ' . $from->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$rsa'") . "\n", 'python reads the envelope and finds the key';
my $der = $v->db->must('python3', '-c', <<'P', $python, $file);
import sys, subprocess
src = open(sys.argv[1]).read().replace("print(parts[0]", "print(parts[3].hex()); (parts[0]")
sys.argv = [sys.argv[1], sys.argv[2]]
exec(src)
P
chomp $der;
my $log = $v->db->log_text;
$from->run('BEGIN', "SELECT sftca.key_export('$v->{ssh_host}', 1, '$recipient')", 'ROLLBACK');
is $from->error, undef, 'who rolls an export back has the envelope';
like $v->db->log_text, qr/LOG:  pg_sftca: the key of authority \Q$v->{ssh_host}\E\/1 is exported by role postgres/, '  the log tells of it all the same';
unlike $log, qr/\Q@{[substr $der, 200, 60]}\E/i, 'the private key is not in the log, every statement logged';

# a rotation of the key-encryption key takes live transport keys along
my $dir = $w->folder . '/pg';
my ($uid, $gid) = (stat "$dir/data")[4, 5];
$w->db->must('sh', '-c', "umask 077; head -c 32 /dev/urandom >$dir/kek.new; chown $uid:$gid $dir/kek.new");
my $third = $to->value('SELECT sftca.transport_key_create()');
my $late = $from->value("SELECT sftca.key_export('$rsa', 1, '$third')");
$to->run("ALTER SYSTEM SET pg_sftca.kek_file = '$dir/kek.new'", "ALTER SYSTEM SET pg_sftca.previous_kek_file = '$dir/kek'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)');
is $to->value('SELECT remaining FROM sftca.reseal()'), 0, 'the key-encryption key changes meanwhile';
$to->run('ALTER SYSTEM RESET pg_sftca.previous_kek_file', 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)');
is $w->db->session('postgres')->value("SELECT authority FROM sftca.key_import_sealed('$late', '$third', '$print')"), $rsa, '  and the envelope is still opened';
done_testing;
