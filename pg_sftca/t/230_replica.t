#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Replicas of the vault: a standby reads and lists, and signs nothing; promoted it goes on with the key-encryption key, and without it does nothing; where a standby is required, no certificate outlives its record.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new(settings => { wal_sender_timeout => '60s' });
my $s = $v->db->session('postgres');
my %how = (user => 'ssh_user', host => 'ssh_host', client => 'x509');   # kinds, and whose they are
sub fin { my ($id) = @_; return "SELECT outcome || coalesce(' ' || certificate, '') FROM sftca.finish(ARRAY['$id']::uuid[])" }
sub binary { my ($s, $sql) = @_; return decode_base64(join '', $s->run("SELECT encode($sql, 'base64')")) }

my %id = map { $_ => $v->uuid } sort keys %how;
my %serial = map { $_ => $s->value($v->$_($id{$_}, valid_before => "now() + interval '1 hour'")) } sort keys %how;
my %certificate = map { $_ => ($v->finish($s, $id{$_}))[1] } sort keys %how;
my $lost_id = $v->uuid;
my $lost = $s->value($v->user($lost_id));
$s->value("SELECT sftca.revoke('$v->{ssh_user}', $lost, $lost, 'lost')");

my $standby = $v->db->standby;
my %recorded = map { $_ => $v->uuid } sort keys %how;
$s->value($v->$_($recorded{$_}, valid_before => "now() + interval '1 hour'")) for sort keys %how;
my $token = $s->value("SELECT sftca.secret('token', '$id{user}')");
$standby->follow($v->db);

# --- a standby reads ------------------------------------------------------------------------------------

my $r = $standby->session('postgres');
is $r->value('SELECT in_recovery FROM sftca.status()'), 't', 'a standby';
is $r->value('SELECT kek FROM sftca.status()'), 'ok', '  which has the key-encryption key';
is $r->value("SELECT sftca.trust_bundle('$v->{$_}')"), $s->value("SELECT sftca.trust_bundle('$v->{$_}')"), "  tells whom to trust: $_" for sort values %how;
is binary($r, "sftca.krl('$v->{$_}')"), binary($s, "sftca.krl('$v->{$_}')"), "  gives the revocation list: $_" for qw(ssh_user ssh_host);
is $r->value("SELECT sftca.krl_version('$v->{ssh_user}')"), $s->value("SELECT sftca.krl_version('$v->{ssh_user}')"), '  and its version';
is $r->value("SELECT sftca.canary('$v->{ssh_user}', 1)"), $s->value("SELECT sftca.canary('$v->{ssh_user}', 1)"), '  the canary';
is $r->value('SELECT count(*) FROM sftca.certificates'), $s->value('SELECT count(*) FROM sftca.certificates'), '  the ledger';
my $krl = $v->write_file('krl', binary($r, "sftca.krl('$v->{ssh_user}')"));
like $v->db->must('ssh-keygen', '-Q', '-l', '-f', $krl), qr/serial: $lost\b/, '  (ssh-keygen reads the list)';

# --- and does nothing else --------------------------------------------------------------------------------

my %refused = (
	(map { ("finish a $_" => [fin($id{$_}), 'standby'], "finish a recorded $_" => [fin($recorded{$_}), 'standby'], "prepare a $_" => [$v->$_($v->uuid), undef]) } sort keys %how),
	'finish all' => ['SELECT certificate FROM sftca.finish(ARRAY[' . join(',', map { "'$_'" } values %id) . ']::uuid[])', 'standby'],
	'a statement' => [q{SELECT sftca.sign_statement('trust', 200, '/v1/x', NULL, 1, 'x')}, 'standby'],
	'an X.509 list' => ["SELECT sftca.crl('$v->{x509}')", 'standby'],
	'X.509 lists' => ["SELECT sftca.crl_bundle('$v->{x509}')", 'standby'],
	'a revocation' => ["SELECT sftca.revoke('$v->{ssh_user}', $serial{user}, $serial{user}, 'x')", undef],
	'an authority' => [q{SELECT sftca.authority_create('ssh_user')}, undef],
	'a generation' => ["SELECT sftca.key_prepare('$v->{ssh_user}')", undef],
);
for my $name (sort keys %refused) {
	my ($sql, $word) = @{ $refused{$name} };
	my @lines = $r->run($sql);
	is $r->error, '25006', "no $name on a standby" or diag $r->message // "@lines";
	is $r->code, $word, '  and the word says why' if $word;
	is "@lines", '', '  nothing comes out';
}
is $r->value("SELECT sftca.verify_password(sftca.hash_password('x'), 'x')"), 't', 'what needs no writing goes on';

# --- a required standby that dies --------------------------------------------------------------------------

$s->run(q(ALTER SYSTEM SET synchronous_standby_names = '*'), 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.5)');
my $safe = $v->uuid;
$s->value($v->user($safe, valid_before => "now() + interval '1 hour'"));
like $s->value(fin($safe)), qr/^signed/, 'a required standby that is there';
$r->close;
$standby->stop('immediate');
my $waiting = $v->db->session('postgres');
my $pid = $waiting->backend;
my $unsafe = $v->uuid;
$waiting->send($v->user($unsafe, valid_before => "now() + interval '1 hour'"));
for (1 .. 100) { last if $s->value("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'SyncRep'"); select undef, undef, undef, 0.1 }
is $s->value(fin($unsafe)), 'unknown', 'killed: a record waits, and is not there yet';
$s->value("SELECT pg_terminate_backend($pid)");
$waiting->receive;
$s->run("SET statement_timeout = '1s'");
my @lines = $s->run(fin($unsafe));
is $s->code, 'not_durable', '  whoever asks for it waits in vain';
unlike "@lines", qr/cert-v01/, '  no certificate';
$s->run("SET synchronous_commit = off");
@lines = $s->run(fin($unsafe));
is $s->code, 'not_durable', '  whatever is set';

# the primary crashes and comes back alone: it knows the record, its standby does not
$v->db->crash;
delete $v->db->{root};
$v->db->start;
$s = $v->db->session('postgres');
is $s->value("SELECT count(*) FROM sftca.certificates WHERE id = '$unsafe'"), 1, 'the primary back, alone: it has the record';
$s->run("SET statement_timeout = '1s'");
@lines = $s->run(fin($unsafe));
is $s->code, 'not_durable', '  and does not sign what its standby never had' or diag "@lines";
unlike "@lines", qr/cert-v01/, '  no certificate';

# --- failover -----------------------------------------------------------------------------------------------

$v->db->crash;
delete $standby->{root};
$standby->start;
$standby->promote;
my $p = $standby->session('postgres');
$p->run(q(ALTER SYSTEM RESET synchronous_standby_names), 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.5)');
is $p->value('SELECT in_recovery FROM sftca.status()'), 'f', 'promoted';
is $p->value(fin($unsafe)), 'unknown', '  the record that was lost on the way has no certificate, and never had';
is $p->value(fin($safe)) =~ s/ .*//r, 'signed', '  what was safe is signed';
is +($v->finish($p, $id{$_}))[1], $certificate{$_}, "  the same certificate: $_" for qw(user host);
is +($v->finish($p, $recorded{$_}))[0], 'signed', "  what the old primary recorded: $_" for sort keys %how;
is $p->value(fin($lost_id)), 'revoked', '  what was revoked stays so';
is $p->value("SELECT sftca.secret('token', '$id{user}')"), $token, '  the same secrets';
my $new = $v->uuid;
cmp_ok $p->value($v->user($new)), '>', $serial{user}, '  later serials';
is +($v->finish($p, $new))[0], 'signed', '  signed';
is $p->value("SELECT sftca.revoke('$v->{ssh_user}', $serial{user}, $serial{user}, 'x')"), 3, '  revocation counts on';
is $p->value("SELECT length(sftca.crl('$v->{x509}')) > 100"), 't', '  X.509 lists';
is $p->value("SELECT sftca.key_prepare('$v->{ssh_user}')"), 2, '  generations';

# --- a copy without the key-encryption key --------------------------------------------------------------------

my $bare = $standby->standby(name => 'bare', kek => 0);
my $b = $bare->session('postgres');
is $b->value('SELECT kek FROM sftca.status()'), 'missing', 'a standby without the key-encryption key';
is binary($b, "sftca.krl('$v->{ssh_user}')"), binary($p, "sftca.krl('$v->{ssh_user}')"), '  gives the revocation list';
$bare->promote;
for (['finish', fin($safe)], ['prepare', $v->user($v->uuid)], ['secret', "SELECT sftca.secret('token', '$id{user}')"], ['a statement', q{SELECT sftca.sign_statement('trust', 200, '/v1/x', NULL, 1, 'x')}],
	['an X.509 list', "SELECT sftca.crl('$v->{x509}')"], ['a generation', "SELECT sftca.key_prepare('$v->{ssh_host}')"], ['an authority', q{SELECT sftca.authority_create('x509')}]) {
	my ($name, $sql) = @$_;
	@lines = $b->run($sql);
	is $b->code, 'kek_missing', "  promoted: $name refuses" or diag $b->message // '';
	is "@lines", '', '  and gives nothing';
}
$b->close;
$bare->stop('immediate');

# --- a replica that has only the key-encryption key of before --------------------------------------------------

my $old = $standby->standby(name => 'old');
$v->db->must('sh', '-c', 'umask 077; head -c 32 /dev/urandom >"$0/kek.new" && chown postgres:postgres "$0/kek.new"', $standby->{dir});
$p->run("ALTER SYSTEM SET pg_sftca.kek_file = '$standby->{dir}/kek.new'", "ALTER SYSTEM SET pg_sftca.previous_kek_file = '$standby->{dir}/kek'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)');
$p = $standby->session('postgres');
is $p->value('SELECT remaining FROM sftca.reseal()'), 0, 'E3 the key-encryption key is changed';
is $p->value(fin($safe)) =~ s/ .*//r, 'signed', '  the primary goes on';
$old->follow($standby);
my $o = $old->session('postgres');
is $o->value('SELECT kek FROM sftca.status()'), 'wrong', '  a replica with the one of before says so';
is binary($o, "sftca.krl('$v->{ssh_user}')"), binary($p, "sftca.krl('$v->{ssh_user}')"), '  and gives the revocation list';
$old->promote;
@lines = $o->run(fin($safe));
is $o->code, 'kek_wrong', '  promoted, it signs nothing';
is "@lines", '', '  and gives nothing';
$v->db->must('cp', '-p', "$standby->{dir}/kek.new", "$old->{dir}/kek");
$o = $old->session('postgres');
is $o->value(fin($safe)) =~ s/ .*//r, 'signed', '  with the new one it does';
$o->close;
$old->stop('immediate');
$p->close;
$standby->stop('immediate');

done_testing;
