#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Signing in: passwords from the terminal or a file, a forced change, the session's end.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $p = Fake->new;
is((($p->sft([qw(enroll --token-file -)], stdin => $p->token))[0]), 0, 'enrolled');
my $home = $p->{home};

Fake::spew("$home/password", "open sesame\n");
chmod 0644, "$home/password";
my ($rc, $out, $err) = $p->sft([ 'login', '--password-file', "$home/password" ]);
is($rc, 1, 'a password file that others can read is refused');
chmod 0600, "$home/password";
($rc, $out, $err) = $p->sft([ 'login', '--password-file', "$home/password" ]);
is($rc, 0, 'a private one is taken') or diag $err;
like($out, qr/^Signed in to team acme as alice until 20\d\d-\d\d-\d\dT[0-9:]+Z\.$/, 'until when');
unlike($out . $err, qr/sesame/, 'without repeating the password');

# a new password must be chosen
$p->set(must_change => 1);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 4, 'a forced change without a second line');
like($err, qr/second line/, 'says what to do');
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\ncorrect \"horse\" \\ \x{c3}\x{a9}\n");
is($rc, 0, 'with a second line the password is changed') or diag $err;
is(Fake::slurp($p->path('password')), "correct \"horse\" \\ \x{c3}\x{a9}", 'to exactly that text');
$p->set;
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 4, 'the old one is refused');

# at the terminal
SKIP: {
    eval { require IO::Pty; 1 } or skip 'no IO::Pty here', 4;
    my $ask = sub {
        my ($argv, @answers) = @_;
        my $pty = IO::Pty->new;
        my $pid = fork // die;
        if (!$pid) {
            $pty->make_slave_controlling_terminal;
            my $slave = $pty->slave;
            POSIX::dup2(fileno $slave, $_) for 0 .. 2;
            %ENV = (%ENV, %{ $p->env });
            exec $Fake::SFT, @$argv or POSIX::_exit(127);
        }
        $pty->close_slave if $pty->can('close_slave');
        my ($seen, $from) = ('', 0);
        for my $answer (@answers) {
            until (substr($seen, $from) =~ /: $/) { sysread $pty, $seen, 4096, length $seen or last }
            $from = length $seen;
            syswrite $pty, "$answer\n";
        }
        1 while sysread $pty, $seen, 4096, length $seen;
        waitpid $pid, 0;
        return ($? >> 8, $seen);
    };
    my $password = Fake::slurp($p->path('password'));
    ($rc, $out) = $ask->(['login'], $password);
    is($rc, 0, 'the password from the terminal') or diag $out;
    unlike($out, qr/horse/, 'is not shown');
    $p->set(must_change => 1);
    ($rc, $out) = $ask->(['login'], $password, 'new one', 'another');
    is($rc, 4, 'two new passwords that differ are refused');
    ($rc, $out) = $ask->(['login'], $password, 'open sesame', 'open sesame');
    is($rc, 0, 'the same twice is taken') or diag $out;
    $p->set;
    unlink glob "$p->{home}/.local/state/sft/accounts/*/session.json";
    ($rc, $out) = $ask->([qw(list-servers)], 'open sesame');
    is($rc, 0, 'a command that needs a session asks for it at a terminal');
    like($out, qr/web01/, 'and goes on');
}

# a session that has run out, by our own clock: no call is made
$p->set(session_s => -5);
is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'a session that is over at once');
$p->forget_calls;
($rc, $out, $err) = $p->sft(['list-servers']);
is($rc, 4, 'has to be renewed');
is(scalar($p->calls), 0, 'and nobody was asked about it');

# T1, clock: the platform's time is taken over for one more try
$p->set(clock => 3600);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 0, 'a clock that is off by an hour is made up for') or diag $err;
ok((grep { /client_sessions 401/ } $p->calls) == 1, 'after one refusal');
$p->set(clock => 3 * 86400);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 1, 'one that is off by days is for people to repair');
like($err, qr/clock/, 'and says so');

# the platform's TLS authority was renewed: the pinned statement key vouches for the new one
Fake::must(qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=new
    -addext subjectAltName=IP:127.0.0.1 -keyout), $p->path('new.key'), '-out', $p->path('new.pem'));
$p->set(tls => 'new');
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 7, 'another TLS certificate that the statement does not name is refused');
$p->set(tls => 'new', tls_authority => 'new', forged => 'instance', instance_version => 4);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 7, 'and so is a statement by another key that does name it');
$p->set(tls => 'new', tls_authority => 'new', instance_version => 2);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 7, 'and an older statement');
like($err, qr/older description/, 'which is called by its name');
$p->forget_calls;
$p->set(tls => 'new', tls_authority => 'new', instance_version => 4);
($rc, $out, $err) = $p->sft([qw(login --password-file -)], stdin => "open sesame\n");
is($rc, 0, 'a newer statement of the pinned key brings the new authority') or diag $err;
($rc, $out, $err) = $p->sft([qw(list-servers)]);
is($rc, 0, 'and it stays') or diag $err;

# logout
is((($p->sft([qw(resolve web01)]))[0]), 0, 'a certificate is there');
($rc, $out) = $p->sft(['logout']);
is("$rc $out", "0 Signed out of team acme.\n", 'logout');
is_deeply([ glob "$home/run/sft/*" ], [], 'removes key and certificates');
is((($p->sft(['list-servers']))[0]), 4, 'and the session');
($rc, $out) = $p->sft(['logout']);
is($rc, 0, 'a second time is fine');
is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in again');
is((($p->sft([qw(resolve web01)]))[0]), 0, 'a certificate is there');
$p->stop;
is((($p->sft(['logout']))[0]), 7, 'logout while the platform is away says so');
is_deeply([ glob "$home/run/sft/*" ], [], 'but drops key and certificates all the same');

done_testing;
