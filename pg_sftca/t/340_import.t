#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# An existing private key becomes an authority, from a file of the server: every format and algorithm; weak, broken, foreign, open and misplaced files are refused by name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

my $v = Vault->new(settings => { log_statement => 'all', log_min_error_statement => 'debug5', log_min_messages => 'debug5', log_error_verbosity => 'verbose' });
my $dir = $v->folder . '/pg/keys';
my ($uid, $gid) = (stat $v->folder . '/pg/data')[4, 5];
mkdir $dir, 0700;
chown $uid, $gid, $dir;
my $s = $v->db->session('postgres');
sub put
{
	my ($name, $content, $mode, $owner) = @_;
	my $file = "$dir/$name";
	unlink $file;
	open my $out, '>:raw', $file or die $!;
	print $out $content;
	close $out;
	chown $owner // $uid, $gid, $file;
	chmod $mode // 0600, $file;
	return $file;
}
sub refused
{
	my ($name, $word, $sql, $why) = @_;
	$sql = "SELECT sftca.authority_import('ssh_user', '$sql')" if $sql !~ / /;
	$s->run($sql);
	is $s->code, $word, $name or diag $s->message;
	like $s->message, $why, '  and why' if $why;
	unlike $s->message // '', qr/\Q$dir\E/, '  without the path';
	return;
}

refused('nothing is imported before a folder is set', 'key_directory', 'k');
$s->run("ALTER SYSTEM SET pg_sftca.key_directory = '$dir'", 'SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)');

# what OpenSSH and openssl make
my %made;
$v->default_key;
for (['ed25519'], ['ecdsa', '-b', 256], ['ecdsa', '-b', 384], ['ecdsa', '-b', 521], ['rsa', '-b', 2048], ['rsa', '-b', 3072]) {
	my $name = join '', grep { $_ ne '-b' } @$_;
	my $public = $v->key(@$_);
	my $openssh = Sft::Db::slurp($v->{last_key});
	$v->db->must('ssh-keygen', '-q', '-p', '-m', 'PKCS8', '-N', '', '-f', $v->{last_key}) if $name ne 'ed25519';
	my $pkcs8 = $name eq 'ed25519' ? undef : Sft::Db::slurp($v->{last_key});
	put("$name-openssh", $openssh);
	my $id = $v->uuid;
	$s->run('BEGIN');
	my $authority = $s->value("SELECT sftca.authority_import('ssh_user', '$name-openssh', NULL, 'old one')");
	is $s->value("SELECT public_key || ' ' || state || ' ' || name FROM sftca.keys WHERE authority_id = '$authority'"), "$public active old one", "$name in OpenSSH's format";
	$s->run($pkcs8 ? 'ROLLBACK' : 'COMMIT');
	if ($pkcs8) {
		put("$name-pkcs8", $pkcs8);
		$authority = $s->value("SELECT sftca.authority_import('ssh_user', '$name-pkcs8')");
		is $s->value("SELECT public_key FROM sftca.keys WHERE authority_id = '$authority'"), $public, '  and PKCS#8';
	}
	$s->value($v->user($id, authority => "'$authority'"));
	my ($outcome, $certificate) = $v->finish($s, $id);
	my ($fingerprint) = $v->db->must('ssh-keygen', '-lf', "$v->{last_key}.pub") =~ /(SHA256:\S+)/;
	like $v->read_ssh($certificate), qr/Signing CA: \S+ \Q$fingerprint\E/, '  it signs as what it was';
	is +($v->finish($v->db->session('postgres'), $id))[0], 'signed', '  in another backend too';
	$made{$name} = [$authority, $openssh, $pkcs8];
}
for my $cipher ('aes-256-cbc', 'aes-128-cbc') {
	$v->db->must('openssl', 'genpkey', '-algorithm', 'ed25519', "-$cipher", '-pass', 'pass:open sesame', '-out', $v->folder . '/enc');
	put('enc', Sft::Db::slurp($v->folder . '/enc'));
	put('pass', "open sesame\n");
	put('wrong', 'open barley');
	refused('encrypted, no passphrase', 'private_key_encrypted', 'enc');
	refused('encrypted, another passphrase', 'private_key_passphrase', "SELECT sftca.authority_import('ssh_host', 'enc', 'wrong')");
	put('pass', "open sesame\n", 0644);
	refused('a passphrase that others can read', 'file_refused', "SELECT sftca.authority_import('ssh_host', 'enc', 'pass')", qr/passphrase's file is open to others/);
	put('pass', "open sesame\n");
	like $s->value("SELECT sftca.authority_import('ssh_host', 'enc', 'pass')"), qr/^[0-9a-f-]{36}$/, "PKCS#8 under $cipher";
}

# the next generation
my $next = $v->key('ed25519');
put('next', Sft::Db::slurp($v->{last_key}));
is $s->value("SELECT sftca.key_import('$made{ed25519}[0]', 'next')"), 2, 'as the next generation';
is $s->value("SELECT public_key || state FROM sftca.keys WHERE authority_id = '$made{ed25519}[0]' AND generation = 2"), "${next}next", '  trusted, not yet signing';
refused('two next ones', 'key_next_exists', "SELECT sftca.key_import('$made{ed25519}[0]', 'next')");
refused('of another algorithm', 'key_algorithm', "SELECT sftca.key_import('$made{rsa2048}[0]', 'next')", qr/the key is ed25519, the authority is rsa-2048/);
refused('of nobody', 'authority_unknown', "SELECT sftca.key_import('" . $v->uuid . "', 'next')");
refused('a key that is there already', 'key_taken', 'ed25519-openssh');
refused('a statement key', 'authority_purpose', "SELECT sftca.authority_import('statement', 'next')");
refused('no purpose', 'argument_missing', "SELECT sftca.authority_import(NULL, 'next')");
refused('no file', 'argument_missing', "SELECT sftca.authority_import('ssh_user', NULL)");

# X.509: somebody outside certifies it under the vault's name
$v->db->must('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', $v->folder . '/x509');
put('x509', Sft::Db::slurp($v->folder . '/x509'));
my $x = $s->value("SELECT sftca.authority_import('x509', 'x509')");
like join("\n", $s->run("SELECT sftca.authority_request('$x')")), qr/BEGIN CERTIFICATE REQUEST/, 'an X.509 key asks for its certificate';
is $s->value("SELECT state FROM sftca.keys WHERE authority_id = '$x'"), 'next', '  and signs nothing before';

# X.509 with the certificate that the world trusts already: it goes on under that name
my $ext = $v->write_file('ext.cnf', "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n[weak]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n[leaf]\nbasicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\n[req]\ndistinguished_name=dn\n[dn]\n");
my $top = $v->folder;
sub openssl { return $v->db->must('openssl', @_) }
my $cert = sub {
	my ($name, $subject, $section, @more) = @_;
	openssl('genpkey', '-algorithm', $name =~ /rsa/ ? ('RSA', '-pkeyopt', 'rsa_keygen_bits:2048') : ('EC', '-pkeyopt', 'ec_paramgen_curve:P-384'), '-out', "$top/$name.key");
	openssl('req', '-x509', '-new', '-key', "$top/$name.key", '-subj', $subject, '-days', 30, '-config', $ext, '-extensions', $section, '-out', "$top/$name.crt", @more);
	put("$name.key", Sft::Db::slurp("$top/$name.key"));
	put("$name.crt", Sft::Db::slurp("$top/$name.crt"), 0644);
};
$cert->('root', '/C=DE/ST=Bayern/O=M\xc3\xbcller & S\xc3\xb6hne/OU=PKI/CN=Old Root CA', 'ca', '-utf8');
$cert->('rsaroot', '/CN=RSA Root', 'ca');
openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', "$top/sub.key");
openssl('req', '-new', '-key', "$top/sub.key", '-subj', '/O=Old/CN=Issuing CA 7', '-config', $ext, '-out', "$top/sub.csr");
openssl('x509', '-req', '-in', "$top/sub.csr", '-CA', "$top/root.crt", '-CAkey', "$top/root.key", '-extfile', $ext, '-extensions', 'ca', '-days', 20, '-CAcreateserial', '-out', "$top/sub.crt");
put('sub.key', Sft::Db::slurp("$top/sub.key"));
put('sub.crt', Sft::Db::slurp("$top/sub.crt") . Sft::Db::slurp("$top/root.crt"), 0644);
for (['root', 'root', 'CN = Old Root CA'], ['rsaroot', 'rsaroot', 'CN = RSA Root'], ['sub', 'root', 'O = Old, CN = Issuing CA 7']) {
	my ($name, $trusted, $issuer) = @$_;
	my $ca = $s->value("SELECT sftca.authority_import('x509', '$name.key', NULL, 'old', '$name.crt')");
	is $s->error, undef, "$name comes with its certificate" or diag $s->message;
	my $id = $v->uuid;
	$s->value($v->client($id, authority => "'$ca'"));
	my ($outcome, $leaf) = $v->finish($v->db->session('postgres'), $id);
	is $outcome, 'signed', '  it signs';
	$v->write_file('leaf.pem', $leaf);
	my $plain = sub { return $_[0] =~ s/ = /=/gr };   # OpenSSL 3.5 prints no spaces
	like $plain->(openssl('x509', '-in', "$top/leaf.pem", '-noout', '-issuer')), qr/\Q@{[$plain->($issuer)]}\E$/m, '  under its old name';
	my @middle = $name eq 'sub' ? ('-untrusted', "$top/sub.crt") : ();
	my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', "$top/$trusted.crt", @middle, "$top/leaf.pem");
	is $rc, 0, '  whoever trusts the old root trusts it' or diag $out;
	my $serial = $s->value("SELECT serial FROM sftca.certificates WHERE id = '$id'");
	$s->value("SELECT sftca.revoke('$ca', $serial, $serial, 'superseded')");
	$v->write_file('crl.pem', join "\n", $s->run("SELECT sftca.crl_bundle('$ca')"));
	($rc, $out) = $v->db->command('openssl', 'verify', '-crl_check', '-CAfile', "$top/$trusted.crt", @middle, '-CRLfile', "$top/crl.pem", "$top/leaf.pem");
	like $out, qr/certificate revoked/, '  its list is of that name too';
}
$cert->('other', '/CN=Other', 'ca');
$cert->('nolists', '/CN=No Lists', 'weak');
$cert->('leaf', '/CN=Leaf', 'leaf');
put('broken.crt', "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0644);
put('writable.crt', Sft::Db::slurp("$top/other.crt"), 0666);
for (['another key\'s certificate', 'other.key', 'nolists.crt', 'chain_key'], ['one that may not sign lists', 'nolists.key', 'nolists.crt', 'chain_key_usage'], ['no authority\'s', 'leaf.key', 'leaf.crt', 'chain_not_authority'],
	['a broken one', 'other.key', 'broken.crt', 'chain_malformed'], ['one that others can replace', 'other.key', 'writable.crt', 'file_refused'], ['none', 'other.key', 'nothing.crt', 'file_refused'], ['one elsewhere', 'other.key', '../x.crt', 'file_name']) {
	refused($_->[0], $_->[3], "SELECT sftca.authority_import('x509', '$_->[1]', NULL, '', '$_->[2]')");
}
refused('a certificate of an SSH key', 'authority_purpose', "SELECT sftca.authority_import('ssh_user', 'other.key', NULL, '', 'other.crt')");

# where files are, and whose
my $good = $v->key && Sft::Db::slurp($v->{last_key});
put('k', $good, 0644);
refused('readable by all', 'file_refused', 'k', qr/is open to others/);
put('k', $good, 0640);
refused('readable by the group', 'file_refused', 'k', qr/is readable by a group/);
put('k', $good, 0600, 65534);
refused('of somebody else', 'file_refused', 'k', qr/cannot be opened: Permission denied|belongs to neither/);
unlink "$dir/k";
symlink "$dir/next", "$dir/k";
refused('a link', 'file_refused', 'k', qr/is a symbolic link/);
unlink "$dir/k";
mkdir "$dir/k";
refused('a folder', 'file_refused', 'k', qr/is not a regular file/);
rmdir "$dir/k";
refused('not there', 'file_refused', 'k', qr/No such file/);
for ('../data/PG_VERSION', '/etc/passwd', '.', '..', '', 'a/b', "a\nb", '-rf', '.hidden', 'x' x 129, "caf\xe9") {
	my $name = $_ eq '' ? 'nothing' : s/\n/\\n/r;
	my $file = $_ eq "a\nb" ? "a' || chr(10) || 'b" : $_ eq "caf\xe9" ? "caf' || chr(233) || '" : $_;
	refused("file $name", 'file_name', "SELECT sftca.authority_import('ssh_user', '$file')");
}
chmod 0777, $dir;
refused('a folder that others write', 'key_directory', 'next', qr/can be written by others/);
chmod 0700, $dir;

# what is in them
my $p256 = $made{ecdsa256}[2];
my $wrap64 = sub { my ($label, $der) = @_; require MIME::Base64; return "-----BEGIN $label-----\n" . MIME::Base64::encode_base64($der) . "-----END $label-----\n" };
my $der_of = sub { my ($pem) = @_; require MIME::Base64; return MIME::Base64::decode_base64($pem =~ s/-----.*?-----//gr) };
$v->db->must('openssl', 'genrsa', '-traditional', '-out', $v->folder . '/trad', 2048);
$v->db->must('openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024', '-out', $v->folder . '/weak');
$v->db->must('openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3', '-out', $v->folder . '/e3');
$v->db->must('openssl', 'genpkey', '-algorithm', 'X25519', '-out', $v->folder . '/x25519');
$v->db->must('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1', '-out', $v->folder . '/k1');
$v->db->must('openssl', 'dsaparam', '-genkey', '-out', $v->folder . '/dsa1', 1024);
$v->db->must('openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', $v->folder . '/dsa1', '-out', $v->folder . '/dsa');
$v->db->must('ssh-keygen', '-q', '-t', 'ed25519', '-N', 'secret', '-f', $v->folder . '/sshenc');
my $pair = $der_of->($made{ed25519}[1]);
my $of = sub { Sft::Db::slurp($v->folder . "/$_[0]") };
for (['empty', '', 'private_key_format'], ['a public key', $v->default_key, 'private_key_format'], ['a traditional one', $of->('trad'), 'private_key_format'], ['noise', join('', map { chr } 0 .. 255), 'private_key_format'],
	['too long', 'x' x 40000, 'file_refused'], ['exactly too long', 'x' x 32769, 'file_refused'], ['RSA 1024', $of->('weak'), 'private_key_weak'], ['RSA with exponent 3', $of->('e3'), 'private_key_weak'], ['X25519', $of->('x25519'), 'private_key_type'],
	['secp256k1', $of->('k1'), 'private_key_type'], ['DSA', $of->('dsa'), 'private_key_type'], ['OpenSSH, encrypted', $of->('sshenc'), 'private_key_encrypted'],
	['two keys', $p256 . $good, 'private_key_malformed'], ['text behind it', "${p256}x", 'private_key_malformed'], ['text before it', "x$p256", 'private_key_format'], ['no end', substr($p256, 0, -30), 'private_key_malformed'],
	['another end', $p256 =~ s/END PRIVATE/END PUBLIC/r, 'private_key_malformed'], ['bytes behind the DER', $wrap64->('PRIVATE KEY', $der_of->($p256) . "\0"), 'private_key_malformed'], ['half of the DER', $wrap64->('PRIVATE KEY', substr $der_of->($p256), 0, 60), 'private_key_malformed'],
	['not encrypted at all', $wrap64->('ENCRYPTED PRIVATE KEY', $der_of->($p256)), 'private_key_encrypted'],
	['OpenSSH, a byte less', $wrap64->('OPENSSH PRIVATE KEY', substr $pair, 0, -1), 'private_key_malformed'], ['OpenSSH, a byte more', $wrap64->('OPENSSH PRIVATE KEY', "$pair\0"), 'private_key_malformed'],
	['OpenSSH, another magic', $wrap64->('OPENSSH PRIVATE KEY', 'x' . substr $pair, 1), 'private_key_malformed'],
	['OpenSSH, another public half', $wrap64->('OPENSSH PRIVATE KEY', do { my $p = $pair; substr($p, 62, 32) = substr($der_of->($good), 62, 32); $p }), 'private_key_inconsistent'],
	['OpenSSH, another seed', $wrap64->('OPENSSH PRIVATE KEY', do { my $p = $pair; my $at = index($p, substr($p, 62, 32), 100) + 36; substr($p, $at, 1) ^= "\1"; $p }), 'private_key_inconsistent|key_taken'],
	['ECDSA, another point', do { my ($a) = $v->key('ecdsa', '-b', 256); my $o = Sft::Db::slurp($v->{last_key}); my $d = $der_of->($o); my $n = rindex($d, "nistp256"); substr($d, $n + 8 + 4 + 10, 1) ^= "\1"; $wrap64->('OPENSSH PRIVATE KEY', $d) }, 'private_key_malformed|private_key_inconsistent']) {
	my ($name, $content, $word) = @$_;
	put('bad', $content);
	$s->run("SELECT sftca.authority_import('ssh_user', 'bad')");
	like $s->code // 'none', qr/^($word)$/, "$name: $word" or diag $s->message // '';
}
# each length and each flipped byte is refused or another key, and the backend lives
my $pid = $s->backend;
my $wrong = 0;
for my $pem ($p256, $good) {
	my ($label) = $pem =~ /BEGIN (.*?)-----/;
	my $der = $der_of->($pem);
	for my $at (0 .. length($der) - 1) {
		next if $at % 13;
		put('bad', $wrap64->($label, substr $der, 0, $at));
		$s->run('BEGIN', "SELECT sftca.authority_import('ssh_user', 'bad')");
		$wrong++ if ($s->code // '') !~ /^private_key_/;
		$s->run('ROLLBACK');
		my $d = $der;
		substr($d, $at, 1) ^= chr(1 << $at % 8);
		put('bad', $wrap64->($label, $d));
		$s->run('BEGIN', "SELECT sftca.authority_import('ssh_user', 'bad')");
		$wrong++ if defined $s->error && ($s->code // '') !~ /^(private_key_|key_taken)/;
		diag $s->message if defined $s->error && ($s->code // '') !~ /^(private_key_|key_taken)/;
		$s->run('ROLLBACK');
	}
}
is $wrong, 0, 'no cut or flipped key is anything but refused by name';
is $s->backend, $pid, '  by a backend that lives';

cmp_ok $s->value("SELECT count(*) FROM sftca.key_events WHERE event = 'import' AND detail ~ '^SHA256:\\S+ from file [\\w-]+\$'"), '>=', 8, 'imports are on record';

# S15, E: nothing of what was imported is in the log at its loudest, in the data, or in what a backend shows of itself
my $log = $v->db->log_text;
for (['Ed25519', substr $der_of->($good), -60, 20], ['P-256', substr $der_of->($p256), 36, 32]) {
	my ($name, $bytes) = @$_;
	my $hex = unpack 'H*', $bytes;
	unlike $log, qr/\Q$hex\E/i, "$name: no hex in the log";
	my ($rc) = $v->db->command('sh', '-c', "cat $dir/../data/base/*/* $dir/../data/pg_wal/0* | perl -0777 -ne 'exit(index(\$_, pack(q(H*), q($hex))) >= 0 ? 0 : 1)'");
	isnt $rc, 0, '  nor the bytes in the data files';
}
for my $line (map { split /\n/ } $p256, $good, $made{rsa2048}[2]) {
	next if $line =~ /^-----/ || length $line < 20;
	fail 'a line of a private key is in the log' if index($log, $line) >= 0;
}
unlike $log, qr/open sesame|BEGIN [A-Z ]*PRIVATE/, 'no passphrase nor PEM';
done_testing;
