#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Hostile bytes at the door: JSON (J rows), keys (K rows), names (P rows), arguments (S4), batches in which one row is bad.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $w = Sft::World->new;
my $door = $w->door;
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
my $credentials = $alice->path('credentials');
my $key = $w->ssh_key;

sub says
{
	my ($name, $want, $answer) = @_;
	my $is = join ' ', grep { defined } $answer->{status}, $answer->{json}{error};
	ref $want ? like($is, $want, $name) : is($is, $want, $name);
	unlike $answer->{text} // '', qr/pg_|plpgsql|sft_core|SQLSTATE|relation |violates|constraint "|LINE \d/, '  nothing of the database\'s own text'
		or diag $answer->{text};
	return $answer;
}

sub certificates { return $w->db->root->value('SELECT count(*) FROM sftca.certificates') }
sub post { my ($body, %o) = @_; return $alice->call(POST => $credentials, body => $body, %o) }

my $good = qq({"kind":"ssh_user","server":"$server->{id}","public_key":"$key"});
says 'the good body', '201', post($good);
my $before = certificates();

# J: JSON
my %bad = (
	'J1 an array' => '[]', 'J1 null' => 'null', 'J1 a string' => '"x"', 'J1 a number' => '1', 'J1 white space' => '   ', 'J1 a byte order mark' => "\xEF\xBB\xBF$good",
	'J1 broken' => substr($good, 0, -1), 'J1 single quotes' => q({'kind':'ssh_user'}), 'J1 a comment' => "$good/* */", 'J1 a trailing comma' => $good =~ s/\}$/,}/r,
	'J2 depth 33' => $good =~ s/\}$/',"x":' . ('[' x 33) . (']' x 33) . '}'/er,
	'J2 depth 6000' => ('[' x 6000) . (']' x 6000), 'J2 depth 7000 in a field' => $good =~ s/\}$/',"ttl":' . ('[' x 7000) . (']' x 7000) . '}'/er,
	'J2 unclosed' => '[' x 16000, 'J2 unclosed objects' => '{"a":' x 3000,
	'J3 a key twice' => $good =~ s/\}$/,"ttl":60,"ttl":86400}/r, 'J4 NUL in a key' => $good =~ s/\}$/,"ttl\\u0000x":60}/r, 'J5 NUL in a value' => $good =~ s/ssh_user/ssh_user\\u0000/r,
	'J6 a lone surrogate' => $good =~ s/ssh_user/\\ud800/r, 'J6 overlong' => $good =~ s/ssh_user/\xC0\xAF/r, 'J6 FF FE' => $good =~ s/ssh_user/\xFF\xFE/r,
	'J6 CESU' => $good =~ s/ssh_user/\xED\xA0\x80\xED\xB0\x80/r, 'J6 truncated UTF-8' => $good =~ s/ssh_user/\xE2\x82/r, 'J6 Latin-1' => $good =~ s/ssh_user/\xE9/r,
	'J7 1e400000' => $good =~ s/\}$/,"ttl":1e400000}/r, 'J7 1e130000' => $good =~ s/\}$/,"ttl":1e130000}/r, 'J7 many digits' => $good =~ s/\}$/',"ttl":' . ('9' x 4000) . '}'/er,
	'J7 leading zero' => $good =~ s/\}$/,"ttl":0300}/r, 'J7 hexadecimal' => $good =~ s/\}$/,"ttl":0x10}/r,
	'J8 an unknown field' => $good =~ s/\}$/,"admin":true}/r, 'J8 __proto__' => $good =~ s/\}$/,"__proto__":{}}/r,
	'J12 another object after it' => "$good\{}", 'J12 NUL after it' => "$good\0", 'J12 NUL and an object' => "$good\0{}",
);
says $_, qr/^400 \w+$/, post($bad{$_}) for sort keys %bad;
says 'J1 an empty body', qr/^400 \w+$/, $alice->call(POST => $credentials, body => '');
says 'J8 is named', '400 field_unknown', post($bad{'J8 an unknown field'});
says "J10 $_", qr{^415 }, post($good, headers => { 'content-type' => $_ }) for 'text/plain', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16';
says 'J10 none', qr/^(415 |201)/, post($good, headers => { 'content-type' => undef });
$before = certificates() if certificates() > $before;
says "an agent that says $_", '426 wire_unknown', post($good, headers => { 'user-agent' => $_ }) for 'sft/9.0 (wire 2)', 'sft/0.1 (wire 0)', 'sft/1.0 (wire 99999999999999999999)';
says 'an agent that says nothing of a wire', '201', post($good, headers => { 'user-agent' => 'curl/7.88' });
$before = certificates();

# fields
for my $ttl ('0', '-1', '59', '86401', '2147483648', '9223372036854775808', '1e308', '"300"', '300.5', 'null', 'true', '[]', '{}', '-0') {
	my $a = post($good =~ s/\}$/,"ttl":$ttl}/r);
	$ttl eq 'null' ? like("$a->{status}", qr/^(400|201)$/, "C2 ttl $ttl") : says "C1 C2 ttl $ttl", qr/^400 \w+|^403 ttl_too_long$/, $a;
}
says 'C4 a ttl beyond the project\'s is refused, not cut', '403 ttl_too_long', post($good =~ s/\}$/,"ttl":3600}/r);
for my $field (qw(kind server public_key)) {
	says "$field is missing", qr/^400 \w+$/, post($good =~ s/"$field":"[^"]*",?//r =~ s/,\}$/}/r);
	says "$field is $_", qr/^(400|404) \w+$/, post($good =~ s/"$field":"[^"]*"/"$field":$_/r) for 'null', '1', 'true', '[]', '{}', '""', '"' . ('x' x 9000) . '"';
}
says 'kind of another kind', qr/^400 \w+$/, post($good =~ s/ssh_user/ssh_host/r);
says 'C14 a user asks for a host certificate', qr/^40[0134]/, $alice->call(POST => '/v1/server/host_certificates', body => { public_key => $key });
for my $name ("web01\\n", 'web01,web02', '-web01', '../web01', 'web01; DROP TABLE x', '*', '%', 'web_1%', "\x{0440}web", 'WEB01 ', q{' OR true --}) {
	my $a = says "P server named $name", qr/^(400|404) \w+$/, post($good =~ s/"server":"[^"]*"/"server":"$name"/r);
}

# K: keys
my ($blob) = $key =~ / (\S+)/;
my $raw = MIME::Base64::decode_base64($blob);
my $b64 = sub { MIME::Base64::encode_base64($_[0], '') };
my $cert = $alice->credential($server->{id})->{json}{certificate};
$before = certificates();
my $p256 = $w->key->public;
my (undef, $rsa1024) = $w->db->command('sh', '-c', "ssh-keygen -q -t rsa -b 1024 -N '' -f @{[$w->db->folder]}/rsa <&- && cut -d' ' -f1,2 @{[$w->db->folder]}/rsa.pub");
chomp $rsa1024;
my %keys = (
	'K1 empty' => '', 'K1 type alone' => 'ssh-ed25519', 'K1 type and nothing' => 'ssh-ed25519 ', 'K1 empty base64' => 'ssh-ed25519 AAAA', 'K3 length 0xFFFFFFFF' => 'ssh-ed25519 ' . $b64->("\xFF\xFF\xFF\xFFssh"),
	'K3 inner length too long' => 'ssh-ed25519 ' . $b64->(substr($raw, 0, 15) . "\x7F\xFF\xFF\xFF" . substr($raw, 19)),
	'K4 trailing bytes' => 'ssh-ed25519 ' . $b64->("${raw}x"), 'K4 two keys' => "$key\\n$key", 'K4 text after a newline' => "$key\\nroot", 'K5 another type' => 'ssh-rsa ' . $blob, 'K5 P-256 said Ed25519' => $p256 =~ s/^\S+/ssh-ed25519/r,
	'K6 RSA 1024' => $rsa1024, 'K9 P-256 at infinity' => 'ecdsa-sha2-nistp256 ' . $b64->(pack 'N/a* N/a* N/a*', 'ecdsa-sha2-nistp256', 'nistp256', "\0"),
	'K9 P-256 off the curve' => 'ecdsa-sha2-nistp256 ' . $b64->(pack 'N/a* N/a* N/a*', 'ecdsa-sha2-nistp256', 'nistp256', "\4" . ("\1" x 64)),
	'K10 Ed25519 of zeros' => 'ssh-ed25519 ' . $b64->(pack 'N/a* N/a*', 'ssh-ed25519', "\0" x 32), 'K10 31 bytes' => 'ssh-ed25519 ' . $b64->(pack 'N/a* N/a*', 'ssh-ed25519', 'a' x 31),
	'K10 low order' => 'ssh-ed25519 ' . $b64->(pack 'N/a* N/a*', 'ssh-ed25519', "\1" . ("\0" x 31)), 'K10 33 bytes' => 'ssh-ed25519 ' . $b64->(pack 'N/a* N/a*', 'ssh-ed25519', 'a' x 33),
	'K11 unknown type' => 'foo@bar ' . $b64->(pack 'N/a* N/a*', 'foo@bar', 'x' x 32), 'K12 a certificate' => $cert,
	'K13 a private key' => '-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAAAcanarysecret\\n-----END OPENSSH PRIVATE KEY-----\\n',
	'K17 a long line' => "$key " . ('x' x 20000), 'K18 white space' => $key =~ s/AAAA/AAAA /r, 'K18 URL-safe' => $key =~ s/AAAA/AA-_/r, 'K18 no canonical padding' => "$key=", 'K19 newline in the comment' => "$key a\\nb",
	'P options' => 'command=\\"id\\" ' . $key, 'P leading space' => " $key",
);
$keys{"K2 truncated at $_"} = 'ssh-ed25519 ' . $b64->(substr $raw, 0, $_) for 1, 4, 10, 15, 18, 19, 30, length($raw) - 1;
for (sort keys %keys) {
	my $a = says $_, qr/^400 \w+$/, post($good =~ s/"public_key":"[^"]*"/"public_key":"$keys{$_}"/r);
	like $a->{json}{error} // '', qr/^public_key_/, '  refused by name' if /^K(6|9|10|12|13)/;
}
unlike $w->db->log_text, qr/canarysecret/, 'K13 the private key is not in the log';
is certificates(), $before, 'none of these left a record';
is $w->db->root->value(q{SELECT count(*) FROM sft.audit_events WHERE details::text LIKE '%canarysecret%'}), 0, 'K13 nor in the audit';

# enrollment with hostile fields
my %fields = (hostname => ["a\nb", "a\0b", 'x' x 300, '', 1, undef], os => ["a\nb", 'x' x 300, 7], description => ["\e[31m", 'x' x 300, []], encrypted => ['yes', 1, {}], id => ['x', '', 1, undef, '../' . Sft::Door::uuid()]);
for my $field (sort keys %fields) {
	for my $value (@{ $fields{$field} }) {
		my $c = $w->enroll('acme', 'alice', body => { $field => $value });
		my $shown = JSON::PP->new->allow_nonref->canonical->encode($value);
		says "P enroll with $field " . substr($shown, 0, 20), qr/^(400 \w+|401 signature_invalid)$/, $c->{enrolled};
	}
}
for my $team ('nobody', 'acme%00', "acme\n", q{a'b}, '..', 'x' x 300) {
	my $a = $alice->call(GET => "/v1/teams/acme/projects", route => 'GET /v1/teams/{team}/projects', params => [$team]);
	says 'P17 a team named ' . substr($team, 0, 10) =~ s/\n/\\n/r, qr/^(400|401|403|404) \w+$/, $a;
}

# the door's own arguments (S4)
my $s = $door->session;
my @args = map { "$_\::text[]" } ("ARRAY['GET /v1/instance']") x 1;
sub raw_handle { my (@a) = @_; $s->run('SELECT count(*) FROM sft_api.handle(' . join(', ', @a) . ')'); return $s->error // 'fine' }
my @ok = ("ARRAY['GET /v1/instance']::text[]", "ARRAY['']::bytea[]", "ARRAY['GET']::text[]", "ARRAY['/v1/instance']::bytea[]", "ARRAY['sft.example.com']::bytea[]", "ARRAY['']::bytea[]", "ARRAY['']::bytea[]", "ARRAY['192.0.2.1']::text[]", "ARRAY['t1']::text[]");
is raw_handle(@ok), 'fine', 'S4 the bare minimum is answered';
for my $i (0 .. 8) {
	my ($type) = $ok[$i] =~ /::(.*)/;
	for my $v ('NULL', 'ARRAY[NULL]', "ARRAY['', '']", "'{}'", "'{{a,b},{c,d}}'", "'[5:5]={a}'", "array_fill('x'::text, ARRAY[65])") {
		my @a = @ok;
		$a[$i] = "$v\::$type";
		my $is = raw_handle(@a);
		unlike $is, qr/^(XX|08|57P)/, "S4 argument $i is $v: $is";
	}
}
for my $peer ('', 'x', '999.1.1.1', '::1', '192.0.2.1/0', q{'}, "192.0.2.1\n") {
	my $a = ($door->handle($alice->make(GET => $alice->path('projects'), peer => $peer)))[0];
	like $a->{status}, qr/^(200|400|500)$/, "S4 peer " . JSON::PP->new->allow_nonref->encode($peer) . ": $a->{status}";
}
says 'an unknown route', qr/^(404|405|400|500)/, $door->call(GET => '/v1/nothing', route => 'GET /v1/nothing');
says 'another method than the route\'s', qr/^(404|405|400|401)/, ($door->handle({ %{ $alice->make(GET => $alice->path('projects')) }, method => 'POST' }))[0];
says "a query: $_", qr/^(200|400|401)/, $alice->call(GET => $alice->path('servers') . $_) for '?', '?count=x', '?count=-1', '?count=99999999999999999999', '?count=1&count=2', '?offset=%00', '?%zz', '?count=1%0a', '?' . ('a=b&' x 2000), '?offset=\'', '?descending=maybe';

# batches: a bad row touches no other (J6 next to good rows; S)
my @rows = map { $alice->credential_request($server->{id}) } 1 .. 64;
my %broken = (3 => "\xFF\xFE", 7 => '{"kind":', 11 => $good =~ s/ssh_user/x\\u0000/r, 19 => '[' x 12000, 23 => '{}', 42 => $good =~ s/"server":"[^"]*"/"server":"nobody"/r);
$rows[$_] = $alice->make(POST => $credentials, body => $broken{$_}) for keys %broken;
$rows[50] = { %{ $rows[50] }, headers => "signature: \xFF\xFE\nsignature-input: x\n" };
$rows[51] = { %{ $rows[51] }, body => "$rows[51]{body} " };
$rows[52] = { %{ $rows[52] }, params => "ac\xFFme" };
my %is_bad = map { $_ => 1 } keys %broken, 50 .. 52;
my @answers = $door->batch(\@rows);
is scalar(grep { !$is_bad{$_} && $answers[$_]{status} == 201 } 0 .. 63), 64 - keys %is_bad, 'a batch of 64: every good row has its certificate';
is scalar(grep { $is_bad{$_} && $answers[$_]{status} =~ /^4\d\d$/ } 0 .. 63), scalar(keys %is_bad), 'every bad row its refusal' or diag join ' ', map { "$_:$answers[$_]{status}" } sort keys %is_bad;
my %serial = map { $answers[$_]{json}{serial} => 1 } grep { !$is_bad{$_} } 0 .. 63;
is scalar(keys %serial), 64 - keys %is_bad, 'C8 every serial is another';
is scalar(grep { $answers[$_]{json}{request_id} eq $rows[$_]{nonce} } grep { !$is_bad{$_} } 0 .. 63), 64 - keys %is_bad, 'each answer belongs to its request';
my $events = $w->db->root->value(q{SELECT count(*) FROM sft.audit_events WHERE request_id IN (} . join(', ', map { "'$rows[$_]{nonce}'" } grep { !$is_bad{$_} } 0 .. 63) . ')');
is $events, 64 - keys %is_bad, 'and one audit event';

# ids that repeat in a batch
my $one = $alice->credential_request($server->{id});
my $other_key = $alice->credential_request($server->{id}, nonce => $one->{nonce}, body => { public_key => $w->ssh_key });
my @twice = $door->batch([ $one, { %$one, trace_id => 'again' }, $other_key ]);
is join(' ', map { $_->{status} } @twice), '201 201 409', 'T1 an id twice in a batch: the same certificate, another key is 409' or diag join ' ', map { $_->{text} // '' } @twice;
is $twice[0]{json}{certificate}, $twice[1]{json}{certificate}, '  the same certificate' if $twice[1]{json};
is $w->db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$one->{nonce}'"), 1, '  one record';

# only batch routes may be batched, at most 64
$s->run('SELECT * FROM ' . $door->handle_sql(map { $alice->make(GET => $alice->path('projects')) } 1 .. 2));
my $batched = $s->error;
ok defined $batched || !(grep { $_->{key} eq 'GET /v1/teams/{team}/projects' && !$_->{batch} } @{ $door->{routes} }), 'routes that are not for batches are not batched';
$s->run('SELECT * FROM ' . $door->handle_sql(map { $alice->credential_request($server->{id}) } 1 .. 65));
ok defined $s->error, 'a batch of 65 is refused';
says 'after all this the door is as it was', '201', $alice->credential($server->{id});
my @loud = grep { /ERROR|PANIC|FATAL/ && !/sft_api\.handle|STATEMENT/ } split /\n/, $w->db->log_text;
diag "server log: @loud[0 .. ($#loud > 5 ? 5 : $#loud)]" if @loud && $ENV{SFT_TEST_VERBOSE};
done_testing;
