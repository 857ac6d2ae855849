# SPDX-License-Identifier: PostgreSQL
# Sft::World - a small company on the platform: made by a DBA through sft_admin, lived in through the doors.
#
#   my $w = Sft::World->new;                    # cluster, instance, team acme: olga owns, alice and bob work,
#                                               # project prod, group ops (members alice) with server access
#   my $c = $w->client('acme', 'alice');        # enrolled by invitation and signed in
#   my $s = $w->server('acme', 'prod', 'web01');
#   my $a = $c->credential($s->{id});           # POST T/credentials and finish
#   my $r = $w->robot('acme', 'terraform', 'owners');   # a service user with a bearer token
package Sft::World;
use strict;
use warnings;
use Carp;
use Sft::Db;
use Sft::Door;
use Sft::Key;

sub new
{
	my ($class, %opt) = @_;
	my $db = $opt{db} // Sft::Db->new(settings => $opt{settings});
	my $self = bless { db => $db, dba => $db->dba, password => {} }, $class;
	$self->admin(q{set_instance('test', 'https://sft.example.com', 'sft.example.com', '-----BEGIN CERTIFICATE-----
MAo=
-----END CERTIFICATE-----
')});
	$self->{door} = Sft::Door->new($db);
	$self->company('acme') unless $opt{empty};
	return $self;
}

sub db { $_[0]{db} }
sub door { $_[0]{door} }

# Calls a function of sft_admin as a DBA.
sub admin
{
	my ($self, $call) = @_;
	return $self->{dba}->value("SELECT sft_admin.$call");
}

sub try_admin
{
	my ($self, $call) = @_;
	$self->{dba}->run("SELECT sft_admin.$call");
	return $self->{dba}->code // $self->{dba}->error // 'done';
}

sub company
{
	my ($self, $team) = @_;
	$self->admin("create_team('$team', 'olga')");
	$self->admin("create_user('$team', '$_')") for qw(alice bob);
	$self->admin("create_group('$team', 'ops')");
	$self->admin("add_member('$team', 'ops', 'alice')");
	$self->admin("create_project('$team', 'prod')");
	$self->admin("add_project_group('$team', 'prod', 'ops')");
}

sub key { my ($self, $kind) = @_; return Sft::Key->new($self->db->folder, $kind) }

# A session key, as the client makes one: only its public text matters here.
sub ssh_key { $_[0]->key('ed25519')->public }

sub enroll
{
	my ($self, $team, $user, %o) = @_;
	my $key = $o{key} // $self->key;
	my $id = $o{id} // Sft::Door::uuid();
	my $c = Sft::World::Subject->new($self, "client/$id", $key, team => $team, user => $user);
	my %body = (id => $id, public_key => $key->public, hostname => 'laptop', os => 'Debian 12');
	if ($o{invitation}) {
		my $t = Sft::Door::token($o{invitation});
		$body{invitation} = { id => $t->{i}, mac => $key->mac($t->{s}, $id) };
	}
	$c->{enrolled} = $c->call(POST => "/v1/teams/$team/clients", body => { %body, %{ $o{body} // {} } });
	return $c;
}

# The user's password, chosen at the first sign-in.
sub password
{
	my ($self, $team, $user) = @_;
	return $self->{password}{"$team/$user"} //= do {
		my $once = $self->admin("reset_password('$team', '$user')");
		my $chosen = "correct horse $user battery";
		$self->{once} = $once;
		[ $once, $chosen ];
	};
}

sub client
{
	my ($self, $team, $user) = @_;
	my $c = $self->enroll($team, $user, invitation => $self->admin("invite('$team', '$user')"));
	croak "enroll: $c->{enrolled}{text}" unless $c->{enrolled}{status} == 201;
	my $s = $c->sign_in;
	croak "sign in: $s->{text}" unless $s->{status} == 201;
	return $c;
}

sub server
{
	my ($self, $team, $project, $hostname, %o) = @_;
	my $t = Sft::Door::token($o{token} // $self->admin("create_server_enrollment_token('$team', '$project', 'test')"));
	my $key = $o{key} // $self->key;
	my $id = $o{id} // Sft::Door::uuid();
	my $s = Sft::World::Subject->new($self, "server/$id", $key, team => $team, project => $project);
	$s->{enrolled} = $s->call(POST => '/v1/servers/enroll', body => {
		id => $id, public_key => $key->public, token => { id => $t->{i}, mac => $key->mac($t->{s}, $id) },
		hostname => $hostname, os => 'Debian 12', os_type => 'linux', sftd_version => '1.0', ssh_port => 22,
		alt_names => [], ssh_host_keys => [ $self->ssh_key ], labels => {}, %{ $o{body} // {} },
	});
	croak "enroll: $s->{enrolled}{text}" unless $o{may_fail} || $s->{enrolled}{status} == 201;
	return $s;
}

# A service user in these groups, calling with a bearer token: $w->robot('acme', 'terraform', 'owners')->call(GET => …).
sub robot
{
	my ($self, $team, $name, @groups) = @_;
	$self->admin("create_user('$team', '$name', user_type => 'service')");
	$self->admin("add_member('$team', '$_', '$name')") for @groups;
	my $key = $self->{dba}->row("SELECT * FROM sft_admin.create_service_key('$team', '$name')");
	my $robot = Sft::World::Robot->new($self, "service/$name", undef, team => $team, user => $name, service_key => $key);
	$robot->get_token;
	return $robot;
}

# Events of the audit, oldest first.
sub audit
{
	my ($self, $where) = @_;
	return $self->db->root->rows('SELECT * FROM sft.audit_events WHERE ' . ($where // 'true') . ' ORDER BY 1');
}

package Sft::World::Subject;
use strict;
use warnings;

sub new
{
	my ($class, $world, $as, $key, %o) = @_;
	my ($id) = $as =~ m{/(.*)};
	return bless { %o, world => $world, as => $as, key => $key, id => $id }, $class;
}

sub make { my ($self, $method, $target, %o) = @_; return $self->{world}->door->make($method, $target, key => $self->{key}, as => $self->{as}, %o) }
sub call { my ($self, $method, $target, %o) = @_; return $self->{world}->door->call($method, $target, key => $self->{key}, as => $self->{as}, %o) }
sub path { my ($self, $rest) = @_; return "/v1/teams/$self->{team}/$rest" }

sub sign_in
{
	my ($self, %body) = @_;
	if (!%body) {
		my $p = $self->{world}->password($self->{team}, $self->{user});
		%body = @$p == 2 ? (password => $p->[0], new_password => $p->[1]) : (password => $p->[0]);
		shift @$p if @$p == 2;
	}
	my $answer = $self->call(POST => $self->path('client_sessions'), body => \%body);
	$self->{session} = $answer->{json}{id} if $answer->{status} == 201;
	return $answer;
}

sub credential_body
{
	my ($self, $server, %o) = @_;
	return { kind => 'ssh_user', server => $server, public_key => $o{public_key} // ($self->{ssh_key} //= $self->{world}->ssh_key),
		defined $o{ttl} ? (ttl => $o{ttl}) : () };
}

sub credential_request
{
	my ($self, $server, %o) = @_;
	my %body = (%{ $self->credential_body($server, %{ $o{body} // {} }) }, %{ $o{extra} // {} });
	delete @o{qw(body extra)};
	return $self->make(POST => $self->path('credentials'), body => \%body, %o);
}

sub credential
{
	my ($self, $server, %o) = @_;
	my ($answer) = $self->{world}->door->batch([ $self->credential_request($server, %o) ]);
	return $answer;
}

package Sft::World::Robot;
use strict;
use warnings;
use Carp;
our @ISA = ('Sft::World::Subject');

sub get_token
{
	my ($self) = @_;
	my $answer = $self->{world}->door->call(POST => $self->path('service_token'), body => $self->{service_key});
	croak "service_token: $answer->{text}" unless $answer->{status} == 200;
	$self->{token} = $answer->{json}{bearer_token};
	return $answer;
}

sub bearer { my ($self, %o) = @_; return (%o, headers => { authorization => "Bearer $self->{token}", %{ $o{headers} // {} } }) }
sub make { my ($self, $method, $target, %o) = @_; return $self->{world}->door->make($method, $target, $self->bearer(%o)) }
sub call { my ($self, $method, $target, %o) = @_; return $self->{world}->door->call($method, $target, $self->bearer(%o)) }

1;
