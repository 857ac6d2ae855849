#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Request signatures and tokens at the door: replayed, transplanted, tampered with, too old, by the wrong key (T rows).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $alice = $w->client('acme', 'alice');
my $bob = $w->client('acme', 'bob');
my $server = $w->server('acme', 'prod', 'web01');
my $path = $alice->path('projects');

sub says
{
	my ($name, $want, $answer) = @_;
	my $json = $answer->{json} // {};
	is join(' ', grep { defined } $answer->{status}, $json->{error}), $want, $name or diag $answer->{text};
	return $answer;
}

sub certificates { return $w->db->root->value('SELECT count(*) FROM sftca.certificates') }

says 'a good signature is good', '200', $alice->call(GET => $path);
says 'so is one by Ed25519', '200', do {
	my $c = $w->enroll('acme', 'bob', key => $w->key('ed25519'), invitation => $w->admin(q{invite('acme', 'bob')}));
	$c->call(GET => $c->path("clients/$c->{id}/enrollment"));
};

# missing, malformed
says 'T3 no signature', '401 signature_missing', $w->door->call(GET => $path);
my %good = %{ { $alice->{key}->request(method => 'GET', authority => 'sft.example.com', target => $path, created => time, nonce => Sft::Door::uuid(), keyid => $alice->{as}) } };
for (['no Signature', { signature => undef }], ['no Signature-Input', { 'signature-input' => undef }]) {
	says "T3 $_->[0]", '401 signature_missing', $alice->call(GET => $path, headers => $_->[1]);
}
my $input = $good{'signature-input'};
my %malformed = (
	'empty' => '', 'another label' => $input =~ s/^sft=/sig=/r, 'a space more' => $input =~ s/;created/; created/r, 'another order' => $input =~ s/"\@method" "\@authority"/"\@authority" "\@method"/r,
	'no tag' => $input =~ s/;tag="sft1"//r, 'a component less' => $input =~ s/ "\@query"//r, 'a component more' => $input =~ s/ "\@query"/ "\@query" "cookie"/r,
	'a parameter more' => "$input;expires=99999999999", 'created is a text' => $input =~ s/created=\d+/created="1"/r, 'created is negative' => $input =~ s/created=/created=-/r,
	'created is huge' => $input =~ s/created=\d+/created=99999999999999999999999999/r, 'nonce is no uuid' => $input =~ s/nonce="[^"]*"/nonce="x"/r,
	'nonce in capitals' => $input =~ s/nonce="([^"]*)"/'nonce="' . uc($1) . '"'/er, 'keyid is of no kind' => $input =~ s{keyid="client/}{keyid="root/}r,
	'keyid is no uuid' => $input =~ s{keyid="[^"]*"}{keyid="client/../x"}r, 'another alg' => $input =~ s/alg="[^"]*"/alg="none"/r, 'hmac' => $input =~ s/alg="[^"]*"/alg="hmac-sha256"/r,
	'two signatures' => "$input, $input", 'NUL' => "$input\0", 'not UTF-8' => "$input\xff", 'a megabyte' => $input . ('x' x 1048576), 'quotes' => q{sft=('; DROP TABLE sft.users; --)},
);
for (sort keys %malformed) {
	my $a = $alice->call(GET => $path, headers => { %good, 'signature-input' => $malformed{$_} });
	my $is = "$a->{status} " . ($a->{json}{error} // '');
	like $is, qr/^(401 signature_(malformed|missing|invalid)|401 key_unknown|401 clock_skew|400 \w+|413 \w+)$/, "T2 Signature-Input: $_" or diag $a->{text};
}
for (['empty', ''], ['not base64', 'sft=:%%%:'], ['short', 'sft=:AAAA:'], ['65 bytes', 'sft=:' . ('A' x 88) . ':'], ['another label', $good{signature} =~ s/^sft/sig/r], ['no colons', $good{signature} =~ tr/://dr]) {
	my $a = $alice->call(GET => $path, headers => { %good, signature => $_->[1] });
	like "$a->{status} " . ($a->{json}{error} // ''), qr/^401 signature_(malformed|invalid|missing)$/, "T2 Signature: $_->[0]" or diag $a->{text};
}
for my $bit (0, 7, 255, 256, 511) {
	my $raw = MIME::Base64::decode_base64($good{signature} =~ s/^sft=:|:$//gr);
	vec($raw, $bit, 1) ^= 1;
	says "T3 bit $bit of the signature flipped", '401 signature_invalid', $alice->call(GET => $path, headers => { %good, signature => 'sft=:' . MIME::Base64::encode_base64($raw, '') . ':' });
}
says 'T3 a signature of zeros', '401 signature_invalid', $alice->call(GET => $path, headers => { %good, signature => 'sft=:' . ('A' x 86) . '==:' });

# transplanted: something differs between what was signed and what arrived
says 'T2 another method was signed', '401 signature_invalid', $alice->call(GET => $path, sign => { method => 'POST' });
says 'T2 another authority was signed', '401 signature_invalid', $alice->call(GET => $path, sign => { authority => 'evil.example.com' });
says 'T2 another path was signed', '401 signature_invalid', $alice->call(GET => $path, sign => { target => $alice->path('servers') });
says 'T2 another query was signed', '401 signature_invalid', $alice->call(GET => "$path?count=1", sign => { target => "$path?count=2" });
says 'T2 a query was added', '401 signature_invalid', $alice->call(GET => "$path?count=1", sign => { target => $path });
says 'T2 the Host header is not what counts', '200', $alice->call(GET => $path, authority => 'evil.example.com');
my $sent = $alice->credential_request($server->{id});
my $before = certificates();
my %swap = (%$sent, body => $sent->{body} =~ s/"public_key":"[^"]*"/'"public_key":"' . $w->ssh_key . '"'/er);
says 'T2 G4 another body under the same digest', '401 digest_mismatch', ($w->door->handle(\%swap))[0];
%swap = (%swap, headers => $swap{headers} =~ s/^content-digest: .*$/'content-digest: ' . Sft::Key::digest($swap{body})/emr);
says 'T2 G4 another body with its own digest', '401 signature_invalid', ($w->door->handle(\%swap))[0];
says 'T2 a body, but no digest', '401 signature_malformed', ($w->door->handle({ %$sent, headers => $sent->{headers} =~ s/^content-digest: .*\n//mr }))[0];
is certificates(), $before, '  nothing was recorded by any of these';

# wrong keys
says 'T3 bob signs in the name of alice\'s device', '401 signature_invalid', $bob->call(GET => $path, as => $alice->{as});
says 'T3 a key that nobody knows', '401 key_unknown', $bob->call(GET => $path, as => 'client/' . Sft::Door::uuid());
says 'T3 a client calls itself a server', '401 key_unknown', $alice->call(GET => '/v1/server/state?after=0', as => "server/$alice->{id}");
like $alice->call(GET => '/v1/server/state?after=0')->{status}, qr/^40[13]$/, 'T3 a client is no server';
like $server->call(GET => $path)->{status}, qr/^40[13]$/, 'T3 a server is no user';
like $server->call(POST => $alice->path('credentials'), body => $alice->credential_body($server->{id}))->{status}, qr/^40[13]$/, 'T3 a server gets no user certificate';
says 'T3 the alg of another kind of key', '401 signature_invalid', $alice->call(GET => $path, sign => { alg => 'ed25519' });

# time
for (-3600, -62, 62, 3600, 10 * 365 * 86400) {
	my $a = says "T1 created $_ s from now", '401 clock_skew', $alice->call(GET => $path, created => time + $_);
	like $a->{json}{time} // '', qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, '  the answer tells the time';
}
says "T1 created $_ s from now", '200', $alice->call(GET => $path, created => time + $_) for -45, 57;

# replay
my $nonce = Sft::Door::uuid();
says 'a read may be repeated', '200', $alice->call(GET => $path, nonce => $nonce) for 1 .. 2;
my $third = $w->enroll('acme', 'bob', invitation => $w->admin(q{invite('acme', 'bob')}));
my $write = $third->make(POST => $third->path('client_sessions'), body => { password => 'wrong' });
says 'a write is answered', '401 password_wrong', ($w->door->handle($write))[0];
says 'T1 repeated, it is a replay', '409 request_replayed', my $replay = ($w->door->handle($write))[0];
is $replay->{json}{first_status}, 401, '  that tells what was answered first';
my $out = $bob->make(DELETE => $bob->path("client_sessions/$bob->{session}"));
says 'a deletion', '204', ($w->door->handle($out))[0];
says 'T1 repeated', '409 request_replayed', ($w->door->handle($out))[0];
my $once = $alice->credential_request($server->{id});
my ($one) = $w->door->batch([$once]);
my ($two) = $w->door->batch([$once]);
is $two->{json}{certificate}, $one->{json}{certificate}, 'T1 a replayed issue gives the certificate that there is, never a second';
is $w->db->root->value("SELECT count(*) FROM sftca.certificates WHERE id = '$once->{nonce}'"), 1, '  one record';
$nonce = Sft::Door::uuid();
$bob->sign_in;
says 'T1 a request id of alice', '201', $alice->credential($server->{id}, nonce => $nonce);
says 'T1 … used by bob gives nothing', $_, $bob->credential($server->{id}, nonce => $nonce)
	for $w->admin(q{add_member('acme', 'ops', 'bob')}) ? '409 request_taken' : '409 request_taken';

# tokens
my $token = $w->admin(q{create_server_enrollment_token('acme', 'prod', 'once', now() + interval '1 hour', 1)});
my $t = Sft::Door::token($token);
is_deeply [ sort keys %$t ], [qw(i k s t u)], 'a token has its five parts';
is "$t->{u} $t->{t}", 'https://sft.example.com acme', '  url and team';
like $t->{s}, qr/^[A-Za-z0-9_-]{43}$/, '  a secret of 43 characters';
is $t->{k}, $w->db->root->value('SELECT key_id FROM sftca.statement_keys'), '  the hash of the statement key';
sub enroll_server
{
	my (%o) = @_;
	my $key = $o{key} // $w->key;
	my $id = $o{id} // Sft::Door::uuid();
	my $mac = $o{mac} // $key->mac($o{secret} // $t->{s}, $o{mac_id} // $id);
	return $w->door->call(POST => '/v1/servers/enroll', key => $o{signer} // $key, as => "server/$id", body => {
		id => $o{body_id} // $id, public_key => $key->public, token => { id => $o{token} // $t->{i}, mac => $mac },
		hostname => 'db01', os => 'Debian 12', os_type => 'linux', sftd_version => '1.0', ssh_port => 22, alt_names => [], ssh_host_keys => [], labels => {} });
}
says 'T5 a token with a wrong secret', '401 token_invalid', enroll_server(secret => $t->{s} =~ tr/A-Za-z/B-ZAb-za/r);
says 'T5 the mac of another subject', '401 token_invalid', enroll_server(mac_id => Sft::Door::uuid());
says 'T5 an unknown token', '401 token_invalid', enroll_server(token => Sft::Door::uuid());
says 'T5 an empty mac', '401 token_invalid', enroll_server(mac => '');
says 'T5 an invitation in place of a token', '401 token_invalid', do {
	my $i = Sft::Door::token($w->admin(q{invite('acme', 'alice')}));
	enroll_server(secret => $i->{s}, token => $i->{i});
};
says 'T5 signed by another key than the one in it', '401 signature_invalid', enroll_server(signer => $w->key);
like enroll_server(body_id => Sft::Door::uuid())->{status}, qr/^40[01]$/, 'T5 another id than the signature\'s';
my ($key, $id) = ($w->key, Sft::Door::uuid());
says 'T5 a good one', '201', enroll_server(key => $key, id => $id);
says 'T5 the same again is the same', '200', enroll_server(key => $key, id => $id);
says 'T5 its uses are used up', '401 token_invalid', enroll_server();
$token = $w->admin(q{create_server_enrollment_token('acme', 'prod', 'short', now() + interval '1 second')});
$t = Sft::Door::token($token);
$w->db->root->value('SELECT 1 FROM pg_sleep(1.1)');
says 'T5 an expired token', '401 token_invalid', enroll_server();
$t = Sft::Door::token($w->admin(q{create_server_enrollment_token('acme', 'prod', 'free')}));
says 'T7 the id of a server that is there, another key', '409 server_taken', enroll_server(id => $id);
says 'T7 the key of a server that is there, another id', '409 key_taken', enroll_server(key => $key);
says 'T7 a device\'s key', '409 key_taken', enroll_server(key => $alice->{key});

# invitations
my $invitation = $w->admin(q{invite('acme', 'bob')});
says 'T5 an invitation of another team', '401 invitation_invalid', do {
	$w->company('zeta');
	$w->enroll('zeta', 'bob', invitation => $invitation)->{enrolled};
};
my $i = Sft::Door::token($invitation);
says 'T5 an invitation with a wrong secret', '401 invitation_invalid', $w->enroll('acme', 'bob', body => { invitation => { id => $i->{i}, mac => $w->key->mac($i->{s}, Sft::Door::uuid()) } })->{enrolled};
# raced: five sessions at once, one wins
my @doors = map { Sft::Door->new($w->db) } 1 .. 5;
my @made = map {
	my ($k, $cid) = ($w->key, Sft::Door::uuid());
	$_->make(POST => '/v1/teams/acme/clients', key => $k, as => "client/$cid",
		body => { id => $cid, public_key => $k->public, hostname => 'h', os => 'o', invitation => { id => $i->{i}, mac => $k->mac($i->{s}, $cid) } });
} @doors;
$doors[$_]->session->send('SELECT status FROM ' . $doors[$_]->handle_sql($made[$_])) for 0 .. $#doors;
my @status = sort map { my ($st) = $_->session->receive; $st // $_->session->error } @doors;
is "@status", '201 401 401 401 401', 'T5 S11 an invitation raced by five is used once';
says 'T5 and is used up', '401 invitation_invalid', $w->enroll('acme', 'bob', invitation => $invitation)->{enrolled};

# without an invitation a device waits for approval
my $pending = $w->enroll('acme', 'bob');
is "$pending->{enrolled}{status} $pending->{enrolled}{json}{state}", '201 PENDING', 'without an invitation a device waits';
says '  it cannot sign in', '403 client_not_approved', $pending->sign_in(password => 'x');
isnt $w->try_admin("approve_client('AAAA-BBBB-CCCC-DDDD')"), 'done', '  nor be approved by another code';
done_testing;
