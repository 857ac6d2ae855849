#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G4: a gateway taken over has its database role and all traffic that passes. It cannot get a certificate for its own key,
# act as a user, a device or a server, or sign a statement.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $door = $w->door;
my $s = $door->session;
my $mine = $w->ssh_key;                      # the key that it wants certified
my $my_key = $w->key;                        # the key that it signs with

# what passes through it: enrollments, a sign-in with its password, a session, requests, answers
my (@requests, @answers);
{
	no warnings 'redefine';
	my $plain = \&Sft::Door::handle;
	*Sft::Door::handle = sub { my ($self, @r) = @_; my @a = $plain->($self, @r); push @requests, @r; push @answers, @a; return @a };
}
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
$server->call(GET => '/v1/server/state?after=0');
my $server_host = $server->call(POST => '/v1/server/host_certificates', body => { public_key => $w->ssh_key });
my $legit = $alice->credential($server->{id});
is $legit->{status}, 201, 'traffic passes';
my @seen = @requests;
my $passed = $w->password('acme', 'alice')->[0];
cmp_ok scalar(@seen), '>=', 5, 'the gateway has seen it';

# Every certificate for the key is a failure, whatever the way.
sub mine { return $w->db->root->value(q{SELECT count(*) FROM sftca.certificates WHERE fingerprint = '} . fingerprint($mine) . q{'}) }
sub fingerprint { my ($k) = @_; my ($b) = $k =~ / (\S+)/; require Digest::SHA; return 'SHA256:' . (MIME::Base64::encode_base64(Digest::SHA::sha256(MIME::Base64::decode_base64($b)), '') =~ s/=+$//r) }
is mine(), 0, 'its key has no certificate';
ok $w->db->root->value(q{SELECT count(*) FROM sftca.certificates WHERE fingerprint = '} . fingerprint($alice->{ssh_key}) . q{'}) > 0, '  (and the test would see one)';

sub attempt
{
	my ($name, @r) = @_;
	my @a = eval { $door->batch(\@r) };
	my $text = join ' ', map { "$_->{status} " . ($_->{json}{error} // '') } @a;
	is mine(), 0, "G4 $name: no record" or diag $text;
	ok !grep({ ($_->{text} // '') =~ /cert-v01|BEGIN CERTIFICATE/ && $_->{json}{request_id} && $_->{json}{request_id} ne $legit->{json}{request_id} } @a), "  no certificate ($text)";
}

my ($issue) = grep { $_->{route} eq 'POST /v1/teams/{team}/credentials' } @seen;
my $swap = $issue->{body} =~ s/"public_key":"[^"]*"/"public_key":"$mine"/r;
my $digest = Sft::Key::digest($swap);
attempt 'the key swapped in the body', { %$issue, body => $swap };
attempt 'the digest made to fit', { %$issue, body => $swap, headers => $issue->{headers} =~ s/^content-digest: .*$/content-digest: $digest/mr };
attempt 'no digest', { %$issue, body => $swap, headers => $issue->{headers} =~ s/^content-digest: .*\n//mr };
attempt 'two digests', { %$issue, body => $swap, headers => "content-digest: $digest\n$issue->{headers}" };
attempt 'two digests, the other way', { %$issue, body => $swap, headers => "$issue->{headers}content-digest: $digest\n" };
attempt 'a header injected by another\'s value', { %$issue, body => $swap, headers => $issue->{headers} =~ s{^user-agent: .*$}{user-agent: sft/1.0 (wire 1)\ncontent-digest: $digest}mr };
attempt 'two keys in one body', { %$issue, body => $issue->{body} =~ s/\}$/,"public_key":"$mine"}/r };
attempt 'signed by its own key in alice\'s name', $door->make(POST => $alice->path('credentials'), key => $my_key, as => $alice->{as}, body => $alice->credential_body($server->{id}, public_key => $mine));
attempt 'by a device of its own', do {
	my $c = $w->enroll('acme', 'alice', key => $my_key);
	$c->make(POST => $c->path('credentials'), body => $alice->credential_body($server->{id}, public_key => $mine));
};
my $own = $w->enroll('acme', 'alice');
for my $password ($passed, 'correct horse alice battery') {
	my $in = $own->sign_in(password => $password);
	isnt $in->{status}, 201, "G4 alice's password does not sign in a device that nobody approved";
	attempt 'after that', $own->credential_request($server->{id}, body => { public_key => $mine });
}
my ($enrolled) = grep { $_->{route} eq 'POST /v1/teams/{team}/clients' } @seen;
attempt 'alice\'s invitation used for its own key', do {
	my $id = Sft::Door::uuid();
	my ($inv) = $enrolled->{body} =~ /"invitation":(\{[^}]*\})/;
	$door->call(POST => '/v1/teams/acme/clients', key => $my_key, as => "client/$id", body => { id => $id, public_key => $my_key->public, hostname => 'x', os => 'x', invitation => JSON::PP->new->decode($inv) });
	$door->make(POST => $alice->path('credentials'), key => $my_key, as => "client/$id", body => $alice->credential_body($server->{id}, public_key => $mine));
};
attempt 'approving its own device', do {
	my $body = { code => $own->{key}->device_code };
	$own->call(POST => $own->path("clients/$own->{id}/approval"), body => $body);
	$door->call(POST => $own->path("clients/$own->{id}/approval"), key => $my_key, as => $alice->{as}, body => $body);
	$own->credential_request($server->{id}, body => { public_key => $mine });
};
attempt 'as the server', $door->make(POST => '/v1/server/host_certificates', key => $my_key, as => $server->{as}, body => { public_key => $mine });
my ($host) = grep { $_->{route} eq 'POST /v1/server/host_certificates' } @seen;
attempt 'a host certificate\'s key swapped', { %$host, body => $host->{body} =~ s/"public_key":"[^"]*"/"public_key":"$mine"/r };
attempt 'one request\'s signature on another route', { %$host, route => $issue->{route}, params => 'acme', body => $swap };
attempt 'the target replaced', { %$issue, target => '/v1/teams/acme/credentials?x=1', body => $swap };
attempt 'params of another team', { %$issue, params => 'zeta' };
attempt 'another route for the same path', map { { %$issue, route => $_ } } 'POST /v1/teams/{team}/clients', 'GET /v1/instance', 'POST /v1/server/host_certificates';
attempt 'everything replayed as seen', @seen[grep { $seen[$_]{route} eq $issue->{route} } 0 .. $#seen];
attempt 'everything replayed as seen, one by one', $_ for @seen;

# finish for other ids, and what it says of them
$s->run('SELECT id, status FROM sft_api.finish(ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 64)))');
is $s->error, undef, 'guessing ids is no error';
my ($found) = $s->run('SELECT count(*) FROM sft_api.finish(ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 64))) WHERE status < 300');
is $found, 0, '  and finds nothing';

# the actor, the context, the team: nothing of it comes from settings
my $bob = $w->client('acme', 'bob');
for my $set ("sft.teams = '{00000000-0000-0000-0000-000000000000}'", "sft.actor = '$alice->{id}'", "sft.user_id = 'x'", "sft.token = '$own->{id}'", "role = 'none'", "session_authorization = default") {
	$s->run("SET $set");
	is $bob->credential($server->{id})->{json}{error}, 'not_granted', "S3 SET $set changes nobody's rights";
}
$s->run('RESET ALL');

# a statement of the platform cannot be had for bytes of one's own choosing
for my $f (q{sftca.sign_statement('state', 200, '/v1/server/state', '', 99, 'x')}, q{sftca.finish(NULL)}, q{sftca.secret('invitation', gen_random_uuid())}, q{sftca.revoke(gen_random_uuid(), 1, 2, 'x')},
	q{sft_admin.invite('acme', 'alice')}, q{sft_admin.reset_password('acme', 'alice')}, q{sft_core.see_teams()}) {
	$s->run("SELECT $f");
	is $s->error, '42501', "S1 $f is denied";
}
my $injected = $server->call(GET => "/v1/server/state?after=0", as => $server->{as}, headers => { 'signature' => "sft=:AAAA:\nsft-version: 99" });
isnt $injected->{status}, 200, 'a signature with a line of its own is refused';
is mine(), 0, 'after all of it: no certificate for its key';
done_testing;
