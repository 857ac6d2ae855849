#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Old records go, in batches; nothing that could still be signed or must still be listed does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
sub count { return $s->value('SELECT count(*) FROM sftca.' . $_[0]) }
# Time cannot be turned back: old records are written as prepare_* would have written them then.
sub old
{
	my ($n, $kind, $authority, $days, $life) = @_;
	$s->run("INSERT INTO sftca.certificates SELECT gen_random_uuid(), sftca.serial_at(now() - interval '$days days') + g, '$authority', 1, '$kind', '\\x00', 'sft1:old', '{alice}', '{}', '{}', 'SHA256:x',
		now() - interval '$days days', now() - interval '$days days' + interval '$life', pg_current_xact_id(), now() - interval '$days days' FROM generate_series(1, $n) g");
	die $s->message if defined $s->error;
}
old(250, 'ssh_user', $v->{ssh_user}, 100, '5 minutes');
old(30, 'ssh_host', $v->{ssh_host}, 40, '32 days');      # expired 8 days ago
old(20, 'x509_server', $v->{x509}, 60, '32 days');       # expired 28 days ago
my $fresh = $v->uuid;
my $serial = $s->value($v->user($fresh));
for (['a range', $v->{ssh_user}, 101, 99], ['hosts', $v->{ssh_host}, 41, 39]) {
	my ($why, $authority, $from, $to) = @$_;
	$s->value("SELECT sftca.revoke('$authority', sftca.serial_at(now() - interval '$from days'), sftca.serial_at(now() - interval '$to days'), '$why')");
}
$s->value("SELECT sftca.revoke('$v->{ssh_user}', sftca.serial_at(now() - interval '200 days'), 9223372036854775807, 'from then on')");
$s->value("SELECT sftca.revoke_key_id('$v->{ssh_user}', 'sft1:old', 'by name')");
$s->run("UPDATE sftca.name_revocations SET expires_at = now() - interval '20 days'");

for (['NULL'], ["'-infinity'"], ["now(), 0"], ["now(), 1000001"], ["now(), NULL"]) {
	$s->run("SELECT * FROM sftca.purge($_->[0])");
	is $s->code, 'purge_invalid', "purge($_->[0])";
}
for ("now()", "now() - interval '9 days'", "'infinity'") {
	$s->run("SELECT * FROM sftca.purge($_)");
	is $s->code, 'purge_too_young', "purge($_)";
}
is count('certificates'), 301, 'nothing has gone';
my ($first) = $s->rows("SELECT * FROM sftca.purge(now() - interval '11 days', 100)");
is $first->{certificates}, 100, 'a batch';
is $first->{is_done} ? 1 : 0, 0, '  is not all';
is count('certificates'), 201, '  of that size';
is $s->value("SELECT count(*) FROM sftca.revocations WHERE reason = 'a range'"), 1, '  the revocation stays while there are records in its range';
my ($calls, $gone, $revocations) = (1, 100, $first->{revocations});
while ($calls < 20) {
	my ($row) = $s->rows("SELECT * FROM sftca.purge(now() - interval '11 days', 100)");
	$calls++;
	$gone += $row->{certificates};
	$revocations += $row->{revocations};
	last if $row->{is_done};
}
is $calls, 3, 'two more';
is $gone, 270, '  took users and servers';
is $revocations, 2, '  and what concerned them alone';
is count('certificates'), 31, 'the hosts expired too lately, and what is alive';
is $s->value("SELECT string_agg(reason, ',' ORDER BY reason) FROM sftca.revocations"), 'from then on,hosts', '  keep their revocations';
is count('name_revocations'), 0, '  a name went with its records';
is +($v->finish($s, $fresh))[0], 'revoked', 'what was revoked is still not signed';
$s->run("BEGIN", "SELECT FROM sftca.certificates WHERE kind = 'ssh_host' FOR UPDATE");
$s->run("UPDATE sftca.certificates SET valid_before = now() - interval '20 days' WHERE kind = 'ssh_host'");
my $t = $v->db->session('postgres');
is $t->value("SELECT certificates FROM sftca.purge(now() - interval '11 days')"), 0, 'what somebody holds is left alone';
$s->run('COMMIT');
is $t->value("SELECT certificates FROM sftca.purge(now() - interval '11 days')"), 30, '  until they let go';
$t->run('CREATE ROLE nobody_much');
$t->run('SET ROLE nobody_much', 'SELECT sftca.purge(now())');
is $t->error, '42501', 'nobody purges who was not granted it';

# a signature that is not good does not leave; the next does
SKIP: {
	my $build = "$FindBin::Bin/../stage-faults";
	skip 'make FAULTS=1 builds the fault points', 1 unless -e "$build/pg_sftca.so";
	local $ENV{PG_SFTCA_BUILD} = $build;
	local $ENV{SFT_FAULT} = 'vault.bad_signature:error';
	my $w = Vault->new;
	my $u = $w->db->session('postgres');
	for my $kind (qw(user host client server)) {
		my @ids = map { $w->uuid } 1, 2;
		$u->value($w->$kind($_)) for @ids;
		my $one = $w->db->session('postgres');
		is +($w->finish($one, $ids[0]))[0], 'damaged', "$kind: a bad signature does not leave";
		my ($outcome) = $w->finish($one, $ids[0]);
		is $outcome, 'signed', '  a good one does';
		is $one->value("SELECT count(*) FROM sftca.finish(ARRAY['$ids[0]', '$ids[1]']::uuid[]) WHERE outcome = 'signed'"), 2, '  and more';
	}
	like $w->db->log_text, qr/differs from its record in signature; not released/, 'the log tells';
}
done_testing;
