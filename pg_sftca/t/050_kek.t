#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G14, E1: without the right key-encryption key nothing is signed, and the error says what is wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX 'mkfifo';
use Vault;
use Test::More;

my $v = Vault->new;
my $dir = $v->folder . '/pg';
my ($uid, $gid) = (stat "$dir/data")[4, 5];
my $good = Sft::Db::slurp("$dir/kek");
my $id = $v->uuid;
my $s = $v->db->session('postgres');
$s->value($v->user($id));
my $first = ($v->finish($s, $id))[1];
my $token = $s->value("SELECT sftca.secret('token', '$id')");
my $tables = "SELECT count(*) FROM sftca.certificates";

# Puts a file where the key is expected.
sub place
{
	my (%how) = @_;
	my $content = $how{content} // $good;
	$v->db->must('rm', '-rf', "$dir/kek");
	return if $how{none};
	my $file = $v->write_file('kek.new', $content);
	chown $how{uid} // $uid, $how{gid} // $gid, $file;
	chmod $how{mode} // 0600, $file;
	rename $file, "$dir/kek" or die $!;
}

my @bad = (
	['missing', { none => 1 }, qr/cannot be opened: No such file/],
	['empty', { content => '' }, qr/does not hold exactly 32 bytes/],
	['31 bytes', { content => substr $good, 1 }, qr/does not hold exactly 32 bytes/],
	['33 bytes', { content => "$good\n" }, qr/does not hold exactly 32 bytes/],
	['readable by all', { mode => 0644 }, qr/is open to others/],
	['writable by all', { mode => 0602 }, qr/is open to others/],
	['writable by the group', { mode => 0620 }, qr/is open to others/],
	['readable by the group', { mode => 0640 }, qr/is readable by a group/],
	['of somebody else', { uid => 65534, mode => 0640, gid => $gid }, qr/belongs to neither root nor the server's user/],
	['of root, for another group', { uid => 0, gid => 0, mode => 0640 }, qr/cannot be opened: Permission denied/],
	['of root, closed', { uid => 0, gid => 0, mode => 0600 }, qr/cannot be opened: Permission denied/],
);

sub refuses
{
	my ($name, $word, $reason) = @_;
	my $new = $v->uuid;
	my $b = $v->db->session('postgres');      # a new backend reads the file anew
	my $before = $b->value($tables);
	for (["finish", "SELECT outcome, certificate FROM sftca.finish(ARRAY['$id']::uuid[])"], ['prepare', $v->user($new)],
		['secret', "SELECT sftca.secret('token', '$id')"], ['sign_statement', "SELECT sftca.sign_statement('trust', 200, '/x', NULL, 1, 'x')"]) {
		my ($what, $sql) = @$_;
		my @lines = $b->run($sql);
		is $b->code, $word, "$name: $what refuses with $word" or diag $b->message;
		is $b->error, 'SF503', '  unavailable';
		like $b->message, $reason, '  and says why' if $reason;
		unlike $b->message, qr/\Q$dir\E/, '  but not where the key is';
		is "@lines", '', '  nothing comes out';
	}
	is $b->value($tables), $before, "$name: nothing is recorded";
	return $b;
}

for (@bad) {
	my ($name, $how, $reason) = @$_;
	place(%$how);
	my $b = refuses("E1 $name", 'kek_missing', $reason);
	is $b->value('SELECT kek FROM sftca.status()'), 'missing', '  status() says so';
	$b->run("SELECT sftca.authority_create('ssh_user')");
	is $b->code, 'kek_missing', '  no authority can be made';
}

# not files at all
for (['a symbolic link', sub { rename "$dir/kek", "$dir/kek.real"; symlink "$dir/kek.real", "$dir/kek" }, qr/is a symbolic link/],
	['a FIFO', sub { unlink "$dir/kek"; mkfifo "$dir/kek", 0600; chown $uid, $gid, "$dir/kek" }, qr/is not a regular file/],
	['a directory', sub { unlink "$dir/kek"; mkdir "$dir/kek", 0700; chown $uid, $gid, "$dir/kek" }, qr/is not a regular file/]) {
	my ($name, $make, $reason) = @$_;
	place();
	$make->();
	refuses("E1 $name", 'kek_missing', $reason);
}

# another key of the right shape
{
	place(content => scalar reverse $good);
	my $b = refuses('E1 a wrong key', 'kek_wrong', qr/sealed under another key-encryption key/);
	is $b->value('SELECT kek FROM sftca.status()'), 'wrong', '  status() says so';
	like $b->value('SELECT detail FROM sftca.status()'), qr/4 of 4 keys/, '  and how many keys it is about';
	is $b->value(q{SELECT sftca.verify_password(sftca.hash_password('x'), 'x')}), 't', '  what needs no key goes on';
	$b->run(q{SELECT sftca.krl('} . $v->{ssh_user} . q{')});
	is $b->error, undef, '  revocation lists too';
}

# a backend that has read it keeps it; the right one works again
{
	place();
	my $b = $v->db->session('postgres');
	is +($v->finish($b, $id))[1], $first, 'the right key again: the same certificate';
	place(none => 1);
	is +($v->finish($b, $id))[1], $first, 'a backend that has the key needs the file no more';
	is $b->value('SELECT cached_keys > 0 FROM sftca.status()'), 't', '  and keeps what it unsealed';
	place();
	is $b->value("SELECT sftca.secret('token', '$id')"), $token, 'secrets are the same again';
	place(uid => 0, gid => $gid, mode => 0440);
	is +($v->finish($v->db->session('postgres'), $id))[1], $first, 'root may hand it to the server\'s group';
	place();
}

# nobody but the administrator says where it is
{
	my $b = $v->db->session('postgres');
	$b->run('CREATE ROLE mallory LOGIN', 'GRANT USAGE ON SCHEMA sftca TO mallory', 'GRANT EXECUTE ON FUNCTION sftca.finish, sftca.kek_status, sftca.status TO mallory');
	my $evil = $v->write_file('evil', 'x' x 32);
	chmod 0644, $evil;
	my $m = $v->db->session('mallory');
	$m->run("SET pg_sftca.kek_file = '$evil'");          # before the library is loaded: a placeholder
	$m->run("SET pg_sftca.kek_command = 'touch $evil.ran'");
	is +($v->finish($m, $id))[1], $first, 'a setting made before loading is dropped';
	ok !-e "$evil.ran", '  no command was run';
	for my $sql ("SET pg_sftca.kek_file = '$evil'", "SET pg_sftca.kek_command = 'id'", "SELECT set_config('pg_sftca.kek_file', 'x', true)") {
		$m->run($sql);
		is $m->error, '55P02', "$sql";
	}
	$m->run('SHOW pg_sftca.kek_file');
	is $m->error, '42501', 'only superusers see where it is';
	$m->run("SET pg_sftca.anything = 'x'");
	ok defined $m->error, 'no other settings under our prefix';
}

# from a command, and at server start
sub settings
{
	my (%set) = @_;
	$v->db->stop;
	$v->db->must('sh', '-c', "sed -i '/^pg_sftca\\|^shared_preload/d' $dir/data/postgresql.conf");
	my $conf = "$dir/data/postgresql.conf";
	open my $out, '>>', $conf or die $!;
	print $out map { "$_ = '$set{$_}'\n" } sort keys %set;
	close $out;
	delete $v->db->{root};
	$v->db->start;
	$s = $v->db->session('postgres');
}
place();
settings('pg_sftca.kek_command' => "cat $dir/kek");
is +($v->finish($s, $id))[1], $first, 'the key from a command';
for (["false", qr/failed/], ["cat $dir/kek && false", qr/failed/], ["cat $dir/kek; echo", qr/did not print exactly 32 bytes/], ["true", qr/did not print exactly 32 bytes/], ['cat /dev/zero', qr/did not print|failed/]) {
	my ($command, $reason) = @$_;
	settings('pg_sftca.kek_command' => $command);
	refuses("E1 command $command", 'kek_missing', $reason);
}
settings('pg_sftca.kek_command' => "cat $dir/kek", 'pg_sftca.kek_file' => "$dir/kek");
refuses('both', 'kek_missing', qr/are both set/);
settings();
refuses('neither', 'kek_missing', qr/neither/);

settings(shared_preload_libraries => 'pg_sftca', 'pg_sftca.kek_file' => "$dir/kek");
place(none => 1);
is +($v->finish($s, $id))[1], $first, 'preloaded: read at server start, the file may go';
$s->run('SELECT pg_reload_conf()', 'SELECT pg_sleep(0.3)');
is +($v->finish($v->db->session('postgres'), $id))[1], $first, '  a reload that changes nothing keeps it';
settings(shared_preload_libraries => 'pg_sftca', 'pg_sftca.kek_file' => "$dir/kek");
like $v->db->log_text, qr/WARNING:  pg_sftca signs nothing: the file of pg_sftca.kek_file cannot be opened/, 'preloaded without it: the log says so at start';
refuses('preloaded without it', 'kek_missing', qr/cannot be opened/);

# the key is nowhere that others read
place();
settings('pg_sftca.kek_file' => "$dir/kek");
$s->run($v->user($v->uuid), 'CHECKPOINT');
my $hex = unpack 'H*', $good;
unlike $v->db->log_text, qr/\Q$hex\E/i, 'the log has no key';
my ($rc) = $v->db->command('sh', '-c', "cat $dir/data/base/*/* $dir/data/pg_wal/0* | perl -0777 -ne 'exit(index(\$_, pack(q(H*), q($hex))) >= 0 ? 0 : 1)'");
isnt $rc, 0, 'E nor do the data files';

done_testing;
