#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# F8: a standby signs nothing, though it has the records and the key; promoted, it goes on where the primary was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $alice = $w->client('acme', 'alice');
my $server = $w->server('acme', 'prod', 'web01');
my $standby = $w->db->standby;
my $recorded = $alice->credential_request($server->{id});
my ($continue) = $w->door->handle($recorded);
is $continue->{continue_id}, $recorded->{nonce}, 'a certificate is recorded';
my $signed = $alice->credential($server->{id});
is $signed->{status}, 201, 'another is signed';
$standby->follow($w->db);

my $s = $standby->session('sft_gateway');
is $s->value('SELECT count(*) > 10 FROM sft_api.route'), 't', 'F8 a standby has the routes';
for my $id ($recorded->{nonce}, $signed->{json}{request_id}) {
	my @out = $s->run('SELECT status FROM ' . $w->door->finish_sql($id) . ' WHERE status < 300');
	is "@out", '', 'F8 finish of a committed record gives no certificate on a standby';
	like $s->message // '', qr/standby/, '  and says why';
}
for my $r ($alice->credential_request($server->{id}), $alice->make(GET => $alice->path("credentials/$signed->{json}{request_id}")), $server->make(GET => '/v1/server/state?after=0'), $w->door->make(GET => '/v1/instance')) {
	my @out = $s->run('SELECT status FROM ' . $w->door->handle_sql($r) . ' AS h (trace_id, status, headers, body, wait, continue_id) WHERE status < 300 OR continue_id IS NOT NULL');
	is "@out", '', "F8 $r->{route}: nothing is recorded, signed or stated on a standby" . (defined $s->error ? " ($s->{error})" : '');
}
my $dba = $standby->session('carol');
$dba->run(q{SELECT sft_admin.create_user('acme', 'x')});
is $dba->error, '25006', 'F8 nor administered';
is $dba->value('SELECT count(*) > 0 FROM sft_admin.audit'), 't', '  the audit can be read';

# the primary dies; the standby takes over
$w->db->crash;
$standby->promote;
my $door = Sft::Door->new($standby);
is(($door->finish($recorded->{nonce}))[0]{status}, 201, 'F6 promoted, it finishes what the primary recorded');
my ($again) = $door->batch([ $alice->credential_request($server->{id}, nonce => $signed->{json}{request_id}) ]);
is $again->{json}{certificate}, $signed->{json}{certificate}, '  gives the same certificate for the same request';
my ($new) = $door->batch([ $alice->credential_request($server->{id}) ]);
is $new->{status}, 201, '  and issues';
cmp_ok $new->{json}{serial}, '>', $signed->{json}{serial}, '  with later serials' if $new->{json};
done_testing;
