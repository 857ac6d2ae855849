#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Signatures of others: every algorithm by openssl's hand, the vectors of RFC 7515, 7520, 8037 and 9421, tokens of a library that is not ours; and what no token may be.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use MIME::Base64 qw(encode_base64 decode_base64 encode_base64url decode_base64url);
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
sub quoted { my ($x) = @_; return 'NULL' unless defined $x; $x =~ s/'/''/g; return "'$x'" }
sub bytes { return "'\\x" . unpack('H*', $_[0]) . "'::bytea" }
sub verify { my ($key, $message, $signature, $algorithm) = @_; my ($good) = $s->run("SELECT sftca.verify('$key', " . bytes($message) . ', ' . bytes($signature) . ", '$algorithm')"); return $s->code // $good }
sub ssh_key { my ($pem) = @_; return join ' ', (split ' ', $v->db->must('ssh-keygen', '-i', '-m', 'PKCS8', '-f', $v->write_file('spki.pem', $pem)))[0, 1] }
sub pem { my ($b64) = @_; return "-----BEGIN PUBLIC KEY-----\n" . join("\n", $b64 =~ /.{1,64}/g) . "\n-----END PUBLIC KEY-----\n" }

# ---- every algorithm, signed by openssl ----

my %how = (ed25519 => ['ED25519'], p256 => ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], p384 => ['EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], p521 => ['EC', '-pkeyopt', 'ec_paramgen_curve:P-521'], rsa => ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']);
my %key;
for (sort keys %how) {
	$v->db->must('openssl', 'genpkey', '-quiet', '-algorithm', @{ $how{$_} }, '-out', "$dir/$_.pem") if `openssl version` !~ /^OpenSSL 3\.0/;
	$v->db->must('sh', '-c', 'openssl genpkey -algorithm "$@" 2>/dev/null', 'sh', @{ $how{$_} }, '-out', "$dir/$_.pem") if `openssl version` =~ /^OpenSSL 3\.0/;
	$key{$_} = /ed25519/ ? do {
		my $der = $v->db->must('sh', '-c', "openssl pkey -in $dir/$_.pem -pubout -outform DER | base64 -w0");
		'ssh-ed25519 ' . encode_base64(pack('N/a* N/a*', 'ssh-ed25519', substr decode_base64($der), -32), '');
	} : ssh_key($v->db->must('openssl', 'pkey', '-in', "$dir/$_.pem", '-pubout'));
}
my $message = "a message\0\xff of any bytes";
$v->write_file('message', $message);
sub by_openssl { my ($key, @options) = @_; $v->db->must('openssl', @options, "$dir/$key.pem", '-out', "$dir/out", '-in', "$dir/message") if $options[0] eq 'pkeyutl'; $v->db->must('openssl', 'dgst', @options, "$dir/$key.pem", '-out', "$dir/out", "$dir/message") if $options[0] ne 'pkeyutl'; return Sft::Db::slurp("$dir/out") }
sub pair
{
	my ($der, $width) = @_;
	my ($r, $s) = $v->db->must('sh', '-c', "openssl asn1parse -inform DER -in $dir/out") =~ /INTEGER\s+:(\w+)/g;
	return pack 'H*', join '', map { ('0' x (2 * $width - length)) . $_ } $r, $s;
}
my @signed = (['ed25519', 'ed25519', by_openssl('ed25519', 'pkeyutl', '-sign', '-rawin', '-inkey')]);
for (['p256', 256, 32], ['p384', 384, 48], ['p521', 512, 66]) {
	my ($name, $hash, $width) = @$_;
	my $der = by_openssl($name, "-sha$hash", '-sign');
	push @signed, ["ecdsa-$name-sha$hash-der", $name, $der], ["ecdsa-$name-sha$hash", $name, pair($der, $width)];
}
for my $hash (256, 512) {
	push @signed, ["rsa-v1_5-sha$hash", 'rsa', by_openssl('rsa', "-sha$hash", '-sign')], ["rsa-pss-sha$hash", 'rsa', by_openssl('rsa', "-sha$hash", '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest', '-sign')];
}
for (@signed) {
	my ($algorithm, $name, $signature) = @$_;
	is verify($key{$name}, $message, $signature, $algorithm), 't', "$algorithm";
	is verify($key{$name}, "$message.", $signature, $algorithm), 'f', '  another message';
	for my $at (0, int(length($signature) / 2), length($signature) - 1) {
		my $bent = $signature;
		substr $bent, $at, 1, chr(ord(substr $bent, $at, 1) ^ 1);
		is verify($key{$name}, $message, $bent, $algorithm), 'f', "  byte $at bent";
	}
	is verify($key{$name}, $message, $_, $algorithm), 'f', '  length ' . length for substr($signature, 1), "$signature\0", "\0$signature", '', "\0" x length $signature;
	for my $other (@signed) {
		my $got = verify($key{$name}, $message, $signature, $other->[0]);
		next if $other->[0] eq $algorithm;
		is $got, $other->[1] eq $name ? 'f' : 'public_key_type', "  not as $other->[0]";
	}
}
is verify($key{rsa}, $message, by_openssl('rsa', '-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:20', '-sign'), 'rsa-pss-sha256'), 'f', 'PSS: a salt of another length';
is verify($key{rsa}, $message, by_openssl('rsa', '-sha1', '-sign'), 'rsa-v1_5-sha256'), 'f', 'SHA-1';
is verify($key{p256}, $message, 'x', $_), 'algorithm_unsupported', "no algorithm: '$_'" for '', 'none', 'rsa-v1_5-sha1', 'ecdsa-p256-sha512', 'hmac-sha256', 'Ed25519';
my $ssh = $v->key('ecdsa', '-b', 384);
is verify($ssh, 'x', '', 'ssh'), 'f', 'ssh: no signature';
my $canary = decode_base64((split ' ', $s->value("SELECT sftca.canary('$v->{ssh_user}', 1)"))[1]);
my $tail = 4 + 4 + 11 + 4 + 64;
is verify($s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$v->{ssh_user}'"), substr($canary, 0, -$tail), substr($canary, -$tail + 4), 'ssh'), 't', 'ssh: the signature in a certificate';

# ---- RFC 9421, appendix B ----

my %rfc = (
	ed25519 => 'ssh-ed25519 ' . encode_base64(pack('N/a* N/a*', 'ssh-ed25519', decode_base64('JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=')), ''),
	p256 => ssh_key(pem('MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==')),
	pss => ssh_key(pem('MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI2wIDAQAB')),
);
my @rfc9421 = (
	['B.2.1', 'pss', 'rsa-pss-sha512', qq("\@signature-params": ();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"),
		'd2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q=='],
	['B.2.4', 'p256', 'ecdsa-p256-sha256', join("\n", '"@status": 200', '"content-type": application/json', '"content-digest": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:', '"content-length": 23',
		'"@signature-params": ("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"'), 'wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=='],
	['B.2.6', 'ed25519', 'ed25519', join("\n", '"date": Tue, 20 Apr 2021 02:07:55 GMT', '"@method": POST', '"@path": /foo', '"@authority": example.com', '"content-type": application/json', '"content-length": 18',
		'"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'), 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=='],
);
for (@rfc9421) {
	my ($name, $which, $algorithm, $base, $signature) = @$_;
	is verify($rfc{$which}, $base, decode_base64($signature), $algorithm), 't', "RFC 9421 $name";
	is verify($rfc{$which}, $base =~ s/1618884473/1618884474/r, decode_base64($signature), $algorithm), 'f', '  another time';
}

# ---- tokens ----

sub jws
{
	my ($token, $keys, $algorithms) = @_;
	my ($json) = $s->run('SELECT to_jsonb(x) FROM sftca.jws_verify(' . quoted($token) . ', ' . quoted(ref $keys ? encode_json($keys) : $keys) . (defined $algorithms ? ", $algorithms" : '') . ') x');
	return defined $s->error ? { error => 'raised ' . $s->error . ' ' . ($s->message // '') } : decode_json($json);
}
my $joe = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
my $frodo = 'SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4';
my @vectors = (
	['RFC 7515 A.2', "eyJhbGciOiJSUzI1NiJ9.$joe.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
		{ kty => 'RSA', e => 'AQAB', n => 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ' }],
	['RFC 7515 A.3', "eyJhbGciOiJFUzI1NiJ9.$joe.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", { kty => 'EC', crv => 'P-256', x => 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y => 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' }],
	['RFC 7520 4.1', "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.$frodo.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
		{ kty => 'RSA', kid => 'bilbo.baggins@hobbiton.example', use => 'sig', e => 'AQAB', n => 'n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw' }],
	['RFC 8037 A.4', 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg', { kty => 'OKP', crv => 'Ed25519', x => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }],
);
for (@vectors) {
	my ($name, $token, $jwk) = @$_;
	my $got = jws($token, $jwk);
	is $got->{error}, undef, $name or diag explain $got;
	is $got->{payload}, '\x' . unpack('H*', decode_base64url((split /\./, $token)[1])), '  its payload';
}
is jws($vectors[0][1], $vectors[0][2])->{claims}{iss}, 'joe', 'claims';
is jws($vectors[3][1], $vectors[3][2])->{claims}, undef, 'a payload that is no object has none';
is jws('eyJhbGciOiJub25lIn0.' . $joe . '.', $vectors[1][2])->{error}, 'token_malformed', 'RFC 7515 A.5: never none';
is jws("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.$joe.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", { kty => 'oct', k => 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow' })->{error}, 'algorithm_not_allowed', 'RFC 7515 A.1: never HMAC';

my (%jose, @raw);
for (map { decode_json($_) } split /\n/, $v->db->must('/usr/bin/python3', "$FindBin::Bin/lib/jose.py")) { if ($_->{alg} eq 'raw') { push @raw, $_ } else { $jose{ $_->{alg} } = $_ } }
my @served = qw(RS256 PS256 ES256 ES384 EdDSA);
for my $alg (@served) {
	my ($token, $jwk) = @{ $jose{$alg} }{qw(token jwk)};
	my $got = jws($token, $jwk);
	is $got->{error}, undef, "$alg by another library" or diag explain $got;
	is $got->{claims}{sub}, 'alice', '  claims';
	is $got->{header}{alg}, $alg, '  header';
	my ($h, $p, $sig) = split /\./, $token;
	my $bent = encode_base64url(do { my $x = decode_base64url($sig); substr($x, 5, 1) ^= "\1"; $x });
	my $other = encode_base64url('{"sub":"mallory"}');
	for (['a bent signature', "$h.$p.$bent", 'signature_invalid'], ['another payload', "$h.$other.$sig", 'signature_invalid'], ['a short signature', "$h.$p." . encode_base64url(substr decode_base64url($sig), 1), 'signature_invalid'],
		['no signature', "$h.$p.", 'token_malformed'], ['two parts', "$h.$p", 'token_malformed'], ['four parts', "$token.x", 'token_malformed'], ['padding', "$token=", 'token_malformed'], ['a space', "$token ", 'token_malformed'], ['a line end', "$h.$p.$sig\n", 'token_malformed'],
		['another alphabet', "$h.$p." . encode_base64("\xff" x 64, ''), 'token_malformed']) {
		my $r = jws($_->[1], $jwk);
		is $r->{error}, $_->[2], "  $_->[0]: $_->[2]";
		is_deeply [@$r{qw(header payload claims)}], [undef, undef, undef], '    and nothing is told';
	}
	is jws($token, $jose{$_}{jwk})->{error}, 'key_not_for_algorithm', "  a key of $_" for grep { $jose{$_}{jwk}{kty} ne $jwk->{kty} || ($jose{$_}{jwk}{crv} // '') ne ($jwk->{crv} // '') } sort keys %jose;
	is jws($token, { %$jwk, alg => $alg, use => 'sig', key_ops => ['verify'] })->{error}, undef, '  alg, use and key_ops that fit';
	is jws($token, { %$jwk, %$_ })->{error}, 'key_not_for_algorithm', '  ' . encode_json($_) for { alg => 'RS512' }, { alg => undef }, { use => 'enc' }, { use => ['sig'] }, { key_ops => ['sign'] }, { key_ops => 'verify' }, { key_ops => [] };
	is jws($token, $jose{$alg}{private})->{error}, 'jwk_is_private', '  a private key';
	is jws($token, $jwk, "ARRAY['@{[ $alg eq 'ES256' ? 'RS256' : 'ES256' ]}']")->{error}, 'algorithm_not_allowed', '  not among the caller\'s';
	is jws($token, $jwk, $_)->{error}, 'algorithm_not_allowed', "  algorithms $_" for 'ARRAY[NULL]::text[]', "'{}'";
}
for my $alg (qw(ES512 RS512 HS256)) {
	is jws(@{ $jose{$alg} }{qw(token jwk)}, $_)->{error}, 'algorithm_not_allowed', "$alg is not among ours" for undef, "'{$alg}'";
}
is jws(@{ $jose{weak} }{qw(token jwk)})->{error}, 'public_key_weak', 'RSA of 1024 bits';
is jws($jose{RS256}{token}, { %{ $jose{RS256}{jwk} }, e => 'Aw' })->{error}, 'public_key_weak', 'exponent 3';
is jws($jose{RS256}{token}, { %{ $jose{RS256}{jwk} }, $_->[0] => $_->[1] })->{error}, 'jwk_malformed', "RSA $_->[0]: $_->[2]" for ['n', undef, 'none'], ['n', 7, 'a number'], ['n', 'AA' . $jose{RS256}{jwk}{n}, 'zeros in front'], ['e', 'AAEAAQ', 'zeros in front'], ['n', "$jose{RS256}{jwk}{n}=", 'padding'], ['e', '', 'empty'];
is jws($jose{ES256}{token}, { %{ $jose{ES256}{jwk} }, x => encode_base64url(substr decode_base64url($jose{ES256}{jwk}{x}), 1) })->{error}, 'jwk_malformed', 'a short coordinate';
is jws($jose{ES256}{token}, { %{ $jose{ES256}{jwk} }, x => $jose{ES256}{jwk}{y} })->{error}, 'public_key_point', 'a point off the curve';
is jws($jose{EdDSA}{token}, { %{ $jose{EdDSA}{jwk} }, x => encode_base64url("\0" x 32) })->{error}, 'public_key_point', 'a point of low order';
is jws($jose{ES256}{token}, $_)->{error}, 'key_not_for_algorithm', "a key that is $_" for '[]', '7', '"x"', 'null', '{}', '{"kty": "EC"}', '{"keys": [{}]}', '{"keys": [7]}';
is jws($jose{ES256}{token}, $_)->{error}, 'key_unknown', "a set that is $_" for '{"keys": []}';
is jws(undef, '{}')->{error}, 'argument_missing', 'no token';
is jws($jose{ES256}{token}, undef)->{error}, 'argument_missing', 'no key';

# a set, by kid
my $named = { %{ $jose{ES256}{jwk} }, kid => 'one' };
my @others = ({ %{ $jose{RS256}{jwk} }, kid => 'two' }, { kty => 'new', kid => 'three' }, { %{ $jose{PS256}{jwk} } });
is jws($jose{ES256}{kid}, { keys => [@others, $named] })->{error}, undef, 'a set: by kid';
is jws($jose{ES256}{kid}, { keys => [@others] })->{error}, 'key_unknown', '  no such kid';
is jws($jose{ES256}{kid}, { keys => [@others, { %$named, kid => 'One' }] })->{error}, 'key_unknown', '  nor in another case';
is jws($jose{ES256}{kid}, { keys => [{ %{ $jose{RS256}{jwk} }, kid => 'one' }] })->{error}, 'key_not_for_algorithm', '  a kid of another type';
is jws($jose{ES256}{kid}, { keys => [{ %{ $jose{RS256}{jwk} }, kid => 'one' }, $named] })->{error}, undef, '  a kid of two types';
is jws($jose{ES256}{kid}, { keys => [$named, $named] })->{error}, 'key_ambiguous', '  a kid twice';
is jws($jose{ES256}{kid}, $jose{ES256}{jwk})->{error}, undef, '  one key without a name';
is jws($jose{ES256}{kid}, { %$named, kid => 'two' })->{error}, 'key_unknown', '  one key of another name';
is jws($jose{ES256}{token}, { keys => [@others, $named] })->{error}, undef, '  without kid: the only one that serves';
is jws($jose{ES256}{token}, { keys => [$named, { %$named, kid => 'four' }] })->{error}, 'key_ambiguous', '  without kid: two that serve';

my %word = ('a name twice' => 'header_malformed', critical => 'header_critical', 'crit without a name' => 'header_critical', 'unencoded payload' => 'header_critical', 'b64 that is true' => 'header_critical', 'another case' => 'algorithm_not_allowed', none => 'algorithm_not_allowed', HMAC => 'algorithm_not_allowed', 'a header of 70000 bytes' => 'token_too_long');
for (@raw) {
	my $r = jws(@$_{qw(token jwk)});
	is $r->{error}, $_->{name} =~ /^fine/ ? undef : $word{ $_->{name} } // 'header_malformed', "well signed: $_->{name}";
	is $r->{claims}, undef, '  claims that can be read in two ways are none' if $_->{name} =~ /twice$/;
}

# ---- the other way: our keys as a library reads them ----
for my $alg (@served) {
	is $s->value('SELECT (sftca.parse_public_key(sftca.jwk_public_key(' . quoted(encode_json($jose{$alg}{jwk})) . '))).type'), { RS256 => 'ssh-rsa', PS256 => 'ssh-rsa', ES256 => 'ecdsa-sha2-nistp256', ES384 => 'ecdsa-sha2-nistp384', EdDSA => 'ssh-ed25519' }->{$alg}, "jwk_public_key: $alg";
}
for (['{"kty": "oct", "k": "AA"}', 'jwk_symmetric'], ['[]', 'jwk_malformed'], ['null', 'jwk_malformed'], ['{"kty": "EC", "crv": "secp256k1"}', 'jwk_type'], ['{"kty": "OKP", "crv": "X25519"}', 'jwk_type'], ['{"kty": "RSA", "crv": "P-256"}', 'jwk_type'], ['{}', 'jwk_type'], ['{"kty": "EC", "crv": "P-256"}', 'jwk_malformed']) {
	$s->run("SELECT sftca.jwk_public_key('$_->[0]')");
	is $s->code, $_->[1], "jwk_public_key($_->[0])";
}
$s->run('SELECT sftca.jwk_public_key(NULL)');
is $s->code, 'jwk_malformed', 'jwk_public_key(NULL)';
is $s->value("SELECT sftca.base64url_decode('$_') IS NULL"), 't', "base64url '$_'" for 'A', 'AB', 'AA=', 'AA==', '+w', '/w', 'A A', "AA\n", 'AAAAA';
is $s->value("SELECT encode(sftca.base64url_decode('-_8'), 'hex')"), 'fbff', 'base64url';

# ---- the base of a request's signature ----
{
	my $input = 'sft=("@method" "@authority" "@path" "@query" "content-digest");created=1763900000;nonce="0b3fdb0c-7b0c-4f0e-9f0a-0a1b2c3d4e5f";keyid="client/0b3fdb0c-7b0c-4f0e-9f0a-0a1b2c3d4e5f";alg="ed25519";tag="sft1"';
	my $digest = 'sha-256=:' . encode_base64(decode_base64('RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='), '') . ':';
	my $base = join "\n", '"@method": POST', '"@authority": sft.example.com', '"@path": /v1/teams/acme/credentials', '"@query": ?a=b', "\"content-digest\": $digest", '"@signature-params": ' . substr $input, 4;
	my $call = sub { my @a = map { quoted($_) } @_; $a[2] .= '::bytea'; return join "\n", $s->run('SELECT sftca.signature_base(' . join(', ', @a) . ')') };
	my @request = ('POST', 'sft.example.com', '/v1/teams/acme/credentials?a=b', $digest, $input);
	is $call->(@request), $base, 'signature_base';
	$v->write_file('message', $base);
	my $signature = by_openssl('ed25519', 'pkeyutl', '-sign', '-rawin', '-inkey');
	is verify($key{ed25519}, $call->(@request), $signature, 'ed25519'), 't', '  is what is signed';
	my $blob = $s->value("SELECT blob FROM sftca.parse_public_key('$key{ed25519}')");
	is $s->value("SELECT sftca.verify_request('$blob', 'POST', 'sft.example.com', '/v1/teams/acme/credentials?a=b', '{}', " . join(', ', map { quoted($_) } $digest, $input, 'sft=:' . encode_base64($signature, '') . ':') . ') IS NULL'), 't', '  and what verify_request takes';
	for (['a lower-case method', 0, 'post'], ['a line end in the authority', 1, "x\ny"], ['no path', 2, 'x'], ['no digest', 3, undef], ['a line end in the digest', 3, "$digest\n"], ['another input', 4, 'sig1=()'], ['no method', 0, undef]) {
		my ($name, $i, $value) = @$_;
		my @bent = @request;
		$bent[$i] = $value;
		is $call->(@bent), '', "  $name: none";
	}
}

done_testing;
