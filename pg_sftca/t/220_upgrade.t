#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# A vault of version 1.0, full, goes on under the newer library, is upgraded in place, or is dumped and restored into the newer version: nothing is lost, everything signs, and the catalogue is that of a fresh one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Catalog;
use MIME::Base64;
use Vault;
use Test::More;

my $v = Vault->new(bare => 1);
my $s = $v->db->root;
my ($newest) = map { /default_version = '(.*)'/ } Sft::Db::slurp("$FindBin::Bin/../pg_sftca.control");
isnt $newest, '1.0', "1.0 to $newest";
is_deeply [$s->run(q{SELECT v.version FROM pg_available_extension_versions v WHERE v.name = 'pg_sftca' ORDER BY 1})], ['1.0', $newest], 'both can be made';

# --- a full vault of 1.0 -----------------------------------------------------------------------------

$s->value(q{CREATE EXTENSION pg_sftca VERSION '1.0'});
is $s->value(q{SELECT version FROM sftca.status()}), '1.0', 'a vault of 1.0';
my @new_functions = $s->run(q{SELECT 1 FROM pg_proc WHERE pronamespace = 'sftca'::regnamespace AND proname IN ('parse_certificate', 'prepare_x509_server')});
is scalar(@new_functions), 0, '  with nothing newer in it';
$v->{$_} = $s->value("SELECT sftca.authority_create('$_')") for qw(ssh_user ssh_host x509);
my %other = map { $_ => $s->value("SELECT sftca.authority_create('" . ($_ eq 'rsa-2048' ? 'x509' : 'ssh_user') . "', '$_', 'other $_')") } qw(ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048);
$s->value('SELECT sftca.statement_key_create()');
my $how = { user => 'user', host => 'host', client => 'client' };

# certificates of each kind, twice: one is signed now, the other is not
my (%signed, %recorded);
sub record
{
	my ($s) = @_;
	my %id = map { $_ => $v->uuid } sort keys %$how, (map { "user by $_" } grep { !/rsa/ } sort keys %other), 'client by rsa-2048';
	for my $name (sort keys %id) {
		my ($kind, $algorithm) = $name =~ /^(\w+)(?: by (.*))?/;
		$s->value($v->$kind($id{$name}, valid_before => "now() + interval '1 hour'", $algorithm ? (authority => "'$other{$algorithm}'") : ()));
	}
	return %id;
}
%signed = record($s);
%recorded = record($s);
my %certificate = map { $_ => ($v->finish($s, $signed{$_}))[1] } sort keys %signed;
is scalar(grep { !defined } values %certificate), 0, 'the library signs what 1.0 asks for, of every kind';
$s->value("SELECT sftca.key_prepare('$v->{$_}')") for qw(ssh_user x509);
$s->run("SELECT sftca.key_activate('$v->{ssh_user}', 2)", "SELECT sftca.key_activate('$v->{x509}', 2)");
$s->value("SELECT sftca.key_prepare('$other{'ecdsa-p256'}')");
$s->run("SELECT sftca.key_retire('$other{'ecdsa-p256'}', 2)");
my @revoked = map { my $id = $v->uuid; my $serial = $s->value($v->$_($id, valid_before => "now() + interval '1 hour'")); [$id, $serial, $v->{ { user => 'ssh_user', client => 'x509' }->{$_} }] } qw(user client);
$s->value("SELECT sftca.revoke('$_->[2]', $_->[1], $_->[1], 'key_compromise: lost')") for @revoked;
my $token = $s->value("SELECT sftca.secret('token', '$signed{user}')");
my $hash = $s->value("SELECT sftca.hash_password('correct horse')");
is $s->value("SELECT length(sftca.krl('$v->{ssh_user}')) > 100"), 't', 'its revocation list';
is $s->value("SELECT length(sftca.crl('$v->{x509}')) > 100"), 't', '  the X.509 one too';

# who uses it: rights, a view, a function, a session that stays
$s->run('CREATE ROLE app LOGIN', 'GRANT USAGE ON SCHEMA sftca TO app', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sftca TO app', 'GRANT SELECT ON sftca.keys, sftca.certificates TO app',
	'CREATE VIEW public.ours AS SELECT k.*, c.serial FROM sftca.keys k LEFT JOIN sftca.certificates c USING (authority_id, generation)',
	"CREATE FUNCTION public.again(one uuid) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT f.certificate FROM sftca.finish(ARRAY[one]) f); END'");
is $s->error, undef, 'somebody uses it';
my $old_session = $v->db->session('app');
is $old_session->value("SELECT public.again('$signed{user}')"), $certificate{user}, '  in a session of before';
my %granted = map { ($_ => 1) } $s->run(q{SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'sftca'::regnamespace});

my $columns = Catalog::columns($s);
my %rows = Catalog::rows($s, $columns);
my $dump = $v->folder . '/1.0.sql';
$v->db->must('env', $v->db->env, 'pg_dump', '-d', 'vault', '-f', $dump);

# --- in place ----------------------------------------------------------------------------------------

sub is_whole
{
	my ($name, $db, $s) = @_;
	is $s->value('SELECT version FROM sftca.status()'), $newest, "$name: version $newest";
	is $s->value('SELECT kek FROM sftca.status()'), 'ok', '  all keys open';
	is_deeply { Catalog::rows($s, $columns) }, \%rows, '  every row of every table is there';
	for (sort keys %signed) {
		my ($outcome, $certificate) = $v->finish($s, $signed{$_});
		is $outcome, 'signed', "  $_: signed again" or diag $s->message;
		is $certificate, $certificate{$_}, '  the same certificate' if /^(?:user|host)$/;
		is +($v->finish($s, $recorded{$_}))[0], 'signed', '  and what had only been recorded' or diag $s->message;
	}
	is +($v->finish($s, $_->[0]))[0], 'revoked', '  what was revoked stays so' for @revoked;
	is $s->value("SELECT sftca.secret('token', '$signed{user}')"), $token, '  the same secrets';
	is $s->value("SELECT sftca.verify_password('$hash', 'correct horse')"), 't', '  the same passwords';
	my %new = record($s);
	is scalar(grep { ($v->finish($s, $new{$_}))[0] ne 'signed' } keys %new), 0, '  new ones of every kind';
	like $s->value("SELECT sftca.revoke_key('" . $v->key . "', 'lost')"), qr/^SHA256:/, '  a key is revoked';
	my $krl = $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$v->{ssh_user}'), 'base64')")));
	like $v->db->must('ssh-keygen', '-Q', '-l', '-f', $krl), qr/serial: $revoked[0][1]/, '  the revocation list names it';
	my $crl = $v->write_file('crl', join "\n", $s->run("SELECT sftca.crl_bundle('$v->{x509}')"), '');
	my $ca = $v->write_file('ca', join "\n", $s->run("SELECT sftca.trust_bundle('$v->{x509}')"), '');
	my $cert = $v->write_file('cert', ($v->finish($s, $new{client}))[1] . "\n");
	my ($rc, $out) = $v->db->command('openssl', 'verify', '-x509_strict', '-crl_check_all', '-CAfile', $ca, '-CRLfile', $crl, $cert);
	is $rc, 0, '  openssl verifies a new one against the old authority' or diag $out;
	for my $purpose (qw(ssh_user ssh_host x509)) {
		my ($a, $g) = split /\|/, $s->value("SELECT authority_id, generation FROM sftca.keys WHERE purpose = '$purpose' AND state = 'active' ORDER BY created_at LIMIT 1");
		$s->value("SELECT sftca.key_prepare('$a')");
		$s->run("SELECT sftca.key_activate('$a', (SELECT max(generation) FROM sftca.keys WHERE authority_id = '$a'))");
		is $s->error, undef, "  a next generation of $purpose" or diag $s->message;
	}
	return;
}

sub is_fresh
{
	my ($name, $s, $rights) = @_;
	$v->db->psql('postgres', 'DROP DATABASE IF EXISTS fresh', 'CREATE DATABASE fresh');
	$v->db->psql('fresh', 'CREATE EXTENSION pg_sftca', @{ $rights // [] });
	my %fresh = Catalog::objects($v->db->session('postgres', database => 'fresh'));
	my %is = Catalog::objects($s);
	cmp_ok scalar(keys %is), '>', 200, "$name: objects in the catalogue";
	is_deeply [grep { !exists $is{$_} } sort keys %fresh], [], '  none is missing';
	is_deeply [grep { !exists $fresh{$_} } sort keys %is], [], '  none is too many';
	is_deeply { map { ($_ => $is{$_}) } grep { exists $fresh{$_} } keys %is }, { map { ($_ => $fresh{$_}) } grep { exists $is{$_} } keys %fresh }, '  each is as in a fresh one';
	is_deeply [grep { /^relation (.*)/ && !exists $is{"dumped $1"} } grep { $is{$_} =~ /^r / } sort keys %is], [], '  every table is in a dump';
	is_deeply [map { s/^function //r } grep { /^function/ && $is{$_} =~ /no comment/ } sort keys %is], [], '  every function has its comment';
}

$s->value('ALTER EXTENSION pg_sftca UPDATE');
is $old_session->value("SELECT public.again('$signed{user}')"), $certificate{user}, 'the session of before goes on';
is $s->value('SELECT count(*) > 0 FROM public.ours'), 't', '  the view too';
is_deeply [grep { $s->value("SELECT coalesce(has_function_privilege('app', to_regprocedure('$_'), 'EXECUTE'), false)") ne 't' } sort keys %granted], [], '  every function of 1.0 is there, with the rights that were given';
my $not_given = $s->value(q{SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p WHERE p.pronamespace = 'sftca'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')});
is $not_given, undef, '  nobody else may call anything';
is_whole('upgraded', $v->db, $s);

my $later = $v->folder . '/upgraded.sql';
$v->db->must('env', $v->db->env, 'pg_dump', '-d', 'vault', '-f', $later);

# rights apart (they are somebody's own), the catalogue is that of a new one
$s->run('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sftca FROM app', 'REVOKE ALL ON sftca.keys, sftca.certificates FROM app', 'REVOKE ALL ON SCHEMA sftca FROM app');
is_fresh('upgraded', $s);
$s->value('ALTER EXTENSION pg_sftca UPDATE');
is $s->error, undef, 'an update of what is up to date does nothing';

# --- a dump of 1.0 restored into the newest -------------------------------------------------------------

$v->db->psql('postgres', 'CREATE DATABASE restored');
$v->db->must('env', $v->db->env, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump);
my $r = $v->db->session('postgres', database => 'restored');
is_whole('a dump of 1.0 restored', $v->db, $r);
is $r->value("SELECT has_function_privilege('app', 'sftca.finish(uuid[])', 'EXECUTE')"), 't', '  with the rights that were given';
$r->run('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sftca FROM app', 'REVOKE ALL ON sftca.keys, sftca.certificates FROM app', 'REVOKE ALL ON SCHEMA sftca FROM app');
is_fresh('a dump of 1.0 restored', $r);

# --- a dump of the newest, restored ---------------------------------------------------------------------

# first something in every table
my $next = $r->value("SELECT sftca.key_prepare('$v->{ssh_host}')");
$r->run("SELECT sftca.key_activate('$v->{ssh_host}', $next, ARRAY['web01'], 'carol')");
is $r->error, undef, 'a barrier is waived' or diag $r->message;
$r->value("SELECT sftca.authority_create_subordinate('ecdsa-p256', 'below')");
$r->value("SELECT sftca.krl_version_raise('$v->{ssh_user}', 1000)");
$r->run('SELECT sftca.transport_key_create()');
is $r->error, undef, 'a key for moving' or diag $r->message;
is_deeply [grep { (Catalog::rows($r, { $_ => ['ctid'] }))[1] =~ /^0 / } sort keys %{ Catalog::columns($r) }], [], 'no table is empty';

my $newer = $v->folder . '/newest.sql';
$v->db->must('env', $v->db->env, 'pg_dump', '-d', 'restored', '-f', $newer);
$v->db->psql('postgres', 'CREATE DATABASE again');
$v->db->must('env', $v->db->env, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'again', '-f', $newer);
my $t = $v->db->session('postgres', database => 'again');
is_deeply { Catalog::rows($t) }, { Catalog::rows($r) }, "a dump of $newest restored: every row of every table";
is +($v->finish($t, $signed{user}))[1], $certificate{user}, '  signs the same certificate';
is_fresh("a dump of $newest restored", $t);

# --- a dump of what was upgraded, restored ----------------------------------------------------------------

$v->db->psql('postgres', 'CREATE DATABASE moved');
$v->db->must('env', $v->db->env, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'moved', '-f', $later);
my $m = $v->db->session('app', database => 'moved');
is $m->value("SELECT public.again('$signed{user}')"), $certificate{user}, 'a dump of what was upgraded keeps the rights that were given';
is_deeply [grep { $m->value("SELECT has_function_privilege('app', '$_', 'EXECUTE')") ne 't' } sort keys %granted], [], '  each of them';

# --- drop and create --------------------------------------------------------------------------------------

$t->run('DROP EXTENSION pg_sftca');
is $t->error, '2BP01', 'what is in use is not dropped';
$t->run('DROP VIEW public.ours', 'DROP EXTENSION pg_sftca');
is $t->error, undef, 'dropped';
is $t->value(q{SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sftca'}), 0, '  nothing is left';
$t->value('CREATE EXTENSION pg_sftca');
is $t->value('SELECT authorities FROM sftca.status()'), 0, '  and made anew, empty';
is +($v->finish($t, $signed{user}))[0], 'unknown', '  it knows nothing';
is_fresh('made anew', $t);

done_testing;
