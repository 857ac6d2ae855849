#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What a member writes into the fields, paths and queries of every call (security's catalogue of bad inputs): it is taken or
# refused in the API's own words, by name; it is never our fault (500), never shows the database's text, and goes nowhere else.
#
# SFT_LONG=1 (make check-long) tries every bad value in every field; otherwise each field gets a few of them, in turn.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use JSON::PP ();
use Sft::Matrix;
use Sft::World;
use Test::More;
use utf8;

my $long = $ENV{SFT_LONG};
my $w = Sft::World->new;
my $root = $w->db->root;
$root->run('UPDATE sft.teams SET rate_limit_per_minute = 1000000');
my $m = Sft::Matrix->new($w, 'acme', 'a');
my $owner = $m->{owner};
my @calls = $m->calls;
my ($true, $null) = (JSON::PP::true, undef);
my $x = Sft::Door::uuid();

# What is no value of any field, or of few.
my @bad = (
	[ 'true', $true ], [ 'a number', 12345 ], [ 'a negative number', -1 ], [ 'a large number', 99999999999999 ], [ 'a fraction', 1.5 ], [ 'an empty text', '' ], [ 'an object', { a => { b => [1] } } ], [ 'a list', [ 1, 'a', [], {} ] ],
	[ 'an empty list', [] ], [ 'null', $null ], [ '300 letters', 'a' x 300 ], [ '20000 letters', 'b' x 20000 ], [ 'a line feed', "a\nb" ], [ 'an escape', "a\e[31mb" ], [ 'quotes', q{a'b"c\\d} ], [ 'SQL', q{'; DROP TABLE sft.users; --} ],
	[ 'a format', '%s%n%1$L' ], [ 'a regexp', '(a+)+$' ], [ 'a jsonpath', '$.** ? (@ == 1)' ], [ 'shell', '$(reboot)`id`' ], [ 'dots', '../../etc/passwd' ], [ 'right to left', "a\x{202e}b" ], [ 'another script', 'üser' ], [ 'a look-alike', "r\x{43e}ot" ],
	[ 'root', 'root' ], [ 'a uuid', $x ], [ 'a uuid in capitals', uc $x ], [ 'half a uuid', substr $x, 0, 20 ], [ 'a time', '2026-01-31T12:00:00Z' ], [ 'no time', '2026-13-45T99:99:99Z' ], [ 'the end of time', 'infinity' ], [ 'year 300000', '294277-01-01T00:00:00Z' ],
	[ 'an option', '-rf' ], [ 'a comma', 'a,b' ], [ 'a star', '*' ], [ 'a slash', 'a/b' ], [ 'a selector', 'a in (b' ], [ 'a private key', "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n" ],
);

# Fields beyond those of the documentation that calls read.
my %more = (12 => [qw(include_user_sid)], 16 => [qw(details.first_name details.email)], 5 => [qw(details.full_name)], 65 => [qw(structured_commands.0.command structured_commands.0.args structured_commands.0.args_type structured_commands.0.command_type)],
	45 => [qw(servers_selector)], 34 => [qw(gateway_selector)], 'cluster_group.create' => [qw(claims cluster_selector)], 'setup_token.create' => [qw(details.labels)], 'revocation.create' => [qw(issued_after client server project request_id)],
	'lock.create' => [qw(expires_at subject_kind)], 'key.activate' => [qw(waive)], 'user.create' => [qw(server_user_name user_type status details)], 'project_entitlement.create' => [qw(position)]);

sub fields { my ($call) = @_; my %f = map { $_ => 1 } keys %{ $m->body($call) // {} }, @{ $call->{fields} // [] }, @{ $more{ $call->{n} } // [] }; return sort keys %f }

# A copy of a body with another value at a.b.0.c.
sub with
{
	my ($body, $field, $value) = @_;
	my $copy = JSON::PP->new->decode(JSON::PP->new->encode($body // {}));
	my @at = split /\./, $field;
	my $last = pop @at;
	my $o = $copy;
	for (@at) { $o = ref $o eq 'ARRAY' ? $o->[$_] : ($o->{$_} //= {}) }
	ref $o eq 'ARRAY' ? ($o->[$last] = $value) : ($o->{$last} = $value);
	return $copy;
}

sub escape { my ($t) = @_; utf8::encode($t); return $t =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger }

my (@asked, @what);
my $turn = 0;
my $take = sub { $long ? @bad : map { $bad[ ($turn++ * 7) % @bad ] } 1 .. $_[0] };
for my $call (grep { $_->{method} =~ /^(POST|PUT)$/ } @calls) {
	for my $field (fields($call)) {
		for ($take->(4)) {
			my ($name, $value) = @$_;
			push @asked, [ $owner, $call, body => with($m->body($call), $field, $value) ];
			push @what, "$call->{name} $field: $name";
		}
	}
}
my $in_bodies = @asked;
for my $call (@calls) {
	for my $param (Sft::Matrix::params($call)) {
		for ($take->(1)) {
			my ($name, $value) = @$_;
			# what the gateway never lets through (docs/doors.md)
			next if !defined $value || ref $value || $value eq '' || $value =~ m{[/\\\x00-\x1f]} || length $value > 900;
			push @asked, [ $owner, $call, params => { $param => escape($value) } ];
			push @what, "$call->{name} {$param}: $name";
		}
	}
}
my $in_paths = @asked - $in_bodies;
for my $call (grep { $_->{method} eq 'GET' } @calls) {
	for my $name (@{ $call->{query} // [] }, $long || $turn++ % 4 == 0 ? qw(count offset prev descending contains selector project include_ended) : ()) {
		for ($take->(1)) {
			my ($kind, $value) = @$_;
			next if ref $value || !defined $value || length $value > 3000;
			push @asked, [ $owner, $call, target => $m->target($call) . "?$name=" . escape($value) ];
			push @what, "$call->{name} ?$name=$kind";
		}
	}
}
my @answers = $m->run(@asked);
my (@ours, @wordless, @leaks);
for (0 .. $#answers) {
	my $a = $answers[$_];
	push @ours, "$what[$_]: $a->{status} $a->{text}" if $a->{status} >= 500 || $a->{status} < 200;
	next if $a->{status} < 400;
	push @wordless, "$what[$_]: $a->{text}" unless ($a->{json}{error} // '') =~ /^[a-z][a-z0-9_]+$/ && length($a->{json}{message} // '') > 8;
	push @leaks, "$what[$_]: $a->{json}{message}" if ($a->{json}{message} // '') =~ /\b(syntax error|violates|relation|column|invalid input|invalid byte|operator does not|pg_|plpgsql|SQLSTATE|constraint|breaks the rule)\b/i;
}
is scalar(@answers), scalar(@asked), "$in_bodies values in bodies, $in_paths in paths, " . (@asked - $in_bodies - $in_paths) . ' in queries are answered';
is join("\n", @ours), '', '  none is our fault';
is join("\n", @wordless), '', '  a refusal has a word and a sentence';
is join("\n", @leaks), '', '  which is not the database\'s';

# whole bodies that are none
my @whole = map { my $c = $_; map { [ $owner, $c, body => $_ ] } '', 'x', '[]', '"x"', '{', '{"a":1,"a":2}', "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", '{"a":' . '[' x 40 . ']' x 40 . '}', '{"a":1e131071}' } grep { $_->{method} =~ /^(POST|PUT)$/ && $m->body($_) } $long ? @calls : @calls[ map { 5 * $_ } 0 .. $#calls / 5 ];
@answers = $m->run(@whole);
is join("\n", map { $answers[$_]{status} =~ /^(400|413|415|2\d\d|409|403)$/ ? () : "$whole[$_][1]{name} $whole[$_][2]: $answers[$_]{status} $answers[$_]{text}" } 0 .. $#answers), '', scalar(@whole) . ' bodies that are no JSON object';
unlike $w->db->log_text, qr/PANIC|terminated by signal|server process/, 'the database is well';
my @logged = grep { /sft: / } split /\n/, $w->db->log_text;
is_deeply \@logged, [], '  and has nothing in its log that is our fault';
done_testing;
