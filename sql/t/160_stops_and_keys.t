#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Over HTTP what only DBAs could do: revoking, locking, and turning an authority's keys, with servers that acknowledge.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use MIME::Base64 ();
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my ($root, $door) = ($w->db->root, $w->door);
$w->admin(q{create_project('acme', 'other')});
$w->admin(q{add_project_group('acme', 'other', 'ops')});
my $olga = $w->client('acme', 'olga');
my $alice = $w->client('acme', 'alice');
my $web = $w->server('acme', 'prod', 'web01');
my $T = '/v1/teams/acme';
my $uuid = \&Sft::Door::uuid;

sub is_refused
{
	my ($a, $want, $name) = @_;
	is "$a->{status} " . ($a->{json}{error} // ''), $want, $name or diag $a->{text};
}

sub issue { my $a = $alice->credential($_[0] // $web->{id}); die $a->{text} unless $a->{status} == 201; return $a->{json} }
sub is_out { my ($c) = @_; return $root->value("SELECT EXISTS (SELECT FROM sftca.revocations WHERE authority_id = '$c->{authority_id}' AND $c->{serial} BETWEEN serial_from AND serial_to)") eq 't' }
sub topics { return join ' ', $root->run('SELECT DISTINCT topic FROM sft.changes WHERE id > ' . $_[0] . ' ORDER BY 1') }
sub mark { return $root->value('SELECT coalesce(max(id), 0) FROM sft.changes') }

# --- revocations ------------------------------------------------------------------------------------
my ($one, $two) = (issue(), issue());
my $m = mark();
my $a = $olga->call(POST => "$T/revocations", body => { request_id => $one->{request_id}, reason => 'pasted into a chat' });
is_deeply $a->{json}, { subject_kind => 'request_id', subject_id => $one->{request_id}, reason => 'pasted into a chat', certificates => 1 }, 'one certificate is revoked' or diag $a->{text};
ok is_out($one) && !is_out($two), '  that one alone';
is topics($m), "project/" . $web->{enrolled}{json}{project_id}, '  and its servers are told';
is $olga->call(POST => "$T/revocations", body => { request_id => $one->{request_id}, reason => 'x' })->{json}{certificates}, 0, '  again: nothing to do';
is $root->value("SELECT count(*) FROM sftca.revocations WHERE $one->{serial} BETWEEN serial_from AND serial_to"), 1, '  and nothing more written';
is $olga->call(POST => "$T/revocations", body => { client => $alice->{id}, reason => 'laptop lost' })->{json}{certificates}, 1, 'what a client holds';
ok is_out($two), '  the other too';
is_refused $alice->call(GET => "$T/projects"), '401 session_required', '  and it is signed out';
$alice->sign_in;
my $three = issue();
is $olga->call(POST => "$T/revocations", body => { user => 'alice', reason => 'x' })->{json}{certificates}, 1, 'what a user holds';
$alice->sign_in;
$three = issue();
is $olga->call(POST => "$T/revocations", body => { server => 'web01', reason => 'x' })->{json}{certificates}, 1, 'what opens a server, by its name';
ok is_out($three), '  it is out';
my $before = $root->value(q{SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')});
$root->run('SELECT pg_sleep(0.05)');
my $four = issue();
is $olga->call(POST => "$T/revocations", body => { project => 'prod', issued_before => $before, reason => 'x' })->{json}{certificates}, 0 + $root->value("SELECT count(*) FROM sft.credentials WHERE created_at < '$before'"), 'what a project issued until a time';
ok !is_out($four), '  not what came after';
is $olga->call(POST => "$T/revocations", body => { project => 'prod', issued_after => $before, reason => 'x' })->{json}{certificates}, 1, '  and what came after';
ok is_out($four), '  is out';
is $root->value(q{SELECT count(*) FROM sft.audit_events WHERE type = 'certificates.revoke' AND actor = 'olga'}), 7, 'each is in the audit';
is_refused $olga->call(POST => "$T/revocations", body => $_->[0]), "400 $_->[1]", "refused: $_->[2]" for
	[ { reason => 'x' }, 'revocation_subject', 'nothing named' ], [ { user => 'alice', client => $alice->{id}, reason => 'x' }, 'revocation_subject', 'two named' ],
	[ { user => 'alice' }, 'reason_missing', 'no reason' ], [ { request_id => 'x', reason => 'x' }, 'request_id_format', 'no uuid' ],
	[ { user => 'alice', issued_after => $before, reason => 'x' }, 'issued_after_format', 'a time with a user' ],
	[ { project => 'prod', issued_after => 'yesterday', reason => 'x' }, 'issued_after_format', 'no time' ],
	[ { project => 'prod', issued_after => '2026-02-31T00:00:00Z', reason => 'x' }, 'issued_after_format', 'no day' ],
	[ { project => 'prod', issued_before => '2199-01-01T00:00:00Z', reason => 'x' }, 'issued_after_format', 'the future' ],
	[ { user => 'alice', reason => 'x', force => 1 }, 'field_unknown', 'a field too many' ];
is_refused $olga->call(POST => "$T/revocations", body => { $_->[0] => $_->[1], reason => 'x' }), "404 $_->[2]", "unknown: $_->[0]" for
	[ request_id => $uuid->(), 'credential_unknown' ], [ user => 'nobody', 'user_unknown' ], [ client => $uuid->(), 'client_unknown' ], [ server => 'nohost', 'server_unknown' ], [ project => 'none', 'project_unknown' ];

# --- locks ------------------------------------------------------------------------------------------
$m = mark();
$a = $olga->call(POST => "$T/locks", body => { subject_kind => 'user', subject => 'alice', reason => 'laptop stolen' });
is "$a->{status} $a->{json}{subject_name} $a->{json}{created_by} " . ($a->{json}{active} ? 'active' : ''), '201 alice olga active', 'a user is locked' or diag $a->{text};
my $lock = $a->{json};
is_refused $alice->credential($web->{id}), '403 locked', '  and gets nothing';
isnt topics($m), '', '  the servers are told';
is $olga->call(GET => "$T/locks/$lock->{id}")->{json}{reason}, 'laptop stolen', '  it can be read';
$w->admin(q{add_member('acme', 'owners', 'bob')});
my $bob = $w->client('acme', 'bob');
my $his = $olga->call(POST => "$T/locks", body => { subject_kind => 'user', subject => 'bob', reason => 'bob left' })->{json}{id};
is_refused $bob->call(DELETE => "$T/locks/$_->[0]"), '403 locked', "  whom a lock names lifts $_->[1]" for [ $his, 'not his own' ], [ $lock->{id}, 'nobody else\'s' ];
is $olga->call(DELETE => "$T/locks/$his")->{status}, 204, '  whom none names does';
is $olga->call(GET => "$T/locks/$lock->{id}")->{json}{lifted_by}, undef, '  and it holds';
is $olga->call(DELETE => "$T/locks/$lock->{id}")->{status}, 204, '  lifted';
is $olga->call(GET => "$T/locks/$lock->{id}")->{json}{lifted_by}, 'olga', '  by whom, is kept';
is_refused $olga->call(DELETE => "$T/locks/$lock->{id}"), '404 lock_unknown', '  once';
is_deeply [ map { scalar @{ $olga->call(GET => "$T/locks$_")->{json}{list} } } '', '?include_ended=true' ], [ 0, 2 ], '  listed while they hold, or all';
is $alice->credential($web->{id})->{status}, 201, '  alice works again';
for ([ client => $alice->{id} ], [ server => 'web01' ], [ project => 'prod' ]) {
	my ($kind, $subject) = @$_;
	$a = $olga->call(POST => "$T/locks", body => { subject_kind => $kind, subject => $subject, reason => 'x' });
	is $a->{status}, 201, "a lock on a $kind" or diag $a->{text};
	is_refused $alice->credential($web->{id}), '403 locked', '  stops it';
	is $olga->call(DELETE => "$T/locks/$a->{json}{id}")->{status}, 204, '  and is lifted';
}
is $olga->call(POST => "$T/locks", body => { subject_kind => 'team', subject => 'acme', reason => 'x' })->{status}, 201, 'a lock on the team';
is_refused $olga->call(GET => "$T/projects"), '403 locked', '  stops everybody';
is $w->try_admin(q{unlock('acme', 'team', 'acme')}), 'done', '  and is lifted by a DBA';
is_refused $olga->call(POST => "$T/locks", body => { subject_kind => 'user', subject => 'alice', reason => 'x', %{ $_->[0] } }), $_->[1], "refused: $_->[2]" for
	[ { subject_kind => 'king' }, '400 lock_subject_kind_unknown', 'a kind that there is not' ], [ { subject => 'nobody' }, '404 user_unknown', 'nobody' ], [ { reason => '' }, '400 reason_missing', 'no reason' ],
	[ { expires_at => '2020-01-01T00:00:00Z' }, '400 lock_expires_at_range', 'over already' ], [ { expires_at => 'soon' }, '400 expires_at_format', 'no time' ], [ { subject_kind => 'team', subject => 'zeta' }, '404 team_unknown', 'another team' ];
is_refused $alice->call(POST => "$T/$_->[0]", body => $_->[1]), '403 role_missing', "not for everybody: $_->[0]" for [ locks => { subject_kind => 'user', subject => 'bob', reason => 'x' } ], [ revocations => { user => 'bob', reason => 'x' } ];

# --- authorities and their keys ---------------------------------------------------------------------
my $listed = $olga->call(GET => "$T/authorities");
my @all = @{ $listed->{json}{list} // diag $listed->{text} };
is_deeply [ map { "$_->{project_name} $_->{purpose}" } @all ], [ map { my $p = $_; map { "$p $_" } qw(ssh_host ssh_user x509) } qw(other prod) ], 'authorities: three for each project';
my ($user, $host, $x509) = map { my $p = $_; grep { $_->{project_name} eq 'prod' && $_->{purpose} eq $p } @all } qw(ssh_user ssh_host x509);
is_deeply $olga->call(GET => "$T/authorities/$user->{id}")->{json}, $user, 'one of them';
is scalar(@{ $olga->call(GET => "$T/authorities?project=other")->{json}{list} }), 3, 'of one project';
is_deeply [ map { "$_->{generation} $_->{state}" } @{ $olga->call(GET => "$T/authorities/$user->{id}/keys")->{json}{list} } ], ['1 active'], 'its keys';
my $report = sub {
	my ($s, $trust) = @_;
	my $r = $s->call(POST => '/v1/server/report', body => { state_version => 1, trust_version => $trust, krl_version => 1, healthy => JSON::PP::true(), facts => {}, drift => [], logins => [] });
	die $r->{text} unless $r->{status} == 204;
};
my $db01 = $w->server('acme', 'prod', 'db01');
my $elsewhere = $w->server('acme', 'other', 'far01');
$report->($_, $user->{trust_version}) for $web, $db01, $elsewhere;
my $acks = sub { my $r = $olga->call(GET => "$T/authorities/$user->{id}/acknowledgements")->{json}; return join ' ', map { "$_->{hostname}:" . ($_->{acknowledged} ? 'yes' : 'no') } @{ $r->{list} } };
is $acks->(), 'db01:yes web01:yes', 'every server trusts what there is';
my $v = sub { $web->call(GET => '/v1/server/state')->{json} };
my $state = $v->();
$m = mark();
$a = $olga->call(POST => "$T/authorities/$user->{id}/keys");
is "$a->{status} $a->{json}{generation} $a->{json}{state}", '201 2 next', 'a next key is prepared' or diag $a->{text};
is topics($m), "project/$user->{project_id}", '  servers are told';
my $state2 = $v->();
is_deeply [ map { $_->{state} } @{ $state2->{trust}{keys} } ], [ 'active', 'next' ], '  to trust it';
cmp_ok $state2->{version}, '>', $state->{version}, '  in a newer state';
is_refused $olga->call(POST => "$T/authorities/$user->{id}/keys"), '409 key_next_exists', '  one at a time';
is $acks->(), 'db01:no web01:no', '  nobody trusts it yet';
my $activate = sub { $olga->call(POST => "$T/authorities/$user->{id}/keys/2/activation", body => { waive => [@_] }) };
$a = $activate->();
is_refused $a, '409 servers_behind', 'it is not activated before every server trusts it';
is_deeply [ map { $_->{hostname} } @{ $a->{json}{servers} } ], [ 'db01', 'web01' ], '  which are named';
$report->($web, $state2->{trust}{version});
is_refused $activate->(), '409 servers_behind', '  one of two is not enough';
is_refused $activate->('web01'), '409 servers_behind', '  nor is waiving the other';
is_refused $activate->('nohost'), '404 server_unknown', '  nor one that there is not';
is $root->value("SELECT state FROM sftca.keys WHERE authority_id = '$user->{id}' AND generation = 2"), 'next', '  it waits still';
my $old = issue();
$a = $activate->('db01');
is "$a->{status} $a->{json}{state}", '200 active', '  with the last one waived by name it is' or diag $a->{text};
is_deeply [ $root->run(q{SELECT details->>'waived' FROM sft.audit_events WHERE type = 'authority_key.activate'}) ], [qq(["$db01->{id}"])], '  by whom and for which, is kept';
my $new = issue();
is $root->value("SELECT generation FROM sftca.certificates WHERE id = '$new->{request_id}'"), 2, 'the new key signs';
is_refused $activate->(), '409 key_state', '  it is active already';
is_refused $olga->call(DELETE => "$T/authorities/$user->{id}/keys/2"), '409 key_state', 'an active key is not retired';
$a = $olga->call(DELETE => "$T/authorities/$user->{id}/keys/1");
is_refused $a, '409 key_in_use', 'nor one whose certificates live';
cmp_ok $a->{json}{until}, 'gt', $before, '  it says until when';
is $olga->call(DELETE => "$T/authorities/$user->{id}/keys/1?force=true")->{status}, 204, '  unless forced';
is_deeply [ map { "$_->{generation} $_->{state}" } @{ $olga->call(GET => "$T/authorities/$user->{id}/keys")->{json}{list} } ], [ '2 active', '1 retired' ], '  it is retired';
is_deeply [ map { $_->{generation} } @{ $v->()->{trust}{keys} } ], [2], '  and no server trusts it';
my ($again) = $door->finish($old->{request_id});
isnt $again->{status}, 201, '  what it signed is not signed again';
is_refused $olga->call(POST => "$T/authorities/$user->{id}/keys/9/activation", body => {}), '404 generation_unknown', 'a generation that there is not';
is_refused $olga->call(POST => "$T/authorities/$user->{id}/keys/0/activation", body => {}), '404 generation_unknown', 'nor 0';
is_refused $olga->call(GET => "$T/authorities/$_/keys"), '404 authority_unknown', "no authority: $_" for $uuid->(), 'x', $root->value(q{SELECT authority_id FROM sftca.statement_keys LIMIT 1});
# the others have nobody to acknowledge
# a DBA does the same in SQL
is $w->try_admin(q{prepare_key('acme', 'prod')}), 'done', 'a DBA prepares a key';
is $w->try_admin(q{activate_key('acme', 'prod', 3)}), 'servers_behind', '  and waits for servers';
is $w->try_admin(q{activate_key('acme', 'prod', 3, '{web01,db01}')}), 'done', '  or waives them by name';
is $w->try_admin(q{retire_key('acme', 'prod', 2)}), 'key_in_use', '  retires no key whose certificates live';
is $w->try_admin(q{retire_key('acme', 'prod', 2, true)}), 'done', '  unless forced';
is $w->try_admin(q{prepare_key('acme', 'prod', 'statement')}), 'authority_purpose', '  nor one that is not the project\'s';
is $olga->call(POST => "$T/authorities/$host->{id}/keys")->{status}, 201, 'a host authority';
is $olga->call(POST => "$T/authorities/$host->{id}/keys/2/activation", body => {})->{json}{state}, 'active', '  turns at once';

# --- X.509 revocation lists -------------------------------------------------------------------------
my $dir = $w->db->folder;
my $crl = sub { my ($query, %h) = @_; return $door->call(GET => "/v1/authorities/$x509->{id}/crl" . ($query // ''), headers => { %h }) };
$a = $crl->();
is "$a->{status} $a->{headers}{'content-type'}", '200 application/pkix-crl', 'a revocation list';
sub openssl_crl { my ($form, $bytes) = @_; open my $f, '>:raw', "$dir/crl" or die $!; print $f $bytes; close $f; my (undef, $out) = $w->db->command('openssl', 'crl', '-inform', $form, '-in', "$dir/crl", '-noout', '-text'); return $out }
like openssl_crl('DER', $a->{text}), qr/No Revoked Certificates/, '  empty';
my $etag = $a->{headers}{etag};
is $crl->('', 'if-none-match' => $etag)->{status}, 304, '  who has it is told so';
my ($c) = $door->batch([ $alice->make(POST => "$T/credentials", body => { kind => 'x509_client', project => 'prod', public_key => $w->ssh_key }) ]);
is $olga->call(POST => "$T/revocations", body => { request_id => $c->{json}{request_id}, reason => 'key_compromise: lost' })->{json}{certificates}, 1, 'a certificate is revoked';
$a = $crl->('', 'if-none-match' => $etag);
is $a->{status}, 200, '  the list is another';
my $serial = sprintf '%X', $c->{json}{serial};
like openssl_crl('DER', $a->{text}), qr/Serial Number: 0*$serial\b.*Key Compromise/s, '  with it and its reason';
is $olga->call(POST => "$T/authorities/$x509->{id}/keys")->{status}, 201, 'another key';
$a = $crl->('?format=pem');
is scalar(() = $a->{text} =~ /BEGIN X509 CRL/g), 2, '  in PEM: a list for each key that is trusted';
is_refused $crl->('?format=xml'), '400 format_format', 'refused: another format';
is_refused $crl->('?generation=7'), '404 generation_unknown', 'refused: another generation';
is_refused $door->call(GET => "/v1/authorities/$user->{id}/crl"), '404 authority_unknown', 'an SSH authority has none';
# --- the audit, as collectors read it ---------------------------------------------------------------
my $events = sub {
	my ($who, $query) = @_;
	my ($url, @seen) = ("$T/auditsV2?$query");
	while ($url) {
		my $a = $who->call(GET => $url);
		die $a->{text} unless $a->{status} == 200;
		push @seen, @{ $a->{json}{list} };
		($url) = ($a->{headers}{link} // '') =~ m{<https://[^/]*([^>]*)>; rel="next"};
	}
	return @seen;
};
my @whole = $events->($olga, 'count=1000');
is scalar(@whole), 0 + $root->value(q{SELECT count(*) FROM sft.audit_events e JOIN sft.teams t ON t.id = e.team_id WHERE t.name = 'acme'}), 'the audit shows every event of the team';
my @ids = map { $_->{id} } @whole;
my @numbers = map { unpack 'x8Q>', MIME::Base64::decode_base64($_) } @ids;
is_deeply [ grep { $numbers[ $_ - 1 ] >= $numbers[$_] } 1 .. $#numbers ], [], '  in the order of their numbers';
is_deeply [ map { $_->{id} } $events->($olga, 'count=17') ], \@ids, '  the same in pages of 17';
is_deeply [ map { $_->{id} } $events->($olga, 'count=17&descending=true') ], [ reverse @ids ], '  and newest first';
is_deeply [ map { $_->{id} } $events->($olga, "count=40&offset=$ids[-50]") ], [ @ids[-49 .. -1] ], '  on from an event that one has';
is_deeply $olga->call(GET => "$T/auditsV2?offset=$ids[-1]")->{json}, { list => [], related_objects => {} }, '  nothing after the last';
is_refused $olga->call(GET => "$T/auditsV2?offset=$_"), '400 offset_format', "refused: offset=$_" for 'x', '%20', 'A' x 24, 'a' x 2000;
my ($issue) = grep { $_->{details}{type} eq 'user_creds.issue' } @whole;
my $related = $olga->call(GET => "$T/auditsV2?count=1000")->{json}{related_objects};
is_deeply [ map { $related->{ $issue->{details}{$_} }{type} } qw(actor client target_server project) ], [ qw(user client server project) ], '  what an event names is beside it';
is $related->{ $issue->{details}{actor} }{object}{name}, 'alice', '  by name';
my $uma = $w->client('acme', 'bob');
$w->admin(q{remove_member('acme', 'owners', 'bob')});
$w->admin(q{create_group('acme', 'users', '{access_user}')});
$w->admin(q{add_member('acme', 'users', 'bob')});
is_deeply [ grep { $_->{details}{actor_name} ne 'bob' } $events->($uma, 'count=1000') ], [], '  who is no admin sees what they did';
is_refused $alice->call(GET => "$T/auditsV2"), '403 role_missing', '  and who has no role nothing';

# --- logins -----------------------------------------------------------------------------------------
my $in = issue($web->{id});
$a = $web->call(POST => '/v1/server/report', body => { state_version => 1, trust_version => 1, krl_version => 1, healthy => JSON::PP::true(), facts => {}, drift => [], logins => [ { serial => $in->{serial}, account => 'alice' }, { account => 'nobody' } ] });
is $a->{status}, 204, 'a server reports logins' or diag $a->{text};
my @logins = @{ $olga->call(GET => "$T/logins")->{json}{list} };
is_deeply [ map { [ @$_{qw(hostname project_name user_name request_id)} ] } @logins ], [ [ 'web01', 'prod', undef, undef ], [ 'web01', 'prod', 'alice', $in->{request_id} ] ], '  newest first, joined to the certificate by its serial';
is_deeply [ map { $_->{id} } map { @{ $olga->call(GET => "$T/logins?count=1" . $_)->{json}{list} } } '', "&offset=$logins[0]{id}" ], [ map { $_->{id} } @logins ], '  in pages';
my @gone = @{ $olga->call(GET => "$T/revocations?count=1000")->{json}{list} };
cmp_ok scalar(@gone), '>=', 5, 'revocations are listed';
is $gone[0]{purpose}, 'x509', '  newest first';
done_testing;
