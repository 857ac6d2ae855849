# SPDX-License-Identifier: PostgreSQL
# Bed.pm - what every gateway test lies on: a private cluster with stub doors, a gateway of its own on
# free loopback ports, and clients that can also speak badly.
#
#   my $bed = Bed->new(connections => 2);      # keys of the configuration file
#   my $r = $bed->ask('POST', '/v1/echo', body => '{}');   # {status, headers, body, json}
package Bed;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);

$SIG{PIPE} = 'IGNORE';
$SIG{INT} = $SIG{TERM} = sub { exit 1 }; # so that what was started is stopped
my $here = dirname(dirname(abs_path(__FILE__)));
my $top = abs_path("$here/../..");

sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "no port: $!";
    return $s->sockport;
}

sub run { system(@_) == 0 or die "failed: @_" }

sub new {
    my ($class, %conf) = @_;
    my $dir = tempdir('/tmp/sft-gwXXXXXX');
    chmod 0711, $dir;
    my $self = bless { dir => $dir, plain => free_port(), tls => free_port(), owner => $$ }, $class;
    run("$top/dev/pg", 'start', "$dir/pg", 'fsync=off', 'log_min_messages=fatal');
    $self->sql_file("$here/stub.sql");
    $self->certificate('first');
    $self->{conf} = {
        listen => "127.0.0.1:$self->{tls}", listen_plain => "127.0.0.1:$self->{plain}",
        tls_certificate => "$dir/cert.pem", tls_key => "$dir/key.pem", user => 'postgres',
        database => "host=$dir/pg/sock port=5432 user=sft_gateway dbname=postgres",
        access_log => '-', %conf,
    };
    my $go = delete $self->{conf}{_start} // 1;
    $self->{env} = delete $self->{conf}{_env};
    $self->{program} = delete $self->{conf}{_program} // $ENV{SFT_GATEWAY} // "$here/../sft-gateway";
    $self->start if $go;
    return $self;
}

sub certificate {
    my ($self, $name) = @_;
    my $dir = $self->{dir};
    run("umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $dir/key.new -out $dir/cert.new"
      . " -subj /CN=$name -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null && chown postgres $dir/key.new"
      . " && chmod 644 $dir/cert.new && mv $dir/key.new $dir/key.pem && mv $dir/cert.new $dir/cert.pem");
}

sub write_conf {
    my ($self) = @_;
    my $path = "$self->{dir}/gateway.conf";
    open my $f, '>', $path or die;
    print $f map { "$_ = $self->{conf}{$_}\n" } grep { defined $self->{conf}{$_} } sort keys %{ $self->{conf} };
    close $f;
    return $path;
}

# Starts the gateway; waits until it is ready (unless wait => 0).
sub start {
    my ($self, %opt) = @_;
    my $conf = $self->write_conf;
    my $pid = fork // die;
    if (!$pid) {
        open STDOUT, '>>', "$self->{dir}/access";
        open STDERR, '>>', "$self->{dir}/log";
        %ENV = (%ENV, %{ $self->{env} // {} });
        $SIG{PIPE} = "DEFAULT";
        exec $self->{program}, '--config', $conf or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    if ($opt{wait} // 1) {
        $self->until(sub { (($self->ask('GET', '/readyz') // {})->{status} // 0) == 200 }, 10)
          or die "gateway did not start:\n" . $self->log;
    }
    return $pid;
}

# The exit status after the signal, or undef when it did not end in time.
sub stop {
    my ($self, $signal, $seconds) = @_;
    my $pid = $self->{pid} or return;
    kill $signal // 'TERM', $pid;
    my $end = time + ($seconds // 30);
    while (time < $end) {
        if (waitpid($pid, WNOHANG) == $pid) { delete $self->{pid}; return $? }
        sleep 0.02;
    }
    return;
}

sub is_alive { my ($self) = @_; return $self->{pid} && waitpid($self->{pid}, WNOHANG) == 0 }

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local $?;
    if ($self->{pid}) { $self->stop('TERM', 5) // do { kill 'KILL', $self->{pid}; waitpid $self->{pid}, 0 } }
    system("$top/dev/pg", 'destroy', "$self->{dir}/pg");
    system('rm', '-rf', $self->{dir});
}

sub slurp { my ($path) = @_; open my $f, '<', $path or return ''; local $/; return <$f> // '' }
sub log    { slurp("$_[0]{dir}/log") }
sub access { map { JSON::PP::decode_json($_) } split /\n/, slurp("$_[0]{dir}/access") }

# Whether the code comes true in time.
sub until {
    my ($self, $code, $seconds) = @_;
    my $end = time + $seconds;
    while (time < $end) { return 1 if $code->(); sleep 0.02 }
    return 0;
}

# psql as the superuser (or role); one value or lines.
sub sql {
    my ($self, $sql, $role) = @_;
    my $host = "$self->{dir}/pg/sock";
    open my $p, '-|', 'psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-h', $host, '-p', 5432, '-U', $role // 'postgres', '-d', 'postgres', '-c', $sql or die;
    local $/;
    my $out = <$p> // '';
    close $p;
    $out =~ s{\n\z}{};
    return $out;
}

sub sql_file {
    my ($self, $file) = @_;
    run('psql', '-qXo', '/dev/null', '-h', "$self->{dir}/pg/sock", '-p', 5432, '-U', 'postgres', '-d', 'postgres', '-f', $file);
}

sub pg { my ($self, @args) = @_; run("$top/dev/pg", $args[0], "$self->{dir}/pg", @args[1 .. $#args]) }

sub connect {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{plain}, Timeout => 5);
}

sub request {
    my ($self, $method, $target, %opt) = @_;
    my $body = $opt{body} // '';
    my @headers = @{ $opt{headers} // [] };
    push @headers, "Host: 127.0.0.1:$self->{tls}" unless $opt{no_host};
    push @headers, 'Content-Length: ' . length $body if length $body || $method eq 'POST';
    return "$method $target HTTP/1.1\r\n" . join('', map { "$_\r\n" } @headers) . "\r\n$body";
}

# Everything the peer sends until it has sent one answer, closes, or the time is up.
sub answer {
    my ($self, $sock, $seconds, $is_head) = @_;
    my $end = time + ($seconds // 10);
    my $in = \($self->{in}{$sock} //= '');
    while (1) {
        if ($$in =~ /\A(HTTP\/1\.1 100.*?\r\n\r\n)/s) { substr($$in, 0, length $1) = '' }
        if ($$in =~ /\A(HTTP\/1\.[01] (\d+)[^\r\n]*\r\n(.*?)\r\n\r\n)/s) {
            my ($head, $status, $lines) = ($1, $2, $3);
            my %headers;
            for (split /\r\n/, $lines) { my ($n, $v) = split /:\s*/, $_, 2; $headers{ lc $n } = exists $headers{ lc $n } ? "$headers{lc $n}|$v" : $v }
            my $len = $is_head || $status == 204 || $status == 304 ? 0 : $headers{'content-length'} // 0;
            if (length($$in) >= length($head) + $len) {
                my $body = substr $$in, length $head, $len;
                substr($$in, 0, length($head) + $len) = '';
                my $json = $body =~ /\A\{/ ? eval { JSON::PP::decode_json($body) } : undef;
                return { status => $status, headers => \%headers, body => $body, json => $json };
            }
        }
        my $left = $end - time;
        return if $left <= 0 || !IO::Select->new($sock)->can_read($left);
        my $n = sysread $sock, $$in, 65536, length $$in;
        return if !$n;
    }
}

# One request on a connection of its own.
sub ask {
    my ($self, $method, $target, %opt) = @_;
    my $sock = $self->connect or return;
    print $sock $self->request($method, $target, %opt);
    my $r = $self->answer($sock, $opt{seconds}, $method eq 'HEAD');
    delete $self->{in}{$sock};
    return $r;
}

# Raw bytes; the first answer, and whether the connection was closed after it.
sub raw {
    my ($self, $bytes, $seconds) = @_;
    my $sock = $self->connect or return;
    print $sock $bytes;
    my $r = $self->answer($sock, $seconds // 3) // { status => 0 };
    $r->{closed} = !IO::Select->new($sock)->can_read(0.2) ? 0 : (sysread($sock, my $rest, 10) // 0) == 0;
    delete $self->{in}{$sock};
    return $r;
}

# curl over TLS; body, or with -i what it prints.
sub curl {
    my ($self, $path, @args) = @_;
    open my $p, '-|', 'curl', '-sS', '--max-time', 20, '--cacert', "$self->{dir}/cert.pem", @args, "https://127.0.0.1:$self->{tls}$path" or die;
    local $/;
    my $out = <$p> // '';
    close $p;
    return $out;
}

# Many requests at once, each on its own connection; answers in their order.
sub ask_all {
    my ($self, $seconds, @requests) = @_;
    my @socks = map { $self->connect // die "connect: $!" } @requests;
    for my $i (0 .. $#socks) { my $s = $socks[$i]; print $s $requests[$i] }
    return map { $self->answer($_, $seconds) } @socks;
}

1;
