#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Attributes change accounts on servers and never give anybody what another has or had; preauthorizations open and close access.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $T = '/v1/teams/acme';
my $root = $w->db->root;
my $alice = $w->client('acme', 'alice');
$w->admin("add_member('acme', 'ops', 'bob')");
my $server = $w->server('acme', 'prod', 'web01');
my $robot = $w->robot('acme', 'terraform', 'owners');
sub said { my ($a) = @_; return "$a->{status} " . ($a->{json}{error} // '-') }
sub attributes { my ($of, $query) = @_; return { map { $_->{attribute_name} => $_ } @{ $robot->call(GET => "$T/$of/attributes" . ($query // ''))->{json}{list} } } }
sub set { my ($of, $name, $value, %more) = @_; return $robot->call(PUT => "$T/$of/attributes/" . attributes($of)->{$name}{id}, body => { attribute_name => $name, attribute_value => $value, %more }) }
sub state_doc { return $server->call(GET => '/v1/server/state?after=0')->{json} }
sub account { my ($name) = @_; my ($u) = grep { $_->{name} eq $name } @{ state_doc()->{users} }; return $u }

# what there is before anybody says anything
my $a = attributes('users/alice');
is join(' ', sort keys %$a), 'gecos_field home_directory unix_gid unix_uid unix_user_name user_shell windows_user_name', 'a user has all attributes';
is "$a->{unix_user_name}{attribute_value} $a->{unix_uid}{attribute_value} $a->{home_directory}{attribute_value}", "alice @{[account('alice')->{uid}]} /home/alice", '  as the platform chose';
is $robot->call(GET => "$T/users/alice/attributes/$a->{unix_uid}{id}")->{json}{attribute_name}, 'unix_uid', '  each by its id';
is said($robot->call(GET => "$T/users/bob/attributes/$a->{unix_uid}{id}")), '404 attribute_unknown', '  of its own user';

# the account's name and numbers change on servers and in certificates
my $version = state_doc()->{version};
is set('users/alice', 'unix_user_name', 'al')->{status}, 204, 'a name is set';
ok !account('alice') && account('al'), '  the server is told';
cmp_ok state_doc()->{version}, '>', $version, '  by a new version';
my $c = $alice->credential($server->{id});
is "$c->{json}{server_user_name} $c->{json}{principal}", 'al al', '  certificates carry it';
is $robot->call(GET => "$T/users/alice")->{json}{server_user_name}, 'al', '  the user shows it';
my $uid = account('al')->{uid};
is set('users/alice', 'unix_uid', 70001)->{status}, 204, 'a uid is set';
is account('al')->{uid}, 70001, '  the server is told';
is account('al')->{gid}, 70001, '  the gid goes with it';
is set('users/alice', 'unix_gid', '70002')->{status}, 204, 'a gid is set, as text too';
is account('al')->{gid}, 70002, '  the server is told';
is set('users/alice', $_->[0], $_->[1])->{status}, 204, "$_->[0] is set" for [ user_shell => '/usr/bin/zsh' ], [ gecos_field => 'Alice in Ops' ], [ home_directory => '/home/wonderland' ];
is_deeply [ @{ account('al') }{qw(shell home gecos)} ], [ '/usr/bin/zsh', '/home/wonderland', 'sft acme/alice, Alice in Ops' ], '  the server is told';
is attributes('users/alice')->{unix_uid}{attribute_value}, 70001, 'a number is answered as a number';
is set('users/alice', 'user_shell', undef)->{status}, 204, 'null leaves it to the platform';
is account('al')->{shell}, '/bin/bash', '  again';

# conflicts: kept, reported, without effect; names and numbers are never another's
is set('users/bob', 'unix_user_name', 'alice')->{status}, 204, 'a name that alice had';
ok account('bob') && !account('alice'), '  changes nothing';
is attributes('users/bob')->{unix_user_name}{conflicting}, JSON::PP::true(), '  and is reported';
is join(' ', keys %{ attributes('users/bob', '?conflicting=true') }), 'unix_user_name', '  by itself with conflicting=true';
is set('users/bob', 'unix_uid', $_)->{status}, 204, "a uid that alice has or had: $_" for 70001, $uid, 70002;
isnt account('bob')->{uid}, $_, '  is not bob\'s' for 70001, $uid, 70002;
set('users/bob', 'home_directory', '/home/wonderland');
is account('bob')->{home}, '/home/bob', 'another\'s home is not bob\'s';
my @conflicts = @{ $robot->call(GET => "$T/attributes/conflicts")->{json}{list} };
is join(' ', map { "$_->{user_name}:$_->{attribute_name}" } @conflicts), 'bob:home_directory bob:unix_uid bob:unix_user_name', 'all conflicts of the team';
is set('users/bob', 'unix_user_name', 'bobby')->{status}, 204, 'another name resolves it';
ok account('bobby'), '  the server is told';
is set('users/bob', 'unix_user_name', 'bob')->{status}, 204, 'one\'s own earlier name may come back';
ok account('bob'), '  the server is told';
is said($robot->call(POST => "$T/users", body => { name => 'carol', server_user_name => 'bobby' })), '409 unix_name_taken', 'a new user gets no name that somebody had';
is $robot->call(POST => "$T/users", body => { name => 'alice@example.com' })->{json}{server_user_name}, 'alice2', '  nor by derivation';

# what is refused
my @refused = ([ unix_user_name => 'root', 'server_user_name_reserved' ], [ unix_user_name => 'A b', 'server_user_name_format' ], [ unix_user_name => 'sft_x', 'server_user_name_of_group' ],
	(map { [ unix_uid => $_, 'attribute_value_format' ] } 0, 999, 65534, 61000, 2147483647, -5, '1e9', 'x', 1000.5), [ user_shell => 'bash', 'attribute_value_format' ],
	[ user_shell => '/bin/../sh', 'attribute_value_format' ], [ home_directory => '/root', 'attribute_value_format' ], [ home_directory => '/home/../etc', 'attribute_value_format' ],
	[ gecos_field => 'a:b', 'attribute_value_format' ], [ gecos_field => "a\nb", 'attribute_value_format' ],
	[ gecos_field => "\xe9", 'attribute_value_format' ], [ gecos_field => 'x' x 61, 'attribute_value_format' ], [ windows_user_name => 'a/b', 'attribute_value_format' ]);
is said(set('users/alice', $_->[0], $_->[1])), "400 $_->[2]", "refused: $_->[0] " . ($_->[1] =~ s/\n/\\n/r) for @refused;
is said($robot->call(PUT => "$T/users/alice/attributes/$a->{unix_uid}{id}", body => {})), '400 attribute_value_missing', 'refused: nothing';

# groups
$robot->call(POST => "$T/groups", body => { name => 'dbs' });
$w->admin("add_project_group('acme', 'prod', 'dbs', create_server_group => true)");
is set('groups/dbs', 'unix_group_name', 'dbas')->{status}, 204, 'a group\'s name is set';
is set('groups/dbs', 'unix_gid', 80001)->{status}, 204, '  and its gid';
is_deeply [ map { "$_->{name} $_->{gid}" } @{ state_doc()->{groups} } ], ['dbas 80001'], '  the server is told';
is set('groups/dbs', 'unix_group_name', 'bobby')->{status}, 204, 'a name that a user had';
is state_doc()->{groups}[0]{name}, 'dbas', '  is not the group\'s';

# preauthorizations
my $P = "$T/projects/prod/preauthorizations";
$root->run(q{UPDATE sft.projects SET require_preauth_for_creds = true WHERE name = 'prod'});
is said($alice->credential($server->{id})), '403 preauth_missing', 'a project that wants a preauthorization';
my $soon = $root->value(q{SELECT to_char((now() + interval '200 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')});
is $robot->call(POST => $P, body => { user_name => 'alice', expires_at => $soon, disabled => \0, id => undef, projects => ['prod'] })->{status}, 204, 'one is made, 204';
my ($grant) = @{ $robot->call(GET => $P)->{json}{list} };
is "$grant->{user_name} @{ $grant->{projects} } $grant->{expires_at} $grant->{disabled}", "alice prod $soon 0", '  and listed';
is_deeply [ sort keys %$grant ], [qw(disabled expires_at id projects servers user_name)], '  with the fields of a Preauthorization';
my $open = $alice->credential($server->{id});
is $open->{status}, 201, '  opens';
ok $root->value("SELECT '$open->{json}{valid_before}'::timestamptz <= '$soon'"), '  no certificate outlives it';
is said($w->client('acme', 'bob')->credential($server->{id})), '403 preauth_missing', '  for nobody else';
my $closed = $robot->call(PUT => "$P/$grant->{id}", body => { %$grant, disabled => \1 });
is "$closed->{status} $closed->{json}{disabled}", '200 1', 'disabled, 200';
is said($alice->credential($server->{id})), '403 preauth_missing', '  closes';
is $root->value("SELECT count(*) FROM sftca.revocations r WHERE $open->{json}{serial} BETWEEN r.serial_from AND r.serial_to"), 1, '  and revokes what is out';
is $robot->call(GET => "$P/$grant->{id}")->{json}{disabled}, JSON::PP::true(), '  is shown so';
$robot->call(PUT => "$P/$grant->{id}", body => { disabled => \0, expires_at => undef });
is $alice->credential($server->{id})->{status}, 201, 'enabled again, without an end';
$root->run("UPDATE sft.preauthorizations SET expires_at = now() - interval '1 second'");
is said($alice->credential($server->{id})), '403 preauth_missing', 'an expired one closes by itself';
is scalar(@{ $robot->call(GET => $P)->{json}{list} }), 0, '  and is not listed';
is scalar(@{ $robot->call(GET => "$P?include_expired=true")->{json}{list} }), 1, '  unless asked for';
is said($robot->call(POST => $P, body => $_->[1])), $_->[0], "refused: $_->[0]" for [ '404 user_unknown' => { user_name => 'ghost' } ], [ '400 expires_at_format' => { user_name => 'alice', expires_at => 'soon' } ],
	[ '404 project_unknown' => { user_name => 'alice', projects => ['prod', 'nosuch'] } ], [ '400 user_name_missing' => {} ];
is said($robot->call(GET => "$P/$_")), '404 preauthorization_unknown', "refused: $_" for Sft::Door::uuid(), 'x';

# the same acts for a DBA
my $id = $w->admin(q{preauthorize('acme', 'alice', 'prod', now() + interval '1 hour')});
is $alice->credential($server->{id})->{status}, 201, 'a DBA lets alice in';
$w->admin("end_preauthorization('$id')");
is said($alice->credential($server->{id})), '403 preauth_missing', '  and out';
is $w->admin(q{set_user_attribute('acme', 'alice', 'user_shell', '/bin/dash')}), 't', 'a DBA sets an attribute';
is account('al')->{shell}, '/bin/dash', '  the server is told';
is $w->admin(q{set_user_attribute('acme', 'bob', 'unix_uid', '70001')}), 'f', '  a conflict is answered';
is $w->try_admin(q{set_user_attribute('acme', 'bob', 'shoe_size', '44')}), 'attribute_name_unknown', '  an unknown one refused';
is $w->admin(q{set_group_attribute('acme', 'dbs', 'unix_gid', '80002')}), 't', '  a group\'s too';
$w->admin(q{set_group_roles('acme', 'dbs', '{reporting_user}')});
is $w->try_admin(q{set_group_roles('acme', 'owners', '{}')}), 'group_built_in', 'a DBA sets roles, but not those of owners';
like $w->admin(q{set_team('acme', '{"client_session_duration": 120}')}), qr/"client_session_duration": 120/, 'a DBA sets a session\'s length';
is $w->try_admin(q{set_team('acme', '{"client_session_duration": 1}')}), 'client_session_duration_format', '  within bounds';
is $w->{dba}->value($_), 't', "a DBA reads: $_" for q{SELECT bool_or(conflicting) FROM sft_admin.attributes WHERE user_name = 'bob'}, q{SELECT NOT bool_or(counts) FROM sft_admin.preauthorizations},
	q{SELECT counts AND last_used_at IS NOT NULL FROM sft_admin.service_keys WHERE user_name = 'terraform'};
done_testing;
