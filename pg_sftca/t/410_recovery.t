#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The README's recovery drill, run as it is written: a KEK that is away, one that is lost, a restored dump, a leaked CA key.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my ($drill) = Sft::Db::slurp("$FindBin::Bin/../README.md") =~ /^## Recovery drill\n(.*?)^## /ms or die 'no drill';
my %blocks = map { my ($title, $text) = /^(.*?)\n(.*)/s; ($title => [$text =~ /^```sql\n(.*?)^```/msg]) } split /^### /m, $drill;

my $v = Vault->new(bare => 1);
my $db = $v->db;
my $s = $db->session('postgres');
$s->value('CREATE EXTENSION pg_sftca');
$v->{$_} = $s->value("SELECT sftca.authority_create('$_', name => '" . ($_ eq 'ssh_user' ? 'people' : $_) . "')") for qw(ssh_user ssh_host x509);
$s->value('SELECT sftca.statement_key_create()');
my $kek = "$db->{dir}/kek";

# One block of the drill, in a connection of its own as after a restart.
sub follow
{
	my ($title, $n, %o) = @_;
	my $sql = $blocks{$title}[$n] // die "no block $n of '$title'";
	$sql =~ s/'2026-11-23 02:00:00\+00'/'$o{since}'/ if $o{since};
	my ($rc, $out) = $db->command('env', $db->env, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $o{database} // 'vault', '-f', $v->write_file('block.sql', $sql));
	is $rc, 0, "  the statements of '$title'" or diag $out;
	return $out;
}
sub fresh { return $db->session('postgres') }
sub signs
{
	my ($what) = @_;
	my $c = fresh();
	for my $kind (qw(user host client)) {
		my $id = $v->uuid;
		$c->value($v->$kind($id));
		is +($v->finish($c, $id))[0], 'signed', "  $what: a $kind certificate";
	}
	ok $c->value("SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')"), '  a statement';
}
sub refused
{
	my ($word) = @_;
	my $c = fresh();
	$c->run($v->user($v->uuid));
	is $c->code, $word, "  nothing is signed: $word";
}
sub new_kek { $db->must('sh', '-c', "umask 077; head -c 32 /dev/urandom >$kek.new && chown --reference=$db->{dir} $kek.new && mv $kek.new $kek") }

# --- away
my $id = $v->uuid;
$s->value($v->user($id));
my $before = ($v->finish($s, $id))[1];
my $secret = $s->value("SELECT sftca.secret('token', '$id')");
rename $kek, "$kek.safe" or die $!;
refused('kek_missing');
like follow('The KEK is not there, or it is another one', 0), qr/^missing\|/, 'a KEK that is away';
ok length fresh()->value("SELECT encode(sftca.krl('$v->{ssh_user}'), 'hex')"), '  SSH lists are made';
new_kek();
refused('kek_wrong');
like follow('The KEK is not there, or it is another one', 0), qr/^wrong\|/, 'another one';
rename "$kek.safe", $kek or die $!;
is follow('The KEK is not there, or it is another one', 0), "ok|\n", 'put back';
is +($v->finish(fresh(), $id))[1], $before, '  it signs the same certificate';

# --- lost; one authority had a next key
$s->value("SELECT sftca.key_prepare('$v->{ssh_host}')");
new_kek();
refused('kek_wrong');
follow('The KEK is lost for good', 0);
is fresh()->value("SELECT string_agg(state, ' ' ORDER BY generation) FROM sftca.keys WHERE authority_id = '$v->{ssh_host}'"), 'active retired next', '  the unreadable next key is gone, another one comes';
is fresh()->value("SELECT coalesce(sftca.verify_certificate('$before', '$v->{ssh_user}'::uuid, 'alice'), 'good')"), 'good', '  old certificates are good meanwhile';
follow('The KEK is lost for good', 1);
is fresh()->value('SELECT kek FROM sftca.status()'), 'ok', '  the vault is well';
signs('with the new KEK');
isnt fresh()->value("SELECT sftca.secret('token', '$id')"), $secret, '  secrets are others now';
$s = fresh(); # the one before still has the lost KEK in its memory

# --- restored from a dump, with a certificate that it does not know
my $since = $s->value('SELECT clock_timestamp()');
my $dump = $v->folder . '/dump.sql';
$db->must('env', $db->env, 'pg_dump', '-d', 'vault', '-f', $dump);
my $unknown = $v->uuid;
my $serial = $s->value($v->user($unknown));
my $certificate = ($v->finish($s, $unknown))[1];
my $seen = $s->value("SELECT sftca.revoke('$v->{ssh_user}', 1, 1, 'counts the list up')");
$db->psql('postgres', 'CREATE DATABASE restored');
$db->must('env', $db->env, 'psql', '-Xqat', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump);
is $db->psql('restored', "SELECT count(*) FROM sftca.certificates WHERE serial = $serial"), 0, 'a dump knows nothing of what came later';
my $subject = $v->write_file('unknown-cert.pub', "$certificate\n");
my $list = sub { return $v->write_file('list', decode_base64($db->psql('restored', "SELECT encode(sftca.krl('$v->{ssh_user}'), 'base64')"))) };
unlike +($db->command('ssh-keygen', '-Q', '-f', $list->(), $subject))[1], qr/REVOKED/, '  its list neither';
follow('Restored from a dump', 0, database => 'restored', since => $since);
like +($db->command('ssh-keygen', '-Q', '-f', $list->(), $subject))[1], qr/REVOKED/, '  now that certificate is revoked';
cmp_ok $db->psql('restored', "SELECT sftca.krl_version('$v->{ssh_user}')"), '>', $seen, '  and the list is newer than the one that servers have';
my $again = $v->uuid;
is $db->psql('restored', $v->user($again) . ' > 0'), 't', '  records';
is $db->psql('restored', "SELECT outcome FROM sftca.finish('{$again}')"), 'signed', '  and signs';

$db->psql('restored', q(UPDATE sftca.vault_secret SET kek_check = '\x0102030405060708'));
is $db->psql('restored', 'SELECT kek, detail FROM sftca.status()'), 'wrong|the vault secret is sealed under another key-encryption key', 'a vault secret of another KEK is not passed over';

# --- a CA key leaked: what the thief makes with it
my $honest = $v->uuid;
$s->value($v->user($honest));
my $forged = ($v->finish($s, $honest))[1];
follow('A CA key leaked', 0);
is fresh()->value("SELECT coalesce(sftca.verify_certificate('$forged', '$v->{ssh_user}'::uuid, 'alice'), 'good')"), 'good', '  still believed while the new key is on its way';
follow('A CA key leaked', 1);
is fresh()->value("SELECT sftca.verify_certificate('$forged', '$v->{ssh_user}'::uuid, 'alice')"), 'not_trusted', '  then no more';
is fresh()->value("SELECT count(*) FROM sftca.sealed_keys s JOIN sftca.keys k USING (authority_id, generation) WHERE k.name = 'people'"), 1, '  the old private key is destroyed';
signs('with the new key');

done_testing;
