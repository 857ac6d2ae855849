#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# kill -9 of a backend (and with it PostgreSQL) and of the gateway at every fault point: no certificate
# without a committed record and its audit event, none lost, none doubled (promises 1 and 7).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::Api;
use Sft::System;
use Test::More;

my $top = $Sft::Db::top;
# every fault point that the source of vault and gateway names: a new one is tested without a word here
my (undef, $named) = Sft::Db->command('sh', '-c', "cd '$top' && grep -rhoE 'SFT_FAULT(_ERR)?\\(\"(vault|gateway)\\.[a-z_]+\"' pg_sftca gateway --include='*.c' | cut -d'\"' -f2 | sort -u");
# bad_signature makes an error and kills nobody; reseal and before_wrap are not on the way of a certificate: the vault tries these (t/180, t/310, t/325)
my @points = grep { !/^vault\.(bad_signature|before_wrap|reseal)$/ } split ' ', $named;
ok scalar(grep({ /^vault/ } @points)), "fault points of the vault: @points";
ok scalar(grep({ /^gateway/ } @points)), '  and of the gateway';

my $sys = Sft::System->new(pg_build => "$top/pg_sftca/stage-faults");
my $alice = Sft::Api->client($sys, 'alice');
my $server = Sft::Door::uuid();
my $server_key = Sft::Key->new($sys->folder);
my $api = Sft::Api->new($sys, "server/$server", $server_key);
my $t = Sft::Door::token($sys->admin(q{create_server_enrollment_token('acme', 'prod', 'test')}));
my $joined = $api->call(POST => '/v1/servers/enroll', { id => $server, public_key => $server_key->public,
	token => { id => $t->{i}, mac => $server_key->mac($t->{s}, $server) }, hostname => 'web01', os => 'Debian 12', os_type => 'linux',
	sftd_version => '1.0', ssh_port => 22, alt_names => [], ssh_host_keys => [], labels => {} });
is $joined->{status}, 201, 'a server' or diag $joined->{text};

my $public = Sft::Key->new($sys->folder, 'ed25519')->public;
sub ask
{
	my ($nonce) = @_;
	return $alice->call(POST => $alice->path('credentials'), { kind => 'ssh_user', server => $server, public_key => $public }, nonce => $nonce);
}

my %given;                                         # request id → certificate that left the platform
sub keep
{
	my ($id, $answer) = @_;
	my $certificate = $answer->{json}{certificate} // ($answer->{text} =~ /(ssh-ed25519-cert-v01\S* \S+)/)[0] // return 0;
	is $certificate, $given{$id}, '  the same certificate again' if $given{$id};
	$given{$id} = $certificate;
	return 1;
}

sub reconcile
{
	my ($point, @ids) = @_;
	my $root = $sys->db->session('postgres');
	my %recorded = map { $_->{id} => $_ } $root->rows(q{SELECT id, serial FROM sftca.certificates WHERE kind = 'ssh_user'});
	is_deeply [ grep { !$recorded{$_} } keys %given ], [], "$point: every certificate that left is recorded";
	is $root->value(q{SELECT count(*) FROM sftca.certificates c WHERE kind = 'ssh_user' AND NOT EXISTS (SELECT FROM sft.audit_events a
		WHERE a.request_id = c.id AND a.error IS NULL)}), 0, "$point: every record has its audit event";
	is $root->value(q{SELECT count(*) FROM sftca.certificates c FULL JOIN sft.credentials k ON k.request_id = c.id
		WHERE coalesce(c.kind, '') <> 'ssh_host' AND (c.id IS NULL OR k.request_id IS NULL OR c.serial <> k.serial)}), 0, "$point: records and credentials match";
	is $root->value(q{SELECT count(*) - count(DISTINCT request_id) FROM sft.audit_events WHERE type = 'user_creds.issue' AND error IS NULL AND NOT (details->>'again')::boolean}), 0,
		"$point: nothing was issued twice";
	my $answers = 0;
	for my $id (@ids) {
		my $answer = $sys->until(20, sub { my $a = ask($id); $a->{status} =~ /^20/ ? $a : undef });
		$answers++ if $answer && keep($id, $answer);
	}
	is $answers, scalar @ids, "$point: asked again, each request gets its certificate";
	is $root->value("SELECT count(*) FROM sftca.certificates WHERE kind = 'ssh_user'"), scalar(keys %given), "$point: and there is one record for each";
}

for my $point (@points) {
	my $is_gateway = $point =~ /^gateway/;
	if ($is_gateway) {
		$sys->stop_gateway;
		$sys->start_gateway(env => { SFT_FAULT => "$point:kill:3" }, program => "$sys->{build}/gateway/build/faults/sft-gateway");
	} else {
		$sys->db->crash;
		local $ENV{SFT_FAULT} = "$point:kill:3";
		$sys->db->start;
	}
	$sys->until(20, sub { ($sys->curl('/readyz'))[0] eq '200' });
	my @ids = map { Sft::Door::uuid() } 1 .. 8;
	my $lost = 0;
	for my $id (@ids) {
		my $answer = ask($id);
		keep($id, $answer) or $lost++;
		if ($is_gateway && waitpid($sys->gateway_pid, 1) > 0) {   # WNOHANG: it is dead
			$sys->{gateway} = undef;
			$sys->start_gateway;
		} else {
			$sys->until(20, sub { ($sys->curl('/readyz'))[0] eq '200' });
		}
	}
	cmp_ok $lost, '>', 0, "$point: it struck";
	if (!$is_gateway) {
		$sys->db->crash;
		$sys->db->start;
	}
	$sys->until(20, sub { ($sys->curl('/readyz'))[0] eq '200' });
	reconcile($point, @ids);
}

done_testing;
