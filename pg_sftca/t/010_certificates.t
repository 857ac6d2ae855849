#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every kind of certificate, for every kind of key, is read by ssh-keygen and openssl as it was recorded.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my %more = map { $_ => $s->value("SELECT sftca.authority_create('ssh_user', '$_')") } qw(ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048 rsa-3072);

# security keys need hardware to be made; their public halves are only bytes
sub sk { my ($name, @parts) = @_; return "$name " . encode_base64(join('', map { pack 'N/a*', $_ } $name, @parts), '') }
my $ed = (split ' ', $v->key('ed25519'))[1];
my $ec = (split ' ', $v->key('ecdsa', '-b', 256))[1];
my %keys = (
	ed25519 => $v->key('ed25519'), p256 => $v->key('ecdsa', '-b', 256), p384 => $v->key('ecdsa', '-b', 384),
	p521 => $v->key('ecdsa', '-b', 521), rsa2048 => $v->key('rsa', '-b', 2048), rsa4096 => $v->key('rsa', '-b', 4096),
	'sk-ed25519' => sk('sk-ssh-ed25519@openssh.com', substr(decode_base64($ed), -32), 'ssh:'),
	'sk-p256' => sk('sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', substr(decode_base64($ec), -65), 'ssh:'),
);

for my $authority ($v->{ssh_user}, @more{sort keys %more}) {
	for my $kind (sort keys %keys) {
		my $id = $v->uuid;
		my $serial = $s->value($v->user($id, public_key => "'$keys{$kind}'", authority => "'$authority'",
			critical_options => $kind =~ /^sk/ ? q('{"verify-required": "", "source-address": "10.0.0.0/8,2001:db8::/32"}') : q('{"force-command": "/bin/true"}')));
		my ($outcome, $cert) = $v->finish($s, $id);
		is $outcome, 'signed', "$kind: signed";
		my $text = $v->read_ssh($cert) // '';
		like $text, qr/user certificate/, "$kind: ssh-keygen reads and verifies it";
		like $text, qr/Serial: $serial\n/, "$kind: serial";
		like $text, qr/Key ID: "sft1:acme:prod:alice:$id"/, "$kind: key id";
		like $text, qr/Principals: \s+alice\n/, "$kind: principal";
		like $text, qr/Extensions: \s+permit-pty\s+project\@sft/, "$kind: extensions";
		like $text, $kind =~ /^sk/ ? qr/source-address 10\.0\.0\.0\/8,2001:db8::\/32\s+verify-required/ : qr/force-command \/bin\/true/, "$kind: critical options";
		my $print = $s->value("SELECT fingerprint FROM sftca.keys WHERE authority_id = '$authority'");
		like $text, qr/Signing CA: \S+ \Q$print\E/, "$kind: authority";
		is +($v->finish($s, $id))[1], $cert, "$kind: again the same certificate" if $authority eq $v->{ssh_user};
		my $again = ($v->finish($s, $id))[1];
		is substr(decode_base64((split ' ', $again)[1]), 0, 300), substr(decode_base64((split ' ', $cert)[1]), 0, 300), "$kind: again the same bytes that are signed";
	}
}

# another backend, which unseals the key anew, makes the same bytes
{
	my $id = $v->uuid;
	$s->value($v->user($id));
	my ($first, $second) = map { ($v->finish($v->db->session('postgres'), $id))[1] } 1, 2;
	is $second, $first, 'two backends make one certificate';
}

# hosts
for my $kind (grep { !/^sk/ } sort keys %keys) {
	my $id = $v->uuid;
	$s->value($v->host($id, public_key => "'$keys{$kind}'"));
	my ($outcome, $cert) = $v->finish($s, $id);
	my $text = $v->read_ssh($cert) // '';
	like $text, qr/host certificate.*Principals: \s+web01\s+web01\.example\.com\s+Critical Options: \(none\)\s+Extensions: \(none\)/s, "$kind: host certificate";
}
$s->run($v->host($v->uuid, public_key => "'$keys{'sk-p256'}'"));
is $s->code, 'public_key_type', 'a security key is no host key';

# validity to the second
{
	my $id = $v->uuid;
	$s->value($v->user($id, valid_after => "date_trunc('hour', now()) + interval '0.9 s'", valid_before => "date_trunc('hour', now()) + interval '2 h 0.9 s'"));
	my ($outcome, $cert) = $v->finish($s, $id);
	my $want = $s->value("SELECT to_char(date_trunc('hour', now()) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')");
	like $v->read_ssh($cert), qr/Valid: from $want to \S+:00:00\n/, 'fractions of seconds are dropped';
}

# X.509
sub spki { my ($file) = @_; return $v->db->must('sh', '-c', "openssl x509 -in $file -noout -pubkey | openssl pkey -pubin -outform DER | base64 -w0") }
sub spki_of                                 # by openssl from ssh-keygen's PEM; Ed25519 it cannot write
{
	my (undef, $key) = @_;
	my ($type, $blob) = split ' ', $key;
	return encode_base64("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00" . substr(decode_base64($blob), -32), '') if $type eq 'ssh-ed25519';
	my $file = $v->write_file('spki.pub', "$key\n");
	return $v->db->must('sh', '-c', "ssh-keygen -e -m PKCS8 -f $file | openssl pkey -pubin -outform DER | base64 -w0");
}
my $ca = $v->write_file('ca.pem', $v->db->psql('vault', "SELECT sftca.trust_bundle('$v->{x509}')") . "\n");
$v->db->must('openssl', 'verify', '-x509_strict', '-CAfile', $ca, $ca);
like $v->db->must('openssl', 'x509', '-noout', '-text', '-in', $ca),
	qr/Basic Constraints: critical\s+CA:TRUE, pathlen:0\s+X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/, 'the authority may only sign';
for my $kind (grep { !/^sk/ } sort keys %keys) {
	my $id = $v->uuid;
	my $serial = $s->value($v->client($id, public_key => "'$keys{$kind}'"));
	my ($outcome, $cert) = $v->finish($s, $id);
	my $file = $v->write_file('client.pem', "$cert\n");
	my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', $ca, $file);
	is $rc, 0, "$kind: openssl verify -x509_strict" or diag $out;
	my $text = $v->db->must('openssl', 'x509', '-noout', '-text', '-in', $file);
	like $text, qr/Subject: O ?= ?acme, OU ?= ?prod, CN ?= ?alice\n/, "$kind: subject";
	like $text, qr/URI:sft:\/\/acme\/prod\/alice\n/, "$kind: URI";
	like $text, qr/CA:FALSE.*Digital Signature.*TLS Web Client Authentication/s, "$kind: for clients only";
	is +($text =~ /Serial Number: (\d+) \(/)[0], $serial, "$kind: serial";
	is spki($file), spki_of($v, $keys{$kind}), "$kind: the key that was given";
}
$s->run($v->client($v->uuid, public_key => "'$keys{'sk-ed25519'}'"));
is $s->code, 'public_key_type', 'X.509 has no security keys';
for my $algorithm (qw(ed25519 ecdsa-p384 ecdsa-p521 rsa-2048 rsa-3072)) {
	my $other = $s->value("SELECT sftca.authority_create('x509', '$algorithm')");
	my $root = $v->write_file('other.pem', $v->db->psql('vault', "SELECT sftca.trust_bundle('$other')") . "\n");
	is +($v->db->command('openssl', 'verify', '-x509_strict', '-check_ss_sig', '-CAfile', $root, $root))[0], 0, "X.509 by $algorithm: the authority itself";
	for my $kind (grep { !/^sk/ } sort keys %keys) {
		my $id = $v->uuid;
		$s->value($v->client($id, authority => "'$other'", public_key => "'$keys{$kind}'"));
		# in a backend that has to unseal the key
		my $file = $v->write_file('client.pem', (($v->finish($v->db->session('postgres'), $id))[1] // '') . "\n");
		is +($v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', $root, $file))[0], 0, "  a client's $kind";
		isnt +($v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', $ca, $file))[0], 0, '  but not under another authority' if $kind eq 'p256';
	}
}

# finish() over many: one row for each distinct id, NULLs ignored
my @ids = map { $v->uuid } 1 .. 3;
$s->value($v->user($ids[0]));
$s->value($v->host($ids[1]));
my @rows = $s->run("SELECT id, kind, outcome, certificate IS NULL, serial IS NULL FROM sftca.finish(ARRAY['$ids[0]', '$ids[1]', '$ids[2]', '$ids[0]', NULL]::uuid[]) ORDER BY array_position(ARRAY['$ids[0]', '$ids[1]', '$ids[2]']::uuid[], id)");
is_deeply \@rows, ["$ids[0]|ssh_user|signed|f|f", "$ids[1]|ssh_host|signed|f|f", "$ids[2]||unknown|t|t"], 'one row for each distinct id';
is_deeply [$s->run("SELECT * FROM sftca.finish('{}')")], [], 'no ids, no rows';
is_deeply [$s->run("SELECT * FROM sftca.finish(NULL)")], [], 'NULL, no rows';

# serials: in order of time, and the time in them
is $s->value("SELECT count(*) FROM (SELECT serial, lag(serial) OVER (ORDER BY recorded_at) AS before FROM sftca.certificates) x WHERE serial <= before"), 0, 'C8 serials follow time';
is $s->value("SELECT count(*) FROM sftca.certificates WHERE abs(extract(epoch FROM recorded_at - sftca.serial_time(serial))) > 5"), 0, 'C8 a serial tells when';
is $s->value("SELECT count(DISTINCT substring(tbs FROM 40 FOR 32)) = count(*) FROM sftca.certificates WHERE kind <> 'x509_client'"), 't', 'C18 no nonce twice';

# many at once: chance gives one serial twice now and then, and nobody notices
$s->run("CREATE TEMP TABLE many AS SELECT gen_random_uuid() AS id FROM generate_series(1, 3000)");
(my $bulk = $v->user('x', id => 'id', key_id => "'sft1:acme:prod:alice:' || id")) =~ s/$/ FROM many/;
$s->run("SELECT count(*) FROM ($bulk) q");
is $s->error, undef, 'C18 3000 in one statement';
is $s->value("SELECT count(*) FROM sftca.finish((SELECT array_agg(id) FROM many)) f WHERE f.outcome = 'signed'"), 3000, '  all signed in one call';

done_testing;
