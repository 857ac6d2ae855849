#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Runs the pgTAP files beside this one in a private cluster, each as one test.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::Db;
use TAP::Parser;
use Test::More;

my $db = Sft::Db->new;
$db->psql($db->{database}, 'CREATE SCHEMA tap', 'CREATE EXTENSION pgtap SCHEMA tap', 'CREATE EXTENSION plpgsql_check SCHEMA tap');
for my $file (glob "$FindBin::Bin/*.sql") {
	my ($rc, $out) = $db->command('env', $db->env, 'psql', '-XAtq', '-d', $db->{database}, '-f', $file);
	my $parser = TAP::Parser->new({ tap => $out });
	$parser->run;
	my ($name) = $file =~ m{([^/]+)\.sql$};
	ok($rc == 0 && $parser->tests_run && !$parser->has_problems, "$name: " . $parser->tests_run . ' checks')
		or diag join "\n", grep { /^(not ok|#|psql)/ } split /\n/, $out;
}
done_testing;
