#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 authorities below an outside root: openssl signs their requests and verifies what they sign.
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
my $serial = 1000;
sub openssl { return $v->db->must('openssl', @_) }
sub slurp { return Sft::Db::slurp("$dir/$_[0]") }

# An outside authority: root('corp', key => 'rsa:2048'), middle('dept', by => 'corp', ext => '…')
my %curve = (p256 => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], p384 => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ed25519 => ['-newkey', 'ed25519'], rsa => ['-newkey', 'rsa:2048'], rsa1024 => ['-newkey', 'rsa:1024']);
sub root
{
	my ($name, %opt) = @_;
	openssl('req', '-x509', @{ $curve{ $opt{key} // 'p256' } }, '-nodes', '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem", '-days', 3650, '-subj', "/CN=$name", '-addext', 'keyUsage=critical,keyCertSign,cRLSign', @{ $opt{more} // [] });
}
sub sign
{
	my ($csr, $by, $ext, $out, @more) = @_;
	$v->write_file('ext', $ext);
	openssl('x509', '-req', '-in', $csr, '-CA', "$dir/$by.pem", '-CAkey', "$dir/$by.key", '-set_serial', ++$serial, '-extfile', "$dir/ext", '-out', "$dir/$out.pem", '-days', 365, @more);
	return slurp("$out.pem");
}
sub middle
{
	my ($name, $by, $ext) = @_;
	openssl('req', '-new', @{ $curve{p256} }, '-nodes', '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr", '-subj', "/CN=$name");
	return sign("$dir/$name.csr", $by, $ext, $name);
}
my $ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
my $last = $ca =~ s/CA:TRUE/CA:TRUE,pathlen:0/r;
sub request { my ($authority, $generation) = @_; my @pem = $s->run("SELECT sftca.authority_request('$authority', " . ($generation // 'NULL') . ')'); diag $s->message if defined $s->error; return $v->write_file('request.csr', join "\n", @pem, '') }
sub certify { my ($authority, $generation, @pem) = @_; my $chain = join '', @pem; $s->run("SELECT sftca.authority_certify('$authority', $generation, \$chain\$$chain\$chain\$)"); return $s->code }
sub bundle { return $v->write_file('bundle.pem', join "\n", $s->run("SELECT sftca.trust_bundle('$_[0]')"), '') }
sub made { my ($how, %over) = @_; my $id = $v->uuid; $s->value($v->$how($id, %over)); diag $s->message if defined $s->error; return $v->write_file('leaf.pem', (($v->finish($s, $id))[1] // '') . "\n") }
sub verify { my (@argv) = @_; my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', @argv); return $rc == 0 ? 'ok' : $out =~ /lookup: (.*)/ ? $1 : $out }

root('corp', key => 'p384');
my $corp = slurp('corp.pem');
my $dept = middle('dept', 'corp', $ca);

for my $algorithm (qw(ecdsa-p256 ed25519 ecdsa-p384 ecdsa-p521 rsa-2048)) {
	my $a = $s->value("SELECT sftca.authority_create_subordinate('$algorithm', 'below')");
	is $s->error, undef, "$algorithm: made";
	my $csr = request($a);
	like +($v->db->command('openssl', 'req', '-verify', '-noout', '-in', $csr))[1], qr/verify OK/, '  its request verifies';
	is certify($a, 1, sign($csr, 'dept', $last, 'sub'), $dept, $corp), undef, '  certified' or diag $s->message;
	$s->run("SELECT sftca.key_activate('$a', 1)");
	is $s->error, undef, '  activated';
	for (['client', 'sslclient'], ['server', 'sslserver']) {
		my $leaf = made($_->[0], authority => "'$a'");
		is verify('-purpose', $_->[1], '-CAfile', bundle($a), $leaf), 'ok', "  a $_->[0] verifies with the trust bundle";
		my $shown = $v->write_file('shown.pem', join "\n", $s->run("SELECT sftca.issuer_chain('$a')"), '');
		is verify('-purpose', $_->[1], '-CAfile', "$dir/corp.pem", '-untrusted', $shown, $leaf), 'ok', '  and with the root alone and what is shown';
		isnt verify('-purpose', $_->[1], '-CAfile', "$dir/corp.pem", $leaf), 'ok', '  not with the root alone';
	}
	my $leaf = made('server', authority => "'$a'");
	$s->value("SELECT sftca.revoke('$a', serial, serial, 'lost') FROM sftca.certificates ORDER BY serial DESC LIMIT 1");
	my $lists = $v->write_file('lists.pem', join "\n", $s->run("SELECT sftca.crl_bundle('$a')"), '');
	is verify('-crl_check', '-CRLfile', $lists, '-CAfile', bundle($a), $leaf), 'certificate revoked', '  its list works';
	$v->write_file('list.der', decode_base64(join '', $s->run("SELECT encode(sftca.crl('$a'), 'base64')")));
	like +($v->db->command('openssl', 'crl', '-inform', 'DER', '-noout', '-in', "$dir/list.der", '-CAfile', bundle($a)))[1], qr/verify OK/, '  and verifies';
}

# the request
my $a = $s->value("SELECT sftca.authority_create_subordinate()");
my $csr = request($a);
my $text = openssl('req', '-noout', '-text', '-in', $csr);
like $text, qr{Subject: O ?= ?sft, CN ?= ?\Q$a\E/1\n}, 'the request names the generation';
like $text, qr/CA:TRUE, pathlen:0/, '  asks to be an authority';
like $text, qr/Certificate Sign, CRL Sign/, '  that signs certificates and lists';
is $s->value("SELECT certificate_missing FROM sftca.authority_list WHERE authority_id = '$a'"), 't', 'the list of authorities tells that it waits';

# until the chain is there it does nothing
for (["SELECT sftca.key_activate('$a', 1)", 'certificate_missing'], ["SELECT sftca.trust_bundle('$a')", 'certificate_missing'], ["SELECT sftca.crl_bundle('$a')", 'certificate_missing'], ["SELECT sftca.crl('$a', 1)", 'certificate_missing'],
	["SELECT sftca.issuer_chain('$a', 1)", 'certificate_missing'], [$v->client($v->uuid, authority => "'$a'"), 'key_not_active']) {
	my ($sql, $word) = @$_;
	$s->run($sql);
	is $s->code, $word, $sql =~ /(\w+)\(/ ? "$1 refuses with $word" : $word;
}
for (["SELECT sftca.authority_request('$v->{x509}')", 'authority_self_signed'], ["SELECT sftca.authority_request('$v->{ssh_user}')", 'authority_purpose'], ['SELECT sftca.authority_request(gen_random_uuid())', 'authority_unknown'], ["SELECT sftca.authority_request('$a', 7)", 'generation_unknown'],
	["SELECT sftca.authority_certify('$v->{x509}', 1, 'x')", 'authority_self_signed'], ["SELECT sftca.authority_certify('$a', 2, 'x')", 'generation_unknown'], ["SELECT sftca.authority_certify('$a', 1, NULL)", 'argument_missing'], ["SELECT sftca.authority_create_subordinate('dsa')", 'algorithm_unsupported'],
	["SELECT sftca.issuer_chain('$v->{ssh_user}')", 'authority_purpose'], ["SELECT sftca.issuer_chain('$a', 9)", 'generation_unknown']) {
	my ($sql, $word) = @$_;
	$s->run($sql);
	is $s->code, $word, "$sql: $word";
}
is $s->value("SELECT sftca.issuer_chain('$v->{x509}') = ''"), 't', 'a self-signed authority shows nothing more';

# refused chains
my $good = sign($csr, 'dept', $last, 'good');
my $direct = sign($csr, 'corp', $last, 'direct');
root('other');
my $other = slurp('other.pem');
root('weakroot', key => 'rsa1024');
root('past', more => ['-days', '1']);
my $narrow = middle('narrow', 'corp', $last);
my $noca = middle('noca', 'corp', "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
my $nosign = middle('nosign', 'corp', $ca =~ s/keyCertSign,//r);
openssl('req', '-new', @{ $curve{p256} }, '-nodes', '-keyout', "$dir/x.key", '-out', "$dir/x.csr", '-subj', "/O=sft/CN=$a\\/1");
my $foreign = sign("$dir/x.csr", 'dept', $last, 'foreign');
my $named = sign($csr, 'dept', $last, 'named', '-subj', '/O=sft/CN=somebody') ;
my $printable = sign($csr, 'dept', $last, 'cased', '-subj', "/O=SFT/CN=$a\\/1");
# a certificate by the key of one root that says it is by another of the same name
root('corp2'); openssl('req', '-x509', '-key', "$dir/corp2.key", '-out', "$dir/fake.pem", '-days', 3650, '-subj', '/CN=corp', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-addext', 'subjectKeyIdentifier=none');
my $fake = slurp('fake.pem');
my $dept2 = middle('dept2', 'corp', "${ca}nameConstraints=critical,permitted;dirName:d\n[d]\nO=acme\n");
my $der = decode_base64(join '', grep { !/---/ } split /\n/, $good);
sub pem { my ($bytes, $label) = @_; $label //= 'CERTIFICATE'; return "-----BEGIN $label-----\n" . encode_base64($bytes) . "-----END $label-----\n" }
my $key = slurp('dept.key');
for (
	['nothing', [''], 'chain_malformed'],
	['no PEM', ['hello'], 'chain_malformed'],
	['DER cut short', [pem(substr $der, 0, -1)], 'chain_malformed'],
	['a byte too much', [pem("$der\0"), $dept, $corp], 'chain_malformed'],
	['a private key in it', [$good, $key, $dept, $corp], 'chain_malformed'],
	['the request instead', [slurp('request.csr')], 'chain_malformed'],
	['an indefinite length', [pem("\x30\x80" . substr($der, 4) . "\0\0"), $dept, $corp], 'chain_malformed'],
	['no end', [$good =~ s/-----END.*//sr], 'chain_malformed'],
	['9 certificates', [$good, ($dept) x 7, $corp], 'chain_too_long'],
	['128 KiB', [$good, $dept, $corp, ' ' x 131072], 'chain_too_long'],
	['another key', [$foreign, $dept, $corp], 'chain_key'],
	['the chain upside down', [$corp, $dept, $good], 'chain_key'],
	['another name', [$named, $dept, $corp], 'chain_name'],
	['the name in another case', [$printable, $dept, $corp], 'chain_name'],
	['one left out', [$good, $corp], 'chain_order'],
	['two exchanged', [$good, $corp, $dept], 'chain_order'],
	['another root behind', [$good, $dept, $other], 'chain_order'],
	['no root', [$good, $dept], 'chain_incomplete'],
	['itself alone', [$good], 'chain_incomplete'],
	['a signature by another of that name', [$direct, $fake], 'chain_signature'],
	['a weak root', [sign($csr, 'weakroot', $last, 'w'), slurp('weakroot.pem')], 'chain_weak'],
	['SHA-1', [sign($csr, 'corp', $last, 'sha1', '-sha1'), $corp], 'chain_weak'],
	['no authority', [sign($csr, 'corp', $last =~ s/CA:TRUE,pathlen:0/CA:FALSE/r, 'leaf'), $corp], 'chain_not_authority'],
	['no constraints', [sign($csr, 'corp', $last =~ s/basicConstraints.*\n//r, 'none'), $corp], 'chain_not_authority'],
	['no authority above', [sign($csr, 'noca', $last, 'n1'), $noca, $corp], 'chain_not_authority'],
	['no lists', [sign($csr, 'corp', $last =~ s/,cRLSign//r, 'nocrl'), $corp], 'chain_key_usage'],
	['no certificates', [sign($csr, 'corp', $last =~ s/keyCertSign,//r, 'nocert'), $corp], 'chain_key_usage'],
	['no key usage', [sign($csr, 'corp', $last =~ s/keyUsage.*\n//r, 'noku'), $corp], 'chain_key_usage'],
	['no certificates above', [sign($csr, 'nosign', $last, 'n2'), $nosign, $corp], 'chain_key_usage'],
	['a path too long', [sign($csr, 'narrow', $last, 'n3'), $narrow, $corp], 'chain_path_length'],
	['no key identifier', [sign($csr, 'corp', $last =~ s/subjectKeyId.*\n/subjectKeyIdentifier=none\n/r, 'noski'), $corp], 'chain_key_identifier'],
	['an unknown critical extension', [sign($csr, 'corp', "${last}1.2.3.4=critical,DER:0500\n", 'crit'), $corp], 'chain_refused'],
	['a usage that is neither', [sign($csr, 'corp', "${last}extendedKeyUsage=codeSigning\n", 'eku'), $corp], 'chain_refused'],
	['a name constraint that forbids it', [sign($csr, 'dept2', $last, 'nc'), $dept2, $corp], 'chain_refused'],
) {
	my ($what, $chain, $word) = @$_;
	is certify($a, 1, @$chain), $word, "refused: $what" or diag $s->message;
	like $s->message, qr/^chain: /, '  says where' if $word =~ /malformed|too_long/;
	unlike $s->message, qr/PRIVATE|MC4C|MIGH/, '  repeats nothing of it' if $what =~ /private/;
}
is $s->value("SELECT certificate_pem IS NULL FROM sftca.authority_keys WHERE authority_id = '$a'"), 't', 'none was taken';

# time: not yet, no more, and what is signed ends with its authority
$s->run("SELECT * FROM sftca.chain_check(\$c\$$good$dept$corp\$c\$, (SELECT public_key FROM sftca.keys WHERE authority_id = '$a'), '$a/1', now() + interval '$_')"), is $s->code, 'chain_validity', "X7 at $_" for '400 days', '-1 day';
is certify($a, 1, "Subject: something that openssl ca writes\n", $good =~ s/\n/\r\n/gr, "\n# and more\n", $dept, $corp), undef, 'text around it and CRLF are no matter' or diag $s->message;
is $s->value("SELECT certificate_missing FROM sftca.authority_list WHERE authority_id = '$a'"), 'f', 'it waits no more';
$s->run("SELECT sftca.key_activate('$a', 1)");
is $s->value("SELECT array_to_string(regexp_matches(sftca.trust_bundle('$a'), 'BEGIN CERTIFICATE.*BEGIN CERTIFICATE.*BEGIN CERTIFICATE'), '') IS NOT NULL"), 't', 'the bundle has all three';
$s->value("UPDATE sftca.authority_keys SET certificate_expires_at = now() + interval '1 hour' WHERE authority_id = '$a' RETURNING 1");
my $fresh = $v->db->session('postgres');
$fresh->run($v->client($v->uuid, authority => "'$a'", valid_before => "now() + interval '2 hours'"));
is $fresh->code, 'validity_beyond_authority', 'C4 X7 nothing outlives the chain';
$fresh->run($v->client($v->uuid, authority => "'$a'", valid_before => "now() + interval '50 minutes'"));
is $fresh->error, undef, '  what ends before does';
is certify($a, 'NULL', sign($csr, 'dept', $last, 'renewed'), $dept, $corp), undef, 'the same key is certified anew' or diag $s->message;
$fresh->run($v->client($v->uuid, authority => "'$a'", valid_before => "now() + interval '2 hours'"));
is $fresh->error, undef, '  also for a backend that had the old end in mind' or diag $fresh->message;
$s->value("UPDATE sftca.authority_keys SET certificate_expires_at = now() + interval '1 hour' WHERE authority_id = '$a' RETURNING 1");
$fresh->run($v->client($v->uuid, authority => "'$a'", valid_before => "now() + interval '2 hours'"));
is $fresh->code, 'validity_beyond_authority', '  and one that had a later end in mind learns of an earlier one';
$s->value("UPDATE sftca.authority_keys SET certificate_expires_at = now() + interval '300 days' WHERE authority_id = '$a' RETURNING 1");
is certify($a, 1, sign($csr, 'dept', $last =~ s/subjectKeyIdentifier=hash/subjectKeyIdentifier=01020304/r, 'other_id'), $dept, $corp), 'chain_key_identifier', '  but never under another key identifier';

# a key identifier that is not ours to choose
my $b = $s->value("SELECT sftca.authority_create_subordinate()");
is certify($b, 1, sign(request($b), 'corp', $last =~ s/subjectKeyIdentifier=hash/subjectKeyIdentifier=0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20/r, 'long_id'), $corp), undef, 'a key identifier of 32 bytes' or diag $s->message;
$s->run("SELECT sftca.key_activate('$b', 1)");
my $leaf = made('client', authority => "'$b'");
like openssl('x509', '-noout', '-text', '-in', $leaf), qr/Authority Key Identifier: *\n\s+01:02:03:04/, '  is in what it signs';
is verify('-CAfile', bundle($b), $leaf), 'ok', '  which verifies';

isnt verify('-CAfile', bundle($v->{x509}), $leaf), 'ok', 'X9 under another root it is nothing';

# rotation: the next one is certified too before it signs
is $s->value("SELECT sftca.key_prepare('$a')"), 2, 'the next generation';
$s->run("SELECT sftca.key_activate('$a', 2)");
is $s->code, 'certificate_missing', '  is not activated without a certificate';
is verify('-CAfile', bundle($a), made('client', authority => "'$a'")), 'ok', '  the first signs on';
is certify($a, 2, sign(request($a, 2), 'dept', $last, 'sub2'), $dept, $corp), undef, '  certified' or diag $s->message;
is scalar(() = Sft::Db::slurp(bundle($a)) =~ /BEGIN/g), 4, '  the bundle has both and each of those above once';
my $old = $v->write_file('old.pem', Sft::Db::slurp(made('client', authority => "'$a'")));
$s->run("SELECT sftca.key_activate('$a', 2)");
is verify('-CAfile', bundle($a), $_), 'ok', '  old and new verify' for $old, made('client', authority => "'$a'");
is scalar(() = join("\n", $s->run("SELECT sftca.crl_bundle('$a')")) =~ /BEGIN/g), 2, '  a list for each';
$s->run("SELECT sftca.key_retire('$a', 1)");
is certify($a, 1, $good, $dept, $corp), 'key_retired', '  a retired one is certified no more';
$s->run("SELECT sftca.authority_request('$a', 1)");
is $s->code, 'key_retired', '  nor asks for it';

# the barrier
$s->run("SELECT sftca.key_prepare('$v->{ssh_user}')");
for (["ARRAY['web01', 'web02']", 'key_not_acknowledged'], ["ARRAY['web01'], ''", 'waiver_name_invalid'], ["ARRAY['web01'], E'a\\nb'", 'waiver_name_invalid'], ["ARRAY['web01', NULL]", 'list_malformed'], ['NULL::text[]', 'list_malformed'], ["'{{a,b},{c,d}}'", 'list_malformed']) {
	my ($args, $word) = @$_;
	$s->run("SELECT sftca.key_activate('$v->{ssh_user}', 2, $args)");
	is $s->code, $word, "key_activate(…, $args): $word";
}
$s->run("SELECT sftca.key_activate('$v->{ssh_user}', 2, (SELECT array_agg('web' || g) FROM generate_series(1, 9) g))");
like $s->message, qr/^9 of those.*: web1, web2, web3, web4, web5, …$/, 'the refusal names them';
is $s->error, 'SF409', '  as a conflict';
is $s->value("SELECT state FROM sftca.keys WHERE authority_id = '$v->{ssh_user}' AND generation = 2"), 'next', '  and nothing has changed';
$s->run("SELECT sftca.key_activate('$v->{ssh_user}', 2, ARRAY['web01', 'web02'], 'carol: web01 and 02 are scrap')");
is $s->error, undef, 'somebody waives it';
is $s->value("SELECT waived_by || ' ' || waiting::text FROM sftca.key_waivers WHERE authority_id = '$v->{ssh_user}' AND generation = 2"), 'carol: web01 and 02 are scrap {web01,web02}', '  which is recorded';
$s->run("SELECT sftca.key_prepare('$v->{ssh_user}')", "SELECT sftca.key_activate('$v->{ssh_user}', 3, '{}', 'carol')");
is $s->error, undef, 'nobody waits: nothing to waive';
is $s->value("SELECT count(*) FROM sftca.key_waivers"), 1, '  and nothing recorded';
is $s->value("SELECT active_generation || ' ' || retiring_generations::text || ' ' || waivers FROM sftca.authority_list WHERE authority_id = '$v->{ssh_user}'"), '3 {1,2} 1', 'the list of authorities';
done_testing;
