#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# resolve makes a server ready once, however many ask at once, and answers for foreign names from a list.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Time::HiRes qw(time);
use Fake;

my $p = Fake->new(servers => [ { hostname => 'web01', alt_names => ['www'], canonical_name => 'web01.example', labels => { 'sftd.zone' => 'eu' } },
    map { { hostname => "db0$_", labels => { role => $_ % 2 ? 'primary' : 'copy' }, os_type => $_ == 3 ? 'windows' : 'linux' } } 1 .. 3 ])
    ->ready;
my $home = $p->{home};
sub resolve { my (@args) = @_; return $p->sft([ 'resolve', @args ]) }
sub fingerprint { my ($file) = @_; return (split ' ', Fake::must('ssh-keygen', '-l', '-f', $file))[1] }

# a cold start of many at once: one key, one certificate for each server, and they fit
$p->forget_calls;
my @pids = map {
    my $name = $_;
    my $pid = fork // die;
    if (!$pid) { my ($rc) = resolve('-q', $name); POSIX::_exit($rc) }
    $pid
} (('web01', 'db01', 'www') x 4);
my @codes = map { waitpid $_, 0; $? >> 8 } @pids;
is("@codes", join(' ', (0) x 12), '12 cold starts at once all succeed');
is((grep { m{credentials} } $p->calls), 2, 'with one certificate for each of the two servers');
my ($key) = glob "$home/run/sft/*/key";
my @certs = glob "$home/run/sft/*/certs/*-cert.pub";
is(scalar @certs, 2, 'two certificates');
is(fingerprint($_), fingerprint("$key.pub"), 'which are for the key that is there') for @certs;
my $public = Fake::must('ssh-keygen', '-y', '-f', $key);
is((split ' ', $public)[1], (split ' ', Fake::slurp("$key.pub"))[1], 'whose two halves fit');
is((stat $_)[2] & 0777, 0600, 'closed to others: ' . s{.*/}{}r) for $key, @certs;

# warm: nothing is asked
$p->forget_calls;
my ($rc, $out, $err) = resolve('web01');
is("$rc$err", '0', 'again');
is(scalar($p->calls), 0, 'without a call');
($rc, $out) = resolve(qw(-o json web01));
my $row = JSON::PP->new->decode($out);
is_deeply([ sort keys %$row ],
    [qw(access_address certificate hostname id name project_name server_user_name ssh_port valid_before)], 'as JSON');
is($row->{server_user_name}, 'alice', 'with the account');

# what is left of a certificate decides
for my $case ([ short => 0, 'with 70 seconds of 130 left it is kept' ], [ almost_over => 1, 'with 30 seconds left it is renewed' ],
    [ this_server => 0, 'one for this server alone is good' ], [ force_command => 0, 'one with a forced command is good' ]) {
    unlink @certs;
    $p->set(certificate => $case->[0]);
    is((resolve('-q', 'web01'))[0], 0, "a certificate: $case->[0]");
    $p->set;
    $p->forget_calls;
    is((resolve('-q', 'web01'))[0], 0, 'asked for again');
    is((grep { m{credentials} } $p->calls), $case->[1], $case->[2]);
}
# a certificate file that was damaged is replaced
for my $text ('', 'garbage', "ssh-ed25519-cert-v01\@openssh.com AAAA\n", 'x' x 100_000) {
    Fake::spew($certs[0], $text);
    chmod 0600, $certs[0];
    is((resolve('-q', 'web01'))[0], 0, 'a damaged certificate file (' . length($text) . ' bytes) is replaced');
}
# and so is a key of which half is lost
unlink "$key.pub";
is((resolve('-q', 'web01'))[0], 0, 'a key without its public half is made anew');
is(fingerprint($certs[0]), fingerprint("$key.pub"), 'and the certificate with it');
chmod 0644, $key;
is((resolve('-q', 'web01'))[0], 0, 'L10: a private key that others could read is not used any more');
is((stat $key)[2] & 0777, 0600, 'a new one is closed to them');
is(fingerprint($certs[0]), fingerprint("$key.pub"), 'and has its certificate');

# names
is((resolve('-q', $_))[0], 0, "$_ is ours") for 'www', 'WEB01', 'web01.local', '44444444-4444-4444-8444-000000000001';
$p->forget_calls;
($rc, $out, $err) = resolve('-q', 'github.com');
is("$rc$out$err", '6', 'a foreign name is told by the exit code alone');
is(scalar($p->calls), 0, 'and nobody was told that it is visited');
my @times = sort { $a <=> $b } map { my $t = time; Fake::run([ $Fake::SFT, 'resolve', '-q', 'github.com' ], env => $p->env); time - $t } 1 .. 15;
note sprintf 'a foreign name takes %.1f ms with fork and temporary files of the test', 1000 * $times[7];
cmp_ok($times[0], '<', 0.25, 'in no time');

my ($names) = glob "$home/.cache/sft/*/names";
utime 1, 1, $names;
push @{ $p->{servers} }, { hostname => 'new01', id => '44444444-4444-4444-8444-000000000077' };
$p->stop; $p->start;
($rc, $out, $err) = resolve('-q', 'github.com');
is("$rc$out$err", '6', 'with an old list it is the same answer');
is(join(' ', $p->calls), 'GET /v1/teams/acme/servers?credentialed=true 200', 'after the list was fetched once');
is((resolve('-q', 'new01'))[0], 0, 'and a server that joined meanwhile is known');

# the platform is away: foreign names are not slowed for long, ours are said
utime 1, 1, $names;
$p->stop;
is((resolve('-q', 'github.com'))[0], 7, 'away: the first foreign name finds out');
($rc, $out, $err) = resolve('-q', 'github.com');
is("$rc$out$err", '6', 'the next is answered from the old list');
is((resolve('-q', 'www'))[0], 0, 'and ours from what is there');
$p->start;

# without a session nothing is asked and nothing is prompted for
unlink glob "$home/.local/state/sft/accounts/*/session.json";
utime 1, 1, $names;
$p->forget_calls;
($rc, $out, $err) = resolve('-q', 'github.com');
is("$rc$out$err", '6', 'signed out: a foreign name is no reason to sign in');
is((resolve('-q', 'web01'))[0], 0, 'a live certificate still is one');
unlink glob "$home/run/sft/*/certs/*-cert.pub";
unlink glob "$home/.cache/sft/*/targets/*";
($rc, $out, $err) = resolve('-q', 'web01');
is("$rc $err", "4 sft: You are not signed in to team acme. Sign in: sft login\n", 'without one our own name says what to do');
is(scalar($p->calls), 0, 'and nobody was asked');

# L1: names that no server can have never leave this machine
is((($p->sft([qw(login --password-file -)], stdin => "open sesame\n"))[0]), 0, 'signed in again');
$p->forget_calls;
for my $name ('-oProxyCommand=id', '-x', '', 'a;id', '$(id)', '`id`', "a\nb", 'a b', '%h', 'a\\b', 'fe80::1%eth0', '../x', 'a/b',
    'x' x 300, "\xc3\xa4.example", "a\tb", '*', '?') {
    for my $args ([ '-q', '--', $name ], [ '--', $name ]) {
        my ($code, $text, $said) = resolve(@$args);
        is($code, 6, 'L1: ' . substr(JSON::PP->new->allow_nonref->encode($name), 0, 40) . " @$args[0]") or diag $said;
    }
}
is(scalar($p->calls), 0, 'none of them was sent');
($rc, undef, $err) = $p->sft([ 'ssh', '--', '-oProxyCommand=touch pwned' ]);
is($rc, 6, 'nor reached ssh');

# lists
($rc, $out) = $p->sft([qw(list-servers)]);
is((split /\n/, $out)[0], 'HOSTNAME OS_TYPE PROJECT_NAME ACCESS_ADDRESS', 'the columns that users of the product know');
($rc, $out) = $p->sft([ 'list-servers', '-l', 'os_type=windows,project_name=prod', '--columns', 'hostname,id' ]);
is($out =~ s/ +/ /gr, "HOSTNAME ID\ndb03 44444444-4444-4444-8444-000000000004\n", 'selector and columns');
for my $case ([ 'role=primary' => 'db01 db03' ], [ 'zone=eu' => 'web01' ], [ 'sftd.zone=eu' => 'web01' ], [ 'api.zone=eu' => '' ], [ 'role!=primary' => 'web01 db02 new01' ], [ 'role in (primary, copy)' => 'db01 db02 db03' ],
    [ 'role notin (copy)' => 'web01 db01 db03 new01' ], [ 'role' => 'db01 db02 db03' ], [ '!role' => 'web01 new01' ],
    [ 'role==copy' => 'db02' ], [ 'os_type=linux,role' => 'db01 db02' ], [ 'nothing=x' => '' ]) {
    ($rc, $out) = $p->sft([ 'list-servers', '-o', 'json', '-l', $case->[0] ]);
    is(join(' ', map { $_->{hostname} } @{ JSON::PP->new->decode($out) }), $case->[1], "-l '$case->[0]'");
}
($rc, $out) = $p->sft([qw(list-servers -o describe -p prod -l role=copy)]);
like($out, qr/^hostname +db02$/m, 'describe');
($rc, $out) = $p->sft([qw(list-servers -o json -p nope)]);
is_deeply(JSON::PP->new->decode($out), [], 'another project has none');
$p->set(page => 1);
($rc, $out) = $p->sft([qw(list-servers -o json --columns hostname)]);
is(scalar @{ JSON::PP->new->decode($out) }, 5, 'all pages are read');
$p->set;
($rc, $out) = $p->sft([qw(list-projects)]);
like($out, qr/^prod /m, 'projects');

done_testing;
