#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# sql/migrate: state once, code always, in one transaction; twice is a no-op; an edited migration is refused; under traffic.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $db = $w->db;
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');

sub shape
{
	return join "\n", $db->root->run(q{
		SELECT c.oid::regclass || ' ' || c.relkind || ' ' || coalesce(c.relacl::text, '') || ' ' ||
		       coalesce((SELECT string_agg(a.attname || ':' || a.atttypid::regtype, ',' ORDER BY attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '')
		  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE 'sft%' AND relkind IN ('r', 'v', 'i', 'S') ORDER BY 1},
		q{SELECT p.oid::regprocedure || ' ' || md5(prosrc) || ' ' || coalesce(proacl::text, '') || proowner::regrole FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname LIKE 'sft%' ORDER BY 1});
}
sub rows { return $db->root->value(q{SELECT string_agg(n, ' ') FROM (SELECT relname || '=' || (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %s', oid::regclass), false, true, '')))[1]::text AS n
	FROM pg_class WHERE relnamespace = 'sft'::regnamespace AND relkind = 'r' ORDER BY relname) q}) }

my ($shape, $rows) = (shape(), rows());
my ($rc, $out) = $db->command($db->migrate_command);
is "$rc $out", '0 ', 'migrate a second time is quiet';
is shape(), $shape, '  changes no object, grant or owner';
is rows(), $rows, '  and no row';
is $alice->credential($server->{id})->{status}, 201, '  the gateway\'s connection goes on';

# a copy of the house in which something is wrong
my $copy = $db->folder . '/sql';
$db->must('cp', '-r', "$Sft::Db::top/sql", $copy);
my ($first) = sort glob "$copy/state/*.sql";
my $text = Sft::Db::slurp($first);
sub write_file { my ($f, $t) = @_; open my $fh, '>', $f or die "$f: $!"; print $fh $t; close $fh }
write_file($first, "$text\n-- an edit\n");
($rc, $out) = $db->command($db->migrate_command($copy));
isnt $rc, 0, 'an edited released migration is refused';
like $out, qr/was edited/, '  by name';
is shape(), $shape, '  and nothing changed';
write_file($first, $text);

write_file("$copy/state/9999_broken.sql", "CREATE TABLE sft.half (id int);\nSELECT 1/0;\n");
($rc, $out) = $db->command($db->migrate_command($copy));
isnt $rc, 0, 'a migration that fails';
is shape(), $shape, '  leaves nothing behind';
write_file("$copy/state/9999_broken.sql", "-- nothing\n");
write_file("$copy/code/999_broken.sql", "CREATE FUNCTION sft_core.broken() RETURNS int LANGUAGE sql RETURN no_such_thing;\n");
($rc, $out) = $db->command($db->migrate_command($copy));
isnt $rc, 0, 'code that fails';
is shape(), $shape, '  leaves the old code in place';
is $alice->credential($server->{id})->{status}, 201, '  which works';
unlink "$copy/code/999_broken.sql";

write_file("$copy/state/9999_broken.sql", "CREATE TABLE sft.later (id int CONSTRAINT later_taken PRIMARY KEY);\n");
($rc, $out) = $db->command($db->migrate_command($copy));
is $rc, 0, 'a new migration is run' or diag $out;
is $db->root->value(q{SELECT to_regclass('sft.later')}), 'sft.later', '  its table is there';
($rc, $out) = $db->command($db->migrate_command($copy));
is $rc, 0, '  once';
isnt $db->root->value(q{SELECT count(*) FROM sft.migrations WHERE name = '9999_broken.sql'}), 0, '  and is remembered';
$db->psql($db->{database}, 'DROP TABLE sft.later', q{DELETE FROM sft.migrations WHERE name = '9999_broken.sql'});
$db->migrate;
is shape(), $shape, 'back to this checkout';

# two deploys at once
my $log = $db->folder . '/deploy';
my @pids = map {
	my $i = $_;
	my $pid = fork // die $!;
	if (!$pid) { open STDOUT, '>', "$log.$i"; open STDERR, '>&', \*STDOUT; exec $db->migrate_command or die $! }
	$pid
} 1, 2;
waitpid($_, 0), is $?, 0, 'two deploys at once both succeed' for @pids;
is shape(), $shape, '  with one result';

# under traffic: three gateways issue while the code is rebuilt; each statement is answered or fails in a way the gateway retries
my @doors = map { Sft::Door->new($db) } 1 .. 3;
my ($done, $retried, @wrong) = (0, 0);
my $deploy = fork // die $!;
if (!$deploy) { open STDOUT, '>', "$log.traffic"; open STDERR, '>&', \*STDOUT; exec 'sh', '-c', 'for i in 1 2 3; do ' . join(' ', map { Sft::Db::quote($_) } $db->migrate_command) . ' || exit 1; done' or die $! }
my $until = time + 40;
while (time < $until) {
	my @requests = map { [ map { $alice->credential_request($server->{id}) } 1 .. 2 ] } @doors;
	for my $i (0 .. $#doors) {
		for my $try (1, 2) {
			my @a = eval { $doors[$i]->batch($requests[$i]) };
			if (@a) { $done += grep { $_->{status} == 201 || $_->{status} == 200 } @a; push @wrong, grep { $_->{status} !~ /^20/ } @a; last }
			my $state = $doors[$i]->session->error // '';
			$retried++;
			push @wrong, { status => $state, text => $doors[$i]->session->message } if $try == 2 || $state !~ /^(XX000|42883|42P01|0A000|42703|40001|40P01|55P03|3F000|42704)$/;
		}
	}
	last if waitpid($deploy, 1) == $deploy;
}
my $deployed = $? ;
waitpid $deploy, 0;
is $deployed, 0, 'three deploys under traffic succeed' or diag Sft::Db::slurp("$log.traffic");
cmp_ok $done, '>', 5, "  certificates were issued all the while ($done, $retried retries)";
is scalar(@wrong), 0, '  no request was lost or failed' or diag join "\n", map { "$_->{status} " . ($_->{text} // '') } @wrong[0 .. ($#wrong > 3 ? 3 : $#wrong)];
is $w->db->root->value(q{SELECT count(*) FROM sftca.certificates c WHERE NOT EXISTS (SELECT FROM sft.audit_events a WHERE a.request_id = c.id)}), 0, '  every record has its event';

# a house of 1.0: six migrations, rows in them, code that holds the tables' rows as they were
my $old = $db->folder . '/old';
$db->must('cp', '-r', "$Sft::Db::top/sql", $old);
unlink grep { !/000[1-6]_/ } glob "$old/state/*.sql";
unlink glob "$old/code/*.sql";
write_file("$old/code/100_rows.sql", join '', map { "CREATE FUNCTION sft_core.holds_$_(x sft.$_) RETURNS text LANGUAGE sql RETURN (x).team_id::text;\n" } qw(users groups projects project_groups servers clients credentials locks));
my $db1 = 'house1';
$db->psql('postgres', "CREATE DATABASE $db1");
$db->must('env', $db->env, "$old/migrate", '-d', $db1);
$db->psql($db1, q{INSERT INTO sft.teams (name) VALUES ('acme')},
	q{INSERT INTO sft.users (team_id, name, server_user_name) SELECT id, n, n FROM sft.teams, unnest('{alice,bob}'::text[]) n},
	q{INSERT INTO sft.groups (team_id, name, server_group_name) SELECT id, 'ops', 'sft_ops' FROM sft.teams},
	q{UPDATE sft.users SET status = 'DELETED', deleted_at = now() WHERE name = 'bob'});
($rc, $out) = $db->command('env', $db->env, "$Sft::Db::top/sql/migrate", '-d', $db1);
is "$rc $out", '0 ', 'a database of 1.0 comes to today';
is $db->psql($db1, q{SELECT string_agg(name, ' ' ORDER BY name) FROM sft.unix_names}), 'alice bob sft_ops', '  the names that were given stay taken, those of the deleted too';
is $db->psql($db1, q{SELECT client_session_duration_s || ' ' || strict_devices FROM sft.teams}), '36000 true', '  settings begin as they are documented';
done_testing;
