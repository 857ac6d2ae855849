#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Projects over HTTP: every option and the effect it promises, the groups in them, what goes with a project that is deleted,
# enrollment tokens, options for clients, cloud accounts.
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
$w->admin("add_member('acme', 'people', '$_')") for qw(alice bob);
my ($alice, $bob) = map { $w->client('acme', $_) } qw(alice bob);
my $T = '/v1/teams/acme';
my $true = JSON::PP::true;
my $false = JSON::PP::false;
sub said { my ($a) = @_; return join ' ', grep { defined } $a->{status}, $a->{json}{error} }
sub state { my ($s) = @_; return $s->call(GET => '/v1/server/state?after=0')->{json} }
sub users { my ($s) = @_; return join ' ', map { $_->{name} . ($_->{admin} ? '*' : '') . (@{ $_->{principals} } ? '' : '-') } @{ state($s)->{users} } }
sub listed { my ($a) = @_; return join ' ', map { $_->{name} // $_->{hostname} // $_->{config_key} // $_->{account_id} // $_->{user_name} // $_->{description} } @{ $a->{json}{list} } }

# making one
my $made = $admin->call(POST => "$T/projects", body => { name => 'Web', next_unix_uid => 60101, _ => 1 });
is said($made), '201', 'a project is made';
is_deeply { map { $_ => $made->{json}{$_} } qw(create_server_users forward_traffic rdp_session_recording require_preauth_for_creds ssh_session_recording force_shared_ssh_users) },
	{ map { $_ => $false } qw(create_server_users forward_traffic rdp_session_recording require_preauth_for_creds ssh_session_recording force_shared_ssh_users) }, 'what was not said is false';
is "$made->{json}{ssh_certificate_type} $made->{json}{team} $made->{json}{next_unix_uid}", 'CERT_TYPE_ED25519_01 acme 60101', '  and has defaults';
ok !exists $made->{json}{gateway_selector}, '  gateway_selector is absent';
is $made->{json}{$_}, undef, "  $_ is null" for qw(deleted_at user_on_demand_period shared_standard_user_name);
is said($admin->call(POST => "$T/projects", body => { name => $_->[0] })), $_->[1], "a name [$_->[0]]" for ['web', '409 project_name_taken'], ['', '400 name_missing'], ['a b', '400 project_name_format'], ["\n", '400 name_format'];
is said($admin->call(POST => "$T/projects", body => { name => 'x', @$_[0, 1] })), $_->[2], "$_->[0]" for ['create_server_users', 'yes', '400 create_server_users_format'],
	['next_unix_uid', 5, '400 unix_id_range'], ['user_on_demand_period', -1, '400 user_on_demand_period_format'], ['gateway_selector', 'a=b c', '400 gateway_selector_format'],
	['ssh_certificate_type', 'CERT_TYPE_DSA', '400 ssh_certificate_type_unknown'], ['force_shared_ssh_users', $true, '400 shared_user_names_missing'],
	['shared_admin_user_name', 'root', '400 server_user_name_reserved'], ['ssh_certificate_type', 7, '400 ssh_certificate_type_format'];
for (['CERT_TYPE_ECDSA_256_01', 'ecdsa-sha2-nistp256'], ['CERT_TYPE_RSA_SHA2_512_01', 'ssh-rsa']) {
	my $p = $admin->call(POST => "$T/projects", body => { name => $_->[1], ssh_certificate_type => $_->[0] });
	is said($p), '201', "$_->[0]";
	is $root->value("SELECT string_agg(DISTINCT split_part(public_key, ' ', 1), ' ') FROM sftca.keys WHERE authority_id IN ('$p->{json}{user_authority_id}', '$p->{json}{host_authority_id}')"), $_->[1], '  its authorities are of that kind';
	is said($admin->call(DELETE => "$T/projects/$_->[1]")), '204', '  gone again';
}

# who sees what
is listed($admin->call(GET => "$T/projects")), 'prod Web', 'an admin lists all by name';
is listed($alice->call(GET => "$T/projects")), 'prod', 'a user the own ones';
is listed($admin->call(GET => "$T/projects?self=true")), '', '  and so does self';
is said($alice->call(GET => "$T/projects/web")), '404 project_unknown', 'another is not there for a user';
is $alice->call(GET => "$T/projects/web")->{text} =~ s/"trace_id": "[^"]*"//r =~ s/web/nix/r, $alice->call(GET => "$T/projects/nix")->{text} =~ s/"trace_id": "[^"]*"//r, '  as if it were not';
is said($alice->call(POST => "$T/projects", body => { name => 'mine' })), '403 role_missing', 'nor does a user make one';

# changing
is said($admin->call(PUT => "$T/projects/WEB", body => { name => 'other', create_server_users => $true, gateway_selector => 'env=test', user_on_demand_period => 600, rdp_session_recording => $true })), '204', 'settings';
my $web = $admin->call(GET => "$T/projects/web")->{json};
is "$web->{name} $web->{create_server_users} $web->{gateway_selector} $web->{user_on_demand_period} $web->{rdp_session_recording} $web->{next_unix_uid}", 'Web 1 env=test 600 1 60101', '  come back as they were set';
is said($admin->call(PUT => "$T/projects/web", body => { gateway_selector => '', user_on_demand_period => undef })), '204', '  can be unset';
$web = $admin->call(GET => "$T/projects/web")->{json};
ok !exists $web->{gateway_selector} && !defined $web->{user_on_demand_period} && $web->{create_server_users}, '  and the others stay';
is said($admin->call(PUT => "$T/projects/web", body => { ssh_certificate_type => 'CERT_TYPE_RSA_01' })), '409 ssh_certificate_type_fixed', 'the certificate type stays';
is said($admin->call(PUT => "$T/projects/web", body => { ssh_certificate_type => 'CERT_TYPE_ED25519_01' })), '204', '  said again is fine';

# groups in a project
is said($admin->call(POST => "$T/projects/web/groups", body => { group => 'ops', server_access => $true, servers_selector => '', id => undef, _ => '' })), '204', 'a group joins';
is $admin->call(GET => "$T/projects/web/groups/ops")->{json}{servers_selector}, undef, '  an empty selector is null';
is said($admin->call(POST => "$T/projects/web/groups", body => { group => 'ops', server_admin => $true, server_access => $true, create_server_group => $true, servers_selector => 'tier=web' })), '204', '  again: changed';
my $g = $admin->call(GET => "$T/projects/web/groups/OPS")->{json};
is "$g->{group} $g->{name} $g->{project} $g->{server_admin} $g->{servers_selector} $g->{server_group_name}", 'ops ops Web 1 tier=web sft_ops', '  reads back';
is said($admin->call(PUT => "$T/projects/web/groups/ops", body => { group => 'ops', server_access => $true, server_admin => $false, create_server_group => $false, servers_selector => undef })), '204', 'PUT';
$g = $admin->call(GET => "$T/projects/web/groups/ops")->{json};
ok !$g->{server_admin} && !defined $g->{servers_selector} && !defined $g->{server_group_name}, '  reads back';
is said($admin->call(POST => "$T/projects/web/groups", body => { group => $_->[0], %{ $_->[1] } })), $_->[2], "$_->[2]" for
	['nobody', { server_access => $true }, '404 group_unknown'], ['ops', { server_access => $false }, '400 project_group_rights_missing'],
	['ops', { servers_selector => 'a in b' }, '400 servers_selector_format'], ['ops', { server_access => 'x' }, '400 server_access_format'];
is $admin->call(POST => "$T/projects/web/groups", body => { group => 'ops', servers_selector => 'a in b' })->{json}{position}, 6, '  a selector\'s fault with its position';
is said($admin->call(POST => "$T/projects/web/groups", body => { group => 'people', server_access => $true, create_server_group => $true })), '204', 'another group';
is listed($admin->call(GET => "$T/projects/web/groups")), 'ops people', 'the list by name';
is listed($admin->call(GET => "$T/projects/web/groups?create_server_group=true")), 'people', '  filtered';
is listed($admin->call(GET => "$T/projects/web/groups?contains=op&has_selectors=true")), '', '  and by selectors';
is listed($alice->call(GET => "$T/projects")), 'prod Web', 'alice sees the project now';
is said($alice->call(GET => "$T/projects/web/groups/people")), '200', '  and its groups';
is said($alice->call(DELETE => "$T/projects/web/groups/people")), '403 role_missing', '  and changes none';
is said($admin->call(DELETE => "$T/projects/web/groups/people")), '204', 'a group leaves';
is said($admin->call($_ => "$T/projects/web/groups/people", $_ eq 'PUT' ? (body => {}) : ())), '404 project_group_unknown', "  $_" for qw(GET PUT DELETE);

# server users
my $one = $admin->call(GET => "$T/projects/web/server_users/alice")->{json}{list};
is "$one->{user_name} $one->{server_user_name} $one->{status} $one->{type}", 'alice alice ACTIVE human', 'a server user stands alone under list';
like $one->{unix_uid}, qr/^60\d{3}$/, '  with a uid';
is said($admin->call(GET => "$T/projects/web/server_users/bob")), '404 server_user_unknown', 'who has no account';
is listed($admin->call(GET => "$T/projects/web/server_users")), 'alice', 'the list';

# options with effects
my $host = $w->server('acme', 'Web', 'web01');
is users($host), 'alice', 'one\'s own account';
is said($admin->call(PUT => "$T/projects/web", body => { force_shared_ssh_users => $true, shared_standard_user_name => 'alice', shared_admin_user_name => 'boss' })), '409 shared_user_name_taken', 'a shared account is nobody\'s';
is said($admin->call(PUT => "$T/projects/web", body => { force_shared_ssh_users => $true, shared_standard_user_name => 'std', shared_admin_user_name => 'std' })), '400 shared_user_names_same', '  and not one';
is said($admin->call(PUT => "$T/projects/web", body => { force_shared_ssh_users => $true, shared_standard_user_name => 'std', shared_admin_user_name => 'boss' })), '204', 'shared accounts';
is users($host), 'boss- std', '  are what the server makes';
my $c = $alice->credential('web01');
is "$c->{status} $c->{json}{server_user_name} $c->{json}{principal}", '201 std std', '  and what alice\'s certificate says';
is $admin->call(GET => "$T/projects/web/server_users/alice")->{json}{list}{server_user_name}, 'std', '  and the list of accounts';
is said($admin->call(POST => "$T/projects/web/groups", body => { group => 'people', server_admin => $true, servers_selector => 'sftd.x' })), '204', 'admins by selector';
$w->server('acme', 'Web', 'web02', body => { labels => { x => '1' } });
$c = $alice->credential('web02');
is "$c->{json}{server_user_name} $c->{json}{principal}", "boss $c->{json}{server_id}:boss", '  the admin account is hers on that server alone';
$c = $alice->credential('web01');
is "$c->{json}{server_user_name} $c->{json}{principal}", 'std std', '  the standard one on every server';
my $r = $alice->call(POST => '/v1/resolve', body => { names => ['web02'], include_user_access_methods => $true })->{json}{results}[0];
is "$r->{user_access_methods}[0]{identity} $r->{user_access_methods}[0]{access_credential}", 'boss ssh-certificate-admin', '  resolve says the same';
my @uids = map { $_->{uid} } @{ state($host)->{users} };
is scalar(@uids), 2, 'two accounts';
isnt $uids[0], $uids[1], '  with uids of their own';
is $root->value("SELECT count(*) FROM sft.unix_ids WHERE unix_id IN (" . join(',', @uids) . ') AND shared_account_id IS NOT NULL'), 2, '  that nobody else gets';
is said($admin->call(PUT => "$T/projects/web", body => { force_shared_ssh_users => $false })), '204', 'shared no more';
is users($host), 'alice', '  everybody has the own account again';
for my $option (qw(forward_traffic ssh_session_recording)) {
	is said($admin->call(PUT => "$T/projects/web", body => { $option => $true })), '204', "$option is kept";
	$c = $alice->credential('web01');
	is said($c), '403 gateway_required', '  and nobody gets past the gateway that there is not';
	my ($event) = $w->audit("request_id = '" . $c->{request}{nonce} . "'");
	is $event->{error}, 'gateway_required', '  which the audit has';
	is said($admin->call(PUT => "$T/projects/web", body => { $option => $false })), '204', '  off';
	is said($alice->credential('web01')), '201', '  open';
}

# options for clients, cloud accounts
my $o = $admin->call(POST => "$T/projects/web/client_config_options", body => { config_key => 'ssh.port_forward_method', config_value => 'netcat' });
is said($o), '200', 'an option';
is $admin->call(POST => "$T/projects/web/client_config_options", body => { config_key => 'ssh.port_forward_method', config_value => 'native' })->{json}{id}, $o->{json}{id}, '  again: another value';
is said($admin->call(POST => "$T/projects/web/client_config_options", body => { config_key => $_->[0], config_value => $_->[1] })), $_->[2], "$_->[0]=$_->[1]" for
	['ssh.insecure_forward_agent', 'all', '400 config_value_format'], ['ssh.proxy', 'x', '400 config_key_unknown'], ['rdp.screensize', '1x1', '400 config_value_format'], ['rdp.fullscreen', $true, '200'];
is_deeply $alice->call(POST => '/v1/resolve', body => { names => ['web01'] })->{json}{results}[0]{client_config_options}, { 'ssh.port_forward_method' => 'native', 'rdp.fullscreen' => 'true' }, '  resolve tells the clients';
is listed($alice->call(GET => "$T/projects/web/client_config_options")), 'rdp.fullscreen ssh.port_forward_method', '  listed';
is said($admin->call(DELETE => "$T/projects/web/client_config_options/$o->{json}{id}")), $_, "  deleted: $_" for 204, '404 client_config_option_unknown';
my $cloud = $admin->call(POST => "$T/projects/web/cloud_accounts", body => { provider => 'aws', account_id => '123456789012', description => 'main' });
is said($cloud), '200', 'a cloud account';
is said($admin->call(POST => "$T/projects/web/cloud_accounts", body => { provider => $_->[0], account_id => $_->[1] })), $_->[2], "$_->[0] $_->[1]" for
	['aws', '123456789012', '409 cloud_account_id_taken'], ['aws', '12', '400 cloud_account_id_format'], ['azure', 'x', '400 cloud_provider_unknown'], ['gce', 'my-project-1', '200'];
is listed($alice->call(GET => "$T/projects/web/cloud_accounts")), '123456789012 my-project-1', '  listed';
is said($admin->call(DELETE => "$T/projects/web/cloud_accounts/$cloud->{json}{id}")), $_, "  deleted: $_" for 204, '404 cloud_account_unknown';

# tokens
my $t = $admin->call(POST => "$T/projects/web/server_enrollment_tokens", body => { description => 'rack', id => undef, token => undef, max_uses => 2 });
is said($t), '201', 'a token';
is $admin->call(GET => "$T/projects/web/server_enrollment_tokens/$t->{json}{id}")->{json}{token}, $t->{json}{token}, '  can be read again';
is listed($alice->call(GET => "$T/projects/web/server_enrollment_tokens")), 'test test rack', '  is listed';
is said($bob->call(GET => "$T/projects/web/server_enrollment_tokens")), '200', '  for those who are in the project';
is $w->server('acme', 'Web', 'web03', token => $t->{json}{token})->{enrolled}{status}, 201, '  and lets servers in';
is said($alice->call(DELETE => "$T/projects/web/server_enrollment_tokens/$t->{json}{id}")), '403 role_missing', '  is not for users to delete';
is said($admin->call(GET => "$T/projects/prod/server_enrollment_tokens/$t->{json}{id}")), '404 server_enrollment_token_unknown', '  nor another project\'s';
is said($admin->call(DELETE => "$T/projects/web/server_enrollment_tokens/$t->{json}{id}")), $_, "  deleted: $_" for 204, '404 server_enrollment_token_unknown';
is $w->server('acme', 'Web', 'web04', token => $t->{json}{token}, may_fail => 1)->{enrolled}{json}{error}, 'token_invalid', '  and lets nobody in';

# the end of a project
$t = $admin->call(POST => "$T/projects/web/server_enrollment_tokens", body => {});
my $live = $alice->credential('web01')->{json};
is said($admin->call(DELETE => "$T/projects/web")), '204', 'deleted';
is said($admin->call(GET => "$T/projects/web")), '404 project_unknown', '  gone';
is said($host->call(GET => '/v1/server/state?after=0')), '401 server_authorization_revoked', '  its servers are told';
is said($alice->credential('web01')), '404 server_unknown', '  nobody gets a certificate';
is said($alice->call(GET => "$T/credentials/$live->{request_id}")), '404 credential_unknown', '  nor one again that was out';
is $w->server('acme', 'Web', 'web05', token => $t->{json}{token}, may_fail => 1)->{enrolled}{json}{error}, 'token_invalid', '  no server joins';
is $root->value("SELECT count(DISTINCT authority_id) FROM sftca.revocations WHERE authority_id IN ('$web->{user_authority_id}', '$web->{host_authority_id}', '$web->{x509_authority_id}')
	AND serial_from = 1 AND serial_to = 9223372036854775807"), 3, '  all that its authorities signed or will sign is revoked';
my ($event) = $w->audit(q{type = 'project.delete' AND details->>'project' = 'Web'});
is "$event->{actor} $event->{details}{servers_removed}", 'terraform 3', '  the audit says by whom and how much';
my $again = $admin->call(POST => "$T/projects", body => { name => 'web' });
is said($again), '201', 'the name is free';
isnt $again->{json}{user_authority_id}, $web->{user_authority_id}, '  with other authorities';
is listed($admin->call(GET => "$T/projects/web/groups")), '', '  and none of its groups';
is listed($admin->call(GET => "$T/servers")), '', '  or servers';
# a server that joins while its project is deleted: it is let in before, or not at all
my @pair = map { Sft::Door->new($w->db) } 1 .. 2;
my $racing = Sft::Door::token($admin->call(POST => "$T/projects/web/server_enrollment_tokens", body => {})->{json}{token});
my ($racer, $racer_id) = ($w->key, Sft::Door::uuid());
my $join = $pair[0]->make(POST => '/v1/servers/enroll', key => $racer, as => "server/$racer_id", body => { id => $racer_id, public_key => $racer->public, token => { id => $racing->{i}, mac => $racer->mac($racing->{s}, $racer_id) },
	hostname => 'racer', os => 'o', os_type => 'linux', sftd_version => '1' });
my $delete = $admin->make(DELETE => "$T/projects/web");
my $answer = ' AS h (trace_id, status, headers, body, wait, continue_id)';
for my $order ([ $delete, $join, '204', '401' ], [ $join, $delete, '201', '204' ]) {
	$admin->call(POST => "$T/projects", body => { name => 'web' }) if $order->[0] == $join;
	if ($order->[0] == $join) {
		$racing = Sft::Door::token($admin->call(POST => "$T/projects/web/server_enrollment_tokens", body => {})->{json}{token});
		$order->[0] = $pair[0]->make(POST => '/v1/servers/enroll', key => $racer, as => "server/$racer_id", body => { id => $racer_id, public_key => $racer->public, token => { id => $racing->{i}, mac => $racer->mac($racing->{s}, $racer_id) },
			hostname => 'racer', os => 'o', os_type => 'linux', sftd_version => '1' });
	}
	$pair[0]->session->run('BEGIN');
	is $pair[0]->session->value('SELECT status FROM ' . $pair[0]->handle_sql($order->[0]) . $answer), $order->[2], "a race: the first is $order->[2]";
	$pair[1]->session->send('SELECT status FROM ' . $pair[1]->handle_sql($order->[1]) . $answer);
	$root->value('SELECT 1 FROM pg_sleep(0.2)');
	$pair[0]->session->run('COMMIT');
	is +($pair[1]->session->receive)[0], $order->[3], "  the second, which had to wait, $order->[3]";
}
is $root->value(q{SELECT count(*) FROM sft.servers s JOIN sft.projects p ON p.id = s.project_id WHERE p.deleted_at IS NOT NULL AND s.deleted_at IS NULL}), 0, '  no server is left in a project that is gone';
is scalar(grep { $_->{status} >= 500 } $w->audit('status >= 500')), 0, 'nothing was our fault';
done_testing;
