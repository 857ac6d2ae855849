#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The product's API as its clients use it: all 73 documented calls by curl through the real gateway, compared with the
# reference (product/*.tsv), and the rules that real clients (Terraform providers, log collectors, scripts) depend on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX 'strftime';
use Sft::Api;
use Sft::Product;
use Sft::System;
use Test::More;

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $sys = Sft::System->new;
my $olga = Sft::Api->client($sys, 'olga');

# An owner makes a service user and its first key, as in the dashboard.
for ([ POST => 'service_users', { name => 'terraform' }, 201 ], [ POST => 'groups/owners/users', { name => 'terraform' }, 204 ]) {
	my ($method, $rest, $body, $want) = @$_;
	my $a = $olga->call($method, $olga->path($rest), $body);
	is $a->{status}, $want, "an owner: $method $rest" or diag $a->{text};
}
my $first = $olga->call(POST => $olga->path('service_users/terraform/keys'))->{json};
like $first->{secret} // '', qr{^[A-Za-z0-9+/]{86}==$}, 'its key: a secret of 64 bytes, shown once';
my $tf = Sft::Product->new($sys, key_id => $first->{id}, key_secret => $first->{secret});
my $rest = sub { $tf->path($_[0]) };

# --- service_token (7.3 1) --------------------------------------------------------------------------
my $a = $tf->sign_in;
is $a->{json}{team_name}, 'acme', 'service_token says the team as asked for';
cmp_ok length($tf->{bearer} // ''), '>', 40, 'a bearer';
for ([ 'another secret', { key_secret => ('A' x 86) . '==' } ], [ 'a key that nobody has', { key_id => Sft::Door::uuid() } ], [ 'no uuid', { key_id => 'x' } ], [ 'an empty secret', { key_secret => '' } ]) {
	my ($what, $change) = @$_;
	$a = $tf->ask(POST => $rest->('service_token'), { key_id => $first->{id}, key_secret => $first->{secret}, %$change }, headers => { Authorization => undef });
	like $a->{status}, qr/^40[01]$/, "service_token: $what is refused";
	is $a->{json}{bearer_token}, undef, '  with nothing to use';
	unlike $a->{text}, qr/\Q$first->{secret}\E/, '  and the secret is not said back';
}
$a = $tf->ask(POST => '/v1/teams/nosuchteam/service_token', { key_id => $first->{id}, key_secret => $first->{secret} });
is $a->{status}, 401, 'service_token of another team is 401';
is $tf->ask(POST => '/v1/teams/ACME/service_token', { key_id => $first->{id}, key_secret => $first->{secret} })->{status}, 200, 'the team\'s name in capitals';
is $tf->ask(POST => $rest->('service_token'), { key_id => $first->{id}, key_secret => $first->{secret} }, headers => { Authorization => 'Bearer gone.with.thewind' })->{status}, 200, 'service_token with an old bearer beside, as the documented curl does';

# --- every answer: rate limit headers ---------------------------------------------------------------
$a = $tf->ask(GET => $rest->('projects'));
for (qw(limit remaining reset)) {
	like $a->{headers}{"x-ratelimit-$_"} // '', qr/^\d+$/, "every answer has X-RateLimit-\u$_";
}
cmp_ok abs(($a->{headers}{'x-ratelimit-reset'} // 0) - time), '<', 3600, '  the reset is a Unix time not far away';
$a = $tf->ask(GET => $rest->('projects/nosuch'));
like $a->{headers}{'x-ratelimit-limit'} // '', qr/^\d+$/, '  an error too';

# --- service users ----------------------------------------------------------------------------------
$a = $tf->call(3, {}, { name => 'robot', '_' => undef });
is_deeply [ @{ $a->{json} }{qw(name user_type status team_name)} ], [ qw(robot service ACTIVE acme) ], 'a service user';
is $a->{json}{server_user_name}, undef, '  has nothing in server_user_name (7.3 10)';
$tf->call(3, {}, { name => 'robot' }, status => 409, name => 'again');
$tf->call(3, {}, {}, status => 400, name => 'without a name');
$tf->call(4, { user_name => 'robot' });
$tf->call(4, { user_name => 'nobody' }, undef, status => 404, name => 'unknown');
my $list = sub { map { $_->{name} // $_->{hostname} } @{ $_[0]{json}{list} // [] } };
is_deeply [ $list->($tf->call(2, {})) ], [ qw(robot terraform) ], '  listed by name';
is_deeply [ $list->($tf->call(2, {}, undef, query => 'contains=obo')) ], ['robot'], '  contains';
is_deeply [ $list->($tf->call(2, {}, undef, query => 'starts_with=ter')) ], ['terraform'], '  starts_with';
my $key = $tf->call(7, { user_name => 'robot' })->{json};
ok !$key->{expires_at}, '  a first key does not expire';
my $second = $tf->call(7, { user_name => 'robot' })->{json};
my @keys = @{ $tf->call(6, { user_name => 'robot' })->{json}{list} };
is scalar(@keys), 2, '  rotation: the old key beside the new one';
my ($old) = grep { $_->{id} eq $key->{id} } @keys;
like $old->{expires_at} // '', qr/^20/, '  the old one for some time';
is_deeply [ grep { exists $_->{secret} } @keys ], [], '  secrets are not shown again';
my $robot = Sft::Product->new($sys, key_id => $second->{id}, key_secret => $second->{secret});
$robot->sign_in;
$tf->call(8, { user_name => 'robot', key_id => $key->{id} });
$tf->call(8, { user_name => 'robot', key_id => $key->{id} }, undef, status => 404, name => 'again');
$tf->call(8, { user_name => 'terraform', key_id => $second->{id} }, undef, status => 404, name => 'another user\'s key');
is $robot->ask(GET => $robot->path('projects/prod'))->{status}, 403, '  it has no role: forbidden';
$tf->call(8, { user_name => 'robot', key_id => $second->{id} });
is $robot->ask(GET => $robot->path('projects/prod'))->{status}, 401, '  expiring a key ends the bearers issued with it at once';
$a = $tf->call(5, { user_name => 'robot' }, { name => 'robot', status => 'DELETED' });
is $a->{json}{status}, 'DELETED', '  deleted by PUT';
$a = $tf->call(4, { user_name => 'robot' }, undef, name => 'of a deleted one is 200 with its status');
is $a->{json}{status}, 'DELETED', '  (7.3 9)';
$tf->call(3, {}, { name => 'robot' }, status => 409, name => 'its name is never given again');

# --- users ------------------------------------------------------------------------------------------
is_deeply [ $list->($tf->call(14, {})) ], [ qw(alice bob olga) ], 'users by name, without services';
is_deeply [ $list->($tf->call(14, {}, undef, query => 'include_service_users=true&contains=o')) ], [ qw(bob olga terraform) ], '  with them, but not those deleted';
is_deeply [ $list->($tf->call(14, {}, undef, query => 'include_service_users=true&status=DELETED')) ], ['robot'], '  unless asked for';
is_deeply [ $list->($tf->call(14, {}, undef, query => 'status=ACTIVE&starts_with=a')) ], ['alice'], '  status and starts_with';
is_deeply [ $list->($tf->call(14, {}, undef, query => 'descending=true')) ], [ qw(olga bob alice) ], '  descending';
is $tf->call(15, { user_name => 'alice' })->{json}{user_type}, 'human', 'a user';
$tf->call(15, { user_name => 'a%20lice' }, undef, status => 404, name => 'an escaped name');
$tf->call(15, { user_name => 'terraform' }, undef, name => 'a service user is one too');
$a = $tf->call(16, { user_name => 'bob' }, { status => 'DISABLED' });
is $a->{json}{status}, 'DISABLED', '  PUT answers 200 with the user (7.3 9)';
$tf->call(16, { user_name => 'bob' }, { name => 'bob', status => 'ACTIVE', details => { first_name => 'Bob', last_name => 'B', full_name => 'Bob B', email => 'bob@example.com' }, extra => 1 });
is $tf->call(15, { user_name => 'bob' })->{json}{details}{email}, 'bob@example.com', '  details come back';
$tf->call(16, { user_name => 'bob' }, { status => 'SLEEPY' }, status => 400, name => 'a status that there is not');

# --- groups -----------------------------------------------------------------------------------------
$a = $tf->call(19, {}, { name => 'dev', roles => [] });
is_deeply $a->{json}{roles}, [], 'a group without roles has an empty list (7.3 7)';
$tf->call(19, {}, { name => 'dev' }, status => 409, name => 'again');
$tf->call(19, {}, { name => 'qa', roles => ['access_user'] });
$tf->call(19, {}, { name => 'bad', roles => ['king'] }, status => 400, name => 'a role that there is not');
$tf->call(22, { group_name => 'dev' }, { roles => [ 'reporting_user', 'access_user' ] });
is_deeply [ sort @{ $tf->call(20, { group_name => 'dev' })->{json}{roles} } ], [ 'access_user', 'reporting_user' ], '  roles by PUT';
$tf->call(22, { group_name => 'dev' }, { roles => [] });
is_deeply $tf->call(20, { group_name => 'dev' })->{json}{roles}, [], '  and none again';
is_deeply [ $list->($tf->call(18, {})) ], [ qw(dev everyone ops owners qa) ], '  listed by name';
is_deeply [ $list->($tf->call(18, {}, undef, query => 'contains=wn')) ], ['owners'], '  contains';
$tf->call(24, { group_name => 'dev' }, { name => 'bob', user_type => 'human', id => undef, '_' => 'x' });
is_deeply [ $list->($tf->call(23, { group_name => 'dev' })) ], ['bob'], '  its users';
is_deeply [ $list->($tf->call(26, { group_name => 'dev' })) ], [ qw(alice olga) ], '  and the others';
is_deeply [ $list->($tf->call(17, { user_name => 'bob' })) ], [ qw(dev everyone) ], '  a user\'s groups';
$tf->call(24, { group_name => 'dev' }, { name => 'nobody' }, status => 404, name => 'an unknown user');
$tf->call(25, { group_name => 'dev', user_name => 'bob' });
$tf->call(25, { group_name => 'dev', user_name => 'bob' }, undef, status => 404, name => 'again');
$tf->call(24, { group_name => 'dev' }, { name => 'bob' });

# --- attributes -------------------------------------------------------------------------------------
my %ua = map { $_->{attribute_name} => $_ } @{ $tf->call(30, { user_name => 'bob' })->{json}{list} };
ok $ua{$_}, "a user has the attribute $_" for qw(unix_user_name unix_uid);
$tf->call(31, { user_name => 'bob', attribute_id => $ua{unix_user_name}{id} });
$tf->call(31, { user_name => 'alice', attribute_id => $ua{unix_user_name}{id} }, undef, status => 404, name => 'another user\'s');
$tf->call(32, { user_name => 'bob', attribute_id => $ua{unix_user_name}{id} }, { attribute_name => 'unix_user_name', attribute_value => 'bobby' });
is $tf->call(31, { user_name => 'bob', attribute_id => $ua{unix_user_name}{id} })->{json}{attribute_value}, 'bobby', '  set';
$tf->call(32, { user_name => 'bob', attribute_id => $ua{unix_user_name}{id} }, { attribute_name => 'unix_user_name', attribute_value => 'root' }, status => 400, name => 'a name of the system');
$tf->call(32, { user_name => 'bob', attribute_id => $ua{unix_uid}{id} }, { attribute_name => 'unix_uid', attribute_value => 7 }, status => 400, name => 'a number too small');
my %ga = map { $_->{attribute_name} => $_ } @{ $tf->call(27, { group_name => 'dev' })->{json}{list} };
ok $ga{$_}, "a group has the attribute $_" for qw(unix_group_name unix_gid);
$tf->call(28, { group_name => 'dev', attribute_id => $ga{unix_group_name}{id} });
$tf->call(29, { group_name => 'dev', attribute_id => $ga{unix_group_name}{id} }, { attribute_name => 'unix_group_name', attribute_value => 'sft_developers' });
$tf->call(28, { group_name => 'dev', attribute_id => Sft::Door::uuid() }, undef, status => 404, name => 'unknown');
$tf->call(30, { user_name => 'bob' }, undef, query => 'conflicting=true');
$tf->call(27, { group_name => 'dev' }, undef, query => 'conflicting=true');

# --- settings, stats --------------------------------------------------------------------------------
my $settings = $tf->call(11, {})->{json};
is $settings->{client_session_duration}, 36000, 'settings: ten hours unless said otherwise';
$tf->call(12, {}, { client_session_duration => 7200, post_login_url => 'https://example.com/in' });
is_deeply [ @{ $tf->call(11, {})->{json} }{qw(client_session_duration post_login_url web_session_duration)} ], [ 7200, 'https://example.com/in', $settings->{web_session_duration} ], '  a part is enough';
$tf->call(12, {}, { post_login_url => undef });
is $tf->call(11, {})->{json}{post_login_url}, undef, '  null takes a URL away';
$tf->call(12, {}, { client_session_duration => 1 }, status => 400, name => 'a second');
$a = $tf->call(13, {});
is_deeply [ @{ $a->{json} }{qw(num_human_users num_projects num_groups)} ], [ 3, 1, 5 ], 'team_stats';

# --- projects (7.3 3, 4) ----------------------------------------------------------------------------
my %asked = (name => 'tf', create_server_users => $true, next_unix_uid => 60101, next_unix_gid => 63001, require_preauth_for_creds => $true, user_on_demand_period => 3600, '_' => undef, OIDCIssuerURL => undef);
$a = $tf->call(34, {}, \%asked);
is $a->{json}{team}, 'acme', 'a project says its team as asked for';
$tf->call(34, {}, { name => 'tf' }, status => 409, name => 'again');
$tf->call(34, {}, { name => 'a b' }, status => 400, name => 'a name with a space');
$a = $tf->call(35, { project_name => 'tf' });
is $a->{json}{$_}, $asked{$_}, "  $_ as it was set" for qw(name next_unix_uid next_unix_gid user_on_demand_period);
ok $a->{json}{create_server_users} && $a->{json}{require_preauth_for_creds}, '  truths too';
is $a->{json}{ssh_certificate_type}, 'CERT_TYPE_ED25519_01', '  ssh_certificate_type by default';
ok !exists $a->{json}{gateway_selector}, '  gateway_selector is absent until set';
is $a->{json}{$_}, $false, "  $_ is false, not null" for qw(forward_traffic rdp_session_recording ssh_session_recording);
$tf->call(37, { project_name => 'tf' }, { name => 'other', create_server_users => $true, forward_traffic => $false, next_unix_uid => 60200, next_unix_gid => 63001, rdp_session_recording => $false, require_preauth_for_creds => $false, ssh_session_recording => $false });
$a = $tf->call(35, { project_name => 'tf' });
is_deeply [ @{ $a->{json} }{qw(name next_unix_uid require_preauth_for_creds)} ], [ 'tf', 60200, $false ], '  PUT sets, and ignores a name';
$tf->call(37, { project_name => 'tf' }, { next_unix_uid => 5 }, status => 400, name => 'a uid of the system');
is_deeply [ $list->($tf->call(33, {})) ], [ qw(prod tf) ], '  listed by name';
$tf->call(33, {}, undef, query => 'self=true');
$tf->call(35, { project_name => 'nosuch' }, undef, status => 404, name => 'unknown');

# --- project groups (7.3 5, 6) ----------------------------------------------------------------------
my $pg = { group => 'dev', server_access => $true, server_admin => $false, create_server_group => $true, servers_selector => '', '_' => undef, id => undef };
$tf->call(45, { project_name => 'tf' }, $pg);
$a = $tf->call(46, { project_name => 'tf', group_name => 'dev' });
is_deeply [ @{ $a->{json} }{qw(group name server_access server_admin create_server_group servers_selector removed_at)} ], [ 'dev', 'dev', $true, $false, $true, undef, undef ], '  reads back; an empty selector as null';
$tf->call(45, { project_name => 'tf' }, { %$pg, server_admin => $true }, name => 'again updates');
ok $tf->call(46, { project_name => 'tf', group_name => 'dev' })->{json}{server_admin}, '  it did';
$tf->call(48, { project_name => 'tf', group_name => 'dev' }, { %$pg, servers_selector => 'env=prod,tier in (web,db)' });
is $tf->call(46, { project_name => 'tf', group_name => 'dev' })->{json}{servers_selector}, 'env=prod,tier in (web,db)', '  a selector by PUT';
$tf->call(48, { project_name => 'tf', group_name => 'dev' }, { %$pg, servers_selector => 'env in prod' }, status => 400, name => 'a malformed selector');
$tf->call(45, { project_name => 'tf' }, { %$pg, group => 'qa', create_server_group => $false, servers_selector => undef });
is_deeply [ map { $_->{group} } @{ $tf->call(44, { project_name => 'tf' })->{json}{list} } ], [ qw(dev qa) ], '  listed by name';
is_deeply [ map { $_->{group} } @{ $tf->call(44, { project_name => 'tf' }, undef, query => 'create_server_group=true')->{json}{list} } ], ['dev'], '  create_server_group=true (7.3 14)';
$tf->call(47, { project_name => 'tf', group_name => 'qa' });
$tf->call(47, { project_name => 'tf', group_name => 'qa' }, undef, status => 404, name => 'again');
$tf->call(45, { project_name => 'tf' }, { %$pg, group => 'nosuch' }, status => 404, name => 'an unknown group');

# --- server users, client options, cloud accounts ---------------------------------------------------
$a = $tf->call(57, { project_name => 'tf' });
is_deeply [ map { "$_->{user_name} $_->{server_user_name}" } @{ $a->{json}{list} } ], ['bob bobby'], 'server users: an attribute changed the account\'s name';
cmp_ok $a->{json}{list}[0]{unix_uid} // 0, '>=', 60001, '  with a uid';
$tf->ask(GET => $rest->('projects/tf/server_users/bob'));
$a = $tf->ask(GET => $rest->('projects/tf/server_users/bob'));
is ref $a->{json}{list}, 'HASH', '58 GET projects/{project_name}/server_users/{user_name}: one, wrapped as {"list":{…}} (documented so)';
is Sft::Product::fault('ServerUser', $a->{json}{list}), undef, '  a server user';
$tf->{walked}{58}++ if ref $a->{json}{list} eq 'HASH';
my $option = $tf->call(39, { project_name => 'tf' }, { config_key => 'ssh.port_forward_method', config_value => 'netcat' })->{json};
is_deeply [ map { $_->{config_value} } @{ $tf->call(38, { project_name => 'tf' })->{json}{list} } ], ['netcat'], 'client options';
$tf->call(40, { project_name => 'tf', client_config_options_id => $option->{id} });
$tf->call(40, { project_name => 'tf', client_config_options_id => $option->{id} }, undef, status => 404, name => 'again');
my $cloud = $tf->call(42, { project_name => 'tf' }, { provider => 'aws', account_id => '123456789012', description => 'prod' })->{json};
is_deeply [ map { $_->{account_id} } @{ $tf->call(41, { project_name => 'tf' })->{json}{list} } ], ['123456789012'], 'cloud accounts';
$tf->call(43, { project_name => 'tf', cloud_account_id => $cloud->{id} });

# --- preauthorizations ------------------------------------------------------------------------------
my $soon = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3600));
$tf->call(50, { project_name => 'tf' }, { user_name => 'bob', expires_at => $soon, disabled => $false, projects => ['tf'], servers => undef, id => undef });
my ($pre) = @{ $tf->call(49, { project_name => 'tf' })->{json}{list} };
is_deeply [ @$pre{qw(user_name disabled expires_at)} ], [ 'bob', $false, $soon ], 'a preauthorization';
$tf->call(51, { project_name => 'tf', authorization_id => $pre->{id} });
ok $tf->call(52, { project_name => 'tf', authorization_id => $pre->{id} }, { %$pre, disabled => $true })->{json}{disabled}, '  disabled by PUT';
$tf->call(51, { project_name => 'tf', authorization_id => Sft::Door::uuid() }, undef, status => 404, name => 'unknown');
$tf->call(50, { project_name => 'tf' }, { user_name => 'nobody', expires_at => $soon, projects => ['tf'] }, status => 404, name => 'an unknown user');

# --- enrollment tokens (7.3 8) ----------------------------------------------------------------------
my $token = $tf->call(54, { project_name => 'tf' }, { description => 'by terraform', id => undef, token => undef })->{json};
my $said = Sft::Door::token($token->{token});
ok $said->{s} && $said->{u} eq $sys->{url}, '  the token says secret and URL, as its readers expect';
is $tf->call(55, { project_name => 'tf', server_enrollment_token_id => $token->{id} })->{json}{token}, $token->{token}, '  it can be read again';
is scalar(@{ $tf->call(53, { project_name => 'tf' })->{json}{list} }), 1, '  and listed';
$tf->call(56, { project_name => 'tf', server_enrollment_token_id => $token->{id} });
$tf->call(55, { project_name => 'tf', server_enrollment_token_id => $token->{id} }, undef, status => 404, name => 'deleted');

# --- servers (7.3 22) -------------------------------------------------------------------------------
my $bastion = $tf->call(60, { project_name => 'tf' }, { hostname => 'bastion1', access_address => '192.0.2.7', alt_names => ['jump'] })->{json};
is_deeply [ @$bastion{qw(hostname access_address managed project_name team_name)} ], [ 'bastion1', '192.0.2.7', $false, 'tf', 'acme' ], 'an unmanaged server';
$tf->call(60, { project_name => 'tf' }, { hostname => 'a00', access_address => '192.0.2.8' });
is_deeply [ $list->($tf->call(59, { project_name => 'tf' })) ], [ qw(a00 bastion1) ], '  listed by name';
is_deeply [ $list->($tf->call(9, {}, undef, query => 'project_name=tf&alt_names_contains=jump')) ], ['bastion1'], '  in the team\'s list, filtered';
is_deeply [ $list->($tf->call(9, {}, undef, query => 'hostname=a00&state=ACTIVE')) ], ['a00'], '  by name and state';
$tf->call(61, { project_name => 'tf', server_id => $bastion->{id} });
$tf->call(61, { project_name => 'prod', server_id => $bastion->{id} }, undef, status => 404, name => 'in another project');
$tf->call(63, { project_name => 'tf', server_id => $bastion->{id} }, { labels => { 'api.env' => 'prod' } });
is $tf->call(61, { project_name => 'tf', server_id => $bastion->{id} })->{json}{labels}{'api.env'}, 'prod', '  labels';
$tf->call(10, { server_id => $bastion->{id} }, { labels => { 'api.env' => 'test' } });
is_deeply [ $list->($tf->call(9, {}, undef, query => 'selector=api.env%3Dtest')) ], ['bastion1'], '  and a selector finds them';
$tf->call(62, { project_name => 'tf', server_id => $bastion->{id} });
$tf->call(61, { project_name => 'tf', server_id => $bastion->{id} }, undef, status => 404, name => 'deleted');

# --- sudo entitlements ------------------------------------------------------------------------------
my $sudo = { name => 'restart', description => 'web', opt_no_exec => $false, opt_no_passwd => $true, opt_run_as => 'root', opt_set_env => $false, add_env => [], sub_env => ['LANG'],
	structured_commands => [ { command => '/usr/bin/systemctl', command_type => 'executable', args => 'restart nginx', args_type => 'custom' } ] };
my $ent = $tf->call(65, {}, $sudo)->{json};
is $ent->{structured_commands}[0]{rendered_command}, '/usr/bin/systemctl restart nginx', 'a sudo entitlement, its command rendered';
is $tf->call(66, { sudo_id => $ent->{id} })->{json}{name}, 'restart', '  by id';
$tf->call(68, { sudo_id => $ent->{id} }, { %$sudo, description => 'nginx' });
is_deeply [ map { $_->{description} } @{ $tf->call(64, {})->{json}{list} } ], ['nginx'], '  updated, listed';
$tf->call(65, {}, { %$sudo, name => 'bad', structured_commands => [ { command => 'rm -rf /', command_type => 'executable', args_type => 'any' } ] }, status => 400, name => 'a command that is no path');
$tf->call(67, { sudo_id => $ent->{id} });
$tf->call(66, { sudo_id => $ent->{id} }, undef, status => 404, name => 'deleted');

# --- clients ----------------------------------------------------------------------------------------
my $bobs = Sft::Api->client($sys, 'bob');
my @clients = @{ $tf->call(69, {}, undef, query => 'all=true')->{json}{list} };
is_deeply [ sort map { $_->{user_name} } @clients ], [ qw(bob olga) ], 'clients of the whole team';
is_deeply [ map { $_->{user_name} } @{ $tf->call(69, {}, undef, query => 'all=true&username=bob&state=ACTIVE')->{json}{list} } ], ['bob'], '  by user and state';
is $tf->call(70, { client_id => $bobs->{id} })->{json}{state}, 'ACTIVE', '  one';
$tf->call(72, { client_id => $bobs->{id} }, { state => 'PENDING' });
is $tf->call(70, { client_id => $bobs->{id} })->{json}{state}, 'PENDING', '  back to waiting';
$tf->call(71, { client_id => $bobs->{id} });
$tf->call(71, { client_id => $bobs->{id} }, undef, status => 404, name => 'again');
$tf->call(70, { client_id => Sft::Door::uuid() }, undef, status => 404, name => 'unknown');

# --- what the objects do, seen from outside ---------------------------------------------------------
$tf->call(34, {}, { name => 'eff', create_server_users => $true });
$tf->call(45, { project_name => 'eff' }, { %$pg, servers_selector => 'api.env=prod' });
my $bob = Sft::Api->client($sys, 'bob');
my $host = sub {
	my ($name, %labels) = @_;
	my $t = Sft::Door::token($tf->ask(POST => $rest->('projects/eff/server_enrollment_tokens'), { description => $name })->{json}{token});
	my ($key, $id) = (Sft::Key->new($sys->folder), Sft::Door::uuid());
	my $server = Sft::Api->new($sys, "server/$id", $key, id => $id);
	my $a = $server->call(POST => '/v1/servers/enroll', { id => $id, public_key => $key->public, token => { id => $t->{i}, mac => $key->mac($t->{s}, $id) }, hostname => $name,
		os => 'Debian 12', os_type => 'linux', sftd_version => '1.0', ssh_port => 22, alt_names => [], ssh_host_keys => [], labels => {} });
	is $a->{status}, 201, "$name joins with a token made by the API" or diag $a->{text};
	$tf->call(63, { project_name => 'eff', server_id => $id }, { labels => \%labels });
	return $server;
};
my %host = (prod => $host->('p01', 'api.env' => 'prod'), test => $host->('t01', 'api.env' => 'test'));
my $enter = sub { my ($server) = @_; my $a = $bob->call(POST => $bob->path('credentials'), { kind => 'ssh_user', server => $server, public_key => Sft::Key->new($sys->folder, 'ed25519')->public }); return $a->{status} . ($a->{json}{error} ? " $a->{json}{error}" : '') };
is $enter->('p01'), 201, 'a selector lets bob into the servers that it names';
like $enter->('t01'), qr/^(403 not_granted|404 server_unknown)$/, '  and into no other';
my $accounts = sub { join ' ', map { $_->{name} } @{ $host{ $_[0] }->call(GET => '/v1/server/state')->{json}{users} } };
is $accounts->('prod'), 'bobby', '  there the account has the name that the attribute says';
is $accounts->('test'), '', '  elsewhere there is none';
$tf->call(63, { project_name => 'eff', server_id => $host{test}{id} }, { labels => { 'api.env' => 'prod' } });
is $enter->('t01'), 201, '  until its label changes';
$tf->call(37, { project_name => 'eff' }, { require_preauth_for_creds => $true });
like $enter->('p01'), qr/^403 /, 'a project that wants preauthorization is closed';
$tf->call(50, { project_name => 'eff' }, { user_name => 'bob', expires_at => $soon, projects => ['eff'], disabled => $false });
is $enter->('p01'), 201, '  a preauthorization opens it';
($pre) = grep { !$_->{disabled} } @{ $tf->call(49, { project_name => 'eff' })->{json}{list} };
$tf->call(52, { project_name => 'eff', authorization_id => $pre->{id} }, { %$pre, disabled => $true });
like $enter->('p01'), qr/^403 /, '  and disabled closes it again';
$tf->call(12, {}, { client_session_duration => 1800 });
my $again = $bob->call(POST => $bob->path('client_sessions'), { password => 'correct horse bob battery' })->{json};
like +($again->{expires_at} // '') . ' ' . ($again->{signed_in_at} // ''), qr/^\S+ \S+$/, 'a new session';
is $sys->value("SELECT extract(epoch FROM '$again->{expires_at}'::timestamptz - '$again->{signed_in_at}'::timestamptz)::int"), 1800, '  is as long as the settings say';
$tf->call(16, { user_name => 'bob' }, { status => 'DISABLED' });
like $enter->('p01'), qr/^40[13] /, 'a disabled user gets nothing';
$tf->call(16, { user_name => 'bob' }, { status => 'ACTIVE' });
$tf->call(36, { project_name => 'eff' });

# --- auditsV2, as a log collector reads it (6.6) ----------------------------------------------------
my ($newest) = @{ $tf->call(73, {}, undef, query => 'count=1&descending=true')->{json}{list} };
ok $newest->{id} && $newest->{details}{type}, 'auditsV2: the newest event';
$tf->call(19, {}, { name => 'audited' });
$a = $tf->call(73, {}, undef, query => 'offset=' . ($newest->{id} =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger));
is_deeply [ grep { $_ eq 'group.create' } map { $_->{details}{type} } @{ $a->{json}{list} } ], ['group.create'], '  and what came after it';
is ref $a->{json}{related_objects}, 'HASH', '  with related_objects';
my ($made) = grep { $_->{details}{type} eq 'group.create' } @{ $a->{json}{list} };
is $a->{json}{related_objects}{ $made->{details}{actor} }{object}{name}, 'terraform', '  in which the actor is found';

# --- deleting what was made -------------------------------------------------------------------------
$token = $tf->call(54, { project_name => 'tf' }, { description => 'left' })->{json};
$tf->call(36, { project_name => 'tf' });
$tf->call(36, { project_name => 'tf' }, undef, status => 404, name => 'again');
$tf->call(55, { project_name => 'tf', server_enrollment_token_id => $token->{id} }, undef, status => 404, name => 'with the project its tokens are gone (7.3 8)');
$a = $tf->ask(GET => $rest->('projects/tf'));
ok $a->{status} == 404 || $a->{status} == 200 && $a->{json}{deleted_at}, 'a deleted project is 404, or says when';
$tf->call(21, { group_name => 'dev' });
$tf->call(20, { group_name => 'dev' }, undef, status => 404, name => 'deleted');
$tf->call(21, { group_name => 'everyone' }, undef, status => 403, name => 'built in');
is_deeply [ grep { !$tf->{walked}{$_} } 1 .. 73 ], [], 'all 73 documented calls were made and answered as documented';

# --- paging by Link ---------------------------------------------------------------------------------
$tf->ask(POST => $rest->('groups'), { name => "page$_" }) for 1 .. 5;
my ($url, @pages) = ($rest->('groups?contains=page&count=2'));
while ($url && @pages < 5) {
	$a = $tf->ask(GET => $url);
	push @pages, join ' ', $list->($a);
	is Sft::Product::unruly($a), undef, 'a page keeps the rules';
	($url) = ($a->{headers}{link} // '') =~ /<([^>]+)>; *rel="next"/;
	$url =~ s{^https://[^/]+}{} if $url;
}
is_deeply \@pages, [ 'page1 page2', 'page3 page4', 'page5' ], 'pages by rel="next", the filter carried along';
ok !exists $a->{headers}{link}, '  the last has no Link at all (7.3 12)';
$a = $tf->ask(GET => $rest->('groups?contains=page&count=2&descending=true'));
is_deeply [ $list->($a) ], [ qw(page5 page4) ], '  descending';
($url) = ($a->{headers}{link} // '') =~ /<https:\/\/[^\/]+([^>]+)>; *rel="next"/;
is_deeply [ $list->($tf->ask(GET => $url)) ], [ qw(page3 page2) ], '  and on';
is $tf->ask(GET => $rest->("groups?$_"))->{status}, 400, "?$_ is refused" for 'count=0', 'count=x', 'descending=maybe';

# --- leniency ---------------------------------------------------------------------------------------
is $tf->ask(GET => $rest->('servers/'))->{status}, 200, 'a slash at the end';
is $tf->ask(GET => $rest->('groups/'))->{status}, 200, '  of any list';
$a = $tf->ask(GET => '/v1/teams//projects/x');
is "$a->{status} $a->{json}{type}", '404 resource_does_not_exist', 'an empty segment is a 404 in JSON (7.3 17)';
is Sft::Product::unruly($a), undef, '  an object that keeps the rules';
for my $type ('application/JSON; charset=utf-8', 'application/x-www-form-urlencoded', 'text/json', undef) {
	$a = $tf->ask(PUT => $rest->('groups/page1'), { roles => [] }, headers => { 'Content-Type' => $type });
	is $a->{status}, 204, 'a body as ' . ($type // 'nothing') or diag $a->{text};
}
$a = $tf->ask(PUT => $rest->('groups/page1'), '[]');
is "$a->{status} $a->{json}{type}", '415 unsupported_content_type', 'a body that is no object is 415';
$a = $tf->ask(PUT => $rest->('groups/page1'), '{"roles":');
is "$a->{status} $a->{json}{type}", '415 unsupported_content_type', 'and one that is no JSON';
{
	my $bearer = $tf->{bearer};
	local $tf->{bearer};
	is $tf->ask(GET => $rest->('groups/page1'), undef, headers => { aUTHORIZATION => "Bearer $bearer" })->{status}, 200, 'header names in any case';
}
is $tf->ask(GET => $rest->('groups'), undef, headers => { 'Accept-Encoding' => 'gzip, deflate' })->{status}, 200, 'Accept-Encoding is optional to heed';
$a = $tf->ask(HEAD => $rest->('groups'));
like $a->{headers}{allow} // '', qr/\bGET\b.*\bPOST\b/, 'a method that a path has not: the answer says which it has' if $a->{status} == 405;
$a = $tf->ask(PATCH => $rest->('groups/page1'), {});
is_deeply [ $a->{status}, $a->{json}{type}, join ' ', sort split /, */, $a->{headers}{allow} // '' ], [ 405, 'method_not_allowed', 'DELETE GET PUT' ], 'PATCH is 405 with Allow';
$a = $tf->ask(OPTIONS => $rest->('groups'));
like $a->{headers}{allow} // '', qr/GET/, 'OPTIONS tells what is allowed';
# one connection for many answers, 204 among them: nothing of an answer is left for the next (7.3 20)
my (undef, $out) = $sys->command('curl', map { ($_ ? '--next' : (), '-s', '-m', '30', '--cacert', $sys->{ca}, '-H', "Authorization: Bearer $tf->{bearer}", '-H', 'Content-Type: application/json',
	'-w', '%{http_code} %{num_connects}\n', '-o', '/dev/null', '-X', 'PUT', '-d', '{"roles":[]}', $sys->{url} . $rest->('groups/page1')) } 0 .. 3);
is_deeply [ $out =~ /^(\d+ \d+)$/mg ], [ '204 1', ('204 0') x 3 ], 'four 204 on one connection' or diag $out;

# --- bearers ----------------------------------------------------------------------------------------
for ([ 'none', undef ], [ 'an empty one', 'Bearer ' ], [ 'not a bearer', 'Basic dGVycmFmb3JtOng=' ], [ 'garbage', 'Bearer abc' ], [ 'a changed one', 'Bearer ' . ($tf->{bearer} =~ s/.(.{8})$/_$1/r) ]) {
	my ($what, $value) = @$_;
	$a = $tf->ask(GET => $rest->('projects'), undef, headers => { Authorization => $value });
	is "$a->{status} $a->{json}{type}", '401 authentication_error', "$what is 401: get a new one";
	is Sft::Product::unruly($a), undef, '  in the form that clients read';
}
$sys->admin(q{create_team('zeta', 'zoe')});
is $tf->ask(GET => '/v1/teams/zeta/projects')->{text} =~ s/zeta|"trace_id":\s*"[^"]*"//gr, $tf->ask(GET => '/v1/teams/nosuch/projects')->{text} =~ s/nosuch|"trace_id":\s*"[^"]*"//gr, 'another team answers like one that there is not';
is $tf->ask(POST => $rest->('credentials'), { kind => 'ssh_user', server => 'x', public_key => 'y' })->{status}, 401, 'a bearer gets no certificate';

# --- what is kept ---------------------------------------------------------------------------------
unlike $sys->db->log_text . Sft::System::slurp($sys->folder . '/gateway.log'), qr/\Q$first->{secret}\E|\Q$tf->{bearer}\E/, 'no secret and no bearer in a log';
done_testing;
