#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# For each algorithm of an authority: sshd and ssh accept its certificates, its canary, its list; its generations; its sealed key in another backend.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my ($user_key, $host_key) = map { my $k = $v->key('ed25519'); [$k, $v->{last_key}] } 1, 2;
my %signature = ('ed25519' => 'ssh-ed25519', (map { ("ecdsa-p$_" => "ecdsa-sha2-nistp$_") } 256, 384, 521), map { ("rsa-$_" => 'rsa-sha2-512') } 2048, 3072, 4096);

sub certificate
{
	my ($how, $authority, $key, %more) = @_;
	my $id = $v->uuid;
	my $serial = $s->value($v->$how($id, authority => "'$authority'", public_key => "'$key'", %more));
	# in a backend that has to unseal the key
	my ($outcome, $certificate) = $v->finish($v->db->session('postgres'), $id);
	is $outcome, 'signed', "  $how certificate";
	return ($certificate // '', $serial);
}

# A login over a pipe: no port, and no account is touched but by its name.
sub login
{
	return $v->db->command("$Sft::Db::top/dev/ns", '--pid', '--fork', '--kill-child', '--', 'sh', '-c', 'mount -t tmpfs -o mode=0755 none /run && mkdir /run/sshd && exec "$@"', 'sh',
		'ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', "UserKnownHostsFile=$dir/known", '-o', 'GlobalKnownHostsFile=none', '-o', 'StrictHostKeyChecking=yes',
		'-o', 'HostKeyAlias=web01', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-o', "IdentityFile=$user_key->[1]", '-o', "CertificateFile=$dir/user-cert.pub",
		'-o', "ProxyCommand=/usr/sbin/sshd -i -f $dir/sshd_config", 'root@web01', 'echo', 'inside');
}

$v->write_file('sshd_config', <<"END");
HostKey $host_key->[1]
HostCertificate $dir/host-cert.pub
TrustedUserCAKeys $dir/user-ca
AuthorizedPrincipalsFile $dir/principals
AuthorizedKeysFile none
RevokedKeys $dir/krl
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
END
$v->write_file('principals', "alice\n");

for my $algorithm (sort keys %signature) {
	my ($users, $hosts) = map { $s->value("SELECT sftca.authority_create('$_', '$algorithm')") } qw(ssh_user ssh_host);
	is $s->error, undef, "$algorithm: authorities";
	my ($user, $serial) = certificate('user', $users, $user_key->[0]);
	my ($host) = certificate('host', $hosts, $host_key->[0], principals => "'{web01}'");
	like $v->read_ssh($_), qr/Signing CA: .*\(using \Q$signature{$algorithm}\E\)/, "  signed with $signature{$algorithm}"
		for $user, $host, map { $s->value("SELECT sftca.canary('$_', 1)") } $users, $hosts;
	my $krl = sub { $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$users'), 'base64')"))) };
	$krl->();
	$v->write_file('user-cert.pub', "$user\n");
	$v->write_file('host-cert.pub', "$host\n");
	$v->write_file('user-ca', join "\n", $s->run("SELECT sftca.trust_bundle('$users')"));
	$v->write_file('known', '@cert-authority web01 ' . $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$hosts'") . "\n");
	my ($rc, $out) = login();
	is $rc, 0, '  ssh and sshd accept them' or diag $out;
	like $out, qr/^inside$/m, '  and the command runs';
	my $canary = $v->write_file('canary.pub', $s->value("SELECT sftca.canary('$users', 1)") . "\n");
	like +($v->db->command('ssh-keygen', '-Q', '-f', "$dir/krl", $canary))[1], qr/REVOKED/, '  the canary is revoked';
	$s->value("SELECT sftca.revoke('$users', $serial, $serial, 'lost')");
	$krl->();
	($rc, $out) = login();
	is $rc, 255, '  revoked: refused';
	like $out, qr/Permission denied/, '  by sshd';
	is $s->value("SELECT sftca.key_prepare('$users')"), 2, '  the next generation';
	is $s->value("SELECT count(DISTINCT split_part(public_key, ' ', 1)) FROM sftca.keys WHERE authority_id = '$users'"), 1, '  of the same algorithm';
}

done_testing;
