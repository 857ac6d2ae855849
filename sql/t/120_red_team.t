#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What a red team tried against the doors and what has to fail: a gateway that lies about the path, the snapshot and the
# clock; a server that calls itself by another's id; bodies whose numbers are larger than their text.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;
use Time::HiRes 'time';

my $w = Sft::World->new;
my $db = $w->db;
my $door = $w->door;
my $s = $door->session;
my $alice = $w->client('acme', 'alice');
my $second = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
sub refused { my ($r, $error, $name) = @_; my ($a) = $door->batch([$r]); is $a->{json}{error} // "status $a->{status}", $error, $name; return $a }
sub state_of { return $db->root->value("SELECT state FROM sft.clients WHERE id = '$_[0]'") }

# G4: a signed deed is done to what its path names, whatever the gateway says the path means
my $delete = $alice->make(DELETE => $alice->path("clients/$second->{id}"));
refused({ %$delete, params => "acme/$alice->{id}" }, 'path_mismatch', 'G4 a removal redirected to another client');
is state_of($alice->{id}), 'ACTIVE', '  removes nobody';
my $logout = $alice->make(DELETE => $alice->path("client_sessions/$alice->{session}"));
refused({ %$logout, route => 'DELETE /v1/teams/{team}/clients/{id}', params => "acme/$second->{id}" }, 'path_mismatch', 'G4 a sign-out used as a removal');
is state_of($second->{id}), 'ACTIVE', '  removes nobody';
my $get = $alice->make(GET => $alice->path("clients/$alice->{id}/enrollment"));
refused({ %$get, method => 'GET', route => 'DELETE /v1/teams/{team}/clients/{id}', params => "acme/$second->{id}" }, 'path_mismatch', 'G4 a read used as a write');

# G4: what is signed about one authority is not told in the name of another
my ($user_ca, $host_ca) = split /\|/, $db->root->value('SELECT user_authority_id, host_authority_id FROM sft.projects');
for my $what (qw(trust krl)) {
	my $public = $door->make(GET => "/v1/authorities/$user_ca/$what");
	is +($door->batch([$public]))[0]{status}, 200, "$what is public";
	my $a = refused({ %$public, target => "/v1/authorities/$host_ca/$what" }, 'path_mismatch', "G4 one authority's $what in the name of another");
	ok !$a->{headers}{signature}, '  is not signed';
}
refused({ %{ $door->make(GET => '/v1/instance') }, target => "/v1/authorities/$host_ca/trust" }, 'path_mismatch', 'G4 the instance under another path');
for my $target ("/v1/instance/", "/v1/%69nstance", '/v1/instance?x=1') {
	is +($door->batch([ { %{ $door->make(GET => '/v1/instance') }, target => $target } ]))[0]{status}, 200, "the same path in other letters is the same: $target";
}
is $alice->call(GET => "/v1/teams/ac%6de/projects")->{status}, 200, '  in a parameter too';
is $alice->call(GET => "/v1/teams/acme/projects/", route => 'GET /v1/teams/{team}/projects', params => ['acme'])->{status}, 200, '  and with a slash at the end';
refused({ %{ $alice->make(GET => '/v1/teams/acme/projects') }, route => 'GET /v1/teams/{team}/servers' }, 'path_mismatch', '  but not another route');

done_testing;
