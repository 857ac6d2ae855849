#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Revocations of a key id and of a key: finish signs none of what they name, the lists say so to ssh-keygen and openssl, and they end when nothing they name can be alive.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Math::BigInt;
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my %key = map { my ($name, @how) = @$_; ($name => $v->key(@how)) } ['whole', 'ed25519'], ['print', 'ecdsa', '-b', 256], ['fine', 'rsa', '-b', 2048];
my %print = map { $_ => $s->value("SELECT fingerprint FROM sftca.parse_public_key('$key{$_}')") } keys %key;

sub made
{
	my ($how, %over) = @_;
	my $id = $v->uuid;
	my $serial = $s->value($v->$how($id, %over));
	return { id => $id, serial => $serial, first => [$v->finish($s, $id)] };
}
sub again { return ($v->finish($s, $_[0]{id}))[0] }
sub q_ { return "'$_[0]'" }
sub listed
{
	my ($authority, $certificate) = @_;
	my $krl = $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$authority'), 'base64')")));
	my ($rc, $out) = $v->db->command('ssh-keygen', '-Q', '-f', $krl, $v->write_file('q.pub', "$certificate\n"));
	return $out =~ /REVOKED$/m ? 1 : $out =~ /: ok$/m ? 0 : $out;
}

# a key id
my $kid = 'sft1:acme:prod:alice:one';
my %c = (
	named => made('user', key_id => q_($kid)), sibling => made('user', key_id => q_("$kid.")), host => made('host', key_id => q_($kid)),
	whole => made('user', public_key => q_($key{whole})), print => made('user', public_key => q_($key{print})), fine => made('user', public_key => q_($key{fine})), host_whole => made('host', public_key => q_($key{whole})),
	client => made('client', public_key => q_($key{print})), client_uri => made('client', uri => "'sft://acme/prod/mallory'"), client_fine => made('client'),
);
is $_->{first}[0], 'signed', 'signed before' for @c{sort keys %c};
my $version = $s->value("SELECT sftca.krl_version('$v->{ssh_user}')");
is $s->value("SELECT sftca.revoke_key_id('$v->{ssh_user}', '$kid', 'lost laptop')"), $version + 1, 'a key id is revoked; the list counts up';
is again($c{named}), 'revoked', '  finish refuses it';
is again($c{sibling}), 'signed', '  and no other';
is again($c{host}), 'signed', '  nor another authority\'s';
is listed($v->{ssh_user}, $c{named}{first}[1]), 1, '  ssh-keygen -Q refuses it';
is listed($v->{ssh_user}, $c{sibling}{first}[1]), 0, '  and no other';
is made('user', key_id => q_($kid))->{first}[0], 'revoked', '  what is recorded later under it, too';
is $s->value("SELECT sftca.verify_certificate('$c{named}{first}[1]', '$v->{ssh_user}'::uuid, 'alice')"), 'revoked', '  verify_certificate agrees';

# a key, given whole or by its fingerprint
my $host_version = $s->value("SELECT sftca.krl_version('$v->{ssh_host}')");
is $s->value("SELECT sftca.revoke_key('$key{whole} alice\@laptop', 'stolen')"), $print{whole}, 'a key is revoked';
is $s->value("SELECT sftca.revoke_key('$print{print}', 'key_compromise: stolen')"), $print{print}, 'a fingerprint is revoked';
is $s->value("SELECT sftca.krl_version('$v->{ssh_user}') || ' ' || sftca.krl_version('$v->{ssh_host}')"), ($version + 3) . ' ' . ($host_version + 2), '  every list counts up';
is again($c{$_}), 'revoked', "  finish refuses: $_" for qw(whole print host_whole client);
is again($c{$_}), 'signed', "  and not: $_" for qw(fine host client_fine);
is listed($v->{ssh_user}, $c{$_}{first}[1]), 1, "  ssh-keygen -Q refuses: $_" for qw(whole print);
is listed($v->{ssh_host}, $c{host_whole}{first}[1]), 1, '  and on the hosts\' list';
is listed($v->{ssh_user}, $c{fine}{first}[1]), 0, '  and not another';
is listed($v->{ssh_user}, $key{whole}), 1, '  the plain key, too';
is listed($v->{ssh_user}, $s->value("SELECT sftca.canary('$v->{ssh_user}', 1)")), 1, 'the canary is still on it';
is $s->value("SELECT string_agg(DISTINCT section, ' ' ORDER BY section) FROM sftca.parse_krl(sftca.krl('$v->{ssh_user}'))"), 'key key_id serials sha256', 'all sections';
is $s->value("SELECT sftca.key_prepare('$v->{ssh_user}')"), 2, 'a second generation';
is $s->value("SELECT count(*) FROM sftca.parse_krl(sftca.krl('$v->{ssh_user}')) WHERE section = 'key_id'"), 2, '  has the key id in its section';

# X.509
is $s->value("SELECT sftca.revoke_key_id('$v->{x509}', 'sft://acme/prod/mallory', 'affiliation_changed')"), 0, 'a URI is revoked';
is again($c{client_uri}), 'revoked', '  finish refuses it';
my $crl = $v->write_file('crl.der', decode_base64(join '', $s->run("SELECT encode(sftca.crl('$v->{x509}'), 'base64')")));
my $text = $v->db->must('openssl', 'crl', '-inform', 'DER', '-in', $crl, '-noout', '-text');
my %on = map { /Serial Number: (\w+)\s+Revocation Date.*?\n(?:\s+CRL entry extensions:\s+X509v3 CRL Reason Code:\s+(.*)\n)?/ ? (Math::BigInt->from_hex($1)->bstr => $2 // '') : () } split /(?=Serial Number)/, $text;
is_deeply \%on, { $c{client}{serial} => 'Key Compromise', $c{client_uri}{serial} => 'Affiliation Changed' }, '  the list of X.509 names both, with their reasons, and no other' or diag $text;

# the end of a revocation
sub row { my ($name) = @_; return $s->value("SELECT $_[1] FROM sftca.name_revocations WHERE coalesce(key_id, fingerprint) = '$name'") }
is row($kid, "expires_at - revoked_at = interval '3 days'"), 't', 'a key id is forgotten when none of its certificates can be alive';
is row($print{whole}, "expires_at = 'infinity'"), 't', 'a key never';
$s->run("UPDATE sftca.name_revocations SET expires_at = now() - interval '1 s' WHERE key_id = '$kid'");
is listed($v->{ssh_user}, $c{named}{first}[1]), 0, 'past its end the list leaves it out';
is made('user', key_id => q_($kid))->{first}[0], 'signed', '  and what is recorded since is signed';
$s->run("UPDATE sftca.certificates SET recorded_at = recorded_at - interval '1 hour' WHERE id = '$c{named}{id}'");
is again($c{named}), 'revoked', '  but never what was recorded before';
$s->value("SELECT sftca.revoke_key('$key{fine}', 'for a time', now() + interval '500 days')");
is row($print{fine}, "expires_at < 'infinity'"), 't', 'an end of one\'s own';

# refusals
my $own = $s->value("SELECT public_key FROM sftca.keys WHERE purpose = 'x509'");
for (
	["revoke_key_id(gen_random_uuid(), 'x', 'y')", 'authority_unknown', 'SF404'], ["revoke_key_id((SELECT authority_id FROM sftca.statement_keys), 'x', 'y')", 'authority_unknown', 'SF404'], ["revoke_key_id('$v->{ssh_user}', NULL, 'y')", 'argument_missing', '22023'],
	["revoke_key_id('$v->{ssh_user}', '', 'y')", 'revocation_key_id_invalid', '23514'], ["revoke_key_id('$v->{ssh_user}', E'a\\nb', 'y')", 'revocation_key_id_invalid', '23514'], ["revoke_key_id('$v->{ssh_user}', repeat('x', 1025), 'y')", 'revocation_key_id_invalid', '23514'],
	["revoke_key_id('$v->{ssh_user}', 'x', '')", 'name_revocation_reason_invalid', '23514'], ["revoke_key_id('$v->{ssh_user}', 'x', 'y', now() + interval '1 day')", 'revocation_too_short', '22023'],
	["revoke_key(NULL, 'y')", 'argument_missing', '22023'], ["revoke_key('', 'y')", 'public_key_malformed', '22023'], ["revoke_key('SHA256:short', 'y')", 'revocation_fingerprint_invalid', '23514'], ["revoke_key('$print{fine}=', 'y')", 'revocation_fingerprint_invalid', '23514'],
	["revoke_key('$own', 'y')", 'public_key_is_authority', '22023'], ["revoke_key('$c{fine}{first}[1]', 'y')", 'public_key_is_certificate', '22023'], ["revoke_key('$key{fine}', 'y', now())", 'revocation_too_short', '22023'],
	["krl_compose(1, now(), NULL, '{}', '{}', NULL, NULL, NULL)", 'argument_missing', '22023'], ["krl_compose(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)", 'argument_missing', '22023'],
	["krl_compose(1, now(), ARRAY['$own'], '{}', '{}', '{}', '{}', '{}')", 'malformed', '22023'], ["krl_compose(1, now(), ARRAY['$own'], '{}', '{}', '{}', '{}', '{x}')", 'malformed', '22023'], ["krl_compose(1, now(), ARRAY['$own'], '{0}', '{5}', '{}', '{}', '{}')", 'serial_invalid', 'SF500'],
) {
	my ($call, $word, $state) = @$_;
	$s->run("SELECT sftca.$call");
	is $s->code, $word, "$call: $word" or diag $s->message;
	is $s->error, $state, '  its class';
}

# many
$s->run("INSERT INTO sftca.name_revocations (authority_id, key_id, reason, expires_at) SELECT '$v->{ssh_user}', 'sft1:many:' || g, 'test', now() + interval '9 days' FROM generate_series(1, 3000) g",
	"INSERT INTO sftca.name_revocations (fingerprint, reason, expires_at) SELECT 'SHA256:' || rtrim(encode(sha256(g::text::bytea), 'base64'), '='), 'test', 'infinity' FROM generate_series(1, 3000) g");
is $s->value("SELECT count(*) FROM sftca.parse_krl(sftca.krl('$v->{ssh_user}')) WHERE section IN ('key_id', 'sha256')"), 9001, '3000 of each: in the list';
is listed($v->{ssh_user}, $c{print}{first}[1]), 1, '  which ssh-keygen reads';

# revoking while the authority's keys change: one waits for the other, neither is lost
for my $call ("revoke_key_id('$v->{ssh_host}', 'sft1:x', 'test')", "revoke('$v->{ssh_host}', 7, 7, 'test')", "revoke_key('SHA256:" . 'A' x 43 . "', 'test')") {
	my ($changing, $revoking) = map { $v->db->session('postgres') } 1, 2;
	my $was = $s->value("SELECT sftca.krl_version('$v->{ssh_host}')");
	my $pid = $revoking->backend;
	$changing->run('BEGIN', "SELECT sftca.authority_lock('$v->{ssh_host}')");
	$revoking->send("SELECT sftca.$call");
	for (1 .. 100) { last if $s->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND (wait_event_type = 'Lock' OR state = 'idle')"); select undef, undef, undef, 0.05 }
	$changing->run("SELECT sftca.krl_changed('$v->{ssh_host}')", 'COMMIT');
	is $changing->error, undef, "$call, while a key changes" or diag $changing->message;
	$revoking->receive;
	is $revoking->error, undef, '  and it is revoked' or diag $revoking->message;
	is $s->value("SELECT sftca.krl_version('$v->{ssh_host}')"), $was + 2, '  both count';
}

# a library newer than its SQL
my $old = Vault->new(bare => 1);
my $o = $old->db->session('postgres');
$o->run("CREATE EXTENSION pg_sftca VERSION '1.0'");
$old->{$_} = $o->value("SELECT sftca.authority_create('$_')") for qw(ssh_user x509);
my ($a, $b) = ($old->uuid, $old->uuid);
$o->value($old->user($a));
$o->value($old->client($b));
is +($old->finish($o, $_))[0], 'signed', '1.0: signed' for $a, $b;
like $o->value("SELECT encode(sftca.crl('$old->{x509}'), 'hex')"), qr/^30/, '  a list of X.509';
like $o->value("SELECT encode(sftca.krl('$old->{ssh_user}'), 'hex')"), qr/^5353484b524c0a00/, '  a list of SSH';
$o->run("ALTER EXTENSION pg_sftca UPDATE");
is $o->error, undef, 'updated' or diag $o->message;
$o->value("SELECT sftca.revoke_key('@{[$old->default_key]}', 'test')");
is +($old->finish($o, $_))[0], 'revoked', '1.1, in the same backend: revoked' for $a, $b;

done_testing;
