#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 certificates before verifiers that are not ours: openssl verify, GnuTLS, nginx, PostgreSQL, curl. They see the record, and refuse what is not good.
# Algorithms of authorities times algorithms of keys; ORACLE=all takes them all.
use strict;
use warnings;
use FindBin;
use MIME::Base64 ();
use lib "$FindBin::Bin/lib";
use Oracle;
use Tls;
use Vault;
use Test::More;
no warnings 'portable';                         # serials have 63 bits

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my @algorithms = Oracle::everything() ? @Oracle::algorithms : qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048);
my (%key, %file, %authority);
for my $type (@algorithms) {
	($key{$type}, $file{$type}) = Oracle::tls_key($v, $type);
	$authority{$type} = $s->value("SELECT sftca.authority_create('x509', '$type')");
}

my $made = 0;
sub issue
{
	my ($authority, $type, %over) = @_;
	my $id = $v->uuid;
	my $serial = $s->value($v->client($id, authority => "'$authority'", public_key => "'$key{$type}'", %over));
	my ($outcome, $pem) = $v->finish($s, $id);
	die "no certificate: " . ($outcome // $s->message) unless defined $pem;
	my $file = $v->write_file('client-' . ++$made . '.pem', "$pem\n");
	return wantarray ? ($file, $serial, $id) : $file;
}
sub bundle { my ($name, $function, @which) = @_; return $v->write_file($name, join '', map { "$_\n" } map { $s->run("SELECT sftca.$function('$_')") } @which) }

# what is over when it is looked at
my $first = $algorithms[1];
my $expired = issue($authority{$first}, $first, valid_before => "clock_timestamp() + interval '4 s'");
my $then = time + 5;

# --- each by each: openssl and GnuTLS on the command line ------------------------------------------------

my @all = map { $authority{$_} } @algorithms;
my $ca = bundle('ca.pem', 'trust_bundle', @all);
my $crl = bundle('crl.pem', 'crl_bundle', @all);
my %of;                                        # authority, key => [file, serial, id]
for my $a (@algorithms) { for my $k (@algorithms) { $of{$a}{$k} = [issue($authority{$a}, $k)] } }
my @files = map { my $a = $_; map { $of{$a}{$_}[0] } @algorithms } @algorithms;
my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-crl_check_all', '-CAfile', $ca, '-CRLfile', $crl, @files);
is $rc, 0, 'openssl verify -x509_strict -purpose sslclient -crl_check_all: every pair of algorithms' or diag $out;
is scalar(() = $out =~ /: OK$/mg), @files, '  each of them';
($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', $ca, @files);
is scalar(() = $out =~ /unsuitable certificate purpose|unsupported certificate purpose/g), @files, 'none is for servers' or diag $out;
sub gnutls_verify { my ($file, @more) = @_; return $v->db->command('certtool', '--verify', '--load-ca-certificate', $ca, '--load-crl', $crl, '--infile', $file, @more) }
for my $i (0 .. $#algorithms) {
	for my $k (Oracle::everything() ? @algorithms : @algorithms[($i + 1) % @algorithms, ($i + 2) % @algorithms]) {
		my ($rc, $out) = gnutls_verify($of{ $algorithms[$i] }{$k}[0], '--verify-purpose', '1.3.6.1.5.5.7.3.2');
		is $rc, 0, "certtool --verify: authority $algorithms[$i], key $k" or diag $out;
	}
}
if (Oracle::everything()) {
	my $large = $s->value(q{SELECT sftca.authority_create('x509', 'rsa-8192')});
	my $root = bundle('large.pem', 'trust_bundle', $large);
	my $leaf = issue($large, 'ed25519');
	is +($v->db->command(@$_, $leaf))[0], 0, "authority rsa-8192: $_->[0]" for ['openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', $root], ['certtool', '--verify', '--load-ca-certificate', $root, '--infile'];
}
isnt +(gnutls_verify($files[0], '--verify-purpose', '1.3.6.1.5.5.7.3.1'))[0], 0, '  not for servers';

# --- the record, as openssl reads it ---------------------------------------------------------------------

for my $a (Oracle::everything() ? @algorithms : $first) {
	for my $k (@algorithms) {
		my ($file, $serial, $id) = @{ $of{$a}{$k} };
		my $r = $s->row("SELECT key_id, principals, extensions, floor(extract(epoch FROM valid_after)) AS from, floor(extract(epoch FROM valid_before)) AS to FROM sftca.certificates WHERE id = '$id'");
		my $text = $v->db->must('openssl', 'x509', '-noout', '-nameopt', 'RFC2253', '-serial', '-subject', '-startdate', '-enddate', '-ext', 'subjectAltName,keyUsage,extendedKeyUsage,basicConstraints', '-in', $file);
		my ($o, $ou) = map { s/^\w+=//r } @{ $r->{extensions} };
		my %is = (
			serial => hex(($text =~ /^serial=([0-9A-F]+)/m)[0]), subject => ($text =~ /^subject= ?(.*)/m)[0], names => ($text =~ /Alternative Name:[^\n]*\n\s+(.*)/)[0],
			usage => ($text =~ /X509v3 Key Usage: critical\n\s+(.*)/)[0], purpose => ($text =~ /Extended Key Usage:[^\n]*\n\s+(.*)/)[0],
			ca => ($text =~ /Basic Constraints: critical\n\s+(.*)/)[0],
			map { my $w = $_; ($w => $s->value("SELECT extract(epoch FROM '" . ($text =~ /^$w=(.*)/m)[0] . "'::timestamptz)::bigint")) } qw(notBefore notAfter),
		);
		is_deeply \%is, { serial => $serial, subject => "CN=$r->{principals}[0],OU=$ou,O=$o", names => "URI:$r->{key_id}", usage => 'Digital Signature', purpose => 'TLS Web Client Authentication', ca => 'CA:FALSE', notBefore => $r->{from}, notAfter => $r->{to} - 1 },
			"openssl x509 shows the record, to the second before its end: authority $a, key $k";
	}
}

# --- E6: no two signatures of an ECDSA authority begin alike ------------------------------------------------

{
	my $n = Oracle::everything() ? 100000 : 2000;
	my $bulk = $v->client('x', id => 'gen_random_uuid()', authority => "'$authority{'ecdsa-p256'}'", public_key => "'$key{'ecdsa-p256'}'", uri => "'sft://acme/prod/bulk'");
	$s->run("SELECT count(*) FROM ($bulk FROM generate_series(1, $n)) q");
	is $s->error, undef, "$n recorded" or diag $s->message;
	my (%point, $read);
	for ($s->run(q{SELECT regexp_replace(f.certificate, '-----[^-]*-----|\s', '', 'g') FROM sftca.finish((SELECT array_agg(id) FROM sftca.certificates WHERE key_id = 'sft://acme/prod/bulk')) f WHERE f.outcome = 'signed'})) {
		# it ends with BIT STRING { SEQUENCE { INTEGER r, INTEGER s } }
		my ($length, $rest) = substr(MIME::Base64::decode_base64($_), -80) =~ /\x03.\x00\x30.\x02([\x1a-\x21])(.{33,})/s or next;
		$read++;
		$point{ substr $rest, 0, ord $length }++;
	}
	is $read, $n, '  the nonce\'s point is read from each';
	is scalar(keys %point), $n, '  and is never the same';
}

# --- servers that decide ---------------------------------------------------------------------------------

$v->db->must("$Sft::Db::top/dev/tls", "$dir/tls", 'postgres');
my $tls = Tls->new($v, ca => $ca, crl => $crl, cert => "$dir/tls/server.pem", key => "$dir/tls/server.key", trust => "$dir/tls/ca.pem");
END { undef $tls }                            # while what it needs is still there
my @servers = qw(nginx gnutls postgresql);
sub in { my ($name, $cert, $type) = @_; for my $server (@servers) { my ($ok, $said) = $tls->$server($cert, $file{$type}); ok $ok, "$name: $server lets in" or diag $said, $tls->net->log_text($server eq 'gnutls' ? 'gnutls' : 'nginx') } }
sub refused { my ($name, $why, $cert, $type) = @_; for my $server (@servers) { my ($ok, $said) = $tls->$server($cert, $file{$type}); ok !$ok, "$name: $server refuses" or diag $said; like $said, $why->{$server} // qr/alert|certificate/i, '  for this reason' } }

my @pairs = Oracle::everything() ? map { my $a = $_; map { [$a, $_] } @algorithms } @algorithms : map { [$algorithms[$_], $algorithms[($_ + 3) % @algorithms]] } 0 .. $#algorithms;
for my $pair (@pairs) {
	my ($a, $k) = @$pair;
	in("authority $a, key $k", $of{$a}{$k}[0], $k);
}
{
	my ($file, $serial) = @{ $of{$first}{$first} };
	is +($tls->nginx($file, $file{$first}))[1], sprintf("SUCCESS %016X CN=alice,OU=prod,O=acme\n", $serial), 'nginx knows serial and subject';
	is +($tls->postgresql($file, $file{$first}))[1], "app_alice|$serial|/O=acme/OU=prod/CN=alice\n", 'PostgreSQL too';
	my ($ok, $said) = $tls->postgresql($file, $file{$first}, 'app_bob');
	ok !$ok, 'PostgreSQL: not as somebody else';
	like $said, qr/certificate authentication failed/, '  says it';
}
refused('none', { nginx => qr/^NONE|No required|403|certificate required|alert/, postgresql => qr/certificate required|requires a valid client certificate|connection requires/ }, undef, $first);

my $other = $s->value(q{SELECT sftca.authority_create('x509')});
my ($lost, $lost_serial) = issue($authority{$first}, $first);
my ($spared) = issue($authority{$first}, $first);
in('before it is revoked', $lost, $first);
refused('another authority', { nginx => qr/^FAILED:.*(issuer|self.signed|unable)/, postgresql => qr/unknown ca/ }, scalar issue($other, $first), $first);
refused('not yet valid', { nginx => qr/^FAILED:certificate is not yet valid/, postgresql => qr/bad certificate|expired/ }, scalar issue($authority{$first}, $first, valid_after => "now() + interval '1 hour'", valid_before => "now() + interval '2 hours'"), $first);
$s->value("SELECT sftca.revoke('$authority{$first}', $lost_serial, $lost_serial, 'key_compromise')");
bundle('crl.pem', 'crl_bundle', @all);
like +($v->db->command('openssl', 'verify', '-x509_strict', '-crl_check_all', '-CAfile', $ca, '-CRLfile', $crl, $lost))[1], qr/certificate revoked/, 'revoked: openssl verify';
($rc, $out) = gnutls_verify($lost);
like $out, qr/revoked/i, 'revoked: certtool';
isnt $rc, 0, '  and its status';
is +(gnutls_verify($spared))[0], 0, '  its neighbour is good';
$tls->reload;
refused('revoked', { nginx => qr/^FAILED:certificate revoked/, postgresql => qr/revoked/ }, $lost, $first);
in('its neighbour', $spared, $first);
sleep 1 while time < $then;
refused('expired', { nginx => qr/^FAILED:certificate has expired/, postgresql => qr/expired/ }, $expired, $first);

done_testing;
