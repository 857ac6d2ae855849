#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every kind of subject and option that a certificate may have, and what it may not: each refusal says which field and which rule.
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
sub strings { return join '', map { pack 'N/a*', $_ } @_ }
sub ssh { return "$_[0] " . encode_base64($_[1], '') }
sub part { my ($key, $n) = @_; return substr decode_base64((split ' ', $key)[1]), -$n }
sub q_ { my ($x) = @_; $x =~ s/'/''/g; return "'$x'" }
my %key = map { my ($name, @how) = @$_; ($name => $v->key(@how)) } ['ed25519', 'ed25519'], (map { ["p$_", 'ecdsa', '-b', $_] } 256, 384, 521), ['rsa', 'rsa', '-b', 2048];
my ($number, $point) = (part($key{ed25519}, 32), part($key{p256}, 65));
sub sk_ed25519 { return ssh('sk-ssh-ed25519@openssh.com', strings('sk-ssh-ed25519@openssh.com', $number, $_[0])) }
sub sk_p256 { return ssh('sk-ecdsa-sha2-nistp256@openssh.com', strings('sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', $point, $_[0])) }
@key{qw(sk-ed25519 sk-p256)} = (sk_ed25519('ssh:'), sk_p256('ssh:acme'));

# ---- subjects: each with every option that it may have, signed by each algorithm, read again by the second decoder and by ssh-keygen ----

my %options = ('force-command' => 'echo "a b" | cat', 'source-address' => '10.0.0.0/8,192.168.1.7/32,2001:db8::/32');
my %extensions = ((map { ("permit-$_" => '') } qw(X11-forwarding agent-forwarding port-forwarding pty user-rc)), 'project@sft' => 'prod', 'login@github.com' => 'alice', 'Flag.1@a-b.example' => '');
my @authorities = map { $s->value("SELECT sftca.authority_create('ssh_user', '$_')") } qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048);
for my $name (sort keys %key) {
	my %critical = (%options, $name =~ /^sk-/ ? ('verify-required' => '') : ());
	my @ids = map { $v->uuid } @authorities;
	my @serials = $s->run(map { $v->user($ids[$_], authority => "'$authorities[$_]'", public_key => "'$key{$name}'", critical_options => q_(encode_json(\%critical)), extensions => q_(encode_json(\%extensions))) } 0 .. $#ids);
	is $s->code, undef, "$name: recorded" or diag $s->message;
	my @certificates = $s->run("SELECT certificate FROM sftca.finish('{" . join(',', @ids) . "}') WHERE outcome = 'signed'");
	is scalar(@certificates), scalar(@ids), '  signed by each algorithm, and the second decoder agrees';
	my @order = $s->run("SELECT array_to_string(extensions, ',') FROM sftca.certificates WHERE id = '$ids[0]'");
	is $order[0], join(',', map { length $extensions{$_} ? "$_=$extensions{$_}" : $_ } sort keys %extensions), '  extensions in order';
	for my $certificate ($certificates[0], $certificates[-1]) {
		my $read = $v->read_ssh($certificate);
		is_deeply [sort $read =~ /^\s{16}(\S+\@\S+|force-command|source-address|verify-required|permit-\S+)/mg], [sort keys %critical, keys %extensions], '  ssh-keygen sees all of it' or diag $read;
		is $s->value("SELECT critical_options = " . q_(encode_json(\%critical)) . ' AND extensions = ' . q_(encode_json(\%extensions)) . " FROM sftca.parse_certificate('$certificate')"), 't', '  parse_certificate too';
	}
	is $s->value($v->host($v->uuid, public_key => "'$key{$name}'")) > 0, 1, '  of a host' unless $name =~ /^sk-/;
}
my $repeated = $v->uuid;
$s->value($v->user($repeated, principals => "'{bob,alice,bob,alice}'"));
is $s->value("SELECT principals FROM sftca.certificates WHERE id = '$repeated'"), '{bob,alice}', 'P10 a principal that stands there twice is said once';
is +($v->finish($s, $repeated))[0], 'signed', '  and signed';

# ---- refusals ----

my $max = 'a' x 1024;
sub critical { my ($name, $value, %more) = @_; return (user => { critical_options => q_(encode_json({ $name => $value })), %more }, 'option_invalid') }
sub extension { my ($name, $value) = @_; return (user => { extensions => q_(encode_json({ $name => $value })) }, 'option_invalid') }
sub rsa { my ($e, $n) = @_; return (user => { public_key => q_(ssh('ssh-rsa', strings('ssh-rsa', $e, $n))) }, 'public_key_weak') }
my ($e, $n) = ("\1\0\1", substr(decode_base64((split ' ', $key{rsa})[1]), -257));
my @rows = (
	['K7 exponent 1', rsa("\1", $n), qr/weak/], ['K7 exponent 3', rsa("\3", $n), qr/weak/], ['K7 exponent 2', rsa("\2", $n), qr/weak/], ['K7 exponent 2^33', rsa("\2\0\0\0\0", $n), qr/weak/],
	['K7 exponent 0', user => { public_key => q_(ssh('ssh-rsa', strings('ssh-rsa', '', $n))) }, 'public_key_malformed', qr/malformed/],
	['K7 a negative exponent', user => { public_key => q_(ssh('ssh-rsa', strings('ssh-rsa', "\x81\0\1", $n))) }, 'public_key_malformed', qr/malformed/],
	['K7 an exponent that is not minimal', user => { public_key => q_(ssh('ssh-rsa', strings('ssh-rsa', "\0\1\0\1", $n))) }, 'public_key_malformed', qr/malformed/],
	['K8 an even modulus', rsa($e, substr($n, 0, -1) . "\2"), qr/weak/], ['K8 a modulus of small factors', rsa($e, "\0" . "\xff" x 255 . "\xff"), qr/weak/],
	(map { ["K14 $_->[0]", user => { public_key => q_(sk_ed25519($_->[1])) }, $_->[2], qr/./] } ['no application', '', 'public_key_type'], ['a web site', 'https://example.com', 'public_key_type'], ['NUL', "ssh:\0evil", 'public_key_malformed'], ['64 KiB', 'ssh:' . 'a' x 65536, 'public_key_malformed'], ['65 bytes', 'ssh:' . 'a' x 61, 'public_key_malformed'], ['a line end', "ssh:\n", 'public_key_type']),
	['K14 a web site, P-256', user => { public_key => q_(sk_p256('https://example.com')) }, 'public_key_type', qr/./], ['K15 a WebAuthn signature\'s name', user => { public_key => q_(ssh('webauthn-sk-ecdsa-sha2-nistp256@openssh.com', strings('webauthn-sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', $point, 'ssh:'))) }, 'public_key_type', qr/./],
	['K14 a host\'s key on a stick', host => { public_key => q_($key{'sk-ed25519'}) }, 'public_key_type', qr/./], ['K9 a compressed point', user => { public_key => q_(ssh('ecdsa-sha2-nistp256', strings('ecdsa-sha2-nistp256', 'nistp256', "\2" . substr $point, 1, 32))) }, 'public_key_point', qr/./],
	['K9 infinity', user => { public_key => q_(ssh('ecdsa-sha2-nistp256', strings('ecdsa-sha2-nistp256', 'nistp256', "\0"))) }, 'public_key_point', qr/./], ['K9 another curve\'s name', user => { public_key => q_(ssh('ecdsa-sha2-nistp256', strings('ecdsa-sha2-nistp256', 'nistp384', $point))) }, 'public_key_malformed', qr/./],
	['K10 31 bytes', user => { public_key => q_(ssh('ssh-ed25519', strings('ssh-ed25519', substr $number, 1))) }, 'public_key_point', qr/./], ['K10 y that is not below the prime', user => { public_key => q_(ssh('ssh-ed25519', strings('ssh-ed25519', "\xed" . "\xff" x 30 . "\x7f"))) }, 'public_key_point', qr/./],
	['C10 an unknown one', critical('x@example.com', ''), qr/critical option "x\@example.com": no such critical option/], ['C10 a name that breaks the log', critical("a\n\"b", ''), qr/critical option "a\?\?b"/],
	['C10 source-address, empty', critical('source-address', ''), qr/"source-address": its value is empty/], ['C10 a bare address', critical('source-address', '10.0.0.1'), qr/needs its length/], ['C10 no address', critical('source-address', 'x/8'), qr/an address is none/],
	['C10 another form', critical('source-address', '010.0.0.0/8'), qr/canonical/], ['C10 short form', critical('source-address', '10.1/16'), qr/canonical|none/], ['C10 upper case', critical('source-address', '2001:DB8::/32'), qr/canonical/], ['C10 everybody', critical('source-address', '::/0'), qr/everybody/],
	['C10 host bits', critical('source-address', '2001:db8::1/32'), qr/behind its length/], ['C10 IPv4 in IPv6', critical('source-address', '::ffff:1.2.3.4/128'), qr/inside IPv6/], ['C10 too long', critical('source-address', '10.0.0.0/33'), qr/too long/], ['C10 no number', critical('source-address', '10.0.0.0/+8'), qr/no number/],
	['C10 an empty entry', critical('source-address', '10.0.0.0/8,,11.0.0.0/8'), qr/empty/], ['C10 a comma at the end', critical('source-address', '10.0.0.0/8,'), qr/empty/], ['C10 a space', critical('source-address', '10.0.0.0/8, 11.0.0.0/8'), qr/none/], ['C10 negated', critical('source-address', '!10.0.0.0/8'), qr/none/],
	['C10 33 networks', critical('source-address', join(',', map { "10.0.$_.0/24" } 0 .. 32)), qr/more than 32/], ['C11 a line end', critical('force-command', "a\nb"), qr/"force-command": its value is not one line/], ['C11 an escape', critical('force-command', "a\e[2J"), qr/one line/], ['C11 UTF-8', critical('force-command', "\x{e9}"), qr/ASCII/],
	['C11 1025 bytes', critical('force-command', "${max}a"), qr/1024/], ['C11 1 MiB', critical('force-command', 'a' x 1048576), qr/1024/], ['C11 nothing', critical('force-command', ''), qr/empty/],
	['C13 verify-required', critical('verify-required', ''), qr/security keys/], ['C13 verify-required with a value', critical('verify-required', 'yes', public_key => q_($key{'sk-ed25519'})), qr/no value/],
	['C13 no-touch-required', extension('no-touch-required', ''), qr/extension "no-touch-required": no such extension/], ['a flag with a value', extension('permit-pty', 'x'), qr/"permit-pty": it has no value/], ['another case', extension('Permit-pty', ''), qr/no such/],
	['a critical option', extension('force-command', 'x'), qr/no such/], ['no word', extension('@example.com', ''), qr/a word of at most 32/], ['no domain', extension('x@', ''), qr/a word of/], ['two signs', extension('x@y@z', ''), qr/a word of/], ['a space', extension('x y@z.org', ''), qr/a word of/], ['a comma', extension('x,y@z.org', ''), qr/a word of/],
	['33 characters', extension('a' x 33 . '@x.org', ''), qr/a word of/], ['a domain of 31', extension('a@' . 'x' x 31, ''), qr/a word of/], ['a domain in upper case', extension('a@X.org', ''), qr/a word of/], ['a dot at the end', extension('a@x.', ''), qr/a word of/], ['two dots', extension('a@x..y', ''), qr/a word of/], ['OpenSSH\'s', extension('x@openssh.com', ''), qr/OpenSSH's/],
	['our own without a value', extension('team@sft', ''), qr/empty/], ['our own in upper case', extension('Team@sft', 'x'), qr/lower-case/], ['a value of two lines', extension('a@x.org', "a\nb"), qr/one line/], ['a number', user => { extensions => q_('{"a@x.org": 1}') }, 'option_invalid', qr/"a\@x.org": its value is not a text/], ['a list', user => { extensions => q_('["permit-pty"]') }, 'option_invalid', qr/extensions must be a JSON object/],
	['an empty name', extension('', ''), qr/extension "": no such/], ['17 of them', user => { extensions => q_(encode_json({ map { ("a$_\@x.org" => '') } 1 .. 17 })) }, 'option_invalid', qr/more than 16/],
	['P10 upper case', user => { principals => q_('{Alice}') }, 'principal_invalid', qr/principal 1 is not \^\[a-z_\]/], ['P8 wide letters', user => { principals => q_("{\x{ff41}lice}") }, 'principal_invalid', qr/principal 1/], ['P8 a mark that turns the text', user => { principals => q_("{alice,\x{202e}bob}") }, 'principal_invalid', qr/principal 2/], ['P6 an exclamation mark', user => { principals => q_('{!root}') }, 'principal_invalid', qr/principal 1/],
	['P9 64 KiB', user => { principals => "ARRAY[repeat('a', 65536)]" }, 'principal_invalid', qr/principal 1/], ['P9 2000 of them', user => { principals => "(SELECT array_agg('a' || g) FROM generate_series(1, 2000) g)" }, 'list_malformed', qr/at most 1024/],
	['C15 a host with a space', host => { principals => q_('{"a b"}') }, 'principal_invalid', qr/host's name/], ['C15 254 characters', host => { principals => "ARRAY[repeat('a', 254)]" }, 'principal_invalid', qr/253/], ['C15 a dash in front', host => { principals => q_('{-x}') }, 'principal_invalid', qr/host's/], ['C15 a question mark', host => { principals => q_('{web?}') }, 'principal_invalid', qr/host's/],
	['C9 another prefix', user => { key_id => q_('alice') }, 'key_id_invalid', qr/sft1:/], ['C9 percent', user => { key_id => q_('sft1:%s%n') }, 'key_id_invalid', qr/letters/], ['C9 UTF-8', user => { key_id => q_("sft1:\x{20ac}") }, 'key_id_invalid', qr/letters/],
);
my $before = $s->value('SELECT count(*) FROM sftca.certificates');
for (@rows) {
	my ($name, $kind, $over, $word, $says) = @$_;
	$s->run($v->$kind($v->uuid, %$over));
	is $s->code, $word, $name or diag $s->error // 'no error', ' ', $s->message // '';
	like $s->message // '', $says, '  and says so';
	unlike $s->message // '', qr/[\e\0]|^invalid input/, '  without what was given, raw';
}
is $s->value('SELECT count(*) FROM sftca.certificates'), $before, 'no row came of it';

done_testing;
