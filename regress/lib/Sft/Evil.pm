# SPDX-License-Identifier: PostgreSQL
# Sft::Evil - a gateway that has been taken over: it has the TLS key, all traffic, and a will of its own.
#
#   my $evil = Sft::Evil->new(port => …, behind => …, tls => "$dir/tls", dir => $dir);
#   $evil->mode('pass');            # relays to the real gateway
#   $evil->mode('alter', 'needle', 'replacement');   # changes answer bodies on the way
#   $evil->seen;                    # how many answers it has spoilt in this mode
#   $evil->captured;                # requests and answers it has stored, as text
#
# Modes: pass; alter (body changed, signature kept); redigest (body changed and its digest recomputed);
# strip (signature headers removed); replay (always the first answer that
# `pass` saw on the path it was given);
# forge (body changed, signed by a key of its own); garbage (no HTTP body that anybody could mean).
package Sft::Evil;
use strict;
use warnings;
use Carp;
use Digest::SHA qw(sha256);
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64 qw(encode_base64);
use Sft::Key;

sub new
{
	my ($class, %o) = @_;
	my $self = bless { %o, pid => undef }, $class;
	$self->{store} = "$o{dir}/evil";
	mkdir $self->{store}, 0700 or croak $!;
	$self->{key} = Sft::Key->new($self->{store}, 'ed25519');
	$self->mode('pass');
	my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => $o{port}, ReuseAddr => 1)
		or croak "port $o{port}: $!";
	$self->{pid} = fork // croak $!;
	if (!$self->{pid}) {
		$self->serve($listen);
		exit 0;
	}
	return $self;
}

sub save
{
	my ($self, $name, $text, $append) = @_;
	my $file = "$self->{store}/$name";
	open my $fh, $append ? '>>:raw' : '>:raw', $append ? $file : "$file.new" or croak "$file: $!";
	print $fh $text;
	close $fh;
	rename "$file.new", $file unless $append;
}

sub load
{
	my ($self, $name) = @_;
	open my $fh, '<:raw', "$self->{store}/$name" or return '';
	local $/;
	return scalar <$fh>;
}

# What to do with answers whose request path matches $o{path} (all others pass).
sub mode
{
	my ($self, $mode, %o) = @_;
	unlink "$self->{store}/spoilt";
	$self->save('mode', join "\0", $mode, $o{path} // '.', $o{needle} // '', $o{replacement} // '');
}

sub seen { my ($self) = @_; return length $self->load('spoilt') }
sub spoilt { $_[0]->load('spoilt') }   # a "." for each, and a "!" where there was nothing to change
sub captured { my ($self) = @_; return $self->load('traffic') }

sub serve
{
	my ($self, $listen) = @_;
	local $SIG{CHLD} = 'IGNORE';
	local $SIG{TERM} = sub { kill 'TERM', 0; exit 0 };
	setpgrp;
	while (my $plain = $listen->accept) {
		my $pid = fork // next;
		if ($pid) { close $plain; next }
		$SIG{$_} = 'DEFAULT' for qw(TERM CHLD);
		close $listen;
		eval { $self->connection($plain) };
		exit 0;
	}
}

sub connection
{
	my ($self, $plain) = @_;
	my $peer = IO::Socket::SSL->start_SSL($plain, SSL_server => 1, SSL_cert_file => "$self->{tls}/server.pem",
		SSL_key_file => "$self->{tls}/server.key") or return;
	my $real;
	while (defined(my $request = message($peer))) {
		$real //= IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $self->{behind},
			SSL_ca_file => "$self->{tls}/ca.pem", SSL_verifycn_name => 'localhost', SSL_verifycn_scheme => 'none') or return;
		print $real $request;
		my $answer = message($real) // return;
		$self->save('traffic', "$request\n\n$answer\n\n", 1);
		print $peer $self->spoil($request, $answer);
	}
}

# One HTTP/1.1 message with a Content-Length (or none), as text; undef at the end.
sub message
{
	my ($fh) = @_;
	my $text = '';
	while ($text !~ /\r\n\r\n/) {
		my $n = sysread $fh, $text, 4096, length $text;
		return undef unless $n;
	}
	my $head_end = index($text, "\r\n\r\n") + 4;
	my ($length) = substr($text, 0, $head_end) =~ /^content-length: *(\d+)/mi;
	while (length($text) < $head_end + ($length // 0)) {
		my $n = sysread $fh, $text, 4096, length $text;
		return undef unless $n;
	}
	return $text;
}

sub spoil
{
	my ($self, $request, $answer) = @_;
	my ($mode, $path, $needle, $replacement) = split /\0/, $self->load('mode'), -1;
	my ($target) = $request =~ /^\S+ (\S+)/;
	my ($status) = $answer =~ m{^HTTP/1\.\d (\d+)};
	return $answer unless $target =~ /$path/ && $status == 200;
	my ($head, $body) = split /\r\n\r\n/, $answer, 2;
	$self->save('first', $answer) if $mode eq 'pass' && $path ne '.' && !-e "$self->{store}/first";
	return $answer if $mode eq 'pass';
	$self->save('spoilt', '.', 1);
	return $self->load('first') if $mode eq 'replay';
	if ($mode eq 'strip') { $head =~ s/\r\n(signature|signature-input): [^\r]*//gi; return "$head\r\n\r\n$body" }
	if ($mode eq 'garbage') { $body = "{\"version\":\0" . ('[' x 5000) }
	else {
		my $n = $body =~ s/$needle/$replacement/;
		$self->save('spoilt', '!', 1) unless $n;  # nothing to change: the test looks for it
	}
	$head =~ s/^content-length: *\d+/"Content-Length: " . length $body/mie;
	if ($mode ne 'alter') {
		my $digest = Sft::Key::digest($body);
		$head =~ s/^content-digest: [^\r]*/Content-Digest: $digest/mi;
	}
	$head = $self->sign($request, $head) if $mode eq 'forge';
	return "$head\r\n\r\n$body";
}

# Signs as docs/wire.md 2 says, by a statement key of its own under the platform's key id.
sub sign
{
	my ($self, $request, $head) = @_;
	my %value = ('@status' => ($head =~ m{^HTTP/1\.\d (\d+)})[0], 'content-digest' => ($head =~ /^content-digest: ([^\r]*)/mi)[0],
		'sft-version' => ($head =~ /^sft-version: ([^\r]*)/mi)[0]);
	my ($path, $query) = ($request =~ /^\S+ (\S+)/)[0] =~ /^([^?]*)(\?.*)?$/;
	my ($signature) = $request =~ /^signature: sft=([^\r]*)/mi;
	my ($input) = $head =~ /^signature-input: sft=([^\r]*)/mi;
	my @lines = map { qq("$_": $value{$_}) } qw(@status content-digest sft-version);
	push @lines, qq("\@path";req: $path), qq("\@query";req: @{[$query // '?']});
	push @lines, qq("signature";req;key="sft": $signature) if $input =~ /"signature";req/;
	my $base = join "\n", @lines, qq("\@signature-params": $input);
	my $mine = encode_base64($self->{key}->sign($base), '');
	$head =~ s/^signature: sft=[^\r]*/Signature: sft=:$mine:/mi;
	return $head;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill 'TERM', $pid;
	local $?;
	waitpid $pid, 0;
}

sub DESTROY { $_[0]->stop if defined $_[0]{pid} }

1;
