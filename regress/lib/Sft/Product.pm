# SPDX-License-Identifier: PostgreSQL
# Sft::Product - a client of the product's API, as customers run them: service_token, then a bearer, by curl; and the
# product's reference as data (regress/product/*.tsv), against which every answer is held.
#
#   my $p = Sft::Product->new($sys, team => 'acme', key_id => …, key_secret => …);
#   my $a = $p->call(35, { project_name => 'prod' });        # the 35th documented call; status, body and headers compared
#   my $a = $p->ask(GET => '/v1/teams/acme/projects', …);    # anything
#   Sft::Product::endpoints(); Sft::Product::fault('Project', $json);
package Sft::Product;
use strict;
use warnings;
use Carp;
use JSON::PP ();
use Sft::Api;
use Sft::Db;
use Test::More;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my (@endpoints, %objects);

sub table
{
	my ($name) = @_;
	return map { [ split /\t/ ] } grep { /^[^#]/ } split /\n/, Sft::Db::slurp("$Sft::Db::top/regress/product/$name.tsv");
}

sub endpoints
{
	@endpoints = map {
		my %e;
		@e{qw(n method path roles status shape query fields)} = @$_;
		$e{$_} = $e{$_} eq '-' ? [] : [ split /,/, $e{$_} ] for qw(roles query fields);
		\%e
	} table('endpoints') unless @endpoints;
	return @endpoints;
}

sub objects
{
	push @{ $objects{ $_->[0] } }, [ @{$_}[1, 2] ] for %objects ? () : table('objects');
	return \%objects;
}

my %rule = (
	text => sub { !ref $_[0] }, uuid => sub { $_[0] =~ /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ },
	int => sub { !ref $_[0] && $json->encode($_[0]) =~ /^-?\d+$/ }, bool => sub { JSON::PP::is_bool($_[0]) },
	list => sub { ref $_[0] eq 'ARRAY' }, object => sub { ref $_[0] eq 'HASH' }, scalar => sub { !ref $_[0] },
	time => sub { $_[0] =~ /^(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/ },
);

# What is wrong with an object of the product, or undef.
sub fault
{
	my ($type, $o) = @_;
	return "$type is no object" unless ref $o eq 'HASH';
	for (@{ objects()->{$type} // croak "no object $type" }) {
		my ($field, $want) = @$_;
		my $maybe = $want =~ s/\?$//;
		my $v = $o->{$field};
		if (!defined $v) {
			return "$type.$field is missing" unless $maybe;
			next;
		}
		my $ok = $rule{$want} ? $rule{$want}->($v) : grep { $_ eq $v } split /\|/, $want;
		return "$type.$field is no $want: " . $json->encode($v) unless $ok;
	}
	return undef;
}

# What is wrong with the body of an answer that has a shape of endpoints.tsv.
sub misshapen
{
	my ($shape, $a) = @_;
	return length $a->{text} ? "a body: $a->{text}" : undef if $shape eq '-';
	return "not JSON: $a->{text}" unless defined $a->{json};
	if ($shape =~ /^list:(.*)/) {
		return 'no list' unless ref $a->{json} eq 'HASH' && ref $a->{json}{list} eq 'ARRAY';
		return (grep { defined } map { fault($1, $_) } @{ $a->{json}{list} })[0];
	}
	my ($type, @extra) = split /\+/, $shape;
	return fault($type, $a->{json}) // (grep { !length($a->{json}{$_} // '') } @extra)[0];
}

# What every answer keeps to, whatever it says.
sub unruly
{
	my ($a) = @_;
	my $h = $a->{headers};
	return 'no X-Trace-Id' unless ($h->{'x-trace-id'} // '') =~ /^[0-9a-f]{32}$/;
	return "$_ is not JSON" for grep { $a->{status} != 204 && $_ !~ m{^application/json} } $h->{'content-type'} // 'nothing';
	return 'a length with a 204' if $a->{status} == 204 && exists $h->{'content-length'};
	return 'a Link with nothing but prev' if ($h->{link} // '') =~ /rel="prev"/ && $h->{link} !~ /rel="next"/;
	return 'the year 1' if $a->{text} =~ /"0001-01-01/;
	return undef if $a->{status} < 400;
	my $e = $a->{json};
	return 'an error that is no object' unless ref $e eq 'HASH';
	return "an error without $_" for grep { !defined $e->{$_} } qw(code type error message trace_id);
	return "code $e->{code} with status $a->{status}" if $e->{code} != $a->{status};
	return "an error with $_" for grep { defined $e->{$_} } qw(name deleted_at removed_at group token list);
	return undef;
}

sub new
{
	my ($class, $sys, %o) = @_;
	return bless { sys => $sys, team => 'acme', agent => 'go-resty/1.12.0 (https://gopkg.in/resty.v1)', walked => {}, %o }, $class;
}

sub path { my ($self, $rest) = @_; return "/v1/teams/$self->{team}/$rest" }

# One request by curl. body: a hash, bytes, or undef. headers: added; a header of undef is left out.
sub ask
{
	my ($self, $method, $target, $body, %o) = @_;
	my %h = ('Content-Type' => 'Application/json', Accept => 'application/json', 'User-Agent' => $self->{agent},
		$self->{bearer} ? (Authorization => "Bearer $self->{bearer}") : (), %{ $o{headers} // {} });
	my @argv = ('curl', '-s', '-m', '30', '--path-as-is', '--cacert', $self->{sys}{ca}, '-D', '-', $method eq 'HEAD' ? '-I' : ('-X', $method),
		map { ('-H', defined $h{$_} ? "$_: $h{$_}" : "$_:") } sort keys %h);
	push @argv, '--data-binary', '@' . $self->{sys}->write_file('product-body', ref $body ? $json->encode($body) : $body) if defined $body;
	my (undef, $out) = $self->{sys}->command(@argv, $self->{sys}{url} . $target);
	return Sft::Api::answer($out);
}

# A documented call by its number: asked as its clients do, and its answer compared with the reference.
# status: another than the documented one (then the shape is an error's).
sub call
{
	my ($self, $n, $params, $body, %o) = @_;
	my ($e) = grep { $_->{n} == $n } endpoints();
	my $path = $e->{path} =~ s/\{(\w+)\}/$params->{$1} \/\/ croak "call $n: no $1"/ger;
	my $a = $self->ask($e->{method}, $self->path($path) . ($o{query} ? "?$o{query}" : ''), $body, %o);
	my $want = $o{status} // $e->{status};
	my $what = "$n $e->{method} $e->{path}" . ($o{query} ? "?$o{query}" : '') . ($o{name} ? ": $o{name}" : '');
	my $fault = $a->{status} != $want ? "status $a->{status}, not $want: $a->{text}" : unruly($a);
	$fault //= misshapen($e->{shape}, $a) if $want < 300;
	ok !defined $fault, $what or diag $fault;
	$self->{walked}{$n}++ if $want == $e->{status} && !defined $fault;
	return $a;
}

sub sign_in
{
	my ($self) = @_;
	delete $self->{bearer};
	my $a = $self->call(1, {}, { key_id => $self->{key_id}, key_secret => $self->{key_secret} });
	$self->{bearer} = $a->{json}{bearer_token};
	return $a;
}

1;
