# SPDX-License-Identifier: PostgreSQL
# Bench - how to measure a vault on a machine that is busy with other things: processor time of one
# backend, next to what the openssl program does on the same core at the same time.
#
#   my $b = Bench->new($vault);              # a backend pinned to one processor
#   my $s = $b->session;
#   my $us = $b->cost($n, 'SELECT …');       # microseconds of processor time for each of n
#   my ($sign, $verify) = $b->openssl('ed25519');   # per second
package Bench;
use strict;
use warnings;

sub new
{
	my ($class, $v) = @_;
	my $self = bless { vault => $v, processor => last_processor(), session => $v->db->session('postgres') }, $class;
	$self->{pid} = $self->pin($self->{session});
	return $self;
}

sub session { $_[0]{session} }

# The last one that we may use; the first ones tend to serve interrupts.
sub last_processor
{
	my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
	return ($list =~ /(\d+)$/)[0];
}

sub slurp
{
	open my $in, '<', $_[0] or die "$_[0]: $!";
	local $/;
	return scalar <$in>;
}

sub pin
{
	my ($self, $session) = @_;
	my $pid = $session->value('SELECT pg_backend_pid()');
	$self->{vault}->db->must('taskset', '-cp', $self->{processor}, $pid);
	$self->{vault}->db->must('renice', '-n', -19, '-p', $pid); # what preempts us also empties the caches
	return $pid;
}

# Seconds of processor time that a process has had; the scheduler counts nanoseconds.
sub used { my ($pid) = @_; return (split ' ', slurp("/proc/$pid/schedstat"))[0] / 1e9 }

sub cost
{
	my ($self, $n, $sql) = @_;
	my $before = used($self->{pid});
	my $got = $self->{session}->value($sql);
	die "$sql: $got of $n\n" if $got != $n;
	return (used($self->{pid}) - $before) / $n * 1e6;
}

# Seconds that pass.
sub wait_for
{
	my ($self, $sql) = @_;
	my ($seconds) = $self->{session}->run('SELECT extract(epoch FROM clock_timestamp())', $sql, 'SELECT extract(epoch FROM clock_timestamp())');
	die $self->{session}->message if defined $self->{session}->error;
	return $seconds;
}

sub openssl
{
	my ($self, $alg) = @_;
	my $out = $self->{vault}->db->must('sh', '-c', "nice -n -19 taskset -c $self->{processor} openssl speed -seconds 1 $alg 2>/dev/null | tail -n 1");
	return $out =~ /([\d.]+)\s+([\d.]+)\s*$/;
}

# Processor time of a backend that is born for one statement, in milliseconds.
sub cold
{
	my ($self, $sql) = @_;
	my $s = $self->{vault}->db->session('postgres');
	my $pid = $self->pin($s);
	$s->value($sql);
	return used($pid) * 1e3;
}

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[@sorted / 2] }

1;
