#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# A platform or relay that lies: nothing of it is used, and the user is told in one line (L8, L12, T2).
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Test::More;
use Fake;

my $p = Fake->new(servers => [ { hostname => 'web01' } ])->ready;
my $home = $p->{home};
is((($p->sft([qw(resolve web01)]))[0]), 0, 'an honest platform gives a certificate');

sub forget {
    unlink glob("$home/run/sft/*/certs/*"), glob("$home/run/sft/*/known_hosts/*"), glob("$home/.cache/sft/*/targets/*"),
        glob("$home/.local/state/sft/hosts/*");
    return;
}

# The lie is refused with this code and sentence, and none of the files that ssh would read come to be.
sub is_refused {
    my ($what, $like, $code, %mode) = @_;
    forget();
    unlink glob "$home/.local/state/sft/accounts/*/trust/*" if !$mode{keep_trust};
    $p->set(%mode);
    my ($rc, $out, $err) = $p->sft([qw(resolve -q web01)]);
    is($rc, $code, "$what: exit code $code") or diag "$out$err";
    like($err, qr/^sft: [^\n]*$like[^\n]*\n\z/, 'in one line') or diag $err;
    unlike($err, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'without a control character');
    is_deeply([ glob("$home/run/sft/*/certs/*-cert.pub"), glob("$home/.local/state/sft/hosts/*.conf") ], [],
        'nothing was written for ssh to read');
    return;
}

# L8: certificates
my %refused = (
    wrong_key       => qr/it is for another key/,
    wrong_principal => qr/it is for another account/,
    other_server    => qr/it is for another account/,
    two_principals  => qr/it is for another account/,
    no_principal    => qr/principal|account/,
    ten_years       => qr/its validity is not sane/,
    two_days        => qr/its validity is not sane/,
    forever         => qr/its validity is not sane|refused/,
    expired         => qr/its validity is not sane/,
    future          => qr/its validity is not sane/,
    host_type       => qr/it is not a user certificate/,
    foreign_ca      => qr/not signed by the server's authority/,
    host_ca         => qr/not signed by the server's authority/,
    extension       => qr/an option that was not expected/,
    critical        => qr/an option that was not expected/,
    other_team      => qr/it is of another team/,
    other_project   => qr/an option that was not expected/,
    other_request   => qr/an option that was not expected/,
    no_serial       => qr/refused/,
    bad_key_id      => qr/it is of another team/,
);
is_refused("L8: $_", $refused{$_}, 7, certificate => $_) for sort keys %refused;
my $other = Fake::slurp($p->path('other.pub'));
is_refused("L8: text instead of a certificate: " . substr($_, 0, 20), qr/refused|certificate/, 7, text => $_)
    for '', 'x', 'ssh-ed25519-cert-v01@openssh.com', 'ssh-ed25519-cert-v01@openssh.com !!!!', $other, 'A' x 23000, 'A' x 30000,
    'ssh-ed25519-cert-v01@openssh.com ' . 'A' x 2000;

# sizes, shapes
is_refused('100 MiB', qr/too long/, 7, bytes => 100 * 1024 * 1024, on => 'credentials');
is_refused('a length of 100 GiB', qr/too long/, 7, raw => 1, body => '{}', length => 100 * 2**30, on => 'credentials');
is_refused('a body that ends early', qr/could not reach/, 7, raw => 1, body => '{', length => 100, on => 'credentials');
is_refused('a redirect', qr/answered 307/, 1, raw => 1, status => 307, headers => { Location => "https://127.0.0.1:1/" }, on => 'credentials');
is_refused('a page', qr/not understood/, 7, raw => 1, body => '<html>', on => 'credentials');
is_refused('JSON of other types', qr/bad "certificate"/, 7, raw => 1, body => '{"certificate":[1]}', on => 'credentials');
is_refused('deep JSON', qr/not understood/, 7, raw => 1, body => '{"a":' x 5000, on => 'credentials');
is_refused('a name twice', qr/not understood/, 7, raw => 1, body => '{"certificate":"a","certificate":"b"}', on => 'credentials');
is_refused('a NUL in a name', qr/not understood/, 7, raw => 1, body => '{"certificate\u0000":"a"}', on => 'credentials');

# statements about the server
is_refused('resolve without a signature', qr/not signed by the platform/, 7, unsigned => 'resolve');
is_refused('resolve signed by another key', qr/not signed by the platform/, 7, forged => 'resolve');
is_refused('resolve not bound to this request', qr/not signed by the platform/, 7, unbound => 'resolve');
is_refused('resolve bound to another request', qr/not signed by the platform/, 7, replayed => 'resolve');
is_refused('resolve of another path', qr/not signed by the platform/, 7, moved => 'resolve');
is_refused('resolve changed on the way', qr/not signed by the platform/, 7, alter => [ '127.0.0.1', '127.6.6.6' ], on => 'resolve');
is_refused('resolve with another version', qr/not signed by the platform/, 7, claim_version => 9);
is_refused('resolve of another kind', qr/not signed by the platform/, 7, as => 'state');
is_refused('resolve about another name', qr/bad "results"/, 7, other_name => 'web02');
is_refused('no account there', qr/You have no access to this server/, 5, no_access => 1);
# L2: accounts that a shell or ssh would read as something else
is_refused("L2: the account '$_'", qr/bad "user_access_methods"/, 7, identity => $_)
    for 'a$b', '$(id)', '-l', 'a b', 'root ', '', 'A', "a\nUser root", 'x' x 40;
# L1: the same for the address, names and ids
is_refused("L1: the address '" . substr($_, 0, 30) . "'", qr/bad "access_address"/, 7, server => { access_address => $_ })
    for '-oProxyCommand=id', "127.0.0.1\nProxyCommand id", 'a b', '', '%h', '$(id)', 'x' x 300;
is_refused('an id that is a path', qr/bad "id"/, 7, server => { id => '../../../../etc/passwd' });
is_refused('an authority that is a path', qr/bad "user_authority_id"/, 7, server => { user_authority_id => '../../x' });
is_refused('a port out of range', qr/bad "ssh_port"/, 7, server => { ssh_port => 65536 });
is_refused('a server of another team', qr/bad "team_name"/, 7, server => { team_name => 'other' });
is_refused('a server behind a bastion', qr/does not go through one yet/, 1, server => { bastion => 'b01' });

# who signs for the authority
is_refused('trust without a signature', qr/not signed by the platform/, 7, unsigned => 'trust');
is_refused('trust signed by another key', qr/not signed by the platform/, 7, forged => 'trust');
is_refused('trust of another authority', qr/not signed by the platform/, 7, moved => 'trust');
is_refused('trust that is empty', qr/not understood/, 7, trust_text => '');
is_refused('trust that is garbage', qr/not understood/, 7, trust_text => "ssh-ed25519 AAAA x/1 active\n");
is_refused('trust that names another authority', qr/not understood/, 7,
    trust_text => Fake::public_key($p->path('user_ca.pub')) . " 99999999-9999-4999-8999-999999999999/1 active\n");
is_refused('a retired key', qr/not understood/, 7,
    trust_text => Fake::public_key($p->path('user_ca.pub')) . " 22222222-2222-4222-8222-222222222222/1 retired\n");

# an older list of keys than the one already seen
forget();
$p->set(trust_version => 9);
is((($p->sft([qw(resolve web01)]))[0]), 0, 'version 9 of the list');
utime 1, 1, glob "$home/.local/state/sft/accounts/*/trust/*";
is_refused('version 8 after it', qr/older list of keys \(8\) than the one seen \(9\)/, 7, trust_version => 8, keep_trust => 1);
# a key that is newer than the list on disk makes the list be read again
forget();
$p->set(trust_version => 10, trust_key => 'evil_ca', certificate => 'foreign_ca');
is((($p->sft([qw(resolve web01)]))[0]), 0, 'a rotated key: the new list is read at once');

# L12: what others wrote is shown without its escapes
$p->set;
for my $case ([ "\e[31mred\e[0m", '?[31mred?[0m' ], [ "a\rb\bc\ad", 'a?b?c?d' ], [ "\e]0;title\a", '?]0;title?' ],
    [ "\x{202e}evil\x{2066}", '?evil?' ], [ "\x{9b}31m", '?31m' ], [ "gr\x{fc}n", "gr\x{c3}\x{bc}n" ], [ "a\nsft: forged", 'a?sft: forged' ]) {
    $p->set(refuse => [ 403, 'not_granted', $case->[0] ], on => 'servers');
    my ($rc, $out, $err) = $p->sft(['list-servers']);
    is($err, "sft: $case->[1] Ask a team administrator for access.\n", "L12: in a message: $case->[1]");
    $p->set(server => { hostname => $case->[0] });
    ($rc, $out, $err) = $p->sft([qw(list-servers --columns hostname)]);
    is($out, "HOSTNAME\n$case->[1]\n", 'and in a table');
    ($rc, $out, $err) = $p->sft([qw(list-servers -o describe --columns hostname)]);
    is($out, sprintf("%-22s %s\n", 'hostname', $case->[1]), 'and in a description');
    ($rc, $out, $err) = $p->sft([qw(list-servers -o json)]);
    is(JSON::PP->new->utf8->decode($out)->[0]{hostname}, $case->[0], 'while JSON has it all, escaped');
    unlike($out, qr/[\x00-\x09\x0b-\x1f]/, 'escaped');
}

# paging that leads away
for my $link ('<https://evil.example/v1/teams/other/servers?x>; rel="next"', '</v1/teams/acme/serversX?a>; rel="next"', '<', '<>', 'rel="next"',
    '<' . 'x' x 5000 . '>; rel="next"') {
    $p->set(raw => 1, body => '{"list":[]}', headers => { Link => $link }, on => 'servers');
    $p->forget_calls;
    is((($p->sft(['list-servers']))[0]), 0, 'a Link header: ' . substr $link, 0, 60);
    is(scalar($p->calls), 1, 'is not followed');
}
$p->set(raw => 1, body => '{"list":[]}', headers => { Link => '<' . $p->url . '/v1/teams/acme/servers?again>; rel="next"' }, on => 'servers');
$p->forget_calls;
is((($p->sft(['list-servers']))[0]), 0, 'pages without end');
is(scalar($p->calls), 100, 'are given up after a hundred');

done_testing;
