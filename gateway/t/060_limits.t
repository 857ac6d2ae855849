#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 060_limits.t - rows H12, H17, H20: every queue has a bound, every wait a deadline, every client a limit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;
use Time::HiRes qw(time sleep);

my $bed = Bed->new(connections => 1, batch_connections => 1, queue => 5, queue_timeout_s => 1, request_timeout_s => 2, statement_timeout_s => 4,
    read_timeout_s => 1, send_timeout_s => 1, max_connections => 40, connections_per_peer => 30);
my ($r, $t);

# Seconds until the peer closes; undef when it does not within the time.
sub closes {
    my ($sock, $seconds, $write) = @_;
    my $start = time;
    while (time < $start + $seconds) {
        return time - $start if IO::Select->new($sock)->can_read(0.1) && !sysread $sock, my $in, 4096;
        syswrite $sock, $write if defined $write;
    }
    return;
}

# H20 overload
my $busy = $bed->connect;
print $busy $bed->request('GET', '/v1/sleep/1.5');
sleep 0.2;
my @waiting = map { my $s = $bed->connect; print $s $bed->request('POST', '/v1/echo', body => 'x'); $s } 1 .. 5;
sleep 0.1;
$t = time;
$r = $bed->ask('POST', '/v1/echo', body => 'x');
is_deeply [ $r->{status}, $r->{json}{error}, $r->{headers}{'retry-after'} ], [ 503, 'overloaded', 1 ], 'H20 past the queue: 503';
cmp_ok time - $t, '<', 0.5, 'H20 at once';
is $bed->ask('GET', '/healthz')->{status}, 200, 'H20 health is answered meanwhile';
is_deeply [ map { $bed->answer($_)->{json}{error} } @waiting ], [ ('overloaded') x 5 ], 'whoever waits longer than queue_timeout_s: 503';
is $bed->answer($busy)->{status}, 200, 'the one that had the connection is answered';
is $bed->ask('POST', '/v1/echo', body => 'x')->{status}, 200, 'and then all is well';

# the deadline of a request, whatever the database does
$t = time;
is $bed->ask('GET', '/v1/sleep/3.5')->{status}, 504, 'request_timeout_s is 504';
cmp_ok abs(time - $t - 2), '<', 0.5, 'in time';
$bed->until(sub { ($bed->ask('POST', '/v1/echo', body => 'x') // { status => 0 })->{status} == 200 }, 4);
is $bed->ask('POST', '/v1/echo', body => 'x')->{status}, 200, 'its late answer disturbs nobody';

# H12 slow clients
my $sock = $bed->connect;
print $sock "GET /v1/echo HTTP/1.1\r\nHo";
cmp_ok closes($sock, 4) // 99, '<', 2, 'H12 half a head is cut off';
$sock = $bed->connect;
print $sock "GET /v1/echo HTTP/1.1\r\nA: ";
cmp_ok closes($sock, 4, 'x') // 99, '<', 2, 'H12 so is one that comes byte by byte';
$sock = $bed->connect;
print $sock "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
cmp_ok closes($sock, 4, 'x') // 99, '<', 2, 'H12 so is a body that comes byte by byte';
$sock = $bed->connect;
print $sock $bed->request('GET', '/v1/echo');
$bed->answer($sock);
cmp_ok closes($sock, 4) // 99, '<', 2, 'H12 an idle connection is closed';
$sock = $bed->connect;
print $sock $bed->request('GET', '/v1/big/16000000');
ok $bed->until(sub { $bed->log =~ /peer_too_slow/ }, 8), "H12 a client that does not take its answer is noticed";
$r = $bed->answer($sock, 3);
ok !$r, 'H12 a client that does not take its answer is cut off';
$sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $bed->{tls});
cmp_ok closes($sock, 4) // 99, '<', 2, 'H17 a TLS handshake that does not begin is cut off';
$sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $bed->{tls});
print $sock "\x16\x03\x01\x02\x00\x01";
cmp_ok closes($sock, 4) // 99, '<', 2, 'H17 so is one that stops half way';
my $half = $bed->connect;
print $half $bed->request('GET', '/v1/echo');
shutdown $half, 1;
is $bed->answer($half, 2)->{status}, 200, 'H12 a client that has shut its sending side gets its answer';

# how many connections
my @many = map { $bed->connect } 1 .. 35;
my $open = grep { print $_ $bed->request('GET', '/healthz'); my $a = $bed->answer($_, 1); $a && $a->{status} == 200 } @many;
is $open, 30, 'H12 connections_per_peer';
like $bed->log, qr/connections_refused/, '... refusals are logged';
@many = ();
ok $bed->until(sub { ($bed->ask('GET', '/healthz') // { status => 0 })->{status} == 200 }, 2), 'closed connections make room';

# H17 TLS
sub s_client { my $out = `echo | timeout 5 openssl s_client -connect 127.0.0.1:$bed->{tls} $_[0] 2>&1`; return $out }
like s_client('-tls1_2'), qr/Cipher is ECDHE/, 'H17 TLS 1.2';
like s_client('-tls1_3'), qr/TLSv1\.3, Cipher is TLS_/, 'H17 TLS 1.3';
unlike s_client("$_ -cipher ALL:\@SECLEVEL=0"), qr/Cipher is [A-Z]*ECDHE|Cipher is [A-Z]+-/, "H17 no $_" for '-tls1', '-tls1_1';
unlike s_client('-tls1_2 -cipher aNULL:eNULL:@SECLEVEL=0'), qr/Cipher is (?!\(NONE\))/, 'H17 no anonymous cipher';
unlike s_client('-tls1_3 -ign_eof </dev/null'), qr/New Session Ticket/, 'H17 no session ticket';
unlike s_client('-tls1_2 -reconnect'), qr/^Reused/m, 'H17 no session is resumed';
like s_client('-alpn h2'), qr/No ALPN negotiated/, 'H14 no h2';
like s_client('-alpn h2,http/1.1'), qr/ALPN protocol: http\/1\.1/, 'H14 but http/1.1';

unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
