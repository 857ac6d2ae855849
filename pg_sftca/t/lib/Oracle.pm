# SPDX-License-Identifier: PostgreSQL
# Oracle - what programs that are not ours make of a certificate, told in the words of its record.
#
#   my %is = Oracle::ssh($v, @certificates);        # by serial, what ssh-keygen -L shows
#   my %should = Oracle::records($s, 'ssh_user');   # by serial, what the vault recorded, in the same form
#   my @all = Oracle::of_the_sweep(\@everything, @selection)  # ORACLE=all takes everything
package Oracle;
use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

our @algorithms = qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048 rsa-3072 rsa-4096);
our %keygen = ('ed25519' => ['ed25519'], (map { ("ecdsa-p$_" => ['ecdsa', '-b', $_]) } 256, 384, 521), (map { ("rsa-$_" => ['rsa', '-b', $_]) } 2048, 3072, 4096));
our $sk_provider = '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so';

# Everything in check-long, else what is named.
sub everything { return ($ENV{ORACLE} // '') eq 'all' }

sub words
{
	my ($block) = @_;
	return [] if $block =~ /^\s*\(none\)/;
	return [map { s/ UNKNOWN (?:\w+ )?OPTION:?.*\(len (\d+)\)$/ ($1)/r } map { s/^\s+|\s+$//gr } grep { /\S/ } split /\n/, $block];
}

sub ssh
{
	my ($v, @certificates) = @_;
	my $file = $v->write_file('oracle.pub', join '', map { "$_\n" } @certificates);
	my $text = $v->db->must('env', 'TZ=UTC', 'ssh-keygen', '-L', '-f', $file);
	my %read;
	for (split /^(?=\S*:\d+:$)/m, $text) {
		my ($kind) = /Type: \S+ (user|host) certificate/ or next;
		my ($principals, $critical, $extensions) = /Principals: (.*?)\n\s+Critical Options: (.*?)\n\s+Extensions: (.*)\z/s or next;
		my ($serial) = /Serial: (\d+)/;
		$read{$serial} = {
			kind => "ssh_$kind", serial => $serial, (fingerprint => (/Public key: \S+ (\S+)/)[0]), (authority => (/Signing CA: \S+ (\S+)/)[0]),
			(key_id => (/Key ID: "(.*)"/)[0]), (valid => (/Valid: (from \S+ to \S+)/)[0]),
			principals => words($principals), critical_options => words($critical), extensions => words($extensions),
		};
	}
	return %read;
}

# A value that ssh-keygen does not know is shown by its length: the string and its own length.
sub shown
{
	my ($option) = @_;
	my ($name, $value) = split /=/, $option, 2;
	return $name unless defined $value;
	return $name =~ /\@/ ? sprintf('%s (%d)', $name, 4 + length $value) : "$name $value";
}

sub records
{
	my ($s, $where) = @_;
	my $time = "to_char(c.%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')";
	return map {
		my $r = $_;
		$r->{$_} = [map { shown($_) } @{ $r->{$_} }] for qw(critical_options extensions);
		$r->{serial} = "$r->{serial}";
		($r->{serial} => $r);
	} $s->rows("SELECT c.kind, c.serial::text AS serial, c.fingerprint, k.fingerprint AS authority, c.key_id, c.principals, c.critical_options, c.extensions,
		format('from %s to %s', @{[ sprintf $time, 'valid_after' ]}, @{[ sprintf $time, 'valid_before' ]}) AS valid
		FROM sftca.certificates c JOIN sftca.keys k ON k.authority_id = c.authority_id AND k.generation = c.generation WHERE $where");
}

1;
