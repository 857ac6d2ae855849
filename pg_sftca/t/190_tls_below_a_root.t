#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# An authority below an outside root, at work: nginx, GnuTLS and PostgreSQL show server certificates of the vault to clients that know the root alone, and check client certificates by the trust bundle and the lists.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tls;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
sub openssl { return $v->db->must('openssl', @_) }
sub slurp { return Sft::Db::slurp("$dir/$_[0]") }
sub answer { my ($name, $sql) = @_; my @lines = $s->run($sql); die $s->message if defined $s->error; return $v->write_file($name, join "\n", @lines, '') }

# the outside: a root and its list
openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout', "$dir/root.key", '-out', "$dir/root.pem", '-days', 3650, '-subj', '/CN=corp', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
$v->write_file('index', '');
$v->write_file('number', "01\n");
$v->write_file('ca.conf', "[ca]\ndefault_ca = d\n[d]\ndatabase = $dir/index\ncrlnumber = $dir/number\ndefault_md = sha256\ndefault_crl_days = 7\n[sub]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
openssl('ca', '-config', "$dir/ca.conf", '-gencrl', '-keyfile', "$dir/root.key", '-cert', "$dir/root.pem", '-out', "$dir/root.crl");

my $a = $s->value("SELECT sftca.authority_create_subordinate('ecdsa-p256', 'services')");
answer('sub.csr', "SELECT sftca.authority_request('$a')");
openssl('x509', '-req', '-in', "$dir/sub.csr", '-CA', "$dir/root.pem", '-CAkey', "$dir/root.key", '-set_serial', 7, '-days', 365, '-extfile', "$dir/ca.conf", '-extensions', 'sub', '-out', "$dir/sub.pem");
$s->value("SELECT sftca.authority_certify('$a', 1, \$c\$" . slurp('sub.pem') . slurp('root.pem') . "\$c\$)");
$s->run("SELECT sftca.key_activate('$a', 1)");
is $s->error, undef, 'an authority below a root' or diag $s->message;

# by request: the private keys stay where they are made
sub holder
{
	my ($name, $how, %over) = @_;
	openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr", '-subj', '/CN=whatever');
	chmod 0644, "$dir/$name.key";
	my $id = $v->uuid;
	my $serial = $s->value($v->$how($id, authority => "'$a'", public_key => 'sftca.csr_key($c$' . slurp("$name.csr") . '$c$)', %over));
	die $s->message if defined $s->error;
	return ($v->write_file("$name.pem", ($v->finish($s, $id))[1] . "\n" . slurp(answer('chain.pem', "SELECT sftca.issuer_chain('$a')") =~ s{.*/}{}r)), $serial);
}
my ($server) = holder('web', 'server', dns_names => "'{localhost}'", ip_addresses => "'{127.0.0.1}'", valid_before => "now() + interval '30 days'");
my ($client, $serial) = holder('alice', 'client');
my ($other) = holder('bob', 'client', common_name => "'bob'", uri => "'sft://acme/prod/bob'");
# these verifiers want a list for every authority of the path: the root's comes from outside
my $lists = sub { answer('ours.crl', "SELECT sftca.crl_bundle('$a')"); return $v->write_file('lists.pem', slurp('ours.crl') . slurp('root.crl')) };
my $tls = Tls->new($v, ca => answer('ca.pem', "SELECT sftca.trust_bundle('$a')"), crl => $lists->(), cert => $server, key => "$dir/web.key", trust => "$dir/root.pem");
END { undef $tls }
for my $one (qw(nginx gnutls postgresql)) {
	my ($ok, $said) = $tls->$one($client, "$dir/alice.key");
	ok $ok, "$one and its client believe each other" or diag $said, $tls->net->log_text($one eq 'gnutls' ? 'gnutls' : 'nginx');
	next if $one eq 'gnutls';                  # gnutls-serv asks nobody for a purpose (docs/limits.md)
	($ok, $said) = $tls->$one($server, "$dir/web.key");
	ok !$ok, '  a server certificate is no client' or diag $said;
}
$s->value("SELECT sftca.revoke('$a', $serial, $serial, 'key_compromise')");
$lists->();
$tls->reload;
for my $one (qw(nginx gnutls postgresql)) {
	my ($ok) = $tls->$one($client, "$dir/alice.key");
	ok !$ok, "$one refuses what is revoked";
	($ok, my $said) = $tls->$one($other, "$dir/bob.key", $one eq 'postgresql' ? 'app_bob' : ());
	ok $ok, '  and lets in its neighbour' or diag $said;
}

# as the README has it, pasted into a shell
my ($recipe) = Sft::Db::slurp("$FindBin::Bin/../README.md") =~ /^## An authority below your own root\n.*?^```sh\n(.*?)^```/ms or die 'no recipe';
my ($rc, $out) = $v->db->command('env', $v->db->env, 'PGDATABASE=vault', 'sh', '-euc', "cd $dir\n$recipe");
is $rc, 0, 'the README\'s recipe runs' or diag $out;
my $below = $s->value("SELECT authority_id FROM sftca.authority_list WHERE is_subordinate AND active_generation = 1 ORDER BY created_at DESC LIMIT 1");
my $id = $v->uuid;
$s->value($v->server($id, authority => "'$below'"));
my $shown = answer('shown.pem', "SELECT sftca.issuer_chain('$below')");
like +($v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'web01.example.com', '-CAfile', "$dir/root.pem", '-untrusted', $shown, $v->write_file('below.pem', ($v->finish($s, $id))[1] . "\n")))[1], qr/: OK$/, '  and what it makes is trusted with the root';
done_testing;
