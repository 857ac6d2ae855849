#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 050_database.t - the database is killed, restarted, rebuilt, warns, raises: requests wait a moment or get
# 503, none is lost or doubled, and nothing of its text leaves (H18).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;
use Time::HiRes qw(time sleep);

my $bed = Bed->new(connections => 4, queue_timeout_s => 2, statement_timeout_s => 2, request_timeout_s => 6);
my ($r, $t);
sub raise { return $bed->ask('POST', '/v1/raise', body => $_[0]) }

# H18 every class of SQLSTATE that may escape
my %want = (
    '08006' => 503, '53300' => 503, '57P01' => 503, '57P03' => 503, '25006' => 503, '57014' => 504, '55P03' => 504, '54000' => 413, '40001' => 503, '40P01' => 503,
    'XX000' => 500, '42883' => 500, '42P01' => 500, '0A000' => 500, '42703' => 500, '22023' => 500, '23505' => 500, '28000' => 500, '58030' => 500, 'P0001' => 500, 'SF403' => 500);
for my $state (sort keys %want) {
    $r = raise($state);
    is $r->{status}, $want{$state}, "H18 $state is $want{$state}";
    ok defined $r->{json}{error} && $r->{body} !~ /canary|stub|$state/, '... in our form, without the database\'s text';
    is $r->{headers}{'retry-after'} // '-', $want{$state} == 503 ? 1 : '-', '... Retry-After with 503 only';
}

# what is tried twice
for my $state (qw(40001 40P01 XX000 42883 42P01 0A000 42703)) {
    $bed->sql('ALTER SEQUENCE stub.tries RESTART');
    is raise("once $state")->{status}, 200, "$state once is not seen by the client";
}
$bed->sql('ALTER SEQUENCE stub.tries RESTART');
is raise("once 22023")->{status}, 500, '22023 is not tried again';

# WARNING: the commit may not be what it seems
$r = raise('warning');
is_deeply [ $r->{status}, $r->{json}{error} ], [ 503, 'outcome_unknown' ], 'a WARNING means: outcome unknown';
is raise('fine')->{status}, 200, 'the connection is used again';
# a backend that dies under a statement
$r = raise('terminate');
is_deeply [ $r->{status}, $r->{json}{error} ], [ 503, 'outcome_unknown' ], 'a connection lost under a statement: outcome unknown';
is raise('fine')->{status}, 200, 'others are still there';
# a statement that takes too long
$t = time;
is $bed->ask('GET', '/v1/sleep/9')->{status}, 504, 'statement_timeout is 504';
cmp_ok abs(time - $t - 2), '<', 1, 'after statement_timeout_s';
# unknown roles and rights are our fault
$bed->sql('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sft_api FROM sft_gateway');
is $bed->ask('GET', '/v1/echo')->{status}, 500, 'a missing grant is 500';
$bed->sql('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sft_api TO sft_gateway');

# killed with statements under way, then restarted
my @socks = map { my $s = $bed->connect; print $s $bed->request('GET', '/v1/sleep/5'); $s } 1 .. 3;
sleep 0.3;
$bed->pg('stop', 'immediate');
is_deeply [ map { ($bed->answer($_, 5) // { status => 0 })->{status} } @socks ], [ (503) x 3 ], 'killed: statements under way get 503';
$t = time;
$r = $bed->ask('GET', '/v1/echo');
is_deeply [ $r->{status}, $r->{json}{error} ], [ 503, 'database_unavailable' ], 'away: 503';
cmp_ok time - $t, '<', 3, '... after waiting a moment';
sleep 1;
$t = time;
is $bed->ask('GET', '/v1/echo')->{status}, 503, 'away for longer than that: 503';
cmp_ok time - $t, '<', 0.3, '... at once';
is $bed->ask('GET', '/readyz')->{status}, 503, 'not ready';
is $bed->ask('GET', '/healthz')->{status}, 200, 'but alive';
$bed->pg('start');
ok $bed->until(sub { $bed->ask('GET', '/readyz')->{status} == 200 }, 8), 'ready again by itself';
is $bed->ask('GET', '/v1/echo')->{status}, 200, 'and serves';

# a fast restart under requests that come one after the other: all are answered, most with success
my $pid = fork // die;
if (!$pid) { sleep 0.5; $bed->pg('stop', 'fast'); $bed->pg('start'); POSIX::_exit(0) }
my %seen;
my $end = time + 4;
while (time < $end) { $r = $bed->ask('POST', '/v1/sign', body => rand); $seen{ $r ? $r->{status} : 'none' }++; sleep 0.01 }
waitpid $pid, 0;
is_deeply [ sort grep { $_ ne 201 } keys %seen ], [ $seen{503} ? 503 : () ], 'a restart in between: 201 or 503, nothing else';
cmp_ok $seen{201}, '>', 10, '... and it goes on';

# the code is rebuilt under load: nobody sees it
$pid = fork // die;
if (!$pid) { for (1 .. 5) { sleep 0.3; $bed->sql_file("$FindBin::Bin/stub.sql") } POSIX::_exit(0) }
%seen = ();
my @clients = map { $bed->connect } 1 .. 8;
$end = time + 3;
while (time < $end) {
    for (@clients) { print $_ $bed->request('POST', '/v1/echo', body => 'x') }
    for (@clients) { my $a = $bed->answer($_); $seen{ $a ? $a->{status} : 'none' }++ }
}
waitpid $pid, 0;
is_deeply [ keys %seen ], [200], 'a rebuild of the code under load is not seen by clients';
diag "requests during the rebuilds: $seen{200}";

# several hosts: the one that takes writes is found; one that stops taking them is left
$bed->stop;
$bed->{conf}{database} = "host=$bed->{dir}/none,$bed->{dir}/pg/sock port=5432 user=sft_gateway dbname=postgres target_session_attrs=read-write";
$bed->start;
is $bed->ask('GET', '/v1/echo')->{status}, 200, 'of two hosts the one that is there';
my $pids = "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity WHERE usename = 'sft_gateway'";
my $before = $bed->sql($pids);
is raise('25006')->{status}, 503, 'a server that takes no writes any more: 503';
ok $bed->until(sub { my $now = $bed->sql($pids); $now ne $before && (() = $now =~ /,/g) == (() = $before =~ /,/g) }, 5), '... and that connection is made anew';
$bed->sql('ALTER SYSTEM SET default_transaction_read_only = on');
$bed->sql('SELECT pg_reload_conf()');
$bed->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sft_gateway'");
ok $bed->until(sub { $bed->ask('GET', '/readyz')->{status} == 503 }, 5), 'where nobody takes writes it is not ready';
system('psql', '-qXAt', '-h', "$bed->{dir}/pg/sock", '-U', 'postgres', '-d', 'postgres', '-c', 'ALTER SYSTEM RESET default_transaction_read_only', '-c', 'SELECT pg_reload_conf()', '-o', '/dev/null');
ok $bed->until(sub { $bed->ask('GET', '/v1/echo')->{status} == 200 }, 15), 'until somebody does again';

unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
