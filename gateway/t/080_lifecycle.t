#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 080_lifecycle.t - start, reload, stop; and what it says when something is wrong with its configuration.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;
use Time::HiRes qw(time sleep);

my $bed = Bed->new(_start => 0, threads => 2, connections => 2, stop_timeout_s => 3);
my $dir = $bed->{dir};
my %good = %{ $bed->{conf} };

# Exit status and the one line that it says.
sub try_conf {
    my ($conf, @args) = @_;
    $bed->{conf} = {%$conf};
    my $path = $bed->write_conf;
    return run_it('--config', $path, @args);
}
sub run_it {
    my (@args) = @_;
    my $out = qx{timeout 10 $bed->{program} @args 2>&1};
    return ($? >> 8, $out);
}
sub says {
    my ($change, $status, $text, $name, @args) = @_;
    my ($got, $out) = try_conf({ %good, %$change }, @args);
    is $got, $status, $name;
    like $out, $text, '... and says so';
    is scalar(() = $out =~ /\n/g), 1, '... in one line';
}

my ($status, $out) = run_it('--help');
ok $status == 0 && $out =~ /^Usage: / && $out =~ /statement_timeout_s/, '--help lists the keys';
my %described = map { $_ => 1 } $out =~ /^  ([a-z_]+)  /mg;
my %sampled = map { $_ => 1 } Bed::slurp("$FindBin::Bin/../sft-gateway.conf.sample") =~ /^#?([a-z_]+) = /mg;
is_deeply \%sampled, \%described, 'the sample shows every key';
($status, $out) = run_it('--version');
ok $status == 0 && $out =~ /^sft-gateway \d/, '--version';
is((run_it(@$_))[0], 2, "usage: @$_") for [], ['--config'], ['--wrong'], [ '--config', "$dir/none" ];
says({}, 0, qr/is fine/, '--check of a good configuration', '--check');
says({ listen => undef, listen_plain => undef }, 2, qr/listen is missing/, 'no listen');
says({ tls_key => undef }, 2, qr/needs tls_certificate and tls_key/, 'no key');
says({ database => undef }, 2, qr/database is missing/, 'no database');
says({ colour => 'red' }, 2, qr/line \d+: unknown key "colour"/, 'an unknown key');
says({ connections => 0 }, 2, qr/connections must be between/, 'a number out of bounds');
says({ log => 'loud' }, 2, qr/log: unknown word "loud"/, 'an unknown word');
says({ user => undef }, 2, qr/user must name/, 'root without a user');
says({ user => 'nobody-here' }, 1, qr/no such account/, 'an unknown user');
says({ user => 'root' }, 1, qr/user root: is root/, 'root as user');
says({ database => "$good{database} password=secret" }, 2, qr/must not be readable by everybody/, 'a readable file with a password');
says({ tls_certificate => "$dir/none" }, 1, qr/none: no certificate chain/, 'no certificate file');
says({ tls_key => "$dir/none" }, 1, qr/none: No such file/, 'no key file');
chmod 0644, "$dir/key.pem";
says({}, 1, qr/must not be accessible to others/, 'a key that others can read');
chmod 0600, "$dir/key.pem";
qx{openssl ecparam -genkey -name prime256v1 -noout -out $dir/other.pem 2>/dev/null; chmod 600 $dir/other.pem; chown postgres $dir/other.pem};
says({ tls_key => "$dir/other.pem" }, 1, qr/other\.pem/, 'a key of another certificate');
says({ listen => '127.0.0.1' }, 1, qr/expected host:port/, 'an address without a port');
says({ listen => '203.0.113.9:1' }, 1, qr/cannot listen on 203\.0\.113\.9:1: /, 'an address that is not ours');
says({ listen_plain => '0.0.0.0:0' }, 1, qr/only loopback/, 'plain HTTP for everybody');
my $port = Bed::free_port();
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1);
says({ listen => "127.0.0.1:$port" }, 1, qr/cannot listen on 127\.0\.0\.1:$port: Address already in use/, 'a port in use');
says({ access_log => "$dir/none/x" }, 1, qr/No such file/, 'an access log that cannot be opened');
says({ max_connections => 1000000 }, 1, qr/limit of open files/, 'more connections than descriptors') if qx{sh -c 'ulimit -Hn'} < 1000000 && $> != 0;

# running, without root's rights
$bed->{conf} = { %good, listen => "127.0.0.1:$bed->{tls}, [::1]:$bed->{tls}", access_log => "$dir/access.log", log => 'json' };
qx{touch $dir/access.log; chown postgres $dir/access.log};
my $pid = $bed->start;
my $proc = Bed::slurp("/proc/$pid/status");
my $uid = getpwnam 'postgres';
like $proc, qr/^Uid:\t$uid\t$uid\t$uid\t$uid$/m, 'it has become somebody else';
like $proc, qr/^CapEff:\t0+$/m, 'without capabilities';
like $proc, qr/^NoNewPrivs:\t1$/m, 'and nothing can be won back';
like Bed::slurp("/proc/$pid/limits"), qr/Max core file size\s+0\s+0/, 'no core file';
unlike Bed::slurp("/proc/$pid/cmdline"), qr/host=/, 'no secrets in its arguments';
is qx{curl -sg -o /dev/null -w '%{http_code}' -k 'https://[::1]:$bed->{tls}/healthz'}, 200, 'IPv6';
is JSON::PP::decode_json((split /\n/, $bed->log)[-1])->{program}, 'sft-gateway', 'its log is JSON if asked for';

# SIGHUP
sub subject { return qx{echo | timeout 5 openssl s_client -connect 127.0.0.1:$bed->{tls} 2>/dev/null | openssl x509 -noout -subject} }
like subject(), qr/CN ?= ?first/, 'the first certificate';
open my $old, '|-', "timeout 10 openssl s_client -quiet -connect 127.0.0.1:$bed->{tls} >$dir/old.out 2>/dev/null";
$old->autoflush(1);
sleep 0.3;
$bed->certificate('second');
rename "$dir/access.log", "$dir/access.log.1";
qx{touch $dir/access.log; chown postgres $dir/access.log};
kill 'HUP', $pid;
ok $bed->until(sub { subject() =~ /CN ?= ?second/ }, 3), 'after SIGHUP the second certificate';
print $old "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
ok $bed->until(sub { Bed::slurp("$dir/old.out") =~ /200 OK/ }, 3), 'a connection made before goes on';
close $old;
$bed->ask('GET', '/v1/echo');
ok $bed->until(sub { Bed::slurp("$dir/access.log") =~ m{/v1/echo} }, 2), 'the access log is opened anew';
rename "$dir/cert.pem", "$dir/cert.away";
kill 'HUP', $pid;
ok $bed->until(sub { $bed->log =~ /reload_failed/ }, 3), 'a certificate that cannot be read is logged';
like subject(), qr/CN ?= ?second/, '... and the old one stays';
rename "$dir/cert.away", "$dir/cert.pem";
kill 'HUP', $pid for 1 .. 20;
sleep 0.3;
is $bed->ask('GET', '/v1/echo')->{status}, 200, 'many reloads';

# SIGTERM with requests under way
my @busy = map { my $s = $bed->connect; print $s $bed->request('GET', '/v1/sleep/1'); $s } 1 .. 3;
my $idle = $bed->connect;
print $idle $bed->request('GET', '/healthz');
$bed->answer($idle);
sleep 0.3;
my $t = time;
kill 'TERM', $pid;
sleep 0.2;
ok !$bed->connect, 'after SIGTERM nobody new comes in';
my $is_closed = IO::Select->new($idle)->can_read(1) && !sysread($idle, my $rest, 10);
ok $is_closed, 'idle connections are closed';
my @answers = map { $bed->answer($_, 5) } @busy;
is_deeply [ map { $_->{status} } @answers ], [ (200) x 3 ], 'requests under way are answered';
is $answers[0]{headers}{connection}, 'close', '... and their connections closed';
is $bed->stop('TERM'), 0, 'it ends with 0';
cmp_ok time - $t, '<', 2.5, 'as soon as they are done';

# a request that takes too long for the stop
$bed->start;
my $long = $bed->connect;
print $long $bed->request('GET', '/v1/sleep/15');
sleep 0.3;
$t = time;
is $bed->stop('TERM'), 0, 'a stop does not wait for ever';
cmp_ok abs(time - $t - 3), '<', 1.5, '... but stop_timeout_s';

# starting without a database, then it comes
$bed->pg('stop');
$bed->start(wait => 0);
ok $bed->until(sub { ($bed->ask('GET', '/healthz') // { status => 0 })->{status} == 200 }, 3), 'it starts without a database';
is $bed->ask('GET', '/readyz')->{status}, 503, 'not ready';
is $bed->ask('GET', '/v1/echo')->{json}{error}, 'not_ready', 'and says so';
$bed->pg('start');
ok $bed->until(sub { $bed->ask('GET', '/readyz')->{status} == 200 }, 10), 'the database comes, and it is ready';
is $bed->ask('GET', '/v1/echo')->{status}, 200, 'and serves';
is $bed->stop('INT'), 0, 'SIGINT stops it, too';
unlike $bed->log, qr/Sanitizer|door_/, 'nothing odd in the log';
done_testing;
