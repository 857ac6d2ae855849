#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The other family of certificates: an X.509 client certificate that openssl, curl and PostgreSQL
# verify with nothing but the project's CA file, and that is good for that project alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::Api;
use Sft::System;
use Test::More;

my $sys = Sft::System->new;
my $dir = $sys->folder;
$sys->admin(q{create_project('acme', 'other')});
$sys->admin(q{add_project_group('acme', 'other', 'ops')});
my $alice = Sft::Api->client($sys, 'alice');
my $key = $alice->{key}{file};

sub certificate
{
	my ($project) = @_;
	my $a = $alice->call(POST => $alice->path('credentials'), { kind => 'x509_client', project => $project, public_key => $alice->{key}->public });
	is $a->{status}, 201, "a certificate for project $project" or diag $a->{text};
	my ($status, $ca) = $sys->curl("/v1/authorities/$a->{json}{authority_id}/trust");
	is $status, '200', '  and its CA file, public';
	return ($a->{json}, $sys->write_file("$project.pem", $a->{json}{certificate}, 0644), $sys->write_file("$project-ca.pem", $ca, 0644));
}

my ($c, $pem, $ca) = certificate('prod');
my (undef, $foreign_pem, $foreign_ca) = certificate('other');

# openssl
my ($rc, $out) = $sys->command(qw(openssl verify -x509_strict -purpose sslclient -CAfile), $ca, $pem);
is $rc, 0, 'openssl verifies it strictly' or diag $out;
($rc) = $sys->command(qw(openssl verify -x509_strict -purpose sslserver -CAfile), $ca, $pem);
isnt $rc, 0, 'not as a server\'s';
($rc) = $sys->command(qw(openssl verify -CAfile), $foreign_ca, $pem);
isnt $rc, 0, 'not under another project\'s authority';
($rc) = $sys->command(qw(openssl verify -attime), time + 3600, '-CAfile', $ca, $pem);
isnt $rc, 0, 'not in an hour';
my (undef, $text) = $sys->command(qw(openssl x509 -noout -subject -serial -ext), 'subjectAltName,extendedKeyUsage,keyUsage', '-in', $pem);
like $text, qr/O ?= ?acme.*OU ?= ?prod.*CN ?= ?alice/, 'its subject is O, OU, CN';
like $text, qr{URI:sft://acme/prod/alice}, 'its SAN the user in the project';
like $text, qr/serial=0*@{[ sprintf '%X', $c->{serial} ]}\b/, 'its serial is the record\'s';
($rc, $out) = $sys->command('certtool', '--verify', '--load-ca-certificate', $ca, '--infile', $pem);
is $rc, 0, 'GnuTLS agrees' or diag $out;

# PostgreSQL as a consumer
my $pg = "$dir/consumer";
my $port = Sft::System::free_port();
$sys->must('install', '-o', 'postgres', '-m', '0600', "$dir/tls/server.key", "$dir/pg.key");
$sys->must('sh', '-c', "$Sft::System::top/dev/pg start '$pg' port=$port listen_addresses=127.0.0.1 ssl=on ssl_cert_file='$dir/tls/server.pem' ssl_key_file='$dir/pg.key' ssl_ca_file='$ca' >'$dir/pg.log' 2>&1 </dev/null");
my @local = ('env', "PGHOST=$pg/sock", "PGPORT=$port", 'PGUSER=postgres', 'psql', '-XAtq', '-d', 'postgres');
eval {
	$sys->must(@local, '-c', 'CREATE ROLE alice LOGIN', '-c', 'CREATE ROLE bob LOGIN');
	$sys->write_file("$pg/data/pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 cert\n", 0644);
	$sys->must(@local, '-c', 'SELECT pg_reload_conf()');
	my $connect = sub {
		my ($user, $certificate) = @_;
		return $sys->command('env', "PGSSLROOTCERT=$sys->{ca}", 'psql', '-XAtq',
			"host=127.0.0.1 port=$port dbname=postgres user=$user sslmode=verify-full sslcert=$certificate sslkey=$key",
			'-c', 'SELECT current_user, client_serial FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
	};
	$sys->until(5, sub { ($connect->('alice', $pem))[0] == 0 });
	is_deeply [ $connect->('alice', $pem) ], [ 0, "alice|$c->{serial}\n" ], 'psql logs in to a PostgreSQL that knows only the CA file, and it sees the serial';
	isnt +($connect->('bob', $pem))[0], 0, 'not as bob';
	isnt +($connect->('alice', $foreign_pem))[0], 0, 'not with the other project\'s certificate';
	1;
} or fail "consumer: $@";
$sys->command("$Sft::System::top/dev/pg", 'destroy', $pg);

# curl to a TLS server that asks for a certificate
my $web = Sft::System::free_port();
my $server = fork // die;
if (!$server) {
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', "$dir/s_server.log";
	open STDERR, '>&', \*STDOUT;
	exec 'openssl', 's_server', '-accept', "127.0.0.1:$web", '-cert', "$dir/tls/server.pem", '-key', "$dir/tls/server.key", '-CAfile', $ca,
		'-Verify', '2', '-verify_return_error', '-www';
}
my $curl = sub { return $sys->command('curl', '-sf', '-m', '10', '--cacert', $sys->{ca}, @_, "https://127.0.0.1:$web/") };
$sys->until(10, sub { ($curl->('--cert', $pem, '--key', $key))[0] == 0 });
($rc, $out) = $curl->('--cert', $pem, '--key', $key);
is $rc, 0, 'curl is let in by a TLS server that asks for a client certificate';
isnt +($curl->())[0], 0, 'not without one';
isnt +($curl->('--cert', $foreign_pem, '--key', $key))[0], 0, 'not with the other project\'s';
kill 'TERM', $server;
waitpid $server, 0;

# what cannot be had
my $bob = Sft::Api->client($sys, 'bob');
my $none = $bob->call(POST => $bob->path('credentials'), { kind => 'x509_client', project => 'prod', public_key => $bob->{key}->public });
ok $none->{status} == 403 || $none->{status} == 404, 'bob, who is not of the project, gets none' or diag "$none->{status} $none->{text}";
is $sys->value(qq{SELECT count(*) FROM sftca.certificates WHERE serial = $c->{serial} AND kind = 'x509_client'}), 1, 'alice\'s is recorded';

done_testing;
