#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# V1, V5, V8: revocation lists of every mixture. ssh-keygen -Q and openssl say of each certificate what the vault's rows say. ORACLE=all: a hundred thousand revocations.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Oracle;
use Vault;
use Test::More;
no warnings 'portable';                         # serials have 63 bits

my $v = Vault->new;
my $s = $v->db->session('postgres', wait => 600);
my $dir = $v->folder;
my $n = Oracle::everything() ? 600 : 120;
srand(my $seed = $ENV{ORACLE_SEED} // time);
diag "ORACLE_SEED=$seed";

# certificates of two authorities, the second in two generations; and of X.509
my ($one, $two) = ($v->{ssh_user}, $s->value(q{SELECT sftca.authority_create('ssh_user', 'ecdsa-p256')}));
my @keys = map { $v->key('ed25519') } 1 .. 8;
my (%serial, %of, %key_id, %key, %certificate, @made);
sub make
{
	my ($how, $authority, $count) = @_;
	$s->run('BEGIN');
	my @ids = map { $v->uuid } 1 .. $count;
	for my $id (@ids) {
		$key{$id} = $keys[rand @keys];
		$key_id{$id} = $how eq 'client' ? 'sft://acme/prod/u' . int rand 30 : 'sft1:acme:u' . int rand 30;
		$serial{$id} = $s->value($v->$how($id, authority => "'$authority'", public_key => "'$key{$id}'", ($how eq 'client' ? 'uri' : 'key_id') => "'$key_id{$id}'", valid_before => "now() + interval '1 hour'"));
		$of{$id} = $authority;
	}
	$s->run('COMMIT');
	my $list = join ',', map { "'$_'" } @ids;
	my %got = map { split /\|/, $_, 2 } split /\n(?=[0-9a-f-]{36}\|)/, join "\n", $s->run("SELECT id, certificate FROM sftca.finish(ARRAY[$list]::uuid[])");
	$certificate{$_} = $got{$_} // die "no certificate" for @ids;
	push @made, @ids;
	return @ids;
}
make('user', $one, $n);
make('user', $two, $n / 2);
$s->value("SELECT sftca.key_prepare('$two')");
$s->run("SELECT sftca.key_activate('$two', 2)");
make('user', $two, $n / 2);
my @clients = make('client', $v->{x509}, $n);

# what is revoked: single serials, neighbours, overlapping ranges, ranges of nothing, key ids, keys and fingerprints
my (@ranges, %bad_id, %bad_key);
sub revoke { my ($authority, $from, $to) = @_; $s->value("SELECT sftca.revoke('$authority', $from, $to, 'x')"); push @ranges, [$authority, $from, $to] }
for my $authority ($one, $two, $v->{x509}) {
	my @all = sort { $a <=> $b } map { $serial{$_} } grep { $of{$_} eq $authority } @made;
	revoke($authority, ($all[rand @all]) x 2) for 1 .. 8;
	my $i = int rand(@all - 3);
	revoke($authority, ($_) x 2) for @all[$i, $i + 1, $i + 2];                 # neighbours
	revoke($authority, ($all[$i]) x 2);                                         # again
	for (1 .. 3) { my ($from, $to) = sort { $a <=> $b } map { $all[rand @all] } 1, 2; revoke($authority, $from + 1, $from + 1 + (($to - $from) >> 3)) }
	revoke($authority, 1, 1000);                                                # nobody's
	revoke($authority, 9223372036854775806, 9223372036854775807);
	for (1 .. 3) { my $id = ($authority eq $v->{x509} ? 'sft://acme/prod/u' : 'sft1:acme:u') . int rand 30; $s->value("SELECT sftca.revoke_key_id('$authority', '$id', 'x')"); $bad_id{"$authority $id"} = 1 }
}
$s->value("SELECT sftca.revoke_key('$keys[0]', 'x')");
$s->value("SELECT sftca.revoke_key((sftca.parse_public_key('$keys[1]')).fingerprint, 'x')");
$bad_key{$_} = 1 for @keys[0, 1];
if (Oracle::everything()) {                       # a long list: every third serial of a span that is nobody's
	for my $authority ($one, $v->{x509}) {
		$s->run("INSERT INTO sftca.revocations (authority_id, serial_from, serial_to, reason, expires_at) SELECT '$authority', 4194304 + 3 * g, 4194304 + 3 * g, 'x', now() + interval '1 day' FROM generate_series(1, 100000) g");
		is $s->error, undef, '100000 more' or diag $s->message;
	}
}

sub is_bad { my ($id) = @_; return $bad_key{ $key{$id} } || $bad_id{"$of{$id} $key_id{$id}"} || scalar grep { $_->[0] eq $of{$id} && $_->[1] <= $serial{$id} && $serial{$id} <= $_->[2] } @ranges }
my %should = map { $_ => is_bad($_) ? 1 : 0 } @made;
cmp_ok scalar(grep { $_ } values %should), '>', $n / 2, 'some are revoked';
cmp_ok scalar(grep { !$_ } values %should), '>', $n / 2, '  and some are not';

# ssh-keygen about each
for my $authority ($one, $two) {
	my @ids = grep { $of{$_} eq $authority } @made;
	my $krl = $v->write_file('krl', decode_base64(join '', $s->run("SELECT encode(sftca.krl('$authority'), 'base64')")));
	my $started = time;
	$v->write_file("$_-cert.pub", "$certificate{$_}\n") for @ids;
	my (undef, $out) = $v->db->command('ssh-keygen', '-Q', '-f', $krl, map { "$dir/$_-cert.pub" } @ids);
	my %is = map { my ($id) = $out =~ m{^\Q$dir\E/$_-cert\.pub.*: (ok|REVOKED)$}m; ($_ => ($id // '') eq 'REVOKED' ? 1 : ($id // '') eq 'ok' ? 0 : undef) } @ids;
	is_deeply \%is, { map { $_ => $should{$_} } @ids }, scalar(@ids) . ' certificates, ' . (-s $krl) . ' bytes: ssh-keygen -Q says of each what the rows say';
	# and of those of other authorities: only keys and nothing else
	my @others = grep { $of{$_} ne $authority && $certificate{$_} =~ /^ssh-/ } @made;
	(undef, $out) = $v->db->command('ssh-keygen', '-Q', '-f', $krl, map { $v->write_file("$_-cert.pub", "$certificate{$_}\n") } @others[0 .. 19]);
	is scalar(() = $out =~ /REVOKED$/mg), scalar(grep { $bad_key{ $key{$_} } } @others[0 .. 19]), '  of another authority\'s only the keys';
	is scalar(grep { ($v->finish($s, $_))[0] ne ($should{$_} ? 'revoked' : 'signed') } @ids[0 .. 29]), 0, '  finish agrees';
}

# openssl about the X.509 list
my $text = $v->db->must('openssl', 'crl', '-noout', '-text', '-in', $v->write_file('list.pem', join "\n", $s->run("SELECT sftca.crl_bundle('$v->{x509}')"), ''));
my @listed = sort map { hex } $text =~ /Serial Number: ([0-9A-F]+)/g;
is_deeply \@listed, [sort map { $serial{$_} } grep { $should{$_} } @clients], scalar(@clients) . ' X.509 certificates: openssl crl lists what the rows say, each once';

# V5, V8: what may be revoked, and how often

my $before = $s->value("SELECT sftca.krl_version('$one')");
is $s->value("SELECT sftca.revoke('$one', 77, 77, 'never issued')"), $before + 1, 'V5 a serial that nobody has: a row, and the list counts up';
is $s->value("SELECT sftca.revoke('$one', 77, 77, 'again')"), $before + 2, 'V5 the same again';
my $gone = $v->uuid;
my $gone_serial = $s->value($v->user($gone, valid_before => "clock_timestamp() + interval '1 s'"));
$s->run('SELECT pg_sleep(1.1)');
is $s->value("SELECT sftca.revoke('$one', $gone_serial, $gone_serial, 'too late')"), $before + 3, 'V5 what has expired';
is +($v->finish($s, $gone))[0], 'expired', '  which nothing is signed for anyway';
for (['0', '0', 'revocation_serial_positive'], ['-1', '-1', 'revocation_serial_positive'], ['5', '4', 'revocation_range'], ['NULL', '4', undef]) {
	my ($from, $to, $word) = @$_;
	$s->run("SELECT sftca.revoke('$one', $from, $to, 'x')");
	ok defined $s->error, "V8 serials $from to $to are refused";
	is $s->code, $word, '  by name' if $word;
}
for my $sql ("sftca.revoke('$one', 1, 1, '')", "sftca.revoke_key_id('$one', E'a\\nserial: 1-9', 'x')", "sftca.revoke_key_id('$one', '', 'x')", "sftca.revoke_key('SHA256:x', 'x')", 'sftca.revoke(gen_random_uuid(), 1, 1, \'x\')') {
	$s->run("SELECT $sql");
	ok defined $s->code, "V8 $sql is refused: " . ($s->code // 'no');
}
is $s->value("SELECT sftca.krl_version('$one')"), $before + 3, '  and the list is what it was';

done_testing;
