# SPDX-License-Identifier: PostgreSQL
# Net - a network of its own with nothing but a loopback, and the servers that a test starts in it.
#
#   my $net = Net->new($db);                        # $db runs commands (Sft::Db)
#   my $pid = $net->spawn('name', 'sshd', …);       # its output is in FOLDER/name.log
#   $net->listens(22);                              # dies with that log when it does not
#   my ($rc, $out) = $net->command('ssh', …);       # a client in the same network
#
# Ports are free by construction and nobody outside can connect. /run is its own too. All servers end with the object.
package Net;
use strict;
use warnings;
use Carp;
use Time::HiRes qw(sleep time);

sub new
{
	my ($class, $db) = @_;
	my $self = bless { db => $db, pid => $$, spawned => [], serial => 0 }, $class;
	my $ready = $db->folder . "/net.$$." . ++our $nets;
	my $pid = fork // croak "fork: $!";
	if (!$pid) {
		output("$ready.log");
		exec "$Sft::Db::top/dev/ns", '--net', '--', 'sh', '-c',
			'ip link set lo up && mount -t tmpfs -o mode=0755 none /run && mkdir -p /run/sshd /run/postgresql && : >"$1" && exec sleep 86400', 'net', $ready;
		exit 127;
	}
	$self->{holder} = $pid;
	my $limit = time + 20;
	until (-e $ready) { croak 'no network of its own: ' . Sft::Db::slurp("$ready.log") if time > $limit || waitpid($pid, 1) == $pid; sleep 0.02 }
	return $self;
}

sub output
{
	my ($log) = @_;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', $log;
	open STDERR, '>&', \*STDOUT;
}

sub enter { my ($self) = @_; return ('nsenter', "--target=$self->{holder}", '--net', '--mount', '--root', '--wd', '--') }     # also in a chroot its own
sub command { my ($self, @argv) = @_; return $self->{db}->command($self->enter, @argv) }
sub must { my ($self, @argv) = @_; return $self->{db}->must($self->enter, @argv) }

sub spawn
{
	my ($self, $name, @argv) = @_;
	$self->{log} = $self->{db}->folder . "/$name.log";
	my $pid = fork // croak "fork: $!";
	if (!$pid) {
		output($self->{log});
		exec $self->enter, @argv;
		exit 127;
	}
	push @{ $self->{spawned} }, $pid;
	return $pid;
}

sub log_text { my ($self, $name) = @_; return Sft::Db::slurp($self->{db}->folder . "/$name.log") }

# Waits until somebody listens there.
sub listens
{
	my ($self, $port) = @_;
	my $limit = time + 30;
	until ($self->must('ss', '-Hltn', "sport = :$port") ne '') {
		croak "nobody listens at $port: " . Sft::Db::slurp($self->{log}) if time > $limit;
		sleep 0.05;
	}
}

sub end
{
	my ($self, $pid, $signal) = @_;
	$self->{spawned} = [grep { $_ != $pid } @{ $self->{spawned} }];
	kill $signal // 'TERM', $pid;
	waitpid $pid, 0;
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{pid};
	local ($?, $!, $@);
	my @all = (@{ $self->{spawned} }, $self->{holder});
	$self->end($_) for @all;
}

1;
