#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# auditsV2 as a log collector reads it: the newest first, then onward from it, nothing twice and nothing lost, also while calls are under way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
$w->company('zeta');
my $T = '/v1/teams/acme';
my $root = $w->db->root;
my $server = $w->server('acme', 'prod', 'web01');
my $alice = $w->client('acme', 'alice');
my $robot = $w->robot('acme', 'splunk', 'owners');
sub get { my ($query) = @_; my $a = $robot->call(GET => "$T/auditsV2$query"); return $a->{json} ? $a : BAIL_OUT("$query: $a->{text}") }
sub types { map { $_->{details}{type} } @{ $_[0]{json}{list} } }
sub next_of { my ($a) = @_; return ($a->{headers}{link} // '') =~ m{auditsV2(\?[^>]*)>; rel="next"} ? $1 : undef }

my $last = get('?count=1&descending=true')->{json};
is scalar(@{ $last->{list} }), 1, 'the newest event alone';
like $last->{list}[0]{id}, qr{^[A-Za-z0-9+/]{22}==$}, '  has an id of 16 bytes';
like $last->{list}[0]{timestamp}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, '  and its time';
is $last->{list}[0]{details}{type}, 'auth_token.issue', '  is the token that asks';
is ref $last->{related_objects}, 'HASH', '  with related_objects';
my $who = $last->{related_objects}{ $last->{list}[0]{details}{actor} };
is "$who->{type} $who->{object}{name}", 'user splunk', '  that say who';

my $offset = $last->{list}[0]{id};
is_deeply [ types(get('?offset=' . $offset =~ s/([+\/=])/sprintf '%%%02X', ord $1/ger)) ], [], 'nothing happened since';
my $empty = get("?offset=$offset");
is_deeply [ $empty->{json}{list}, $empty->{json}{related_objects}, $empty->{headers}{link} ], [ [], {}, undef ], '  both members are there, no Link; an id unescaped does as well';
$alice->credential($server->{id});
$alice->credential('nosuch');
my @new = @{ get("?offset=$offset")->{json}{list} };
is join(' ', map { $_->{details}{type} } @new), 'user_creds.issue request.refused', 'what happened since';
is "$new[1]{details}{error} $new[1]{details}{status} $new[1]{details}{actor_name}", 'server_unknown 404 alice', '  refusals too';
ok $new[0]{details}{client} && $new[0]{details}{project} && $new[0]{details}{server}, '  what they are about';

# the whole ledger in pages, each event once
my (@seen, $a);
for ($a = get('?count=7'); ; $a = get(next_of($a))) { push @seen, map { $_->{id} } @{ $a->{json}{list} }; last unless next_of($a) }
is scalar(@seen), $root->value("SELECT count(*) FROM sft.audit_events e JOIN sft.teams t ON t.id = e.team_id WHERE t.name = 'acme'"), 'Links lead through all events of the team';
is scalar(keys %{ { map { $_ => 1 } @seen } }), scalar(@seen), '  each once';
my @down;
for ($a = get('?count=9&descending=true'); ; $a = get(next_of($a))) { push @down, map { $_->{id} } @{ $a->{json}{list} }; last unless next_of($a) }
is_deeply [ reverse @down ], \@seen, '  and downward';
is_deeply [ map { $_->{id} } @{ get("?count=3&prev=true&offset=$seen[5]")->{json}{list} } ], [ @seen[2 .. 4] ], '  and back';
is scalar(grep { $_->{details}{team_name} ne 'acme' } @{ get('?count=1000')->{json}{list} }), 0, 'S5 nothing of another team';

# a call under way has a lower number than one that is done: the collector waits for it
$offset = get('?count=1&descending=true')->{json}{list}[0]{id};
$w->db->psql($w->db->{database}, 'CREATE ROLE dave LOGIN IN ROLE sft_dba');
my $slow = $w->db->session('dave');
$slow->run('BEGIN', q{SELECT sft_admin.create_user('acme', 'slow')});
$w->admin(q{invite('acme', 'bob')});
is_deeply [ types(get("?offset=$offset")) ], [], 'while an earlier one is not committed a later one is not shown';
$slow->run('COMMIT');
is join(' ', types(get("?offset=$offset"))), 'user.create member.add team_invitation.create', '  then both are, in order';

# whose events
$w->admin("create_group('acme', 'users', '{access_user}')");
$w->admin("add_member('acme', 'users', 'bob')");
my $bob = $w->client('acme', 'bob');
my %actors = map { $_->{details}{actor_name} => 1 } @{ $bob->call(GET => "$T/auditsV2")->{json}{list} };
is join(' ', sort keys %actors), 'bob', 'an access_user in no project sees the own events';
is $alice->call(GET => "$T/auditsV2")->{json}{error}, 'role_missing', 'no role sees none';
is $robot->call(GET => "$T/auditsV2?offset=$_")->{json}{error}, 'offset_format', "an offset that is none: $_" for 'x', 'AAAA', 'YQphYmM';
is $robot->call(GET => "$T/logins?offset=$_")->{json}{error}, 'offset_format', '  nor of logins' for 'x', 'YQphYmM';
done_testing;
