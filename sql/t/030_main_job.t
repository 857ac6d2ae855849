#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The main job through the doors: enroll, sign in, ask, finish; and what ssh-keygen and openssl think of the certificates.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $folder = $w->db->folder;

sub file
{
	my ($name, $text) = @_;
	open my $fh, '>', "$folder/$name" or die $!;
	print $fh $text;
	close $fh;
	return "$folder/$name";
}

# the server joins
my $server = $w->server('acme', 'prod', 'web01');
is $server->{enrolled}{json}{project_name}, 'prod', 'a server joins the project that its token names';
is $server->call(POST => '/v1/servers/enroll', body => {})->{status}, 400, 'an empty enrollment is refused';

# the client joins, its user signs in
my $alice = $w->enroll('acme', 'alice', invitation => $w->admin(q{invite('acme', 'alice')}));
is $alice->{enrolled}{status}, 201, 'a client joins by invitation' or diag $alice->{enrolled}{text};
is $alice->{enrolled}{json}{state}, 'ACTIVE', 'and is approved by it';
is $alice->{enrolled}{json}{code}, $alice->{key}->device_code, 'the code is made of the key, on both sides';
my $seen = $alice->call(GET => $alice->path("clients/$alice->{id}/enrollment"));
is "$seen->{status} $seen->{json}{state} $seen->{json}{user_name}", '200 ACTIVE alice', 'it can ask how it stands';

my $early = $alice->credential($server->{id});
is "$early->{status} $early->{json}{error}", '401 session_required', 'nothing is issued before signing in';
my $session = $alice->sign_in;
is $session->{status}, 201, 'alice signs in' or diag $session->{text};
like $session->{json}{expires_at}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'times are RFC 3339 in UTC';

# resolve and lists
my $resolved = $alice->call(POST => '/v1/resolve', body => { names => ['web01'], include_user_access_methods => JSON::PP::true });
is $resolved->{json}{results}[0]{servers}[0]{id}, $server->{id}, 'the name resolves to the server' or diag $resolved->{text};
my ($method) = @{ $resolved->{json}{results}[0]{user_access_methods} };
is_deeply [ @{$method}{qw(identity access_credential server_id)} ], [ 'alice', 'ssh-certificate', $server->{id} ], 'with the way in';
my $statement_key = $w->db->dba->value('SELECT statement_key FROM sft_admin.instance');
ok Sft::Key::statement($statement_key, 'resolve', '/v1/resolve', $resolved, $resolved->{request}), 'the answer is a statement of the platform, bound to the request';
is $resolved->{headers}{'sft-version'}, 0, '  of version 0';
is_deeply [ map { $_->{hostname} } @{ $alice->call(GET => $alice->path('servers'))->{json}{list} } ], ['web01'], 'the list shows the server';
is_deeply [ map { $_->{name} } @{ $alice->call(GET => $alice->path('projects'))->{json}{list} } ], ['prod'], 'and the project';

# the certificate
my $request = $alice->credential_request($server->{id});
my ($first) = $w->door->handle($request);
ok defined $first->{continue_id}, 'handle records and says to continue';
is $first->{json}, undef, 'it gives no certificate itself';
my ($cert) = $w->door->finish($first->{continue_id});
is $cert->{status}, 201, 'finish gives the certificate' or diag $cert->{text};
my $c = $cert->{json};
is $c->{server_user_name}, 'alice', 'for the server user name';
file('alice-cert.pub', "$c->{certificate}\n");
my (undef, $printed) = $w->db->command('ssh-keygen', '-L', '-f', "$folder/alice-cert.pub");
like $printed, qr/ssh-ed25519-cert-v01\@openssh.com user certificate/, 'ssh-keygen reads a user certificate';
like $printed, qr/Serial: \Q$c->{serial}\E\n/, 'its serial is the record\'s';
like $printed, qr/Key ID: "sft1:acme:prod:alice:\Q$request->{nonce}\E"/, 'its key id names team, project, user, request';
like $printed, qr/Principals: \n\s+\Q$c->{principal}\E\n/, 'its one principal is what was answered';
like $printed, qr/Critical Options: \(none\)/, 'no critical options without a policy';
like $printed, qr/permit-pty/, 'a terminal is permitted';
unlike $printed, qr/permit-(X11|agent)-forwarding/, 'X11 and agent forwarding are not';
like $printed, qr/\Q$_\E\@sft/, "it carries $_" for qw(project request team);
my ($from, $to) = $w->db->root->value(qq{SELECT extract(epoch FROM valid_after)::bigint || ' ' || extract(epoch FROM valid_before)::bigint
	FROM sftca.certificates WHERE serial = $c->{serial}}) =~ /\d+/g;
cmp_ok $to - $from, '<=', 360, 'it lives five minutes and one before';
my $trusted = $w->db->root->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$c->{authority_id}'");
like $printed, qr/Signing CA: ED25519 SHA256:\S+/, 'signed by the project\'s authority';
my (undef, $ca) = $w->db->command('ssh-keygen', '-l', '-f', file('ca.pub', "$trusted\n"));
my ($hash) = $ca =~ /(SHA256:\S+)/;
like $printed, qr/Signing CA: ED25519 \Q$hash\E /, 'the one in the vault';

# again
my $again = $alice->credential($server->{id}, nonce => $request->{nonce});
is "$again->{status} $again->{json}{certificate}", "200 $c->{certificate}", 'the same request gives the same certificate' or diag $again->{text};
my $got = $alice->call(GET => $alice->path("credentials/$request->{nonce}"));
is "$got->{status} $got->{json}{certificate}", "200 $c->{certificate}", 'it can be fetched again';
my $taken = $alice->credential($server->{id}, nonce => $request->{nonce}, body => { public_key => $w->ssh_key });
is "$taken->{status} $taken->{json}{error}", '409 request_taken', 'for another key the request id is taken';
my $list = $alice->call(GET => $alice->path('credentials'));
is $list->{json}{list}[0]{request_id}, $request->{nonce}, 'the list of credentials shows it';
ok !exists $list->{json}{list}[0]{certificate}, 'without the certificate';
my $byname = $alice->credential('web01', body => { ttl => 120 });
is $byname->{status}, 201, 'a server can be named, a ttl asked for';
ok $byname->{json}{serial} ne $c->{serial}, 'another request, another serial';

# X.509
my $x = $alice->call(POST => $alice->path('credentials'), body => { kind => 'x509_client', project => 'prod', public_key => $alice->{key}->public });
is $x->{status}, 201, 'an X.509 client certificate' or diag $x->{text};
file('client.pem', $x->{json}{certificate});
my $x509_ca = $w->db->root->value(q{SELECT encode(convert_to(certificate_pem, 'UTF8'), 'hex') FROM sftca.keys WHERE purpose = 'x509'});
file('x509-ca.pem', pack 'H*', $x509_ca);
my ($rc, $verified) = $w->db->command(qw(openssl verify -x509_strict -purpose sslclient -CAfile), "$folder/x509-ca.pem", "$folder/client.pem");
is $rc, 0, 'openssl verifies it strictly as a client certificate' or diag $verified;
my (undef, $subject) = $w->db->command(qw(openssl x509 -noout -subject -ext subjectAltName -in), "$folder/client.pem");
like $subject, qr/CN ?= ?alice/, 'CN is the server user name';
like $subject, qr{URI:sft://acme/prod/alice}, 'the SAN names team, project and user';

# host certificate and state
my $host_key = $w->ssh_key;
my $host = $server->call(POST => '/v1/server/host_certificates', body => { public_key => $host_key });
is $host->{status}, 201, 'the server gets a host certificate' or diag $host->{text};
file('host-cert.pub', "$host->{json}{certificate}\n");
my (undef, $host_printed) = $w->db->command('ssh-keygen', '-L', '-f', "$folder/host-cert.pub");
like $host_printed, qr/host certificate/, 'of the host kind';
like $host_printed, qr/Principals: \n\s+\Q$server->{id}\E\n\s+web01\n/, 'for its uuid first, then its name';
my $state = $server->call(GET => '/v1/server/state?after=0');
is $state->{status}, 200, 'the server reads its state' or diag $state->{text};
ok Sft::Key::statement($statement_key, 'state', '/v1/server/state?after=0', $state, $state->{request}), 'a statement bound to its request';
ok !Sft::Key::statement($statement_key, 'state', '/v1/server/state?after=1', $state, $state->{request}), '  not good for another target';
ok !Sft::Key::statement($statement_key, 'state', '/v1/server/state?after=0', { %$state, text => "$state->{text} " }, $state->{request}), '  nor for another body';
ok !Sft::Key::statement($statement_key, 'state', '/v1/server/state?after=0', $state, $request), '  nor for another request';
is $state->{headers}{'sft-version'}, $state->{json}{version}, '  of the document\'s version';
is_deeply [ map { "$_->{name} " . join ',', sort @{ $_->{principals} } } @{ $state->{json}{users} } ],
	[ 'alice ' . join ',', sort 'alice', "$server->{id}:alice" ], 'which names alice and both forms of her principal';
ok scalar(grep { $_ eq $c->{principal} } map { @{ $_->{principals} } } @{ $state->{json}{users} }), 'the certificate\'s principal among them';
my $canary = $state->{json}{trust}{keys}[0]{canary};
file('canary-cert.pub', "$canary\n");
open my $krl, '>:raw', "$folder/krl" or die $!;
print $krl MIME::Base64::decode_base64($state->{json}{trust}{krl});
close $krl;
isnt +($w->db->command('ssh-keygen', '-Q', '-f', "$folder/krl", "$folder/canary-cert.pub"))[0], 0, 'its KRL refuses the canary';
is +($w->db->command('ssh-keygen', '-Q', '-f', "$folder/krl", "$folder/alice-cert.pub"))[0], 0, 'and not alice';
my $wait = $server->call(GET => "/v1/server/state?after=$state->{json}{version}");
ok defined $wait->{wait}, 'with the current version there is nothing to say yet';
ok scalar(grep { $_ eq "server/$server->{id}" || m{^project/} } @{ $wait->{wait} // [] }), 'it waits on topics';
my $report = $server->call(POST => '/v1/server/report', body => { state_version => $state->{json}{version}, trust_version => 1, krl_version => 1,
	healthy => JSON::PP::true, facts => { hostname => 'web01', os => 'Debian 12', addresses => [], ssh_host_keys => [], sftd_version => '1.0', ssh_port => 22 }, drift => [], logins => [] });
is $report->{status}, 204, 'the server reports' or diag $report->{text};

# public material
my $instance = $w->door->call(GET => '/v1/instance');
is $instance->{json}{authority}, 'sft.example.com', 'the instance says who it is' or diag $instance->{text};
ok Sft::Key::statement($statement_key, 'instance', '/v1/instance', $instance, undef), 'and signs it';
my $trust = $w->door->call(GET => "/v1/authorities/$c->{authority_id}/trust");
is $trust->{status}, 200, 'the trust bundle is public';
ok Sft::Key::statement($statement_key, 'trust', "/v1/authorities/$c->{authority_id}/trust", $trust, undef), '  and signed';
my $public_krl = $w->door->call(GET => "/v1/authorities/$c->{authority_id}/krl");
ok Sft::Key::statement($statement_key, 'krl', "/v1/authorities/$c->{authority_id}/krl", $public_krl, undef), 'the KRL too';
is MIME::Base64::encode_base64($public_krl->{text}, ''), $state->{json}{trust}{krl}, '  it is the one that servers get';
like $trust->{text}, qr/^\Q$trusted\E $c->{authority_id}\/1 active$/m, 'and names the key, its generation and state';
my $not_modified = $w->door->call(GET => "/v1/authorities/$c->{authority_id}/trust", headers => { 'if-none-match' => $trust->{headers}{etag} });
is $not_modified->{status}, 304, 'it is cacheable';

# the record of it all
my @audit = map { $_->{type} } $w->audit;
ok scalar(@audit), 'there is an audit';
diag "audit types: @{[ do { my %s; grep { !$s{$_}++ } @audit } ]}" if $ENV{SFT_TEST_VERBOSE};
is $w->db->root->value(q{SELECT count(*) FROM sftca.certificates c WHERE kind <> 'ssh_host' AND NOT EXISTS (SELECT FROM sft.audit_events a WHERE a.request_id = c.id)}), 0,
	'every certificate has its audit event';
unlike $w->db->log_text, qr/correct horse|\Q$w->{once}\E/, 'S15 no password is in the server\'s log';
unlike $w->db->log_text, qr/(ERROR|WARNING|PANIC)/, 'the server\'s log is quiet' or diag join "\n", grep { /ERROR|WARNING|PANIC/ } split /\n/, $w->db->log_text;

is $alice->call(DELETE => $alice->path("client_sessions/$alice->{session}"))->{status}, 204, 'alice signs out';
is $alice->credential($server->{id})->{json}{error}, 'session_required', 'and gets nothing more';

done_testing;
