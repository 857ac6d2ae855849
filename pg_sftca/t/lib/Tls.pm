# SPDX-License-Identifier: PostgreSQL
# Tls - three servers that decide by themselves about X.509 client certificates: nginx (OpenSSL), GnuTLS, PostgreSQL.
#
#   my $tls = Tls->new($v, ca => FILE, crl => FILE, cert => FILE, key => FILE, trust => FILE);
#                                             # what clients are checked against; what the servers show, and what is trusted of it
#   my ($ok, $said) = $tls->nginx($cert, $key);  # also gnutls, postgresql (the roles are app_NAME, mapped from the common name)
#   $tls->reload;                             # the files have changed
#
# They run in a network of their own at 127.0.0.1.
package Tls;
use strict;
use warnings;
use Net;
use Time::HiRes 'sleep';

sub new
{
	my ($class, $v, %file) = @_;
	my $self = bless { v => $v, dir => $v->folder, net => Net->new($v->db), pid => $$, %file }, $class;
	$self->start_nginx;
	$self->start_gnutls;
	$self->start_postgresql;
	$self->{net}->listens($_) for 443, 4433;
	return $self;
}

sub net { $_[0]{net} }

sub start_nginx
{
	my ($self) = @_;
	my $dir = "$self->{dir}/nginx";
	mkdir $dir or die "$dir: $!";
	my $conf = $self->{v}->write_file('nginx.conf', <<"END");
daemon off;
user postgres;
worker_processes 1;
pid $dir/pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path $dir/1;
	proxy_temp_path $dir/2;
	fastcgi_temp_path $dir/3;
	uwsgi_temp_path $dir/4;
	scgi_temp_path $dir/5;
	server {
		listen 127.0.0.1:443 ssl;
		ssl_certificate $self->{cert};
		ssl_certificate_key $self->{key};
		ssl_client_certificate $self->{ca};
		ssl_crl $self->{crl};
		ssl_verify_client on;
		ssl_verify_depth 3;
		ssl_session_cache off;
		ssl_session_tickets off;
		error_page 495 496 = \@refused;
		location / { return 200 "\$ssl_client_verify \$ssl_client_serial \$ssl_client_s_dn\\n"; }
		location \@refused { return 403 "\$ssl_client_verify\\n"; }
	}
}
END
	$self->{nginx} = $self->{net}->spawn('nginx', '/usr/sbin/nginx', '-e', 'stderr', '-c', $conf);
}

sub start_gnutls
{
	my ($self) = @_;
	$self->{gnutls} = $self->{net}->spawn('gnutls', 'gnutls-serv', '--port', 4433, '--http', '--require-client-cert', '--verify-client-cert', '--x509cafile', $self->{ca}, '--x509crlfile', $self->{crl},
		'--x509certfile', $self->{cert}, '--x509keyfile', $self->{key});
}

sub start_postgresql
{
	my ($self) = @_;
	my ($net, $v, $dir) = ($self->{net}, $self->{v}, "$self->{dir}/server");
	$net->must('install', '-o', 'postgres', '-m', '0600', $self->{key}, "$self->{dir}/server.key");
	$net->must('sh', '-c', '"$0" start "$@" </dev/null >/dev/null 2>&1', "$Sft::Db::top/dev/pg", $dir, 'listen_addresses=127.0.0.1', 'ssl=on', "ssl_cert_file=$self->{cert}", "ssl_key_file=$self->{dir}/server.key", "ssl_ca_file=$self->{ca}", "ssl_crl_file=$self->{crl}");
	$v->write_file('server/data/pg_hba.conf', "local all all trust\nhostssl all all 127.0.0.1/32 cert map=sft\n");
	$v->write_file('server/data/pg_ident.conf', "sft /^(.*)\$ app_\\1\n");
	$self->sql('CREATE ROLE app_alice LOGIN', 'CREATE ROLE app_bob LOGIN', 'SELECT pg_reload_conf()');
	sleep 0.3;
}

sub sql { my ($self, @sql) = @_; return $self->{net}->must('env', "PGHOST=$self->{dir}/server/sock", 'PGPORT=5432', 'PGUSER=postgres', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', map { ('-c', $_) } @sql) }

# The files have changed: nginx gets new workers, PostgreSQL reads them again, GnuTLS starts anew.
sub reload
{
	my ($self) = @_;
	my $net = $self->{net};
	$net->end($self->{$_}) for qw(nginx gnutls);
	$net->must('rm', '-rf', "$self->{dir}/nginx");
	$self->start_nginx;
	$self->start_gnutls;
	$self->sql('SELECT pg_reload_conf()');
	sleep 0.3;
	$net->listens($_) for 443, 4433;
}

sub nginx
{
	my ($self, $cert, $key) = @_;
	my ($rc, $out) = $self->{net}->command('curl', '-sS', '-m', 20, '--cacert', $self->{trust}, $cert ? ('--cert', $cert, '--key', $key) : (), 'https://127.0.0.1/');
	return (scalar($rc == 0 && $out =~ /^SUCCESS/), $out);
}

sub gnutls
{
	my ($self, $cert, $key) = @_;
	my ($rc, $out) = $self->{net}->command('sh', '-c', 'printf "GET / HTTP/1.0\r\n\r\n" | timeout 20 gnutls-cli --port 4433 --x509cafile "$0" "$@" 127.0.0.1', $self->{trust}, $cert ? ('--x509certfile', $cert, '--x509keyfile', $key) : ());
	return (scalar($out =~ /^HTTP\/1\.. 200/m), $out);
}

sub postgresql
{
	my ($self, $cert, $key, $user) = @_;
	$user //= 'app_alice';
	my $mine = $self->{v}->write_file('psql.key', $key ? Sft::Db::slurp($key) : '');
	chmod 0600, $mine;
	my ($rc, $out) = $self->{net}->command('env', 'PGCONNECT_TIMEOUT=20', 'psql', '-XAtq', "host=127.0.0.1 dbname=postgres user=$user sslmode=verify-full sslrootcert=$self->{trust} " . ($cert ? "sslcert=$cert sslkey=$mine" : "sslcert=$self->{dir}/none"),
		'-c', 'SELECT current_user, client_serial, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
	return (scalar($rc == 0 && $out =~ /^\Q$user\E\|/), $out);
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{pid};
	local ($?, $!, $@);
	$self->{net}->command("$Sft::Db::top/dev/pg", 'destroy', "$self->{dir}/server");
}

1;
