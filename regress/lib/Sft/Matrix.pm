# SPDX-License-Identifier: PostgreSQL
# Sft::Matrix - every call of the API that a team's members make, with something of each kind to make it on: for tests that
# try them all, as everybody. The calls and who may make them come from regress/product/*.tsv, not from the routes.
#
#   my $m = Sft::Matrix->new($world, 'acme', 'a');     # what there is in team acme, its names with an "a" in front
#   for my $call ($m->calls) { … $call->{name}, {method}, {roles}, {status} … }
#   $m->target($call, %other_params); $m->body($call);
#   my @answers = $m->run([ $subject, $call, %o ], …);  # each in a transaction that is rolled back
package Sft::Matrix;
use strict;
use warnings;
use Carp;
use JSON::PP ();
use Sft::Door;
use Sft::Product;
use POSIX 'strftime';

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $json = JSON::PP->new->utf8->canonical;

# All calls for members; kind is member but where the file says otherwise.
sub calls
{
	return (
		map({ +{ %$_, name => "$_->{n} $_->{method} T/$_->{path}", path => "/v1/teams/{team}/$_->{path}", kind => 'member' } } grep { $_->{n} > 1 } Sft::Product::endpoints()),
		grep { $_->{kind} eq 'member' } others());
}

sub others
{
	return map {
		my %c;
		@c{qw(n method path kind roles status product)} = @$_;
		$c{roles} = [ split /,/, $c{roles} ];
		$c{name} = "$c{n}: $c{method} $c{path}";
		\%c
	} Sft::Product::table('ours');
}

sub new
{
	my ($class, $world, $team, $prefix) = @_;
	my $self = bless { world => $world, team => $team, x => $prefix, has => {} }, $class;
	$self->furnish;
	return $self;
}

sub make_one
{
	my ($self, $method, $rest, $body, $want) = @_;
	my $a = $self->{owner}->call($method, "/v1/teams/$self->{team}/$rest", defined $body ? (body => $body) : ());
	croak "$method $rest: $a->{status} $a->{text}" unless $a->{status} =~ /^2/;
	return $a->{json};
}

# One of everything, made through the API by a service user of the owners.
sub furnish
{
	my ($self) = @_;
	my ($w, $x, $team) = @{$self}{qw(world x team)};
	my $has = $self->{has};
	$self->{owner} = $w->robot($team, "${x}owner", 'owners');
	@$has{qw(user_name service_name group_name own_group project_name member_name)} = map { "$x$_" } qw(user robot ops team prod member);
	$self->make_one(POST => 'groups', { name => $_, roles => [] }) for @$has{qw(group_name own_group)};
	$w->admin("create_user('$team', '$_')") for @$has{qw(user_name member_name)};
	$self->make_one(POST => 'service_users', { name => $has->{service_name} });
	$has->{key_id} = $self->make_one(POST => "service_users/$has->{service_name}/keys")->{id};
	$self->make_one(POST => "groups/$has->{group_name}/users", { name => $has->{$_} }) for qw(user_name);
	$self->make_one(POST => 'projects', { name => $has->{project_name}, create_server_users => $true });
	my $in = "projects/$has->{project_name}";
	$self->make_one(POST => "$in/groups", { group => $has->{group_name}, server_access => $true, server_admin => $false, create_server_group => $true });
	$has->{client_config_options_id} = $self->make_one(POST => "$in/client_config_options", { config_key => 'ssh.port_forward_method', config_value => 'netcat' })->{id};
	$has->{cloud_account_id} = $self->make_one(POST => "$in/cloud_accounts", { provider => 'aws', account_id => '123456789012', description => 'x' })->{id};
	$self->make_one(POST => "$in/preauthorizations", { user_name => $has->{user_name}, expires_at => $self->soon, projects => [ $has->{project_name} ], disabled => $false });
	$has->{authorization_id} = $self->make_one(GET => "$in/preauthorizations")->{list}[0]{id};
	$has->{server_enrollment_token_id} = $self->make_one(POST => "$in/server_enrollment_tokens", { description => 'x' })->{id};
	$has->{server_id} = $self->make_one(POST => "$in/servers", { hostname => "${x}bastion", access_address => '192.0.2.7' })->{id};
	$has->{sudo_id} = $self->make_one(POST => 'entitlements/sudo', $self->sudo("${x}sudo"))->{id};
	$has->{used_sudo_id} = $self->make_one(POST => 'entitlements/sudo', $self->sudo("${x}used"))->{id};
	$self->make_one(POST => "$in/entitlements", { group => $has->{group_name}, entitlement_id => $has->{used_sudo_id} });
	$has->{invitation_id} = Sft::Door::token($w->admin("invite('$team', '$has->{member_name}')"))->{i};
	$has->{user_id} = $self->make_one(GET => "users/$has->{user_name}")->{id};
	$has->{policy_id} = $self->make_one(POST => 'client_enrollment_policies', { name => "${x}fleet" })->{id};
	$has->{setup_token_id} = $self->make_one(POST => 'gateway_setup_tokens', { description => 'x', registration_type => 'gateway-agent', details => { labels => {} } })->{id};
	$has->{gateway_id} = $w->db->root->value("INSERT INTO sft.gateways (team_id, gateway_setup_token_id, name) SELECT team_id, id, '${x}gateway' FROM sft.gateway_setup_tokens WHERE id = '$has->{setup_token_id}' RETURNING id");
	$has->{cluster_id} = $self->make_one(POST => 'kubernetes/clusters', { key => "${x}cluster", auth => 'NONE', labels => { a => 'b' } })->{id};
	$has->{cluster_group_id} = $self->make_one(POST => 'kubernetes/cluster_groups', { group_name => $has->{own_group}, cluster_selector => 'api.a=b', claims => {} })->{id};
	$has->{user_attribute_id} = (grep { $_->{attribute_name} eq 'unix_user_name' } @{ $self->make_one(GET => "users/$has->{user_name}/attributes")->{list} })[0]{id};
	$has->{group_attribute_id} = (grep { $_->{attribute_name} eq 'unix_group_name' } @{ $self->make_one(GET => "groups/$has->{group_name}/attributes")->{list} })[0]{id};
	$self->{person} = $w->client($team, $has->{user_name});
	$has->{client_id} = $self->{person}{id};
	my %by = map { $_->{purpose} => $_->{id} } @{ $self->make_one(GET => "authorities?project=$has->{project_name}")->{list} };
	($has->{authority_id}, $has->{fresh_authority_id}) = @by{qw(x509 ssh_user)};
	$has->{generation} = $self->make_one(POST => "authorities/$has->{authority_id}/keys")->{generation};
	$has->{lock_id} = $self->make_one(POST => 'locks', { subject_kind => 'user', subject => $has->{member_name}, reason => 'x' })->{id};
}

sub soon { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3600)) }

sub sudo
{
	my ($self, $name) = @_;
	return { name => $name, description => '', opt_no_exec => $false, opt_no_passwd => $false, opt_run_as => 'root', opt_set_env => $false, add_env => [], sub_env => [],
		structured_commands => [ { command => '/usr/bin/id', command_type => 'executable', args_type => 'none', args => '' } ] };
}

# What a value in a call's path is called in {has}.
sub means
{
	my ($call, $param) = @_;
	return 'service_name' if $param eq 'user_name' && $call->{path} =~ m{/service_users/};
	return $call->{path} =~ m{/groups/\{} ? 'group_attribute_id' : 'user_attribute_id' if $param eq 'attribute_id';
	return $param;
}

sub params { my ($call) = @_; return grep { $_ ne 'team' } $call->{path} =~ /\{(\w+)\}/g }

sub target
{
	my ($self, $call, %other) = @_;
	my $path = $call->{path} =~ s/\{(\w+)\}/$other{$1} \/\/ ($1 eq 'team' ? $self->{team} : $self->{has}{ means($call, $1) }) \/\/ croak "no $1"/ger;
	return $path;
}

# A body with which the call works.
sub body
{
	my ($self, $call) = @_;
	my ($has, $x, $n) = (@{$self}{qw(has x)}, $call->{n});
	my %body = (
		3 => { name => "${x}more" }, 5 => { name => $has->{service_name}, status => 'ACTIVE' }, 7 => {}, 10 => { labels => { a => 'b' } }, 12 => { client_session_duration => 3600 }, 16 => { status => 'DISABLED' },
		19 => { name => "${x}more", roles => [] }, 22 => { roles => [] }, 24 => { name => $has->{member_name} }, 29 => { attribute_name => 'unix_group_name', attribute_value => "sft_${x}new" },
		32 => { attribute_name => 'unix_user_name', attribute_value => "${x}new" }, 34 => { name => "${x}more" }, 37 => { create_server_users => $false }, 39 => { config_key => 'ssh.insecure_forward_agent', config_value => 'host' },
		42 => { provider => 'gce', account_id => 'some-project' }, 45 => { group => $has->{own_group}, server_access => $true, server_admin => $false, create_server_group => $false },
		48 => { group => $has->{group_name}, server_access => $true, server_admin => $true, create_server_group => $false }, 50 => { user_name => $has->{member_name}, expires_at => $self->soon, projects => [ $has->{project_name} ] },
		52 => { user_name => $has->{user_name}, expires_at => $self->soon, projects => [ $has->{project_name} ], disabled => $true }, 54 => { description => 'more' }, 60 => { hostname => "${x}more", access_address => '192.0.2.9' },
		63 => { labels => { a => 'b' } }, 65 => $self->sudo("${x}more"), 68 => $self->sudo("${x}sudo"), 72 => { state => 'PENDING' },
		'revocation.create' => { user => $has->{user_name}, reason => 'x' }, 'lock.create' => { subject_kind => 'user', subject => $has->{user_name}, reason => 'x' }, 'key.create' => {}, 'key.activate' => {},
		'policy.create' => { name => "${x}more" }, 'policy.update' => { description => 'y' }, 'setup_token.create' => { description => 'y', registration_type => 'gateway-agent', details => { labels => { a => 'b' } } },
		'gateway.update' => { description => 'y' }, 'cluster.create' => { key => "${x}more", auth => 'NONE', labels => {} }, 'cluster.update' => { api_url => 'https://k8s.example.com' },
		'cluster_group.create' => { group_name => $has->{group_name}, cluster_selector => 'a=b', claims => { groups => ['x'] } }, 'cluster_group.update' => { cluster_selector => 'a=c' },
		'user.create' => { name => "${x}person" }, 'invitation.create' => { user_name => $has->{user_name} }, 'project_entitlement.create' => { group => $has->{group_name}, entitlement_id => $has->{sudo_id} },
	);
	return $body{$n};
}

# Makes calls, each in a transaction of its own that is rolled back; the answers in their order.
sub run
{
	my ($self, @asked) = @_;
	my $door = $self->{world}->door;
	my (@requests, @sql);
	for (@asked) {
		my ($who, $call, %o) = @$_;
		my $body = exists $o{body} ? $o{body} : $self->body($call);
		my @make = ($call->{method}, $o{target} // $self->target($call, %{ $o{params} // {} }), defined $body ? (body => $body) : ());
		my $r = $who ? $who->make(@make) : $door->make(@make);
		$r->{trace_id} = 'matrix';
		push @sql, 'BEGIN', 'SELECT to_jsonb(h) FROM ' . $door->handle_sql($r) . ' AS h (trace_id, status, headers, body, wait, continue_id)', 'ROLLBACK';
	}
	my @lines;
	while (@sql) {                                           # never more than the pipe to psql holds while psql waits to be read
		my ($size, @some) = (0);
		do { $size += length($sql[1]) + 64; push @some, splice @sql, 0, 3 } while @sql && $size + length($sql[1]) < 40000;
		push @lines, $door->session->run(@some);
		croak 'a call raised: ' . $door->session->error . ' ' . $door->session->message if defined $door->session->error;
	}
	croak scalar(@lines) . ' answers to ' . scalar(@asked) unless @lines == @asked;
	return map { Sft::Door::answer($json->decode($_)) } @lines;
}

1;
