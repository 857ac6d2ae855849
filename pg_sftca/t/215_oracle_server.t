#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# X.509 server certificates, and certificates of an authority below an outside root, before programs that are not ours: nginx, PostgreSQL and GnuTLS show them, curl, psql, gnutls-cli and openssl judge.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Oracle;
use Tls;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my @algorithms = Oracle::everything() ? @Oracle::algorithms : qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048);
my (%key, %file, %authority);
for my $type (@algorithms) {
	($key{$type}, $file{$type}) = Oracle::tls_key($v, $type);
	$authority{$type} = $s->value("SELECT sftca.authority_create('x509', '$type')");
}
sub openssl { return $v->db->must('openssl', @_) }
sub text { my ($function, @which) = @_; return join '', map { "$_\n" } map { $s->run("SELECT sftca.$function('$_')") } @which }

my $made = 0;
sub issue
{
	my ($how, $authority, $type, %over) = @_;
	my $id = $v->uuid;
	my $serial = $s->value($v->$how($id, authority => "'$authority'", public_key => "'$key{$type}'", %over));
	my ($outcome, $pem) = $v->finish($s, $id);
	die "no certificate: " . ($outcome // $s->message) unless defined $pem;
	my $file = $v->write_file('leaf-' . ++$made . '.pem', "$pem\n" . text('issuer_chain', $authority));
	return wantarray ? ($file, $serial) : $file;
}
my %here = (dns_names => "'{localhost,web01.example.com}'", ip_addresses => "'{127.0.0.1}'");
my $first = 'ecdsa-p256';
my $expired = issue('server', $authority{$first}, $first, %here, valid_before => "clock_timestamp() + interval '3 s'");
my $then = time + 4;

# --- each by each, on the command line ---------------------------------------------------------------------

my @all = map { $authority{$_} } @algorithms;
my $ca = $v->write_file('ca.pem', text('trust_bundle', @all));
my %server;
for my $a (@algorithms) { $server{$a}{$_} = issue('server', $authority{$a}, $_, %here) for @algorithms }
my @files = map { my $a = $_; map { $server{$a}{$_} } @algorithms } @algorithms;
my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'web01.example.com', '-crl_check_all', '-CRLfile', $v->write_file('crl.pem', text('crl_bundle', @all)), '-CAfile', $ca, @files);
is $rc, 0, 'openssl verify -x509_strict -purpose sslserver -crl_check_all: every pair of algorithms' or diag $out;
is scalar(() = $out =~ /: OK$/mg), @files, '  each of them';
($rc, $out) = $v->db->command('openssl', 'verify', '-purpose', 'sslclient', '-CAfile', $ca, @files);
is scalar(() = $out =~ /uns\w+ certificate purpose/g), @files, 'none is for clients';
for my $i (0 .. $#algorithms) {
	for my $k (Oracle::everything() ? @algorithms : $algorithms[($i + 1) % @algorithms]) {
		my @certtool = ('certtool', '--verify', '--load-ca-certificate', $ca, '--load-crl', "$dir/crl.pem", '--infile', $server{ $algorithms[$i] }{$k});
		is +($v->db->command(@certtool, '--verify-purpose', '1.3.6.1.5.5.7.3.1', '--verify-hostname', 'web01.example.com'))[0], 0, "certtool --verify: authority $algorithms[$i], key $k";
		isnt +($v->db->command(@certtool, '--verify-hostname', 'web02.example.com'))[0], 0, '  not by another name' if $i == 0;
	}
}

# --- nginx shows one certificate at each port ----------------------------------------------------------------

my $other = $s->value(q{SELECT sftca.authority_create('x509')});
my ($lost, $lost_serial) = issue('server', $authority{$first}, $first, %here);
$s->value("SELECT sftca.revoke('$authority{$first}', $lost_serial, $lost_serial, 'key_compromise')");
my $crl = $v->write_file('crl.pem', text('crl_bundle', @all));
my (%port, $config);
sub shown { my ($name, $cert, $type) = @_; my $port = $port{$name} = 5000 + keys %port; $config .= "server { listen 127.0.0.1:$port ssl; ssl_certificate $cert; ssl_certificate_key $file{$type}; location / { return 200 'inside\\n'; } }\n" }
my @pairs = Oracle::everything() ? map { my $a = $_; map { [$a, $_] } @algorithms } @algorithms : map { [$algorithms[$_], $algorithms[($_ + 2) % @algorithms]] } 0 .. $#algorithms;
shown("authority $_->[0], key $_->[1]", $server{ $_->[0] }{ $_->[1] }, $_->[1]) for @pairs;
my %bad = (
	'another name' => [scalar issue('server', $authority{$first}, $first, dns_names => "'{web02.example.com}'"), qr/name|certificate/i],
	'a name that ends alike' => [scalar issue('server', $authority{$first}, $first, dns_names => "'{xweb01.example.com}'"), qr/name|certificate/i],
	'another authority' => [scalar issue('server', $other, $first, %here), qr/issuer|self.signed|unknown|trusted/i],
	'a client certificate' => [scalar issue('client', $authority{$first}, $first, more => "'{web01.example.com}', '{127.0.0.1}'"), qr/purpose|key usage|certificate/i],
	'not yet valid' => [scalar issue('server', $authority{$first}, $first, %here, valid_after => "now() + interval '1 hour'", valid_before => "now() + interval '2 hours'"), qr/not yet|activated|certificate/i],
	'revoked' => [$lost, qr/revoked/i],
	'expired' => [$expired, qr/expired/i],
);
shown($_, $bad{$_}[0], $first) for sort keys %bad;
my $net = Net->new($v->db);
mkdir "$dir/nginx-servers" or die $!;
my @temp = map { "${_}_temp_path $dir/nginx-servers/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
$net->spawn('servers', '/usr/sbin/nginx', '-e', 'stderr', '-c', $v->write_file('servers.conf', "daemon off;\nuser postgres;\nworker_processes 1;\npid $dir/nginx-servers/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n@temp\n$config}\n"));
$net->listens($port{revoked});

my %judge = (
	curl => sub { my ($port) = @_; return $net->command('curl', '-sS', '-m', 20, '--cacert', $ca, '--crlfile', $crl, '--resolve', "web01.example.com:$port:127.0.0.1", "https://web01.example.com:$port/") },
	'gnutls-cli' => sub { my ($port) = @_; return $net->command('sh', '-c', 'printf "GET / HTTP/1.0\r\n\r\n" | timeout 20 gnutls-cli --port "$0" --verify-hostname web01.example.com --x509cafile "$1" --x509crlfile "$2" 127.0.0.1', $port, $ca, $crl) },
	'openssl s_client' => sub { my ($port) = @_; return $net->command('sh', '-c', 'printf "GET / HTTP/1.0\r\n\r\n" | timeout 20 openssl s_client -quiet -connect "127.0.0.1:$0" -verify_return_error -verify_hostname web01.example.com -x509_strict -CAfile "$1"', $port, $ca) },
);
for my $pair (@pairs) {
	my $name = "authority $pair->[0], key $pair->[1]";
	for my $who (sort keys %judge) { my (undef, $said) = $judge{$who}->($port{$name}); like $said, qr/^inside\r?$/m, "$name: $who trusts nginx" }
}
sleep 1 while time < $then;
for my $name (sort keys %bad) {
	for my $who (sort keys %judge) {
		next if $name eq 'revoked' && $who eq 'openssl s_client';   # reads but one list; openssl verify has read them all
		my (undef, $said) = $judge{$who}->($port{$name});
		unlike $said, qr/^inside/m, "$name: $who does not";
		like $said, $bad{$name}[1], '  for this reason';
	}
}

# --- below an outside root: the chain goes along, the root alone is trusted ------------------------------------

$v->write_file('v3', "[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n[ca_any]\ndefault_ca=root\n[root]\ndatabase=$dir/index\ncrlnumber=$dir/crlnumber\ndefault_md=sha384\ndefault_crl_days=1\n");
openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout', "$dir/root.key", '-out', "$dir/root.pem", '-days', 3650, '-subj', '/CN=an outside root', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
my $below = $s->value("SELECT sftca.authority_create_subordinate('$first', 'below')");
$v->write_file('request', text('authority_request', $below));
openssl('x509', '-req', '-in', "$dir/request", '-CA', "$dir/root.pem", '-CAkey', "$dir/root.key", '-set_serial', 77, '-extfile', "$dir/v3", '-extensions', 'ca', '-out', "$dir/below.pem", '-days', 365);
$s->value("SELECT sftca.authority_certify('$below', 1, \$\$" . Sft::Db::slurp("$dir/below.pem") . Sft::Db::slurp("$dir/root.pem") . '$$)');
$s->run("SELECT sftca.key_activate('$below', 1)");
is $s->error, undef, 'an authority below an outside root';
$v->write_file($_->[0], $_->[1]) for ['index', ''], ['crlnumber', "01\n"];
openssl('ca', '-config', "$dir/v3", '-name', 'root', '-gencrl', '-cert', "$dir/root.pem", '-keyfile', "$dir/root.key", '-out', "$dir/root.crl");

my $client = issue('client', $below, $first);
my ($gone, $gone_serial) = issue('client', $below, 'ed25519');
my $crls = sub { return $v->write_file('below.crl', text('crl_bundle', $below) . Sft::Db::slurp("$dir/root.crl")) };
my $tls = Tls->new($v, ca => $v->write_file('below-ca.pem', text('trust_bundle', $below)), crl => $crls->(), cert => scalar issue('server', $below, 'rsa-2048', %here), key => $file{'rsa-2048'}, trust => "$dir/root.pem");
END { undef $tls }                            # while what it needs is still there
for my $server (qw(nginx gnutls postgresql)) {
	my ($ok, $said) = $tls->$server($client, $file{$first});
	ok $ok, "below a root: $server knows a client, and its client the server by the root alone" or diag $said;
	($ok, $said) = $tls->$server($gone, $file{ed25519});
	ok $ok, '  another client';
	($ok, $said) = $tls->$server(scalar issue('client', $authority{$first}, $first), $file{$first});
	ok !$ok, '  not one of another authority';
	($ok, $said) = $tls->$server(scalar issue('server', $below, $first, %here), $file{$first});
	ok !$ok, '  nor a server certificate in a client\'s place' or diag $said unless $server eq 'gnutls';   # gnutls-serv asks for no purpose
}
$s->value("SELECT sftca.revoke('$below', $gone_serial, $gone_serial, 'superseded')");
$crls->();
$tls->reload;
for my $server (qw(nginx gnutls postgresql)) {
	my ($ok, $said) = $tls->$server($gone, $file{ed25519});
	ok !$ok, "below a root: revoked, $server refuses" or diag $said;
	($ok, $said) = $tls->$server($client, $file{$first});
	ok $ok, '  and no other' or diag $said;
}

done_testing;
