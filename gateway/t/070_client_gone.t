#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 070_client_gone.t - row H16: clients that leave while their request waits, runs, or is answered.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep);

my $bed = Bed->new(connections => 2, batch_connections => 2, max_connections => 400);

sub reset_it { my ($s) = @_; setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; close $s }

sub leave_during {
    my ($name, $after, $n, @requests) = @_;
    my @socks = map { my $s = $bed->connect; print $s $requests[ $_ % @requests ]; $s } 1 .. $n;
    sleep $after;
    reset_it($_) for @socks;
    sleep 0.2;
    my $r = $bed->ask('POST', '/v1/echo', body => 'x');
    is $r && $r->{status}, 200, "H16 $name: the gateway serves on";
}

leave_during('half a request', 0.1, 20, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
leave_during('right after sending', 0, 50, $bed->request('POST', '/v1/sign', body => 'y'), $bed->request('POST', '/v1/single', body => 'y'));
leave_during('while the query runs', 0.1, 2, $bed->request('POST', '/v1/echo', body => 'wait-a-little'));
leave_during('while waiting in the queue', 0.05, 60, $bed->request('POST', '/v1/echo', body => 'wait-a-little'), $bed->request('POST', '/v1/single', body => 'wait-a-little'));
leave_during('while parked', 0.2, 30, $bed->request('GET', '/v1/state/none?after=0'));
leave_during('in the middle of a large answer', 0.2, 5, $bed->request('GET', '/v1/big/20000000'));

# over TLS
my @pids = map { my $pid = fork // die; if (!$pid) { open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null'; exec 'curl', '-sk', '-d', 'wait-a-little', "https://127.0.0.1:$bed->{tls}/v1/echo" } $pid } 1 .. 8;
sleep 0.4;
kill 'KILL', @pids;
waitpid $_, 0 for @pids;
is $bed->curl('/v1/echo', '-o', '/dev/null', '-w', '%{http_code}'), 200, 'H16 over TLS';

# nothing is left behind: connections are closed, queries done
ok $bed->until(sub { $bed->sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sft_gateway' AND state = 'active'") == 0 }, 10), 'no query is left running';
ok $bed->until(sub { my @fds = glob "/proc/$bed->{pid}/fd/*"; @fds < 30 }, 5), 'no descriptor is left';
ok $bed->until(sub { grep { $_->{status} == 0 || $_->{status} == 200 } $bed->access }, 2), 'the access log has them';
is $bed->stop, 0, 'and it stops in peace';
unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
