#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# verify_certificate refuses what sshd and ssh refuse, by name, and nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Net;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my $dir = $v->folder;
sub strings { return join '', map { pack 'N/a*', $_ } @_ }
sub quoted { my ($x) = @_; return 'NULL' unless defined $x; $x =~ s/'/''/g; return "'$x'" }
my %file;
my %public = map { my ($name, @how) = @$_; my $key = $v->key(@how); $file{$name} = $v->{last_key}; ($name => $key) }
	['ca', 'ed25519'], ['rsa_ca', 'rsa', '-b', 2048], ['stranger', 'ed25519'], ['sk_ca', 'ed25519-sk', '-w', '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so'], ['user', 'ed25519'], ['host', 'ed25519'];

my $made = 0;
sub certify
{
	my ($ca, $subject, @options) = @_;
	local $ENV{SSH_SK_PROVIDER} = '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so';
	my $to = $v->write_file('v' . ++$made . '.pub', "$public{$subject}\n");
	$v->db->must('ssh-keygen', '-q', '-s', $file{$ca}, '-I', 'somebody', @options, $to);
	return join ' ', (split ' ', Sft::Db::slurp($to =~ s/\.pub$/-cert.pub/r))[0, 1];
}

# the authority's key as openssl reads it: the fixed head of RFC 8410 and the seed
my $pem = do {
	my $key = decode_base64(join '', grep { !/---/ } split /\n/, Sft::Db::slurp($file{ca}));
	my ($seed) = $key =~ /ssh-ed25519.*ssh-ed25519\0\0\0 .{32}\0\0\0\x40(.{32})/s;
	$v->write_file('ca.pem', "-----BEGIN PRIVATE KEY-----\n" . encode_base64(pack('H*', '302e020100300506032b657004220420') . $seed) . "-----END PRIVATE KEY-----\n");
};

# A certificate by hand, for what ssh-keygen would not make; options as packed lists.
sub forge
{
	my (%c) = (kind => 1, serial => 5, principals => strings('root'), after => 0, before => "\xff" x 8, critical => '', extensions => strings('permit-pty', ''), @_);
	my $part = sub { decode_base64((split ' ', $_[0])[1]) };
	my $number = substr $part->($public{user}), -32;
	my $body = strings('ssh-ed25519-cert-v01@openssh.com', 'n' x 32, $number) . pack('Q>N', $c{serial}, $c{kind}) . strings('somebody', $c{principals}) . "\0" x 8 . $c{before} . strings($c{critical}, $c{extensions}, '', $part->($public{ca}));
	$v->write_file('body', $body);
	$v->db->must('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', $pem, '-in', "$dir/body", '-out', "$dir/signature");
	return 'ssh-ed25519-cert-v01@openssh.com ' . encode_base64($body . strings(strings('ssh-ed25519', Sft::Db::slurp("$dir/signature"))), '');
}

my $net = Net->new($v->db);
$v->write_file('sshd_config', <<"END");
Port 22
ListenAddress 127.0.0.1
HostKey $file{host}
HostCertificate $dir/host-cert.pub
TrustedUserCAKeys $dir/trusted
AuthorizedKeysFile none
RevokedKeys $dir/revoked
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
END
$v->write_file('host-cert.pub', certify('ca', 'host', '-h', '-n', 'web01') . "\n");
my $s_ca = $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$v->{ssh_user}'");
my $trusted = "# who signs\n\n$public{ca} the authority\n$public{rsa_ca}\n$public{sk_ca}\n$s_ca\n";
$v->write_file('trusted', $trusted);
$v->write_file('known', "\@cert-authority * $public{ca}\n\@cert-authority * $public{rsa_ca}\n");
sub krl_of
{
	my ($spec) = @_;
	$v->write_file('spec', $spec);
	$v->db->must('ssh-keygen', '-q', '-k', '-f', "$dir/made.krl", '-s', "$file{ca}.pub", "$dir/spec");
	return Sft::Db::slurp("$dir/made.krl");
}
my $quiet = krl_of("serial: 999\n");
$v->write_file('revoked', $quiet);
$net->spawn('sshd', '/usr/sbin/sshd', '-D', '-e', '-f', "$dir/sshd_config", (`ssh -V 2>&1` =~ /OpenSSH_\d\d/ ? ('-o', 'PerSourcePenalties=no') : ()));
$net->listens(22);

sub login
{
	my ($host, $cert) = @_;
	$v->write_file('login-cert.pub', "$cert\n");
	my ($rc, $out) = $net->command('ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', "UserKnownHostsFile=$dir/known", '-o', 'GlobalKnownHostsFile=none', '-o', 'StrictHostKeyChecking=yes', '-o', 'HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com',
		'-o', "HostKeyAlias=$host", '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-o', "IdentityFile=$file{user}", '-o', "CertificateFile=$dir/login-cert.pub", 'root@127.0.0.1', 'echo', 'inside');
	return $rc == 0 && $out =~ /^inside$/m;
}

sub word
{
	my ($cert, %o) = @_;
	my $list = join ', ', map { "$_ => $o{$_}" } sort keys %o;
	my ($word) = $s->run('SELECT sftca.verify_certificate(' . quoted($cert) . ', ' . quoted($trusted) . ", $list)");
	diag $s->message if defined $s->error;
	return defined $s->error ? 'error ' . ($s->code // '') : $word // '';
}
my %root = (principal => "'root'", address => "'127.0.0.1'");
my @now = ('-V', '-1m:+5m');

# name, certificate, why not
my $text = sub { strings($_[0], strings($_[1])) };
my @users = (
	['a good one', certify('ca', 'user', '-n', 'root', @now), ''], ['by RSA', certify('rsa_ca', 'user', '-n', 'root', @now), ''], ['by a security key', certify('sk_ca', 'user', '-n', 'root', @now), ''], ['for ever', certify('ca', 'user', '-n', 'x,root'), ''],
	['by a stranger', certify('stranger', 'user', '-n', 'root', @now), 'not_trusted'], ['SHA-1', certify('rsa_ca', 'user', '-n', 'root', '-t', 'ssh-rsa', @now), 'signature_algorithm'],
	['a host\'s', certify('ca', 'user', '-h', '-n', 'root', @now), 'certificate_type'], ['of tomorrow', certify('ca', 'user', '-n', 'root', '-V', '+1h:+2h'), 'not_yet_valid'], ['of yesterday', certify('ca', 'user', '-n', 'root', '-V', '-2h:-1h'), 'expired'],
	['P1 no principal', certify('ca', 'user', @now), 'principal_missing'], ['somebody else\'s', certify('ca', 'user', '-n', 'alice', @now), 'principal_not_listed'], ['P6 a wildcard', certify('ca', 'user', '-n', '*', @now), 'principal_not_listed'],
	['P3 a comma', forge(principals => strings('x,root')), 'principal_not_listed'], ['P2 an empty one', forge(principals => strings('')), 'principal_not_listed'],
	['C10 an unknown critical option', certify('ca', 'user', '-n', 'root', '-O', 'critical:x@y', @now), 'critical_option_unknown'], ['an unknown extension', certify('ca', 'user', '-n', 'root', '-O', 'extension:x@y=z', @now), ''],
	['force-command', certify('ca', 'user', '-n', 'root', '-O', 'force-command=echo inside', @now), ''], ['force-command twice', forge(critical => $text->('force-command', 'echo inside') x 2), 'critical_option_invalid'],
	['source-address', certify('ca', 'user', '-n', 'root', '-O', 'source-address=10.0.0.0/8,127.0.0.0/8', @now), ''], ['another address', certify('ca', 'user', '-n', 'root', '-O', 'source-address=10.0.0.0/8,::/0', @now), 'address_not_allowed'],
	(map { ["source-address=$_->[0]", forge(critical => $text->('source-address', $_->[0])), $_->[1]] }
		['127.0.0.1', ''], ['127.1', ''], ['0.0.0.0/0', ''], ['127.0.0.1/8', 'critical_option_invalid'], ['', 'critical_option_invalid'], ['10.0.0.0/8,', 'critical_option_invalid'], ['127.0.0.0/8,x', 'critical_option_invalid'], ['127.0.0.0/33', 'critical_option_invalid'],
		['127.0.0.0/', 'critical_option_invalid'], ['127.0.0.0/008', ''], ['::ffff:127.0.0.1', 'address_not_allowed'], ['10.0.0.0/8,127.0.0.0/8,fe80::/10', '']),
	['source-address twice', forge(critical => $text->('source-address', '127.0.0.1') x 2), 'critical_option_invalid'], ['bytes behind a value', forge(critical => strings('force-command', strings('echo inside') . 'x')), 'critical_option_invalid'],
	['a flag with a value', forge(extensions => $text->('permit-pty', 'x')), 'extension_invalid'], ['a name with NUL', forge(extensions => strings("x\0y", '')), 'extension_invalid'], ['extensions out of order', forge(extensions => strings('permit-pty', '', 'a@b', '')), ''],
);
for (@users) {
	my ($name, $cert, $why) = @$_;
	is word($cert, %root), $why, "$name: " . ($why || 'good');
	is !!login('web01', $cert), $why eq '', '  as sshd has it';
}

# revocation
my $good = $users[0][1];
for (["serial: 0-5\n", forge(), 'error'], ["serial: 5\n", forge(), 'revoked'], ["serial: 6\n", forge(), ''], ["id: somebody\n", $good, 'revoked'], ["key: $public{user}\n", $good, 'revoked'], ["sha256: $public{user}\n", $good, 'revoked'], ["key: $public{ca}\n", $good, 'revoked'], ["serial: 1-18446744073709551615\n", $good, '']) {
	my ($spec, $cert, $why) = @$_;
	next if $why eq 'error'; # serial 0 cannot be listed
	my $krl = krl_of($spec);
	$v->write_file('revoked', $krl);
	is word($cert, %root, krl => "'\\x" . unpack('H*', $krl) . "'"), $why, "revoked by $spec";
	is !!login('web01', $cert), $why eq '', '  as sshd has it';
}
for (['', 'krl_malformed'], [substr($quiet, 0, -1), 'krl_malformed'], [substr($quiet, 0, 44), 'krl_empty'], ["\0" x 100, 'krl_malformed']) {
	is word($good, %root, krl => "'\\x" . unpack('H*', $_->[0]) . "'"), $_->[1], "V2 a list of @{[ length $_->[0] ]} bytes: $_->[1]";
}
$v->write_file('revoked', $quiet);

# our own lists before sshd: by serial, by key id, by key, by fingerprint
for (['serial', q{SELECT sftca.revoke('%a', %s, %s, 'test')}], ['key id', q{SELECT sftca.revoke_key_id('%a', '%i', 'test')}], ['key', q{SELECT sftca.revoke_key('%k', 'test')}], ['fingerprint', q{SELECT sftca.revoke_key('%f', 'test')}]) {
	my ($by, $sql) = @$_;
	my ($id, $authority) = ($v->uuid, $v->{ssh_user});
	my $serial = $s->value($v->user($id, principals => "'{root}'", public_key => "'$public{user}'"));
	my $cert = ($v->finish($s, $id))[1];
	my $install = sub { $v->write_file('revoked', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$authority'), 'base64')"))) };
	$install->();
	ok login('web01', $cert), "revoked by $by: good before";
	my %is = (a => $authority, s => $serial, i => "sft1:acme:prod:alice:$id", k => $public{user}, f => $s->value("SELECT fingerprint FROM sftca.certificates WHERE id = '$id'"));
	$sql =~ s/%(\w)/$is{$1}/g;
	$s->value($sql);
	$install->();
	ok !login('web01', $cert), '  refused after';
	$s->run('DELETE FROM sftca.name_revocations');
}
$v->write_file('revoked', $quiet);

# hosts, as ssh has it
my $reload = sub { $v->write_file('host-cert.pub', "$_[0]\n"); $net->must('sh', '-c', "kill -HUP \$(cat /run/sshd.pid) && sleep 0.3"); $net->listens(22) };
for (['its own name', ['-h', '-n', 'web01'], ''], ['another name', ['-h', '-n', 'web02'], 'principal_not_listed'], ['C15 a wildcard', ['-h', '-n', 'web*'], undef], ['no name', ['-h'], undef], ['a user\'s', ['-n', 'web01'], 'certificate_type'], ['a critical option', ['-h', '-n', 'web01', '-O', 'critical:x@y'], 'critical_option_unknown']) {
	my ($name, $options, $why) = @$_;
	my $cert = certify('ca', 'host', @$options, @now);
	$reload->($cert);
	my $in = login('web01', $good);
	my $said = word($cert, kind => "'host'", principal => "'web01'");
	if (defined $why) { is $said, $why, "host, $name: " . ($why || 'good'); is !!$in, $why eq '', '  as ssh has it' }
	else { ok $in || $said ne '', "host, $name: $said; ssh says " . ($in ? 'yes' : 'no') }
}

# the edges of time; the arguments
my $span = certify('ca', 'user', '-n', 'root', '-V', '20260101000000Z:20260102000000Z');
for (['2025-12-31 23:59:59', 'not_yet_valid'], ['2026-01-01 00:00:00', ''], ['2026-01-01 23:59:59', ''], ['2026-01-02 00:00:00', 'expired'], ['1960-01-01', 'not_yet_valid']) {
	is word($span, %root, at => "'$_->[0]+00'"), $_->[1], "at $_->[0]: " . ($_->[1] || 'good');
}
my ($unnamed) = map { $_->[1] } grep { $_->[0] eq 'P1 no principal' } @users;
is word($unnamed, %root, any_principal => 'true'), '', 'a wildcard, when it is asked for';
is word($good, principal => 'NULL'), '', 'any principal of the list';
is word($unnamed, principal => 'NULL'), 'principal_missing', '  but there must be one';
is word($good, principal => "'root'", kind => "'x'"), 'error certificate_kind', 'a kind that is none';
is word('x', %root), 'certificate_malformed', 'a certificate that is none';
is word(substr($good, 0, -8) . 'AAAAAAA=', %root), 'certificate_malformed', '  or has another end';
like word($good =~ s/^(\S+ \S{300})./$1A/r =~ s/^(\S+ \S{301})./$1B/r, %root), qr/^(signature_invalid|not_trusted|certificate_malformed)$/, '  or another middle';
$s->run("SELECT sftca.verify_certificate('$good', 'nonsense', 'root')");
is $s->code, 'public_key_malformed', 'an authority that is none';
$s->run("SELECT sftca.verify_certificate('$good', $_, 'root')"), is $s->code, 'argument_missing', "authorities $_" for 'NULL::text';

# our own, by the authority's id
my $id = $v->uuid;
my $serial = $s->value($v->user($id));
my $own = ($v->finish($s, $id))[1];
my $by_id = sub { my ($word) = $s->run("SELECT sftca.verify_certificate('$own', '$v->{$_[0]}'::uuid, '$_[1]')"); return $s->code // $word // '' };
is $by_id->('ssh_user', 'alice'), '', 'our own';
is $by_id->('ssh_user', 'bob'), 'principal_not_listed', '  for another';
is $by_id->('ssh_host', 'alice'), 'not_trusted', '  by another authority';
is $by_id->('x509', 'alice'), 'authority_unknown', '  by one that is not SSH\'s';
$s->value("SELECT sftca.revoke('$v->{ssh_user}', $serial, $serial, 'test')");
is $by_id->('ssh_user', 'alice'), 'revoked', '  revoked';
is $s->value("SELECT sftca.verify_certificate(sftca.canary('$v->{ssh_user}', 1), '$v->{ssh_user}'::uuid, NULL)"), 'revoked', 'the canary is revoked';
my $host_id = $v->uuid;
$s->value($v->host($host_id));
is $s->value("SELECT sftca.verify_certificate('" . ($v->finish($s, $host_id))[1] . "', '$v->{ssh_host}'::uuid, 'web01') IS NULL"), 't', 'a host\'s';

done_testing;
