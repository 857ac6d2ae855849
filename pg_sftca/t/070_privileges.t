#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who was granted nothing can do nothing; who was granted one function cannot bend it; the house rules of SQL hold.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
$s->run('CREATE ROLE mallory LOGIN', 'GRANT CREATE, USAGE ON SCHEMA public TO mallory', 'GRANT TEMPORARY ON DATABASE vault TO mallory');
my $m = $v->db->session('mallory');
my @functions = $s->run("SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'sftca'::regnamespace ORDER BY 1");
my @tables = $s->run("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'sftca'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1");
cmp_ok scalar(@functions), '>=', 30, 'functions';
cmp_ok scalar(@tables), '>=', 9, 'tables and views';

$m->run($v->user($v->uuid));
is $m->error, '42501', 'a stranger does not get into the schema';
$s->run('GRANT USAGE ON SCHEMA sftca TO mallory');
for my $f (@functions) {
	my ($name, $args) = $f =~ /^sftca\.(\w+)\((.*)\)$/ or die $f;
	my @types = split /,/, $args;
	# from a subquery, or the planner would answer a STRICT function's NULL without asking for rights
	$m->run("SELECT sftca.$name(" . join(', ', map { "q.a$_" } 0 .. $#types) . ') FROM (SELECT ' . join(', ', '1', map { "NULL::$types[$_] AS a$_" } 0 .. $#types) . ' OFFSET 0) q');
	is $m->error, '42501', "S1 $name is not for strangers";
}
for my $t (@tables) {
	for my $sql ("SELECT * FROM sftca.$t", "INSERT INTO sftca.$t DEFAULT VALUES", "UPDATE sftca.$t SET ctid = ctid", "DELETE FROM sftca.$t", "TRUNCATE sftca.$t", "COPY sftca.$t TO STDOUT") {
		$m->run($sql);
		ok defined $m->error && $m->error =~ /^(42501|0A000|42809|428C9|55000|42703)$/, "S1 $sql" or diag $m->error // 'none';
	}
}

# granted one function each
my $id = $v->uuid;
$s->run('GRANT EXECUTE ON FUNCTION sftca.prepare_ssh_user, sftca.finish TO mallory');
$m->value($v->user($id));
is +($v->finish($m, $id))[0], 'signed', 'who may record and finish needs no right on the tables';
$m->run('SELECT count(*) FROM sftca.certificates');
is $m->error, '42501', '  and has none';
$m->run("INSERT INTO sftca.certificates (id) VALUES (gen_random_uuid())");
is $m->error, '42501', '  insert-only means: not by hand';

# S2, S3: nothing of the caller's changes what the functions do
$m->run('CREATE SCHEMA IF NOT EXISTS evil');
$s->run('CREATE SCHEMA evil AUTHORIZATION mallory');
$m->run(
	'CREATE FUNCTION evil.eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
	'CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
	'CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.eq)',
	'CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq)',
	'CREATE FUNCTION evil.gen_random_uuid() RETURNS uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$',
	'CREATE FUNCTION evil.unnest(uuid[]) RETURNS SETOF uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$',
	'CREATE TABLE evil.certificates (x int)', 'CREATE TEMP TABLE certificates (x int)', 'CREATE TEMP TABLE authorities (x int)', 'CREATE TYPE pg_temp.xid8 AS (x int)',
	'SET search_path = pg_temp, evil, pg_catalog');
is $m->error, undef, 'a hostile search_path';
for ('SET row_security = off', "SET DateStyle = 'German'", "SET IntervalStyle = 'sql_standard'", "SET TimeZone = 'Pacific/Kiritimati'", 'SET bytea_output = escape',
	"SET extra_float_digits = -15", "SET client_encoding = 'SJIS'", 'SET standard_conforming_strings = off', 'SET enable_indexscan = off', 'SET enable_nestloop = off', "SET work_mem = '64kB'",
	"SET plan_cache_mode = force_custom_plan", 'SET default_transaction_isolation = serializable', 'SET session_replication_role = replica', "SET lc_messages = 'C'", 'SET quote_all_identifiers = on') {
	$m->run($_);
	my $new = $v->uuid;
	(my $sql = $v->user($new)) =~ s/now\(\)/pg_catalog.now()/g;
	$m->run($sql);
	is $m->error, undef, "S2 S3 $_: recorded" or diag $m->message;
	my @lines = $m->run("SELECT outcome OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) certificate FROM sftca.finish(ARRAY['$new']::pg_catalog.uuid[])");
	like $lines[0] // '', qr/^signed ssh-ed25519-cert-v01/, '  and signed';
}
my $text = $v->read_ssh(($v->finish($s, $id))[1]);
my ($from) = $text =~ /from (\S+)/;
is $s->value("SELECT to_char(valid_after AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM sftca.certificates WHERE id = '$id'"), $from, 'S3 times are what they are';

# a caller cannot be robbed of by planner tricks: leaky functions see no rows
$m->run('RESET search_path', 'CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE \'%\', $1; RETURN true; END $$',
	'SELECT * FROM sftca.keys WHERE public.leak(public_key)');
is $m->error, '42501', 'S2 no view lets a stranger look through';

# house rules, by catalog
sub none { my ($name, $sql) = @_; my @lines = $s->run($sql); is_deeply \@lines, [], $name }
my $in = "p.pronamespace = 'sftca'::regnamespace";
none('no function is executable by PUBLIC', "SELECT p.oid::regprocedure FROM pg_proc p WHERE $in AND has_function_privilege('mallory', p.oid, 'EXECUTE') AND p.proname NOT IN ('prepare_ssh_user', 'finish')");
none('every definer function pins its search_path', "SELECT p.oid::regprocedure FROM pg_proc p WHERE $in AND p.prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)");
none('every PL/pgSQL function too', "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE $in AND l.lanname = 'plpgsql' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)");
none('every function has a comment', "SELECT p.oid::regprocedure FROM pg_proc p WHERE $in AND obj_description(p.oid, 'pg_proc') IS NULL");
none('every table and view has one', "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'sftca'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL");
none('every constraint has one', "SELECT c.conname FROM pg_constraint c WHERE c.connamespace = 'sftca'::regnamespace AND obj_description(c.oid, 'pg_constraint') IS NULL");
none('no constraint has a generated name', "SELECT c.conname FROM pg_constraint c WHERE c.connamespace = 'sftca'::regnamespace AND c.conname ~ '_(key|check|fkey|pkey)[0-9]*\$'");
none('no constraint is deferrable', "SELECT c.conname FROM pg_constraint c WHERE c.connamespace = 'sftca'::regnamespace AND c.condeferrable");
none('no triggers but those of foreign keys', "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'sftca'::regnamespace AND NOT t.tgisinternal");
none('no sequences', "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'sftca'::regnamespace AND c.relkind = 'S'");
none('every table is dumped', "SELECT c.relname FROM pg_class c, pg_extension e WHERE c.relnamespace = 'sftca'::regnamespace AND c.relkind = 'r' AND e.extname = 'pg_sftca' AND c.oid <> ALL (e.extconfig)");
none('no timestamp without time zone', "SELECT attrelid::regclass, attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'sftca'::regnamespace AND a.atttypid = 'timestamp'::regtype");
none('no function takes a private key', "SELECT p.oid::regprocedure FROM pg_proc p WHERE $in AND p.proargnames[1:p.pronargs]::text ~* 'private|secret_key|kek'");
my $exported = $v->db->must('sh', '-c', "nm -D --defined-only $FindBin::Bin/../stage/pg_sftca.so | awk '{print \$3}'");
is_deeply [grep { !/^(sftca_\w+|pg_finfo_sftca_\w+|_PG_init|Pg_magic_func)$/ } split /\n/, $exported], [], 'the library exports what SQL calls and nothing else';

done_testing;
