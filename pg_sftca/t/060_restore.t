#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G4: a dump restored without the key-encryption key signs nothing; with it, it signs the same certificates. E2: no sealed key can be moved.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Catalog;
use Vault;
use Test::More;

my $v = Vault->new;
my $s = $v->db->session('postgres');
my %id = map { $_ => $v->uuid } qw(user host client);
$s->value($v->$_($id{$_})) for sort keys %id;
$s->value("SELECT sftca.revoke('$v->{ssh_user}', 4194304, 8388608, 'old')");
$s->value("SELECT sftca.key_prepare('$v->{ssh_host}')");
my %cert = map { $_ => ($v->finish($s, $id{$_}))[1] } keys %id;
my $token = $s->value("SELECT sftca.secret('token', '$id{user}')");
my %rows = Catalog::rows($s);

my $dump = $v->folder . '/dump.sql';
$v->db->must('env', $v->db->env, 'pg_dump', '-d', 'vault', '-f', $dump);
my $text = Sft::Db::slurp($dump);
unlike $text, qr/PRIVATE KEY/, 'no private key in the dump';

my $clone = Sft::Db->new(empty => 1, database => 'vault');     # with a key-encryption key of its own
$clone->must('env', $clone->env, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', 'vault', '-f', $dump);
my $c = $clone->session('postgres');
is_deeply { Catalog::rows($c) }, \%rows, 'every row of every table is back';

# recorded_in belongs to the old cluster: this one has not come so far, or something else is behind the number
$c->run("SELECT outcome FROM sftca.finish(ARRAY['$id{user}']::uuid[])");
ok !defined $c->error || $c->code eq 'kek_wrong', 'an old record is answered';
my $new = $v->uuid;
$c->run($v->user($new));
is $c->code, 'kek_wrong', 'G4 without its key-encryption key nothing is recorded';
$c->run('UPDATE sftca.certificates SET recorded_in = DEFAULT');
$c->run("SELECT certificate FROM sftca.finish(ARRAY['$id{user}']::uuid[])");
is $c->code, 'kek_wrong', '  nothing is signed';
$c->run("SELECT sftca.secret('token', '$id{user}')");
is $c->code, 'kek_wrong', '  no secret is read';
$c->run("SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')");
is $c->code, 'kek_wrong', '  no statement is signed';

# now with it
$clone->must('cp', '-p', "$v->{db}{dir}/kek", "$clone->{dir}/kek");
$c = $clone->session('postgres');
for (sort keys %id) {
	is +($v->finish($c, $id{$_}))[0], 'signed', "$_: with its key the clone signs";
	is +($v->finish($c, $id{$_}))[1], $cert{$_}, '  the same certificate' unless $_ eq 'client';
}
is $c->value("SELECT sftca.secret('token', '$id{user}')"), $token, 'and knows the same secrets';
$c->value($v->user($new));
is +($v->finish($c, $new))[0], 'signed', 'new certificates too';
is $c->value("SELECT sftca.krl_version('$v->{ssh_user}')"), 2, 'the revocation list counts on';
is $c->value("SELECT sftca.revoke('$v->{ssh_user}', 4194304, 4194304, 'x')"), 3, '  from where it was';

# E2: a sealed key opens for its own authority, generation, algorithm and purpose only
my $two = $s->value("SELECT sftca.authority_create('ssh_user')");
for (
	["another authority's row", "UPDATE sftca.sealed_keys SET sealed = (SELECT sealed FROM sftca.sealed_keys WHERE authority_id = '$two') WHERE authority_id = '$v->{ssh_user}'"],
	['another purpose', "UPDATE sftca.authorities SET purpose = 'ssh_user' WHERE id = '$v->{ssh_host}'", host => 1],
	['one bit', "UPDATE sftca.sealed_keys SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"],
	['a shorter tag', "UPDATE sftca.sealed_keys SET sealed = substr(sealed, 1, length(sealed) - 1)"],
	['another version byte', "UPDATE sftca.sealed_keys SET sealed = set_byte(sealed, 0, 2)"],
	['nothing', "UPDATE sftca.sealed_keys SET sealed = ''"],
	['another public key', "UPDATE sftca.authority_keys SET public_key = (SELECT public_key FROM sftca.authority_keys WHERE authority_id = '$two') WHERE authority_id = '$v->{ssh_user}'"],
) {
	my ($name, $sql, $which) = @$_;
	my $b = $v->db->session('postgres');
	$b->run('BEGIN', $sql);
	ok !defined $b->error, "E2 $name" or diag $b->message;
	$b->run($which ? $v->user($v->uuid, authority => "'$v->{ssh_host}'") : $v->user($v->uuid));
	is $b->code, 'key_damaged', '  does not open';
	unlike $b->message // '', qr/error:[0-9A-F]{8}/, '  without the library\'s noise';
	$b->run('ROLLBACK');
}

done_testing;
