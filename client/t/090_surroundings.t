#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Hostile or broken surroundings: files, folders, environment (L10, L11).
use strict;
use warnings;
use File::Path qw(make_path);
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $p = Fake->new(servers => [ { hostname => 'web01' } ])->ready;
my $home    = $p->{home};
my $state   = "$home/.local/state/sft";
my ($dir)   = $p->account_dir;
my $account = $dir =~ s{.*/}{}r;

sub expect {
    my ($what, $code, $like, @more) = @_;
    my ($rc, $out, $err) = $p->sft([qw(resolve web01)], @more);
    is($rc, $code, $what) or diag "$out$err";
    like($err, $like, 'and says so') if $like;
    return;
}

expect('all is well', 0);

# L10: files and folders that others could have written or read
for my $path ($state, $dir, "$home/run/sft", "$home/run/sft/$account", "$home/run/sft/$account/certs", "$home/.cache/sft") {
    my $mode = (stat $path)[2] & 07777;
    unlink glob "$home/run/sft/*/certs/*-cert.pub";
    for my $bad (0777, 0770, 0755) {
        chmod $bad, $path;
        expect(sprintf('L10: %s with mode %o is refused', $path =~ s/\Q$home\E//r, $bad), 1, qr/wrong owner, mode or type/);
    }
    chmod $mode, $path;
}
for my $file ("$dir/device.key", "$dir/account.json") {
    chmod 0644, $file;
    unlink glob "$home/run/sft/*/certs/*-cert.pub";
    expect("L10: $file that others can read is refused", 1, qr/wrong owner, mode or type/);
    chmod 0600, $file;
    rename $file, "$file.real";
    symlink "$file.real", $file;
    unlink glob "$home/run/sft/*/certs/*-cert.pub";
    expect("L10: $file as a link to a file that others cannot read is the user's choice", 0);
    chmod 0644, "$file.real";
    unlink glob "$home/run/sft/*/certs/*-cert.pub";
    expect('but not to one that they can', 1, qr/wrong owner, mode or type/);
    chmod 0600, "$file.real";
    unlink $file;
    rename "$file.real", $file;
}
expect('put right, all is well again', 0);

# damaged state is an error with a name, never a crash
my $good = Fake::slurp("$dir/account.json");
for my $bad ('', '{', '[]', '{}', $good =~ s/"team"/"tram"/r, $good =~ s/"acme"/"..\/x"/r, $good x 2, "\0" x 100, $good =~ s/ssh-ed25519/ssh-rsa/r) {
    Fake::spew("$dir/account.json", $bad);
    chmod 0600, "$dir/account.json";
    expect('a damaged account.json: ' . substr($bad =~ s/[^ -~]+/?/gr, 0, 30), 1, qr/account\.json: /);
}
Fake::spew("$dir/account.json", $good);
chmod 0600, "$dir/account.json";
for my $file (glob("$dir/trust/*"), glob("$home/.cache/sft/*/targets/*"), glob("$home/.cache/sft/*/names"), "$dir/session.json") {
    my $text = Fake::slurp($file);
    for my $bad ('', "\0\xff garbage\n", 'x' x 100_000) {
        Fake::spew($file, $bad);
        chmod 0600, $file;
        my ($rc, $out, $err) = $p->sft([qw(resolve -q web01)]);
        cmp_ok($rc, '<', 8, 'a damaged ' . $file =~ s{.*sft/}{}r . ' does no harm') or diag $err;
    }
    Fake::spew($file, $text);
    chmod 0600, $file;
}
expect('put right, all is well again', 0);

# the configuration file
my $conf = "$home/.config/sft/sft.conf";
make_path("$home/.config/sft");
for my $case ([ "nonsense\n" => qr/line 1/ ], [ "acount = x\n" => qr/line 1: .*acount/ ], [ "network.timeout = 0\n" => qr/line 1/ ],
    [ "network.timeout = soon\n" => qr/line 1/ ], [ "ssh.program = ssh\n" => qr/absolute/ ], [ "network.forward_proxy = ftp://x\n" => qr/http:/ ],
    [ "a\0b" => qr/NUL/ ], [ "account = nope\n" => undef ]) {
    Fake::spew($conf, $case->[0]);
    my ($rc, $out, $err) = $p->sft(['status']);
    if ($case->[1]) {
        is($rc, 1, 'sft.conf: ' . $case->[0] =~ s/[^ -~]/?/gr);
        like($err, $case->[1], 'is refused by its line');
    }
    else { is($rc, 0, 'an account that is not there is no choice when only one is') }
}
Fake::spew($conf, "# fine\nnetwork.timeout = 5\n");
chmod 0666, $conf;
my ($rc, $out, $err) = $p->sft(['status']);
is($rc, 1, 'L10: a configuration that others may write is refused');
like($err, qr/others may write/, 'and says so');
chmod 0644, $conf;
is((($p->sft(['status']))[0]), 0, 'one that others may read is not');
is((($p->sft([ '--config-file', "$home/missing.conf", 'status' ]))[0]), 1, 'one that was named has to be there');
unlink $conf;

# L11: the environment
unlink glob "$home/run/sft/*/certs/*-cert.pub";
my $port = $p->{port};
expect("L11: proxies of the environment are not used", 0, undef,
    env => { HTTPS_PROXY => 'http://127.0.0.1:1', https_proxy => 'http://127.0.0.1:1', ALL_PROXY => 'http://127.0.0.1:1' });
unlink glob "$home/run/sft/*/certs/*-cert.pub";
expect('L11: keys of TLS sessions are not written', 0, undef, env => { SSLKEYLOGFILE => "$home/keylog" });
ok(!-s "$home/keylog", 'where the environment says');
unlink glob "$home/run/sft/*/certs/*-cert.pub";
expect('L11: authorities of the environment are not trusted, ours is', 0, undef,
    env => { SSL_CERT_FILE => '/dev/null', SSL_CERT_DIR => '/nonexistent', CURL_CA_BUNDLE => '/dev/null' });
make_path("$home/evil");
Fake::spew("$home/evil/ssh", "#!/bin/sh\ntouch $home/pwned\n");
chmod 0755, "$home/evil/ssh";
$p->sft([qw(ssh web01 --command true)], env => { PATH => "$home/evil:." });
ok(!-e "$home/pwned", 'L11: ssh is not looked for in PATH');
expect('L11: an odd locale', 0, undef, env => { LC_ALL => 'xx_YY.nonsense' });
expect('L11: relative XDG folders are ignored, as their rule is', 0, undef, env => { XDG_CONFIG_HOME => 'here' });

# without a usable runtime folder keys go to the state folder, with one warning
for my $run ('', 'relative', "$home/nowhere", '/tmp') {
    ($rc, $out, $err) = $p->sft([qw(resolve -q web01)], env => { XDG_RUNTIME_DIR => $run });
    is($rc, 0, "L10: XDG_RUNTIME_DIR='$run'") or diag $err;
    $run eq '' ? like($err, qr/^sft: XDG_RUNTIME_DIR is not usable; session keys are kept in \Q$state\E\/run\.$/, 'is warned about')
        : is($err, '', 'once');
}
ok(-e "$state/run/$account/key", 'the key is there');
is((stat "$state/run")[2] & 0777, 0700, 'closed to others');

# cut off between the two halves of a key pair: never halves of different pairs
Fake::spew("$home/run/sft/$account/key.pub", 'garbage');
my ($code, $pub) = Fake::run([ qw(prlimit --core=0 --fsize=100), $Fake::SFT, qw(resolve -q web01) ], env => $p->env);
isnt($code, 0, 'L10: no room for the private half');
expect('the next one works', 0);
($code, $pub) = Fake::run([ qw(ssh-keygen -y -f), "$home/run/sft/$account/key" ]);
is(join(' ', (split ' ', $pub)[ 0, 1 ]), join(' ', (split ' ', Fake::slurp("$home/run/sft/$account/key.pub"))[ 0, 1 ]), 'with a pair that fits');

# interrupted while writing: the old file or the new one, never half of it
my $broken = 0;
for my $i (1 .. 20) {
    unlink glob "$home/run/sft/*/certs/*-cert.pub";
    my $pid = fork // die;
    if (!$pid) {
        open STDERR, '>', '/dev/null';
        %ENV = (%ENV, %{ $p->env });
        exec $Fake::SFT, 'resolve', '-q', 'web01' or POSIX::_exit(127);
    }
    select undef, undef, undef, 0.004 * $i;
    kill KILL => $pid;
    waitpid $pid, 0;
    for my $cert (glob "$home/run/sft/*/certs/*-cert.pub") {
        my ($code) = Fake::run([ 'ssh-keygen', '-L', '-f', $cert ]);
        $broken++ if $code;
    }
}
is($broken, 0, 'L10: killed at twenty moments, no half certificate');
expect('and the next one works', 0);

# two accounts with the same server name: never silently the first (L16)
make_path("$state/accounts/other.example-acme", { mode => 0700 });
Fake::spew("$state/accounts/other.example-acme/account.json", $good =~ s/127\.0\.0\.1:\d+/other.example/gr);
chmod 0600, "$state/accounts/other.example-acme/account.json";
unlink "$state/default";
($rc, $out, $err) = $p->sft([qw(resolve web01)]);
is($rc, 6, 'L16: two accounts fit');
like($err, qr/Several accounts fit.*sft use/, 'and one has to be chosen');
is((($p->sft([ '--instance', $p->url, 'resolve', 'web01' ]))[0]), 0, 'by the instance');
is((($p->sft([ '--instance', $p->url, 'use' ]))[0]), 0, 'for good');
is((($p->sft([qw(resolve web01)]))[0]), 0, 'then it is the default');
($rc, $out) = $p->sft(['use']);
is($out, "$account\n", 'which use shows');

done_testing;
