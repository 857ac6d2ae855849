# SPDX-License-Identifier: PostgreSQL
# Sft::Db - a private PostgreSQL cluster with the platform in it, for tests.
#
#   my $db = Sft::Db->new;                   # cluster in a temporary folder, sql/migrate has run
#   my $s  = $db->session('sft_gateway');    # a psql that stays connected, as that role
#   $s->value('SELECT 1');                   # first column of the first row
#   $s->rows('SELECT id, name FROM …');      # list of hashes, decoded from JSON
#   $s->run('BEGIN');                        # anything; errors are in $s->error, ->message, ->code
#   $db->crash; $db->start;                  # immediate stop, and back
#
# The cluster goes away with the object. dev/pg needs root; connections are by socket, as any role.
package Sft::Db;
use strict;
use warnings;
use Carp;
use Cwd 'abs_path';
use File::Basename 'dirname';
use File::Temp ();
use IPC::Open2;
use JSON::PP ();

our $top = abs_path(dirname(__FILE__) . '/../../..');

# An interrupted test takes its clusters along.
$SIG{$_} //= sub { exit 130 } for qw(INT TERM HUP);

sub new
{
	my ($class, %opt) = @_;
	my $tmp = File::Temp->newdir('sft-test-XXXXXX', TMPDIR => 1);
	chmod 0711, $tmp->dirname;                 # the server's user must get through
	my $self = bless {
		tmp => $tmp, dir => $tmp->dirname . '/pg', settings => $opt{settings} // {},
		database => $opt{database} // 'sft', pid => $$,
	}, $class;
	$self->start;
	$self->psql('postgres', "CREATE DATABASE $self->{database}");
	$self->migrate unless $opt{empty};
	return $self;
}

sub folder { $_[0]{tmp}->dirname }

sub command
{
	my ($self, @argv) = @_;
	my $out = qx{@{[join ' ', map { quote($_) } @argv]} 2>&1};
	return ($? >> 8, $out);
}

sub quote { my ($word) = @_; $word =~ s/'/'\\''/g; return "'$word'" }

sub must
{
	my ($self, @argv) = @_;
	my ($rc, $out) = $self->command(@argv);
	croak "@argv: exit $rc\n$out" if $rc;
	return $out;
}

sub start
{
	my ($self) = @_;
	# the server inherits standard output: keep it away from prove's pipe
	my @argv = ("$top/dev/pg", 'start', $self->{dir}, map { "$_=$self->{settings}{$_}" } sort keys %{ $self->{settings} });
	my $log = $self->folder . '/start.log';
	system(join(' ', map { quote($_) } @argv) . ' >' . quote($log) . ' 2>&1 </dev/null') == 0
		or croak "dev/pg start: " . slurp($log);
	return $self;
}

# A hot standby of this cluster, with or without its key-encryption key; a second one needs a name.
sub standby
{
	my ($self, %opt) = @_;
	my $dir = $self->folder . '/' . ($opt{name} // 'standby');
	my @owner = qw(setpriv --reuid postgres --regid postgres --init-groups);
	$self->must(qw(install -d -o postgres -g postgres -m 0711), $dir);
	$self->must(qw(install -d -o postgres -g postgres -m 0700), "$dir/sock");
	$self->must(@owner, 'env', $self->env, qw(pg_basebackup -R -X stream -c fast -D), "$dir/data");
	$self->must(qw(cp -p), "$self->{dir}/kek", "$dir/kek") if $opt{kek} // 1;
	open my $conf, '>>', "$dir/data/postgresql.auto.conf" or croak $!;
	print $conf "unix_socket_directories = '$dir/sock'\npg_sftca.kek_file = '$dir/kek'\n";
	close $conf;
	return (bless { %$self, dir => $dir, dba => undef, root => undef, tmp => $self->{tmp} }, ref $self)->start;
}

# Makes a standby the primary.
sub promote { my ($self) = @_; $self->root->value('SELECT pg_promote()') }

# Waits until a standby has everything that its primary has now.
sub follow
{
	my ($self, $primary) = @_;
	my $lsn = $primary->root->value('SELECT pg_current_wal_lsn()');
	for (1 .. 200) {
		return 1 if $self->root->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't';
		$self->root->value('SELECT 1 FROM pg_sleep(0.05)');
	}
	croak 'the standby does not follow';
}

sub stop { $_[0]->must("$top/dev/pg", 'stop', $_[0]{dir}, $_[1] // 'fast') }
sub crash { $_[0]->stop('immediate') }
sub log_text { slurp("$_[0]{dir}/log") }

sub slurp { my ($file) = @_; local (@ARGV, $/) = ($file); return scalar <> }

# One statement in a psql of its own; dies on error.
sub psql
{
	my ($self, $database, @sql) = @_;
	my $out = $self->must('env', $self->env, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $database,
		map { ('-c', $_) } @sql);
	chomp $out;
	return $out;
}

sub env { my ($self) = @_; return ("PGHOST=$self->{dir}/sock", 'PGPORT=5432', 'PGUSER=postgres', 'PGOPTIONS=') }

sub migrate_command
{
	my ($self, $sql) = @_;
	return ('env', $self->env, ($sql // "$top/sql") . '/migrate', '-d', $self->{database});
}

sub migrate { my ($self, $sql) = @_; return $self->must($self->migrate_command($sql)) }

sub session
{
	my ($self, $role, %opt) = @_;
	return Sft::Db::Session->new($self, $role // 'postgres', %opt);
}

# A login that is a DBA, as an administrator would make one.
sub dba
{
	my ($self) = @_;
	$self->{dba} //= do {
		$self->psql($self->{database}, 'CREATE ROLE carol LOGIN IN ROLE sft_dba');
		$self->session('carol');
	};
	return $self->{dba};
}

# The superuser's eye: for tests that look behind the doors.
sub root { my ($self) = @_; return $self->{root} //= $self->session('postgres') }

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{pid};
	local ($?, $@);
	@{$self}{qw(dba root)} = ();
	$self->command("$top/dev/pg", 'destroy', $self->{dir});
}

package Sft::Db::Session;
use strict;
use warnings;
use Carp;
use IO::Select;
use IPC::Open2;

my $mark = 0;

sub new
{
	my ($class, $db, $role, %opt) = @_;
	my $self = bless { db => $db, role => $role, wait => $opt{wait} // $ENV{TEST_WAIT} // 60 }, $class;
	my @argv = ('env', $db->env, "PGUSER=$role", 'psql', '-XAtq', '-d', $opt{database} // $db->{database});
	my $cmd = join(' ', map { Sft::Db::quote($_) } @argv);
	$self->{pid} = open2($self->{out}, $self->{in}, "exec $cmd 2>&1");
	binmode $self->{$_}, ':raw' for qw(in out);
	$self->{in}->autoflush(1);
	$self->{select} = IO::Select->new($self->{out});
	$self->{buffer} = '';
	$self->run('\set VERBOSITY verbose', '\set SHOW_CONTEXT never');
	return $self;
}

# Sends statements, waits until all have answered; returns the lines of output that are not messages.
sub run
{
	my ($self, @sql) = @_;
	$self->send(@sql);
	return $self->receive;
}

sub send
{
	my ($self, @sql) = @_;
	local $SIG{PIPE} = 'IGNORE';
	$self->{end} = '-- end of answer ' . ++$mark;
	print { $self->{in} } map({ my $s = $_; utf8::encode($s) if utf8::is_utf8($s); $s =~ /^\\|;\s*$|\\\w+\s*$/ ? "$s\n" : "$s;\n" } @sql),
		"\\echo '$self->{end}'\n";
}

sub receive
{
	my ($self) = @_;
	my ($end, @lines) = ($self->{end});
	@{$self}{qw(error message code warnings)} = (undef, undef, undef, []);
	my $limit = time + $self->{wait};
	my $at;
	while (($at = index $self->{buffer}, "$end\n") < 0) {
		croak "psql as $self->{role}: no answer in $self->{wait} s" if time > $limit;
		next unless $self->{select}->can_read(1);
		my $n = sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
		if (!$n) {
			$self->{error} //= '08006';
			$self->{message} //= $self->{buffer};
			$self->{gone} = 1;
			return;
		}
	}
	my $answer = substr $self->{buffer}, 0, $at;
	substr($self->{buffer}, 0, $at + length("$end\n")) = '';
	for (split /\n/, $answer) {
		if (/^(?:psql:\S* )?(?:ERROR|FATAL|PANIC):  (\w{5}): (.*)/) {
			($self->{error}, $self->{message}) = ($1, $2) unless defined $self->{error};
		} elsif (/^(?:psql:\S* )?WARNING:  (.*)/) {
			push @{ $self->{warnings} }, $1;
		} elsif (/^(server closed the connection.*|connection to server was lost.*)/) {
			($self->{error}, $self->{message}) = ('08006', $1);
		} elsif (/^CONSTRAINT NAME:  (.*)/) {
			$self->{code} = $1;
		} elsif (/^(?:LOCATION|DETAIL|HINT|NOTICE|LINE \d+|CONTEXT|SCHEMA NAME|TABLE NAME|COLUMN NAME|DATATYPE NAME):? / || /^\s+\^\s*$/) {
		} else {
			push @lines, $_;
		}
	}
	return @lines;
}

sub error { $_[0]{error} }        # SQLSTATE of the first error of the last run, undef when none
sub message { $_[0]{message} }
sub code { $_[0]{code} }          # the constraint's name: our error word
sub warnings { @{ $_[0]{warnings} } }

sub value
{
	my ($self, $sql) = @_;
	my ($line) = $self->run($sql);
	croak "$sql: $self->{error} $self->{message}" if defined $self->{error};
	return $line;
}

# The rows of a query as hashes.
sub rows
{
	my ($self, $sql) = @_;
	my @lines = $self->run("SELECT to_jsonb(q) FROM ($sql) q");
	croak "$sql: $self->{error} $self->{message}" if defined $self->{error};
	return map { JSON::PP->new->utf8->decode($_) } @lines;
}

sub row { my ($self, $sql) = @_; my ($row) = $self->rows($sql); return $row }

sub backend { $_[0]->value('SELECT pg_backend_pid()') }

sub close
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	close $self->{in};
	close $self->{out};
	local $?;
	waitpid $pid, 0;
}

sub DESTROY { $_[0]->close }

1;
