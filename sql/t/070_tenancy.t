#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Promise 5: team A's client on team B's ids is told byte for byte what it is told of ids that nobody has (S5, G11, T5).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
$w->company('zeta');
my $alice = $w->client('acme', 'alice');           # acme's
my $own = $w->server('acme', 'prod', 'web01');
my $zalice = $w->client('zeta', 'alice');          # zeta's
my $foreign = $w->server('zeta', 'prod', 'db01');
my $issued = $zalice->credential($foreign->{id});
is $issued->{status}, 201, 'zeta works' or diag $issued->{text};
is $alice->credential($own->{id})->{status}, 201, 'acme works';
my $zproject = $foreign->{enrolled}{json}{project_id};
my $zauthority = $issued->{json}{authority_id};

# every route with an id, asked with zeta's id and with nobody's: the answers are the same but for the id itself
sub same
{
	my ($name, $method, $make_path, $id, %o) = @_;
	my @said = map {
		my $which = $_;
		my %body = map { $_ => (ref $o{body}{$_} ? $o{body}{$_} : $o{body}{$_} eq 'ID' ? $which : $o{body}{$_}) } keys %{ $o{body} // {} };
		my $a = ($o{from} // $alice)->call($method, $make_path =~ s/ID/$which/gr, %body ? (body => \%body) : ());
		my $text = ($a->{text} // '') =~ s/\Q$which\E/ID/gr =~ s/"trace_id":\s*"[^"]*"/"trace_id":""/r;
		my %h = %{ $a->{headers} };
		"$a->{status} $text " . join ',', sort grep { !/^(content-digest|signature|signature-input|sft-version|date)$/ } keys %h;
	} $id, $o{nobody} // Sft::Door::uuid();
	is $said[0], $said[1], "S5 $name: zeta's answers like nobody's";
	unlike $said[0], qr/^(200|201|204) ./, '  and is refused' unless $o{empty};
	return $said[0];
}

my $T = '/v1/teams/acme';
my $nobodys = 'nosuchhost';
same 'a credential for a server by id', POST => "$T/credentials", $foreign->{id}, body => { kind => 'ssh_user', server => 'ID', public_key => $w->ssh_key };
same 'a credential for a server by name', POST => "$T/credentials", 'db01', nobody => $nobodys, body => { kind => 'ssh_user', server => 'ID', public_key => $w->ssh_key };
same 'a credential that was issued', GET => "$T/credentials/ID", $issued->{json}{request_id};
same 'a client\'s enrollment', GET => "$T/clients/ID/enrollment", $zalice->{id};
same 'the approval of a client', POST => "$T/clients/ID/approval", $zalice->{id}, body => { code => $zalice->{key}->device_code };
same 'the removal of a client', DELETE => "$T/clients/ID", $zalice->{id};
same 'a session', GET => "$T/client_sessions/ID", $zalice->{session};
same 'the end of a session', DELETE => "$T/client_sessions/ID", $zalice->{session};
same 'resolve', POST => '/v1/resolve', 'db01', nobody => $nobodys, empty => 1, body => { names => ['db01'] } if 0;
my @resolved = map { $alice->call(POST => '/v1/resolve', body => { names => [$_] })->{json}{results}[0]{servers} } 'db01', $foreign->{id}, $nobodys;
is_deeply \@resolved, [ [], [], [] ], 'S5 resolve knows none of zeta\'s servers';
same 'another team in the path', GET => '/v1/teams/ID/projects', 'zeta', nobody => 'nobodys';
same 'another team in the path, for a credential', POST => '/v1/teams/ID/credentials', 'zeta', nobody => 'nobodys', body => { kind => 'ssh_user', server => $foreign->{id}, public_key => $w->ssh_key };
same 'another team in the path, for servers', GET => '/v1/teams/ID/servers', 'zeta', nobody => 'nobodys';
is_deeply [ map { $_->{hostname} } @{ $alice->call(GET => "$T/servers")->{json}{list} } ], ['web01'], 'S5 the list has none of zeta\'s servers';
is scalar(@{ $alice->call(GET => "$T/credentials")->{json}{list} }), 1, 'S5 nor of its credentials';
is scalar(@{ $alice->call(GET => "$T/servers?hostname=db01")->{json}{list} // [] }), 0, 'S5 nor by a filter';
is scalar(@{ $alice->call(GET => "$T/servers?offset=$foreign->{id}")->{json}{list} // [] }), scalar(@{ $alice->call(GET => '/v1/teams/acme/servers?offset=' . Sft::Door::uuid())->{json}{list} // [] }), 'S5 nor by paging from its id';

# the same name in both teams is two people, two servers
my $web_z = $w->server('zeta', 'prod', 'web01');
is $alice->credential('web01')->{json}{server_id}, $own->{id}, 'a name that both teams have means one\'s own';
isnt $alice->credential($own->{id})->{json}{authority_id}, $zauthority, 'projects of one name have their own authorities';

# tokens and invitations of another team
my $t = Sft::Door::token($w->admin(q{create_server_enrollment_token('zeta', 'prod', 'x')}));
my $joined = $w->server('zeta', 'prod', 'db02');
is $joined->{enrolled}{json}{team_name}, 'zeta', 'T5 a token decides the team, nothing else does';
is $w->enroll('acme', 'alice', invitation => $w->admin(q{invite('zeta', 'alice')}))->{enrolled}{json}{error}, 'invitation_invalid', 'T5 an invitation of another team';

# known ids of another team cannot be taken over
my $key = $w->key;
my $taken = $w->enroll('acme', 'alice', id => $zalice->{id}, key => $key);
is "$taken->{enrolled}{status} $taken->{enrolled}{json}{error}", '409 client_taken', 'T7 a client id that zeta has';
$taken = $w->enroll('acme', 'alice', key => $zalice->{key});
is "$taken->{enrolled}{status} $taken->{enrolled}{json}{error}", '409 key_taken', 'T7 a key that zeta has';

# one batch, both teams: each row sees its own
my @rows = map { ($alice->credential_request($own->{id}), $zalice->credential_request($foreign->{id}), $alice->credential_request($foreign->{id}), $zalice->credential_request($own->{id})) } 1 .. 8;
my @a = $w->door->batch(\@rows);
is join(' ', map { $_->{status} } @a), join(' ', ('201 201 404 404') x 8), 'S6 a batch of both teams: each row sees its own team';
is scalar(grep { $_->{status} == 201 && $_->{json}{certificate} } @a), 16, '  with its certificates';
is $w->db->root->value(q{SELECT count(*) FROM sft.credentials c JOIN sft.servers s ON s.id = c.server_id WHERE s.team_id <> c.team_id}), 0, '  no credential crosses teams';

# the second wall itself: the owner of the code sees no row unless a door has said whose
$w->db->psql($w->db->{database}, 'CREATE ROLE wall LOGIN IN ROLE sft_owner');
my $owner = $w->db->session('wall');
my @tables = $w->db->root->run(q{SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'sft'::regnamespace AND relrowsecurity AND relname NOT IN ('actor_keys') ORDER BY 1});
cmp_ok scalar(@tables), '>', 10, 'S6 there are walls';
my @leaks = grep { $owner->run('BEGIN', 'SET LOCAL ROLE sft_owner'); my $n = $owner->value("SELECT count(*) FROM $_"); $owner->run('ROLLBACK'); $n } @tables;
is "@leaks", '', 'S6 without context the owner of the code sees no row';
my ($acme, $zeta) = map { $w->db->root->value("SELECT id FROM sft.teams WHERE name = '$_'") } qw(acme zeta);
@leaks = grep { $owner->run('BEGIN', 'SET LOCAL ROLE sft_owner', "SET LOCAL sft.teams = '{$acme}'"); my $n = $owner->value("SELECT count(*) FROM $_ WHERE team_id <> '$acme'"); $owner->run('ROLLBACK'); $n } @tables;
is "@leaks", '', 'S6 with acme\'s context it sees acme\'s rows only';

# and the gateway cannot set that context
my $s = $w->door->session;
$s->run("SET sft.teams = '{$zeta}'", "SET sft.token = '$t->{i}'");
same 'with a context of the gateway\'s own making', POST => "$T/credentials", $foreign->{id}, body => { kind => 'ssh_user', server => 'ID', public_key => $w->ssh_key };
is scalar(@{ $alice->call(GET => "$T/servers")->{json}{list} }), 1, 'S6 its context is overwritten by the door';
done_testing;
