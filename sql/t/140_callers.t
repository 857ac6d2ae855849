#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who may call the API: service users buy bearer tokens for keys, roles are asked at the door, lists come in pages, calls are counted.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use MIME::Base64 qw(decode_base64url encode_base64url);
use Sft::World;
use Test::More;

my $w = Sft::World->new;
$w->company('zeta');
my $T = '/v1/teams/acme';
my $root = $w->db->root;
sub said { my ($a) = @_; return "$a->{status} " . ($a->{json}{error} // '-') }

# keys and tokens
my $robot = $w->robot('acme', 'terraform', 'owners');
like $robot->{service_key}{key_secret}, qr{^[A-Za-z0-9+/]{86}==$}, 'a secret is base64 of 64 bytes';
my $sold = $robot->get_token;
is_deeply [ sort keys %{ $sold->{json} } ], [qw(bearer_token expires_at team_name)], 'a token is sold';
is $sold->{json}{team_name}, 'acme', '  for the team';
like $sold->{json}{expires_at}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '  with its end';
ok $sold->{headers}{'x-ratelimit-limit'}, '  and the limits';
my ($head, $claims, $mac) = split /\./, $sold->{json}{bearer_token};
like decode_base64url($claims), qr/"exp": \d+/, 'the token looks like a JWT';
is $robot->call(GET => "$T/projects")->{status}, 200, 'it opens the API';
is $root->value("SELECT count(*) FROM sft.service_keys k WHERE k::text LIKE '%$robot->{service_key}{key_secret}%'"), 0, 'the secret is not stored';
ok $root->value('SELECT last_used_at IS NOT NULL FROM sft.service_keys'), 'the last use is';
is scalar($w->audit("type = 'auth_token.issue' AND actor_kind = 'service'")), 2, 'each token sold is in the audit';

my %key = %{ $robot->{service_key} };
my @wrong = (
	[ 'a wrong secret', %key, key_secret => $key{key_secret} =~ tr/A-Za-z/B-ZAb-za/r ],
	[ 'an unknown key', %key, key_id => Sft::Door::uuid() ],
	[ 'something that is no key', %key, key_id => 'x' ],
	[ 'an empty-ish secret', %key, key_secret => '=' ]);
is said($w->door->call(POST => "$T/service_token", body => { @$_[1 .. $#$_] })), '401 key_invalid', $_->[0] for @wrong;
my @team = map { $w->door->call(POST => "/v1/teams/$_/service_token", body => \%key) } qw(zeta nosuchteam);
is said($_), '401 key_invalid', 'a key of another team, or of none' for @team;
is $w->door->call(POST => '/v1/teams/ACME/service_token', body => \%key)->{status}, 200, 'the team\'s name in any case';
is $w->door->call(POST => "$T/service_token", body => { %key, key_id => uc $key{key_id}, more => undef }, headers => { 'content-type' => 'application/x-www-form-urlencoded' })->{status},
	200, 'unknown fields and a content type of curl\'s';
is said($w->door->call(POST => "$T/service_token", body => {})), '400 key_id_missing', 'nothing';
is said($w->door->call(POST => "$T/service_token", body => $_)), '415 content_type_unsupported', "no object: $_" for '[]', '"x"', 'null', 'key_id=1';

# T3: whatever is wrong with a token, the answer is one
my $t = $robot->{token};
my $forged = encode_base64url(decode_base64url($claims) =~ s/"exp": \d+/"exp": 4000000000/r);
my %bad = (random => 'x' x 60, 'one bit' => substr($t, 0, -1) . (substr($t, -1) eq 'A' ? 'B' : 'A'), 'cut short' => substr($t, 0, -5), 'longer' => "${t}A", 'new claims' => "$head.$forged.$mac",
	'unsigned' => "$head.$claims.", 'another head' => 'e30.' . "$claims.$mac", 'empty' => '', 'very long' => 'x' x 4000, 'two' => "$t, Bearer $t");
for my $name (sort keys %bad) {
	is said($robot->call(GET => "$T/projects", headers => { authorization => "Bearer $bad{$name}" })), '401 token_invalid', "T3 a token: $name";
}
is said($robot->call(GET => "$T/projects", headers => { authorization => $_ })), '401 token_invalid', "H9 authorization: $_" for "bearer $t", "Bearer  $t", "Basic $t", $t;
my @foreign = map { $robot->call(GET => "/v1/teams/$_/projects") } qw(zeta nosuchteam);
is said($_), '401 token_invalid', 'T3 a token of another team' for @foreign;
is said($robot->call(POST => "$T/credentials", body => { kind => 'x509_client', project => 'prod', public_key => $w->ssh_key })), '401 signature_missing', 'a bearer issues no certificates';
is said($robot->call(POST => '/v1/resolve', body => { names => ['x'] })), '401 signature_missing', '  and resolves nothing';

# the end of a token
$w->admin("set_user_status('acme', 'terraform', 'DISABLED')");
is said($robot->call(GET => "$T/projects")), '401 token_invalid', 'T3 of a disabled user';
is said($w->door->call(POST => "$T/service_token", body => \%key)), '401 key_invalid', '  who buys none either';
is $robot->call(GET => "$T/projects")->{headers}{'x-ratelimit-limit'}, undef, '  the answer has nothing that an unknown one\'s has not';
is scalar($w->audit("type = 'request.refused' AND actor = 'terraform' AND error = 'token_invalid'")), 2, '  but the audit knows whose it was';
$w->admin("set_user_status('acme', 'terraform', 'ACTIVE')");
is $robot->call(GET => "$T/projects")->{status}, 200, '  enabled again';
my $next = $w->{dba}->row(q{SELECT * FROM sft_admin.create_service_key('acme', 'terraform')});
is $robot->call(GET => "$T/projects")->{status}, 200, 'rotation lets the old key go on';
ok $root->value("SELECT expires_at BETWEEN now() + interval '47 hours' AND now() + interval '49 hours' FROM sft.service_keys WHERE id = '$key{key_id}'"), '  for two days';
$w->admin("delete_service_key('$key{key_id}')");
is said($robot->call(GET => "$T/projects")), '401 token_invalid', 'T3 of a deleted key, at once';
$robot->{service_key} = $next;
$robot->get_token;
is $robot->call(GET => "$T/projects")->{status}, 200, 'the new key goes on';
$root->run("UPDATE sft.service_keys SET expires_at = now() + interval '1 minute' WHERE id = '$next->{key_id}'");
ok $root->value("SELECT '" . $robot->get_token->{json}{expires_at} . "'::timestamptz <= now() + interval '1 minute'"), 'a token does not outlive its key';
$root->run("UPDATE sft.service_keys SET expires_at = now() - interval '1 second' WHERE id = '$next->{key_id}'");
is said($robot->call(GET => "$T/projects")), '401 token_invalid', 'T3 of an expired key';
$root->run("UPDATE sft.service_keys SET expires_at = NULL WHERE id = '$next->{key_id}'");
$w->admin("lock('acme', 'user', 'terraform', 'looks odd')");
is said($robot->call(GET => "$T/projects")), '403 locked', 'a locked service user';

# roles at the door
my $nobody = $w->robot('acme', 'guest');
is said($nobody->call(GET => "$T/projects")), '403 role_missing', 'no role, no list';
is $w->client('acme', 'bob')->call(GET => "$T/projects")->{status}, 200, '  but for a person with a client';
$w->admin("create_group('acme', 'readers', '{reporting_user}')");
$w->admin("add_member('acme', 'readers', 'guest')");
is $nobody->call(GET => "$T/projects")->{status}, 200, 'a role counts at once';
is((grep { $_->{error} eq 'role_missing' } $w->audit("type = 'request.refused' AND actor = 'guest'")), 1, 'refusals of known callers are in the audit');

# pages
my $alice = $w->client('acme', 'alice');
$w->admin("create_project('acme', '$_')"), $w->admin("add_project_group('acme', '$_', 'ops')") for qw(p3 P1 p2 p5 p4);
sub names { map { $_->{name} } @{ $_[0]{json}{list} } }
sub link_to { my ($a, $rel) = @_; my ($to) = ($a->{headers}{link} // '') =~ m{<https://sft.example.com([^>]*)>; rel="$rel"}; return $to }
is join(' ', names($alice->call(GET => "$T/projects"))), 'P1 p2 p3 p4 p5 prod', 'a list is sorted by name';
is $alice->call(GET => "$T/projects")->{headers}{link}, undef, '  and says of no further page';
is join(' ', names($alice->call(GET => "$T/projects?descending=true"))), 'prod p5 p4 p3 p2 P1', '  or downward';
for my $down ('', '&descending=true') {
	my @seen;
	my @pages = my $a = $alice->call(GET => "$T/projects?count=2&note=a%20b$down");
	push @seen, names($a);
	while (my $to = link_to($a, 'next')) {
		like $to, qr/count=2&/, 'a Link keeps count';
		like $to, qr/note=%61%20%62/, '  and filters' ;
		push @pages, $a = $alice->call(GET => $to);
		push @seen, names($a);
	}
	is join(' ', @seen), $down ? 'prod p5 p4 p3 p2 P1' : 'P1 p2 p3 p4 p5 prod', 'Links lead through the whole list once';
	is scalar(@pages), 3, '  in pages of the size asked for';
	is $pages[2]{headers}{link}, undef, '  the last has no Link at all';
	is link_to($pages[0], 'prev'), undef, '  the first none back';
	is join(' ', names($alice->call(GET => link_to($pages[1], 'prev')))), join(' ', names($pages[0])), '  prev leads back';
}
my $first = $alice->call(GET => "$T/projects?count=1")->{json}{list}[0];
is((names($alice->call(GET => "$T/projects?count=1&offset=$first->{id}")))[0], 'p2', 'an offset may be an item\'s id');
is said($alice->call(GET => "$T/projects?$_")), '400 ' . (split /=/)[0] . '_format', "a query: $_" for 'count=0', 'count=x', 'offset=x', 'descending=7', 'prev=x', 'count=-1', 'count=99999999999999999999';
is said($alice->call(GET => "$T/credentials?offset=$_")), '400 offset_format', 'a cursor that nobody gave' for map { encode_base64url($_) } "a\nabc", Sft::Door::uuid() . "\n2026-99-99T00:00:00.000000", "x\n2026-01-01T00:00:00.000000";
is $alice->call(GET => "$T/projects?count=5000")->{status}, 200, 'more than a page holds is the most that it holds';
is $alice->call(GET => "$T/projects?selector=a&selector=b")->{status}, 200, 'repeated values are a list';

# counted
$root->run(q{UPDATE sft.teams SET rate_limit_per_minute = 10 WHERE name = 'acme'});
my $limit;
for my $try (1 .. 3) {                                       # a minute may end meanwhile
	my ($last, @left) = ('');
	for (1 .. 13) { $limit = $alice->call(GET => "$T/projects"); push @left, $limit->{headers}{'x-ratelimit-remaining'}; last if $limit->{status} != 200 }
	last if $limit->{status} == 429;
}
is said($limit), '429 too_many_requests', 'more than the limit in a minute';
is $limit->{headers}{'x-ratelimit-limit'}, 10, '  says which';
cmp_ok $limit->{headers}{'x-ratelimit-retry-at'}, '>', time - 60, '  and when to come again';
is $w->robot('acme', 'other', 'readers')->call(GET => "$T/projects")->{status}, 200, '  another caller is free';
is $alice->credential('x')->{status}, 404, '  and so is the main job';
done_testing;
