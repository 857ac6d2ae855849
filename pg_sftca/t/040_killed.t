#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# G1, G7: a backend killed at any point leaves a record without a certificate at worst, and the same certificate comes after it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Vault;
use Test::More;

# the build with fault points
$ENV{PG_SFTCA_BUILD} = "$FindBin::Bin/../stage-faults";
plan skip_all => 'make FAULTS=1 builds the fault points' unless -e "$ENV{PG_SFTCA_BUILD}/pg_sftca.so";
my $v = Vault->new;
my $key = $v->default_key;

# Where it dies; whether the record may be there afterwards; whether a certificate can have been seen.
my @points = (
	['vault.before_record', 'prepare', 0], ['vault.after_record', 'prepare', 0], ['vault.before_commit', 'prepare', 0],
	['vault.before_sign', 'finish', 1], ['vault.after_sign', 'finish', 1],
);
for my $action (qw(kill)) {
	for (@points) {
		my ($point, $step, $recorded) = @$_;
		my $id = $v->uuid;
		my $root = $v->db->root;
		delete $v->db->{root};                 # it must not see the server go
		$root->value($v->user($id)) if $step eq 'finish';
		$root->close;
		$v->db->stop;
		{
			local $ENV{SFT_FAULT} = "$point:$action";
			$v->db->start;
		}
		my $s = $v->db->session('postgres');
		my @lines = $s->run($step eq 'prepare' ? $v->user($id) : "SELECT certificate FROM sftca.finish(ARRAY['$id']::uuid[])");
		is $s->error, '08006', "$point: the backend is gone";
		unlike join("\n", @lines), qr/cert-v01/, '  without a certificate';
		$v->db->stop('immediate');
		$v->db->start;
		$s = $v->db->session('postgres');
		is $s->value("SELECT count(*) FROM sftca.certificates WHERE id = '$id'"), $recorded, '  the record is ' . ($recorded ? 'there' : 'not there');
		if ($recorded) {
			my ($outcome, $first) = $v->finish($s, $id);
			is $outcome, 'signed', '  it can be finished';
			is +($v->finish($v->db->session('postgres'), $id))[1], $first, '  as often as one likes';
		} else {
			is +($v->finish($s, $id))[0], 'unknown', '  nothing can be finished';
			$s->value($v->user($id));
			is +($v->finish($s, $id))[0], 'signed', '  and the id can be used';
		}
	}
}

# a release build has no fault points
my ($rc) = $v->db->command('grep', '-q', 'vault.before_sign', "$FindBin::Bin/../stage/pg_sftca.so");
isnt $rc, 0, 'the release build has no fault points';

done_testing;
