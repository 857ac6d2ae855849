#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Plain ssh, scp and rsync log in through the printed configuration, and `sft ssh` does without it.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use File::Path ();
use IO::Socket::INET;
use Socket ();
use Fake;
use Sshd;

my $ID = '44444444-4444-4444-8444-000000000001';
my $p  = Fake->new(servers => [ { hostname => 'web01', id => $ID, alt_names => ['web01.example'] }, { hostname => 'raw01' },
    { hostname => 'evil01' } ]);
my $sshd = Sshd->new(platform => $p, id => $ID);
my $raw  = Sshd->new(platform => $p, id => '44444444-4444-4444-8444-000000000002', raw => 1);
my $evil = Sshd->new(platform => $p, id => '44444444-4444-4444-8444-000000000003', ca => 'evil_ca');
$p->{servers}[0]{ssh_port} = $sshd->port;
$p->{servers}[1]{ssh_port} = $raw->port;
$p->{servers}[2]{ssh_port} = $evil->port;
$p->stop;
$p->start; # it knows the ports now
my $user = $sshd->user;
my %as = (identity => $user, principals => $user);
$p->set(%as);
$p->ready;
my $home = $p->{home};

# ssh reads the home folder of the password file, so the configuration is given by -F.
is((($p->sft([qw(ssh-config --install)]))[0]), 0, 'the block is installed');
my $config = "$home/.ssh/config";
my @ssh = ('ssh', '-F', $config, '-o', 'BatchMode=yes');
sub run { my (@argv) = @_; return Fake::run(\@argv, env => $p->env) }

my ($rc, $out, $err) = run(@ssh, 'web01', 'echo in as $(id -un)');
is($rc, 0, 'plain ssh logs in without -l and without any prompt') or diag $err, $sshd->log;
is($out, "in as $user\n", 'as the account that the platform named');
like($sshd->log, qr/ED25519-CERT .* ID sft1:acme:prod:alice:\S+ \(serial \d+\)/, 'sshd saw the certificate with its id');
unlike($err, qr/authenticity|known hosts/i, 'nobody was asked about a host key');
ok(!-e "$home/.ssh/known_hosts", 'and no known_hosts file came to be');

($rc, $out) = run(@ssh, 'web01.example', 'echo hi');
is("$rc $out", "0 hi\n", 'by another of its names');

Fake::spew("$home/file", 'contents' x 1000);
($rc, $out, $err) = run('scp', '-q', '-F', $config, '-o', 'BatchMode=yes', "$home/file", "web01:$home/copy");
is($rc, 0, 'scp works') or diag $err;
is(-s "$home/copy", 8000, 'and copies all bytes');
SKIP: {
    skip 'no rsync here', 2 if !-x '/usr/bin/rsync';
    ($rc, $out, $err) = run('rsync', '-e', "ssh -F $config -o BatchMode=yes", "$home/file", "web01:$home/copy2");
    is($rc, 0, 'rsync works') or diag $err;
    is(-s "$home/copy2", 8000, 'and copies all bytes');
}

($rc, $out, $err) = $p->sft([qw(ssh web01 --command), 'echo "it is"; id -un; exit 17']);
is($rc, 17, 'the exit code of sft ssh is that of the command');
is($out, "it is\n$user\n", 'and its output too');
($rc, $out, $err) = $p->sft([qw(ssh web01)], stdin => "echo from a shell\n");
like($out, qr/from a shell/, 'without --command there is a shell');

$p->forget_calls;
my @pids = map {
    my $pid = fork // die;
    if (!$pid) { my ($code) = run(@ssh, 'web01', 'true'); POSIX::_exit($code) }
    $pid
} 1 .. 12;
my @codes = map { waitpid $_, 0; $? >> 8 } @pids;
is("@codes", join(' ', (0) x 12), '12 ssh at once with a warm certificate');
is(scalar($p->calls), 0, 'and none of them asked the platform anything');

# the key of sft ssh is in no file
{
    unlink glob "$home/run/sft/*/key*";
    unlink glob "$home/run/sft/*/certs/*";
    my $probe = 'echo ${SSH_AUTH_SOCK:-none}; find ' . "$home/run" . ' -type f ! -path "*/known_hosts/*"; find ' . "$home/run -name 'agent.*'";
    ($rc, $out, $err) = $p->sft([ 'ssh', 'web01', '--command', $probe ]);
    is("$rc $out", "0 none\n", 'sft ssh: no key, no certificate, no agent socket on disk while it is logged in') or diag $err;
    ($rc, $out) = $p->sft([ 'ssh', 'web01', '--command', 'true' ], env => { SSH_AUTH_SOCK => '/nonexistent' });
    is($rc, 0, "L4: the user's own agent does not matter");
    my $long = "$home/" . join '/', ('deep' x 10) x 3;
    File::Path::make_path($long, { mode => 0700 });
    ($rc, $out, $err) = $p->sft([ 'ssh', 'web01', '--command', 'true' ], env => { XDG_RUNTIME_DIR => $long });
    is($rc, 0, 'a runtime folder too deep for a socket: files serve') or diag $err;
    ok((glob "$long/sft/*/key")[0], 'as one sees');
    unlink glob "$home/.local/state/sft/accounts/*/session.json";
    ($rc, $out, $err) = $p->sft([ 'ssh', 'web01', '--command', 'true' ], env => { XDG_RUNTIME_DIR => $long });
    is($rc, 0, 'signed out: a live certificate on disk is good to its end') or diag $err;
    is((($p->sft([ 'ssh', 'web01', '--command', 'true' ]))[0]), 4, 'without one it is time to sign in');
    is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in again');
}

for my $case ([ 'raw01', 'a server with a bare host key' ], [ 'evil01', "a server with another authority's certificate" ]) {
    ($rc, $out, $err) = run(@ssh, $case->[0], 'true');
    is($rc, 255, "L9: $case->[1] is refused");
    like($err, qr/Host key verification failed|certificate/i, 'by ssh, without a question');
    ($rc) = $p->sft([ 'ssh', $case->[0], '--command', 'true' ]);
    is($rc, 255, 'and by sft ssh as well');
}

# proxycommand: a byte pipe to the server's port, as for people who keep their own ssh options
my ($cert) = glob "$home/run/sft/*/certs/$ID-cert.pub";
my ($key)  = glob "$home/run/sft/*/key";
my ($account) = map { s{.*/}{}r } $p->account_dir;
($rc, $out, $err) = run('ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', "ProxyCommand=$Fake::SFT proxycommand %h", '-o',
    "IdentityFile=$key", '-o', "CertificateFile=$cert", '-o', "User=$user", '-o', "HostKeyAlias=$ID", '-o',
    "KnownHostsCommand=$Fake::SFT known-hosts %H", '-o', 'UserKnownHostsFile=none', 'web01',
    'head -c 3000000 /dev/zero | wc -c; cat');
is($rc, 0, 'sft proxycommand carries a session') or diag $err;
is($out, "3000000\n", 'with all of its bytes');
($rc, $out) = $p->sft([ 'proxycommand', 'web01' ], stdin => '');
is($rc, 0, 'L14: standard input closed at once');
like($out, qr/^SSH-2.0/, 'still shows what the server said');

($rc, $out, $err) = $p->sft([qw(proxycommand web01 1)]);
is($rc, 1, 'L14: nobody listens');
like($err, qr/^sft: 127\.0\.0\.1 port 1: Connection refused\.$/, 'and it says so');
is((($p->sft([qw(proxycommand web01 65536)]))[0]), 2, 'a port that cannot be');
($rc, $out) = Fake::run([ 'sh', '-c', '"$0" proxycommand web01 | head -c 4', $Fake::SFT ], env => $p->env, stdin => "x\n" x 10);
is("$rc $out", '0 SSH-', 'L14: a reader that leaves ends it');
{
    # a peer that resets, and one that never says anything while we are told to go
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
    my $pid = fork // die;
    if (!$pid) {
        open STDIN, '<', '/dev/zero' or die;
        open STDOUT, '>', '/dev/null' or die;
        open STDERR, '>', '/dev/null' or die;
        %ENV = (%ENV, %{ $p->env });
        exec $Fake::SFT, 'proxycommand', 'web01', $listener->sockport or POSIX::_exit(127);
    }
    my $peer = $listener->accept;
    sysread $peer, my $some, 100;
    setsockopt $peer, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0;
    close $peer;
    waitpid $pid, 0;
    cmp_ok($? & 127, '==', 0, 'L14: a reset connection is an end, not a crash');
    cmp_ok($? >> 8, '<=', 1, 'with an exit code of ours');
}

# a denial: other names stay untouched, ours says so in one line
$p->set(%as, refuse => [ 403, 'not_granted', 'You have no access to this server.' ], on => 'credentials');
unlink $cert;
($rc, $out, $err) = $p->sft([qw(resolve -q web01)]);
is($rc, 5, 'a denied server is exit code 5');
is($err, "sft: web01: You have no access to this server. Ask a team administrator for access.\n", 'in one line');

# a live certificate still opens the door when the platform is away
$p->set(%as);
is((($p->sft([qw(resolve web01)]))[0]), 0, 'a certificate again');
$p->stop;
($rc, $out) = run(@ssh, 'web01', 'echo on');
is("$rc $out", "0 on\n", 'the platform is away: logins go on while the certificate lives');

done_testing;
