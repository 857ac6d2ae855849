#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 server certificates and the names in certificates, as openssl and curl understand them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $ca = $v->write_file('ca.pem', join "\n", $s->run("SELECT sftca.trust_bundle('$v->{x509}')"), '');
sub made { my ($how, %over) = @_; my $id = $v->uuid; $s->value($v->$how($id, %over)); is $s->error, undef, '  recorded' or diag $s->message; return (($v->finish($s, $id))[1] // '', $id) }
sub saved { my ($pem) = @_; return $v->write_file('leaf.pem', "$pem\n") }
sub verify { my ($file, @more) = @_; my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-CAfile', $ca, @more, $file); return $rc == 0 ? 'ok' : $out =~ /lookup: (.*)/ ? $1 : $out }
sub text { return $v->db->must('openssl', 'x509', '-noout', '-text', '-in', @_) }
sub column { my ($id, $what) = @_; return $s->value("SELECT $what FROM sftca.certificates WHERE id = '$id'") }

# every algorithm of authority and of subject
my %subject = (ed25519 => $v->key('ed25519'), p256 => $v->key('ecdsa', '-b', 256), p384 => $v->key('ecdsa', '-b', 384), p521 => $v->key('ecdsa', '-b', 521), rsa => $v->key('rsa', '-b', 2048));
for my $algorithm (qw(ecdsa-p256 ed25519 ecdsa-p384 ecdsa-p521 rsa-2048)) {
	my $other = $s->value("SELECT sftca.authority_create('x509', '$algorithm')");
	my $bundle = $v->write_file('other.pem', join "\n", $s->run("SELECT sftca.trust_bundle('$other')"), '');
	for my $type (sort keys %subject) {
		my $file = saved((made(server => authority => "'$other'", public_key => "'$subject{$type}'"))[0]);
		my (undef, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'web01.example.com', '-CAfile', $bundle, $file);
		like $out, qr/: OK$/m, "$algorithm signs for $type";
	}
}

# what is in it
my ($pem, $id) = made(server => dns_names => "'{web01.example.com,web01}'", ip_addresses => "'{192.0.2.7,2001:db8::7}'", uris => "'{spiffe://acme/web}'", emails => "'{ops\@example.com}'",
	common_name => "'web01'", uri => "'sft://acme/prod/web01'", valid_before => "now() + interval '32 days'");
my $file = saved($pem);
my $text = text($file);
like $text, qr/URI:sft:\/\/acme\/prod\/web01, DNS:web01.example.com, DNS:web01, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, URI:spiffe:\/\/acme\/web, email:ops\@example.com/, 'every name';
like $text, qr/Subject: O ?= ?acme, OU ?= ?prod, CN ?= ?web01\n/, 'the subject';
like $text, qr/Extended Key Usage: *\n\s+TLS Web Server Authentication\n/, 'for servers alone';
like $text, qr/Key Usage: critical\n\s+Digital Signature\n/, 'its key usage';
like $text, qr/Basic Constraints: critical\n\s+CA:FALSE\n/, 'no authority';
is verify($file, '-purpose', 'sslserver'), 'ok', 'good for a server';
isnt verify($file, '-purpose', 'sslclient'), 'ok', '  not for a client';
is verify($file, '-purpose', 'sslserver', '-verify_ip', '192.0.2.7'), 'ok', '  by address';
is verify($file, '-purpose', 'sslserver', '-verify_ip', '2001:db8::7'), 'ok', '  by the other';
isnt verify($file, '-purpose', 'sslserver', '-verify_ip', '192.0.2.8'), 'ok', '  not by another';
isnt verify($file, '-purpose', 'sslserver', '-verify_hostname', 'web02.example.com'), 'ok', '  nor another name';
isnt verify($file, '-purpose', 'crlsign'), 'ok', 'X9 a leaf is no authority';
is column($id, 'kind'), 'x509_server', 'the record: kind';
is column($id, 'key_id'), 'sft://acme/prod/web01', '  key_id is the URI';
is column($id, 'principals'), '{web01.example.com,web01,192.0.2.7,2001:db8::7}', '  principals are what it is addressed by';
is column($id, 'extensions'), '{organization=acme,organizational_unit=prod,common_name=web01,subject_alt_name=DNS:web01.example.com,subject_alt_name=DNS:web01,subject_alt_name=IP:192.0.2.7,subject_alt_name=IP:2001:db8::7,subject_alt_name=URI:spiffe://acme/web,subject_alt_name=email:ops@example.com}', '  extensions are every name';
like $v->db->must('certtool', '--verify', '--load-ca-certificate', $ca, '--infile', $file), qr/Verified/, 'certtool takes it';

# wildcards, IDNA, an address alone, no common name; 64 names
($pem) = made(server => dns_names => "'{*.example.com}'", wildcards => 'true');
is verify(saved($pem), '-verify_hostname', 'a.example.com'), 'ok', 'a wildcard that was asked for';
isnt verify(saved($pem), '-verify_hostname', 'a.b.example.com'), 'ok', '  stands for one label';
($pem) = made(server => dns_names => "'{xn--bcher-kva.example}'");
is verify(saved($pem), '-verify_hostname', 'xn--bcher-kva.example'), 'ok', 'an A-label';
($pem) = made(server => dns_names => "'{}'", ip_addresses => "'{10.0.0.1}'");
unlike text(saved($pem)), qr/Subject:.*CN ?=/, 'no common name unless asked for';
is verify(saved($pem), '-verify_ip', '10.0.0.1'), 'ok', 'an address alone';
($pem) = made(server => dns_names => "(SELECT array_agg(repeat('a', 60) || '.' || repeat('b', 60) || '.' || repeat('c', 60) || '.h' || g) FROM generate_series(1, 64) g)");
is scalar(() = text(saved($pem)) =~ /DNS:/g), 64, '64 long names';

# clients with more names
($pem, $id) = made(client => more => "'{laptop.example.com}', '{192.0.2.9}', '{}', '{alice\@example.com}'");
like text(saved($pem)), qr/URI:sft:\/\/acme\/prod\/alice, DNS:laptop.example.com, IP Address:192.0.2.9, email:alice\@example.com/, 'a client with more names';
is verify(saved($pem), '-purpose', 'sslclient'), 'ok', '  good for a client';
is column($id, 'extensions'), '{organization=acme,organizational_unit=prod,subject_alt_name=DNS:laptop.example.com,subject_alt_name=IP:192.0.2.9,subject_alt_name=email:alice@example.com}', '  its record';
is column($id, 'principals'), '{alice}', '  its principal';

# refusals
my $before = $s->value('SELECT count(*) FROM sftca.certificates');
for (
	(map { ["X3 the host name '$_->[0]'", { dns_names => "ARRAY[E'$_->[0]']" }, 'dns_name_invalid'] } [''], ['Web01'], ['web_01'], ['-web'], ['web-'], ['a..b'], ['.a'], ['a.'], ['a b'], ['a,b'], ['a\nb'], ['10.0.0.1'], ['web.1'], ['b\u00fccher.example'],
		['xn--'], ['xn--a'], ['xn--99999999'], ['xn--abc-'], ['ab--c'], ['a' x 64], [join '.', ('a' x 63) x 4], ['web*.example.com'], ['a.*.example.com'], ['https://a'], ['a:443']),
	['X3 a wildcard nobody asked for', { dns_names => "'{*.example.com}'" }, 'dns_name_wildcard'],
	['X3 a bare wildcard nobody asked for', { dns_names => "'{*}'" }, 'dns_name_wildcard'],
	['X3 a wildcard of a top domain', { dns_names => "'{*.com}'", wildcards => 'true' }, 'dns_name_invalid'],
	['X3 a wildcard alone', { dns_names => "'{*}'", wildcards => 'true' }, 'dns_name_invalid'],
	['X3 two wildcards', { dns_names => "'{*.*.example.com}'", wildcards => 'true' }, 'dns_name_invalid'],
	['X3 no name', { dns_names => "'{}'" }, 'alt_name_missing'],
	['X3 only a URI', { dns_names => "'{}'", uris => "'{https://a/}'" }, 'alt_name_missing'],
	['X3 a name twice', { dns_names => "'{a,b,a}'" }, 'alt_name_repeated'],
	['X3 1000 names', { dns_names => "(SELECT array_agg('h' || g) FROM generate_series(1, 1000) g)" }, 'alt_name_too_many'],
	['X3 65 names', { dns_names => "(SELECT array_agg('h' || g) FROM generate_series(1, 65) g)" }, 'alt_name_too_many'],
	['X3 a network', { ip_addresses => "'{10.0.0.0/8}'" }, 'ip_address_mask'],
	['X3 an address with a mask', { ip_addresses => "'{2001:db8::1/64}'" }, 'ip_address_mask'],
	(map { ["X3 the address $_", { ip_addresses => "'{$_}'" }, 'ip_address_invalid'] } '0.0.0.0', '::', '::ffff:10.0.0.1', '224.0.0.1', '255.255.255.255', 'ff02::1'),
	(map { ["X3 the URI '$_'", { uris => "ARRAY[E'$_']" }, 'uri_invalid'] } '', 'a', '//a', 'http:a', 'http://', 'http://a\nb', 'http://a b', '1http://a', 'http://a#b', 'HTTP://a', 'http://' . 'a' x 400),
	(map { ["X3 the address '$_'", { emails => "ARRAY[E'$_']" }, 'email_invalid'] } '', 'a', '@b', 'a@', 'a@b@c', 'a b@c', 'a.@c', '.a@c', 'a..b@c', 'a@B', 'a\n@c', ('a' x 65) . '@c', 'a@10.0.0.1'),
	['X4 a common name that is no name of it', { common_name => "'other'" }, 'common_name_invalid'],
	['X4 a common name past 64', { common_name => "repeat('a', 40) || '.' || repeat('b', 40)", dns_names => "ARRAY[repeat('a', 40) || '.' || repeat('b', 40)]" }, 'common_name_invalid'],
	['X4 a bad organization', { organization => "E'a\\nb'" }, 'organization_invalid'],
	['X4 a bad unit', { organizational_unit => "'a/b'" }, 'organizational_unit_invalid'],
	['X a URI of somebody else', { uri => "'https://x/'" }, 'uri_invalid'],
	['C4 longer than a server\'s may be', { valid_before => "now() + interval '33 days'" }, 'validity_too_long'],
	['C14 an SSH authority', { authority => "'$v->{ssh_host}'" }, 'authority_purpose'],
	['S4 a NULL name', { dns_names => "'{NULL}'" }, 'list_malformed'],
	['S4 a NULL address', { ip_addresses => "'{NULL}'" }, 'list_malformed'],
	['S4 two dimensions', { ip_addresses => "'{{10.0.0.1},{10.0.0.2}}'" }, 'list_malformed'],
	(map { ["S4 NULL for $_", { $_ => 'NULL' }, 'argument_missing'] } qw(id authority public_key organization organizational_unit valid_after valid_before dns_names ip_addresses uris emails)),
) {
	my ($name, $over, $word) = @$_;
	$s->run($v->server($v->uuid, %$over));
	is $s->code, $word, $name or diag $s->error // 'no error';
}
$s->run($v->client($v->uuid, more => "'{*.example.com}'"));
is $s->code, 'dns_name_wildcard', 'X3 a client never has a wildcard';
is $s->value('SELECT count(*) FROM sftca.certificates'), $before, 'no row came of it';

# C4, X7 an authority that signs its own certificate ends after ten years, and nothing outlives it
my $aged = $s->value("SELECT sftca.authority_create('x509')");
$s->run("UPDATE sftca.authority_keys SET created_at = now() - interval '3652 days' + interval '2 days' WHERE authority_id = '$aged'");
my $fresh = $v->db->session('postgres');
$fresh->run($v->server($v->uuid, authority => "'$aged'", valid_before => "now() + interval '3 days'"));
is $fresh->code, 'validity_beyond_authority', 'C4 X7 nothing is good beyond the end of its own certificate';
$fresh->run($v->server($v->uuid, authority => "'$aged'", valid_before => "now() + interval '1 day'"));
is $fresh->error, undef, '  what ends before it is';

# the record decides: what is altered in it is not signed
for (["kind = 'x509_client'", 'kind'], ["principals = '{web02.example.com}'", 'principals'], ["extensions = extensions || 'subject_alt_name=DNS:web02'::text", 'a name more'], ["extensions = extensions[1:2]", 'a name less'], ["key_id = 'sft://acme/prod/root'", 'key_id'],
	["extensions[3] = 'common_name=web02'", 'common name'], ["valid_before = valid_before + interval '1 s'", 'X7 a second more']) {
	my ($change, $what) = @$_;
	my $id = $v->uuid;
	$s->value($v->server($id, common_name => "'web01.example.com'", uri => "'sft://acme/prod/web01'"));
	$s->run("UPDATE sftca.certificates SET $change WHERE id = '$id'");
	is +($v->finish($s, $id))[0], 'damaged', "altered: $what";
}

# revoked: in the list until a day after its end, and not signed again
my $sid = $v->uuid;
my $serial = $s->value($v->server($sid, valid_before => "now() + interval '20 days'"));
$file = saved(($v->finish($s, $sid))[1]);
$s->value("SELECT sftca.revoke('$v->{x509}', $serial, $serial, 'key_compromise')");
is $s->value("SELECT expires_at > now() + interval '32 days' FROM sftca.revocations WHERE serial_to = $serial"), 't', 'a revocation outlives every server certificate of its range';
my $lists = sub { return $v->write_file('lists.pem', join "\n", $s->run("SELECT sftca.crl_bundle('$v->{x509}')"), '') };
is verify($file, '-crl_check', '-CRLfile', $lists->()), 'certificate revoked', 'revoked';
is +($v->finish($s, $sid))[0], 'revoked', '  and not signed again';
$s->run("UPDATE sftca.certificates SET valid_before = now() - interval '23 hours' WHERE id = '$sid'");
like $v->db->must('openssl', 'crl', '-noout', '-text', '-in', $lists->()), qr/Serial Number/, '  listed until a day after its end';
$s->run("UPDATE sftca.certificates SET valid_before = now() - interval '25 hours' WHERE id = '$sid'");
like $v->db->must('openssl', 'crl', '-noout', '-text', '-in', $lists->()), qr/No Revoked/, '  and then no more';

# X10 numbers: a list that knows more has the higher number, also when the clock has stepped back
sub number { my ($n) = $v->db->must('openssl', 'crl', '-noout', '-crlnumber', '-in', $lists->()) =~ /=(?:0x)?([0-9A-F]+)/; return '0' x (40 - length $n) . $n }
my $low = number();
$s->run("UPDATE sftca.crl_versions SET version = version + 1000000");
$s->value("SELECT sftca.revoke('$v->{x509}', 1, 1, 'x')");
my $high = number();
cmp_ok $high, 'gt', $low, 'X10 the number has grown';
$s->value("SELECT sftca.revoke('$v->{x509}', 1, 1, 'x')");
cmp_ok number(), 'gt', $high, '  with each revocation, ahead of the clock too';
done_testing;
