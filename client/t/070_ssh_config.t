#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The printed block works in OpenSSH, and installing it never touches what the user wrote (L3).
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $p = Fake->new(servers => [ { hostname => 'web01', ssh_port => 2022, access_address => '127.0.0.9' } ])->ready;
my $home   = $p->{home};
my $config = "$home/.ssh/config";

# What ssh makes of a name, by its own word.
sub ssh_g {
    my ($name, %with) = @_;
    my ($rc, $out, $err) = Fake::run([ 'ssh', '-F', $with{config} // $config, '-G', $name ], env => { %{ $p->env }, %{ $with{env} // {} } });
    my %of = map { /^(\S+) (.*)/ ? ($1 => $2) : () } split /\n/, $out;
    return ($rc, \%of, $err);
}

my ($rc, $block, $err) = $p->sft(['ssh-config']);
is($rc, 0, 'the block is printed');
unlike($block, qr/[^\n]{400}/, 'in lines of a sane length');
($rc, my $out) = $p->sft([qw(ssh-config --install)]);
is("$rc $out", "0 $config: block written.\n", 'and installed');
is((stat "$home/.ssh")[2] & 07777, 0700, 'into a folder closed to others');
is((stat $config)[2] & 07777, 0600, 'as a file closed to others');
is(Fake::slurp($config), $block =~ s/^.*\n//r, 'as it was printed');

my ($code, $of) = ssh_g('web01');
is($of->{hostname}, '127.0.0.9', 'ours: the address');
is($of->{port}, 2022, 'the port');
is($of->{user}, 'alice', 'the account');
is($of->{hostkeyalias}, '44444444-4444-4444-8444-000000000001', "the server's id as the alias of its key");
is($of->{identitiesonly}, 'yes', 'only our key');
is($of->{userknownhostsfile}, 'none', 'no known hosts of the user');
is($of->{globalknownhostsfile}, 'none', 'nor of the system');
is($of->{stricthostkeychecking}, 'true', 'strict');
like($of->{knownhostscommand}, qr/known-hosts %H$/, 'but ours');
ok(-e $of->{certificatefile}, 'a certificate that is there');
ok(-e $of->{identityfile}, 'and a key');
my ($rc_l, $out_l) = Fake::run([ 'ssh', '-F', $config, '-G', '-l', 'bob', 'web01' ], env => $p->env);
like($out_l, qr/^user bob$/m, 'what the user says on the command line still wins');

Fake::spew("$config.foreign", "Host other\n    User carol\n    Port 99\n");
($code, $of) = ssh_g('other', config => $config);
my %ours = %$of;
is($of->{port}, 22, 'a foreign name is untouched');
ok(!$of->{knownhostscommand}, 'and not given our known hosts');

# renewing, removing, and what is around it
my $user_text = "# my own\nUser carol\nHost *.example\n    Port 99\n\n# caf\xc3\xa9 \x01\n";
my $installed = Fake::slurp($config);
Fake::spew($config, $installed . $user_text);
chmod 0640, $config;
($rc, $out) = $p->sft([qw(ssh-config --install)]);
is("$rc $out", "0 $config: nothing to change.\n", 'installing again changes nothing');
is(Fake::slurp($config), $installed . $user_text, 'not a byte');
($code, $of) = ssh_g('other');
is($of->{user}, 'carol', 'what stands below the block still holds for all hosts');
($code, $of) = ssh_g('a.example');
is($of->{port}, 99, 'and for some');
Fake::spew($config, "User dave\n" . ($installed =~ s/resolve -q/resolve --old/r) . $user_text);
chmod 0640, $config;
($rc, $out) = $p->sft([qw(ssh-config --install)]);
is(Fake::slurp($config), "User dave\n" . $installed . $user_text, 'an old block is renewed where it stands');
is((stat $config)[2] & 07777, 0640, 'with the mode that the file had');
($rc, $out) = $p->sft([qw(ssh-config --remove)]);
is("$rc $out", "0 $config: block removed.\n", 'removing');
is(Fake::slurp($config), "User dave\n" . $user_text, 'leaves exactly what the user wrote');
($rc, $out) = $p->sft([qw(ssh-config --remove)]);
is("$rc $out", "0 $config: nothing to change.\n", 'twice is fine');
Fake::spew($config, 'Host a # no newline at the end');
is((($p->sft([qw(ssh-config --install)]))[0]), 0, 'a file without a last newline');
is(Fake::slurp($config), $installed . 'Host a # no newline at the end', 'keeps it so');

# broken marks, links, others' files
for my $case ([ "# sft: end\n$user_text" => 'an end without a begin' ],
    [ "# sft: begin (sft ssh-config; changes inside are lost)\n$user_text" => 'a begin without an end' ],
    [ $installed . $installed => 'two blocks' ], [ "x\0y" => 'a NUL byte' ]) {
    Fake::spew($config, $case->[0]);
    for my $do (qw(--install --remove)) {
        ($rc, $out, $err) = $p->sft([ 'ssh-config', $do ]);
        is($rc, 1, "$case->[1]: $do refuses");
        is(Fake::slurp($config), $case->[0], 'and changes nothing');
    }
}
unlink $config;
Fake::spew("$home/dotfiles-config", $user_text);
symlink "$home/dotfiles-config", $config or die $!;
is((($p->sft([qw(ssh-config --install)]))[0]), 0, 'a link to a file elsewhere');
ok(-l $config, 'stays a link');
is(Fake::slurp("$home/dotfiles-config"), $installed . $user_text, 'and the file it points to is changed');
unlink $config;
symlink "$home/nowhere", $config or die $!;
is((($p->sft([qw(ssh-config --install)]))[0]), 1, 'a dangling link is refused');
unlink $config;
my @pids = map { my $pid = fork // die; if (!$pid) { POSIX::_exit(($p->sft([qw(ssh-config --install)]))[0]) } $pid } 1 .. 8;
is(join('', map { waitpid $_, 0; $? >> 8 } @pids), '00000000', 'eight at once');
is(Fake::slurp($config), $installed, 'make one block');

# L3: paths that need quotes, and paths that cannot be quoted
for my $name ('a b', "caf\xc3\xa9", 'x-(1)', 'a&b;c|d<e>f', 'a#b', "a,b=c") {
    my $dir = $p->path("odd $name");
    make_path("$dir/state", "$dir/bin", "$dir/run", { mode => 0700 });
    copy($Fake::SFT, "$dir/bin/sft") or die $!;
    chmod 0755, "$dir/bin/sft";
    my %env = (XDG_STATE_HOME => "$dir/state", XDG_RUNTIME_DIR => "$dir/run", XDG_CACHE_HOME => "$dir/cache");
    my %with = (program => "$dir/bin/sft", env => \%env);
    my ($first) = $p->sft([qw(enroll --token-file -)], %with, stdin => $p->token);
    my ($second) = $p->sft([qw(login --password-file -)], %with, stdin => "open sesame\n");
    my ($third, $text) = $p->sft(['ssh-config'], %with);
    is("$first $second $third", '0 0 0', "L3: all paths below '$name'");
    Fake::spew("$dir/config", $text);
    ($code, $of, $err) = ssh_g('web01', config => "$dir/config", env => \%env);
    is($of->{user}, 'alice', 'ssh finds our server through it') or diag $err, $text;
    ok(-e ($of->{identityfile} // '') || -e ($of->{identityfile} =~ s/^"|"$//gr), 'and its key') or diag $of->{identityfile};
    my ($known_rc, $known) = Fake::run([ 'sh', '-c', $of->{knownhostscommand} =~ s/%H/44444444-4444-4444-8444-000000000001/r ],
        env => { %{ $p->env }, %env });
    like($known, qr/^\@cert-authority 44444444-4444-4444-8444-000000000001 ssh-ed25519 /, 'and whom to believe');
}
for my $name ("it's", 'a"b', 'a\\b', 'a%hb', 'a$HOME', 'a`id`', "a\nb", "a\tb", 'a*b', 'a[1]') {
    my $dir = $p->path("worse $name");
    make_path("$dir/state", { mode => 0700 });
    ($rc, $out, $err) = $p->sft(['ssh-config'], env => { XDG_STATE_HOME => "$dir/state" });
    is($rc, 1, 'L3: refused: ' . JSON::PP->new->allow_nonref->encode($name)) or diag $out;
    like($err, qr/ssh_config cannot name this path/, 'and says why');
}
for my $args ([ '--account', "a'b" ], [ '--team', 'a b' ], [ '--instance', 'x"' ], [ '--config-file', 'relative' ]) {
    ($rc) = $p->sft([ @$args, 'ssh-config' ]);
    isnt($rc, 0, "@$args cannot stand in the block");
}
($rc, $out) = $p->sft([qw(--team acme ssh-config)]);
like($out, qr/--team 'acme' resolve/, 'a plain team can');

done_testing;
