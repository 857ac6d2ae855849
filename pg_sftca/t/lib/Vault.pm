# SPDX-License-Identifier: PostgreSQL
# Vault - a private cluster with pg_sftca and one authority of each purpose, for tests.
#
#   my $v = Vault->new;                        # settings => {…} for postgresql.conf
#   my $s = $v->db->session('postgres');
#   my $id = $v->uuid;
#   $s->run($v->user($id));                    # SELECT sftca.prepare_ssh_user(…); any argument can be
#   $s->run($v->user($id, principals => "'{}'"));   # replaced by another SQL expression
#   my ($outcome, $certificate) = $v->finish($s, $id);
package Vault;
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::Db;

sub new
{
	my ($class, %opt) = @_;
	my $self = bless { db => Sft::Db->new(empty => 1, database => 'vault', settings => $opt{settings} // {}), keys => 0 }, $class;
	return $self if $opt{bare};
	my $s = $self->db->root;
	$s->value('CREATE EXTENSION pg_sftca');
	$self->{$_} = $s->value("SELECT sftca.authority_create('$_')") for qw(ssh_user ssh_host x509);
	$s->value('SELECT sftca.statement_key_create()');
	return $self;
}

sub db { $_[0]{db} }
sub folder { $_[0]{db}->folder }
sub uuid
{
	open my $in, '<:raw', '/proc/sys/kernel/random/uuid' or die $!;
	chomp(my $uuid = <$in>);
	return $uuid;
}

# A fresh public key, made by ssh-keygen: key('ed25519'), key('rsa', '-b', 2048)
sub key
{
	my ($self, $type, @more) = @_;
	my $file = $self->folder . '/key' . ++$self->{keys};
	$self->db->must('ssh-keygen', '-q', '-t', $type // 'ed25519', @more, '-N', '', '-f', $file);
	my ($kind, $blob) = split ' ', Sft::Db::slurp("$file.pub");
	$self->{last_key} = $file;
	return "$kind $blob";
}

sub default_key { my ($self) = @_; return $self->{default_key} //= $self->key }

sub call
{
	my ($function, $order, $given, %over) = @_;
	my %arg = (%$given, %over);
	return "SELECT sftca.$function(" . join(', ', map { $arg{$_} // die "no $_" } @$order) . ')';
}

my %times = (valid_after => "now() - interval '1 minute'", valid_before => "now() + interval '" . ($ENV{TEST_LIFE} // '5 minutes') . "'");

sub user
{
	my ($self, $id, %over) = @_;
	return call('prepare_ssh_user', [qw(id authority public_key key_id principals valid_after valid_before critical_options extensions)],
		{ %times, id => "'$id'", authority => "'$self->{ssh_user}'", public_key => "'@{[$self->default_key]}'",
		  key_id => "'sft1:acme:prod:alice:$id'", principals => "'{alice}'", critical_options => "'{}'",
		  extensions => q('{"permit-pty": "", "project@sft": "prod"}') }, %over);
}

sub host
{
	my ($self, $id, %over) = @_;
	return call('prepare_ssh_host', [qw(id authority public_key key_id principals valid_after valid_before)],
		{ %times, id => "'$id'", authority => "'$self->{ssh_host}'", public_key => "'@{[$self->default_key]}'",
		  key_id => "'sft1:acme:prod:web01:$id'", principals => "'{web01,web01.example.com}'" }, %over);
}

sub client
{
	my ($self, $id, %over) = @_;
	my $more = delete $over{more};                  # SQL for the arguments behind the nine
	my $call = call('prepare_x509_client', [qw(id authority public_key common_name organization organizational_unit uri valid_after valid_before)],
		{ %times, id => "'$id'", authority => "'$self->{x509}'", public_key => "'@{[$self->default_key]}'", common_name => "'alice'",
		  organization => "'acme'", organizational_unit => "'prod'", uri => "'sft://acme/prod/alice'" }, %over);
	return defined $more ? $call =~ s/\)\z/, $more)/r : $call;
}

sub server
{
	my ($self, $id, %over) = @_;
	return call('prepare_x509_server', [qw(id authority public_key common_name organization organizational_unit uri valid_after valid_before dns_names ip_addresses uris emails wildcards)],
		{ %times, id => "'$id'", authority => "'$self->{x509}'", public_key => "'@{[$self->default_key]}'", common_name => 'NULL', organization => "'acme'", organizational_unit => "'prod'",
		  uri => 'NULL', dns_names => "'{web01.example.com}'", ip_addresses => "'{}'", uris => "'{}'", emails => "'{}'", wildcards => 'false' }, %over);
}

# (outcome, certificate) of one id, as this session sees it
sub finish
{
	my ($self, $s, $id) = @_;
	my @lines = $s->run("SELECT outcome, certificate FROM sftca.finish(ARRAY['$id']::uuid[])");
	return (undef, undef) if defined $s->error;
	my ($outcome, $certificate) = split /\|/, join("\n", @lines), 2;
	return ($outcome, $certificate eq '' ? undef : $certificate);
}

sub write_file
{
	my ($self, $name, $content) = @_;
	my $file = $self->folder . "/$name";
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $content;
	close $out;
	return $file;
}

# What ssh-keygen -L says; it verifies the signature.
sub read_ssh
{
	my ($self, $certificate) = @_;
	my $file = $self->write_file('read-cert.pub', "$certificate\n");
	my ($rc, $out) = $self->db->command('env', 'TZ=UTC', 'ssh-keygen', '-L', '-f', $file);
	return $rc == 0 ? $out : undef;
}

1;
