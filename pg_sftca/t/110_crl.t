#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 revocation lists, as openssl understands them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;
no warnings 'portable';                         # serials have 63 bits

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $one = $v->{x509};
sub list { my ($authority, $generation) = @_; return $v->write_file('list.der', decode_base64(join '', $s->run("SELECT encode(sftca.crl('$authority', " . ($generation // 'NULL') . "), 'base64')"))) }
sub text { return $v->db->must('openssl', 'crl', '-inform', 'DER', '-noout', '-text', '-in', list(@_)) }
sub bundle { my ($authority) = @_; return $v->write_file('ca.pem', join "\n", $s->run("SELECT sftca.trust_bundle('$authority')"), '') }
sub lists { my ($authority) = @_; return $v->write_file('lists.pem', join "\n", $s->run("SELECT sftca.crl_bundle('$authority')"), '') }
sub client { my ($authority) = @_; my $id = $v->uuid; my $serial = $s->value($v->client($id, authority => "'$authority'")); return ($v->write_file("client-$serial.pem", ($v->finish($s, $id))[1] . "\n"), $serial) }
sub verify { my ($authority, $file) = @_; my (undef, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-crl_check', '-CAfile', bundle($authority), '-CRLfile', lists($authority), $file); return $out =~ /^\S+: OK$/m ? 'ok' : $out =~ /lookup: (.*)/ ? $1 : $out }
sub number { return hex((text(@_) =~ /CRL Number:\s*(?:0x)?([0-9A-Fa-f]+)/)[0] =~ s/^0x//r) }

for my $algorithm (qw(ecdsa-p256 ed25519 ecdsa-p384 ecdsa-p521 rsa-2048)) {
	my $other = $s->value("SELECT sftca.authority_create('x509', '$algorithm')");
	my ($file, $serial) = client($other);
	my ($second) = client($other);
	like +($v->db->command('openssl', 'crl', '-inform', 'DER', '-noout', '-in', list($other), '-CAfile', bundle($other)))[1], qr/verify OK/, "$algorithm: openssl verifies the list";
	like text($other), qr/No Revoked Certificates/, '  an empty one';
	is verify($other, $file), 'ok', '  a good certificate';
	$s->value("SELECT sftca.revoke('$other', $serial, $serial, 'lost')");
	is verify($other, $file), 'certificate revoked', '  revoked';
	is verify($other, $second), 'ok', '  and no other';
}

# the head
my $text = text($one);
like $text, qr/Version 2 \(0x1\)/, 'version 2';
like $text, qr/X509v3 Authority Key Identifier/, 'authority key identifier';
my ($from, $to) = map { my ($when) = $text =~ /$_: (.*)/; $s->value("SELECT extract(epoch FROM '$when'::timestamptz)::bigint") } 'Last Update', 'Next Update';
is $to - $from, 7 * 86400, 'next update in 7 days';
cmp_ok abs($from - time), '<', 30, '  from now';
my @numbers = map { number($one) } 1 .. 3;
ok $numbers[0] < $numbers[1] && $numbers[1] < $numbers[2], 'X10 the number grows with each list' or diag "@numbers";

# entries: ranges, reasons, order
my @made = sort { $a->[1] <=> $b->[1] } map { [client($v->{x509})] } 1 .. 6;   # two of one millisecond have no order
my @words = ('lost', 'key_compromise', 'superseded: a new one', 'cessation_of_operation:', 'privilege_withdrawn', 'key_compromised');
my @told = (undef, 'Key Compromise', 'Superseded', 'Cessation Of Operation', 'Privilege Withdrawn', undef);
$s->value("SELECT sftca.revoke('$one', $made[$_][1], $made[$_][1], '$words[$_]')") for reverse 0 .. 5;
$text = text($one);
is_deeply [map { hex } $text =~ /Serial Number: ([0-9A-F]+)/g], [map { $_->[1] } @made], 'every revoked certificate, in order';
for my $i (0 .. 5) {
	my ($entry) = $text =~ /(Serial Number: 0*${\sprintf '%X', $made[$i][1]}\n.*?)(?=Serial Number|Signature Algorithm: [^\n]*\n\s+Signature Value|\z)/s;
	my ($reason) = ($entry // '') =~ /CRL Reason Code:\s+(\S[^\n]*)/;
	is $reason, $told[$i], "the reason of '$words[$i]'";
}
is +($v->db->command('openssl', 'crl', '-inform', 'DER', '-noout', '-in', list($one), '-CAfile', bundle($one)))[0], 0, 'the list verifies';
my ($first, $last) = sort { $a <=> $b } (client($v->{x509}), client($v->{x509}))[1, 3];
$s->value("SELECT sftca.revoke('$one', 1, 9223372036854775807, 'everything')");
is_deeply [map { hex } text($one) =~ /Serial Number: ([0-9A-F]+)/g], [(map { $_->[1] } @made), $first, $last], 'a range without end: what was recorded in it, each once';
unlike text($v->{other} = $s->value("SELECT sftca.authority_create('x509')")), qr/Serial Number/, '  and nothing of another authority';
$s->run("UPDATE sftca.revocations SET expires_at = now() - interval '1 s' WHERE authority_id = '$one'");
like text($one), qr/No Revoked Certificates/, 'expired revocations leave the list';

# generations: one list for each
my $two = $v->{other};
my ($old, $old_serial) = client($two);
$s->value("SELECT sftca.key_prepare('$two')");
$s->run("SELECT sftca.key_activate('$two', 2)");
my ($new, $new_serial) = client($two);
is verify($two, $_), 'ok', 'two generations: good' for $old, $new;
$s->value("SELECT sftca.revoke('$two', $old_serial, $old_serial, 'lost')");
is verify($two, $old), 'certificate revoked', '  the old one revoked';
is verify($two, $new), 'ok', '  the new one not';
is_deeply [map { hex } text($two, 1) =~ /Serial Number: ([0-9A-F]+)/g], [$old_serial], '  in the list of its generation';
like text($two, 2), qr/No Revoked Certificates/, '  alone';
like text($two), qr/CN ?= ?\Q$two\E\/2\n/, '  by default the active one';
$s->run("SELECT sftca.key_retire('$two', 1)");
is scalar(() = $v->db->must('cat', lists($two)) =~ /BEGIN X509 CRL/g), 1, 'a retired generation has no list';

# many, past 64 KiB of entries; an old snapshot does not hide a revocation
$s->run("CREATE TABLE many AS SELECT gen_random_uuid() AS id FROM generate_series(1, 3000)");
(my $bulk = $v->client('x', id => 'id', authority => "'$two'")) =~ s/$/ FROM many/;
my ($low, $high) = split /\|/, $s->value("SELECT min(p), max(p) FROM ($bulk) q (p)");
my $t = $v->db->session('postgres');
$t->run('BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT count(*) FROM many');
$s->value("SELECT sftca.revoke('$two', $low, $high, 'key_compromise')");
is scalar(() = text($two) =~ /Serial Number: /g), 3000, '3000 revoked';
$v->write_file('snapshot.der', decode_base64(join '', $t->run("SELECT encode(sftca.crl('$two'), 'base64')")));
is scalar(() = $v->db->must('openssl', 'crl', '-inform', 'DER', '-noout', '-text', '-in', $v->folder . '/snapshot.der') =~ /Serial Number: /g), 3000, '  also under an old snapshot';
$t->run('COMMIT');

# refusals
for (["gen_random_uuid()", 'authority_unknown'], ["'$two', 9", 'generation_unknown'], ["'$two', 1", 'key_retired'], ["'$v->{ssh_user}'", 'authority_purpose']) {
	my ($args, $word) = @$_;
	$s->run("SELECT sftca.crl($args)");
	is $s->code, $word, "crl($args) refuses with $word";
}
for (["gen_random_uuid()", 'authority_unknown'], ["'$v->{ssh_user}'", 'authority_purpose']) {
	my ($args, $word) = @$_;
	$s->run("SELECT sftca.crl_bundle($args)");
	is $s->code, $word, "crl_bundle($args) refuses with $word";
}
$s->run('BEGIN', "SELECT sftca.revoke('$two', $new_serial, $new_serial, 'lost')", "SELECT sftca.crl('$two')");
is $s->code, 'transaction_has_written', 'no list tells what is not committed';
$s->run('ROLLBACK');

done_testing;
