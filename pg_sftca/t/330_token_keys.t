#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# An authority's key that never leaves a PKCS#11 token: made there or adopted, ECDSA and RSA, SSH and X.509; and what happens without the token.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Hsm;
use Vault;
use Test::More;

my $hsm = Hsm->new;
my $v = Vault->new(settings => { $hsm->settings });
my $s = $v->db->session('postgres');
my $uri = sub { "pkcs11:token=sft;object=$_[0]" };

my %made;
for (['ecdsa-p256', 'ssh_user'], ['ecdsa-p384', 'ssh_host'], ['ecdsa-p521', 'ssh_user'], ['rsa-2048', 'ssh_user'], ['rsa-3072', 'x509'], ['ecdsa-p256', 'x509'], ['ecdsa-p384', 'x509'], ['ecdsa-p521', 'x509']) {
	my ($algorithm, $purpose) = @$_;
	my $label = "$purpose-$algorithm";
	my $authority = $made{$label} = $s->value("SELECT sftca.authority_create_on_token('$purpose', '@{[$uri->($label)]}', '$algorithm')");
	is $s->error, undef, "$label made in the token" or diag $s->message;
	my $id = $v->uuid;
	my %over = (authority => "'$authority'");
	$s->value($purpose eq 'ssh_user' ? $v->user($id, %over) : $purpose eq 'ssh_host' ? $v->host($id, %over) : $v->client($id, %over));
	my ($outcome, $certificate) = $v->finish($s, $id);
	is $outcome, 'signed', '  it signs' or diag $s->message;
	if ($purpose eq 'x509') {
		my $ca = $v->write_file('ca.pem', $s->value("SELECT sftca.trust_bundle('$authority')") =~ s/\|/\n/gr);
		$v->write_file('ca.pem', join "\n", $s->run("SELECT sftca.trust_bundle('$authority')"));
		$v->write_file('leaf.pem', $certificate);
		my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', $v->folder . '/ca.pem', $v->folder . '/leaf.pem');
		is $rc, 0, '  openssl verifies it' or diag $out;
		ok $s->value("SELECT length(sftca.crl('$authority'))") > 100, '  a revocation list is signed too';
	} else {
		like $v->read_ssh($certificate), qr/Signing CA: \w+ SHA256:/, '  ssh-keygen reads it';
		my $file = $v->write_file('canary-cert.pub', $s->value("SELECT sftca.canary('$authority', 1)") . "\n");
		is +($v->db->command('ssh-keygen', '-L', '-f', $file))[0], 0, '  and its canary';
	}
}
is $s->value("SELECT count(*) FROM sftca.sealed_keys WHERE token LIKE 'pkcs11:%'"), 8, 'the tables name the keys\' places';
is $s->value("SELECT max(length(sealed)) < 100 FROM sftca.sealed_keys WHERE token IS NOT NULL"), 't', '  and hold no keys';
is $s->value("SELECT count(*) FROM sftca.key_events WHERE event = 'token' AND detail LIKE 'SHA256:% from new token key pkcs11:%'"), 8, 'it is on record';

# an adopted one, as the next generation of an authority whose first is in the vault; OpenSSH signs with the same key
$hsm->keypair('adopted', 'EC:prime256v1');
my $mixed = $s->value("SELECT sftca.authority_create('ssh_user', 'ecdsa-p256')");
is $s->value("SELECT sftca.key_prepare_on_token('$mixed', '@{[$uri->('adopted')]}', true)"), 2, 'an existing key becomes the next generation';
my $public = $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$mixed' AND generation = 2");
like $v->db->must('env', "SOFTHSM2_CONF=$ENV{SOFTHSM2_CONF}", 'ssh-keygen', '-D', $Hsm::module), qr/\Q$public\E/, '  ssh-keygen sees the same public key in the token';
$s->value("SELECT sftca.key_activate('$mixed', 2)");
my $id = $v->uuid;
$s->value($v->user($id, authority => "'$mixed'"));
is +($v->finish($s, $id))[0], 'signed', '  and signs once it is active';

# refusals
sub refused { my ($name, $word, $sql) = @_; $s->run($sql); is $s->code, $word, $name or diag $s->message; unlike $s->message // '', qr/\Q@{[$hsm->dir]}\E/, '  without a path'; return }
my $create = sub { "SELECT sftca.authority_create_on_token('$_[0]', '@{[$uri->($_[1])]}', $_[2])" };
refused('a name that is taken', 'token_key_exists', $create->('ssh_user', 'adopted', "'ecdsa-p256'"));
refused('Ed25519', 'algorithm_unsupported', $create->('ssh_user', 'x', "'ed25519'"));
refused('no algorithm at all', 'algorithm_unsupported', $create->('ssh_user', 'x', "'rsa'"));
refused('a statement key', 'authority_purpose', $create->('statement', 'x', "'ecdsa-p256'"));
refused('adopting what is not there', 'token_missing', $create->('ssh_user', 'none', "'', '', true"));
refused('adopting the same key twice', 'key_taken', $create->('ssh_user', 'adopted', "'', '', true"));
refused('a key of another algorithm', 'key_algorithm', "SELECT sftca.key_prepare_on_token('$made{'ssh_user-rsa-2048'}', '@{[$uri->('adopted')]}', true)");
refused('no URI', 'token_uri_malformed', "SELECT sftca.authority_create_on_token('ssh_user', 'adopted')");
refused('a PIN in the URI', 'token_uri_malformed', "SELECT sftca.authority_create_on_token('ssh_user', 'pkcs11:object=x?pin-value=1234')");
$hsm->keypair('weak', 'rsa:1024');
refused('RSA 1024', 'private_key_weak', $create->('ssh_user', 'weak', "'', '', true"));
$hsm->keypair('odd', 'EC:secp256k1');
refused('a strange curve', 'algorithm_unsupported', $create->('ssh_user', 'odd', "'', '', true"));
$hsm->tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'open', '--id', '77', '--extractable');
refused('one that the token hands out', 'token_key_extractable', $create->('ssh_user', 'open', "'', '', true"));
$hsm->keypair('twin', 'EC:prime256v1') for 1, 2;
refused('two of one name', 'token_missing', $create->('ssh_user', 'twin', "'', '', true"));
like $s->message, qr/more than one key of this name/, '  says which';

# without the token: its rows wait, the others are signed, whatever their order
my ($here, $there, $there2) = map { $v->uuid } 1 .. 3;
$s->value($v->user($here));
$s->value($v->user($there, authority => "'$made{'ssh_user-ecdsa-p256'}'"));
$s->value($v->user($there2, authority => "'$made{'ssh_user-rsa-2048'}'"));
my $all = "SELECT id || ' ' || outcome FROM sftca.finish('{$here,$there,$there2}')";
is_deeply [sort $s->run($all)], [sort map { "$_ signed" } $here, $there, $there2], 'with the token all are signed';
rename $hsm->dir . '/tokens', $hsm->dir . '/away' or die $!;
my $b = $v->db->session('postgres');
is_deeply [sort $b->run($all)], [sort "$here signed", "$there unavailable", "$there2 unavailable"], 'without it the others are';
like $v->db->log_text, qr/the key of authority \S+ cannot be used: (there is no such token: sft|the token has failed)/, '  the log says why';
$b->run("SELECT * FROM sftca.finish('{$there,$there2}')");
is $b->code, 'token_missing', '  alone they are refused by name';
is $b->error, 'SF503', '  as unavailable';
$b->run($v->user($v->uuid, authority => "'$made{'ssh_user-ecdsa-p256'}'"));
is $b->code, 'token_missing', '  and nothing new is recorded for them';
rename $hsm->dir . '/away', $hsm->dir . '/tokens' or die $!;
is_deeply [sort $v->db->session('postgres')->run($all)], [sort map { "$_ signed" } $here, $there, $there2], 'the token is back: signed';

# a key replaced in the token, a row pointed at another key, another key's row
$hsm->remove('ssh_user-ecdsa-p256');
$hsm->keypair('ssh_user-ecdsa-p256', 'EC:prime256v1');
$b = $v->db->session('postgres');
is_deeply [sort $b->run($all)], [sort "$here signed", "$there damaged", "$there2 signed"], 'another key under the same name signs nothing';
$s->run("UPDATE sftca.sealed_keys k SET sealed = (SELECT sealed FROM sftca.sealed_keys WHERE authority_id = '$made{'x509-rsa-3072'}') WHERE authority_id = '$made{'ssh_user-rsa-2048'}'");
is_deeply [sort $v->db->session('postgres')->run($all)], [sort "$here signed", "$there damaged", "$there2 damaged"], 'a reference does not move to another row';
$s->run("UPDATE sftca.sealed_keys k SET sealed = convert_to(token, 'UTF8') WHERE authority_id = '$made{'ssh_user-rsa-2048'}'");
is_deeply [sort $v->db->session('postgres')->run($all)], [sort "$here signed", "$there damaged", "$there2 damaged"], '  nor is one believed that was not sealed';

# many in one call
my $bulk = $s->value("SELECT sftca.authority_create_on_token('ssh_host', '@{[$uri->('bulk')]}')");
my $key = $v->default_key;
$s->value("SELECT count(sftca.prepare_ssh_host(gen_random_uuid(), '$bulk', '$key', 'sft1:bulk', '{h}', now(), now() + interval '1 hour')) FROM generate_series(1, 2000)");
my $ms = $s->value("SELECT clock_timestamp()") && do {
	$s->run('CREATE TEMP TABLE t AS SELECT clock_timestamp() AS t', "CREATE TEMP TABLE r AS SELECT outcome FROM sftca.finish(ARRAY(SELECT id FROM sftca.certificates WHERE authority_id = '$bulk'))");
	$s->value('SELECT round(1000 * extract(epoch FROM clock_timestamp() - t)) FROM t');
};
is $s->value("SELECT count(*) FROM r WHERE outcome = 'signed'"), 2000, "2000 in one call ($ms ms)";
diag sprintf 'P-256 in SoftHSM: %.0f certificates a second', 2e6 / ($ms || 1);

# restarts and ends of backends are clean
$v->db->stop;
unlike $v->db->log_text, qr/terminated by signal|PANIC/, 'no process has died';
done_testing;
