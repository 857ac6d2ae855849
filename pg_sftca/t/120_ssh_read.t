#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# parse_certificate, parse_krl and krl_revokes say what ssh-keygen says, of certificates and lists that others made and of bent ones.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
sub strings { return join '', map { pack 'N/a*', $_ } @_ }
sub slurp { return Sft::Db::slurp($_[0]) }
sub quoted { my ($x) = @_; $x =~ s/'/''/g; return "'$x'" }
sub bytes { my ($x) = @_; return "'\\x" . unpack('H*', $x) . "'::bytea" }

# ---- certificates of ssh-keygen ----

my %subject = map { $_->[0] => $v->key(@{$_}[1 .. $#$_]) } ['ed25519', 'ed25519'], (map { ["p$_", 'ecdsa', '-b', $_] } 256, 384, 521), ['rsa', 'rsa', '-b', 2048];
my $point = substr decode_base64((split ' ', $subject{p256})[1]), -65;
my $number = substr decode_base64((split ' ', $subject{ed25519})[1]), -32;
$subject{'sk-ed25519'} = 'sk-ssh-ed25519@openssh.com ' . encode_base64(strings('sk-ssh-ed25519@openssh.com', $number, 'ssh:'), '');
$subject{'sk-p256'} = 'sk-ecdsa-sha2-nistp256@openssh.com ' . encode_base64(strings('sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', $point, 'ssh:'), '');
my (%ca, %ca_file);
for (['ed25519', 'ed25519'], (map { ["p$_", 'ecdsa', '-b', $_] } 256, 384, 521), ['rsa', 'rsa', '-b', 2048]) {
	my ($name, @how) = @$_;
	($ca{$name}, $ca_file{$name}) = ($v->key(@how), $v->{last_key});
}

# authorities on security keys, in software as OpenSSH's own tests have them
my $sk = '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so';
for my $name (qw(ed25519-sk ecdsa-sk)) { ($ca{$name}, $ca_file{$name}) = ($v->key($name, '-w', $sk), $v->{last_key}) }

my $made = 0;
sub certify
{
	my ($ca, $subject, @options) = @_;
	local $ENV{SSH_SK_PROVIDER} = $sk;
	my $file = $v->write_file('c' . ++$made . '.pub', "$subject{$subject}\n");
	$v->db->must('ssh-keygen', '-q', '-s', $ca_file{$ca}, '-I', 'somebody', @options, $file);
	return join ' ', (split ' ', slurp($file =~ s/\.pub$/-cert.pub/r))[0, 1];
}

# What ssh-keygen -L says of one certificate, as parse_certificate would.
sub said
{
	my ($text) = @_;
	my %c;
	($c{type}, $c{kind}) = $text =~ /Type: (\S+) (user|host) certificate/;
	($c{fingerprint}) = $text =~ /Public key: \S+ (SHA256:\S+)/;
	($c{authority_fingerprint}, $c{signature_algorithm}) = $text =~ /Signing CA: \S+ (SHA256:\S+) \(using (\S+)\)/;
	($c{key_id}) = $text =~ /Key ID: "(.*)"\n/;
	($c{serial}) = $text =~ /Serial: (\d+)/;
	my ($list) = $text =~ /Principals: (.*?)\n\s+Critical/s;
	$list //= '(none)';
	$c{principals} = $list eq '(none)' ? '' : join ',', $list =~ /^\s+(\S+)$/mg;
	my ($critical, $extensions) = $text =~ /Critical Options: (.*?)\n\s+Extensions: (.*)\z/s;
	$c{options} = join ',', sort map { /\S/ && !/\(none\)/ ? (split)[0] : () } split /\n/, join "\n", map { $_ // '' } $critical, $extensions;
	return \%c;
}

sub ours
{
	my ($cert) = @_;
	my ($json) = $s->run("SELECT to_jsonb(x) FROM (SELECT type, kind, serial::text, key_id, array_to_string(principals, ',') AS principals, fingerprint, authority_fingerprint, signature_algorithm,
		coalesce((SELECT string_agg(k COLLATE \"C\", ',' ORDER BY k COLLATE \"C\") FROM (SELECT jsonb_object_keys(critical_options) UNION ALL SELECT jsonb_object_keys(extensions)) o (k)), '') AS options
		FROM sftca.parse_certificate('$cert')) x");
	return defined $s->error ? undef : decode_json($json);
}

my @certificates = (
	(map { [certify('ed25519', $_, '-n', 'alice,bob', '-V', '-1m:+5m', '-z', 7), "user certificate of a key $_"] } sort keys %subject),
	(map { [certify($_, 'ed25519', '-n', 'alice', '-V', '-1m:+5m'), "user certificate by $_"] } sort keys %ca), # two of them by security keys
	[certify('ed25519', 'ed25519', '-h', '-n', 'web01,web01.example.com'), 'host certificate'],
	[certify('ed25519', 'ed25519'), 'no principals, for ever, serial 0'],
	[certify('ed25519', 'ed25519', '-z', '18446744073709551615', '-n', 'a', '-O', 'clear'), 'the last serial, no extensions'],
	[certify('ed25519', 'ed25519', '-n', 'a', '-O', 'force-command=id', '-O', 'source-address=10.0.0.0/8', '-O', 'verify-required', '-O', 'critical:x@y=z', '-O', 'extension:p@q=r', '-O', 'no-touch-required'), 'every option'],
	[certify('rsa', 'ed25519', '-n', 'a', '-t', 'rsa-sha2-256'), 'SHA-256 by RSA'],
	[certify('rsa', 'ed25519', '-n', 'a', '-t', 'ssh-rsa'), 'SHA-1 by RSA'],
	[certify('ed25519', 'ed25519', '-n', join(',', map { "p$_" } 1 .. 256)), '256 principals'],
);
for (@certificates) {
	my ($cert, $name) = @$_;
	my $want = said($v->read_ssh($cert));
	is_deeply ours($cert), $want, $name or diag $s->message // '';
}
sub column { my ($cert, $what) = @_; return $s->value("SELECT $what FROM sftca.parse_certificate('$cert')") }
my ($every) = map { $_->[0] } grep { $_->[1] eq 'every option' } @certificates;
is column($every, q(critical_options = '{"force-command": "id", "source-address": "10.0.0.0/8", "verify-required": "", "x@y": "z"}' AND extensions->>'p@q' = 'r')), 't', 'the options\' values';
my ($ever) = map { $_->[0] } grep { $_->[1] =~ /for ever/ } @certificates;
is column($ever, 'valid_after || valid_before::text'), '-infinityinfinity', 'from ever, for ever';
is column($every, 'public_key'), $subject{ed25519}, 'the key itself';
is column($every, 'authority_key'), $ca{ed25519}, 'the authority\'s key';
is column($every, 'length(nonce)'), 32, 'the nonce';
is column($_->[0], 'is_verified'), 't', "verified: $_->[1]" for $certificates[0], grep { $_->[1] =~ /-sk$/ } @certificates;
my ($sha1) = map { $_->[0] } grep { $_->[1] =~ /SHA-1/ } @certificates;
is column($sha1, 'is_verified IS NULL'), 't', 'SHA-1 counts for nothing';
is $s->value('SELECT serial FROM sftca.parse_certificate(' . bytes(decode_base64((split ' ', $every)[1])) . ')'), 0, 'of bytes';
my $own = do { my $id = $v->uuid; $s->value($v->user($id)); ($v->finish($s, $id))[1] };
is column($own, q(extensions->>'project@sft')), 'prod', 'our own';
is column("$own comment", 'kind'), 'user', 'with a comment';
is $s->value(qq(SELECT kind FROM sftca.parse_certificate(E'$own\\n'))), 'user', 'with one line end';

# ---- refusals ----

my $blob = decode_base64((split ' ', $every)[1]);
my $type = 'ssh-ed25519-cert-v01@openssh.com ';
for (
	['nothing', '', 'certificate_malformed'], ['a type', $type, 'certificate_malformed'], ['a key', $subject{ed25519}, 'certificate_key_type'],
	['another type outside', 'ssh-rsa-cert-v01@openssh.com ' . (split ' ', $every)[1], 'certificate_malformed'], ['two lines', "$every\n$every", 'certificate_malformed'],
	['a truncated one', $type . encode_base64(substr($blob, 0, -1), ''), 'certificate_malformed'], ['a byte more', $type . encode_base64("$blob\0", ''), 'certificate_malformed'],
	(map { my $b = decode_base64((split ' ', $_->[0])[1]); ["another signature, $_->[1]", $type . encode_base64(substr($b, 0, -5) . chr(ord(substr $b, -5, 1) ^ 4) . substr($b, -4), ''), 'certificate_signature_invalid'] } grep { $_->[1] =~ /-sk$/ } @certificates),
	['another signature', $type . encode_base64(substr($blob, 0, -1) . chr(255 ^ ord substr $blob, -1), ''), 'certificate_signature_invalid'],
	['another serial', $type . encode_base64($blob =~ s/\0{8}(\0{3}\x01)/\0\0\0\0\0\0\0\x01$1/r, ''), 'certificate_signature_invalid'],
) {
	my ($name, $cert, $word) = @$_;
	$s->run('SELECT * FROM sftca.parse_certificate(' . quoted($cert) . ')');
	is $s->code, $word, "refused: $name";
	is $s->error, '22023', '  its class';
}

# ---- bent certificates, signed again: read if and only if ssh-keygen reads them, and alike ----
{
	my $file = $v->write_file('whole.pub', certify('ed25519', 'ed25519', '-n', 'alice,bob', '-z', 7, '-O', 'force-command=id', '-O', 'extension:p@q=r') . "\n");
	my @mutants = split /\n/, $v->db->must('/usr/bin/python3', "$FindBin::Bin/lib/mutants.py", $ca_file{ed25519}, $file, $ENV{SFT_LONG} ? 5000 : 200, 20261123);
	my $list = $v->write_file('mutants.pub', join '', map { "$_\n" } @mutants);
	# one by one: an option that it cannot print ends ssh-keygen
	my @theirs = map { /Type: / ? said($_) : undef } split /^=== ?\n/m, $v->db->must('sh', '-c', "while read -r line; do echo '==='; echo \"\$line\" >$dir/one.pub; TZ=UTC stdbuf -oL ssh-keygen -L -f $dir/one.pub 2>/dev/null || :; done <$list"), -1;
	shift @theirs;
	my @alike = qw(type kind serial fingerprint authority_fingerprint signature_algorithm);
	my ($agree, $read, @differ) = (0, 0);
	for my $i (0 .. $#mutants) {
		my $row = ours($mutants[$i]);
		my $word = $s->code // '';
		my $same = defined $row ? defined $theirs[$i] && join('|', @$row{@alike}) eq join('|', @{ $theirs[$i] }{@alike})
			# a point that is none, a text that is none: shown by ssh-keygen, named by us
			: !defined $theirs[$i] || $word =~ /^certificate_(key_point|text)$/;
		$read++ if defined $row;
		$agree++ if $same;
		push @differ, ($i + 1) . ": $word " . join(' ', map { "$_=" . ($row->{$_} // '-') . '/' . ($theirs[$i]{$_} // '-') } qw(type kind serial fingerprint authority_fingerprint signature_algorithm)) unless $same;
	}
	is $agree, scalar @mutants, 'bent certificates: as ssh-keygen says' or diag join "\n", @differ;
	cmp_ok $read, '>', 30, "  $read of them can be read";
}

# ---- revocation lists of ssh-keygen ----

my @krl_spec = ("serial: 1\nserial: 4\nserial: 10-20\nserial: 500-1000\nserial: 90\nserial: 92\nserial: 93\nserial: 4294967296\n", "id: gone\nid: gone too\n", map { chomp; "$_\n" } "key: $subject{p256}", "sha256: $subject{rsa}", "sha256: $ca{p384}", "sha1: $subject{p384}", "hash: SHA256:" . encode_base64("\7" x 32, ''));
$v->write_file('krl-spec', join '', @krl_spec);
$v->db->must('ssh-keygen', '-q', '-k', '-z', 42, '-f', "$dir/krl", '-s', "$ca_file{ed25519}.pub", "$dir/krl-spec");
my $krl = slurp("$dir/krl");
my @rows = $s->rows('SELECT section, authority_key, serial_from::text AS a, serial_to::text AS b, key_id, public_key, fingerprint, version::text, abs(extract(epoch FROM generated_at - now())) < 3600 AS fresh FROM sftca.parse_krl(' . bytes($krl) . ')');
my $spans = join ' ', map { $_->{a} == $_->{b} ? $_->{a} : "$_->{a}-$_->{b}" } sort { $a->{a} <=> $b->{a} } grep { $_->{section} eq 'serials' } @rows;
is $spans, '1 4 10-20 90 92-93 500-1000 4294967296', 'parse_krl: serials';
is_deeply [sort map { $_->{key_id} } grep { $_->{section} eq 'key_id' } @rows], ['gone', 'gone too'], '  key ids';
is_deeply [map { $_->{public_key} } grep { $_->{section} eq 'key' } @rows], [$subject{p256}], '  keys';
is scalar(grep { $_->{section} eq 'sha256' } @rows), 3, '  fingerprints';
is scalar(grep { $_->{section} eq 'sha1' && $_->{fingerprint} =~ /^SHA1:/ } @rows), 1, '  of SHA-1 too';
is scalar(grep { $_->{version} eq '42' && $_->{fresh} } @rows), scalar(@rows), '  each with version and date';
is scalar(grep { ($_->{authority_key} // '') eq $ca{ed25519} } @rows), 9, '  serials and ids with their authority';

my %asked = (
	serial => certify('ed25519', 'ed25519', '-n', 'a', '-z', 15), free => certify('ed25519', 'ed25519', '-n', 'a', '-z', 21), key_id => certify('ed25519', 'ed25519', '-n', 'a', '-z', 2, '-I', 'gone too'),
	other => certify('p256', 'ed25519', '-n', 'a', '-z', 15), key => certify('ed25519', 'p256', '-n', 'a', '-z', 2), fingerprint => certify('ed25519', 'rsa', '-n', 'a', '-z', 2), sha1 => certify('ed25519', 'p384', '-n', 'a', '-z', 2),
	authority => certify('p384', 'ed25519', '-n', 'a', '-z', 3), zero => certify('ed25519', 'ed25519', '-n', 'a', '-z', 0), plain => $subject{p256}, fine => $subject{ed25519}, hashed => $subject{rsa},
);
sub agree
{
	my ($list, $name, $cert) = @_;
	my $file = $v->write_file('asked.pub', "$cert\n");
	my $krl_file = $v->write_file('asked.krl', $list);
	my ($rc, $out) = $v->db->command('ssh-keygen', '-Q', '-f', $krl_file, $file);
	my ($revoked) = $s->run('SELECT revoked FROM sftca.krl_revokes(' . bytes($list) . ", '$cert')");
	my $word = $s->code;
	my $theirs = $out =~ /REVOKED$/m ? 't' : $out =~ /: ok$/m ? 'f' : 'error';
	return ($theirs, $word ? "error" : $revoked, $word);
}
for (sort keys %asked) {
	my ($theirs, $mine) = agree($krl, $_, $asked{$_});
	is $mine, $theirs, "krl_revokes: $_";
}
for (qw(serial key_id key fingerprint authority)) {
	is $s->value('SELECT why FROM sftca.krl_revokes(' . bytes($krl) . ", '$asked{$_}')"), $_, "  why: $_";
}

# bent lists: never less revoked than ssh-keygen says, never read where it reads nothing
{
	srand 20261123;
	my ($n, $refused, $strict, @wrong) = ($ENV{SFT_LONG} ? 4000 : 150, 0, 0);
	for my $i (1 .. $n) {
		my $bent = $krl;
		my $how = int rand 4;
		my $at = int rand length $bent;
		if ($how == 0) { substr $bent, $at, 1, chr int rand 256 }
		elsif ($how == 1) { $bent = substr $bent, 0, $at }
		elsif ($how == 2) { substr $bent, $at, 1 + int rand 4, '' }
		else { substr $bent, $at, 0, join '', map { chr int rand 256 } 0 .. rand 4 }
		my $name = (sort keys %asked)[ $i % keys %asked ];
		my ($theirs, $mine, $word) = agree($bent, $name, $asked{$name});
		$refused++ if $theirs eq 'error';
		if ($mine eq 'error' && $theirs ne 'error') { $strict++; push @wrong, "$i: $word" unless $word =~ /^krl_(malformed|empty)$/ }
		elsif ($mine ne $theirs) { push @wrong, "$i $name: $mine, ssh-keygen says $theirs" }
	}
	is_deeply \@wrong, [], "$n bent lists: ssh-keygen refuses $refused, we $strict more, and agree on the rest";
	cmp_ok $strict, '<', $n / 4, '  few more';
}
for (['nothing', '', 'krl_malformed'], ['the head alone', substr($krl, 0, 44), 'krl_empty'], ['zeros', "\0" x length $krl, 'krl_malformed'], ['a signed list', $krl . "\4" . pack('N', 8) . strings('x', ''), 'krl_malformed']) {
	my ($name, $list, $word) = @$_;
	for my $call ('parse_krl(' . bytes($list) . ')', 'krl_revokes(' . bytes($list) . ", '$subject{p256}')") {
		$s->run("SELECT * FROM sftca.$call");
		is $s->code, $word, "V2 $name";
	}
}
is $s->value("SELECT string_agg(DISTINCT section, ',') FROM sftca.parse_krl(sftca.krl('$v->{ssh_user}'))"), 'serials', 'our own list';

done_testing;
