# SPDX-License-Identifier: PostgreSQL
# Sshd.pm - a real sshd on a loopback port that trusts the fake platform's authorities.
#
#   my $sshd = Sshd->new(platform => $p, id => $server_uuid);   $sshd->port, $sshd->user
#
# It runs as whoever runs the test and lets only that account in, by certificate. Root needs
# /run/sshd: it is made in a mount namespace of sshd's own.
package Sshd;

use FindBin ();
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "socket: $!";
    return $s->sockport;
}

sub new {
    my ($class, %with) = @_;
    my $p = $with{platform};
    my $self = bless { platform => $p, port => free_port(), user => scalar getpwuid($<), owner => $$,
        dir => $p->path('sshd' . ++$p->{sshds}) }, $class;
    my ($d, $id) = ($self->{dir}, $with{id});
    mkdir $d, 0700 or die "$d: $!";
    Fake::must(qw(ssh-keygen -q -t ed25519 -N), '', '-f', "$d/host");
    Fake::must('ssh-keygen', '-q', '-h', '-s', $p->path($with{ca} // 'host_ca'), '-I', 'host', '-z', 5, '-n', $with{name} // $id,
        '-V', '-5m:+1d', "$d/host.pub");
    Fake::spew("$d/principals", "$self->{user}\n$id:$self->{user}\n");
    my $pam = $< == 0 && -e '/etc/pam.d/sshd' ? 'yes' : 'no';
    my $certificate = $with{raw} ? '' : "HostCertificate $d/host-cert.pub\n";
    # every login comes from 127.0.0.1: newer sshd would punish all of them for one refusal
    $certificate .= "PerSourcePenalties no\n" if qx{/usr/sbin/sshd -G -f /dev/null 2>/dev/null} =~ /^persourcepenalties /m;
    Fake::spew("$d/config", <<"END" . $certificate);
Port $self->{port}
ListenAddress 127.0.0.1
HostKey $d/host
PidFile $d/pid
TrustedUserCAKeys @{[ $p->path('user_ca.pub') ]}
AuthorizedPrincipalsFile $d/principals
AuthorizedKeysFile none
StrictModes no
UsePAM $pam
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
END
    $self->start;
    return $self;
}

sub start {
    my ($self) = @_;
    my $d = $self->{dir};
    my @sshd = ('/usr/sbin/sshd', '-D', '-f', "$d/config", '-E', "$d/log");
    my $shell = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"';
    @sshd = ("$FindBin::Bin/../../dev/ns", '--', 'sh', '-c', $shell, 'sh', @sshd) if $< == 0 && !-d '/run/sshd';
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        POSIX::setsid();
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
        exec @sshd or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    for (1 .. 100) {
        return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        select undef, undef, undef, 0.1;
    }
    die "sshd does not listen: " . (Fake::slurp("$d/log") // '');
}

sub log { my ($self) = @_; return Fake::slurp("$self->{dir}/log") // '' }
sub port { my ($self) = @_; return $self->{port} }
sub user { my ($self) = @_; return $self->{user} }

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ($?, $!);
    kill TERM => $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
