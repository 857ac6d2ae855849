#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Generations of keys, the trust bundle, canaries and revocation lists, as ssh-keygen -Q understands them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $a = $v->{ssh_user};
sub states { return join ' ', $s->run("SELECT generation || state FROM sftca.keys WHERE authority_id = '$a' ORDER BY generation") }
sub krl { return $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$a'), 'base64')"))) }
sub certificate { my $id = $v->uuid; my $serial = $s->value($v->user($id)); my $file = $v->write_file("cert-$serial.pub", ($v->finish($s, $id))[1] . "\n"); return ($file, $serial, $id) }
sub is_revoked { my ($file) = @_; my ($rc, $out) = $v->db->command('ssh-keygen', '-Q', '-f', krl(), $file); return $out =~ /REVOKED/ ? 1 : $rc == 0 ? 0 : $out }
sub version { return $s->value("SELECT sftca.krl_version('$a')") }
sub canary { my ($g) = @_; return $v->write_file("canary-$g.pub", $s->value("SELECT sftca.canary('$a', $g)") . "\n") }
sub signer { my ($file) = @_; my $text = $v->read_ssh(Sft::Db::slurp($file) =~ s/\n//r); return ($text =~ /Signing CA: \S+ (\S+)/)[0] }
sub print_of { my ($g) = @_; return $s->value("SELECT fingerprint FROM sftca.keys WHERE authority_id = '$a' AND generation = $g") }

is states(), '1active', 'one active generation';
my ($old, $old_serial, $old_id) = certificate();
is signer($old), print_of(1), '  signs';

# canary
my $text = $v->read_ssh(Sft::Db::slurp(canary(1)) =~ s/\n//r);
like $text, qr/Valid: from 1970-01-01T00:00:01 to 1970-01-01T00:00:02/, 'the canary was good for one second of 1970';
is is_revoked(canary(1)), 1, '  and is revoked from the start';
is is_revoked($old), 0, '  others are not';
is $s->value("SELECT count(*) FROM sftca.certificates WHERE fingerprint = '" . ($text =~ /Public key: \S+ (\S+)/)[0] . "'"), 0, '  it is no record of anybody';

# next
is version(), 1, 'version 1';
is $s->value("SELECT sftca.key_prepare('$a')"), 2, 'the next generation';
is version(), 2, '  a new list, with its canary';
is states(), '1active 2next', '  not yet active';
$s->run("SELECT sftca.key_prepare('$a')");
is $s->code, 'key_next_exists', '  one at a time';
is signer((certificate())[0]), print_of(1), '  the first signs on';
is is_revoked(canary(2)), 1, '  the new canary is revoked already';
my @bundle = $s->run("SELECT sftca.trust_bundle('$a')");
is_deeply [grep { length } @bundle], [map { $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$a' AND generation = $_") . " $a/$_ " . (qw(- active next))[$_] } 1, 2], 'the trust bundle';
my $trust = $v->write_file('trust', join "\n", @bundle, '');
is scalar(split /\n/, $v->db->must('ssh-keygen', '-l', '-f', $trust)), 2, '  ssh-keygen reads it';

for (['key_activate', 1, 'key_state'], ['key_retire', 1, 'key_state'], ['key_activate', 3, 'generation_unknown'], ['key_retire', 0, 'generation_unknown']) {
	my ($f, $g, $word) = @$_;
	$s->run("SELECT sftca.$f('$a', $g)");
	is $s->code, $word, "$f($g) refuses with $word";
}
for my $f ('key_prepare(gen_random_uuid())', 'key_activate(gen_random_uuid(), 1)', 'key_retire(gen_random_uuid(), 1)', 'trust_bundle(gen_random_uuid())', 'krl(gen_random_uuid())', 'krl_version(gen_random_uuid())', "revoke(gen_random_uuid(), 1, 2, 'x')") {
	$s->run("SELECT sftca.$f");
	is $s->code, 'authority_unknown', "$f";
	is $s->error, 'SF404', '  not found';
}
$s->run("SELECT sftca.canary('$a', 9)");
is $s->code, 'generation_unknown', 'no canary of a generation that is not there';

# active, retiring
my $idle = $v->db->session('postgres');
$v->finish($idle, $old_id);                   # has the first key in its cache
my $pending = $v->uuid;
$s->value($v->user($pending));                # recorded under the first
$s->run("SELECT sftca.key_activate('$a', 2)");
is states(), '1retiring 2active', 'activated';
my ($new, $new_serial) = certificate();
is signer($new), print_of(2), '  the second signs';
my ($outcome, $late) = $v->finish($s, $pending);
is $outcome, 'signed', '  what was recorded under the first';
is signer($v->write_file('late.pub', "$late\n")), print_of(1), '  is signed by the first';
$s->run("SELECT sftca.key_activate('$a', 2)");
is $s->code, 'key_state', '  once';

# revocation
is version(), 2, 'activating changes no list';
is $s->value("SELECT sftca.revoke('$a', $new_serial, $new_serial, 'stolen laptop')"), 3, 'revoke returns the new version';
is version(), 3, '  which is the version';
is is_revoked($new), 1, '  the certificate is revoked';
is is_revoked($old), 0, '  and no other';
is is_revoked(canary($_)), 1, "  canary $_ still is" for 1, 2;
$s->value("SELECT sftca.revoke('$a', $old_serial, $new_serial, 'a range')");
is is_revoked($old), 1, 'V1 a range';
like $v->db->must('ssh-keygen', '-Q', '-l', '-f', krl()), qr/# KRL version 4\n/, '  version in the list';
is +(() = $v->db->must('ssh-keygen', '-Q', '-l', '-f', krl()) =~ /# CA key/g), 2, '  one section for each key';
for (["$new_serial, $old_serial, 'x'", 'revocation_range'], ["0, 1, 'x'", 'revocation_serial_positive'], ["-1, 1, 'x'", 'revocation_serial_positive'], ["1, 2, ''", 'revocation_reason_invalid'], ["1, 2, repeat('x', 1001)", 'revocation_reason_invalid']) {
	my ($args, $word) = @$_;
	$s->run("SELECT sftca.revoke('$a', $args)");
	is $s->code, $word, "revoke($args): $word";
}
is version(), 4, '  refused revocations count nothing';
$s->value("SELECT sftca.revoke('$a', 9223372036854775807, 9223372036854775807, 'the last serial')");
is $s->error, undef, 'the last serial can be revoked' or diag $s->message;
ok -s krl(), '  and listed';
is $s->value("SELECT count(*) FROM sftca.revocations WHERE expires_at < sftca.serial_time(serial_to) + interval '2 days'"), 0, 'a revocation outlives every certificate of its range';
$s->run("UPDATE sftca.revocations SET expires_at = now() - interval '1 s' WHERE serial_to = $new_serial AND serial_from = $old_serial");
is is_revoked($old), 0, 'V1 an expired one leaves the list';
is is_revoked($new), 1, '  the others stay';

# V1 many
$s->value("SELECT count(sftca.revoke('$a', 1000 + g * 3, 1000 + g * 3 + g % 2, 'many')) FROM generate_series(1, 3000) g");
my $big = krl();
is is_revoked(canary(1)), 1, 'V1 3000 revocations: the canary';
is $s->value("SELECT sftca.krl_version('$a')"), 3005, '  the version has counted each';
is $s->value("SELECT sftca.krl('$a') = sftca.krl('$a')"), 't', '  the same list each time';

# V4 two revoke at once: one waits, both count
my $t = $v->db->session('postgres');
$s->run('BEGIN', "SELECT sftca.revoke('$a', 5, 5, 'first')");
$t->send("SELECT sftca.revoke('$a', 6, 6, 'second')");
select undef, undef, undef, 0.3;
$s->run('COMMIT');
is_deeply [$t->receive], [3007], 'V4 the second counts after the first';

# retire: no trust, no signature, no private key; also where it is cached
$s->run("SELECT sftca.key_retire('$a', 1)");
is states(), '1retired 2active', 'retired';
is $s->value("SELECT count(*) FROM sftca.sealed_keys WHERE authority_id = '$a' AND generation = 1"), 0, '  its private key is gone';
is +($v->finish($s, $pending))[0], 'revoked', '  it signs nothing any more';
is +($v->finish($idle, $old_id))[0], 'revoked', '  nor in a backend that had it in memory';
unlike join("\n", $s->run("SELECT sftca.trust_bundle('$a')")), qr{/1 }, '  it is not trusted';
is +(() = $v->db->must('ssh-keygen', '-Q', '-l', '-f', krl()) =~ /# CA key/g), 1, '  nor listed';
$s->run("SELECT sftca.key_retire('$a', 2)");
is $s->code, 'key_state', 'the active one cannot be retired';
is $s->value("SELECT sftca.key_prepare('$a')"), 3, 'generations are not used again';
$s->run("SELECT sftca.key_retire('$a', 3)");
is states(), '1retired 2active 3retired', 'a next one can be given up';

# key changes roll back whole
$s->run('BEGIN', "SELECT sftca.key_prepare('$a')", 'ROLLBACK');
is states(), '1retired 2active 3retired', 'a rolled back generation never was';
my $id = $v->uuid;
$s->run('BEGIN', "SELECT sftca.key_prepare('$a')", "SELECT sftca.key_activate('$a', 4)", $v->user($id), 'ROLLBACK');
$s->value($v->user($id));
is signer($v->write_file('x.pub', ($v->finish($s, $id))[1] . "\n")), print_of(2), '  also when something was recorded under it';
$s->value("SELECT sftca.key_prepare('$a')");
$s->run("SELECT sftca.key_activate('$a', 4)");
my $again = $v->uuid;
$s->value($v->user($again));
is +($v->finish($s, $again))[0], 'signed', '  and the number is made anew with another key';
is signer($v->write_file('x.pub', ($v->finish($s, $again))[1] . "\n")), print_of(4), '  which signs';

# X.509 has generations too, and no OpenSSH list
$s->value("SELECT sftca.key_prepare('$v->{x509}')");
is +(() = join("\n", $s->run("SELECT sftca.trust_bundle('$v->{x509}')")) =~ /BEGIN CERTIFICATE/g), 2, 'X.509: both generations are in the bundle';
is $s->value("SELECT sftca.revoke('$v->{x509}', 1, 2, 'x')"), 0, 'X.509: revoke() says 0, there is no list';
$s->run("SELECT sftca.krl('$v->{x509}')");
is $s->code, 'authority_unknown', 'X.509: no OpenSSH list';
my $x = $v->uuid;
my $xs = $s->value($v->client($x));
$s->value("SELECT sftca.revoke('$v->{x509}', $xs, $xs, 'x')");
is +($v->finish($s, $x))[0], 'revoked', 'X.509: a revoked record is not signed';

done_testing;
