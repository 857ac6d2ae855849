#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every exit code that the manual promises can be reached, with one line and a next step.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $p = Fake->new(servers => [ { hostname => 'web01' }, { hostname => 'twin' }, { hostname => 'twin' } ]);

sub expect {
    my ($what, $args, $code, $err_like, %with) = @_;
    my ($rc, $out, $err) = $p->sft($args, %with);
    is($rc, $code, "$what: exit code $code") or diag "$out$err";
    like($err, $err_like, 'and says so') if $err_like;
    is(($err =~ tr/\n//), $code == 2 ? 2 : 1, 'in one line') or diag $err if $code && length $err;
    return;
}

expect('not enrolled',            ['status'],        3, qr/^sft: This device is not enrolled\. .*sft enroll/);
expect('not enrolled, for ssh',   [qw(resolve -q web01)], 3, qr/^$/);
expect('nobody is at this device', ['enroll'],       1, qr/no terminal/);
expect('enrolled',                [qw(enroll --token-file -)], 0, undef, stdin => $p->token);
expect('enrolled twice',          [qw(enroll --token-file -)], 1, qr/enrolled already.*--force/, stdin => $p->token);
expect('not signed in',           ['list-servers'],  4, qr/You are not signed in to team acme\. Sign in: sft login/);
expect('not signed in, for ssh',  [qw(ssh web01)],   4, qr/sft login/);
expect('the wrong password',      [qw(login --password-file -)], 4, qr/^sft: The password is wrong\. Try again/, stdin => "nope\n");
expect('an empty password',       [qw(login --password-file -)], 1, qr/standard input/, stdin => "\n");
expect('signed in',               [qw(login --password-file -)], 0, undef, stdin => "open sesame\n");
expect('a good command',          ['list-servers'],  0);
expect('an unknown server',       [qw(resolve nope)], 6, qr/^sft: nope: There is no such server in team acme\. See sft list-servers/);
expect('two servers of a name',   [qw(resolve twin)], 6, qr/^sft: twin: 2 servers have this name\. Name it by its id/);
expect('an unknown account',      [qw(--account nope status)], 6, qr/No account fits/);
expect('an unknown team',         [qw(--team nope status)],    6, qr/No account fits/);
expect('the right team',          [qw(--team acme status)],    0);
expect('the right instance',      ['--instance', $p->url, 'status'], 0);

for my $case (
    [ 401, 'session_required', 4, qr/Sign in: sft login/ ],
    [ 401, 'key_unknown',      3, qr/sft enroll --force/ ],
    [ 401, 'clock_skew',       1, qr/Set this machine's clock/ ],
    [ 401, 'signature_invalid', 1, qr/signature_invalid/ ],
    [ 403, 'not_granted',      5, qr/Ask a team administrator/ ],
    [ 403, 'locked',           5, qr/locked/ ],
    [ 403, 'client_not_approved', 5, qr/approve/ ],
    [ 403, 'sign_in_too_old',  4, qr/sft login/ ],
    [ 404, 'server_unknown',   6, qr/server_unknown/ ],
    [ 409, 'server_ambiguous', 6, qr/by its id/ ],
    [ 409, 'request_taken',    1, qr/request_taken/ ],
    [ 426, 'wire_unknown',     8, qr/Install a newer sft/ ],
    [ 429, 'too_many_requests', 5, qr/Wait/ ],
    [ 500, 'unknown',          7, qr/later/ ],
    [ 503, 'service_offline',  7, qr/later/ ],
    [ 418, 'teapot',           1, qr/teapot/ ],
    ) {
    $p->set;
    is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in') if $case->[1] eq 'key_unknown';
    $p->set(refuse => [ $case->[0], $case->[1] ], on => 'servers');
    expect("$case->[0] $case->[1]", ['list-servers'], $case->[2], $case->[3]);
}
is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in again');
$p->set(refuse => [ 401, 'session_required' ], on => 'servers');
expect('a session that was ended there', ['list-servers'], 4, qr/sft login/);
$p->set;
$p->forget_calls;
expect('is known to be over from then on', ['list-servers'], 4, qr/not signed in/);
is(scalar($p->calls), 0, 'without asking');
is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in again');
$p->set(raw => 1, status => 500, headers => { 'X-Trace-Id' => 'abc123' }, on => 'servers');
expect('an error of the platform', ['list-servers'], 7, qr/^sft: The platform answered 500\. \(trace abc123\) Try again later\.$/);
$p->set(busy => 1, on => 'servers');
$p->forget_calls;
expect('a platform that restarts is asked once more', ['list-servers'], 0);
is(scalar($p->calls), 2, 'and then answers');
$p->set(raw => 1, status => 500, body => "\e[31mred\n\x00 not JSON", on => 'servers');
expect('an error without a body to read', ['list-servers'], 7, qr/^sft: The platform answered 500\. Try again later\.$/);
$p->set(raw => 1, status => 302, headers => { Location => 'https://127.0.0.1:1/' }, on => 'servers');
expect('a redirect', ['list-servers'], 1, qr/The platform answered 302/);
$p->set(sleep => 3, on => 'servers');
Fake::spew("$p->{home}/slow.conf", "# wait a second\nnetwork.timeout = 1\n");
expect('no answer in time', [ '--config-file', "$p->{home}/slow.conf", 'list-servers' ], 7, qr/deadline|timed out/i);
$p->set;
$p->stop;
expect('the platform is away', ['list-servers'], 7, qr{^sft: https://127\.0\.0\.1:\d+: could not reach});
$p->start;

# interrupted: whoever is asked for a password and presses ^C gets 130 and the echo back
SKIP: {
    eval { require IO::Pty; 1 } or skip 'no IO::Pty here', 4;
    my $pty = IO::Pty->new;
    my $pid = fork // die;
    if (!$pid) {
        $pty->make_slave_controlling_terminal;
        my $slave = $pty->slave;
        POSIX::dup2(fileno $slave, $_) for 0 .. 2;
        %ENV = (%ENV, %{ $p->env });
        exec $Fake::SFT, 'login' or POSIX::_exit(127);
    }
    $pty->close_slave if $pty->can('close_slave');
    my $seen = '';
    until ($seen =~ /Password of alice for team acme: /) { sysread $pty, $seen, 1000, length $seen or last }
    like($seen, qr/Password of alice for team acme: /, 'the terminal is asked for the password');
    my $stty = sub { open my $fh, '-|', 'stty', '-a', '-F', $pty->ttyname or die; local $/; return scalar <$fh> };
    like($stty->(), qr/ -echo\b/, 'without echo');
    kill INT => $pid;
    waitpid $pid, 0;
    is($? & 127, 2, 'and an interrupt ends it as an interrupt: 130 to the shell');
    like($stty->(), qr/ echo\b/, 'with the echo back');
}

done_testing;
