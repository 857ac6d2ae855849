#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Whoever holds a dump can sign nothing: restored without the key-encryption key the platform knows
# everything and signs nothing; with it, it goes on as if nothing had happened (promises 4 and 7).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $dir = $w->db->folder;
my $server = $w->server('acme', 'prod', 'web01');
my $alice = $w->client('acme', 'alice');
my $first = $alice->credential($server->{id});
is $first->{status}, 201, 'the platform issues' or diag $first->{text};

my ($rc, $out) = $w->db->command('env', $w->db->env, 'pg_dump', '-Fp', '-d', 'sft', '-f', "$dir/dump.sql");
is $rc, 0, 'pg_dump' or diag $out;

# what the dump gives away
my $dump = Sft::Db::slurp("$dir/dump.sql");
my $kek = Sft::Db::slurp($w->db->{dir} . '/kek');
ok length($kek) >= 32, 'there is a key-encryption key';
ok index($dump, $_) < 0, 'it is not in the dump' for $kek, unpack('H*', $kek), MIME::Base64::encode_base64($kek, '');
unlike $dump, qr/PRIVATE KEY/, 'nor is a private key in the clear';
unlike $dump, qr/correct horse/, 'nor a password';
my ($mark) = $alice->{enrolled}{json}{id};
like $dump, qr/\Q$mark\E/, 'but what people did is';

sub restored
{
	my ($kek_from) = @_;
	my $db = Sft::Db->new(empty => 1);
	if ($kek_from) {
		$db->stop;
		$db->must('install', '-o', 'postgres', '-g', 'postgres', '-m', '0600', "$kek_from/kek", "$db->{dir}/kek");
		$db->start;
	}
	$db->must('env', $db->env, 'psql', '-Xq', '-d', 'sft', '-f', "$Sft::Db::top/sql/roles.sql");
	my $log = $db->must('env', $db->env, 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'sft', '-f', "$dir/dump.sql");
	return $db;
}

# The same client, the same server, the same key, another database.
sub ask
{
	my ($db, %o) = @_;
	my $door = Sft::Door->new($db);
	my $body = $alice->credential_body($server->{id});
	return ($door->call(POST => $alice->path('credentials'), key => $alice->{key}, as => $alice->{as}, body => $body, %o), $door);
}

my $cold = restored();
my ($answer, $door) = eval { ask($cold) };
my $why = $@;
ok !$answer || $answer->{status} >= 500, 'restored without its key the platform issues nothing'
	or diag "$answer->{status} $answer->{text}";
unlike +($answer ? $answer->{text} // '' : ''), qr/cert-v01/, '  no certificate in the answer';
like(($answer ? "$answer->{text} " : '') . "$why " . $cold->log_text, qr/kek|key-encryption/i, '  and somebody is told that the key is missing');
my $statement = eval { Sft::Door->new($cold)->call(GET => '/v1/instance') };
ok !$statement || $statement->{status} >= 500, 'it signs no statement either';
my $root = $cold->session('postgres');
my $finished = join ' ', $root->run("SELECT outcome, certificate FROM sftca.finish(ARRAY['$first->{json}{request_id}'::uuid])");
unlike $finished, qr/cert-v01/, 'not even the superuser gets the old certificate again';
ok defined $root->error || $finished =~ /unknown|not_committed|expired/, '  but an error or a refusal';
cmp_ok $root->value('SELECT count(*) FROM sft.audit_events'), '>', 0, 'the history is all there';
undef $root;

my $warm = restored($w->db->{dir});
my ($again) = ask($warm);
is $again->{status}, 201, 'with its key it issues' or diag $again->{text};
is $again->{json}{authority_id}, $first->{json}{authority_id}, 'for the same authority';
for ([ 'first', $first ], [ 'again', $again ]) {
	my ($name, $a) = @$_;
	open my $fh, '>', "$dir/$name-cert.pub" or die $!;
	print $fh "$a->{json}{certificate}\n";
	close $fh;
}
my ($one, $two) = map { my ($line) = ($w->db->command('ssh-keygen', '-L', '-f', "$dir/$_-cert.pub"))[1] =~ /Signing CA: (.*)/; $line } qw(first again);
is $two, $one, 'whose key is the same';
cmp_ok $again->{json}{serial}, '!=', $first->{json}{serial}, 'with a serial of its own';

done_testing;
