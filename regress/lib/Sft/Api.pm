# SPDX-License-Identifier: PostgreSQL
# Sft::Api - signed HTTP calls by curl and Sft::Key: a client or a server of the platform that owes
# nothing to our C code.
#
#   my $c = Sft::Api->client($sys, 'alice');                 # enrolled by invitation, signed in
#   my $a = $c->call(POST => $c->path('credentials'), { kind => 'ssh_user', server => 'web01', … });
#   $a->{status}; $a->{json}; $a->{headers}{'sft-version'};
#   my @argv = $c->curl_argv(…);                             # the same, to be sent again later
package Sft::Api;
use strict;
use warnings;
use Carp;
use JSON::PP ();
use Sft::Door;
use Sft::Key;

my $json = JSON::PP->new->utf8->canonical;

sub new
{
	my ($class, $sys, $as, $key, %o) = @_;
	return bless { sys => $sys, as => $as, key => $key, url => $sys->{url}, %o }, $class;
}

sub client
{
	my ($class, $sys, $user) = @_;
	my ($key, $id) = (Sft::Key->new($sys->folder), Sft::Door::uuid());
	my $self = $class->new($sys, "client/$id", $key, id => $id);
	my $t = Sft::Door::token($sys->admin("invite('acme', '$user')"));
	my $a = $self->call(POST => $self->path('clients'), { id => $id, public_key => $key->public, hostname => 'laptop', os => 'Debian 12',
		invitation => { id => $t->{i}, mac => $key->mac($t->{s}, $id) } });
	croak "enroll: $a->{text}" unless $a->{status} == 201;
	my ($password, $new) = Sft::System::slurp($sys->password_file($user)) =~ /^(.+)$/mg;
	$a = $self->call(POST => $self->path('client_sessions'), { password => $password, defined $new ? (new_password => $new) : () });
	croak "sign in: $a->{text}" unless $a->{status} == 201;
	return $self;
}

sub path { my ($self, $rest) = @_; return "/v1/teams/acme/$rest" }

# The words of a curl command that makes this request; body is a hash or bytes.
sub curl_argv
{
	my ($self, $method, $target, $body, %o) = @_;
	my $bytes = ref $body ? $json->encode($body) : $body // '';
	my $nonce = $o{nonce} // Sft::Door::uuid();
	my %h = $self->{key}->request(method => $method, authority => $self->{url} =~ s{^https://}{}r, target => $target, body => $bytes,
		keyid => $self->{as}, created => $o{created} // time, nonce => $nonce, %{ $o{sign} // {} });
	$h{'content-type'} = 'application/json' if length $bytes;
	%h = (%h, 'user-agent' => 'sft/1.0 (wire 1)', %{ $o{headers} // {} });
	my @argv = ('curl', '-s', '-m', '30', '--cacert', $self->{sys}{ca}, '-X', $method, '-D', '-', map({ ('-H', "$_: $h{$_}") } sort keys %h));
	if (length($o{send} // $bytes)) {
		my $file = $self->{sys}->write_file("body-$nonce", $o{send} // $bytes);
		push @argv, '--data-binary', "\@$file";
	}
	return (@argv, $self->{url} . ($o{send_target} // $target));
}

sub answer
{
	my ($out) = @_;
	my ($head, $body) = split /\r\n\r\n/, $out, 2;
	my %a = (text => $body // '', headers => {});
	($a{status}) = ($head // '') =~ m{^HTTP/\S+ (\d+)};
	$a{status} //= 0;
	$a{headers}{ lc $1 } = $2 while ($head // '') =~ /^([^:\r\n]+): ([^\r\n]*)/mg;
	$a{json} = eval { $json->decode($a{text}) } if length $a{text};
	return \%a;
}

sub call
{
	my ($self, @request) = @_;
	my (undef, $out) = $self->{sys}->command($self->curl_argv(@request));
	return answer($out);
}

# Sends the words of an earlier request again.
sub again
{
	my ($self, @argv) = @_;
	my (undef, $out) = $self->{sys}->command(@argv);
	return answer($out);
}

1;
