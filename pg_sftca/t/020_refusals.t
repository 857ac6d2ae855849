#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What must never be recorded is refused by name and leaves no row.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $rsa1024 = do {
	my $file = $v->folder . '/rsa1024';
	$v->db->must('sh', '-c', "openssl genrsa -out $file 1024 2>/dev/null && openssl rsa -in $file -pubout -out $file.pem 2>/dev/null && ssh-keygen -i -m PKCS8 -f $file.pem >$file.pub");
	join ' ', (split ' ', Sft::Db::slurp("$file.pub"))[0, 1];
};
my $good = $v->default_key;
my $private = Sft::Db::slurp($v->{last_key});
my $own = $s->value("SELECT public_key FROM sftca.keys WHERE purpose = 'ssh_host'");
my $cert = do { my $id = $v->uuid; $s->value($v->user($id)); ($v->finish($s, $id))[1] };
my $blob = decode_base64((split ' ', $good)[1]);
sub ssh { return "'$_[0] " . encode_base64($_[1], '') . "'" }
sub strings { return join '', map { pack 'N/a*', $_ } @_ }
my $p256 = $v->key('ecdsa', '-b', 256);
my $point = substr decode_base64((split ' ', $p256)[1]), -65;
my $off_curve = substr($point, 0, 64) . chr(ord(substr $point, 64) ^ 1);

my @rows = (
	# name, kind, arguments, error word
	['K1 an empty key', user => { public_key => "''" }, 'public_key_malformed'],
	['K1 only a type', user => { public_key => "'ssh-ed25519'" }, 'public_key_malformed'],
	['K2 a truncated key', user => { public_key => ssh('ssh-ed25519', substr $blob, 0, -1) }, 'public_key_malformed'],
	['K3 a length past the end', user => { public_key => ssh('ssh-ed25519', "\xff\xff\xff\xff" . substr $blob, 4) }, 'public_key_malformed'],
	['K4 bytes after the key', user => { public_key => ssh('ssh-ed25519', $blob . "\0") }, 'public_key_malformed'],
	['K4 two lines', user => { public_key => "E'$good\\n$good'" }, 'public_key_malformed'],
	['K5 another type outside', user => { public_key => ssh('ssh-rsa', $blob) }, 'public_key_malformed'],
	['K6 RSA of 1024 bits', user => { public_key => "'$rsa1024'" }, 'public_key_weak'],
	['K9 a point off the curve', user => { public_key => ssh('ecdsa-sha2-nistp256', strings('ecdsa-sha2-nistp256', 'nistp256', $off_curve)) }, 'public_key_point'],
	['K10 Ed25519 of low order', user => { public_key => ssh('ssh-ed25519', strings('ssh-ed25519', "\0" x 32)) }, 'public_key_point'],
	['K11 DSA', user => { public_key => ssh('ssh-dss', strings('ssh-dss', "\1", "\1", "\1", "\1")) }, 'public_key_type'],
	['K12 a certificate for a key', user => { public_key => "'$cert'" }, 'public_key_is_certificate'],
	['K13 a private key', user => { public_key => "'$private'" }, 'public_key_is_private'],
	['K16 the authority\'s own key', user => { public_key => "'$own'" }, 'public_key_is_authority'],
	['K18 base64 without padding', user => { public_key => "'" . ($p256 =~ s/=+$//r) . "'" }, 'public_key_malformed'],
	['P1 no principal', user => { principals => "'{}'" }, 'principal_missing'],
	['P1 no principal of a host', host => { principals => "'{}'" }, 'principal_missing'],
	['P2 an empty principal', user => { principals => q('{""}') }, 'principal_empty'],
	['P2 an empty one behind a good one', user => { principals => q('{alice,""}') }, 'principal_empty'],
	['P3 a comma', user => { principals => q('{"deploy,root"}') }, 'principal_invalid'],
	['P3 a comma in a host name', host => { principals => q('{"web01,web02"}') }, 'principal_invalid'],
	['P4 a newline', user => { principals => q(ARRAY[E'alice\nroot']) }, 'principal_invalid'],
	['P6 a wildcard', user => { principals => "'{*}'" }, 'principal_invalid'],
	['C15 a wildcard host', host => { principals => "'{*.example.com}'" }, 'principal_invalid'],
	['P8 a homograph', user => { principals => "ARRAY[U&'r\\043E\\043Et']" }, 'principal_invalid'],
	['P9 a long name', user => { principals => "ARRAY[repeat('a', 32)]" }, 'principal_invalid'],
	['P9 65 principals', host => { principals => "(SELECT array_agg('h' || g) FROM generate_series(1, 65) g)" }, 'principal_too_many'],
	['P10 upper case', user => { principals => "'{Alice}'" }, 'principal_invalid'],
	['P11 an option prefix', user => { principals => q('{"no-pty x"}') }, 'principal_invalid'],
	['P11 a leading dash', user => { principals => "'{-x}'" }, 'principal_invalid'],
	['S4 a NULL principal', user => { principals => "'{NULL}'" }, 'list_malformed'],
	['S4 a two-dimensional list', user => { principals => "'{{a,b},{c,d}}'" }, 'list_malformed'],
	['C1 an empty span', user => { valid_before => "now() - interval '1 minute'" }, 'validity_reversed'],
	['C5 a reversed span', user => { valid_after => "now() + interval '1 hour'" }, 'validity_reversed'],
	['C5 for ever', user => { valid_before => "'infinity'" }, 'validity_unbounded'],
	['C5 from ever', user => { valid_after => "'-infinity'" }, 'validity_unbounded'],
	['C5 long ago', user => { valid_after => "'2001-01-01'", valid_before => "'2001-01-02'" }, 'validity_past'],
	['C5 the last day of the calendar', user => { valid_before => "'294276-12-31'" }, 'validity_too_long'],
	['C5 from the last day on', user => { valid_after => "'294276-12-30'", valid_before => "'294276-12-31'" }, 'validity_too_long'],
	['C5 before 1970', user => { valid_after => "'1960-01-01'" }, 'validity_too_long'],
	['C4 longer than a user\'s may be', user => { valid_before => "now() + interval '3 days'" }, 'validity_too_long'],
	['C4 longer than a host\'s may be', host => { valid_before => "now() + interval '33 days'" }, 'validity_too_long'],
	['C4 longer than a client\'s may be', client => { valid_before => "now() + interval '3 days'" }, 'validity_too_long'],
	['C9 a key id with a quote', user => { key_id => q('sft1:a" (serial 9) CA') }, 'key_id_invalid'],
	['C9 a key id with a newline', user => { key_id => q(E'sft1:a\nb') }, 'key_id_invalid'],
	['C9 an empty key id', user => { key_id => "''" }, 'key_id_invalid'],
	['C9 a long key id', user => { key_id => "'sft1:' || repeat('a', 60000)" }, 'key_id_invalid'],
	['C10 an unknown critical option', user => { critical_options => q('{"x": "y"}') }, 'option_invalid'],
	['C10 everybody\'s address', user => { critical_options => q('{"source-address": "0.0.0.0/0"}') }, 'option_invalid'],
	['C10 host bits', user => { critical_options => q('{"source-address": "10.1.2.3/8"}') }, 'option_invalid'],
	['C11 a newline in the command', user => { critical_options => q('{"force-command": "a\\nb"}') }, 'option_invalid'],
	['C13 verify-required without a security key', user => { critical_options => q('{"verify-required": ""}') }, 'option_invalid'],
	['C13 no-touch-required', user => { extensions => q('{"no-touch-required": ""}') }, 'option_invalid'],
	['an unknown extension', user => { extensions => q('{"x@openssh.com": ""}') }, 'option_invalid'],
	['an extension that is a number', user => { extensions => q('{"permit-pty": 1}') }, 'option_invalid'],
	['an extension that is an object', user => { extensions => q('{"permit-pty": {}}') }, 'option_invalid'],
	['an extension that is null', user => { extensions => q('{"permit-pty": null}') }, 'option_invalid'],
	['extensions in a list', user => { extensions => q('["permit-pty"]') }, 'option_invalid'],
	['extensions that are a text', user => { extensions => q('"permit-pty"') }, 'option_invalid'],
	['17 extensions', user => { extensions => q((SELECT jsonb_object_agg(translate(g::text, '0123456789', 'abcdefghij') || '@sft', 'x') FROM generate_series(1, 17) g)) }, 'option_invalid'],
	['C14 a host key for a user', user => { authority => "'$v->{ssh_host}'" }, 'authority_purpose'],
	['C14 a user key for a host', host => { authority => "'$v->{ssh_user}'" }, 'authority_purpose'],
	['C14 an SSH key for X.509', client => { authority => "'$v->{ssh_user}'" }, 'authority_purpose'],
	['C14 the statement key for a user', user => { authority => "(SELECT authority_id FROM sftca.statement_keys)" }, 'authority_purpose'],
	['an unknown authority', user => { authority => 'gen_random_uuid()' }, 'authority_unknown'],
	['X a bad common name', client => { common_name => "'root\t'" }, 'common_name_invalid'],
	['X an empty common name', client => { common_name => "''" }, 'common_name_invalid'],
	['X a bad organization', client => { organization => "'a b'" }, 'organization_invalid'],
	['X a bad unit', client => { organizational_unit => "'/'" }, 'organizational_unit_invalid'],
	['X a URI of somebody else', client => { uri => "'https://x/'" }, 'uri_invalid'],
	['X a URI with a space', client => { uri => "'sft://x y'" }, 'uri_invalid'],
	(map { ["S4 NULL for $_", user => { $_ => 'NULL' }, 'argument_missing'] } qw(id authority public_key key_id principals valid_after valid_before)),
	(map { ["S4 NULL for $_", client => { $_ => 'NULL' }, 'argument_missing'] } qw(id authority public_key common_name organization organizational_unit uri)),
);

my $before = $s->value('SELECT count(*) FROM sftca.certificates');
for (@rows) {
	my ($name, $kind, $over, $word) = @$_;
	$s->run($v->$kind($v->uuid, %$over));
	is $s->code, $word, $name or diag $s->error // 'no error', ' ', $s->message // '';
	like $s->error // '', $word =~ /unknown$/ ? qr/^SF404$/ : qr/^22023$/, '  its class';
}
is $s->value('SELECT count(*) FROM sftca.certificates'), $before, 'no row came of it';

# the message of a refused private key must not carry it on
$s->run($v->user($v->uuid, public_key => "'$private'"));
unlike $s->message, qr/PRIVATE|b3BlbnNzaC/, 'K13 the refusal does not repeat the key';

# NULL options are none
my $id = $v->uuid;
$s->value($v->user($id, critical_options => 'NULL', extensions => 'NULL'));
like $v->read_ssh(($v->finish($s, $id))[1]), qr/Critical Options: \(none\)\s+Extensions: \(none\)/, 'NULL options are none';

# an id is used once, whatever comes with it
$s->run($v->user($id));
is $s->error, '23505', 'an id again';
is $s->code, 'certificate_id_taken', '  by name';
$s->run($v->host($id));
is $s->code, 'certificate_id_taken', '  also for another kind';

# K17 size
$s->run($v->user($v->uuid, public_key => "'ssh-ed25519 ' || repeat('A', 1048576)"));
like $s->code, qr/^public_key_/, 'K17 a key of 1 MiB';

# keys in general
my @parse = (
	[$good, undef], [$p256, undef], ["$good a comment", undef], [' ', 'public_key_type'], ['x', 'public_key_malformed'], ["$good\n", 'public_key_malformed'],
);
for (@parse) {
	my ($key, $word) = @$_;
	$s->run("SELECT * FROM sftca.parse_public_key('$key')");
	is $s->code, $word, 'parse_public_key: ' . ($word // 'good');
}
$s->run('SELECT * FROM sftca.parse_public_key(NULL)');
is $s->code, 'argument_missing', 'S4 NULL is no key';
is $s->value("SELECT fingerprint FROM sftca.parse_public_key('$good')"), (split ' ', $v->db->must('ssh-keygen', '-l', '-f', $v->write_file('k.pub', "$good\n")))[1], 'the fingerprint is ssh-keygen\'s';

# authorities
for (["'x'", 'NULL', 'authority_purpose'], ['NULL', 'NULL', 'purpose'], (map { ["'ssh_user'", "'$_'", 'algorithm_unsupported'] } 'rsa', 'rsa-2040', 'rsa-2049', 'rsa-8200', 'rsa-02048', 'rsa-20 48', 'rsa-9999', 'dsa', 'Ed25519', '', 'ecdsa-p224', "ed25519\n"),
	["'statement'", 'NULL', 'statement_key_exists'], ["'ssh_user'", "NULL, repeat('x', 129)", 'authority_name_invalid'], ["'ssh_user'", "NULL, E'a\\nb'", 'authority_name_invalid']) {
	my ($purpose, $rest, $word) = @$_;
	$s->run("SELECT sftca.authority_create($purpose, $rest)");
	ok defined $s->error, "authority_create($purpose, $rest) is refused";
	is $s->code, $word, "  as $word" unless $word eq 'purpose';
}
$s->run("SELECT * FROM sftca.key_generate(gen_random_uuid(), 1, 'statement', 'ecdsa-p256')");
is $s->code, 'algorithm_unsupported', 'statements are signed with Ed25519 only';
for my $word ('rsa-2040', 'rsa-2049', 'rsa-8200', 'rsa-2048 ', 'rsa-0xff', 'rsa-') {
	$s->run("SELECT * FROM sftca.key_generate(gen_random_uuid(), 1, 'ssh_user', '$word')");
	is $s->code, 'algorithm_unsupported', "no algorithm: '$word'";
}

done_testing;
