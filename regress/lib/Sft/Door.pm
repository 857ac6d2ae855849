# SPDX-License-Identifier: PostgreSQL
# Sft::Door - plays the gateway towards the database: one statement per batch through
# sft_api.handle, then sft_api.finish, connected as sft_gateway (docs/doors.md).
#
#   my $door = Sft::Door->new($db);
#   my $a = $door->call(POST => '/v1/teams/acme/clients', body => {...}, key => $key, as => "client/$id");
#   $a->{status}; $a->{json}; $a->{headers}{'sft-version'};
#   my @a = $door->batch([ $door->make(...), $door->make(...) ]);
package Sft::Door;
use strict;
use warnings;
use Carp;
use JSON::PP ();
use MIME::Base64 ();
use Sft::Db;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new
{
	my ($class, $db, %opt) = @_;
	my $self = bless { db => $db, authority => $opt{authority} // 'sft.example.com',
		session => $opt{session} // $db->session('sft_gateway'), trace => 0 }, $class;
	$self->routes;
	return $self;
}

sub session { $_[0]{session} }

sub routes
{
	my ($self) = @_;
	$self->{routes} = [ map {
		my ($path, $key) = ($_->{path}, "$_->{method} $_->{path}");
		my $re = join '/', map { /^\{.*\}$/ ? '([^/]+)' : quotemeta } split m{/}, $path, -1;
		+{ %$_, key => $key, re => qr/^$re$/ }
	} $self->{session}->rows('SELECT method, path, max_body, batch, wait_s FROM sft_api.route') ];
	# a literal segment wins over a {name}
	@{ $self->{routes} } = sort { ($a->{path} =~ tr/{//) <=> ($b->{path} =~ tr/{//) } @{ $self->{routes} };
}

sub route
{
	my ($self, $method, $path) = @_;
	for my $r (@{ $self->{routes} }) {
		next unless $r->{method} eq $method;
		if (my @params = $path =~ $r->{re}) {
			return ($r, $path =~ $r->{re} && $r->{path} =~ /\{/ ? @params : ());
		}
	}
	croak "no route for $method $path";
}

sub uuid
{
	open my $fh, '<', '/proc/sys/kernel/random/uuid' or croak $!;
	chomp(my $id = <$fh>);
	return $id;
}

# One request as handle takes it. body: a hash (encoded here) or bytes. key, as: signed by whom.
# Everything that would be computed can be given: nonce, created, sign (changes what is signed), headers.
sub make
{
	my ($self, $method, $target, %o) = @_;
	my ($path) = $target =~ /^([^?]*)/;
	my ($route, @params) = $o{route} ? ({ key => $o{route} }, @{ $o{params} // [] }) : $self->route($method, $path);
	s/%([0-9A-Fa-f]{2})/chr hex $1/ge for @params;
	my $body = ref $o{body} ? $json->encode($o{body}) : $o{body} // '';
	utf8::encode($body) if utf8::is_utf8($body);
	my %headers = ('user-agent' => 'sft/1.0 (wire 1)');
	$headers{'content-type'} = 'application/json' if length $body;
	my $nonce = $o{nonce} // uuid();
	if ($o{key}) {
		%headers = (%headers, $o{key}->request(
			method => $method, authority => $self->{authority}, target => $target, body => $body,
			keyid => $o{as}, created => $o{created} // time, nonce => $nonce, %{ $o{sign} // {} }));
	}
	%headers = (%headers, %{ $o{headers} // {} });
	return {
		route => $route->{key}, params => join('/', @params), method => $method, target => $target,
		authority => $o{authority} // $self->{authority}, body => $body, peer => $o{peer} // '192.0.2.10',
		headers => join('', map { defined $headers{$_} ? "$_: $headers{$_}\n" : () } sort keys %headers),
		trace_id => sprintf('t%06d', ++$self->{trace}), nonce => $nonce,
	};
}

sub text_array { 'ARRAY[' . join(',', map { my $v = $_; $v =~ s/'/''/g; "'$v'" } @_) . ']::text[]' }
sub bytes_array { 'ARRAY[' . join(',', map { "decode('" . unpack('H*', $_) . "', 'hex')" } @_) . ']::bytea[]' }

sub handle_sql
{
	my ($self, @requests) = @_;
	my %as = (params => 1, target => 1, authority => 1, headers => 1, body => 1);
	return 'sft_api.handle(' . join(', ', map {
		my $field = $_;
		my @values = map { my $v = $_->{$field}; utf8::encode($v) if utf8::is_utf8($v); $v } @requests;
		$as{$field} ? bytes_array(@values) : text_array(@values)
	} qw(route params method target authority headers body peer trace_id)) . ')';
}

sub finish_sql { my ($self, @ids) = @_; return 'sft_api.finish(' . text_array(@ids) . '::pg_catalog.uuid[])' }

sub bytes { my ($text) = @_; return defined $text ? pack('H*', substr $text, 2) : undef }

sub answer
{
	my ($row) = @_;
	my %a = (%$row, text => bytes($row->{body}), headers => {});
	$a{headers}{$1} = $2 while ($row->{headers} // '') =~ /^([^:\n]+): (.*)$/mg;
	delete $a{body};
	$a{json} = eval { $json->decode($a{text}) } if length($a{text} // '');
	return \%a;
}

# The rows of handle alone, in the order of the requests.
sub handle
{
	my ($self, @requests) = @_;
	my %by = map { $_->{trace_id} => answer($_) } $self->{session}->rows('SELECT * FROM ' . $self->handle_sql(@requests) . ' AS h (trace_id, status, headers, body, wait, continue_id)');
	return map { $by{ $_->{trace_id} } // croak "no answer for $_->{trace_id}" } @requests;
}

sub finish
{
	my ($self, @ids) = @_;
	my %by = map { $_->{id} => answer($_) } $self->{session}->rows('SELECT * FROM ' . $self->finish_sql(@ids));
	return map { $by{$_} } @ids;
}

# As the gateway does: handle in one transaction, then finish for those that continue.
sub batch
{
	my ($self, $requests) = @_;
	my @answers = $self->handle(@$requests);
	$answers[$_]{request} = $requests->[$_] for 0 .. $#answers;
	my @ids = do { my %seen; grep { defined && !$seen{$_}++ } map { $_->{continue_id} } @answers };
	if (@ids) {
		my %done;
		@done{@ids} = $self->finish(@ids);
		@answers = map { defined $_->{continue_id} ? { %$_, %{ $done{ $_->{continue_id} } } } : $_ } @answers;
	}
	return @answers;
}

sub call
{
	my ($self, $method, $target, %o) = @_;
	my ($answer) = $self->batch([ $self->make($method, $target, %o) ]);
	return $answer;
}

# What a token text says.
sub token { return $json->decode(MIME::Base64::decode_base64($_[-1])) }

1;
