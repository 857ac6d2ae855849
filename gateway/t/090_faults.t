#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 090_faults.t - the gateway is killed at each fault point: the client sees a broken connection, the record is
# there or not, and asking again with the same request gives one thing, not two.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;

my $program = $ENV{SFT_GATEWAY_FAULTS} // "$FindBin::Bin/../build/faults/sft-gateway";
plan skip_all => 'needs make FAULTS=1' unless -x $program;

my $bed = Bed->new(_program => $program, _start => 0, connections => 2);
my ($n, $killed_under_way) = (0, 0);
for my $point ('gateway.before_send', 'gateway.after_commit', 'gateway.before_answer') {
    # the statements at start pass the points as well, so the request is hit at some count
    for my $count (1 .. 6) {
        my $thing = 'thing ' . ++$n;
        my ($r, $asked) = (undef, 0);
        $bed->{env} = { SFT_FAULT => "$point:kill:$count" };
        $bed->start(wait => 0);
        ok $bed->until(sub { !$bed->is_alive || do { $r = $bed->ask('POST', '/v1/sign', body => $thing, seconds => 2); $asked++; 0 } }, 5), "$point: killed at passage $count";
        delete $bed->{pid};
        $killed_under_way++ if $asked && !$r;
        my $before = $bed->sql("SELECT count(*) FROM stub.records WHERE body = '$thing'");
        cmp_ok $before, '<=', 1, '... at most one record';
        delete $bed->{env};
        $bed->start;
        $r = $bed->ask('POST', '/v1/sign', body => $thing);
        is_deeply [ $r->{status}, $r->{json}{body}, $r->{json}{committed} ], [ 201, $thing, JSON::PP::true() ], '... asked again: answered';
        is $bed->sql("SELECT count(*) FROM stub.records WHERE body = '$thing'"), 1, '... one record, committed before it was finished';
        $bed->stop('TERM');
    }
}
cmp_ok $killed_under_way, '>=', 6, 'requests were under way when it was killed';
done_testing;
