#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# A gateway that was taken over has the database's role, the TLS key and all traffic. It gets no
# certificate for its own key, and the agent accepts none of its users and authorities (promise 4).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Sft::Api;
use Sft::Evil;
use Sft::System;
use Test::More;

# The evil one listens where the gateway should; the real gateway is behind it.
my $sys = Sft::System->new(evil => 1);
my $evil = $sys->{evil};
my $state = qr{^/v1/server/state};
$evil->mode('pass', path => $state);          # and keeps the first state it sees
my $web = $sys->server('web01');
my $alice = Sft::Api->client($sys, 'alice');
my $door = Sft::Door->new($sys->db, authority => "127.0.0.1:$sys->{port}");
my $its_key = Sft::Key->new($sys->folder, 'ed25519');
my $json = JSON::PP->new->utf8->canonical;

sub issued { return $sys->value(q{SELECT count(*) FROM sftca.certificates WHERE kind = 'ssh_user'}) }
sub its_own
{
	my $blob = unpack 'H*', $its_key->{blob};
	my $raw = substr $blob, -64;                   # the 32 bytes of the key itself
	return $sys->value("SELECT count(*) FROM sftca.certificates WHERE position('\\x$raw'::bytea in tbs) > 0");
}

# --- certificates: it knows everything that alice sent, and calls the doors itself ---------------

my %wish = (kind => 'ssh_user', server => 'web01', public_key => $its_key->public);
my $honest = $alice->call(POST => $alice->path('credentials'), { %wish, public_key => $alice->{key}->public });
is $honest->{status}, 201, 'alice gets a certificate through it' or diag $honest->{text};
my $before = issued();

# What went through: the request as bytes.
my ($head, $body) = $evil->captured =~ m{^(POST /v1/teams/acme/credentials HTTP/1\.1\r\n.*?)\r\n\r\n(\{.*?\})\n\n}ms;
ok $head, 'it has her request';
my %seen = map { /^([^:]+): (.*)$/ ? (lc $1, $2) : () } split /\r\n/, $head;
my %signed = map { $_ => $seen{$_} } qw(content-digest signature-input signature content-type);
my $target = '/v1/teams/acme/credentials';

sub attempt
{
	my ($name, $method, $to, %o) = @_;
	my $answer = eval { $door->call($method => $to, headers => \%signed, body => $body, %o) } // { status => 0, text => $@ };
	ok $answer->{status} >= 400, "refused: $name" or diag "$answer->{status} " . ($answer->{text} // '');
	return $answer;
}

my $swapped = $body =~ s/("public_key":")[^"]+/$1 . $its_key->public/er;
isnt $swapped, $body, 'it can write its own key into her request';
attempt('its key in her body', POST => $target, body => $swapped);
attempt('its key, and the digest recomputed', POST => $target, body => $swapped, headers => { %signed, 'content-digest' => Sft::Key::digest($swapped) });
attempt('her request at another path', POST => '/v1/teams/acme/clients');
attempt('her request with a query', POST => "$target?server=web02");
attempt('her request with another time', POST => $target, headers => { %signed, 'signature-input' => $signed{'signature-input'} =~ s/created=(\d+)/'created=' . ($1 + 5)/er });
attempt('her request with a new nonce', POST => $target, headers => { %signed,
	'signature-input' => $signed{'signature-input'} =~ s/nonce="[^"]+/'nonce="' . Sft::Door::uuid()/er });
attempt('its own signature under her key id', POST => $target, key => $its_key, as => $alice->{as}, headers => {}, body => $json->encode(\%wish));
attempt('a key id nobody knows', POST => $target, key => $its_key, as => 'client/' . Sft::Door::uuid(), headers => {}, body => $json->encode(\%wish));
attempt('her password request again', POST => $alice->path('client_sessions'));
attempt('a device of its own, without an invitation', POST => $alice->path('credentials'), key => $its_key, as => $alice->{as}, headers => {}, body => $json->encode(\%wish));
my $again = $door->call(POST => $target, headers => \%signed, body => $body);
is $again->{json}{certificate}, $honest->{json}{certificate}, 'her request again gives her certificate again, for her key';
my ($made_up) = $door->finish(Sft::Door::uuid());
ok $made_up->{status} >= 400, 'finish with an id that was never recorded signs nothing';

my $s = $door->session;
for my $sql (q{SELECT sftca.prepare_ssh_user(gen_random_uuid(), gen_random_uuid(), 'x', 'x', '{root}', now(), now(), '{}', '{}')},
	q{SELECT * FROM sftca.finish(ARRAY[gen_random_uuid()])}, q{SELECT * FROM sftca.certificates}, q{SELECT * FROM sft.credentials},
	q{SELECT sftca.secret('invitation', gen_random_uuid())}, q{SELECT sftca.sign_statement('state', 200, '/', NULL, 1, '')},
	q{SELECT sft_admin.invite('acme', 'alice')}, q{INSERT INTO sft.clients DEFAULT VALUES}, q{SELECT pg_read_file('/etc/passwd')},
	q{SET ROLE sft_owner}, q{CREATE TABLE sft.mine ()}, q{CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'}) {
	$s->run($sql);
	is $s->error, '42501', "its role may not: $sql";
}
is its_own(), 0, 'no record bears its key';
is issued(), $before, 'and nothing was issued but to alice';

# --- the agent ----------------------------------------------------------------------------------

# What the host would show if it had believed: accounts, authorities, principals, sudo.
sub host_now
{
	my (undef, $out) = $web->run('sh', '-c', 'cd / && cat etc/passwd etc/group && find var/lib/sftd/principals etc/sudoers.d etc/ssh -type f | sort |
		xargs sha256sum && sha256sum var/lib/sftd/ssh_ca.pub');
	return $out;
}

my $good = host_now();
like $good, qr/^alice:/m, 'the agent has applied the real state';
my $ca = $its_key->public;
my @lies = (
	[ 'a user of its own, signature kept', 'alter', '"name": ?"alice"', '"name": "mallo"' ],
	[ 'a user of its own, digest recomputed', 'redigest', '"name": ?"alice"', '"name": "mallo"' ],
	[ 'a user of its own, signed by its own key', 'forge', '"name": ?"alice"', '"name": "mallo"' ],
	[ 'its authority, signed by its own key', 'forge', 'ssh-ed25519 [A-Za-z0-9+/=]+', $ca ],
	[ 'alice as admin, digest recomputed', 'redigest', '"admin": ?false', '"admin": true' ],
	[ 'no users, signed by its own key', 'forge', '"users": ?\[\{.*?\}\]', '"users": []' ],
	[ 'the true state without a signature', 'strip' ],
	[ 'an answer to another request, of an older version', 'replay' ],
	[ 'garbage', 'garbage' ],
);
my $bobs = 0;
for my $lie (@lies) {
	my ($name, $mode, $needle, $replacement) = @$lie;
	$evil->mode($mode, path => $state, needle => $needle, replacement => $replacement);
	# a true change makes the platform answer at once; what arrives is the lie
	my $bob = 'bob' . ++$bobs;
	$sys->admin("create_user('acme', '$bob')");
	$sys->admin("add_member('acme', 'ops', '$bob')");
	my $told = $sys->until(30, sub { $evil->seen });
	ok $told && $evil->spoilt !~ /!/, "it tells the agent: $name" or diag $evil->spoilt;
	sleep 1;
	is host_now(), $good, '  and nothing changes on the host';
	$evil->mode('pass', path => $state);
	ok $sys->until(60, sub { -s "$web->{dir}/fs/var/lib/sftd/principals/$bob" }), '  until it hears the truth' or diag $web->log_text;
	$good = $sys->until(10, sub { my $now = host_now(); $now =~ /^$bob:/m && $now });
}
unlike host_now(), qr/^mallo:/m, 'the stranger was never made';
is index($web->file('/var/lib/sftd/ssh_ca.pub'), (split / /, $ca)[1]), -1, 'its authority was never trusted';
like $web->log_text, qr/not signed by the platform/, 'the agent\'s log says what was wrong';

done_testing;
