# SPDX-License-Identifier: PostgreSQL
# Fake.pm - a platform to test sft against: right when told nothing, malicious in one way when told so.
#
#   my $p = Fake->new;                    makes keys and certificates in a folder of its own, and starts
#   my ($rc, $out, $err) = $p->sft([qw(list-servers)], stdin => '...', env => {...});
#   $p->set(mode => 'ten_years');         what to do wrong from now on; set() again to be right
#   $p->calls                             "METHOD target status" of all requests so far
#
# It verifies each request's signature by common/ (t/signer), as the platform would. One process per
# connection; what they share is in files. It ends with the object.
package Fake;

use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::SSL qw(SSL_VERIFY_NONE);
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url decode_base64);
use POSIX qw(strftime);

# `make check` names the variant that it built.
my $built = abs_path(dirname(__FILE__) . '/..') . '/build/release';
our $SFT    = $ENV{SFT_TEST_SFT}    // "$built/sft";
our $SIGNER = $ENV{SFT_TEST_SIGNER} // "$built/t/signer";

my $HOST_AUTHORITY = '11111111-1111-4111-8111-111111111111';
my $USER_AUTHORITY = '22222222-2222-4222-8222-222222222222';
my $INVITATION     = '33333333-3333-4333-8333-333333333333';
my $json           = JSON::PP->new->canonical->utf8;

sub new {
    my ($class, %with) = @_;
    my $self = bless { dir => tempdir('sft-fake-XXXXXX', TMPDIR => 1, CLEANUP => 1), owner => $$,
        team => $with{team} // 'acme', servers => $with{servers} // [ { hostname => 'web01' } ] }, $class;
    my $n = 0;
    $_->{id} //= sprintf '44444444-4444-4444-8444-%012d', ++$n for @{ $self->{servers} };
    $self->{secret} = encode_base64url(sha256("secret of $$"), '');
    $self->make_keys;
    $self->start;
    $self->{home} = $self->home;
    return $self;
}

sub path { my ($self, $name) = @_; return "$self->{dir}/$name" }

sub spew {
    my ($name, $text) = @_;
    open my $fh, '>', "$name.$$" or die "$name: $!";
    binmode $fh;
    print $fh $text;
    close $fh or die "$name: $!";
    rename "$name.$$", $name or die "$name: $!";
    return;
}

sub slurp {
    my ($name) = @_;
    open my $fh, '<', $name or return;
    binmode $fh;
    local $/;
    return scalar <$fh>;
}

# Runs a program without a shell: (exit code, stdout, stderr); a signal's code is 128 + number.
sub run {
    my ($argv, %with) = @_;
    my $dir = tempdir('sft-run-XXXXXX', TMPDIR => 1);
    spew("$dir/in", $with{stdin} // '');
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<', "$dir/in"  or POSIX::_exit(126);
        open STDOUT, '>', "$dir/out" or POSIX::_exit(126);
        open STDERR, '>', "$dir/err" or POSIX::_exit(126);
        POSIX::setsid(); # no terminal to ask at
        %ENV = (%ENV, %{ $with{env} // {} });
        delete $ENV{$_} for @{ $with{without} // [] };
        exec { $argv->[0] } @$argv or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $rc = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    my @said = map { slurp("$dir/$_") // '' } qw(out err);
    remove_tree($dir); # not left to the end: servers and their like end without one
    return ($rc, @said);
}

sub must {
    my (@argv) = @_;
    my ($rc, $out, $err) = run(\@argv);
    die "@argv: $rc $out$err\n" if $rc;
    return $out;
}

sub make_keys {
    my ($self) = @_;
    my $d = $self->{dir};
    must(qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=fake-ca
        -keyout), "$d/tls-ca.key", '-out', "$d/tls-ca.pem");
    must(qw(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=127.0.0.1
        -keyout), "$d/tls.key", '-out', "$d/tls.csr");
    spew("$d/tls.ext", "subjectAltName=IP:127.0.0.1\n");
    must(qw(openssl x509 -req -days 2 -CAcreateserial -in), "$d/tls.csr", '-CA', "$d/tls-ca.pem", '-CAkey',
        "$d/tls-ca.key", '-extfile', "$d/tls.ext", '-out', "$d/tls.pem");
    for my $name (qw(statement other-statement)) {
        chomp(my $pub = must($SIGNER, 'key', "$d/$name.der"));
        spew("$d/$name.pub", $pub);
    }
    must(qw(ssh-keygen -q -t ed25519 -N), '', '-f', "$d/$_") for qw(user_ca host_ca evil_ca other);
    return;
}

sub public_key { # "type base64" of a public key file, without the comment
    my ($file) = @_;
    my ($type, $key) = split / /, slurp($file);
    chomp $key;
    return "$type $key";
}

sub hash_of { my ($pub) = @_; return encode_base64url(sha256(decode_base64((split / /, $pub)[1])), '') }

sub token {
    my ($self, %change) = @_;
    my %token = (s => $self->{secret}, u => $self->url, i => $INVITATION, t => $self->{team},
        k => hash_of(slurp($self->path('statement.pub'))), %change);
    return encode_base64($json->encode(\%token), '');
}

sub url { my ($self) = @_; return "https://127.0.0.1:$self->{port}" }

sub home {
    my ($self) = @_;
    my $home = $self->path('home' . ++$self->{homes});
    make_path("$home/run", { mode => 0700 });
    return $home;
}

sub env {
    my ($self) = @_;
    my $home = $self->{home};
    return { HOME => $home, XDG_RUNTIME_DIR => "$home/run", XDG_CONFIG_HOME => "$home/.config",
        XDG_STATE_HOME => "$home/.local/state", XDG_CACHE_HOME => "$home/.cache", LC_ALL => 'C.UTF-8' };
}

sub sft {
    my ($self, $args, %with) = @_;
    return run([ $with{program} // $SFT, @$args ], %with, env => { %{ $self->env }, %{ $with{env} // {} } });
}

# An enrolled and signed-in home.
sub ready {
    my ($self) = @_;
    for my $step ([ [qw(enroll --token-file -)], $self->token ], [ [qw(login --password-file -)], "open sesame\n" ]) {
        my ($rc, $out, $err) = $self->sft($step->[0], stdin => "$step->[1]\n");
        die "@{ $step->[0] }: $rc $out$err" if $rc;
    }
    return $self;
}

sub account_dir {
    my ($self) = @_;
    my @dirs = glob "$self->{home}/.local/state/sft/accounts/*";
    return wantarray ? @dirs : $dirs[0];
}

sub set { my ($self, %mode) = @_; spew($self->path('mode'), $json->encode(\%mode)); return }

sub calls {
    my ($self) = @_;
    return split /\n/, slurp($self->path('calls')) // '';
}
sub forget_calls { my ($self) = @_; spew($self->path('calls'), ''); return }

# ---- the server

sub start {
    my ($self) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port} // 0, Listen => 64, ReuseAddr => 1)
        or die "listen: $!";
    $self->{port} = $listener->sockport;
    $self->set;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{TERM} = sub { POSIX::_exit(0) };
        $self->{owner} = 0;
        while (1) {
            my $socket = $listener->accept or next;
            my $child = fork // next;
            next if $child;
            close $listener;
            $SIG{CHLD} = 'DEFAULT';
            eval { $self->serve($socket); 1 } or -d $self->{dir} && print {*STDERR} "# fake: $@";
            POSIX::_exit(0);
        }
    }
    $self->{pid} = $pid;
    return;
}

sub stop {
    my ($self) = @_;
    return if !$self->{pid};
    kill TERM => $self->{pid};
    waitpid $self->{pid}, 0;
    delete $self->{pid};
    return;
}

sub DESTROY { my ($self) = @_; local ($?, $!); $self->stop if $self->{owner} == $$; return }

sub serve {
    my ($self, $socket) = @_;
    $self->{mode} = $json->decode(slurp($self->path('mode')));
    my $tls = $self->{mode}{tls} // 'tls';
    my $ssl = IO::Socket::SSL->start_SSL($socket, SSL_server => 1, SSL_cert_file => $self->path("$tls.pem"),
        SSL_key_file => $self->path("$tls.key"), SSL_verify_mode => SSL_VERIFY_NONE) or return;
    while (my $req = read_request($ssl)) {
        $self->{mode} = $json->decode(slurp($self->path('mode')));
        my ($status, $headers, $body) = $self->answer($req);
        open my $log, '>>', $self->path('calls') or die $!;
        flock $log, LOCK_EX;
        print $log "$req->{method} $req->{target} $status\n";
        close $log;
        my $where = $self->{mode}{on} // '.';
        my $cheats = $self->{mode}{length} && $req->{target} =~ /$where/;
        my $length = $cheats ? $self->{mode}{length} : length $body;
        my $head = "HTTP/1.1 $status X\r\nContent-Length: $length\r\n"
            . join('', map { "$_: $headers->{$_}\r\n" } sort keys %$headers) . "\r\n";
        print $ssl $head, $req->{method} eq 'HEAD' || $status == 304 || $status == 204 ? '' : $body or return;
        last if $cheats;
    }
    $ssl->close;
    return;
}

sub read_request {
    my ($ssl) = @_;
    my $line = <$ssl> // return;
    my %req = (headers => {});
    @req{qw(method target)} = split / /, $line;
    while (defined($line = <$ssl>) && $line =~ /^([^:\r\n]+):\s*(.*?)\r?\n/) {
        $req{headers}{ lc $1 } = $2;
    }
    $req{body} = '';
    my $want = $req{headers}{'content-length'} // 0;
    while (length $req{body} < $want) {
        read($ssl, $req{body}, $want - length $req{body}, length $req{body}) or return;
    }
    return \%req;
}

sub refusal {
    my ($status, $error, $message, %more) = @_;
    return ($status, { 'Content-Type' => 'application/json' },
        $json->encode({ code => $status, type => 'x', error => $error, message => $message // "$error.", trace_id => 't', %more }));
}

# Who signed it, or a refusal.
sub check_signature {
    my ($self, $req) = @_;
    my $h = $req->{headers};
    my ($kind, $id) = ($h->{'signature-input'} // '') =~ /;keyid="(client)\/([0-9a-f-]{36})"/
        or return (undef, refusal(401, 'signature_missing'));
    my $file = $self->path("client-$id.pub");
    my $pub = slurp($file);
    if (!$pub && $req->{target} =~ m{/clients$}) {
        $pub = eval { $json->decode($req->{body})->{public_key} };
    }
    return (undef, refusal(401, 'key_unknown', 'This device is not known.')) if !$pub;
    my $in = $self->path("body.$$");
    spew($in, $req->{body});
    my ($rc, $out, $err) = run([ $SIGNER, 'verify', $pub, $req->{method}, "127.0.0.1:$self->{port}", $req->{target},
        $h->{'content-digest'} // '-', $h->{'signature-input'}, $h->{signature} // '' ], stdin => $req->{body});
    return (undef, refusal(401, 'signature_invalid', "signature: $err")) if $rc;
    return ($id);
}

# [METHOD, path pattern, handler, may be unsigned]
my @routes = (
    [ GET    => qr{^/v1/instance$},                       \&instance,      1 ],
    [ POST   => qr{^/v1/teams/acme/clients$},             \&clients,       0 ],
    [ GET    => qr{^/v1/teams/acme/clients/([^/]+)/enrollment$}, \&enrollment, 0 ],
    [ DELETE => qr{^/v1/teams/acme/clients/([^/]+)$},     \&clients_delete, 0 ],
    [ POST   => qr{^/v1/teams/acme/client_sessions$},     \&sessions,      0 ],
    [ DELETE => qr{^/v1/teams/acme/client_sessions/([^/]+)$}, \&sessions_delete, 0 ],
    [ GET    => qr{^/v1/teams/acme/servers},              \&servers,       0 ],
    [ GET    => qr{^/v1/teams/acme/projects},             \&projects,      0 ],
    [ POST   => qr{^/v1/resolve$},                        \&resolve,       0 ],
    [ POST   => qr{^/v1/teams/acme/credentials$},         \&credentials,   0 ],
    [ GET    => qr{^/v1/authorities/([^/]+)/trust$},      \&trust,         1 ],
);

sub answer {
    my ($self, $req) = @_;
    my $mode = $self->{mode};
    my $where = $mode->{on} // '.';
    if ($req->{target} =~ /$where/) {
        return refusal(@{ $mode->{refuse} }) if $mode->{refuse};
        return ($mode->{status} // 200, $mode->{headers} // {}, $mode->{body} // '') if $mode->{raw};
        return (200, {}, 'x' x ($mode->{bytes})) if $mode->{bytes};
        sleep $mode->{sleep} if $mode->{sleep};
        if ($mode->{busy}) {
            $self->set;
            return (503, { 'Retry-After' => 1 }, '{}');
        }
    }
    for my $route (@routes) {
        my ($method, $path, $handler, $is_public) = @$route;
        next if $method ne $req->{method} || $req->{target} !~ $path;
        my $id;
        if (!$is_public || $req->{headers}{signature}) {
            ($id, my @refusal) = $self->check_signature($req);
            return @refusal if !$id;
        }
        $req->{client} = $id;
        $req->{body_json} = length $req->{body} ? $json->decode($req->{body}) : {};
        my ($skew) = ($req->{headers}{'signature-input'} // '') =~ /created=(\d+)/;
        if ($id && $mode->{clock} && abs(time + $mode->{clock} - $skew) > 60) {
            return refusal(401, 'clock_skew', 'Your clock is wrong.', time => stamp(time + $mode->{clock}));
        }
        return $handler->($self, $req);
    }
    return refusal(404, 'route_unknown');
}

sub stamp { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime shift) }

sub ok_json {
    my ($status, $value) = @_;
    return ($status, { 'Content-Type' => 'application/json' }, $json->encode($value));
}

# A statement: signed by the platform's key, unless the mode says otherwise.
sub statement {
    my ($self, $req, $purpose, $version, $body, $is_bound, %more) = @_;
    my $mode = $self->{mode};
    return (200, {%more}, $body) if ($mode->{unsigned} // '') eq $purpose;
    my $key = ($mode->{forged} // '') eq $purpose ? 'other-statement' : 'statement';
    my $signature = $is_bound ? $req->{headers}{signature} : '-';
    my $path = $req->{target};
    $path = '/v1/other' if ($mode->{moved} // '') eq $purpose;
    $purpose = $mode->{as} if $mode->{as};
    $signature =~ s/sft=:..../sft=:AAAA/ if ($mode->{replayed} // '') eq $purpose;
    $signature = '-' if ($mode->{unbound} // '') eq $purpose;
    my ($rc, $out, $err) = run([ $SIGNER, 'statement', $self->path("$key.der"), $purpose, 200, $path, $signature, $version ],
        stdin => $body);
    die "signer: $err" if $rc;
    my %headers = map { split /: /, $_, 2 } split /\n/, $out;
    $body =~ s/$mode->{alter}[0]/$mode->{alter}[1]/ if $mode->{alter};
    $headers{'Sft-Version'} = $mode->{claim_version} if $mode->{claim_version};
    return (200, { %headers, %more }, $body);
}

sub instance {
    my ($self, $req) = @_;
    my $pub = slurp($self->path('statement.pub'));
    my $name = $self->{mode}{tls_authority} // 'tls-ca';
    return $self->statement($req, 'instance', $self->{mode}{instance_version} // 3, $json->encode({
        name => 'fake', url => $self->url, authority => "127.0.0.1:$self->{port}", wire => $self->{mode}{wire} // [1],
        statement_keys => [ { key_id => hash_of($pub), public_key => $pub, state => 'active' } ],
        tls_authority => slurp($self->path("$name.pem")), time => stamp(time), version => 3 }), 0);
}

sub clients {
    my ($self, $req) = @_;
    my $b = $req->{body_json};
    my $file = $self->path("client-$b->{id}.pub");
    my ($rc, $mac) = run([ $SIGNER, 'proof', $self->{secret}, $b->{id}, $b->{public_key} ]);
    chomp $mac;
    return refusal(401, 'invitation_invalid', 'This invitation cannot be used.')
        if !$b->{invitation} || $b->{invitation}{id} ne $INVITATION || $b->{invitation}{mac} ne $mac;
    my $is_old = -e $file;
    return refusal(409, 'client_taken') if $is_old && slurp($file) ne $b->{public_key};
    spew($file, $b->{public_key});
    spew($self->path('client.json'), $req->{body});
    return refusal(503, 'gone') if $self->{mode}{cut_enrollment};
    return ok_json($is_old ? 200 : 201, $self->client_state($b->{id}));
}

sub client_state {
    my ($self, $id) = @_;
    my $state = $self->{mode}{client_state} // 'ACTIVE';
    return { id => $id, state => $state, team_name => 'acme', user_name => $state eq 'ACTIVE' ? 'alice' : undef,
        code => 'ZZZZ-ZZZZ-ZZZZ-ZZZZ' };
}

sub enrollment { my ($self, $req) = @_; return ok_json(200, $self->client_state($req->{client})) }

sub clients_delete {
    my ($self, $req) = @_;
    unlink $self->path("client-$req->{client}.pub");
    return (204, {}, '');
}

sub sessions {
    my ($self, $req) = @_;
    my $b = $req->{body_json};
    my $password = slurp($self->path('password')) // 'open sesame';
    utf8::encode($_) for grep { defined } @$b{qw(password new_password)};
    return refusal(401, 'password_wrong', 'The password is wrong.') if $b->{password} ne $password;
    if ($self->{mode}{must_change}) {
        return refusal(403, 'password_change_required', 'Choose a new password.') if !$b->{new_password};
        spew($self->path('password'), $b->{new_password});
    }
    spew($self->path("session-$req->{client}"), '1');
    return ok_json(201, { id => '55555555-5555-4555-8555-555555555555', user_name => 'alice',
        expires_at => stamp(time + ($self->{mode}{session_s} // 36000)), signed_in_at => stamp(time) });
}

sub sessions_delete {
    my ($self, $req) = @_;
    unlink $self->path("session-$req->{client}");
    return (204, {}, '');
}

sub has_session { my ($self, $req) = @_; return -e $self->path("session-$req->{client}") }

sub server_row {
    my ($self, $s) = @_;
    return { id => $s->{id}, hostname => $s->{hostname}, canonical_name => $s->{canonical_name},
        alt_names => $s->{alt_names} // [], access_address => $s->{access_address} // '127.0.0.1',
        ssh_port => $s->{ssh_port} // 22, os => 'Debian 12', os_type => $s->{os_type} // 'linux', project_name => 'prod',
        project_id => '66666666-6666-4666-8666-666666666666', team_name => 'acme', state => 'ACTIVE', managed => JSON::PP::true,
        labels => $s->{labels} // {}, services => ['ssh'], bastion => $s->{bastion}, ssh_host_keys => [],
        host_authority_id => $HOST_AUTHORITY, user_authority_id => $USER_AUTHORITY, deleted_at => undef,
        %{ $self->{mode}{server} // {} } };
}

sub servers {
    my ($self, $req) = @_;
    return refusal(401, 'session_required', 'You are not signed in.') if !$self->has_session($req);
    my @rows = map { $self->server_row($_) } @{ $self->{servers} };
    return ok_json(200, { list => \@rows }) if !$self->{mode}{page};
    my ($offset) = $req->{target} =~ /offset=(\d+)/;
    $offset //= 0;
    my ($status, $headers, $body) = ok_json(200, { list => [ $rows[$offset] // () ] });
    my $next = $offset + 1;
    $headers->{Link} = '<' . $self->url . "/v1/teams/acme/servers?count=1&offset=$next>; rel=\"next\"" if $next < @rows;
    return ($status, $headers, $body);
}

sub projects {
    my ($self, $req) = @_;
    return refusal(401, 'session_required', 'You are not signed in.') if !$self->has_session($req);
    return ok_json(200, { list => [ { id => '66666666-6666-4666-8666-666666666666', name => 'prod' } ] });
}

sub found {
    my ($self, $name) = @_;
    $name =~ s/\.local$//i;
    return grep { my $s = $_; grep { lc $_ eq lc $name } $s->{id}, $s->{hostname}, @{ $s->{alt_names} // [] } }
        @{ $self->{servers} };
}

sub resolve {
    my ($self, $req) = @_;
    return refusal(401, 'session_required', 'You are not signed in.') if !$self->has_session($req);
    my $name  = $req->{body_json}{names}[0];
    my @found = $self->found($name);
    my $user  = $self->{mode}{identity} // 'alice';
    my @methods = map { { identity => $user, access_credential => 'ssh-certificate', server_id => $_->{id}, brokered => JSON::PP::false } }
        @found;
    @methods = () if $self->{mode}{no_access};
    return $self->statement($req, 'resolve', 0, $json->encode({ results => [ { name => $self->{mode}{other_name} // $name,
        servers => [ map { $self->server_row($_) } @found ], user_access_methods => \@methods } ] }), 1);
}

# How a certificate can be wrong; each row changes what ssh-keygen is told.
my %wrong = (
    wrong_key       => { key => 'other' },
    wrong_principal => { principals => 'root' },
    other_server    => { principals => '44444444-4444-4444-8444-999999999999:alice' },
    two_principals  => { principals => 'alice,root' },
    no_principal    => { principals => undef },
    this_server     => { principals => '44444444-4444-4444-8444-000000000001:alice' },
    ten_years       => { validity => '-1m:+3650d' },
    two_days        => { validity => '-1m:+2d' },
    forever         => { validity => 'always:forever' },
    expired         => { validity => '-10m:-5m' },
    future          => { validity => '+10m:+15m' },
    short           => { validity => '-60s:+70s' },
    almost_over     => { validity => '-60s:+30s' },
    host_type       => { host => 1 },
    foreign_ca      => { ca => 'evil_ca' },
    host_ca         => { ca => 'host_ca' },
    extension       => { options => ['extension:root@evil=yes'] },
    critical        => { options => ['critical:evil@evil=yes'] },
    force_command   => { options => ['force-command=/bin/true'] },
    other_team      => { team => 'evil' },
    other_project   => { project => 'evil' },
    other_request   => { request => '77777777-7777-4777-8777-777777777777' },
    no_serial       => { serial => 0 },
    bad_key_id      => { key_id => 'hello world' },
);

sub certificate {
    my ($self, $req, $c) = @_;
    my $d = $self->path("cert.$$");
    make_path($d);
    spew("$d/k.pub", $c->{key} ? slurp($self->path("$c->{key}.pub")) : "$req->{body_json}{public_key}\n");
    my ($team, $project, $request) = ($c->{team} // 'acme', $c->{project} // 'prod', $c->{request} // $req->{nonce});
    my @argv = ('ssh-keygen', '-q', '-s', $self->path($c->{ca} // 'user_ca'), '-I',
        $c->{key_id} // "sft1:$team:$project:alice:$request", '-z', $c->{serial} // int(rand 1e9) + 1,
        '-V', $c->{validity} // '-60s:+300s');
    my $principals = exists $c->{principals} ? $c->{principals} : $self->{mode}{principals} // "alice";
    push @argv, '-n', $principals if defined $principals;
    push @argv, '-h' if $c->{host};
    push @argv, '-O', 'clear', '-O', 'permit-pty', '-O', 'permit-port-forwarding', '-O', "extension:team\@sft=$team",
        '-O', "extension:project\@sft=$project", '-O', "extension:request\@sft=$request" if !$c->{host};
    push @argv, '-O', $_ for @{ $c->{options} // [] };
    must(@argv, "$d/k.pub");
    chomp(my $cert = slurp("$d/k-cert.pub"));
    return $cert;
}

sub credentials {
    my ($self, $req) = @_;
    return refusal(401, 'session_required', 'You are not signed in.') if !$self->has_session($req);
    ($req->{nonce}) = $req->{headers}{'signature-input'} =~ /nonce="([^"]+)"/;
    my $wrong = $self->{mode}{certificate} // '';
    my $cert = exists $self->{mode}{text} ? $self->{mode}{text} : $self->certificate($req, $wrong{$wrong} // {});
    return ok_json(201, { request_id => $req->{nonce}, kind => 'ssh_user', serial => 1, certificate => $cert,
        server_user_name => $self->{mode}{identity} // 'alice', principal => 'x', admin => JSON::PP::false, project => 'prod',
        server_id => $req->{body_json}{server}, authority_id => $USER_AUTHORITY });
}

sub trust {
    my ($self, $req) = @_;
    my ($id) = $req->{target} =~ m{authorities/([^/]+)/};
    my %ca = ($HOST_AUTHORITY => 'host_ca', $USER_AUTHORITY => 'user_ca');
    return refusal(404, 'authority_unknown') if !$ca{$id};
    my $mode = $self->{mode};
    my $version = $mode->{trust_version} // 7;
    my $etag = qq("$version");
    return (304, { ETag => $etag }, '') if ($req->{headers}{'if-none-match'} // '') eq $etag;
    my $key = public_key($self->path(($mode->{trust_key} // $ca{$id}) . '.pub'));
    my $body = $mode->{trust_text} // "$key $id/1 active\n";
    return $self->statement($req, 'trust', $version, $body, 0, ETag => $etag, 'Content-Type' => 'text/plain');
}

1;
