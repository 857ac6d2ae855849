#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# S1: what the roles of the platform can do: the two doors and the routes for the gateway, sft_admin for a DBA, audit for an auditor.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $db = $w->db;
my $gateway = $w->door->session;
my $dba = $db->dba;
$db->psql($db->{database}, 'CREATE ROLE audrey LOGIN IN ROLE sft_auditor', 'CREATE ROLE nobody_special LOGIN');
my %session = (gateway => $gateway, dba => $dba, auditor => $db->session('audrey'), nobody => $db->session('nobody_special'));

sub refused
{
	my ($who, $name, @sql) = @_;
	my $s = $session{$who};
	$s->run('BEGIN');
	my @out = $s->run(@sql);
	my $error = $s->error;
	my $message = $s->message;
	$s->run('ROLLBACK');
	like $error // 'allowed', qr/^(42501|42704|0LP01)$/, "$who: $name" or diag $message // "@out";
}

is scalar($gateway->rows('SELECT method, path FROM sft_api.route')) > 10, 1, 'the gateway reads the routes';

# every table, view and function of ours and of the vault, by name
my @relations = $db->root->run(q{SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname IN ('sft', 'sft_core', 'sft_api', 'sft_admin', 'sftca') AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1});
my @functions = $db->root->run(q{SELECT p.oid::regprocedure || '|' || nspname || '.' || proname || '(' ||
	coalesce((SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY o) FROM unnest(proargtypes) WITH ORDINALITY a(t, o)), '') || ')'
	FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
	WHERE nspname IN ('sft', 'sft_core', 'sft_api', 'sft_admin', 'sftca') AND prokind = 'f' AND prorettype <> 'trigger'::regtype ORDER BY 1});
cmp_ok scalar(@relations), '>', 20, 'there are relations to try';
cmp_ok scalar(@functions), '>', 50, 'there are functions to try';

my %may = (
	gateway => qr/^sft_api\.(route$|handle\(|finish\()/,
	dba     => qr/^sft_admin\./,
	auditor => qr/^sft_admin\.(audit|refusals)$/,
	nobody  => qr/^$/,
);
for my $who (sort keys %session) {
	my (@read, @write, @call);
	my $s = $session{$who};
	for my $r (@relations) {
		$s->run("SELECT 1 FROM $r LIMIT 0");
		push @read, $r if ($s->error // '') ne '42501' && $r !~ $may{$who};
		for ("INSERT INTO $r DEFAULT VALUES", "DELETE FROM $r WHERE false", "TRUNCATE $r", "COPY $r TO STDOUT", "LOCK $r") {
			next if /^(COPY|LOCK)/ && $r =~ $may{$who};
			$s->run('BEGIN', $_);
			push @write, "$_ (@{[$s->error // 'allowed']})" if ($s->error // '') !~ /^(42501|42809|55000)$/;                    # 55000: a view that cannot be written
			$s->run('ROLLBACK');
		}
	}
	for (@functions) {
		my ($name, $call) = split /\|/;
		next if $name =~ $may{$who};
		$s->run('BEGIN', "SELECT * FROM $call");
		push @call, "$call (@{[$s->error // 'allowed']})" if ($s->error // '') ne '42501' && $call !~ /NULL::(internal|cstring|"any")/;
		$s->run('ROLLBACK');
	}
	is "@read", '', "S1 $who: permission denied for every relation but its own";
	is "@write", '', "S1 $who: writes, locks and copies none";
	is "@call", '', "S1 $who: permission denied for every function but its own";
}

# what moves keys, or stops everything, is not the platform's either
my @grave = $db->root->run(q{SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'sftca'::regnamespace
	AND p.proname ~ '^(seal|reseal|authority_import|authority_create_on_token|key_import|key_import_sealed|key_export|key_prepare_on_token|key_note|krl_version_raise|transport_key_create)'});
cmp_ok scalar(@grave), '>=', 4, 'there are such functions';
is $db->root->value("SELECT has_function_privilege('sft_owner', '$_', 'EXECUTE')"), 'f', "the platform's owner may not call $_" for @grave;

for my $who (qw(gateway dba)) {
	refused($who, 'S1 CREATE TEMP TABLE', 'CREATE TEMP TABLE t (x int)');
	refused($who, 'S1 CREATE TABLE in public', 'CREATE TABLE public.t (x int)');
	refused($who, "S1 CREATE TABLE in $_", "CREATE TABLE $_.t (x int)") for qw(sft sft_core sft_api sft_admin sftca);
	refused($who, 'S1 CREATE FUNCTION', q{CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'});
	refused($who, 'S1 CREATE SCHEMA', 'CREATE SCHEMA mine');
	refused($who, 'S1 COPY PROGRAM', q{COPY (SELECT 1) TO PROGRAM 'cat'});
	refused($who, 'S1 pg_read_file', q{SELECT pg_read_file('/etc/passwd')});
	refused($who, 'S1 lo_import', q{SELECT lo_import('/etc/passwd')});
	refused($who, 'S1 pg_stat_file', q{SELECT pg_stat_file('/etc/passwd')});
	refused($who, "S1 SET ROLE $_", "SET ROLE $_") for qw(sft_owner postgres sft_auditor), $who eq 'gateway' ? 'sft_dba' : 'sft_gateway';
	refused($who, 'S1 session_replication_role', 'SET session_replication_role = replica');
	refused($who, 'S1 SET log_statement', q{SET log_statement = 'all'});
	refused($who, 'S1 CREATE EXTENSION', 'CREATE EXTENSION plpgsql_check SCHEMA pg_catalog');
	refused($who, 'S1 terminating others', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = \'postgres\' LIMIT 1');
	refused($who, 'S1 ALTER ROLE', 'ALTER ROLE postgres PASSWORD \'x\'');
	refused($who, 'S1 GRANT to itself', 'GRANT SELECT ON sft.users TO sft_gateway');
	refused($who, 'S1 ALTER FUNCTION', q{ALTER FUNCTION sft_api.finish(uuid[]) SECURITY INVOKER});
}
$gateway->run('DO $$ BEGIN PERFORM 1 FROM sft.users; END $$');
is $gateway->error, '42501', 'S1 a DO block changes nothing';
$gateway->run(q{PREPARE p AS SELECT * FROM sftca.certificates});
is $gateway->error, '42501', 'S1 nor does PREPARE';
$gateway->run(q{EXPLAIN SELECT * FROM sft.audit_events});
is $gateway->error, '42501', 'S1 nor does EXPLAIN';

# S3: settings of the caller change nothing
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
for my $set (q{search_path = pg_temp, public}, q{standard_conforming_strings = off}, q{escape_string_warning = on}, q{lc_messages = 'C'},
	q{DateStyle = 'German'}, q{IntervalStyle = 'iso_8601'}, q{TimeZone = 'Asia/Kathmandu'}, q{bytea_output = 'escape'}, q{client_encoding = 'SJIS'}, q{client_encoding = 'SQL_ASCII'},
	q{work_mem = '64kB'}, q{enable_seqscan = on}, q{plan_cache_mode = auto}, q{extra_float_digits = -15}, q{xmlbinary = hex},
	q{local_preload_libraries = '/tmp/evil'},
	q{sft.teams = '*'}, q{sft.team_id = 'x'}) {
	$gateway->run("SET $set");
	my $set_error = $gateway->error;
	my $a = $alice->credential($server->{id});
	is $a->{status}, 201, "S3 SET $set: the answer is the same" or diag $a->{text} // $set_error;
	like $a->{json}{valid_before} // '', qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'in the same form' if $set =~ /DateStyle|TimeZone|Interval/;
	$gateway->run('RESET ALL');
}
for my $set (q{default_transaction_read_only = on}, q{row_security = off}, q{statement_timeout = '1ms'}) {
	$gateway->run("SET $set");
	my $request = $alice->credential_request($server->{id});
	my @rows = eval { $w->door->handle($request) };
	my $finished = @rows && defined $rows[0]{continue_id};
	$gateway->run('RESET ALL');
	ok !$finished || $set =~ /timeout/, "S3 SET $set: refused cleanly";
	is $w->db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$request->{nonce}'"), $finished ? 1 : 0, 'and nothing half done';
}

# E1: a session that names its own key-encryption key before the vault is loaded in it signs with the right one or not at all
for my $set (q{pg_sftca.kek_file = '/tmp/mine'}, q{pg_sftca.kek_command = 'echo 00'}) {
	my $door = Sft::Door->new($db, session => $db->session('sft_gateway'));
	$door->session->run("SET $set");
	my ($a) = $door->batch([ $alice->credential_request($server->{id}) ]);
	is $a->{status}, 201, "E1 SET $set first: no effect" or diag $a->{text};
	$door->session->run('SHOW ' . ($set =~ /(\S+)/)[0]);
	is $door->session->error, '42501', '  nor does it see the server\'s';
}

# S2: temporary objects cannot even be made; when an administrator allowed them they would still not be seen
$db->psql($db->{database}, "GRANT TEMP ON DATABASE $db->{database} TO sft_gateway");
$gateway->run('CREATE TEMP TABLE users AS SELECT 1 AS id', 'CREATE TEMP TABLE clients AS SELECT 1 AS id', 'CREATE TEMP TABLE pg_roles AS SELECT 1 AS id',
	q{CREATE DOMAIN pg_temp.uuid AS text}, q{CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '2000-01-01'::timestamptz$$},
	q{CREATE FUNCTION pg_temp.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$});
is $alice->credential($server->{id})->{status}, 201, 'S2 temporary objects of the caller shadow nothing';

done_testing;
