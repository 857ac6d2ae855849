#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Every row of the catalogue of bad inputs that concerns keys, names, certificates and revocation is named by a test of some room or has its line in docs/limits.md.
use strict;
use warnings;
use FindBin;
use Test::More;

my $top = "$FindBin::Bin/../..";
my %named;
for my $file (grep { $_ ne __FILE__ && !/015_catalogue/ } map { glob "$top/$_" } qw(pg_sftca/t/*.t pg_sftca/t/unit/*.c common/t/*.c common/t/*.t sql/t/*.t sql/t/*.sql agent/t/*.t agent/t/*.c client/t/*.t client/t/*.c gateway/t/*.t regress/t/*.t)) {
	open my $in, '<', $file or die "$file: $!";
	local $/;
	my $text = <$in>;
	# a row's id begins a test's name, or stands in a list of such
	$named{$1}{ $file =~ s{.*?/([^/]+/t/)}{$1}r } = 1 while $text =~ /\b([KPCV]\d{1,2})\b/g;
}
open my $limits, '<', "$top/docs/limits.md" or die $!;
my %limit;
while (<$limits>) {
	next unless /^\| ([KPCV]\d[^|]*)\|/;
	for my $part (split /,\s*/, $1) {
		if ($part =~ /^([KPCV])(\d+)–[KPCV]?(\d+)/) { $limit{"$1$_"} = 1 for $2 .. $3 }
		elsif ($part =~ /^([KPCV]\d+)/) { $limit{$1} = 1 }
	}
}
my %last = (K => 20, P => 18, C => 20, V => 10);
for my $letter (sort keys %last) {
	for (map { "$letter$_" } 1 .. $last{$letter}) {
		ok $named{$_} || $limit{$_}, "$_: " . join ' ', ($limit{$_} ? 'docs/limits.md' : ()), sort keys %{ $named{$_} // {} };
	}
}

done_testing;
