#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every command explains itself, and refuses what it does not know with exit code 2.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $home = tempdir(CLEANUP => 1);
my %env  = (HOME => $home, XDG_RUNTIME_DIR => $home, XDG_CONFIG_HOME => "$home/c", XDG_STATE_HOME => "$home/s",
    XDG_CACHE_HOME => "$home/k");
sub sft { my (@args) = @_; return Fake::run([ $Fake::SFT, @args ], env => \%env) }

# What each command takes beyond the global options, and how many words.
my %commands = (
    enroll => [ [qw(--token-file --force --default)], 0 ],
    login  => [ [qw(--password-file)], 0 ],
    logout => [ [], 0 ],
    status => [ [qw(--output)], 0 ],
    whoami => [ [qw(--output)], 0 ],
    'list-servers'  => [ [qw(--output --columns --selector --project)], 0 ],
    'list-projects' => [ [qw(--output --columns --selector)], 0 ],
    'list-accounts' => [ [qw(--output --columns --selector)], 0 ],
    use          => [ [], 1 ],
    ssh          => [ [qw(--via --command --local-port-forward --remote-port-forward)], 1 ],
    resolve      => [ [qw(--quiet --output)], 1 ],
    proxycommand => [ [qw(--via)], 2 ],
    'ssh-config' => [ [qw(--via --install --remove)], 0 ],
    'known-hosts' => [ [], 1 ],
    'device-info' => [ [qw(--output)], 0 ],
    unenroll      => [ [qw(--all --yes --force)], 0 ],
    help          => [ [], 1 ],
);

my ($rc, $out, $err) = sft();
is($rc, 2, 'sft alone is a wrong command line');
like($out, qr/^usage: sft/, 'and shows the usage');
my %listed = map { $_ => 1 } $out =~ /^  ([a-z-]+) +[A-Z]/mg;
ok($listed{$_}, "the overview lists $_") for sort keys %commands;

($rc, $out) = sft('--help');
is($rc, 0, '--help is not an error');
($rc, $out) = sft('--version');
is("$rc $out", "0 sft 1.0 (wire 1)\n", '--version names the wire version');

for my $name (sort keys %commands) {
    my ($options, $words) = @{ $commands{$name} };
    my ($rc_flag, $by_flag) = sft($name, '--help');
    my ($rc_help, $by_help) = sft('help', $name);
    is($rc_flag, 0, "$name --help");
    is($by_flag, $by_help, "is what help $name says");
    like($by_flag, qr/^usage: sft $name/, 'and starts with the usage');
    like($by_flag, qr/\Q$_\E/, "$name explains $_") for @$options, qw(--account --team --instance --config-file);
    my ($rc_bad, undef, $err_bad) = sft($name, '--no-such-option');
    is($rc_bad, 2, "$name refuses an unknown option");
    like($err_bad, qr/^sft: --no-such-option: unknown option\.\nSee sft help $name\.$/m, 'by its name');
    my ($rc_words, undef, $err_words) = sft($name, ('word') x ($words + 1));
    is($rc_words, 2, "$name refuses a word too many");
    like($err_words, qr/too many words/, 'and says so');
}
for my $case ([qw(ssh)], [qw(resolve)], [qw(proxycommand)], [qw(known-hosts)]) {
    is((sft(@$case))[0], 2, "@$case without a name");
}
for my $case (
    [qw(no-such-command)], [qw(help no-such-command)], [qw(list-accounts -o xml)], [qw(list-accounts --columns)],
    [ 'list-accounts', '--columns', '' ], [ 'list-accounts', '--columns', 'id,' ], [ 'list-accounts', '-l', 'a==' ],
    [ 'list-accounts', '-l', '' ], [qw(--account)], [qw(--account a --account b status)], [qw(ssh-config --install --remove)],
    [qw(ssh-config --via x)], [ 'list-accounts', '-l', 'a in (x' ], [ 'list-accounts', '-l', ',' x 300 ],
    ) {
    my ($code, undef, $text) = sft(@$case);
    is($code, 2, "@$case: exit code 2") or diag $text;
    like($text, qr/^sft: .*\.( .*)?\nSee sft help/, 'one sentence, and where to read on') or diag $text;
}
($rc, $out, $err) = sft('device-info');
is($rc, 0, 'device-info needs no account');
is_deeply([ sort keys %{ JSON::PP->new->decode($out) } ], [qw(description encrypted hostname os)], 'and is JSON');
($rc, $out, $err) = sft('list-accounts', '-o', 'json');
is_deeply([ $rc, JSON::PP->new->decode($out) ], [ 0, [] ], 'no accounts: an empty array');
ok(!-e "$home/s", 'and looking leaves nothing behind');

# the manual knows what the program knows
SKIP: {
    my $manual = Fake::slurp("$Bin/../../docs/sft.1.scd") or skip 'no manual here', 1;
    my ($all) = (sft('help'))[1];
    my @missing = grep { $manual !~ /\*\Q$_\E\*/ } keys %commands, map({ @{ $_->[0] } } values %commands),
        $all =~ /^  ([a-z]+(?:\.[a-z_]+)?) {2,}[A-Z]/mg, $all =~ /(--[a-z-]+)/g;
    is("@missing", '', 'every command, option and key is in the manual');
}

# a full disk behind standard output must not look like success
SKIP: {
    skip 'no /dev/full here', 2 if !-e '/dev/full';
    ($rc, undef, $err) = Fake::run([ 'sh', '-c', 'exec "$0" --version >/dev/full', $Fake::SFT ]);
    is($rc, 1, 'output that could not be written is an error');
    like($err, qr/standard output: No space left/, 'and says why');
}

done_testing;
