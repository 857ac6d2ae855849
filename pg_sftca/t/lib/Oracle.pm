# SPDX-License-Identifier: PostgreSQL
# Oracle - what programs that are not ours make of a certificate, told in the words of its record.
#
#   my %is = Oracle::ssh($v, @certificates);        # by serial, what ssh-keygen -L shows
#   my %should = Oracle::records($s, 'ssh_user');   # by serial, what the vault recorded, in the same form
#   my ($public, $file) = Oracle::tls_key($v, 'ecdsa-p384');
#   Oracle::everything()                     # ORACLE=all: no selection
package Oracle;
use strict;
use warnings;
use JSON::PP ();
use MIME::Base64;

our @algorithms = qw(ed25519 ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048 rsa-3072 rsa-4096);
our %keygen = ('ed25519' => ['ed25519'], (map { ("ecdsa-p$_" => ['ecdsa', '-b', $_]) } 256, 384, 521), (map { ("rsa-$_" => ['rsa', '-b', $_]) } 2048, 3072, 4096));
our $sk_provider = '/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so';

# A private key as OpenSSL writes it, and its public half as ssh-keygen does: (public key, file)
sub tls_key
{
	my ($v, $type) = @_;
	my $file = $v->folder . "/tls-$type.pem";
	$v->db->must('openssl', 'genpkey', '-quiet', '-out', $file, '-algorithm', $type eq 'ed25519' ? ('ed25519') : $type =~ /^ecdsa-p(\d+)/ ? ('EC', '-pkeyopt', "ec_paramgen_curve:P-$1") : $type =~ /^rsa-(\d+)/ ? ('RSA', '-pkeyopt', "rsa_keygen_bits:$1") : die $type);
	if ($type eq 'ed25519') {                  # ssh-keygen does not read it
		my $der = decode_base64($v->db->must('sh', '-c', 'openssl pkey -in "$0" -pubout -outform DER | base64 -w0', $file));
		return ('ssh-ed25519 ' . encode_base64(join('', map { pack 'N/a*', $_ } 'ssh-ed25519', substr $der, -32), ''), $file);
	}
	$v->db->must('openssl', 'pkey', '-in', $file, '-pubout', '-out', "$file.spki");
	return (join(' ', (split ' ', $v->db->must('ssh-keygen', '-i', '-m', 'PKCS8', '-f', "$file.spki"))[0, 1]), $file);
}

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
