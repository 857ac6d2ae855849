#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Statements of the platform, request signatures, secrets and passwords, checked with openssl and Perl's digests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256 hmac_sha256_base64);
use MIME::Base64;
use Vault;
use Sft::Key;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $id = $v->uuid;

# --- statements
my $public = $s->value("SELECT public_key FROM sftca.statement_keys WHERE state = 'active'");
my $signature = 'sft=:' . encode_base64('x' x 64, '') . ':';
sub statement
{
	my (%o) = @_;
	my $body = $o{body} // '{"a":1}';
	my @lines = $s->run("SELECT sftca.sign_statement('$o{purpose}', $o{status}, '" . ($o{target} // '/v1/x?after=3') . "', " . ($o{bound} ? "'$signature'" : 'NULL') . ", 42, '$body')");
	return { status => $o{status}, text => $body, headers => { map { split /: /, $_, 2 } grep { length } @lines } };
}
for my $purpose (qw(state resolve instance trust krl)) {
	my $bound = $purpose =~ /^(state|resolve)$/;
	my $st = statement(purpose => $purpose, status => 200, bound => $bound);
	my $req = $bound ? { headers => "signature: $signature\n" } : undef;
	is join(' ', sort keys %{ $st->{headers} }), 'content-digest sft-version signature signature-input', "$purpose: header lines";
	ok Sft::Key::statement($public, $purpose, '/v1/x?after=3', $st, $req), "$purpose: verifies";
	ok !Sft::Key::statement($public, $purpose, '/v1/x?after=4', $st, $req), '  not for another target';
	ok !Sft::Key::statement($public, $purpose, '/v1/x?after=3', { %$st, status => 201 }, $req), '  nor another status';
	ok !Sft::Key::statement($public, $purpose, '/v1/x?after=3', { %$st, text => '{}' }, $req), '  nor another body';
	ok !Sft::Key::statement($public, $purpose, '/v1/x?after=3', { %$st, headers => { %{ $st->{headers} }, 'sft-version' => 43 } }, $req), '  nor another version';
	ok !Sft::Key::statement($public, $purpose eq 'krl' ? 'trust' : 'krl', '/v1/x?after=3', $st, $req), '  nor another purpose';
	ok !Sft::Key::statement($public, $purpose, '/v1/x?after=3', $st, { headers => 'signature: sft=:' . encode_base64('y' x 64, '') . ":\n" }), '  nor another request' if $bound;
}
is $s->value("SELECT key_id FROM sftca.statement_keys"), encode_base64(sha256(decode_base64((split ' ', $public)[1])), '') =~ tr{+/=}{-_}dr, 'the key id';
is $s->value('SELECT sftca.statement_key_create()'), $s->value('SELECT key_id FROM sftca.statement_keys'), 'statement_key_create() twice is once';

for (["'x', 200, '/', NULL, 1, 'b'", 'statement_purpose'], ["'trust', 99, '/', NULL, 1, 'b'", 'statement_malformed'], ["'trust', 200, '/', NULL, -1, 'b'", 'statement_malformed'],
	["'trust', 200, '\\x2f00', NULL, 1, 'b'", 'malformed'], ["'trust', 200, '\\x2f0a', NULL, 1, 'b'", 'name_invalid|malformed'], ["'trust', 200, '/', 'x', 1, 'b'", 'malformed'], ["'trust', 200, NULL, NULL, 1, 'b'", 'argument_missing'],
	["NULL, 200, '/', NULL, 1, 'b'", 'argument_missing'], ["'trust', 200, '/', NULL, 1, NULL", 'argument_missing']) {
	my ($args, $word) = @$_;
	my @lines = $s->run("SELECT sftca.sign_statement($args)");
	like $s->code // 'none', qr/^($word)$/, "sign_statement($args) refuses" or diag "@lines";
}
$s->run('BEGIN', $v->user($v->uuid), "SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')", 'ROLLBACK');
is $s->code, 'transaction_has_written', 'a transaction that has written states nothing';
$s->run('BEGIN', 'SELECT pg_current_xact_id()', "SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')", 'ROLLBACK');
is $s->code, 'transaction_has_written', '  or could have';
$s->run('BEGIN', 'SAVEPOINT a', $v->user($v->uuid), 'ROLLBACK TO a', "SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')", 'ROLLBACK');
is $s->code, 'transaction_has_written', '  also when it took it back';

# a next key is announced, then signs
my $authority = $s->value('SELECT authority_id FROM sftca.statement_keys');
$s->value("SELECT sftca.key_prepare('$authority')");
ok Sft::Key::statement($public, 'trust', '/v1/x?after=3', statement(purpose => 'trust', status => 200)), 'with a next key the active one signs on';
$s->run("SELECT sftca.key_activate('$authority', 2)");
my $second = $s->value("SELECT public_key FROM sftca.statement_keys WHERE state = 'active'");
isnt $second, $public, 'then the second';
ok Sft::Key::statement($second, 'trust', '/v1/x?after=3', statement(purpose => 'trust', status => 200)), '  signs';
is_deeply [$s->run('SELECT state FROM sftca.statement_keys ORDER BY generation')], [qw(retiring active)], '  both are shown';

# --- requests
for my $kind (qw(ecdsa-p256 ed25519)) {
	my $key = Sft::Key->new($v->folder, $kind);
	my $nonce = $v->uuid;
	my %r = (method => 'POST', authority => 'sft.example.com:8443', target => '/v1/teams/acme/credentials?x=%2F', body => '{"a":"b"}', created => time, nonce => $nonce, keyid => "client/$id");
	my %h = $key->request(%r);
	my $blob = "(sftca.parse_public_key('@{[$key->public]}')).blob";
	my $check = sub {
		my (%o) = (%r, %h, @_);
		my $hex = sub { "'\\x" . unpack('H*', $_[0]) . "'" };
		my $text = sub { defined $_[0] ? "'" . ($_[0] =~ s/'/''/gr) . "'" : 'NULL' };
		return $s->value("SELECT coalesce(sftca.verify_request($blob, " . join(', ', $text->($o{method}), $text->($o{authority}), $hex->($o{target}), $hex->($o{body}), map { $text->($o{$_}) } qw(content-digest signature-input signature)) . "), 'good')");
	};
	is $check->(), 'good', "$kind: a good request";
	is $check->(method => 'PUT'), 'signature_invalid', '  another method';
	is $check->(authority => 'evil.example.com'), 'signature_invalid', '  another authority';
	is $check->(target => '/v1/teams/acme/credentials'), 'signature_invalid', '  another query';
	is $check->(target => "/v1/teams/acme/credentials?x=%2F\0"), 'signature_invalid', '  a NUL';
	is $check->(target => "/v1/teams/acme/credentials?x=%2F\n"), 'signature_invalid', '  a newline' or 1;
	is $check->(body => '{"a":"c"}'), 'digest_mismatch', '  another body';
	is $check->('content-digest' => Sft::Key::digest('{"a":"c"}'), body => '{"a":"c"}'), 'signature_invalid', '  with its digest';
	like $check->('content-digest' => undef), qr/^signature_(malformed|invalid)$/, '  without a digest';
	like $check->(body => ''), qr/^(signature|digest)_/, '  without the body';
	is $check->(signature => 'sft=:' . encode_base64('z' x 64, '') . ':'), 'signature_invalid', '  another signature';
	is $check->(signature => 'sft=:abc:'), 'signature_malformed', '  a short one';
	is $check->(signature => undef), 'signature_malformed', '  none';
	is $check->('signature-input' => 'sft=()'), 'signature_malformed', '  no components';
	is $check->('signature-input' => $h{'signature-input'} . ' '), 'signature_malformed', '  a space';
	(my $alg = $h{'signature-input'}) =~ s/alg="[^"]+"/'alg="' . ($kind eq 'ed25519' ? 'ecdsa-p256-sha256' : 'ed25519') . '"'/e;
	is $check->('signature-input' => $alg), 'signature_invalid', '  another algorithm';
	is_deeply [$s->run("SELECT * FROM sftca.parse_signature('" . $h{'signature-input'} . "')")], ["$r{created}|$nonce|client/$id|" . $key->alg], '  its parameters';
	my $message = unpack 'H*', 'message';
	my $sig = unpack 'H*', $key->sign('message');
	is $s->value("SELECT sftca.verify('@{[$key->public]}', '\\x$message', '\\x$sig')"), 't', 'verify: good';
	is $s->value("SELECT sftca.verify('@{[$key->public]}', '\\x${message}00', '\\x$sig')"), 'f', 'verify: another message';
	is $s->value("SELECT sftca.verify('@{[$key->public]}', '\\x$message', '\\x${sig}00')"), 'f', 'verify: too long';
}
is_deeply [$s->run("SELECT * FROM sftca.parse_signature($_)")], ['|||'], "parse_signature($_): nothing" for "''", 'NULL', "'x'", "repeat('x', 100000)";
$s->run("SELECT sftca.verify('@{[$v->key('rsa', '-b', 2048)]}', '', repeat('x', 64)::bytea)");
is $s->code, 'public_key_type', 'verify: not with RSA';

# --- secrets
my $secret = $s->value("SELECT sftca.secret('enrollment_token', '$id')");
like $secret, qr/^[A-Za-z0-9_-]{43}$/, 'a secret';
is $v->db->session('postgres')->value("SELECT sftca.secret('enrollment_token', '$id')"), $secret, '  is the same again';
isnt $s->value("SELECT sftca.secret('invitation', '$id')"), $secret, '  for its purpose';
isnt $s->value("SELECT sftca.secret('enrollment_token', '@{[$v->uuid]}')"), $secret, '  and its id';
my $subject = $v->uuid;
my $key = Sft::Key->new($v->folder);
my $mac = $key->mac($secret, $subject);
my $is = sub { my (%o) = @_; return $s->value("SELECT sftca.verify_mac('" . ($o{purpose} // 'enrollment_token') . "', '" . ($o{id} // $id) . "', '" . ($o{subject} // $subject) . "', '" . ($o{key} // $key->public) . "', '" . ($o{mac} // $mac) . "')") };
is $is->(), 't', 'a mac made by Perl';
is $is->(key => $key->public . ' a comment'), 't', '  whatever comment the key has';
for (['purpose', 'invitation'], ['id', $v->uuid], ['subject', $v->uuid], ['key', $v->default_key], ['key', 'x'], ['mac', ''], ['mac', 'x'], ['mac', $mac . '='], ['mac', lc $mac], ['mac', hmac_sha256_base64('', '')]) {
	my ($what, $value) = @$_;
	is $is->($what => $value), 'f', "  not with another $what";
}
for my $purpose (q(''), "'A'", "'a b'", "repeat('a', 33)", 'NULL') {
	$s->run("SELECT sftca.secret($purpose, '$id')");
	like $s->code, qr/^(purpose_invalid|argument_missing)$/, "secret($purpose) is refused";
}
my $fresh = Sft::Db->new(empty => 1, database => 'vault');
my ($f, $g) = map { $fresh->session('postgres') } 1, 2;
$f->run('CREATE EXTENSION pg_sftca');
is $f->value("SELECT sftca.verify_mac('x', '$id', '$id', '@{[$key->public]}', '$mac')"), 'f', 'no secret was ever made: no mac is good';
is $f->value('SELECT count(*) FROM sftca.vault_secret'), 0, '  and none is made for asking';
$f->run('BEGIN', "SELECT sftca.secret('x', '$id')");
$g->send("SELECT sftca.secret('x', '$id')");
select undef, undef, undef, 0.3;
$f->run('COMMIT');
my ($theirs) = $g->receive;
is $theirs, $f->value("SELECT sftca.secret('x', '$id')"), 'two make the first secret at once: one wins, both use it';
is $f->value('SELECT count(*) FROM sftca.vault_secret'), 1, '  there is one';

# --- passwords
my $hash = $s->value("SELECT sftca.hash_password('p\\303\\244ss')");
like $hash, qr/^\$scrypt\$ln=15,r=8,p=1\$[\w-]{22}\$[\w-]{43}$/, 'a hash';
isnt $s->value("SELECT sftca.hash_password('p\\303\\244ss')"), $hash, '  salted';
is $s->value("SELECT sftca.verify_password('$hash', 'p\\303\\244ss')"), 't', 'the password';
is $s->value("SELECT sftca.verify_password('$hash', '$_')"), 'f', 'not the password' for '', 'p', 'p\\303\\244s', 'p\\303\\244ss\\000';
for ("''", "'\\x00'", "repeat('x', 1025)::bytea") {
	$s->run("SELECT sftca.hash_password($_)");
	is $s->code, 'password_invalid', "hash_password($_) is refused";
}
$s->run("SELECT sftca.verify_password('x', 'y')");
is $s->code, 'password_hash_malformed', 'a hash that is none';
my @random = map { $s->value('SELECT sftca.random_text(20)') } 1 .. 20;
is +(grep { /^[2-9a-hj-km-z]{20}$/ } @random), 20, 'random text that a person can type';
is keys %{ { map { $_ => 1 } @random } }, 20, '  never the same';
for (7, 129, -1) {
	$s->run("SELECT sftca.random_text($_)");
	is $s->code, 'length_invalid', "random_text($_) is refused";
}

done_testing;
