#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Sudo entitlements: what a command may be, that sudo itself reads what we render as it was meant, and who gets it on which servers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $admin = $w->robot('acme', 'terraform', 'owners');
my $alice = $w->client('acme', 'alice');
my ($T, $P) = ('/v1/teams/acme', '/v1/teams/acme/projects/prod');
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
sub said { my ($a) = @_; return join ' ', grep { defined } $a->{status}, $a->{json}{error} }
sub commands { return { name => 'x' . int rand 1e9, structured_commands => [@_] } }

# what a command may be, and what becomes of it
my @good = (
	[ { command => '/usr/bin/id', command_type => 'executable', args_type => 'any' }, '/usr/bin/id' ],
	[ { command => '/usr/bin/id' }, '/usr/bin/id' ],
	[ { command => '/usr/bin/id', args_type => 'none' }, '/usr/bin/id ""' ],
	[ { command => '/usr/bin/systemctl', args_type => 'custom', args => 'restart nginx.service' }, '/usr/bin/systemctl restart nginx.service' ],
	[ { command => '/usr/bin/dd', args => 'if=/dev/zero of=/x,y:z' }, '/usr/bin/dd if\=/dev/zero of\=/x\,y\:z' ],
	[ { command => '/opt/a=b/c', args_type => 'any', args => undef }, '/opt/a\=b/c' ],
	[ { command => '/opt/tools', command_type => 'directory' }, '/opt/tools/' ],
	[ { command => '/opt/tools/', command_type => 'directory', args_type => 'any' }, '/opt/tools/' ],
	[ { command => 'ALL', command_type => 'raw' }, 'ALL' ],
	[ { command => 'sudoedit /etc/hosts', command_type => 'raw' }, 'sudoedit /etc/hosts' ],
	[ { command => '/usr/bin/tail -f /var/log/app*', command_type => 'raw' }, '/usr/bin/tail -f /var/log/app*' ],
	[ { command => '/bin/x ""', command_type => 'raw' }, '/bin/x ""' ]);
my $a = $admin->call(POST => "$T/entitlements/sudo", body => { %{ commands(map { $_->[0] } @good) }, name => 'All-good' });
is said($a), '201', 'commands of all kinds' or diag $a->{text};
is $a->{json}{structured_commands}[$_]{rendered_command}, $good[$_][1], "  $good[$_][1]" for 0 .. $#good;
is_deeply [ @{ $a->{json} }{qw(opt_no_passwd opt_no_exec opt_set_env opt_run_as add_env sub_env)} ], [ $true, $false, $false, '', [], [] ], '  with the product\'s defaults';
ok $a->{json}{$_}, "  $_" for qw(created_at updated_at id);
my @bad = (
	{}, 'x', { command => 7 }, { command => '' }, { command => 'id' }, { command => '/usr/bin/id -u' }, { command => '/usr/bin/*' }, { command => '/usr/../bin/id' }, { command => '/usr/./id' }, { command => '//id' },
	{ command => '/bin/' }, { command => "/bin/id\n/bin/sh" }, { command => '/bin/id, ALL' }, { command => '/bin/id\\' }, { command => '/bin/id#x' }, { command => '!/bin/id' }, { command => '/bin/x"y' },
	{ command => '/bin/id', command_type => 'shell' }, { command => '/bin/id', args_type => 'some' }, { command => '/bin/id', args_type => 'custom' }, { command => '/bin/id', args_type => 'none', args => 'x' },
	{ command => '/bin/id', args_type => 'any', args => 'x' }, { command => '/bin/cat', args => '/var/log/*' }, { command => '/bin/cat', args => 'a?' }, { command => '/bin/cat', args => '^.*$' }, { command => '/bin/cat', args => "a\nb" },
	{ command => '/bin/cat', args => 'a, NOPASSWD' . chr(58) . ' ALL;' }, { command => '/bin/cat', args => ' a' }, { command => '/bin/cat', args => 'a "b' }, { command => '/bin/cat', args => 7 }, { command => '/opt/x', command_type => 'directory', args => 'y' },
	map({ { command => $_, command_type => 'raw' } } 'ALL, !/bin/sh', 'NOPASSWD: ALL', '!ALL', '/bin/x, /bin/y', '/bin/x a:b', '/bin/x \\', "/bin/x\nALL ALL=(ALL) ALL", 'sudoedit', '/bin/x [a-z]', '/bin/x ^a$', '/bin/../x', '/bin/x # y', '%wheel', '/bin/x "a b"', ''));
is said($admin->call(POST => "$T/entitlements/sudo", body => commands($_))), '400 structured_commands_format', 'refused: ' . JSON::PP->new->canonical->allow_nonref->encode($_) for @bad;
is $admin->call(POST => "$T/entitlements/sudo", body => commands({ command => '/bin/id' }, { command => 'id' }))->{json}{position}, 2, '  says which one';
is said($admin->call(POST => "$T/entitlements/sudo", body => { %{ commands({ command => '/bin/id' }) }, %{ $_->[0] } })), $_->[1], "  $_->[1]" for
	[ { name => 'a b' }, '400 entitlement_name_format' ], [ { name => '' }, '400 name_missing' ], [ { opt_run_as => 'root, ALL' }, '400 opt_run_as_format' ], [ { opt_run_as => '#0' }, '400 opt_run_as_format' ],
	[ { structured_commands => [] }, '400 structured_commands_missing' ], [ { add_env => ['LD_PRELOAD'] }, '400 add_env_dangerous' ], [ { add_env => ['PATH'] }, '400 add_env_dangerous' ],
	[ { add_env => ['A=B'] }, '400 add_env_format' ], [ { sub_env => ['a b'] }, '400 sub_env_format' ], [ { opt_no_exec => 'y' }, '400 opt_no_exec_format' ], [ { description => "a\nb" }, '400 description_format' ];

# sudo's own reader understands it as it was meant
{
	my $file = $w->db->folder . '/sudoers';
	open my $out, '>', $file or die $!;
	print $out 'alice ALL=(root) NOPASSWD: ', join(', ', map { $_->{rendered_command} } @{ $a->{json}{structured_commands} }), "\n";
	close $out;
	my ($rc, $json) = $w->db->command('cvtsudoers', '-c', '/dev/null', '-i', 'sudoers', '-f', 'json', $file);
	is $rc, 0, 'sudo reads what we render' or diag $json;
	my @specs = map { @{ $_->{Cmnd_Specs} } } @{ (eval { JSON::PP->new->decode($json) } // {})->{User_Specs} // [] };
	is_deeply [ map { $_->{command} =~ s/\\(.)/$1/gr } map { @{ $_->{Commands} } } @specs ], [ map { $_->[1] =~ s/\\(.)/$1/gr } @good ], '  as the same commands, one for one';
}

# objects
my $id = $a->{json}{id};
is said($admin->call(POST => "$T/entitlements/sudo", body => { %{ commands({ command => '/bin/id' }) }, name => 'ALL-GOOD' })), '409 entitlement_name_taken', 'a name is there once';
is said($admin->call(PUT => "$T/entitlements/sudo/$id", body => { description => 'now', opt_no_exec => $true, add_env => ['APP_ENV'] })), '204', 'changed';
my $now = $admin->call(GET => "$T/entitlements/sudo/$id")->{json};
is "$now->{description} $now->{opt_no_exec} @{$now->{add_env}} " . @{ $now->{structured_commands} }, 'now 1 APP_ENV ' . @good, '  and the rest stays';
my $logs = $admin->call(POST => "$T/entitlements/sudo", body => { name => 'logs', opt_run_as => 'app', structured_commands => [ { command => '/usr/bin/journalctl' } ] })->{json}{id};
is join(' ', map { $_->{name} } @{ $admin->call(GET => "$T/entitlements/sudo")->{json}{list} }), 'All-good logs', 'listed by name';
is said($alice->call(GET => "$T/entitlements/sudo")), '403 role_missing', 'not for everybody';

# effect: in the state of servers, for the users of the groups that have it, where their selector picks the server
my $web = $w->server('acme', 'prod', 'web01', body => { labels => { tier => 'web' } });
my $db = $w->server('acme', 'prod', 'db01');
sub sudo { my ($s) = @_; return join '; ', map { "$_->{name}: @{$_->{users}}" } @{ $s->call(GET => '/v1/server/state?after=0')->{json}{entitlements} } }
sub version { return $web->call(GET => '/v1/server/state?after=0')->{json}{version} }
is sudo($web), '', 'given to nobody, it does nothing';
$w->admin(q{create_group('acme', 'webbers')});
$w->admin(q{add_member('acme', 'webbers', 'bob')});
$w->admin(q{add_project_group('acme', 'prod', 'webbers', servers_selector => 'tier=web')});
my $version = version();
is said($admin->call(POST => "$P/entitlements", body => { group => 'webbers', entitlement_id => $id })), '201', 'given to a group';
is sudo($web) . '|' . sudo($db), 'All-good: bob|', '  where its selector picks the server';
cmp_ok version(), '>', $version, '  as a newer version';
is said($admin->call(POST => "$P/entitlements", body => { group => 'ops', entitlement_id => $logs, position => 5 })), '201', 'another, before it';
is sudo($web) . '|' . sudo($db), 'logs: alice; All-good: bob|logs: alice', '  in their order';
my ($e) = @{ $web->call(GET => '/v1/server/state?after=0')->{json}{entitlements} };
is_deeply [ @{$e}{qw(run_as no_passwd no_exec commands)} ], [ 'app', $true, $false, ['/usr/bin/journalctl'] ], '  with its options';
$w->admin(q{disable_user('acme', 'bob')});
is sudo($web), 'logs: alice', 'a disabled user has none';
$w->admin(q{enable_user('acme', 'bob')});
is said($admin->call(POST => "$P/entitlements", body => $_->[0])), $_->[1], "  $_->[1]" for [ { group => 'everyone', entitlement_id => $id }, '404 project_group_unknown' ],
	[ { group => 'ops', entitlement_id => Sft::Door::uuid() }, '404 entitlement_unknown' ], [ { group => 'ops', entitlement_id => $id, position => 1000 }, '400 position_format' ], [ { group => 'ops', entitlement_id => $id, x => 1 }, '400 field_unknown' ];
is join(' ', map { "$_->{name}/$_->{group}/$_->{position}" } @{ $alice->call(GET => "$P/entitlements")->{json}{list} // [] }), '', 'users without a role read nothing';
is join(' ', map { "$_->{name}/$_->{group}/$_->{position}" } @{ $admin->call(GET => "$P/entitlements")->{json}{list} }), 'logs/ops/5 All-good/webbers/100', 'who has what';
is said($admin->call(DELETE => "$P/entitlements/ops/$logs")), $_, "taken away: $_" for 204, '404 project_entitlement_unknown';
is sudo($web), 'All-good: bob', '  gone';
$w->admin(q{remove_project_group('acme', 'prod', 'webbers')});
is sudo($web), '', 'a group that leaves the project leaves them behind';
$w->admin(q{add_project_group('acme', 'prod', 'webbers')});
is sudo($web), '', '  for good';
is said($admin->call(POST => "$P/entitlements", body => { group => 'webbers', entitlement_id => $id })), '201', 'again';
is said($admin->call(DELETE => "$T/entitlements/sudo/$id")), $_, "deleted: $_" for 204, '404 entitlement_unknown';
is sudo($web), '', '  everywhere';
is scalar($w->audit("type LIKE 'entitlement_sudo.%'")), 8, 'each step is in the audit';
is scalar($w->audit('status >= 500')), 0, 'nothing was our fault';
done_testing;
