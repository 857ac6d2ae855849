#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 030_batch.t - what waits together travels together; nobody gets another's answer or another's fault.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;

my $bed = Bed->new(connections => 4, batch_connections => 2);

sub transactions { return $bed->sql("SELECT count(DISTINCT xid) FROM stub.calls WHERE route = '$_[0]'") }
sub forget { $bed->sql('TRUNCATE stub.calls, stub.finishes') }

# a lone request is a batch of one
is $bed->ask('POST', '/v1/echo', body => 'x')->{json}{rows}, 1, 'a lone request goes alone';

# 64 at once while both batch connections are busy
forget();
my @busy = map { my $s = $bed->connect; print $s $bed->request('POST', '/v1/echo', body => 'wait-a-little'); select undef, undef, undef, 0.05; $s } 1 .. 2;
my @answers = $bed->ask_all(10, map { $bed->request('POST', '/v1/echo', body => "body $_") } 1 .. 64);
is_deeply [ map { $_->{json}{body} } @answers ], [ map {"body $_"} 1 .. 64 ], 'everybody gets the answer to their own request';
is scalar(grep { $_->{headers}{'x-trace-id'} eq $_->{json}{trace_id} } @answers), 64, 'by trace id';
cmp_ok transactions('POST /v1/echo'), '<=', 8, '64 waiting requests take few transactions';
is $bed->answer($_)->{status}, 200, 'the ones before them are answered too' for @busy;

# routes that may not share a call
forget();
@answers = $bed->ask_all(10, map { $bed->request('POST', '/v1/single', body => $_) } 1 .. 20);
is scalar(grep { $_->{json}{rows} == 1 } @answers), 20, 'routes that may not be batched go one by one';
is transactions('POST /v1/single'), 20, 'in transactions of their own';

# an error that escapes the door hurts only whoever raised it
@busy = map { my $s = $bed->connect; print $s $bed->request('POST', '/v1/echo', body => 'wait-a-little'); select undef, undef, undef, 0.05; $s } 1 .. 2;
@answers = $bed->ask_all(10, (map { $bed->request('POST', '/v1/raise', body => 'fine') } 1 .. 20), $bed->request('POST', '/v1/raise', body => '22023'), map { $bed->request('POST', '/v1/raise', body => 'fine') } 1 .. 20);
is_deeply [ map { $_->{status} } @answers ], [ (200) x 20, 500, (200) x 20 ], 'one bad row harms nobody';
unlike $answers[20]{body}, qr/canary|stub/, 'H18 and nothing of the database\'s text leaves';
$bed->answer($_) for @busy;

# a lock that one row waits for in vain is not the others' timeout
@busy = map { my $s = $bed->connect; print $s $bed->request('POST', '/v1/echo', body => 'wait-a-little'); select undef, undef, undef, 0.05; $s } 1 .. 2;
@answers = $bed->ask_all(10, (map { $bed->request('POST', '/v1/raise', body => 'fine') } 1 .. 9), $bed->request('POST', '/v1/raise', body => '55P03'));
is_deeply [ map { $_->{status} } @answers ], [ (200) x 9, 504 ], 'F13 whoever waits for a lock waits alone';
$bed->answer($_) for @busy;

# continuing: finish is batched as well, after the commit
forget();
@busy = map { my $s = $bed->connect; print $s $bed->request('POST', '/v1/echo', body => 'wait-a-little'); select undef, undef, undef, 0.05; $s } 1 .. 2;
@answers = $bed->ask_all(10, map { $bed->request('POST', '/v1/sign', body => "thing $_") } 1 .. 64);
is_deeply [ map { $_->{json}{body} } @answers ], [ map {"thing $_"} 1 .. 64 ], 'each certificate goes to whom it was recorded for';
is scalar(grep { $_->{json}{committed} } @answers), 64, 'all records were committed before';
cmp_ok $bed->sql('SELECT count(*) FROM stub.finishes'), '<=', 16, 'few calls of finish';
$bed->answer($_) for @busy;
@answers = $bed->ask_all(10, map { $bed->request('POST', '/v1/sign', body => 'the same') } 1 .. 10);
is scalar(grep { $_->{status} == 201 && $_->{json}{body} eq 'the same' } @answers), 10, 'one id asked for ten times is answered ten times';

unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
