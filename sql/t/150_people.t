#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Teams' settings, users and their lifecycle, groups and roles, service users, invitations: over the API, with the effect of each.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $T = '/v1/teams/acme';
my $root = $w->db->root;
my $olga = $w->client('acme', 'olga');             # owner
$w->admin("create_group('acme', 'admins', '{access_admin}')");
$w->admin("add_member('acme', 'admins', 'bob')");
my $bob = $w->client('acme', 'bob');               # access_admin, no owner
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
my $robot = $w->robot('acme', 'terraform', 'owners');
sub said { my ($a) = @_; return "$a->{status} " . ($a->{json}{error} // '-') }
sub names { join ' ', map { $_->{name} } @{ $_[0]{json}{list} } }
my $zero = qr/0001-01-01/;

# settings
my $s = $olga->call(GET => "$T/settings")->{json};
is "$s->{team} $s->{client_session_duration} $s->{include_user_sid}", 'acme 36000 Never', 'settings';
is $s->{post_login_url}, undef, '  an unset URL is null';
my $put = $robot->call(PUT => "$T/settings", body => { client_session_duration => 3600, post_login_url => 'https://example.com/in', OIDCIssuerURL => undef });
is $put->{status}, 200, 'settings change, and 200 is what clients want';
is "$put->{json}{client_session_duration} $put->{json}{post_login_url} $put->{json}{web_session_duration}", '3600 https://example.com/in 36000', '  those that are given';
$alice->sign_in;
ok $root->value("SELECT expires_at - signed_in_at = interval '1 hour' FROM sft.client_sessions WHERE id = '$alice->{session}'"), '  a session is as long as the setting says';
is $robot->call(PUT => "$T/settings", body => { post_login_url => undef, client_session_duration => 7200.0 })->{json}{post_login_url}, undef, '  null unsets a URL';
is said($robot->call(PUT => "$T/settings", body => $_->[1])), "400 $_->[0]", "  refused: $_->[0]" for [ client_session_duration_format => { client_session_duration => 30 } ],
	[ web_session_duration_format => { web_session_duration => 90001 } ], [ post_logout_url_format => { post_logout_url => 'javascript:alert(1)' } ],
	[ include_user_sid_unknown => { include_user_sid => 'Maybe' } ], [ approve_device_without_interaction_format => { approve_device_without_interaction => 'yes' } ];
is said($robot->call(PUT => "$T/settings", body => { strict_devices => \0 })), '403 strict_devices', '  a bearer does not loosen strict_devices';
is said($alice->call(GET => "$T/settings")), '403 role_missing', '  not for everybody';

# users
my $new = $olga->call(POST => "$T/users", body => { name => 'carl.gustav@example.com', details => { first_name => 'Carl', email => 'carl.gustav@example.com' } });
is $new->{status}, 201, 'a person is made';
is "$new->{json}{server_user_name} $new->{json}{status} $new->{json}{user_type} $new->{json}{team_name} $new->{json}{details}{first_name}", 'carl_gustav ACTIVE human acme Carl', '  with an account name';
is_deeply [ sort keys %{ $new->{json} } ], [qw(deleted_at details id name oauth_client_application_id role_grants server_user_name status team_name user_type)], '  and the fields of a User';
unlike $new->{text}, $zero, '  no zero time';
is $olga->call(GET => "$T/users/carl.gustav%40example.com")->{json}{id}, $new->{json}{id}, '  found by name';
is $olga->call(GET => "$T/users/Carl.Gustav\@example.com")->{json}{id}, $new->{json}{id}, '  in any case';
is $olga->call(GET => "$T/users_by_id/$new->{json}{id}")->{json}{name}, 'carl.gustav@example.com', '  and by id';
is said($olga->call(POST => "$T/users", body => { name => 'ALICE' })), '409 user_name_taken', 'a name is there once, in any case';
is said($olga->call(POST => "$T/users", body => { name => 'x', colour => 'red' })), '400 field_unknown', 'our own call is strict';
is names($olga->call(GET => "$T/users")), 'alice bob carl.gustav@example.com olga', 'users by name';
is names($olga->call(GET => "$T/users?include_service_users=true")), 'alice bob carl.gustav@example.com olga terraform', '  with services';
is names($olga->call(GET => "$T/users?contains=L")), 'alice carl.gustav@example.com olga', '  contains';
is names($olga->call(GET => "$T/users?starts_with=o")), 'olga', '  starts_with';
is names($olga->call(GET => "$T/users?status=DISABLED")), '', '  status';
is said($olga->call(GET => "$T/users?status=GONE")), '400 status_format', '  an unknown one';
is $olga->call(GET => "$T/current_user")->{json}{name}, 'olga', 'current_user';
is $robot->call(GET => "$T/current_user")->{json}{name}, 'terraform', '  of a service';

# lifecycle
my $c = $alice->credential($server->{id});
is $c->{status}, 201, 'alice gets in';
is $olga->call(PUT => "$T/users/alice", body => { name => 'alice', status => 'DISABLED' })->{json}{status}, 'DISABLED', 'disabled';
is said($alice->credential($server->{id})), '403 user_disabled', '  gets no certificate';
is $root->value("SELECT count(*) FROM sftca.revocations r WHERE $c->{json}{serial} BETWEEN r.serial_from AND r.serial_to"), 1, '  the one that is out is revoked' if $c->{json}{serial};
is $olga->call(PUT => "$T/users/alice", body => { status => 'active' })->{json}{status}, 'ACTIVE', 'active again';
is said($alice->credential($server->{id})), '401 session_required', '  after signing in again';
is $olga->call(PUT => "$T/users/alice", body => { status => 'DELETED' })->{json}{status}, 'DELETED', 'deleted';
my $gone = $olga->call(GET => "$T/users/alice");
is "$gone->{status} $gone->{json}{status}", '200 DELETED', '  is shown as deleted, not as unknown';
like $gone->{json}{deleted_at}, qr/^20\d\d-/, '  since when';
is $olga->call(PUT => "$T/users/alice", body => { status => 'DELETED' })->{status}, 200, '  deleting again is no error';
is said($olga->call(PUT => "$T/users/alice", body => { status => 'ACTIVE' })), '409 user_deleted', '  there is no way back';
is said($olga->call(POST => "$T/users", body => { name => 'alice' })), '409 user_name_taken', '  the name is never another\'s';
is said($olga->call(POST => "$T/users", body => { name => 'alice2', server_user_name => 'alice' })), '409 server_user_name_taken', '  nor the account';
is names($olga->call(GET => "$T/users")), 'bob carl.gustav@example.com olga', '  not in the list';
is names($olga->call(GET => "$T/users?status=ACTIVE,DELETED")), 'alice bob carl.gustav@example.com olga', '  unless asked for';
is said($olga->call(PUT => "$T/users/alice", body => { status => 'GONE' })), '400 status_format', 'a status that is none';
is said($olga->call(PUT => "$T/users/ghost", body => { status => 'ACTIVE' })), '404 user_unknown', 'a user that is none';
is $olga->call(PUT => "$T/users/bob", body => { status => 'ACTIVE', details => { full_name => 'Bob B.', email => 'b@example.com' }, extra => 1 })->{json}{details}{full_name}, 'Bob B.', 'details';

# provisioning as the settings say
$olga->call(PUT => "$T/users/carl.gustav\@example.com", body => { status => 'DISABLED' });
is said($olga->call(POST => "$T/users", body => { name => 'carl.gustav@example.com' })), '409 user_name_taken', 'a disabled user stays disabled';
$olga->call(PUT => "$T/settings", body => { reactivate_users_via_idp => \1, user_provisioning_exact_username => \1 });
my $again = $olga->call(POST => "$T/users", body => { name => 'carl.gustav@example.com' });
is "$again->{status} $again->{json}{status}", '200 ACTIVE', '  until reactivate_users_via_idp';
is said($olga->call(POST => "$T/users", body => { name => 'dora@example.com' })), '400 server_user_name_format', 'exact usernames: one that is no account name';
is $olga->call(POST => "$T/users", body => { name => 'dora' })->{json}{server_user_name}, 'dora', '  and one that is';
$olga->call(PUT => "$T/settings", body => { reactivate_users_via_idp => \0, user_provisioning_exact_username => \0 });

# groups
my $g = $robot->call(POST => "$T/groups", body => { name => 'devs', roles => ['access_user'], federated_from_team => undef });
is "$g->{status} $g->{json}{name} @{ $g->{json}{roles} }", '201 devs access_user', 'a group is made';
is_deeply [ sort keys %{ $g->{json} } ], [qw(deleted_at federated_from_team federation_approved_at id name roles)], '  with the fields of a Group';
is_deeply $robot->call(POST => "$T/groups", body => { name => 'plain' })->{json}{roles}, [], 'no roles are an empty list';
is said($robot->call(POST => "$T/groups", body => { name => 'DEVS' })), '409 group_name_taken', 'a name is there once';
is said($robot->call(POST => "$T/groups", body => { name => 'x', roles => ['king'] })), '400 group_role_unknown', 'an unknown role';
is said($robot->call(POST => "$T/groups", body => {})), '400 name_missing', 'no name';
is names($olga->call(GET => "$T/groups")), 'admins devs everyone ops owners plain', 'groups by name';
is names($olga->call(GET => "$T/groups?contains=o")), 'everyone ops owners', '  contains';
is $robot->call(PUT => "$T/groups/devs", body => { roles => [ 'reporting_user', 'access_user' ] })->{status}, 204, 'roles change';
is_deeply $robot->call(GET => "$T/groups/devs")->{json}{roles}, [qw(access_user reporting_user)], '  as given';
is said($robot->call(PUT => "$T/groups/devs", body => {})), '400 roles_missing', '  not by saying nothing';
is said($robot->call(PUT => "$T/groups/owners", body => { roles => [] })), '403 group_built_in', '  not those of owners';
is said($robot->call(DELETE => "$T/groups/$_")), '403 group_built_in', "$_ stays" for qw(owners everyone);
is $robot->call(POST => "$T/groups/devs/users", body => { name => 'dora', status => 'ACTIVE', x => 1 })->{status}, 204, 'a member joins';
is $robot->call(POST => "$T/groups/devs/users", body => { name => 'dora' })->{status}, 204, '  again is no error';
is names($robot->call(GET => "$T/groups/devs/users")), 'dora', '  is listed';
is names($robot->call(GET => "$T/groups/devs/users_not_in_group")), 'bob carl.gustav@example.com olga', '  and the others';
is names($robot->call(GET => "$T/groups/devs/users_not_in_group?include_service_users=true")), 'bob carl.gustav@example.com olga terraform', '  with services';
is names($robot->call(GET => "$T/groups/everyone/users?user_type=service")), 'terraform', '  or those alone';
is names($robot->call(GET => "$T/users/dora/groups")), 'devs everyone', 'the groups of a user';
is said($robot->call(POST => "$T/groups/devs/users", body => { name => 'alice' })), '404 user_unknown', 'a deleted user joins nothing';
is said($robot->call(POST => "$T/groups/everyone/users", body => { name => 'dora' })), '403 group_built_in', 'everyone has its members by itself';
is $robot->call(DELETE => "$T/groups/devs/users/dora")->{status}, 204, 'a member leaves';
is said($robot->call(DELETE => "$T/groups/devs/users/dora")), '404 group_member_unknown', '  once';
is $robot->call(DELETE => "$T/groups/devs")->{status}, 204, 'a group is removed';
is said($robot->call(GET => "$T/groups/devs")), '404 group_unknown', '  and unknown then';
is $robot->call(POST => "$T/groups", body => { name => 'devs' })->{status}, 201, '  its name is free, its name on servers is not';
is $root->value("SELECT string_agg(server_group_name, ' ' ORDER BY created_at) FROM sft.groups WHERE name = 'devs'"), 'sft_devs sft_devs2', '  which nobody inherits';

# R7, R21: nobody grants what they do not hold
is said($bob->call(POST => "$T/groups/owners/users", body => { name => 'bob' })), '403 role_not_held', 'R7 an admin makes no owners';
is said($bob->call(DELETE => "$T/groups/owners/users/olga")), '403 role_not_held', 'R7 nor ends them';
is said($bob->call(PUT => "$T/users/olga", body => { status => 'DISABLED' })), '403 role_not_held', 'R7 nor disables them';
is said($bob->call(POST => "$T/service_users/terraform/keys")), '403 role_not_held', 'R7 nor takes a key of a service that is owner';
is said($bob->call(POST => "$T/invitations", body => { user_name => 'olga' })), '403 role_not_held', 'R7 nor an invitation in an owner\'s name';
is $bob->call(POST => "$T/groups", body => { name => 'helpers', roles => [qw(access_admin server_admin)] })->{status}, 201, '  what an admin holds, or contains, may be given';
is said($bob->call(PUT => "$T/users/bob", body => { status => 'DISABLED' })), '403 own_status', 'nobody disables themselves';
is said($olga->call(DELETE => "$T/groups/owners/users/olga")), '409 last_owner', 'the last owner stays';
is said($robot->call(PUT => "$T/users/olga", body => { status => 'DELETED' })), '409 last_owner', '  and is not deleted';
is $w->try_admin("remove_member('acme', 'owners', 'olga')"), 'last_owner', '  not by a DBA either';
$olga->call(POST => "$T/groups/owners/users", body => { name => 'bob' });
is $bob->call(DELETE => "$T/groups/owners/users/olga")->{status}, 204, '  with a second one the first may go';
is said($olga->call(POST => "$T/groups", body => { name => 'late' })), '403 role_missing', '  who then is no admin any more';

# service users
my $su = $bob->call(POST => "$T/service_users", body => { name => 'ci' });
is "$su->{status} $su->{json}{user_type} $su->{json}{status}", '201 service ACTIVE', 'a service user';
is $su->{json}{server_user_name}, undef, '  has no account name to show';
is names($bob->call(GET => "$T/service_users")), 'ci terraform', '  is listed';
is said($bob->call(GET => "$T/service_users/bob")), '404 user_unknown', 'a person is no service user';
my $key = $bob->call(POST => "$T/service_users/ci/keys", body => { x => 1 });
is $key->{status}, 200, 'a key, 200';
is_deeply [ sort keys %{ $key->{json} } ], [qw(expires_at id issued_at last_used secret)], '  with its secret';
ok !defined $key->{json}{expires_at} && !defined $key->{json}{last_used}, '  no end, no use yet';
is $w->door->call(POST => "$T/service_token", body => { key_id => $key->{json}{id}, key_secret => $key->{json}{secret} })->{status}, 200, '  buys a token';
my $key2 = $bob->call(POST => "$T/service_users/ci/keys");
my @keys = @{ $bob->call(GET => "$T/service_users/ci/keys")->{json}{list} };
is scalar(@keys), 2, 'after rotation there are two';
ok defined $keys[0]{expires_at} && !defined $keys[1]{expires_at}, '  the older with an end';
ok defined $keys[0]{last_used}, '  and its use';
ok !grep({ exists $_->{secret} } @keys), '  none shows its secret';
is $bob->call(DELETE => "$T/service_users/ci/keys/$key->{json}{id}")->{status}, 204, 'a key is deleted';
is said($bob->call(DELETE => "$T/service_users/ci/keys/$_")), '404 service_key_unknown', '  an unknown one' for $key->{json}{id}, Sft::Door::uuid(), 'x';
is $bob->call(PUT => "$T/service_users/ci", body => { name => 'ci', status => 'DELETED', user_type => 'service' })->{json}{status}, 'DELETED', 'a service user is deleted';
is $bob->call(GET => "$T/service_users/ci")->{json}{status}, 'DELETED', '  and shown so';
is said($bob->call(POST => "$T/service_users/ci/keys")), '404 user_unknown', '  gets no key';
is said($bob->call(POST => "$T/service_users", body => { name => 'CI' })), '409 user_name_taken', '  its name is never another\'s';

# invitations
is said($robot->call(POST => "$T/invitations", body => { user_name => 'dora' })), '403 strict_devices', 'a bearer lets no device in';
my $i = $bob->call(POST => "$T/invitations", body => { user_name => 'dora', lifetime => 3600 });
is $i->{status}, 201, 'an invitation';
is $w->enroll('acme', 'dora', invitation => $i->{json}{token})->{enrolled}{json}{state}, 'ACTIVE', '  lets a device in';
my $j = $bob->call(POST => "$T/invitations", body => { user_name => 'dora' });
is scalar(@{ $bob->call(GET => "$T/invitations")->{json}{list} }), 1, '  a used one is not open';
is $bob->call(DELETE => "$T/invitations/$j->{json}{id}")->{status}, 204, '  an open one is ended';
is $w->enroll('acme', 'dora', invitation => $j->{json}{token})->{enrolled}{json}{error}, 'invitation_invalid', '  and lets nobody in';
$bob->call(PUT => "$T/settings", body => { strict_devices => \0 });
is $robot->call(POST => "$T/invitations", body => { user_name => 'dora' })->{status}, 201, 'unless the team is not strict';

# a device that is given to a user, under the setting
for my $at_once (0, 1) {
	$bob->call(PUT => "$T/settings", body => { approve_device_without_interaction => $at_once ? \1 : \0 });
	my $device = $w->enroll('acme', 'dora');
	is $device->{enrolled}{json}{state}, 'PENDING', 'a device waits';
	is $bob->call(PUT => "$T/clients/$device->{id}", body => { user_name => 'dora' })->{status}, 204, '  is given to a user';
	is $bob->call(GET => "$T/clients/$device->{id}")->{json}{state}, $at_once ? 'ACTIVE' : 'PENDING', '  ' . ($at_once ? 'and needs no further approval' : 'and waits on');
}

is_deeply [ sort keys %{ $bob->call(GET => "$T/team_stats")->{json} } ], [qw(num_clients num_gateways num_groups num_human_users num_projects num_servers num_service_users)], 'team_stats';
is $bob->call(GET => "$T/team_stats")->{json}{num_servers}, 1, '  counts';
is_deeply [ map { $_->{name} } @{ $bob->call(GET => "$T/roles")->{json}{list} } ], [qw(access_admin access_user reporting_user server_admin)], 'roles';
done_testing;
