#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Ten thousand host certificates in one statement and one call; all or none; and what savepoints, freezing and two phases make of a record.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Time::HiRes 'time';
use Vault;
use Test::More;

my $v = Vault->new(settings => { max_prepared_transactions => 5 });
my $s = $v->db->session('postgres');
my $n = 10_000;
my $key = $v->default_key;

# a table of hosts, each with a name and a key, as a DBA has it
my @keys = map { $v->key('ed25519') } 1 .. 5;
$s->run("CREATE TABLE public.host (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, key text)",
	"INSERT INTO public.host (name, key) SELECT 'host' || g || '.example.com', (ARRAY[" . join(', ', map { "'$_'" } @keys) . "])[1 + g % 5] FROM generate_series(1, $n) g",
	'CREATE TABLE public.made (id uuid, serial bigint)');
sub prepared { my ($where) = @_; return "SELECT h.id, sftca.prepare_ssh_host(h.id, '$v->{ssh_host}', h.key, 'sft1:acme:bulk:' || h.name, ARRAY[h.id::text, h.name], now() - interval '1 minute', now() + interval '7 days') FROM public.host h $where" }

my $began = time;
$s->run('INSERT INTO public.made (id, serial) ' . prepared(''));
is $s->error, undef, sprintf '%d host certificates by one INSERT … SELECT, %.1f s', $n, time - $began or diag $s->message;
is $s->value('SELECT count(*) FROM sftca.certificates c JOIN public.made m USING (id, serial)'), $n, '  recorded';
is $s->value('SELECT count(DISTINCT serial) FROM sftca.certificates'), $n, 'C18 no serial twice';
is $s->value('SELECT count(DISTINCT substr(tbs, 41, 32)) FROM sftca.certificates'), $n, 'C18 no nonce twice';
is $s->value('SELECT count(DISTINCT recorded_in) FROM sftca.certificates'), 1, '  in one transaction';

$began = time;
$s->run('CREATE TABLE public.signed AS SELECT * FROM sftca.finish(ARRAY(SELECT id FROM public.made))');
is $s->error, undef, sprintf 'finished in one call, %.1f s', time - $began or diag $s->message;
is $s->value("SELECT count(*) FROM public.signed f JOIN public.made m USING (id, serial) WHERE f.outcome = 'signed' AND f.kind = 'ssh_host'"), $n, '  all signed';
is $s->value("SELECT count(*) FROM public.signed f JOIN public.host h USING (id), LATERAL sftca.parse_certificate(f.certificate) c WHERE c.serial = f.serial AND c.principals = ARRAY[h.id::text, h.name] AND c.public_key = h.key AND c.kind = 'host' AND c.is_verified"), $n, '  each says its host\'s name and key';
my $list = $v->write_file('bulk.pub', join '', map { "$_\n" } $s->run('SELECT certificate FROM public.signed TABLESAMPLE BERNOULLI (1)'));
my $read = $v->db->must('ssh-keygen', '-L', '-f', $list);
is scalar(() = $read =~ /Type: .* host certificate/g), scalar(split /\n/, Sft::Db::slurp($list)), '  ssh-keygen reads a hundredth of them';
is $s->value("SELECT count(*) FROM (SELECT certificate FROM public.signed EXCEPT SELECT certificate FROM sftca.finish(ARRAY(SELECT id FROM public.made WHERE serial % 10 = 0))) x"), $n - $s->value('SELECT count(*) FROM public.made WHERE serial % 10 = 0'), '  again: the same bytes';

# all or none
$s->run('UPDATE public.host SET id = gen_random_uuid()', "UPDATE public.host SET name = '-x' WHERE name = 'host5000.example.com'");
$s->run('INSERT INTO public.made (id, serial) ' . prepared(''));
is $s->code, 'principal_invalid', 'one bad name among ten thousand';
is $s->value('SELECT count(*) FROM sftca.certificates'), $n, '  none is recorded';

# what finish is asked
my @ids = $s->run('SELECT id FROM public.made LIMIT 3');
my $array = 'ARRAY[' . join(', ', map { "'$_'" } @ids, $ids[0], $v->uuid) . ', NULL]::uuid[]';
is_deeply [sort $s->run("SELECT outcome FROM sftca.finish($array)")], [qw(signed signed signed unknown)], 'repeated ids are answered once, unknown ones by name, NULL not at all';
is scalar($s->run("SELECT * FROM sftca.finish('{}')")), 0, 'no ids, no rows';
is scalar($s->run('SELECT * FROM sftca.finish(NULL)')), 0, '  nor of NULL';
is_deeply [sort $s->run("SELECT outcome FROM sftca.finish(ARRAY[ARRAY['$ids[0]', '$ids[1]'], ARRAY['$ids[2]', NULL]]::uuid[])")], [qw(signed signed signed)], 'an array of arrays is its elements';

# savepoints: what is rolled back is unknown, what stays is signed, in one transaction and of one number
my %id = map { $_ => $v->uuid } qw(kept gone nested released outer caught);
(my $caught = $v->user($id{caught})) =~ s/^SELECT/PERFORM/;
$s->run('BEGIN', $v->user($id{kept}), 'SAVEPOINT a', $v->user($id{gone}), 'SAVEPOINT b', $v->user($id{nested}), 'RELEASE b', 'ROLLBACK TO a', 'SAVEPOINT c', $v->user($id{released}), 'RELEASE c',
	"DO \$\$ BEGIN BEGIN $caught; RAISE EXCEPTION 'x'; EXCEPTION WHEN raise_exception THEN NULL; END; END \$\$", $v->user($id{outer}), 'COMMIT');
is $s->error, undef, 'savepoints' or diag $s->message;
my %got = map { split /\|/ } $s->run('SELECT id, outcome FROM sftca.finish(ARRAY[' . join(', ', map { "'$_'" } values %id) . ']::uuid[])');
is $got{ $id{$_} }, 'signed', "  $_: signed" for qw(kept released outer);
is $got{ $id{$_} }, 'unknown', "  $_: unknown" for qw(gone nested caught);
is $s->value("SELECT count(DISTINCT recorded_in) FROM sftca.certificates WHERE id IN ('$id{kept}', '$id{released}', '$id{outer}')"), 1, '  a sub-transaction\'s record has the number of the whole';
is $s->value("SELECT count(DISTINCT xmin::text) FROM sftca.certificates WHERE id IN ('$id{kept}', '$id{released}')"), 2, '  (its row has not)';

# frozen rows, moved rows
$s->run('VACUUM (FREEZE) sftca.certificates');
is $s->value('SELECT age(relfrozenxid) < 100 FROM pg_class WHERE oid = \'sftca.certificates\'::regclass'), 't', 'frozen';
is +($v->finish($s, $id{$_}))[0], 'signed', "  $_: signed" for qw(kept released);
$s->run('VACUUM (FULL, FREEZE) sftca.certificates', 'CLUSTER sftca.certificates USING certificate_id_taken', 'REINDEX TABLE sftca.certificates');
is +($v->finish($s, $id{$_}))[0], 'signed', "  rewritten, $_: signed" for qw(kept released);
is +($v->finish($v->db->session('postgres'), $ids[0]))[0], 'signed', '  by a new backend';

my $new = $v->uuid;
$s->value($v->user($new));

# two phases
my $two = $v->uuid;
$s->run('BEGIN', 'SAVEPOINT a', $v->user($two), 'ROLLBACK TO a', "PREPARE TRANSACTION 'empty'");
is $s->code // 'none', 'not_durable', 'a transaction that has recorded, even if it took it back, is not prepared';
$s->run('ROLLBACK');
is $s->value('SELECT count(*) FROM pg_prepared_xacts'), 0, '  nothing is left of it';
$s->run('BEGIN', 'CREATE TABLE public.other (x int)', "PREPARE TRANSACTION 'other'");
is $s->error, undef, 'another transaction may be prepared';
is +($v->finish($s, $new))[0], 'signed', '  and hinders nobody';
$s->run("COMMIT PREPARED 'other'");

done_testing;
