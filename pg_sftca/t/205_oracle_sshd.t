#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who is let in and who is not: our certificates before a real sshd, a real ssh, and a second implementation of both.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Net;
use Oracle;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
my $second = "$FindBin::Bin/lib/second_ssh.py";
my ($users, $hosts) = @{$v}{qw(ssh_user ssh_host)};
my $other = $s->value(q{SELECT sftca.authority_create('ssh_user')});
my $other_hosts = $s->value(q{SELECT sftca.authority_create('ssh_host')});
my ($key, $key_file) = ($v->key('ed25519'), $v->{last_key});
my ($host_key, $host_file) = ($v->key('ed25519'), $v->{last_key});
my ($stolen, $stolen_file) = ($v->key('ed25519'), $v->{last_key});

sub issue
{
	my ($how, %over) = @_;
	my $id = $v->uuid;
	my $serial = $s->value($v->$how($id, public_key => "'$key'", %over));
	my $certificate = ($v->finish($s, $id))[1] // die "no certificate";
	return wantarray ? ($certificate, $serial) : $certificate;
}
sub file { my ($name, $text) = @_; return $v->write_file($name, "$text\n") }
sub krl { my ($authority) = @_; return $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$authority'), 'base64')"))) }

# what is over when it is looked at
my %brief = (valid_before => "clock_timestamp() + interval '3 s'");
my $expired_host = issue('host', public_key => "'$host_key'", principals => "'{web01}'", %brief);

# --- users: sshd on 22, the second implementation on 2222 ---------------------------------------------

my $net = Net->new($v->db);
my $config = <<"END";
Port 22
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey $host_file
TrustedUserCAKeys $dir/user-ca
RevokedKeys $dir/krl
AuthorizedPrincipalsFile $dir/principals
AuthorizedKeysFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
LogLevel VERBOSE
PidFile none
END
$config .= "PerSourcePenalties no\n" if ($net->command('/usr/sbin/sshd', '-t', '-f', $v->write_file('try', $config), '-o', 'PerSourcePenalties=no'))[0] == 0;
sub trust
{
	my @lines = $s->run("SELECT sftca.trust_bundle('$users')");
	file('user-ca', join "\n", @lines);
	file('second-users', join "\n", map { my ($type, $blob) = split / /; qq(cert-authority,principals="alice" $type $blob) } @lines);
}
trust();
krl($users);
file('principals', 'alice');
$net->spawn('sshd', '/usr/sbin/sshd', '-D', '-e', '-f', $v->write_file('sshd_config', $config));
$net->spawn('second', $second, 'server', 2222, $host_file, "$dir/second-users");
$net->listens($_) for 22, 2222;

sub ssh
{
	my ($certificate, @more) = @_;
	return $net->command('ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=ERROR',
		'-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-i', $key_file, '-o', 'CertificateFile=' . file('login-cert.pub', $certificate), @more);
}

my $logged = 0;
sub reason { my $log = $net->log_text('sshd'); my $new = substr $log, $logged; $logged = length $log; return $new }

sub in
{
	my ($name, $certificate, $want) = @_;
	my ($rc, $out) = ssh($certificate, 'root@127.0.0.1', 'echo', 'inside');
	is $rc, 0, "$name: let in" or diag $out, reason();
	like $out, $want // qr/^inside$/m, '  and the command runs';
	reason();
}

sub refused
{
	my ($name, $certificate, $why) = @_;
	my ($rc, $out) = ssh($certificate, 'root@127.0.0.1', 'echo', 'inside');
	is $rc, 255, "$name: refused" or diag $out;
	unlike $out, qr/inside/, '  nothing ran';
	like reason(), $why, '  as sshd says';
}

sub second_in
{
	my ($name, $certificate, $want) = @_;
	my ($rc, $out) = ssh($certificate, '-p', 2222, 'root@127.0.0.1', 'echo', 'hello');
	is $rc, 0, "second, $name: let in" or diag $out, $net->log_text('second');
	like $out, $want // qr/^inside echo hello$/m, '  with the command';
}

sub second_refused
{
	my ($name, $certificate) = @_;
	my ($rc, $out) = ssh($certificate, '-p', 2222, 'root@127.0.0.1', 'echo', 'hello');
	is $rc, 255, "second, $name: refused" or diag $out;
	like $out, qr/Permission denied/, '  by its word';
}

my $good = issue('user');
my %case = (
	'a good one' => [$good],
	'one of several principals' => [scalar issue('user', principals => "'{bob,alice,carol}'")],
	'our network' => [scalar issue('user', critical_options => q('{"source-address": "10.0.0.0/8,127.0.0.0/8"}'))],
	'another principal' => [scalar issue('user', principals => "'{bob}'"), qr/does not contain an authorized principal/],
	'the name of the account alone' => [scalar issue('user', principals => "'{root}'"), qr/does not contain an authorized principal/],
	'not yet valid' => [scalar issue('user', valid_after => "now() + interval '1 hour'", valid_before => "now() + interval '2 hours'"), qr/not yet valid/],
	'another authority' => [scalar issue('user', authority => "'$other'"), qr/authority is not trusted|not recognised|Failed publickey/],
	'a host certificate' => [scalar issue('host', principals => "'{alice}'"), qr/host certificate|not a user certificate|Failed publickey/],
	'another network' => [scalar issue('user', critical_options => q('{"source-address": "10.0.0.0/8,2001:db8::/32"}')), qr/not from a permitted source address|permitted source/],
	'another family' => [scalar issue('user', critical_options => q('{"source-address": "::1/128"}')), qr/not from a permitted source address|permitted source/],
	'the key of somebody else' => [scalar issue('user', public_key => "'$stolen'"), qr/Connection closed|Failed|Disconnected/i],
);
for my $name (sort keys %case) {
	my ($certificate, $why) = @{ $case{$name} };
	if ($why) { refused($name, $certificate, $why); second_refused($name, $certificate) }
	else { in($name, $certificate); second_in($name, $certificate) }
}
is +(ssh($case{'another family'}[0], 'root@::1', 'true'))[0], 0, 'another family: from its address it is let in';
is +(ssh($case{'our network'}[0], 'root@::1', 'true'))[0], 255, 'our network: not from elsewhere';
reason();

# what may be done inside
my $forced = issue('user', critical_options => q('{"force-command": "echo forced $SSH_ORIGINAL_COMMAND"}'));
in('force-command', $forced, qr/^forced echo inside$/m);
second_in('force-command', $forced, qr/^inside echo forced/m);
my %extension = ('permit-pty' => [['-tt', 'root@127.0.0.1', 'tty && echo inside'], qr{/dev/pts.*inside}s], 'permit-port-forwarding' => [['-W', '127.0.0.1:22', 'root@127.0.0.1'], qr/^SSH-2\.0-OpenSSH/m]);
for my $name (sort keys %extension) {
	my ($args, $want) = @{ $extension{$name} };
	like +(ssh(scalar issue('user', extensions => qq('{"$name": ""}')), @$args))[1], $want, "$name: with it";
	unlike +(ssh(scalar issue('user', extensions => q('{"project@sft": "prod"}')), @$args))[1], $want, '  and not without';
}
reason();

# --- revocation: no reload, the next login sees it -----------------------------------------------------

{
	my ($one, $serial) = issue('user');
	my @range = map { [issue('user')] } 1 .. 2;
	in('before', $_->[0]) for [$one], @range;
	$s->value("SELECT sftca.revoke('$users', $serial, $serial, 'lost')");
	krl($users);
	refused('revoked by serial', $one, qr/revoked/);
	in('its neighbour', $range[0][0]);
	my ($from, $to) = sort { $a <=> $b } map { $_->[1] } @range;
	$s->value("SELECT sftca.revoke('$users', $from, $to, 'lost')");
	krl($users);
	refused('revoked by range', $_->[0], qr/revoked/) for @range;
	in('an earlier one', $good);
	in('a later one', scalar issue('user'));
	$s->value("SELECT sftca.revoke('$users', sftca.serial_at(now() - interval '1 day'), sftca.serial_at(clock_timestamp() + interval '1 s'), 'everything so far')");
	krl($users);
	refused('a span of time', $good, qr/revoked/);
	$s->run('DELETE FROM sftca.revocations');
	krl($users);
	in('the rows gone', $good);

	# by what it says, and by its key: whatever serial it has
	my %of = map { $_ => scalar issue('user', key_id => "'sft1:acme:prod:$_'") } qw(alice alice2);
	in("before: $_", $of{$_}) for sort keys %of;
	$s->value("SELECT sftca.revoke_key_id('$users', 'sft1:acme:prod:alice', 'left')");
	krl($users);
	refused('revoked by key id', $of{alice}, qr/revoked/);
	in('a longer key id', $of{alice2});
	$s->run('DELETE FROM sftca.name_revocations');
	my $print = $s->value("SELECT sftca.revoke_key('$key', 'a lost laptop')");
	krl($users);
	refused('revoked by key', $_, qr/revoked/) for $good, $of{alice2};
	$s->run('DELETE FROM sftca.name_revocations', "SELECT sftca.revoke_key('$print', 'by its fingerprint')");
	krl($users);
	refused('revoked by fingerprint', $good, qr/revoked/);
	$s->run('DELETE FROM sftca.name_revocations');
	krl($users);
	in('not any more', $good);
}

# --- generations -----------------------------------------------------------------------------------------

{
	$s->value("SELECT sftca.key_prepare('$users')");
	trust();
	in('next: the old ones still', $good);
	$s->run("SELECT sftca.key_activate('$users', 2)");
	my $new = issue('user');
	in('active: the new generation', $new);
	second_in('active: the new generation', $new);
	in('retiring: the old one', $good);
	$s->run("SELECT sftca.key_retire('$users', 1)");
	trust();
	refused('retired: the old one', $good, qr/Failed|not trusted/);
	in('retired: the new one', $new);
	second_refused('retired: the old one', $good);
	$good = $new;
}
my $expired = issue('user', %brief);
my $then = time + 4;

# --- hosts: ssh and the second implementation decide ------------------------------------------------------

sub known { my ($authority, $names) = @_; file('known', "\@cert-authority $names " . $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$authority' AND state = 'active'")) }

# A host that shows this certificate; its port.
my $port = 3000;
sub answering
{
	my ($certificate) = @_;
	my $cert = file('host-' . ++$port . '-cert.pub', $certificate);
	(my $text = $config) =~ s/^Port.*\n|^ListenAddress ::1\n//mg;
	$net->spawn("sshd.$port", '/usr/sbin/sshd', '-D', '-e', '-f', $v->write_file("sshd_config.$port", "Port $port\n${text}HostCertificate $cert\n"));
	$net->listens($port);
	return $port;
}

sub knows
{
	my ($at, @more) = @_;
	return $net->command('ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', "UserKnownHostsFile=$dir/known", '-o', 'GlobalKnownHostsFile=/dev/null', '-o', 'StrictHostKeyChecking=yes', '-o', 'HostKeyAlias=web01', '-p', $at,
		'-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-i', $key_file, '-o', 'CertificateFile=' . file('login-cert.pub', $good), @more, 'root@127.0.0.1', 'echo', 'inside');
}

my $host = issue('host', public_key => "'$host_key'", principals => "'{web01,web01.example.com}'");
my %host_case = (
	'a good one' => [$host],
	'another name' => [scalar issue('host', public_key => "'$host_key'", principals => "'{web02}'"), 1],
	'another authority' => [scalar issue('host', public_key => "'$host_key'", principals => "'{web01}'", authority => "'$other_hosts'"), 1],
	'not yet valid' => [scalar issue('host', public_key => "'$host_key'", principals => "'{web01}'", valid_after => "now() + interval '1 hour'", valid_before => "now() + interval '2 hours'"), 1],
	'a user certificate' => [scalar issue('user', public_key => "'$host_key'", principals => "'{web01}'"), 1],
	'over' => [$expired_host, 1],
);
known($hosts, 'web01');
for my $name (sort keys %host_case) {
	my ($certificate, $bad) = @{ $host_case{$name} };
	my $at = answering($certificate);
	my ($rc, $out) = knows($at);
	my $ask_second = Oracle::everything() || $name =~ /a good one|another name|a user/;
	my (undef, $told) = $ask_second ? $net->command($second, 'client', "$dir/known", 'web01', $at, $key_file, "$dir/login-cert.pub", 'echo inside') : ();
	if ($bad) {
		is $rc, 255, "host, $name: ssh refuses" or diag $out;
		like $out, qr/Host key verification failed|no matching host key|Certificate invalid/, '  before anything is sent' or diag $out;
		like $told, qr/^HostKeyNotVerifiable/m, '  and so does the second implementation' if $ask_second;
	} else {
		is $rc, 0, "host, $name: ssh knows it" or diag $out;
		like $out, qr/^inside$/m, '  with StrictHostKeyChecking yes';
		like $told, qr/^inside$/m, '  and so does the second implementation';
	}
}
{
	my ($lost, $serial) = issue('host', public_key => "'$host_key'", principals => "'{web01}'");
	$s->value("SELECT sftca.revoke('$hosts', $serial, $serial, 'lost')");
	my $list = krl($hosts);
	my ($rc, $out) = knows(answering($lost), '-o', "RevokedHostKeys=$list");
	is $rc, 255, 'a revoked host: ssh refuses' or diag $out;
	like $out, qr/revoked/, '  as it says';
	is +(knows(answering($host), '-o', "RevokedHostKeys=$list"))[0], 0, '  and no other';
	krl($users);
}

sleep 1 while time < $then;
reason();
refused('expired', $expired, qr/expired/);
second_refused('expired', $expired);
in('the good one, at the end', $good);

done_testing;
