#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 040_wait.t - parked requests: woken by their topic, by time, by a listener that was away; none missed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;
use Time::HiRes qw(time sleep);

my $bed = Bed->new(connections => 4);
my ($r, $t);
$bed->sql("INSERT INTO stub.versions VALUES ('web01', 1), ('web02', 1)");

sub ask_state { my ($query) = @_; my $s = $bed->connect; print $s $bed->request('GET', "/v1/state/$query"); return $s }

is $bed->ask('GET', '/v1/state/web01?after=0')->{json}{version}, 1, 'news are told at once';

# time
$t = time;
$r = $bed->ask('GET', '/v1/state/web01?after=1');
is $r->{status}, 204, 'no news until the time is up is 204';
cmp_ok abs(time - $t - 3), '<', 0.7, 'after wait_s';
$t = time;
is $bed->ask('GET', '/v1/nowait/web01?after=1')->{status}, 204, 'a route that does not wait says so at once';
cmp_ok time - $t, '<', 1, '... at once';

# topics
my ($one, $two) = (ask_state('web01?after=1'), ask_state('web02?after=1'));
sleep 0.3;
$t = time;
$bed->sql("SELECT stub.change('web01')");
is $bed->answer($one)->{status}, 204, 'a change wakes who waits for it';
cmp_ok time - $t, '<', 1, 'soon';
ok !$bed->answer($two, 0.5), 'and nobody else';
print $one $bed->request('GET', '/v1/state/web01?after=1');
is $bed->answer($one)->{json}{version}, 2, 'asking again tells it';
$bed->sql("SELECT pg_notify('sft_changes', 'team/t')");
is $bed->answer($two, 2)->{status}, 204, 'any of several topics wakes';

# the race: a change that commits after the query's snapshot and before the parking
$one = ask_state('web01?after=2&slow');
sleep 0.4;
$bed->sql("SELECT stub.change('web01')");
$t = time;
is $bed->answer($one, 2.5)->{status}, 204, 'a change between question and parking is not missed';
cmp_ok time - $t, '<', 1.5, 'though it was over before the parking';
$one = ask_state('web01?after=3&slow');
sleep 0.4;
$bed->sql("SELECT stub.change('web02'), pg_notify('sft_changes', 'server/other')");
sleep 0.9;
ok !$bed->answer($one, 0.5), 'other changes meanwhile do not matter';
is $bed->answer($one, 4)->{status}, 204, '... and the time is up some time';

# many
my @many = map { ask_state('web01?after=3') } 1 .. 300;
sleep 0.8;
$t = time;
$bed->sql("SELECT pg_notify('sft_changes', 'project/p')");
is scalar(grep { ($bed->answer($_, 3) // { status => 0 })->{status} == 204 } @many), 300, 'one change wakes 300';
cmp_ok time - $t, '<', 2, 'soon';
is $bed->ask('GET', '/readyz')->{status}, 200, 'and the gateway is well';

# the listener is lost: whoever waits may have missed something
$one = ask_state('web01?after=3');
sleep 0.3;
my $pid = $bed->sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT method%' OR query LIKE 'LISTEN%' LIMIT 1");
ok $pid, 'the listener\'s backend';
$t = time;
$bed->sql("SELECT pg_terminate_backend($pid)");
is $bed->answer($one, 2.5)->{status}, 204, 'once the listener is back, all parked requests are answered';
cmp_ok time - $t, '<', 2, 'soon';
$one = ask_state('web01?after=3');
sleep 0.3;
$bed->sql("SELECT stub.change('web01')");
is $bed->answer($one, 1)->{status}, 204, 'and notifications arrive again';

# a client that goes while it waits
ask_state('web01?after=4')->close for 1 .. 20;
sleep 0.3;
$bed->sql("SELECT stub.change('web01')");
is $bed->ask('GET', '/v1/state/web01?after=0')->{status}, 200, 'H16 clients that went while parked do no harm';

# stop
$one = ask_state('web01?after=5');
sleep 0.3;
$t = time;
my $status = $bed->stop('TERM');
is $bed->answer($one, 2)->{status}, 204, 'a stop answers parked requests';
is $status, 0, 'and ends with 0';
cmp_ok time - $t, '<', 2, 'soon';
unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
