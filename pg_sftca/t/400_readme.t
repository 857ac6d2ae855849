#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# The README's tour, pasted into psql as it stands: ten statements in a database that has only the extension. What comes out satisfies ssh-keygen and openssl.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Vault;
use Test::More;

my ($tour) = Sft::Db::slurp("$FindBin::Bin/../README.md") =~ /^## A tour in ten statements\n.*?^```sql\n(.*?)^```/ms or die 'no tour';
my @statements = map { /^-- (\d+)\./ ? $_ : () } split /\n\n/, $tour;
is_deeply [map { /^-- (\d+)\./ } @statements], [1 .. 10], 'ten statements';
is scalar(() = $tour =~ /;$/mg), 10, '  each ends once';

my $v = Vault->new(bare => 1);
my @psql = ('env', $v->db->env, 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', 'vault');
$v->db->must(@psql, '-q', '-c', 'CREATE EXTENSION pg_sftca');
is +(grep { !/^(pg_catalog|information_schema|public|sftca|pg_toast)$/ } $v->db->root->run('SELECT nspname FROM pg_namespace')), 0, 'nothing else is there';

# as a person sees it, and statement by statement for us
my $n = 0;
my @said = map { $v->db->must(@psql, '-At', '-f', $v->write_file('statement' . ++$n . '.sql', $_)) } @statements;
like $said[0], qr/^ok\|/, '1 the KEK is there';
like $said[1], qr/^[0-9a-f-]{36}\|[0-9a-f-]{36}$/, '2 two authorities';
my ($people, $services) = split /\|/, $said[1];
my ($trusted) = $said[2] =~ /people\|(.*)/;
my ($pem) = $said[2] =~ /services\|(-----BEGIN.*?END CERTIFICATE-----\n)/s;
ok $trusted && $pem, '3 a line and a PEM block to trust' or diag $said[2];
like $said[3], qr/^\d+\|\d+$/, '4 two serials';
my ($ssh) = $said[4] =~ /ssh_user\|signed\|(\S+ \S+)/;
my ($x509) = $said[4] =~ /x509_server\|signed\|(-----BEGIN.*?END CERTIFICATE-----\n)/s;
ok $ssh && $x509, '5 both are signed' or diag $said[4];
like $v->read_ssh($ssh) // '', qr/Key ID: "sft1:tour:alice:1"/, '  ssh-keygen reads the one';
my ($ca, $leaf) = ($v->write_file('ca.pem', $pem), $v->write_file('leaf.pem', $x509));
like $v->db->must('openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'db.example.com', '-CAfile', $ca, $leaf), qr/: OK$/, '  openssl verifies the other';
like $said[5], qr/^sft1:tour:alice:1\|\{alice\}\|[^|]+\|\{"permit-pty": ""\}\|$/, '6 she would get in';
is $said[6], "2\n", '7 a second generation';
is $said[7], "\n", '8 signs';
is $v->db->root->value("SELECT string_agg(state, ' ' ORDER BY generation) FROM sftca.keys WHERE name = 'people'"), 'retiring active', '  the first is on its way out';
like $said[8], qr/^\d+$/, '9 revoked';
my ($krl, $entries, $outcome) = $said[9] =~ /^([^|]*)\|(\{[^|]*\})\|(\w+)$/;
is $outcome, 'revoked', '10 nothing is signed for her id any more';
like $entries, qr/key_id/, '  the list has it';
my ($list, $file) = ($v->write_file('list', decode_base64($krl // '')), $v->write_file('alice-cert.pub', "$ssh\n"));
like +($v->db->command('ssh-keygen', '-Q', '-f', $list, $file))[1], qr/REVOKED/, '  ssh-keygen says so too';

# all of it in one go, as somebody would paste it
$v->db->psql('postgres', 'CREATE DATABASE again');
$v->db->must('env', $v->db->env, 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'again', '-c', 'CREATE EXTENSION pg_sftca', '-f', $v->write_file('tour.sql', $tour));
pass 'pasted in one piece';

# --- the README and the manual name what there is
my ($readme, $manual) = map { Sft::Db::slurp("$FindBin::Bin/$_") } '../README.md', '../../docs/pg_sftca.7.scd';
$manual =~ s/\\([_*])/$1/g;
my ($parts) = $readme =~ /^(`key_generate`.*?)\n\n/ms;
my %part = map { $_ => 1 } ($parts // '') =~ /`(\w+)`/g;
my $s = $v->db->session('postgres');
$s->value('SELECT kek FROM sftca.status()'); # loads the library, and so the settings
sub lacking { my ($text, @names) = @_; return join ' ', grep { $text !~ /(?<![\w.])\Q$_\E(?!\w)/ } @names }
my @functions = $s->run("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'sftca'::regnamespace ORDER BY 1");
is lacking($readme, @functions), '', 'the README has every function';
is lacking($manual, grep { !$part{$_} } @functions), '', '  the manual those that are for others';
my %is = map { $_ => 1 } @functions;
is join(' ', grep { !$is{$_} } keys %part), '', '  no part is named that is not there';
is lacking($manual, $s->run("SELECT name FROM pg_settings WHERE name LIKE 'pg\\_sftca.%'")), '', '  and every setting';
my @tables = $s->run("SELECT relname FROM pg_class WHERE relnamespace = 'sftca'::regnamespace AND relkind IN ('r', 'v')");
is lacking($manual, grep { !/^(authorities|authority_\w+|\w+_versions)$/ } @tables), '', '  and every table of use';

done_testing;
