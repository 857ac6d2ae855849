#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# SSH certificates as others read them: ssh-keygen and a second implementation see the record and nothing else, and sshd and ssh let them in.
# Algorithms of authorities times algorithms of keys; ORACLE=all takes them all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Net;
use Oracle;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my @authorities = Oracle::everything() ? @Oracle::algorithms : qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048);
my (%user_ca, %host_ca, %key, %file);
for my $algorithm (@authorities) {
	($user_ca{$algorithm}, $host_ca{$algorithm}) = map { $s->value("SELECT sftca.authority_create('$_', '$algorithm')") } qw(ssh_user ssh_host);
}
for my $type (@authorities) { $key{$type} = $v->key(@{ $Oracle::keygen{$type} }); $file{$type} = $v->{last_key} }
# security keys in software, as OpenSSH's own tests use them
for my $type (qw(ed25519-sk ecdsa-sk)) { $key{$type} = $v->key($type, '-w', $Oracle::sk_provider, '-O', 'verify-required'); $file{$type} = $v->{last_key} }
my @plain = grep { !/sk$/ } sort keys %key;

# --- what is in them --------------------------------------------------------------------------------

my @options = ([q('{}'), q('{}')], [q('{"force-command": "/bin/echo a \"b\""}'), q('{"permit-pty": "", "permit-port-forwarding": "", "permit-agent-forwarding": "", "permit-X11-forwarding": "", "permit-user-rc": ""}')],
	[q('{"source-address": "10.0.0.0/8,2001:db8::/32", "force-command": "x"}'), q('{"project@sft": "prod", "team@sft": "acme", "permit-pty": ""}')]);
my (@ids, $n);
$s->run('BEGIN');
for my $a (sort keys %user_ca) {
	for my $k (sort keys %key) {
		push @ids, my ($user, $host) = ($v->uuid, $v->uuid);
		my ($critical, $extensions) = @{ $options[$n++ % @options] };
		$critical = q('{"verify-required": "", "source-address": "192.0.2.0/24"}') if $k =~ /sk$/;
		$s->value($v->user($user, authority => "'$user_ca{$a}'", public_key => "'$key{$k}'", critical_options => $critical, extensions => $extensions, principals => "'{alice,8fd0c5a2-1c1c-4f0e-9d5e-3a4a56b1a001:alice}'"));
		$s->value($v->host($host, authority => "'$host_ca{$a}'", public_key => "'$key{$k}'", principals => "'{web01,web01.example.com,10.0.0.1}'")) unless $k =~ /sk$/;
	}
}
$s->run('COMMIT');
my $list = join ',', map { "'$_'" } @ids;
my @certificates = map { split /\|/ } $s->run("SELECT certificate FROM sftca.finish(ARRAY[$list]::uuid[]) WHERE outcome = 'signed'");
my %is = Oracle::ssh($v, @certificates);
my %should = Oracle::records($s, "c.kind LIKE 'ssh%'");
cmp_ok scalar(keys %should), '>=', 5 * 12, 'every pair of algorithms, users and hosts';
is_deeply \%is, \%should, 'ssh-keygen -L shows each record and nothing else';

my %second = map { my $c = decode_json($_); ($c->{serial} => $c) } split /\n/, $v->db->must("$FindBin::Bin/lib/second_ssh.py", 'read', $v->write_file('second.pub', join '', map { "$_\n" } grep { !/^sk-/ } @certificates));
my %told = map { my $r = $_; ($r->{serial} => { %$r, options => [sort map { s/@.*// ? () : s/^permit-x11/permit-X11/r } @{ $r->{options} }] }) }
	$s->rows(q{SELECT c.kind, c.serial::text, c.key_id, c.principals, extract(epoch FROM c.valid_after)::bigint AS valid_after, extract(epoch FROM c.valid_before)::bigint AS valid_before,
		c.fingerprint, k.fingerprint AS authority, ARRAY(SELECT split_part(o, '=', 1) FROM unnest(c.critical_options || c.extensions) o WHERE o !~ '@') AS options
		FROM sftca.certificates c JOIN sftca.keys k ON k.authority_id = c.authority_id AND k.generation = c.generation WHERE c.fingerprint NOT IN (SELECT fingerprint FROM sftca.certificates WHERE 'verify-required' = ANY (critical_options))});
is_deeply \%second, \%told, 'a second implementation reads the same, and finds each signature good';

# --- logins -----------------------------------------------------------------------------------------

sub certificate
{
	my ($how, $authority, $key, %more) = @_;
	my $id = $v->uuid;
	$s->value($v->$how($id, authority => "'$authority'", public_key => "'$key'", %more));
	return ($v->finish($s, $id))[1] // die "no certificate: " . ($s->message // '');
}
my $config = "Port 22\nListenAddress 127.0.0.1\nTrustedUserCAKeys $dir/user-ca\nAuthorizedPrincipalsFile $dir/principals\nAuthorizedKeysFile none\nPermitRootLogin yes\nUsePAM no\nStrictModes no\n"
	. "PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\nMaxStartups 100\nPidFile none\n";
# one certificate for each type of host key; each by another authority
my %host_key_of = (ed25519 => 'ed25519', 'ecdsa-p256' => 'ecdsa-p256', 'ecdsa-p384' => 'ecdsa-p384', 'ecdsa-p521' => 'ecdsa-p521', 'rsa-2048' => 'rsa-2048');
my @host_types = sort keys %host_key_of;
my $turn = 0;
for my $type (@host_types) {
	my $authority = $host_ca{ $authorities[++$turn % @authorities] };
	$v->write_file("host-$type-cert.pub", certificate('host', $authority, $key{$type}, principals => "'{web01}'") . "\n");
	$config .= "HostKey $file{$type}\nHostCertificate $dir/host-$type-cert.pub\n";
}
$v->write_file('user-ca', join '', map { "$_\n" } map { $s->run("SELECT sftca.trust_bundle('$_')") } values %user_ca);
$v->write_file('principals', "alice\n");
$v->write_file('known', join '', map { "\@cert-authority web01 $_\n" } $s->run("SELECT public_key FROM sftca.keys WHERE purpose = 'ssh_host'"));
my $net = Net->new($v->db);
$config .= "PerSourcePenalties no\n" if ($net->command('/usr/sbin/sshd', '-t', '-f', $v->write_file('try', "$config"), '-o', 'PerSourcePenalties=no'))[0] == 0;
my $sshd = $net->spawn('sshd', '/usr/sbin/sshd', '-D', '-e', '-f', $v->write_file('sshd_config', $config));
$net->listens(22);

sub login
{
	my ($key_file, $certificate, $host_type) = @_;
	my $algorithm = { ed25519 => 'ssh-ed25519', 'ecdsa-p256' => 'ecdsa-sha2-nistp256', 'ecdsa-p384' => 'ecdsa-sha2-nistp384', 'ecdsa-p521' => 'ecdsa-sha2-nistp521', 'rsa-2048' => 'rsa-sha2-512' }->{$host_type};
	return $net->command('ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', "UserKnownHostsFile=$dir/known", '-o', 'GlobalKnownHostsFile=none', '-o', 'StrictHostKeyChecking=yes', '-o', "HostKeyAlgorithms=$algorithm-cert-v01\@openssh.com",
		'-o', 'HostKeyAlias=web01', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-o', "SecurityKeyProvider=$Oracle::sk_provider", '-i', $key_file, '-o', 'CertificateFile=' . $v->write_file('login-cert.pub', "$certificate\n"), 'root@127.0.0.1', 'echo', 'inside');
}

my @pairs = Oracle::everything() ? map { my $a = $_; map { [$a, $_] } sort keys %key } @authorities
	: map { my $i = $_; [$authorities[$i % @authorities], (sort keys %key)[$i]] } 0 .. keys(%key) - 1;
for my $i (0 .. $#pairs) {
	my ($authority, $type) = @{ $pairs[$i] };
	my $host = $host_types[$i % @host_types];
	my ($rc, $out) = login($file{$type}, certificate('user', $user_ca{$authority}, $key{$type}), $host);
	is $rc, 0, "authority $authority, a user's $type, host key $host: a login" or diag $out, $net->log_text('sshd');
}

# the largest
if (Oracle::everything()) {
	my $large = $s->value(q{SELECT sftca.authority_create('ssh_user', 'rsa-8192')});
	$v->write_file('user-ca', Sft::Db::slurp("$dir/user-ca") . $s->value("SELECT sftca.trust_bundle('$large')") . "\n");
	is +(login($file{ed25519}, certificate('user', $large, $key{ed25519}), 'ed25519'))[0], 0, 'authority rsa-8192: a login';
}

# a security key that verified its user, and one that did not
for my $type (qw(ed25519-sk ecdsa-sk)) {
	my $must = certificate('user', $user_ca{ed25519}, $key{$type}, critical_options => q('{"verify-required": ""}'));
	like $v->read_ssh($must), qr/Critical Options: \s+verify-required\n/, "$type: verify-required is in the certificate";
	is +(login($file{$type}, $must, 'ed25519'))[0], 0, '  and sshd lets in whom the key verified';
	my $blind = $v->key($type, '-w', $Oracle::sk_provider);
	is +(login($v->{last_key}, certificate('user', $user_ca{ed25519}, $blind), 'ed25519'))[0], 0, '  a key that only was touched is let in';
	my ($rc, $out) = login($v->{last_key}, certificate('user', $user_ca{ed25519}, $blind, critical_options => q('{"verify-required": ""}')), 'ed25519');
	is $rc, 255, '  but not where the certificate requires more';
	like $net->log_text('sshd'), qr/user verification/i, '  as sshd says';
}

done_testing;
