# SPDX-License-Identifier: PostgreSQL
# Sft::Key - keys and signatures of docs/wire.md by the openssl program: a second implementation,
# written from the page and not from common/, so that the two check each other.
#
#   my $key = Sft::Key->new($folder);            # ecdsa-p256; or ->new($folder, 'ed25519')
#   $key->public;                                # "ecdsa-sha2-nistp256 AAAA…"
#   $key->request(method => …, authority => …, target => …, body => …, keyid => …, created => …, nonce => …)
#   $key->mac($secret, $subject_id);             # proof of a token
#   Sft::Key::statement($ssh_public, 'state', $target, $answer, $request);  # whether the platform signed it
package Sft::Key;
use strict;
use warnings;
use Carp;
use Digest::SHA qw(sha256 hmac_sha256);
use MIME::Base64 qw(encode_base64 decode_base64);
use File::Temp ();
use Sft::Db ();

my $count = 0;

sub new
{
	my ($class, $folder, $kind) = @_;
	$kind //= 'ecdsa-p256';
	my $file = "$folder/key." . ++$count . ".$$.pem";
	my @gen = $kind eq 'ed25519' ? qw(-algorithm ed25519)
		: qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve);
	openssl('', 'genpkey', @gen, '-out', $file);
	chmod 0600, $file;
	my $der = openssl('', 'pkey', '-in', $file, '-pubout', '-outform', 'DER');
	my $self = bless { kind => $kind, file => $file, folder => $folder }, $class;
	my @parts = $kind eq 'ed25519' ? ('ssh-ed25519', substr($der, -32))
		: ('ecdsa-sha2-nistp256', 'nistp256', substr($der, -65));
	$self->{blob} = join '', map { pack 'N/a*', $_ } @parts;
	$self->{public} = $parts[0] . ' ' . encode_base64($self->{blob}, '');
	return $self;
}

sub public { $_[0]{public} }
sub alg { $_[0]{kind} eq 'ed25519' ? 'ed25519' : 'ecdsa-p256-sha256' }

sub openssl
{
	my ($input, @argv) = @_;
	require IPC::Open2;
	my $pid = IPC::Open2::open2(my $out, my $in, 'openssl', @argv);
	binmode $_ for $in, $out;
	print $in $input;
	close $in;
	local $/;
	my $answer = <$out>;
	waitpid $pid, 0;
	croak "openssl @argv failed" if $?;
	return $answer;
}

# The 64 raw bytes of a signature.
sub sign
{
	my ($self, $message) = @_;
	if ($self->{kind} eq 'ed25519') {             # one-shot: wants a file
		my $file = "$self->{folder}/message.$$." . ++$count;
		open my $fh, '>:raw', $file or croak "$file: $!";
		print $fh $message;
		close $fh;
		my $sig = openssl('', qw(pkeyutl -sign -rawin -inkey), $self->{file}, '-in', $file);
		unlink $file;
		return $sig;
	}
	my $der = openssl($message, qw(dgst -sha256 -sign), $self->{file});
	my ($r, $s) = unpack 'x[2] x C/a x C/a', $der;  # SEQUENCE { INTEGER, INTEGER }, always short
	return join '', map { substr(("\0" x 32) . $_, -32) } $r, $s;
}

# The code that people compare: 16 base32 characters of SHA-256 over the key's blob.
sub device_code
{
	my ($self) = @_;
	my $bits = substr unpack('B*', sha256($self->{blob})), 0, 80;
	my $code = join '', map { ('A' .. 'Z', 2 .. 7)[oct "0b$_"] } $bits =~ /(.{5})/g;
	return join '-', $code =~ /(.{4})/g;
}

sub mac
{
	my ($self, $secret, $subject) = @_;
	return encode_base64(hmac_sha256("sft1 enroll\n$subject\n$self->{public}", $secret), '');
}

sub digest { 'sha-256=:' . encode_base64(sha256($_[0]), '') . ':' }

# Header values of a signed request, as a hash: content-digest (with a body), signature-input, signature.
sub request
{
	my ($self, %r) = @_;
	my ($path, $query) = $r{target} =~ /^([^?]*)(\?.*)?$/s;
	my @components = qw(@method @authority @path @query);
	my %h;
	if (length($r{body} // '')) {
		push @components, 'content-digest';
		$h{'content-digest'} = digest($r{body});
	}
	my $params = '(' . join(' ', map { qq("$_") } @components) . ')'
		. qq(;created=$r{created};nonce="$r{nonce}";keyid="$r{keyid}";alg="@{[$r{alg} // $self->alg]}";tag="sft1");
	my %value = ('@method' => $r{method}, '@authority' => $r{authority}, '@path' => $path,
		'@query' => $query // '?', 'content-digest' => $h{'content-digest'});
	my $base = join "\n", map({ qq("$_": $value{$_}) } @components), qq("\@signature-params": $params);
	$h{'signature-input'} = "sft=$params";
	$h{signature} = 'sft=:' . encode_base64($self->sign($base), '') . ':';
	return %h;
}

# Whether an answer (status, headers, text) is a statement of that purpose by that Ed25519 key, for
# this target, bound to the request whose headers are given (undef: public material).
sub statement
{
	my ($public, $purpose, $target, $answer, $request) = @_;
	my ($blob) = map { decode_base64($_) } $public =~ / (\S+)/;
	my $hash = encode_base64(sha256($blob), '') =~ tr{+/=}{-_}dr;
	my $h = $answer->{headers};
	my ($path, $query) = $target =~ /^([^?]*)(\?.*)?$/s;
	my @components = ('"@status"', '"content-digest"', '"sft-version"', '"@path";req', '"@query";req');
	my @values = ($answer->{status}, digest($answer->{text}), ($h->{'sft-version'} // return 0), $path, $query // '?');
	if (defined $request) {
		my ($signature) = $request->{headers} =~ /^signature: sft=(:.*:)$/m;
		push @components, '"signature";req;key="sft"';
		push @values, $signature;
	}
	my ($created) = ($h->{'signature-input'} // '') =~ /;created=(\d+);/ or return 0;
	my $params = '(' . join(' ', @components) . qq{);created=$created;keyid="platform/$hash";alg="ed25519";tag="sft1-$purpose"};
	return 0 unless $h->{'signature-input'} eq "sft=$params" && $h->{'content-digest'} eq $values[1] && abs(time - $created) < 60;
	my $base = join "\n", map({ "$components[$_]: $values[$_]" } 0 .. $#components), qq("\@signature-params": $params);
	my ($sig) = $h->{signature} =~ /^sft=:([A-Za-z0-9+\/]{86}==):$/ or return 0;
	return verify(substr($blob, -32), $base, decode_base64($sig));
}

# Whether an Ed25519 signature is good, asked of openssl.
sub verify
{
	my ($raw_key, $message, $signature) = @_;
	my $dir = File::Temp->newdir;
	my %file = (key => pack('H*', '302a300506032b6570032100') . $raw_key, message => $message, sig => $signature);
	for (keys %file) {
		open my $fh, '>:raw', "$dir/$_" or croak $!;
		print $fh $file{$_};
		close $fh;
	}
	return system("openssl pkeyutl -verify -pubin -keyform DER -inkey $dir/key -rawin -in $dir/message -sigfile $dir/sig >/dev/null 2>&1") == 0;
}

1;
