#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Devices over HTTP: who sees which, approving, giving away, suspending and removing them; fleets that enroll by the token of a policy.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $root = $w->db->root;
my $T = '/v1/teams/acme';
$w->admin(q{create_group('acme', 'people', '{access_user}')});
$w->admin(q{create_group('acme', 'admins', '{access_admin}')});
$w->admin(q{create_user('acme', 'adam')});
$w->admin("add_member('acme', 'people', '$_')") for qw(alice bob);
$w->admin(q{add_member('acme', 'admins', 'adam')});
my ($alice, $bob, $adam, $olga) = map { $w->client('acme', $_) } qw(alice bob adam olga);
my $robot = $w->robot('acme', 'terraform', 'owners');
my $server = $w->server('acme', 'prod', 'web01');
sub said { my ($a) = @_; return join ' ', grep { defined } $a->{status}, $a->{json}{error} }
sub who { my ($a) = @_; return join ' ', sort map { $_->{user_name} // '-' } @{ $a->{json}{list} // [] } }
sub of { my ($id) = @_; my $c = $adam->call(GET => "$T/clients/$id")->{json}; return "$c->{state} " . ($c->{user_name} // '-') }

# who sees what
is who($alice->call(GET => "$T/clients")), 'alice', 'one\'s own';
is who($alice->call(GET => "$T/clients?all=true")), 'alice', '  all is for admins';
is who($adam->call(GET => "$T/clients?all=true")), 'adam alice bob olga', '  who see everybody\'s';
is who($adam->call(GET => "$T/clients")), 'adam', '  or their own';
is who($adam->call(GET => "$T/clients?username=BOB")), 'bob', '  or one user\'s';
is who($adam->call(GET => "$T/clients?username=")), '', '  or nobody\'s';
is said($adam->call(GET => "$T/clients?state=GONE")), '400 state_format', '  not in a state that there is not';
is said($alice->call(GET => "$T/clients/$alice->{id}")), '200', 'a device';
is said($alice->call(GET => "$T/clients/$bob->{id}")), '404 client_unknown', '  of another';
my $item = $adam->call(GET => "$T/clients/$bob->{id}")->{json};
is_deeply [ @{$item}{qw(id user_name hostname os state deleted_at encrypted description)} ], [ $bob->{id}, 'bob', 'laptop', 'Debian 12', 'ACTIVE', undef, undef, '' ], '  as the product shows it';

# approving
my $new = $w->enroll('acme', 'bob', body => { user_name => 'bob' });
is $new->{enrolled}{json}{state}, 'PENDING', 'a device waits';
is join(' ', map { $_->{claimed_user_name} } @{ $adam->call(GET => "$T/clients?username=&state=pending")->{json}{list} }), 'bob', '  and is nobody\'s';
is said($alice->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE' })), '403 role_missing', '  not for users to approve here';
is said($robot->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE' })), '403 strict_devices', '  nor for bearer tokens';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE', user_name => 'olga' })), '403 role_not_held', '  nor for an admin as an owner\'s';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { state => 'LIVE' })), '400 state_format', '  nor in another state';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE', user_name => 'nobody' })), '404 user_unknown', '  nor for nobody';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE', unknown => 1 })), '204', '  an admin does, for whom it claims';
is of($new->{id}), 'ACTIVE bob', '  it is';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { state => 'ACTIVE', user_name => 'bob' })), '204', '  again: nothing';
is said($adam->call(PUT => "$T/clients/$new->{id}", body => { user_name => 'alice' })), '409 client_assigned', '  it stays bob\'s';

# suspending
my $certificate = $alice->credential('web01');
is said($certificate), '201', 'alice works';
is said($adam->call(PUT => "$T/clients/$alice->{id}", body => { state => 'PENDING' })), '204', '  until her device is suspended';
is said($alice->credential('web01')), '403 client_not_approved', '  no more certificates';
is said($alice->call(GET => "$T/credentials/$certificate->{json}{request_id}")), '404 credential_unknown', '  and those that she has are revoked';
is said($adam->call(PUT => "$T/clients/$alice->{id}", body => { state => 'ACTIVE' })), '204', '  approved again';
is said($alice->credential('web01')), '401 session_required', '  she signs in anew';
is said($adam->call(PUT => "$T/clients/$olga->{id}", body => { state => 'PENDING' })), '403 role_not_held', 'an owner\'s device is not an admin\'s to stop';
is $alice->sign_in->{status}, 201, '  and works';

# removing
is said($bob->call(DELETE => "$T/clients/$alice->{id}")), '404 client_unknown', 'nobody removes another\'s';
is said($adam->call(DELETE => "$T/clients/$olga->{id}")), '403 role_not_held', '  an admin no owner\'s';
is said($bob->call(DELETE => "$T/clients/$new->{id}")), '204', '  bob his other one';
is said($robot->call(DELETE => "$T/clients/$bob->{id}")), '204', '  an owner\'s token anybody\'s';
is said($robot->call(DELETE => "$T/clients/$_")), '404 client_unknown', '  once' for $bob->{id}, 'x';
is of($bob->{id}), 'DELETED bob', '  it can still be seen';
is who($adam->call(GET => "$T/clients?all=true&state=DELETED")), 'bob bob', '  in its state';

# fleets
my $policy = $adam->call(POST => "$T/client_enrollment_policies", body => { name => 'Meeting rooms', requires_approval => JSON::PP::false });
is said($policy), '201', 'a policy';
is said($adam->call(POST => "$T/client_enrollment_policies", body => $_->[0])), $_->[1], "  $_->[1]" for [ { name => 'meeting ROOMS' }, '409 client_enrollment_policy_name_taken' ], [ {}, '400 name_missing' ], [ { name => 'a/b' }, '400 client_enrollment_policy_name_format' ], [ { name => 'x', y => 1 }, '400 field_unknown' ];
my $P = "$T/client_enrollment_policies/$policy->{json}{id}";
ok !exists $adam->call(GET => $P)->{json}{token}, '  its token is shown once';
sub fleet
{
	my ($token, %o) = @_;
	my ($t, $key, $id) = (Sft::Door::token($token), $w->key, Sft::Door::uuid());
	my $c = Sft::World::Subject->new($w, "client/$id", $key, team => 'acme', user => $o{user} // 'bob');
	$c->{enrolled} = $c->call(POST => "$T/clients", body => { id => $id, public_key => $key->public, hostname => 'room', os => 'Debian 12', user_name => 'olga',
		policy => { id => $t->{i}, mac => $o{mac} // $key->mac($t->{s}, $id) } });
	return $c;
}
my $room = fleet($policy->{json}{token});
is said($room->{enrolled}), '201', 'a device enrolls with it';
is of($room->{id}), 'PENDING -', '  and is nobody\'s, whatever it says';
is said(fleet($policy->{json}{token}, mac => 'A' x 44)->{enrolled}), '401 policy_invalid', '  not without the secret';
my $code = $room->{enrolled}{json}{code};
is said($alice->call(POST => "$T/clients/$room->{id}/approval", body => { code => $code })), '404 client_unknown', '  nobody takes it for himself';
is said($robot->call(PUT => "$T/clients/$room->{id}", body => { user_name => 'bob' })), '403 strict_devices', '  a bearer token gives it to nobody';
is said($adam->call(PUT => "$T/clients/$room->{id}", body => { user_name => 'bob' })), '204', '  an admin gives it to bob';
is of($room->{id}), 'ACTIVE bob', '  which is enough under this policy';
$room->{user} = 'bob';
is $room->sign_in->{status}, 201, '  it signs in' or diag $room->{text};
is said($adam->call(PUT => $P, body => { requires_approval => JSON::PP::true })), '204', 'a stricter policy';
my $room2 = fleet($policy->{json}{token});
is said($adam->call(PUT => "$T/clients/$room2->{id}", body => { user_name => 'bob' })), '204', '  given to bob';
is of($room2->{id}), 'PENDING bob', '  it waits';
is said($adam->call(PUT => "$T/clients/$room2->{id}", body => { state => 'ACTIVE' })), '204', '  to be approved';
is of($room2->{id}), 'ACTIVE bob', '  and is';
my $turned = $adam->call(POST => "$P/token");
is said($turned), '200', 'another token';
is said(fleet($policy->{json}{token})->{enrolled}), '401 policy_invalid', '  the old one is void';
is said(fleet($turned->{json}{token})->{enrolled}), '201', '  the new one good';
is said($adam->call(DELETE => "$P/token")), '204', 'withdrawn';
is said(fleet($turned->{json}{token})->{enrolled}), '401 policy_invalid', '  void as well';
is said($adam->call(DELETE => $P)), $_, "the policy ends: $_" for 204, '404 client_enrollment_policy_unknown';
is of($room->{id}), 'ACTIVE bob', '  its devices stay';
is said($alice->call(GET => "$T/client_enrollment_policies")), '403 role_missing', 'policies are for admins';
is join(' ', map { $_->{type} } $w->audit(q{type LIKE 'client_enrollment_policy%' OR type LIKE 'client_enrollment_policies%' OR type = 'unbound_client.enroll'})), 'client_enrollment_policies.create unbound_client.enroll client_enrollment_policies.update unbound_client.enroll client_enrollment_policy_token.rotate unbound_client.enroll client_enrollment_policy_token.delete client_enrollment_policies.delete', 'the audit has it all';
is scalar($w->audit('status >= 500')), 0, 'nothing was our fault';
done_testing;
