#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 of others: requests are proven and their wishes ignored, certificates and lists are told as rows, verify_x509 says what openssl says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
sub openssl { return $v->db->must('openssl', @_) }
sub slurp { return Sft::Db::slurp("$dir/$_[0]") }
sub quoted { return "\$q\$$_[0]\$q\$" }
sub der { return decode_base64(join '', grep { !/---/ } split /\n/, $_[0]) }
sub pem { my ($bytes, $label) = @_; return "-----BEGIN $label-----\n" . encode_base64($bytes) . "-----END $label-----\n" }
sub row { my ($sql) = @_; my ($row) = $s->rows($sql); return $row // {} }

# --- requests ---
my @keys = (['ed25519', '-newkey', 'ed25519'], (map { ["P-$_", '-newkey', 'ec', '-pkeyopt', "ec_paramgen_curve:P-$_"] } 256, 384, 521), (map { ["RSA $_", '-newkey', "rsa:$_"] } 2048, 3072));
my %csr;
for (@keys) {
	my ($name, @make) = @$_;
	openssl('req', '-new', @make, '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/csr.pem", '-subj', '/O=evil/CN=root', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign', '-addext', 'subjectAltName=DNS:evil.example,IP:10.0.0.1');
	$csr{$name} = slurp('csr.pem');
	my $key = $s->value('SELECT sftca.csr_key(' . quoted($csr{$name}) . ')');
	is $s->error, undef, "$name: a request is taken" or diag $s->message;
	openssl('req', '-in', "$dir/csr.pem", '-noout', '-pubkey', '-out', "$dir/pub.pem");
	is $key, (join ' ', (split ' ', $v->db->must('ssh-keygen', '-i', '-m', 'PKCS8', '-f', "$dir/pub.pem"))[0, 1]), '  its key' unless $name eq 'ed25519';
	is $s->value("SELECT (p).fingerprint = (c).key_fingerprint FROM (SELECT sftca.parse_csr(" . quoted($csr{$name}) . ") AS c, sftca.parse_public_key('$key') AS p) q"), 't', '  parse_csr has its fingerprint';
	is $s->value('SELECT sftca.csr_key(' . quoted(encode_base64(der($csr{$name}))) . ')'), $key, '  the same as base64 alone';
	# X2: what it asks for is not what it gets
	my $id = $v->uuid;
	$s->value($v->client($id, public_key => "sftca.csr_key(" . quoted($csr{$name}) . ")"));
	my $text = openssl('x509', '-noout', '-text', '-in', $v->write_file('leaf.pem', (($v->finish($s, $id))[1] // '') . "\n"));
	like $text, qr/CA:FALSE/, '  X2 and makes no authority of it';
	unlike $text, qr/evil|10\.0\.0\.1|Certificate Sign/, '  X2 nor takes a name';
}
my $row = row('SELECT * FROM sftca.parse_csr(' . quoted($csr{'P-256'}) . ')');
is $row->{subject}, 'CN=root,O=evil', 'parse_csr: subject';
is "@{ $row->{requested_names} }", 'DNS:evil.example IP:10.0.0.1', '  what it asks for';
is $row->{key_type}, 'ecdsa-sha2-nistp256', '  its key';
is $row->{signature_algorithm}, 'ecdsa-with-SHA256', '  how it is signed';
is $s->value($v->user($v->uuid, public_key => 'sftca.csr_key(' . quoted($csr{ed25519}) . ')')) > 0 ? 1 : 0, 1, 'an SSH certificate can come from a request too';

my $good = der($csr{'P-256'});
(my $forged = $good) =~ s/evil/live/;
my $tail = substr $good, -1;
openssl('req', '-new', '-newkey', 'rsa:2048', '-sha1', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/sha1.pem", '-subj', '/CN=x');
openssl('req', '-new', '-newkey', 'rsa:1024', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/rsa1024.pem", '-subj', '/CN=x');
openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3', '-out', "$dir/e3.key");
openssl('req', '-new', '-key', "$dir/e3.key", '-out', "$dir/e3.pem", '-subj', '/CN=x');
openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-224', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/p224.pem", '-subj', '/CN=x');
openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/explicit.pem", '-subj', '/CN=x');
openssl('req', '-new', '-newkey', 'ed448', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/ed448.pem", '-subj', '/CN=x');
openssl('req', '-new', '-newkey', 'rsa-pss', '-nodes', '-keyout', "$dir/key.pem", '-out', "$dir/pss.pem", '-subj', '/CN=x');
for (
	['X1 nothing', '', 'csr_malformed'], ['X1 no request', 'hello', 'csr_malformed'], ['X1 a certificate', $s->value("SELECT 1") && join("\n", $s->run("SELECT sftca.trust_bundle('$v->{x509}')")), 'csr_malformed'],
	['X1 a private key', slurp('key.pem'), 'csr_malformed'], ['X1 cut short', pem(substr($good, 0, -1), 'CERTIFICATE REQUEST'), 'csr_malformed'], ['X1 cut in the middle', pem(substr($good, 0, 100), 'CERTIFICATE REQUEST'), 'csr_malformed'],
	['X1 bytes behind', pem("$good\0", 'CERTIFICATE REQUEST'), 'csr_malformed'], ['X1 two', $csr{'P-256'} x 2, 'csr_malformed'], ['X1 an indefinite length', pem("\x30\x80" . substr($good, 3) . "\0\0", 'CERTIFICATE REQUEST'), 'csr_malformed'],
	['X1 a length too long', pem("\x30\x82\0" . substr($good, 2), 'CERTIFICATE REQUEST'), 'csr_malformed'], ['X1 10 MiB', 'A' x 10485760, 'csr_malformed'], ['X1 padding in the middle', pem('x', 'CERTIFICATE REQUEST') =~ s/eA==/eA==eA==/r, 'csr_malformed'],
	['X1 altered', pem($forged, 'CERTIFICATE REQUEST'), 'csr_signature'], ['X1 another signature', pem(substr($good, 0, -1) . chr(ord($tail) ^ 1), 'CERTIFICATE REQUEST'), 'csr_signature'],
	['SHA-1', slurp('sha1.pem'), 'csr_signature_algorithm'], ['X5 RSA of 1024 bits', slurp('rsa1024.pem'), 'public_key_weak'], ['X5 an exponent of 3', slurp('e3.pem'), 'public_key_weak'], ['X5 P-224', slurp('p224.pem'), 'public_key_type'],
	['X5 Ed448', slurp('ed448.pem'), 'public_key_type'], ['X5 explicit parameters', slurp('explicit.pem'), 'public_key_type'], ['X5 RSA-PSS', slurp('pss.pem'), 'public_key_type'],
) {
	my ($name, $text, $word) = @$_;
	for my $f ('csr_key', 'parse_csr') {
		$s->run("SELECT sftca.$f(" . quoted($text) . ')');
		is $s->code, $word, "$name: $f" or diag $s->error // 'no error';
		is $s->error, '22023', '  its class' if $f eq 'csr_key';
		unlike $s->message, qr/PRIVATE|MC4C|MIGH/, '  repeats nothing' if $name =~ /private/;
	}
}
$s->run('SELECT sftca.csr_key(NULL)');
is $s->code, 'argument_missing', 'S4 NULL';

# --- certificates ---
my ($id, $client) = ($v->uuid, $v->uuid);
my $serial = $s->value($v->server($id, dns_names => "'{web01.example.com}'", ip_addresses => "'{192.0.2.7,2001:db8::7}'", uri => "'sft://acme/prod/web01'", emails => "'{a\@b.example}'"));
my $leaf = ($v->finish($s, $id))[1] . "\n";
my $record = row("SELECT c.*, extract(epoch FROM date_trunc('second', valid_after)) AS va, extract(epoch FROM date_trunc('second', valid_before)) AS vb FROM sftca.certificates c WHERE id = '$id'");
$row = row('SELECT *, extract(epoch FROM valid_after) AS va, extract(epoch FROM valid_before) AS vb FROM sftca.parse_certificate_x509(' . quoted($leaf) . ')');
is $row->{serial}, $serial, 'the certificate\'s serial';
is $row->{version}, 3, '  version';
is $row->{subject}, 'OU=prod,O=acme', '  subject';
is $row->{issuer}, "CN=$v->{x509}/1,O=sft", '  issuer';
is $row->{$_} + 0, $record->{$_} + 0, "  $_ is the record's" for qw(va vb);
is $row->{key_fingerprint}, $record->{fingerprint}, '  its key is the record\'s';
is $row->{public_key}, $v->default_key, '  in SSH form';
is "@{ $row->{alt_names} }", 'URI:sft://acme/prod/web01 DNS:web01.example.com IP:192.0.2.7 IP:2001:db8::7 email:a@b.example', '  names';
is "@{ $row->{key_usage} } @{ $row->{extended_key_usage} }", 'digitalSignature serverAuth', '  usage';
is $row->{signature_algorithm}, 'ecdsa-with-SHA256', '  signature';
is $row->{is_authority} ? 1 : 0, 0, '  no authority';
is $row->{fingerprint}, lc(((openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', $v->write_file('leaf.pem', $leaf)) =~ /=(\S+)/)[0]) =~ s/://gr), '  fingerprint';
my $ca = join("\n", $s->run("SELECT sftca.trust_bundle('$v->{x509}')")) . "\n";
my @both = $s->rows('SELECT * FROM sftca.parse_certificate_x509(' . quoted("$leaf text between\n$ca") . ') ORDER BY position');
is scalar @both, 2, 'two certificates are two rows';
is $both[1]{is_authority} ? 1 : 0, 1, '  the second an authority';
is $both[1]{path_length}, 0, '  of path length 0';
is $both[1]{subject_key_identifier}, $both[0]{authority_key_identifier}, '  its key identifier is what the first names';
is $s->value("SELECT serial FROM sftca.parse_certificate_x509(decode('" . encode_base64(der($leaf), '') . "', 'base64'))"), $serial, 'from bytea';
openssl('req', '-x509', '-newkey', 'ed448', '-nodes', '-keyout', "$dir/odd.key", '-out', "$dir/odd.pem", '-days', 36500, '-set_serial', '0x7fffffffffffffffffffffffffffffffffffffff', '-utf8', '-subj', "/CN=b\xc3\xbccher, \"x\"/O=a\\+b", '-addext', '1.2.3.4=critical,DER:0500', '-addext', 'subjectAltName=otherName:1.2.3;UTF8:x,dirName:d,RID:1.2.3,DNS:a b', '-config', $v->write_file('odd.cnf', "[req]\ndistinguished_name=d\nx509_extensions=v3\n[d]\nCN=y\n[v3]\n"));
$row = row('SELECT * FROM sftca.parse_certificate_x509(' . quoted(slurp('odd.pem')) . ')');
is $s->error, undef, 'a strange certificate' or diag $s->message;
is $row->{subject}, 'O=a\+b,CN=b\C3\BCcher\, \"x\"', '  its subject, escaped';
is $row->{key_type}, 'ED448', '  its key\'s type';
is $row->{public_key}, undef, '  which SSH has no name for';
is "@{ $row->{unknown_critical} }", '1.2.3.4', '  what it says is critical';
is "@{ $row->{alt_names} }", 'other: DirName:CN=y RID:1.2.3 DNS:a\20b', '  its names';
is $s->value('SELECT serial = (2::numeric ^ 159 - 1) FROM sftca.parse_certificate_x509(' . quoted(slurp('odd.pem')) . ')'), 't', '  a serial of 20 octets';
is $s->value('SELECT valid_before > now() + interval \'99 years\' FROM sftca.parse_certificate_x509(' . quoted(slurp('odd.pem')) . ')'), 't', 'X7 past 2050';
for (['nothing', ''], ['a request', $csr{'P-256'}], ['a byte more', pem(der($leaf) . "\0", 'CERTIFICATE')], ['a byte less', pem(substr(der($leaf), 0, -1), 'CERTIFICATE')], ['a key', slurp('odd.key')], ['1 MiB and more', $leaf . 'x' x 1048576], ['the second broken', "$leaf-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
	my ($name, $text) = @$_;
	$s->run('SELECT * FROM sftca.parse_certificate_x509(' . quoted($text) . ')');
	is $s->code, 'certificate_malformed', "refused: $name";
}
my $flipped = 0;
my $bytes = der($leaf);
for my $i (0 .. length($bytes) - 1) {
	next if $i % 3;
	my $bad = $bytes;
	substr($bad, $i, 1) = chr(ord(substr $bad, $i, 1) ^ (1 << $i % 8));
	$s->run("SELECT count(*) FROM sftca.parse_certificate_x509(decode('" . encode_base64($bad, '') . "', 'base64'))");
	$flipped++ if !defined $s->error || $s->code eq 'certificate_malformed';
}
is $flipped, int((length($bytes) + 2) / 3), 'X flipped bits: told or refused, never worse';

# --- lists ---
is_deeply [map { $_->{serial} } $s->rows("SELECT * FROM sftca.parse_crl(sftca.crl('$v->{x509}'))")], [undef], 'an empty list is one row without a serial';
$s->value("SELECT sftca.revoke('$v->{x509}', $serial, $serial, 'key_compromise: lost')");
my $cs = $s->value($v->client($client));
my $other = ($v->finish($s, $client))[1] . "\n";
$s->value("SELECT sftca.revoke('$v->{x509}', $cs, $cs, 'whatever')");
my @rows = $s->rows("SELECT *, next_update - this_update = interval '7 days' AS week, abs(extract(epoch FROM now() - revoked_at)) < 60 AS fresh FROM sftca.parse_crl(sftca.crl('$v->{x509}')) ORDER BY serial");
is_deeply [map { "$_->{serial} $_->{reason}" } @rows], ["$serial key_compromise", "$cs unspecified"], 'a list\'s entries';
is $rows[0]{$_} ? 1 : 0, 1, "  $_" for qw(week fresh);
is $rows[0]{issuer}, "CN=$v->{x509}/1,O=sft", '  issuer';
is $rows[0]{authority_key_identifier}, $both[1]{subject_key_identifier}, '  key identifier';
is $s->value("SELECT count(DISTINCT number) FROM sftca.parse_crl(sftca.crl_bundle('$v->{x509}'))"), 1, '  the bundle too';
is $s->value("SELECT (number / 18446744073709551616)::bigint >= extract(epoch FROM now())::bigint - 60 FROM sftca.parse_crl(sftca.crl('$v->{x509}')) LIMIT 1"), 't', 'X10 the number\'s upper half is the version';
my $bundle = join("\n", $s->run("SELECT sftca.crl_bundle('$v->{x509}')")) . "\n";
for (['nothing', "''"], ['a certificate', quoted($ca)], ['cut', "substr(sftca.crl('$v->{x509}'), 1, 90)"], ['a byte more', "sftca.crl('$v->{x509}') || '\\x00'::bytea"], ['no bytes', "''::bytea"]) {
	my ($name, $sql) = @$_;
	$s->run("SELECT * FROM sftca.parse_crl($sql)");
	is $s->code, 'crl_malformed', "refused: $name";
}

# --- verification: our word and openssl's ---
my $t = $v->db->session('postgres');
my $third = $v->uuid;
$s->value($v->client($third));
my $clean = ($v->finish($s, $third))[1] . "\n";
my $otherca = $s->value("SELECT sftca.authority_create('x509')");
my $foreign = join("\n", $s->run("SELECT sftca.trust_bundle('$otherca')")) . "\n";
my $foreign_lists = join("\n", $s->run("SELECT sftca.crl_bundle('$otherca')")) . "\n";
my $broken = do { my $d = der($clean); pem(substr($d, 0, -1) . chr(ord(substr $d, -1) ^ 1), 'CERTIFICATE') };
sub word { my ($cert, $trust, @rest) = @_; my ($w) = $s->run('SELECT coalesce(sftca.verify_x509(' . join(', ', quoted($cert), quoted($trust), @rest) . "), 'good')"); return $w // $s->code }
for (
	['good', $clean, $ca], ['good', $clean, $ca, "now()", "'client'"], ['purpose_wrong', $clean, $ca, 'NULL', "'server'"], ['good', $leaf, $ca, 'NULL', "'server'", 'NULL', "'web01.example.com'"], ['good', $leaf, $ca, 'NULL', "'server'", 'NULL', "'192.0.2.7'"],
	['name_wrong', $leaf, $ca, 'NULL', "'server'", 'NULL', "'web02.example.com'"], ['name_wrong', $leaf, $ca, 'NULL', "'server'", 'NULL', "'192.0.2.8'"], ['purpose_wrong', $leaf, $ca, 'NULL', "'client'"],
	(map { ['name_wrong', $leaf, $ca, 'NULL', "'server'", 'NULL', "'$_'"] } '', '.', '.example.com', 'example.com', '*.example.com'),
	['certificate_expired', $clean, $ca, "now() + interval '1 hour'"], ['certificate_not_yet_valid', $clean, $ca, "now() - interval '1 hour'"], ['certificate_revoked', $leaf, $ca, 'NULL', "'server'", quoted($bundle)], ['certificate_revoked', $other, $ca, 'NULL', "'any'", quoted($bundle)],
	['good', $clean, $ca, 'NULL', "'any'", quoted($bundle)], ['crl_missing', $clean, $ca, 'NULL', "'any'", quoted($foreign_lists)], ['issuer_unknown', $clean, $foreign], ['signature_invalid', $broken, $ca], ['issuer_unknown', $ca, $foreign],
	['certificate_malformed', 'x', $ca], ['trust_malformed', $clean, 'x'], ['trust_malformed', $clean, ''], ['crl_malformed', $clean, $ca, 'NULL', "'any'", "''"], ['purpose_invalid', $clean, $ca, 'NULL', "'x'"], ['argument_missing', $clean, $ca, 'NULL', 'NULL'],
	['validity_unbounded', $clean, $ca, "'infinity'"],
) {
	my ($want, @ask) = @$_;
	is word(@ask), $want, "verify_x509: $want" or diag $s->message // '';
}
# X10 a list that is over, not yet there, or altered
my $long = $v->uuid;
$s->value($v->server($long, valid_before => "now() + interval '30 days'", valid_after => "now() - interval '1 day'"));
$long = ($v->finish($s, $long))[1] . "\n";
is word($long, $ca, "now() + interval '6 days'", "'server'", quoted($bundle)), 'good', 'a list serves for 7 days';
is word($long, $ca, "now() + interval '8 days'", "'server'", quoted($bundle)), 'crl_expired', 'X10 and then no more';
is word($long, $ca, "now() - interval '1 hour'", "'server'", quoted($bundle)), 'crl_not_yet_valid', 'X10 not before it was made';
my $altered = der($bundle);
is word($long, $ca, 'NULL', "'server'", quoted(pem(substr($altered, 0, -1) . chr(ord(substr $altered, -1) ^ 1), 'X509 CRL'))), 'crl_invalid', 'X10 not signed by another';
# X6, X8: what leaves is DER to the strictest reader, its serial positive, of 8 bytes at most, never the same
my @serials = map { my $i = $v->uuid; $s->value($v->client($i)); $s->value('SELECT serial FROM sftca.parse_certificate_x509(' . quoted(($v->finish($s, $i))[1]) . ')') } 1 .. 20;
is scalar(grep { $_ > 0 && $_ < 2**63 } @serials), 20, 'X6 serials are positive, in 63 bits';
is scalar(keys %{ { map { ($_ % 4194304 => 1) } @serials } }), 20, '  with 22 bits of chance';
# a leaf that signs another
openssl('req', '-new', '-newkey', 'ed25519', '-nodes', '-keyout', "$dir/l.key", '-out', "$dir/l.csr", '-subj', '/CN=l');
openssl('req', '-new', '-newkey', 'ed25519', '-nodes', '-keyout', "$dir/m.key", '-out', "$dir/m.csr", '-subj', '/CN=m');
openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', "$dir/r.key", '-out', "$dir/r.pem", '-days', 9, '-subj', '/CN=r', '-addext', 'keyUsage=critical,keyCertSign');
my $ext = sub { $v->write_file('e', "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n") };
openssl('x509', '-req', '-in', "$dir/l.csr", '-CA', "$dir/r.pem", '-CAkey', "$dir/r.key", '-set_serial', 5, '-days', 8, '-extfile', $ext->(), '-out', "$dir/l.pem");
openssl('x509', '-req', '-in', "$dir/m.csr", '-CA', "$dir/l.pem", '-CAkey', "$dir/l.key", '-set_serial', 6, '-days', 8, '-extfile', $ext->(), '-out', "$dir/m.pem");
is word(slurp('l.pem'), slurp('r.pem')), 'good', 'an ordinary leaf';
is word(slurp('m.pem') . slurp('l.pem'), slurp('r.pem')), 'authority_invalid', 'X9 a leaf is no authority';
done_testing;
