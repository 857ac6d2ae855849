# SPDX-License-Identifier: PostgreSQL
# Sft::System - everything real: PostgreSQL, the gateway over TLS, servers with sshd and sftd in
# namespaces, workstations with sft. For tests that go through public doors only.
#
#   my $sys = Sft::System->new;                  # cluster, gateway, team acme: olga owns, alice and bob
#                                                # work, project prod, group ops (alice) may log in
#   my $web = $sys->server('web01');             # enrolled, first state applied for its users
#   my $me = $sys->workstation('alice');         # enrolled by invitation, signed in, ssh configured
#   my ($rc, $out) = $me->run('ssh', 'web01', 'id', '-un');
#   $sys->admin(q{remove_member('acme', 'ops', 'alice')});
#   $sys->until(5, sub { … });                   # true within five seconds
#
# Everything goes away with the object. Needs root.
package Sft::System;
use strict;
use warnings;
use Carp;
use IO::Socket::INET;
use Sft::Db;
use Time::HiRes qw(sleep time);

our $top = $Sft::Db::top;
my @alive;

sub new
{
	my ($class, %o) = @_;
	my $self = bless { pid => $$, servers => [], password => {}, build => $o{build} // $top }, $class;
	$ENV{PG_SFTCA_BUILD} = $o{pg_build} if $o{pg_build};
	$self->{db} = Sft::Db->new(settings => $o{settings} // {});
	$self->{dir} = $self->{db}->folder;
	$self->{port} = free_port();               # where everybody finds the platform
	$self->{gateway_port} = $o{evil} ? free_port() : $self->{port};
	$self->{url} = "https://127.0.0.1:$self->{port}";
	$self->must("$top/dev/tls", "$self->{dir}/tls", 'postgres');
	$self->{ca} = "$self->{dir}/tls/ca.pem";
	$self->{dba} = $self->db->dba;
	$self->instance;
	$self->start_gateway;
	if ($o{evil}) {                            # taken over: it stands where the gateway should
		require Sft::Evil;
		$self->{evil} = Sft::Evil->new(port => $self->{port}, behind => $self->{gateway_port}, tls => "$self->{dir}/tls", dir => $self->{dir});
	}
	$self->company unless $o{empty};
	push @alive, $self;
	return $self;
}

# An interrupted test cleans up as well.
$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);
END { $_ and $_->destroy for @alive }

sub db { $_[0]{db} }
sub folder { $_[0]{dir} }
sub must { my ($self, @argv) = @_; return $self->db->must(@argv) }
sub command { my ($self, @argv) = @_; return $self->db->command(@argv) }
sub slurp { my ($file) = @_; open my $fh, '<:raw', $file or return ''; local $/; return scalar <$fh> }

sub write_file
{
	my ($self, $name, $text, $mode) = @_;
	my $path = $name =~ m{^/} ? $name : "$self->{dir}/$name";
	open my $fh, '>:raw', $path or croak "$path: $!";
	chmod $mode // 0600, $path;
	print $fh $text;
	close $fh or croak "$path: $!";
	return $path;
}

sub free_port
{
	my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0) or croak "no port: $!";
	return $s->sockport;
}

sub until
{
	my ($self, $seconds, $true) = @_;
	my $limit = time + $seconds;
	while (1) {
		my $got = $true->();
		return $got if $got || time > $limit;
		sleep 0.1;
	}
}

# --- platform ------------------------------------------------------------------------------------

sub instance
{
	my ($self) = @_;
	my $pem = slurp($self->{ca});
	$self->admin("set_instance('test', '$self->{url}', '127.0.0.1:$self->{port}', '$pem')");
}

sub start_gateway
{
	my ($self, %o) = @_;
	my $conf = $self->write_file('gateway.conf', join("\n", "listen = 127.0.0.1:$self->{gateway_port}",
		"tls_certificate = $self->{dir}/tls/server.pem", "tls_key = $self->{dir}/tls/server.key",
		'database = host=' . $self->db->{dir} . '/sock port=5432 dbname=sft user=sft_gateway', @{ $o{conf} // [] }, ''), 0644);
	my $log = "$self->{dir}/gateway.log";
	my $pid = fork // croak "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		local %ENV = (PATH => '/usr/bin:/bin', LC_ALL => 'C.UTF-8', %{ $o{env} // {} });
		exec 'setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups', '--no-new-privs',
			$o{program} // "$self->{build}/gateway/sft-gateway", '--config', $conf;
		exit 127;
	}
	$self->{gateway} = $pid;
	$self->until(20, sub { (kill 0, $pid) && ($self->curl('/readyz', port => $self->{gateway_port}))[0] eq '200' }) or croak 'no gateway: ' . slurp($log);
}

sub gateway_pid { $_[0]{gateway} }

sub stop_gateway
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{gateway} or return;
	kill $signal // 'TERM', $pid;
	local $?;
	waitpid $pid, 0;
}

# Status and body of a GET.
sub curl
{
	my ($self, $path, %o) = @_;
	my (undef, $out) = $self->command('curl', '-s', '-m', '10', '--cacert', $self->{ca}, '-w', '\n%{http_code}',
		'https://127.0.0.1:' . ($o{port} // $self->{port}) . $path);
	my ($body, $status) = $out =~ /^(.*)\n(\d+)$/s;
	return ($status // '000', $body // '');
}

sub admin
{
	my ($self, $call) = @_;
	return $self->{dba}->value("SELECT sft_admin.$call");
}

sub company
{
	my ($self) = @_;
	$self->admin(q{create_team('acme', 'olga')});
	$self->admin("create_user('acme', '$_')") for qw(alice bob);
	$self->admin(q{create_group('acme', 'ops')});
	$self->admin(q{add_member('acme', 'ops', 'alice')});
	$self->admin(q{create_project('acme', 'prod')});
	$self->admin(q{add_project_group('acme', 'prod', 'ops')});
}

# The superuser's eye.
sub value { my ($self, $sql) = @_; return $self->db->root->value($sql) }
sub rows { my ($self, $sql) = @_; return $self->db->root->rows($sql) }

# --- servers -------------------------------------------------------------------------------------

sub server
{
	my ($self, $name, %o) = @_;
	my $server = Sft::System::Server->new($self, $name, %o);
	push @{ $self->{servers} }, $server;
	return $server;
}

sub workstation { my ($self, $user, %o) = @_; return Sft::System::Workstation->new($self, $user, %o) }

# A file with the user's password; the first time also the new one, in a second line.
sub password_file
{
	my ($self, $user) = @_;
	my $chosen = "correct horse $user battery";
	my $once = $self->{password}{$user}++ ? '' : $self->admin("reset_password('acme', '$user')") . "\n";
	return $self->write_file("password-$user", "$once$chosen\n");
}

sub destroy
{
	my ($self) = @_;
	return if $$ != $self->{pid} || $self->{gone}++;
	local ($?, $@);
	$_->destroy for @{ $self->{servers} };
	$self->stop_gateway('KILL');
	$self->{evil}->stop if $self->{evil};
	@alive = grep { $_ && $_ != $self } @alive;
	delete @{$self}{qw(dba db)};
}

sub DESTROY { $_[0]->destroy }

package Sft::System::Server;
use strict;
use warnings;
use Carp;

sub new
{
	my ($class, $sys, $name, %o) = @_;
	my $self = bless { name => $name, dir => $sys->folder . "/host-$name", port => Sft::System::free_port(), sys => $sys }, $class;
	Scalar::Util::weaken($self->{sys});
	$self->host('start', $self->{port}, $name);
	$sys->write_file("$self->{dir}/fs/etc/sft/sftd.yaml", join '', map { "$_\n" } "CanonicalName: $name",
		'AccessAddress: 127.0.0.1', "SSHDPort: $self->{port}", @{ $o{yaml} // [] });
	return $self if $o{bare};
	$self->give_token($o{token} // $sys->admin("create_server_enrollment_token('acme', '" . ($o{project} // 'prod') . "', 'test')"));
	$self->sftd;
	$self->ready($o{user} // 'alice');
	return $self;
}

sub sys { $_[0]{sys} }
sub host { my ($self, $verb, @argv) = @_; return $self->sys->must("$Sft::System::top/dev/host", $verb, $self->{dir}, @argv) }
sub run { my ($self, @argv) = @_; return $self->sys->command("$Sft::System::top/dev/host", 'exec', $self->{dir}, @argv) }
sub file { my ($self, $path) = @_; return Sft::System::slurp("$self->{dir}/fs$path") }
sub log_text { $_[0]->file('/var/log/sftd.log') }
sub sshd_log { $_[0]->file('/var/log/sshd.log') }
sub give_token { my ($self, $token) = @_; $self->sys->write_file("$self->{dir}/fs/var/lib/sftd/enrollment.token", "$token\n", 0600) }
sub sftd { my ($self, @argv) = @_; return $self->host('sftd', @argv) }

# The agent has applied a state that lets the user in.
sub ready
{
	my ($self, $user) = @_;
	$self->sys->until(30, sub { -s "$self->{dir}/fs/var/lib/sftd/principals/$user" })
		or croak "$self->{name}: no principals for $user\n" . $self->log_text;
}

sub destroy { my ($self) = @_; $self->sys->command("$Sft::System::top/dev/host", 'destroy', $self->{dir}) if $self->sys }

package Sft::System::Workstation;
use strict;
use warnings;
use Carp;

my $count = 0;

sub new
{
	my ($class, $sys, $user, %o) = @_;
	my $self = bless { user => $user, home => $sys->folder . "/$user-" . ++$count, sys => $sys }, $class;
	Scalar::Util::weaken($self->{sys});
	mkdir $_, 0700 or croak "$_: $!" for $self->{home}, map { "$self->{home}/$_" } qw(run bin .ssh);
	symlink "$sys->{build}/client/sft", "$self->{home}/bin/sft" or croak $!;
	return $self if $o{bare};
	$self->enroll;
	$self->sign_in;
	$self->configure_ssh;
	return $self;
}

sub sys { $_[0]{sys} }
sub env
{
	my ($self) = @_;
	my $h = $self->{home};
	return ('env', '-i', "PATH=$h/bin:/usr/bin:/bin", "HOME=$h", 'LC_ALL=C.UTF-8', "XDG_CONFIG_HOME=$h/config",
		"XDG_STATE_HOME=$h/state", "XDG_CACHE_HOME=$h/cache", "XDG_RUNTIME_DIR=$h/run");
}

# Runs a program there; ssh and its kin read the configuration that sft printed.
sub run
{
	my ($self, $program, @argv) = @_;
	my $conf = "$self->{home}/.ssh/config";
	unshift @argv, '-F', $conf if $program =~ /^(ssh|scp|sftp)$/;
	unshift @argv, '-e', "ssh -F $conf" if $program eq 'rsync';
	return $self->sys->command($self->env, $program, @argv);
}

sub must
{
	my ($self, @argv) = @_;
	my ($rc, $out) = $self->run(@argv);
	croak "@argv: exit $rc\n$out" if $rc;
	return $out;
}

sub enroll
{
	my ($self) = @_;
	my $token = $self->sys->write_file("$self->{home}/invitation", $self->sys->admin("invite('acme', '$self->{user}')") . "\n");
	$self->must('sft', 'enroll', '--token-file', $token);
}

sub sign_in
{
	my ($self) = @_;
	$self->must('sft', 'login', '--password-file', $self->sys->password_file($self->{user}));
}

sub configure_ssh
{
	my ($self) = @_;
	$self->sys->write_file("$self->{home}/.ssh/config", $self->must('sft', 'ssh-config'));
}

# The newest certificate on disk, and the session key beside it.
sub certificate
{
	my ($self) = @_;
	my (undef, $found) = $self->sys->command('find', "$self->{home}/run", '-name', '*-cert.pub', '-printf', '%T@ %p\n');
	my ($newest) = sort { (split / /, $b)[0] <=> (split / /, $a)[0] } split /\n/, $found;
	return $newest ? (split / /, $newest, 2)[1] : undef;
}

sub key
{
	my ($self) = @_;
	my (undef, $found) = $self->sys->command('find', "$self->{home}/run", '-name', 'key', '-type', 'f');
	return (split /\n/, $found)[0];
}

# OpenSSH alone, with a certificate file and a key, no sft anywhere.
sub ssh_with
{
	my ($self, $server, $login, $key, $certificate, @command) = @_;
	return $self->sys->command('env', '-i', 'PATH=/usr/bin:/bin', 'ssh', '-F', '/dev/null', '-p', $server->{port}, '-i', $key,
		'-o', "CertificateFile=$certificate", map({ ('-o', $_) } 'BatchMode=yes', 'IdentitiesOnly=yes', 'IdentityAgent=none',
		'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=10'),
		"$login\@127.0.0.1", @command);
}

package Sft::System;
use Scalar::Util ();

1;
