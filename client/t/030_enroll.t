#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# A device is enrolled only at the platform that the invitation names, and the secret stays here.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Fake;

my $p = Fake->new;

sub enroll {
    my ($token, @more) = @_;
    return $p->sft([ qw(enroll --token-file -), @more ], stdin => "$token\n");
}

sub is_refused {
    my ($what, $token, $code, $like) = @_;
    $p->forget_calls;
    my ($rc, $out, $err) = enroll($token);
    is($rc, $code, "$what: exit code $code") or diag "$out$err";
    like($err, $like, 'and says why');
    ok(!(grep { m{/clients} } $p->calls), 'nothing was sent to enroll');
    is_deeply([ $p->account_dir ], [], 'nothing stays on disk');
    return;
}

# T5 and friends: what is no token
is_refused('an empty line', '', 1, qr/standard input/);
is_refused("garbage ($_)", $_, 1, qr/not an invitation|standard input/)
    for 'x' x 10, encode_base64('{"s":1}', ''), encode_base64('{}', ''), substr($p->token, 0, 80), $p->token . 'AA==',
    'A' x 5000, encode_base64('[1,2]', '');
is_refused('a token over plain http', $p->token(u => "http://127.0.0.1:$p->{port}"), 1, qr/not an invitation/);
is_refused('a token with a path in its address', $p->token(u => $p->url . '/x'), 1, qr/not an invitation/);
is_refused('a token for a team that cannot be', $p->token(t => '../x'), 1, qr/not an invitation/);

# G: who answers is not who the token names
is_refused('another platform', $p->token(k => Fake::hash_of(Fake::slurp($p->path('other-statement.pub')))), 7,
    qr/not the platform that the invitation names/);
for my $mode ([ unsigned => 'an answer that is not signed' ], [ forged => 'an answer signed by another key' ],
    [ moved => 'a statement about another path' ]) {
    $p->set($mode->[0] => 'instance');
    is_refused($mode->[1], $p->token, 7, qr/not the platform/);
}
$p->set(alter => [ 'fake', 'f0ke' ]);
is_refused('an answer that was changed on the way', $p->token, 7, qr/not the platform/);
$p->set(as => 'trust');
is_refused('a statement of another kind', $p->token, 7, qr/not the platform/);
$p->set(wire => [2]);
is_refused('a platform that speaks another wire version', $p->token, 8, qr/wire version/);
$p->set(bytes => 100 * 1024 * 1024, on => 'instance');
is_refused('100 MiB', $p->token, 7, qr/too long/);
$p->set(raw => 1, body => '<html>', on => 'instance');
is_refused('a page instead of an answer', $p->token, 7, qr/not understood/);

# The TLS authority that the statement pins is the only one that is spoken to.
$p->set(tls_authority => 'tls');
{
    Fake::must(qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=evil
        -addext subjectAltName=IP:127.0.0.1 -keyout), $p->path('evil-tls.key'), '-out', $p->path('evil-tls.pem'));
    $p->set(tls => 'evil-tls');
    my ($rc, $out, $err) = enroll($p->token);
    is($rc, 7, 'a relay in between that shows the true statement but has another TLS certificate: exit code 7');
    like($err, qr/TLS certificate is not the pinned authority's/, 'and says so');
    ok(!(grep { m{/clients} } $p->calls), 'the device key and the proof were not sent to it');
}

# A wrong secret is one refusal, and leaves nothing.
$p->set;
my ($rc, $out, $err) = enroll($p->token(s => 'B' x 43));
is($rc, 5, 'a wrong secret is refused');
like($err, qr/invitation cannot be used\. Ask an administrator for a new invitation/, 'with a next step');
is_deeply([ $p->account_dir ], [], 'and leaves nothing behind');

# The answer is lost after the invitation was used up: the same command finishes it.
$p->set(cut_enrollment => 1);
($rc, $out, $err) = enroll($p->token);
is($rc, 7, 'an enrollment that is cut off says that the platform could not be reached');
my ($first) = glob $p->path('client-*.pub');
$p->set(client_state => 'PENDING');
($rc, $out, $err) = enroll($p->token);
is($rc, 0, 'and is finished by the same command') or diag $err;
is_deeply([ glob $p->path('client-*.pub') ], [$first], 'with the same id and key');
my ($code) = $out =~ /^Device code: ([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})$/m;
ok($code, 'the device code is shown');
isnt($code, 'ZZZZ-ZZZZ-ZZZZ-ZZZZ', 'as computed here, not as answered');
like($out, qr/PENDING.*approve/, 'and that it waits for approval');
($rc, $out) = $p->sft(['status']);
like($out, qr/^state +PENDING$/m, 'status says so too');
like($out, qr/^code +\Q$code\E$/m, 'with the code');
$p->set;
($rc, $out) = $p->sft([qw(status -o json)]);
is(JSON::PP->new->decode($out)->{state}, 'ACTIVE', 'and notices the approval');

my $sent = Fake::slurp($p->path('client.json'));
unlike($sent, qr/\Q$p->{secret}\E/, 'the secret itself was never sent');
is_deeply([ sort keys %{ JSON::PP->new->decode($sent) } ],
    [ grep { $_ ne 'encrypted' || $sent =~ /encrypted/ } qw(description encrypted hostname id invitation os public_key) ],
    'only what the wire lists');

# files
my $dir = $p->account_dir;
is((stat "$dir/device.key")[2] & 07777, 0600, 'the device key is closed to others');
is((stat $dir)[2] & 07777, 0700, 'and so is its folder');
($rc, $out, $err) = enroll($p->token, '--force');
is($rc, 0, '--force replaces the enrollment') or diag $err;
isnt((glob $p->path('client-*.pub'))[1], undef, 'with another id and key');
($rc, $out) = $p->sft([qw(list-accounts -o json)]);
is(scalar @{ JSON::PP->new->decode($out) }, 1, 'and there is one account');
ok(JSON::PP->new->decode($out)->[0]{default}, 'which is the default');

# a --force that fails leaves the enrollment that was there
my ($before) = map { Fake::slurp("$_/account.json") } $p->account_dir;
($rc, $out, $err) = enroll($p->token(s => 'B' x 43), '--force');
is($rc, 5, '--force with a bad invitation');
is(Fake::slurp($p->account_dir . '/account.json'), $before, 'leaves the old enrollment');
$p->set(refuse => [503, 'gone'], on => '/clients$');
($rc, $out, $err) = enroll($p->token, '--force');
is($rc, 7, '--force while the platform is away');
is(Fake::slurp($p->account_dir . '/account.json'), $before, 'leaves the old enrollment');
is_deeply([ glob "$p->{home}/.local/state/sft/accounts/.old-*" ], [], 'and nothing beside it');
rename $p->account_dir, $p->account_dir =~ s{/([^/]+)$}{/.old-$1}r or die $!;
($rc, $out, $err) = enroll($p->token);
is($rc, 1, 'one that was killed midway is put back by the next try') or diag $out;
is(Fake::slurp($p->account_dir . '/account.json'), $before, 'as it was');
$p->set;

# a token file that others can read was read by others
Fake::spew("$p->{home}/token", $p->token);
chmod 0644, "$p->{home}/token";
($rc, $out, $err) = $p->sft([ 'enroll', '--force', '--token-file', "$p->{home}/token" ]);
is($rc, 1, 'a token file that is open to others is refused');
like($err, qr/wrong owner, mode or type/, 'and says so');
chmod 0600, "$p->{home}/token";
is((($p->sft([ 'enroll', '--force', '--token-file', "$p->{home}/token" ]))[0]), 0, 'a private one is taken');

mkdir "$p->{home}/.local/state/sft/hosts", 0700;
Fake::spew("$p->{home}/.local/state/sft/hosts/web01.conf", "Host web01\n");
($rc, $out) = $p->sft([qw(unenroll --yes)]);
is($rc, 0, 'unenroll');
is_deeply([ glob("$p->{home}/.local/state/sft/accounts/*"), glob("$p->{home}/run/sft/*"), glob("$p->{home}/.cache/sft/*") ], [],
    'removes all of it here');
is_deeply([ grep { !m{/accounts$|[.]lock$} } glob("$p->{home}/.local/state/sft/*") ], [], 'and names of servers, and the default');
is((($p->sft(['status']))[0]), 3, 'and then this device is not enrolled');
is((($p->sft([qw(unenroll)]))[0]), 3, 'a second time there is nothing to remove');

done_testing;
