#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Alice leaves the group: sshd refuses her certificate, still valid, within seconds; a new one is denied;
# the audit shows the grant and the denial with their reasons. Then she comes back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::Api;
use Sft::System;
use Test::More;
use Time::HiRes qw(time);

my $sys = Sft::System->new;
my $web = $sys->server('web01');
my $alice = $sys->workstation('alice');
my $api = Sft::Api->client($sys, 'alice');
is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'alice logs in';
my ($certificate, $key) = ($alice->certificate, $alice->key);
$sys->must('cp', $certificate, $sys->folder . '/kept-cert.pub');
$sys->must('cp', $key, $sys->folder . '/kept');
my @kept = map { $sys->folder . "/kept$_" } '', '-cert.pub';
is_deeply [ $alice->ssh_with($web, 'alice', @kept, 'id', '-un') ], [ 0, "alice\n" ], 'also with the bare files';
my $records = $sys->value(q{SELECT count(*) FROM sftca.certificates WHERE kind = 'ssh_user'});

my $left = time;
$sys->admin(q{remove_member('acme', 'ops', 'alice')});
my $refused = $sys->until(10, sub { ($alice->ssh_with($web, 'alice', @kept, 'true'))[0] != 0 });
my $seconds = time - $left;
ok $refused, sprintf 'the still valid certificate is refused after %.1f s', $seconds;
cmp_ok $seconds, '<', 5, '  which is seconds';
my (undef, $printed) = $sys->command('ssh-keygen', '-L', '-f', $kept[1]);
my ($to) = $printed =~ /Valid: from \S+ to (\S+)/;
my (undef, $now) = $sys->command('date', '+%Y-%m-%dT%H:%M:%S');
cmp_ok $to, 'gt', $now, '  it would have lived on';

unlink $certificate;
my ($rc, $out) = $alice->run('ssh', 'web01', 'true');
isnt $rc, 0, 'a new login through sft fails';
($rc, $out) = $alice->run('sft', 'ssh', 'web01', '--command', 'true');
ok $rc == 5 || $rc == 6, 'sft ssh says that it is denied, or that there is no such server for her' or diag "$rc $out";
is $sys->value(q{SELECT count(*) FROM sftca.certificates WHERE kind = 'ssh_user'}), $records, 'no certificate was recorded for it';

my $denied = $api->call(POST => $api->path('credentials'), { kind => 'ssh_user', server => 'web01', public_key => $api->{key}->public });
is "$denied->{status} $denied->{json}{error}", '403 not_granted', 'whoever asks without looking is denied' or diag $denied->{text};

# the record, as a DBA reads it
my @audit = $sys->{dba}->rows(q{SELECT type, actor, status, error, server, details FROM sft_admin.audit WHERE actor = 'alice' ORDER BY id});
my ($grant) = grep { $_->{type} eq 'user_creds.issue' && !$_->{error} } @audit;
ok $grant, 'the audit shows the grant';
is $grant->{server}, 'web01', '  for the server';
my ($why) = $sys->{dba}->rows(q{SELECT decision FROM sft_admin.credentials WHERE user_name = 'alice' ORDER BY created_at LIMIT 1});
is_deeply $why->{decision}{inputs}{groups}, ['ops'], '  with its reason: she was in ops' or diag explain $why;
my ($denial) = grep { ($_->{error} // '') eq 'not_granted' } @audit;
ok $denial, 'and the denial';
like(JSON::PP->new->canonical->encode($denial->{details}), qr/"groups":\[\]/, '  with its reason: she is in no group now') or diag explain $denial;

$sys->admin(q{add_member('acme', 'ops', 'alice')});
$web->ready('alice');
ok $sys->until(10, sub { ($alice->run('ssh', 'web01', 'id', '-un'))[1] eq "alice\n" }), 'back in the group she logs in again';

# A selector narrows who gets into a server: by the labels that it has now, with a certificate for it alone.
$sys->must('cp', $alice->certificate, $kept[1]);
$sys->must('cp', $alice->key, $kept[0]);
is_deeply [ $alice->ssh_with($web, 'alice', @kept, 'id', '-un') ], [ 0, "alice\n" ], 'a certificate for all of the project';
$sys->admin(q{add_project_group('acme', 'prod', 'ops', servers_selector => 'api.tier=web')});
ok $sys->until(10, sub { ($alice->ssh_with($web, 'alice', @kept, 'true'))[0] != 0 }), '  is refused by a server that the selector leaves out';
unlink $alice->certificate;
isnt +($alice->run('ssh', 'web01', 'true'))[0], 0, '  and sft gets none for it';
$sys->admin(q{set_server_labels('acme', 'web01', '{"tier": "web"}')});
$web->ready('alice');
ok $sys->until(10, sub { ($alice->run('ssh', 'web01', 'id', '-un'))[1] eq "alice\n" }), 'with the label that it picks she logs in';
(undef, $printed) = $sys->command('ssh-keygen', '-L', '-f', $alice->certificate);
like $printed, qr/Principals: \n\s+[0-9a-f-]{36}:alice\n\s+Critical/, '  by a certificate for this server alone';

# Out of the team: her device is worth nothing, her login is over.
$sys->admin(q{disable_user('acme', 'alice')});
ok $sys->until(10, sub { ($alice->ssh_with($web, 'alice', @kept, 'true'))[0] != 0 }), 'disabled, she is refused with the old certificate';
my $out_of_it = $api->call(POST => $api->path('credentials'), { kind => 'ssh_user', server => 'web01', public_key => $api->{key}->public });
ok $out_of_it->{status} == 401 || $out_of_it->{status} == 403, 'and gets no new one' or diag $out_of_it->{text};

done_testing;
