# SPDX-License-Identifier: PostgreSQL
# Hsm - a SoftHSM token of a test's own, for the PostgreSQL server's user.
#
#   my $hsm = Hsm->new;              # before the cluster: dev/pg hands SOFTHSM2_CONF on to the server
#   $hsm->keypair('kek', 'rsa:2048');
#   my $v = Vault->new(settings => { $hsm->settings, … });
#   my $wrapped = $hsm->wrap('kek', $bytes);       # by openssl, RSA-OAEP with SHA-256
package Hsm;
use strict;
use warnings;
use File::Temp ();
use lib "$FindBin::Bin/../../regress/lib";
use Sft::Db;

our ($module) = grep { -e } '/usr/lib/softhsm/libsofthsm2.so', glob '/usr/lib/*/softhsm/libsofthsm2.so';

sub new
{
	my ($class) = @_;
	my $tmp = File::Temp->newdir('sft-hsm-XXXXXX', TMPDIR => 1);
	my $self = bless { tmp => $tmp, dir => $tmp->dirname }, $class;
	chmod 0711, $self->{dir};
	mkdir "$self->{dir}/tokens";
	$self->put('softhsm2.conf', "directories.tokendir = $self->{dir}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
	$self->put('pin', "1234\n", 0600);
	$ENV{SOFTHSM2_CONF} = "$self->{dir}/softhsm2.conf";
	$self->token('sft');
	return $self;
}

sub dir { $_[0]{dir} }
sub settings { my ($self) = @_; return ('pg_sftca.token_module' => $module, 'pg_sftca.token_pin_file' => "$self->{dir}/pin") }

# A file of the server's user.
sub put
{
	my ($self, $name, $content, $mode) = @_;
	my $file = "$self->{dir}/$name";
	open my $out, '>:raw', "$file.new" or die "$file: $!";
	print $out $content;
	close $out;
	chmod $mode // 0644, "$file.new";
	chown +(getpwnam 'postgres')[2, 3], "$file.new";
	rename "$file.new", $file or die $!;
	return $file;
}

sub must { my ($self, @argv) = @_; my $out = Sft::Db->must(@argv); Sft::Db->must('chown', '-R', 'postgres:postgres', "$self->{dir}/tokens"); return $out }
sub token { my ($self, $label) = @_; return $self->must('softhsm2-util', '--init-token', '--free', '--label', $label, '--pin', '1234', '--so-pin', '4321') }
sub tool { my ($self, @argv) = @_; return $self->must('pkcs11-tool', '--module', $module, '--token-label', 'sft', '--login', '--pin', '1234', @argv) }

my $ids = 0;
sub keypair { my ($self, $label, $type) = @_; return $self->tool('--keypairgen', '--key-type', $type, '--label', $label, '--id', sprintf '%04x', 1000 + ++$ids) }
sub remove { my ($self, $label) = @_; $self->tool('--delete-object', '--type', $_, '--label', $label) for qw(privkey pubkey); return }

# The public key as PEM, through OpenSC and openssl.
sub public
{
	my ($self, $label) = @_;
	$self->tool('--read-object', '--type', 'pubkey', '--label', $label, '--output-file', "$self->{dir}/$label.der");
	$self->must('openssl', 'pkey', '-pubin', '-inform', 'DER', '-in', "$self->{dir}/$label.der", '-out', "$self->{dir}/$label.pem");
	return "$self->{dir}/$label.pem";
}

sub wrap
{
	my ($self, $label, $bytes, $hash) = @_;
	$hash //= 'sha256';
	my $plain = $self->put('plain', $bytes, 0600);
	my $pem = $self->public($label);
	$self->must('openssl', 'pkeyutl', '-encrypt', '-pubin', '-inkey', $pem, '-in', $plain, '-out', "$self->{dir}/wrapped.new",
		'-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', "rsa_oaep_md:$hash", '-pkeyopt', "rsa_mgf1_md:$hash");
	unlink $plain;
	return Sft::Db::slurp("$self->{dir}/wrapped.new");
}

1;
