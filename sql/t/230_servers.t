#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Servers over HTTP: with an agent and without, labels by their source, lists and filters, names and their rank, bastions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $root = $w->db->root;
my $admin = $w->robot('acme', 'terraform', 'owners');
$w->admin(q{create_group('acme', 'people', '{access_user}')});
$w->admin(q{create_group('acme', 'keepers', '{server_admin}')});
$w->admin("add_member('acme', 'people', '$_')") for qw(alice bob);
my $keeper = $w->robot('acme', 'keeper', 'keepers');
my ($alice, $bob) = map { $w->client('acme', $_) } qw(alice bob);
my ($T, $P) = ('/v1/teams/acme', '/v1/teams/acme/projects/prod');
sub said { my ($a) = @_; return join ' ', grep { defined } $a->{status}, $a->{json}{error} }
sub names { my ($a) = @_; return join ' ', map { $_->{hostname} } @{ $a->{json}{list} // [] } }
sub resolved { my ($c, $name) = @_; return $c->call(POST => '/v1/resolve', body => { names => [$name], include_user_access_methods => JSON::PP::true, client_features => ['x'] })->{json}{results}[0] }
sub hops { my $r = resolved(@_); return ($r->{ambiguous} ? 'ambiguous: ' : '') . join ' ', map({ $_->{hostname} } @{ $r->{servers} }), $r->{error} // () }

# without an agent
my $b1 = $admin->call(POST => "$P/servers", body => { hostname => 'Bastion1', access_address => '198.51.100.1', alt_names => ['gate'], labels => { 'api.zone' => 'eu' } });
is said($b1), '200', 'a server without an agent';
is "$b1->{json}{hostname} $b1->{json}{managed} $b1->{json}{state} $b1->{json}{access_address} $b1->{json}{project_name}", 'bastion1 0 ACTIVE 198.51.100.1 prod', '  with its real values';
is $b1->{json}{$_}, undef, "  and no $_" for qw(os sftd_version last_seen deleted_at);
is_deeply $b1->{json}{labels}, { 'api.zone' => 'eu', 'system.os_type' => 'linux', 'system.managed' => 'false' }, '  and labels';
is said($admin->call(POST => "$P/servers", body => $_->[0])), $_->[1], "  $_->[1]" for [{}, '400 hostname_missing'], [{ hostname => 'a b' }, '400 host_name_format'],
	[{ hostname => 'x', alt_names => 'y' }, '400 alt_names_format'], [{ hostname => 'x', labels => { a => 1 } }, '400 labels_format'], [{ hostname => 'x', labels => { 'a=b' => 'c' } }, '400 labels_format'];
$root->run(q{UPDATE sft.servers SET registered_at = now() - interval '1 year' WHERE NOT managed});
is hops($alice, 'bastion1'), 'bastion1', 'its name resolves for as long as it is there';
is +(resolved($alice, 'gate.local'))->{servers}[0]{id}, $b1->{json}{id}, '  by its other name too, .local or not';
is hops($bob, 'bastion1'), '', '  and not for who may not use it';
is said($alice->credential('bastion1')), '201', '  certificates are issued for it';

# with one
my $web = $w->server('acme', 'prod', 'web01', body => { labels => { tier => 'web', 'api.zone' => 'us' }, alt_names => ['www'], bastion => 'gate' });
my $db = $w->server('acme', 'prod', 'db01', body => { canonical_name => 'database.example.com', bastion => 'web01' });
sub report
{
	my ($s, %facts) = @_;
	my $a = $s->call(POST => '/v1/server/report', body => { state_version => 0, trust_version => 0, krl_version => 0, healthy => JSON::PP::true,
		facts => { hostname => 'web01', os => 'Debian 12', %facts } });
	diag $a->{text} if $a->{status} != 204;
}
is $admin->call(GET => "$P/servers/$web->{id}")->{json}{labels}{'sftd.api.zone'}, 'us', 'an agent\'s label is an agent\'s, whatever its name';

# labels over the API
my $wrote = $admin->call(PUT => "$T/servers/$web->{id}", body => { labels => { env => 'prod', 'api.team' => 'x', 'sftd.tier' => 'db' } });
is said($wrote), '204', 'labels are set';
is_deeply $admin->call(GET => "$P/servers/$web->{id}")->{json}{labels},
	{ 'api.env' => 'prod', 'api.team' => 'x', 'api.sftd.tier' => 'db', 'sftd.tier' => 'web', 'sftd.api.zone' => 'us', 'system.os_type' => 'linux', 'system.managed' => 'true' }, '  with their source';
is said($admin->call(PUT => "$P/servers/$web->{id}", body => { labels => { env => 'test' } })), '204', 'again';
my $labels = $admin->call(GET => "$P/servers/$web->{id}")->{json}{labels};
is "$labels->{'api.env'} " . (exists $labels->{'api.team'} ? 1 : 0) . " $labels->{'sftd.tier'}", 'test 0 web', '  replaces those of the API and no other';
my ($event) = ($w->audit(q{type = 'server_labels.update'}))[-1];
is "$event->{actor} $event->{details}{labels}{'api.env'} $event->{details}{labels_before}{'api.env'} $event->{server_id}", "terraform test prod $web->{id}", '  the audit has both';
is said($keeper->call(PUT => "$T/servers/$web->{id}", body => { labels => { env => 'prod' } })), '204', 'server_admin may';
is said($alice->call(PUT => "$T/servers/$web->{id}", body => { labels => { env => 'dev' } })), '403 role_missing', '  a user may not';
is said($admin->call(PUT => "$T/servers/$_", body => { labels => {} })), '404 server_unknown', "  $_" for Sft::Door::uuid(), 'web01';
is said($admin->call(PUT => "$T/servers/$web->{id}", body => { labels => $_ })), '400 labels_format', '  malformed labels' for { a => undef }, 'x', { 'x' x 128 => 'a' }, { a => "b\n" }, { map { ("k$_" => 'v') } 1 .. 65 };

# lists
is names($admin->call(GET => "$T/servers")), 'bastion1 db01 web01', 'the team\'s servers by hostname';
is names($alice->call(GET => "$T/servers")), 'bastion1 db01 web01', '  a user\'s own';
is names($bob->call(GET => "$T/servers")), '', '  and no other';
is names($keeper->call(GET => "$P/servers")), 'bastion1 db01 web01', '  server_admin sees the project\'s';
is names($admin->call(GET => "$T/servers?credentialed=true")), '', '  credentialed: those that the caller may enter';
for (['selector=tier%3Dweb', 'web01'], ['selector=api.env%3Dprod', 'web01'], ['selector=!tier', 'bastion1 db01'], ['selector=system.managed+in+(false)', 'bastion1'], ['selector=zone+notin+(eu)', 'db01 web01'],
	['project_name=PROD', 'bastion1 db01 web01'], ['project_name=nix', ''], ['hostname=WEB01', 'web01'], ['bastion=gate', 'web01'], ['canonical_name=database.example.com', 'db01'],
	['alt_names_contains=ww', 'web01'], ['alt_names_contains=zz', ''], ['state=ACTIVE', 'bastion1 db01 web01'], ['state=inactive', ''], ['managed=false', 'bastion1'], ['contains=b0', 'db01 web01'],
	['starts_with=we', 'web01'], ['cloud_provider=aws', ''], ["id=$db->{id}", 'db01'], ['id=x', ''], ['count=2&descending=true', 'web01 db01'], ['frobnicate=1', 'bastion1 db01 web01'])
{
	is names($admin->call(GET => "$T/servers?$_->[0]")), $_->[1], "?$_->[0]";
}
is said($admin->call(GET => "$T/servers?$_")), '400 ' . (split /=/)[0] . '_format', "?$_" for 'selector=a%3D%3D%3Db', 'state=GONE', 'managed=perhaps';

# resolution
report($web, addresses => ['10.0.0.9', '203.0.113.7', '203.0.113.20', '::1', '127.0.0.1', '169.254.0.1'], labels => { tier => 'web' }, bastion => 'gate', alt_names => ['www']);
is $admin->call(GET => "$P/servers/$web->{id}")->{json}{default_address}, '203.0.113.7', 'the default address is the lowest public one';
is hops($alice, 'web01'), 'bastion1 web01', 'a bastion comes first';
is hops($alice, 'db01'), '', 'a canonical name replaces the hostname';
is hops($alice, 'database.example.com'), 'bastion1 web01 db01', 'bastions chain';
is hops($alice, '203.0.113.7'), 'bastion1 web01', 'an address is a name';
my $r = resolved($alice, 'web01');
is_deeply [ map { $_->{server_id} } @{ $r->{user_access_methods} } ], [ $web->{id} ], 'as whom: for the target';
is "$r->{user_access_methods}[0]{identity} $r->{user_access_methods}[0]{server_host_name}", 'alice web01', '  by its account';
# the better name wins among bastions: canonical name, hostname, other names
my %same = map { $_->[0] => $admin->call(POST => "$P/servers", body => { hostname => $_->[0], access_address => $_->[2], @{ $_->[1] } })->{json}{id} }
	['r4', [], 'jump.example.com'], ['r3', [alt_names => ['jump.example.com']], 'x'], ['jump.example.com', [], 'y'];
my $far = $admin->call(POST => "$P/servers", body => { hostname => 'far', bastion => 'jump.example.com' })->{json};
is hops($alice, 'jump.example.com'), 'ambiguous: ' . join(' ', map { $_->[0] } sort { $a->[1] cmp $b->[1] } map { [ $_, $same{$_} ] } keys %same), 'a target that several are is ambiguous';
is hops($alice, 'far'), 'jump.example.com far', 'among bastions the hostname beats other names';
$admin->call(DELETE => "$P/servers/$same{'jump.example.com'}");
is hops($alice, 'far'), 'r3 far', '  an alternative name an address';
$admin->call(DELETE => "$P/servers/$same{r3}");
is hops($alice, 'far'), 'r4 far', '  which is the last';
$admin->call(DELETE => "$P/servers/$same{r4}");
is hops($alice, 'far'), 'bastion_unknown', 'a bastion that is not there';
like +(resolved($alice, 'far'))->{message}, qr/through jump\.example\.com/, '  is named';
my @ring = map { $admin->call(POST => "$P/servers", body => { hostname => "ring$_", bastion => 'ring' . ($_ % 3 + 1) })->{json}{id} } 1 .. 3;
is hops($alice, 'ring1'), 'bastion_loop', 'a circle of bastions';
$admin->call(POST => "$P/servers", body => { hostname => "long$_", $_ > 1 ? (bastion => 'long' . ($_ - 1)) : () }) for 1 .. 10;
is hops($alice, 'long9'), join(' ', map { "long$_" } 1 .. 9), 'eight bastions';
is hops($alice, 'long10'), 'bastion_loop', '  and no more';
$w->admin(q{create_project('acme', 'hidden')});
$admin->call(POST => "$T/projects/hidden/servers", body => { hostname => 'secret' });
$admin->call(POST => "$P/servers", body => { hostname => 'behind', bastion => 'secret' });
is hops($alice, 'behind'), 'bastion_unknown', 'a bastion that one may not use is not there';
is said($alice->call(POST => '/v1/resolve', body => { names => [] })), '400 names_missing', 'no names';

# detail, removal
is said($alice->call(GET => "$P/servers/$web->{id}")), '200', 'a server';
is said($bob->call(GET => "$P/servers/$web->{id}")), '404 project_unknown', '  not for everybody';
is said($admin->call(GET => "$T/projects/hidden/servers/$web->{id}")), '404 server_unknown', '  nor in another project';
is said($alice->call(DELETE => "$P/servers/$web->{id}")), '403 role_missing', 'a user removes none';
is said($keeper->call(DELETE => "$P/servers/$web->{id}")), '204', 'server_admin does';
is said($keeper->call(DELETE => "$P/servers/$web->{id}")), '404 server_unknown', '  once';
is said($web->call(GET => '/v1/server/state?after=0')), '401 server_authorization_revoked', '  its agent is told';
is scalar($w->audit('status >= 500')), 0, 'nothing was our fault';
done_testing;
