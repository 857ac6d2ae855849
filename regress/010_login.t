#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# An engineer logs in: plain ssh, scp and rsync through the printed configuration, and sft ssh.
# An impostor of the server, another user's name and an expired certificate do not get through.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::Api;
use Sft::System;
use POSIX ();
use Test::More;

my $sys = Sft::System->new;
my $web = $sys->server('web01');
my $alice = $sys->workstation('alice');

# A certificate of one minute, to be tried when it is over.
my $api = Sft::Api->client($sys, 'alice');
my $dir = $sys->folder;
$sys->must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', "$dir/short");
my $short = $api->call(POST => $api->path('credentials'),
	{ kind => 'ssh_user', server => 'web01', public_key => join(' ', (split / /, Sft::System::slurp("$dir/short.pub"))[0, 1]), ttl => 60 });
is $short->{status}, 201, 'a certificate of a minute is issued' or diag $short->{text};
$sys->write_file('short-cert.pub', "$short->{json}{certificate}\n");
my $issued = time;
is_deeply [ $alice->ssh_with($web, 'alice', "$dir/short", "$dir/short-cert.pub", 'id', '-un') ], [ 0, "alice\n" ],
	'sshd accepts it without any sft at the workstation';

is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'ssh web01 id -un, without -l, is alice';
is_deeply [ $alice->run('sft', 'ssh', 'web01', '--command', 'id -un') ], [ 0, "alice\n" ], 'sft ssh does the same';
is_deeply [ $alice->run('ssh', 'web01', 'exit', '7') ], [ 7, '' ], 'the remote exit status comes back by ssh';
is_deeply [ $alice->run('sft', 'ssh', 'web01', '--command', 'exit 7') ], [ 7, '' ], 'and by sft ssh';

$sys->write_file("$alice->{home}/letter", "from the workstation\n");
is +($alice->run('scp', '-q', "$alice->{home}/letter", 'web01:letter'))[0], 0, 'scp to the server';
is $web->file('/home/alice/letter'), "from the workstation\n", '  which has it';
is +($alice->run('scp', '-q', 'web01:letter', "$alice->{home}/letter.back"))[0], 0, 'scp from the server';
mkdir "$alice->{home}/tree";
$sys->write_file("$alice->{home}/tree/leaf", "green\n");
my ($rc, $out) = $alice->run('rsync', '-a', "$alice->{home}/tree", 'web01:');
is $rc, 0, 'rsync' or diag $out;
is $web->file('/home/alice/tree/leaf'), "green\n", '  which arrived';

($rc, $out) = $alice->run('ssh', 'web01', 'sudo', '-n', 'true');
isnt $rc, 0, 'alice is no admin there';
($rc) = $sys->command('id', 'alice');
isnt $rc, 0, 'the machine itself has no account alice';

# the record
my $certificate = $alice->certificate;
my (undef, $printed) = $sys->command('ssh-keygen', '-L', '-f', $certificate);
my ($serial) = $printed =~ /Serial: (\d+)/;
is $sys->value("SELECT count(*) FROM sftca.certificates WHERE serial = $serial"), 1, 'the certificate used is recorded';
like $web->sshd_log, qr/Accepted publickey for alice .* ED25519-CERT .* ID sft1:acme:prod:alice:\S+ \(serial $serial\) CA ED25519/,
	'and sshd logged its key id and serial';
my @principals = $printed =~ /Principals: \n((?:\s{16,}\S+\n)+)/ ? split ' ', $1 : ();
is scalar @principals, 1, 'it has one principal';

# at once, cold
unlink $certificate;
my @children = map {
	my $pid = fork // die;
	if (!$pid) { my ($rc, $out) = $alice->run('ssh', 'web01', 'id', '-un'); POSIX::_exit($rc == 0 && $out eq "alice\n" ? 0 : 1) }
	$pid;
} 1 .. 8;
my $good = grep { waitpid $_, 0; $? == 0 } @children;
is $good, 8, 'eight logins at once without a certificate at hand';

# who is not let in
($rc, $out) = $alice->ssh_with($web, 'root', $alice->key, $alice->certificate, 'true');
isnt $rc, 0, 'the certificate is no good for root';
($rc, $out) = $alice->ssh_with($web, 'bob', $alice->key, $alice->certificate, 'true');
isnt $rc, 0, 'nor for bob';
my $bob = $sys->workstation('bob');
($rc, $out) = $bob->run('ssh', 'web01', 'true');
isnt $rc, 0, 'bob, who is in no group, is not let in';
is $sys->value(q{SELECT count(*) FROM sftca.certificates WHERE key_id LIKE '%:bob:%'}), 0, '  and no certificate names him';

# a host that says it is web01 and has no certificate of the project
$web->run('sh', '-c', 'kill $(cat /run/sshd.pid) && ssh-keygen -q -t ed25519 -N "" -f /run/impostor &&
	while ss -Hltn "sport = :' . $web->{port} . '" | grep -q .; do sleep 0.1; done; /usr/sbin/sshd -h /run/impostor -o HostCertificate=none -o PidFile=/run/impostor.pid');
($rc, $out) = $alice->run('ssh', 'web01', 'id');
is $rc, 255, 'a server without the project\'s host certificate is refused';
like $out, qr/Host key verification failed|No (?:\S+ )?host (?:key|certificate) is known/i, '  by name, without a question';
($rc, $out) = $alice->run('sft', 'ssh', 'web01', '--command', 'id');
is $rc, 255, '  by sft ssh too';
$web->run('sh', '-c', 'kill $(cat /run/impostor.pid)
	while ss -Hltn "sport = :' . $web->{port} . '" | grep -q .; do sleep 0.1; done; /usr/sbin/sshd -E /var/log/sshd.log');
is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'the real one is back';

# time
my $left = $issued + 62 - time;
sleep $left if $left > 0;
($rc, $out) = $alice->ssh_with($web, 'alice', "$dir/short", "$dir/short-cert.pub", 'true');
is $rc, 255, 'sshd refuses the certificate file when its minute is over';
like $web->sshd_log, qr/Certificate invalid: expired/, '  because it has expired';
is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'while ssh with sft goes on';

# the platform away
$sys->stop_gateway('KILL');
is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'with the gateway gone a live certificate still logs in';

done_testing;
