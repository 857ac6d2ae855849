#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The description of the API against the routes, and against the product's reference written down from its documentation.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use JSON::PP ();
use Sft::Product;
use Sft::World;
use Test::More;

my $w = Sft::World->new(empty => 1);
my $a = $w->door->call(GET => '/v1/openapi.json');
is "$a->{status} $a->{headers}{'content-type'}", '200 application/json', 'everybody may read it';
is $w->door->call(GET => '/v1/openapi.json', headers => { 'if-none-match' => $a->{headers}{etag} })->{status}, 304, '  who has it is told so';
my $doc = $a->{json};
is_deeply $doc, JSON::PP->new->utf8->decode($w->db->root->value('SELECT sft_core.openapi_document()')), '  and is what the routes say now';
like $doc->{openapi}, qr/^3\.1\./, 'OpenAPI 3.1';
my @operations = map { my $p = $_; map { [ uc $_, $p, $doc->{paths}{$p}{$_} ] } keys %{ $doc->{paths}{$p} } } keys %{ $doc->{paths} };
my @routes = $w->db->root->rows('SELECT method, path, auth, roles FROM sft_api.route');
is_deeply [ sort map { "$_->[0] $_->[1]" } @operations ], [ sort map { "$_->{method} $_->{path}" } @routes ], scalar(@routes) . ' routes, each described, and no other';
my %route = map { ("$_->{method} $_->{path}" => $_) } @routes;
my $json = JSON::PP->new->canonical;

my (%ids, @faults);
for (@operations) {
	my ($method, $path, $o) = @$_;
	my $r = $route{"$method $path"};
	my $fault = sub { push @faults, "$method $path: @_" };
	$fault->('its id is not its own') if $ids{ $o->{operationId} // '' }++;
	$fault->('nothing says what it is for') unless length($o->{summary} // "") >= 7;
	my @named = $path =~ /\{([^}]*)\}/g;
	my @said = map { $_->{name} } grep { $_->{in} eq 'path' && $_->{required} } @{ $o->{parameters} };
	$fault->("its values in the path are not @named") unless "@named" eq "@said";
	$fault->('who may call') unless $json->encode($o->{'x-roles'} // []) eq $json->encode($r->{roles} // []);
	$fault->('open to everybody?') if !@{ $o->{security} } && $r->{auth} ne 'none';
	my ($ok) = grep { /^2\d\d$/ } keys %{ $o->{responses} };
	$fault->('no answer') unless $ok && $o->{responses}{default};
	$fault->('204 with content') if ($ok // 0) == 204 && $o->{responses}{$ok}{content};
	$fault->('a body on GET') if $method eq 'GET' && $o->{requestBody};
}
is "@faults", '', scalar(@operations) . ' operations are whole';
my $text = $json->encode($doc);
my %refs = map { $_ => 1 } $text =~ /"\$ref":"([^"]*)"/g;
is_deeply [ grep { my $at = $doc; $at = $at->{$_} for grep { $_ ne '#' } split m{/}, $_; !$at } sort keys %refs ], [], 'what it refers to is there';
my %described = map { ($_->{route} => 1) } $w->db->root->rows('SELECT route FROM sft_core.openapi_answers() a');
is_deeply [ grep { !$described{ s/\{[^}]*\}/{}/gr } } sort keys %route ], [], 'every route says what it answers';

# the product's part says what the product's documentation says
my %product = map { my $k = "$_->[0] $_->[1]"; $k =~ s/\{[^}]*\}/{}/g; ($k => $_->[2]) } @operations;
my (@missing, @other);
for my $e (Sft::Product::endpoints()) {
	my $key = "$e->{method} /v1/teams/{}/" . $e->{path} =~ s/\{[^}]*\}/{}/gr;
	my $o = $product{$key} or push(@missing, $e->{n}), next;
	push @other, "$e->{n} status" unless $o->{responses}{ $e->{status} };
	my ($type) = $e->{shape} =~ /(\w+)(?:\+|$)/;
	my $schema = $o->{responses}{ $e->{status} }{content}{'application/json'}{schema};
	my $item = $e->{shape} =~ /^list:/ ? $schema->{properties}{list}{items} : $schema;
	push @other, "$e->{n} shape" if $e->{shape} ne '-' && ($item->{'$ref'} // '') ne "#/components/schemas/$type";
	my %query = map { $_->{name} => 1 } grep { $_->{in} eq 'query' } @{ $o->{parameters} };
	push @other, "$e->{n} query $_" for grep { !$query{$_} } @{ $e->{query} };
	my $body = $o->{requestBody}{content}{'application/json'}{schema}{properties} // {};
	push @other, "$e->{n} field $_" for grep { !$body->{$_} } @{ $e->{fields} };
	my %mine = map { $_ => 1 } @{ $o->{'x-roles'} // [] };
	push @other, "$e->{n} role $_" for grep { !($o->{'x-caller'} eq 'client' && /^authenticated/) && /^(access_admin|access_user|reporting_user|server_admin|authenticated_client)$/ && !delete $mine{$_} } @{ $e->{roles} };
	push @other, "$e->{n} open to $_" for grep { /^(access|reporting|server|authenticated|everyone)/ } keys %mine;
}
is "@missing", '', 'the product\'s 73 calls are routes';
is "@other", '', '  with its statuses, shapes, queries, fields and roles';
my $objects = Sft::Product::objects();
for my $type (sort keys %$objects) {
	my $schema = $doc->{components}{schemas}{$type} or fail("no schema of $type"), next;
	my %required = map { $_ => 1 } @{ $schema->{required} };
	my @wrong = grep { my ($field, $want) = @$_; !$schema->{properties}{$field} || ($want !~ /\?$/) != !!$required{$field} } @{ $objects->{$type} };
	is join(' ', map { $_->[0] } @wrong), '', "$type has the product's fields";
}
done_testing;
