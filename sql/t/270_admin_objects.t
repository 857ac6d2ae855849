#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The DBA's door to projects' settings, labels, servers without an agent, sudo entitlements and fleets: the same effects and words as the API's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $dba = $w->db->dba;
my $alice = $w->client('acme', 'alice');
my $web = $w->server('acme', 'prod', 'web01');
sub state { return $web->call(GET => '/v1/server/state?after=0')->{json} }
sub users { return join ' ', map { $_->{name} } @{ state()->{users} } }

is $w->try_admin($_->[0]), $_->[1], "$_->[0]: $_->[1]" for
	[ q{set_project('acme', 'prod', '{"create_server_users": false, "certificate_ttl_s": 120}')}, 'done' ], [ q{set_project('acme', 'prod', '{"name": "x"}')}, 'field_unknown' ],
	[ q{set_project('acme', 'nix', '{}')}, 'project_unknown' ], [ q{create_project('acme', 'x', ssh_certificate_type => 'CERT_TYPE_DSA')}, 'ssh_certificate_type_unknown' ], [ q{create_project('acme', 'ec', ssh_certificate_type => 'CERT_TYPE_ECDSA_384_01')}, 'done' ], [ q{set_project('acme', 'prod', '{"certificate_ttl_s": 1}')}, 'certificate_ttl_range' ],
	[ q{set_project('acme', 'prod', '{"force_shared_ssh_users": true}')}, 'shared_user_names_missing' ],
	[ q{set_server_labels('acme', 'web01', '{"env": "prod"}')}, 'done' ], [ q{set_server_labels('acme', 'nix', '{}')}, 'server_unknown' ], [ q{set_server_labels('acme', 'web01', '{"a b": "c"}')}, 'labels_format' ],
	[ q{add_project_group('acme', 'prod', 'ops', servers_selector => 'env=prod')}, 'done' ], [ q{add_project_group('acme', 'prod', 'ops', servers_selector => 'env=')}, 'done' ],
	[ q{add_project_group('acme', 'prod', 'ops', servers_selector => '=')}, 'servers_selector_format' ];
is users(), '', 'a selector that picks no server lets nobody in';
$w->admin(q{add_project_group('acme', 'prod', 'ops', servers_selector => 'api.env in (prod)')});
is users(), 'alice', '  one that does, does';
is $dba->value(q{SELECT servers_selector FROM sft_admin.project_groups}), 'api.env in (prod)', '  it is in the view';
is state()->{manage_users}, JSON::PP::false, 'settings have their effect';
is $dba->value(q{SELECT extract(epoch FROM ttl)::int || ' ' || force_shared_ssh_users FROM sft_admin.projects WHERE name = 'prod'}), '120 false', '  and are in the view';

like $w->admin(q{add_server('acme', 'prod', 'jump', '198.51.100.1', '{gate}')}), qr/^[0-9a-f-]{36}$/, 'a server without an agent';
is $w->try_admin(q{add_server('acme', 'prod', 'a b')}), 'host_name_format', '  with a name';
is $dba->value(q{SELECT hostname || ' ' || managed FROM sft_admin.servers WHERE NOT managed}), 'jump false', '  in the view';

my $entitlement = q{set_entitlement('acme', 'logs', '{"structured_commands": [{"command": "/usr/bin/journalctl"}]}')};
my $id = $w->admin($entitlement);
is $w->admin($entitlement =~ s/journalctl/dmesg/r), $id, 'an entitlement is made, then changed';
is $w->try_admin($_->[0]), $_->[1], "$_->[0]: $_->[1]" for [ q{set_entitlement('acme', 'a b', '{"structured_commands": [{"command": "/bin/x"}]}')}, 'entitlement_name_format' ],
	[ q{set_entitlement('acme', 'x', '{}')}, 'structured_commands_missing' ], [ q{set_entitlement('acme', 'x', '{"structured_commands": [{"command": "x"}]}')}, 'structured_commands_format' ],
	[ q{set_entitlement('acme', 'x', '{"y": 1}')}, 'field_unknown' ], [ q{give_entitlement('acme', 'prod', 'ops', 'nix')}, 'entitlement_unknown' ], [ q{give_entitlement('acme', 'prod', 'everyone', 'logs')}, 'project_group_unknown' ],
	[ q{give_entitlement('acme', 'prod', 'ops', 'logs', 1000)}, 'entitlement_position_range' ], [ q{give_entitlement('acme', 'prod', 'ops', 'LOGS', 7)}, 'done' ];
is state()->{entitlements}[0]{commands}[0], '/usr/bin/dmesg', '  servers are told';
is $dba->value(q{SELECT name || ' ' || array_to_string(commands, ',') || ' ' || array_to_string(given_to, ',') FROM sft_admin.entitlements}), 'logs /usr/bin/dmesg prod/ops@7', '  it is in the view';
is $w->try_admin(q{take_entitlement('acme', 'prod', 'ops', 'logs')}), $_, "  taken: $_" for 'done', 'project_entitlement_unknown';
is $w->try_admin(q{delete_entitlement('acme', 'logs')}), $_, "  deleted: $_" for 'done', 'entitlement_unknown';

my $token = Sft::Door::token($w->admin(q{create_client_enrollment_policy('acme', 'rooms', false)}));
my ($key, $room) = ($w->key, Sft::Door::uuid());
my $c = Sft::World::Subject->new($w, "client/$room", $key, team => 'acme', user => 'bob');
is $c->call(POST => $c->path('clients'), body => { id => $room, public_key => $key->public, hostname => 'room', os => 'x', policy => { id => $token->{i}, mac => $key->mac($token->{s}, $room) } })->{status}, 201, 'a device of a fleet enrolls';
is $w->try_admin("approve_client('$room')"), 'user_name_missing', '  is nobody\'s';
is $w->try_admin("approve_client('$room', 'bob')"), 'done', '  is given to bob';
is $w->try_admin(q{create_client_enrollment_policy('acme', 'ROOMS')}), 'client_enrollment_policy_name_taken', '  the name is taken';
my $policy = $dba->value(q{SELECT id FROM sft_admin.client_enrollment_policies WHERE clients = 1 AND has_token});
is $w->try_admin("delete_client_enrollment_policy('$policy')"), $_, "  the policy ends: $_" for 'done', 'client_enrollment_policy_unknown';

is $w->try_admin(q{delete_project('acme', 'prod')}), $_, "the project ends: $_" for 'done', 'project_unknown';
is $web->call(GET => '/v1/server/state?after=0')->{status}, 401, '  and its servers with it';
is scalar(grep { $_->{actor} ne 'dba:carol' } $w->audit(q{type ~ '^(project|entitlement|client_enrollment|server_labels|unmanaged)'})), 0, 'the audit knows who it was';
done_testing;
