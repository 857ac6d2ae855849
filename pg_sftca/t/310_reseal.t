#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# E3: from one key-encryption key to another: side by side, in portions, interrupted and killed, under load; then the old one opens nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
BEGIN { $ENV{PG_SFTCA_BUILD} = "$FindBin::Bin/../stage-faults" }
use Vault;
use Test::More;

my $v = Vault->new;
my $dir = $v->folder . '/pg';
my $s = $v->db->session('postgres');
my $id = $v->uuid;
$s->value($v->user($id));
$s->value("SELECT sftca.authority_create('ssh_user')") for 1 .. 6;
my $first = ($v->finish($s, $id))[1];
my $token = $s->value("SELECT sftca.secret('token', '$id')");
my $statement = $s->value('SELECT key_id FROM sftca.statement_keys');
my ($uid, $gid) = (stat "$dir/data")[4, 5];
$v->db->must('sh', '-c', "umask 077; head -c 32 /dev/urandom >$dir/kek.new; chown $uid:$gid $dir/kek.new");

sub set { my (%set) = @_; my $r = $v->db->root; $r->run("ALTER SYSTEM SET $_ = '$set{$_}'") for keys %set; $r->run('SELECT pg_reload_conf()', 'SELECT pg_sleep(0.2)'); return }

$s->run('SELECT * FROM sftca.reseal()');
is $s->code, 'kek_missing', 'with one key there is nothing to change to';
set('pg_sftca.kek_file' => "$dir/kek.new");
my $b = $v->db->session('postgres');
$v->finish($b, $id);
is $b->code, 'kek_wrong', 'the new one alone opens nothing';
$b->run('SELECT * FROM sftca.reseal()');
is $b->code, 'kek_missing', '  and cannot seal anew';
set('pg_sftca.previous_kek_file' => "$dir/kek");
$b = $v->db->session('postgres');
is +($v->finish($b, $id))[1], $first, 'side by side: signed as before';
is $b->value("SELECT sftca.secret('token', '$id')"), $token, '  secrets too';
is $b->value('SELECT kek FROM sftca.status()'), 'ok', '  status() is content';
like $b->value('SELECT detail FROM sftca.status()'), qr/^10 of 10 keys are still sealed under the previous/, '  and says what is to do';
my $new = $b->value("SELECT sftca.authority_create('ssh_user')");
like $b->value('SELECT detail FROM sftca.status()'), qr/^10 of 11/, 'what is new is under the new one';

for (0, -1, 100001, 'NULL') {
	$b->run("SELECT * FROM sftca.reseal($_)");
	is $b->code, 'limit_range', "a portion of $_ is refused";
}
is $b->value('SELECT resealed || \' \' || remaining FROM sftca.reseal(3)'), '3 8', 'a portion of 3';
is $b->value('SELECT resealed || \' \' || remaining FROM sftca.reseal(2)'), '2 6', 'and of 2';
is +($v->finish($v->db->session('postgres'), $id))[1], $first, 'half done: signed as before';

# killed in the middle: what one call has done is undone, what others did stays
$v->db->stop;
delete $v->db->{root};
{ local $ENV{SFT_FAULT} = 'vault.reseal:kill:2'; $v->db->start }
$b = $v->db->session('postgres');
eval { $b->run('SELECT * FROM sftca.reseal()') };
$v->db->stop('immediate');
$v->db->start;
$b = $v->db->session('postgres');
is $b->value('SELECT count(*) FROM sftca.sealed_keys k, sftca.kek_status() m WHERE k.kek_check <> m.kek_check'), 5, 'E3 killed in the middle: its portion is undone, the ones before stay';
is +($v->finish($b, $id))[1], $first, '  and it signs';

# two at once, and a finish between them; a cancelled one
my $c = $v->db->session('postgres');
$b->run('BEGIN');
is $b->value('SELECT resealed FROM sftca.reseal(2)'), 2, 'E3 one has two rows in hand';
is $c->value('SELECT resealed FROM sftca.reseal(100)'), 4, '  another takes the rest and does not wait';
is +($v->finish($v->db->session('postgres'), $id))[1], $first, '  a finish between them is not held up';
$b->run('ROLLBACK');
is $c->value('SELECT resealed || \' \' || remaining FROM sftca.reseal(100)'), '2 0', '  what was given up is done by the next';
is $c->value('SELECT resealed || \' \' || remaining FROM sftca.reseal()'), '0 0', 'done is done';
is $c->value('SELECT detail FROM sftca.status()') || '', '', 'status() has nothing to say';
cmp_ok $c->value("SELECT count(*) FROM sftca.key_events WHERE event = 'reseal' AND actor = 'postgres'"), '>=', 4, 'and it is on record';

# the old one is of no use now
set('pg_sftca.previous_kek_file' => '');
$b = $v->db->session('postgres');
is +($v->finish($b, $id))[1], $first, 'under the new one alone: the same certificate';
is $b->value("SELECT sftca.secret('token', '$id')"), $token, '  the same secrets';
is $b->value('SELECT sftca.statement_key_create()'), $statement, '  the same statement key';
set('pg_sftca.kek_file' => "$dir/kek");
$b = $v->db->session('postgres');
$v->finish($b, $id);
is $b->code, 'kek_wrong', 'the old one opens nothing: no certificate';
$b->run("SELECT sftca.secret('token', '$id')");
is $b->code, 'kek_wrong', '  no secret';
$b->run(q{SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')});
is $b->code, 'kek_wrong', '  no statement';
like $b->value('SELECT detail FROM sftca.status()'), qr/^11 of 11 keys are sealed under another/, '  no key at all';
set('pg_sftca.previous_kek_file' => "$dir/nothing");
$b = $v->db->session('postgres');
$b->run('SELECT * FROM sftca.status()');
is $b->code, 'kek_missing', 'a previous one that is not there is named';
like $b->message, qr/previous key-encryption key is not available/, '  in words';
set('pg_sftca.previous_kek_file' => '', 'pg_sftca.kek_file' => "$dir/kek.new");

# one key that cannot be opened spoils its own rows only
my ($sick, $lost) = ($v->uuid, $v->uuid);
$b = $v->db->session('postgres');
$b->value($v->user($sick, authority => "'$new'"));
$b->value($v->host($lost));
$b->run("UPDATE sftca.sealed_keys SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE authority_id = '$new'",
	"UPDATE sftca.sealed_keys SET kek_check = '\\x0000000000000000' WHERE authority_id = '$v->{ssh_host}'");
$b = $v->db->session('postgres');
is_deeply [sort $b->run("SELECT id || ' ' || outcome FROM sftca.finish('{$id,$sick,$lost}')")], [sort "$id signed", "$sick damaged", "$lost unavailable"], 'a damaged key and one under a strange key-encryption key fail their own rows alone';
is_deeply [$b->run("SELECT outcome FROM sftca.finish('{$sick}')")], ['damaged'], '  damage is an outcome';
$b->run("SELECT outcome FROM sftca.finish('{$lost}')");
is $b->code, 'kek_wrong', '  and when nothing at all can be signed for want of a key-encryption key, that is the error';
like $v->db->log_text, qr/LOG:  pg_sftca: the key of authority \Q$new\E\/1 cannot be used/, 'the log names the key';

# after a restore to an older dump the list has to be newer than what servers saw
my $was = $b->value("SELECT sftca.krl_version('$v->{ssh_user}')");
for ($was, $was - 1, $was + 1000001, 'NULL') {
	$b->run("SELECT sftca.krl_version_raise('$v->{ssh_user}', $_)");
	is $b->code, 'krl_version_range', "the list's version does not go from $was to $_";
}
$b->run("SELECT sftca.krl_version_raise('$v->{x509}', 7)");
is $b->code, 'authority_unknown', 'nor has an X.509 authority one';
is $b->value("SELECT sftca.krl_version_raise('$v->{ssh_user}', $was + 41)"), $was + 41, 'it is raised';
is $b->value("SELECT sftca.revoke('$v->{ssh_user}', 5, 5, 'x')"), $was + 42, '  and goes on from there';
done_testing;
