#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# An attribute gives alice's account another name and shell: the server follows by itself, and her client, which remembers
# the server as it was, finds out when its next certificate is for another account.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Sft::Api;
use Sft::System;
use Test::More;

my $sys = Sft::System->new;
my $web = $sys->server('web01');
my $alice = $sys->workstation('alice');
my $olga = Sft::Api->client($sys, 'olga');
is_deeply [ $alice->run('ssh', 'web01', 'id', '-un') ], [ 0, "alice\n" ], 'alice logs in as alice';

my %attribute = map { $_->{attribute_name} => $_->{id} } @{ $olga->call(GET => $olga->path('users/alice/attributes'))->{json}{list} };
for my $set ([ unix_user_name => 'al' ], [ user_shell => '/bin/sh' ]) {
	my $answer = $olga->call(PUT => $olga->path("users/alice/attributes/$attribute{$set->[0]}"), { attribute_value => $set->[1] });
	is $answer->{status}, 204, "the owner sets $set->[0]" or diag $answer->{text};
}
unlink $alice->certificate;                        # it would be good for some minutes yet, for an account that is gone
my @got;
ok $sys->until(20, sub { @got = $alice->run('ssh', 'web01', 'id -un; echo $SHELL'); ($got[1] // '') eq "al\n/bin/sh\n" }),
	'she logs in as al, with the other shell' or diag "@got";
isnt(($web->run('getent', 'passwd', 'alice'))[0], 0, 'there is no account alice any more');
done_testing;
