#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Selectors: how they are written, which labels they see, and that one narrows who gets into a server - the decision, the
# principal, the state document, resolve and the lists all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $root = $w->db->root;
sub text { my ($t) = @_; return "'" . $t =~ s/'/''/gr . "'" }

# The grammar.
sub holds
{
	my ($selector, $labels) = @_;
	return $root->value('SELECT sft_core.selected(sft_core.selector_path(sft_core.selector_parse(\'s\', ' . text($selector) . ')), sft.label_values(sft.server_labels('
		. text($labels) . ", '{\"env\":\"test\",\"zone\":\"eu\"}', 'linux', true)))");
}
my $labels = '{"env":"prod","tier":"web","sub/x.y":"1:2","empty":"","api.team":"evil"}';
for (['', 't'], ['env=prod', 't'], ['env==test', 't'], ['env=dev', 'f'], ['sftd.env=prod', 't'], ['sftd.env=test', 'f'], ['api.env=test', 't'], ['api.env=prod', 'f'],
	['env!=prod', 'f'], ['env!=dev', 't'], ['none!=x', 't'], ['env in (dev,prod)', 't'], ['env in (dev)', 'f'], ['env notin (dev,qa)', 't'], ['env notin (test)', 'f'],
	['none notin (a)', 't'], ['none in (a)', 'f'], ['tier', 't'], ['none', 'f'], ['!none', 't'], ['! tier', 'f'], ['empty=', 't'], ['tier=', 'f'], ['empty=,tier=web', 't'],
	[' tier = web , zone = eu ', 't'], ['tier=web,zone=us', 'f'], ['sub/x.y=1:2', 't'], ['system.os_type=linux', 't'], ['os_type=linux', 't'],
	['api.team', 'f'], ['sftd.api.team=evil', 't'], ['team', 'f'], ['in in (in)', 'f'], ['notin', 'f'], ['tier=in', 'f'])
{
	my ($selector, $want) = @$_;
	is holds($selector, $labels), $want, "[$selector] is $want";
}
for (['a in ()', 7], ['a in (b', 8], ['=b', 1], ['a b', 3], ['a,,b', 3], ['!', 2], ['a=b c', 5], ['env=prod,', 10], ["\xc3\xa9=b", 1], ['a notin (x,)', 12], ['a in b', 6],
	['a>1', 2], ['a=b;drop', 4], ['"a"=b', 1], ['a=b)', 4], [',', 1], ['!a=b', 3], ['a==', 0], ['a===b', 4], ["a=\$", 3], ["a=b\n", 4], ['a in (b c)', 9], ['(a)', 1], ['a=(', 3])
{
	my ($selector, $place) = @$_;
	$root->run('SELECT sft_core.selector_parse(\'s\', ' . text($selector) . ')');
	if (!$place) { is $root->code, undef, "[$selector] is a selector"; next }
	is $root->code, 's_format', "[$selector] is none";
	like $root->message, qr/at position $place there/, "  and says that position $place is wrong" or diag $root->message;
}
for ('a' x 1001, 'k' x 128 . '=v') { $root->run('SELECT sft_core.selector_parse(\'s\', ' . text($_) . ')'); is $root->code, 's_format', length($_) . ' characters are too many' }
is $root->value('SELECT cardinality((sft_core.selector_parse(\'s\', ' . text('a in (' . join(',', map { "v$_" } 1 .. 200) . ')') . '))[1].wanted)'), 200, 'a set of 200';

# The effect.
$w->admin(q{create_group('acme', 'webbers')});
$w->admin(q{add_member('acme', 'webbers', 'bob')});
$w->admin(q{add_project_group('acme', 'prod', 'webbers', true, false, true, 'sftd.tier=web')});
my ($alice, $bob) = map { $w->client('acme', $_) } qw(alice bob);
my $web = $w->server('acme', 'prod', 'web01', body => { labels => { tier => 'web' } });
my $db = $w->server('acme', 'prod', 'db01', body => { labels => { tier => 'db' } });
sub users { my ($s) = @_; return join ' ', map { $_->{name} . ($_->{admin} ? '*' : '') } @{ $s->call(GET => '/v1/server/state?after=0')->{json}{users} } }
sub groups { my ($s) = @_; return join ' ', map { "$_->{name}=@{$_->{members}}" } @{ $s->call(GET => '/v1/server/state?after=0')->{json}{groups} } }
sub names { my ($c) = @_; return join ' ', map { $_->{hostname} } @{ $c->call(GET => $c->path('servers'))->{json}{list} } }
sub found { my ($c, $name) = @_; return scalar @{ $c->call(POST => '/v1/resolve', body => { names => [$name] })->{json}{results}[0]{servers} } }
sub report
{
	my ($s, $labels) = @_;
	return $s->call(POST => '/v1/server/report', body => { state_version => 0, trust_version => 0, krl_version => 0, healthy => JSON::PP::true,
		facts => { hostname => 'db01', os => 'Debian 12', addresses => [], labels => $labels } });
}
my $a = $alice->credential('web01');
is "$a->{status} $a->{json}{principal}", '201 alice', 'who may use every server has the plain principal';
$a = $bob->credential('web01');
is "$a->{status} $a->{json}{principal}", "201 $web->{id}:bob", 'who is narrowed has one for this server alone';
my $b = $bob->credential('db01');
is "$b->{status} $b->{json}{error}", '404 server_unknown', 'a name that is not for him is not there' if $b->{status} == 404;
$b = $bob->credential($db->{id});
is "$b->{status} $b->{json}{error}", '403 not_granted', 'and the other server is not granted';
like $b->{json}{message}, qr/selectors leave it out/, '  with the reason';
$b = $w->door->call(POST => $bob->path('credentials'), key => $bob->{key}, as => $bob->{as}, body => { kind => 'x509_client', project => 'prod', public_key => $w->ssh_key });
is "$b->{status} $b->{json}{error}", '403 not_granted', 'nor is a certificate for the whole project';
is users($web), 'alice bob', 'the server in the selector is told';
is users($db), 'alice', '  and the other one not';
is groups($web), 'sft_webbers=bob', 'its group is made there';
is groups($db), '', '  and not here';
is names($bob), 'web01', 'the list is narrowed';
is names($alice), 'db01 web01', '  for him alone';
is found($bob, 'db01') . found($bob, 'web01') . found($alice, 'db01'), '011', 'resolve too';

# Labels change who gets in, are audited, and wake the server.
my $version = $db->call(GET => '/v1/server/state?after=0')->{json}{version};
is report($db, { tier => 'web' })->{status}, 204, 'the agent reports another label';
is users($db), 'alice bob', '  the selector picks the server now';
cmp_ok $db->call(GET => '/v1/server/state?after=0')->{json}{version}, '>', $version, '  as a newer version';
is $root->value("SELECT count(*) FROM sft.changes WHERE topic = 'server/$db->{id}'"), 1, '  that wakes it';
is +($w->audit(q{type = 'server_labels.update'}))[-1]{details}{labels}{'sftd.tier'}, 'web', '  and is in the audit';
is $bob->credential($db->{id})->{status}, 201, '  bob gets in';
is report($db, { tier => 'web' })->{status}, 204, 'the same report again';
is $root->value("SELECT count(*) FROM sft.changes WHERE topic = 'server/$db->{id}'"), 1, '  changes nothing';
$w->admin(q{add_project_group('acme', 'prod', 'webbers', true, false, true, 'api.tier=web')});
is users($web) . '/' . users($db), 'alice/alice', 'a selector of the API\'s labels does not believe the agents';
is +($w->audit(q{type = 'project_group_selector.update'}))[-1]{details}{servers_selector}, 'api.tier=web', '  its change is in the audit';
is report($db, { 'api.tier' => 'web', tier => 'web' })->{status}, 204, 'an agent that plays the API';
is users($db), 'alice', '  is not heard';

# Admins by selector.
$w->admin(q{add_project_group('acme', 'prod', 'webbers', false, true, false, 'sftd.tier=web,sub!=1')});
$w->admin(q{add_member('acme', 'ops', 'bob')});
is users($web), 'alice bob*', 'sudo where the selector says';
$a = $bob->credential('web01');
is "$a->{json}{principal} $a->{json}{admin}", 'bob 1', 'a group for all of the project makes the principal plain';
$w->admin(q{add_project_group('acme', 'prod', 'webbers')});
is $root->value('SELECT count(*) FROM sft.project_groups WHERE servers_match IS NOT NULL'), 0, 'no selector: every server';
is $w->try_admin(q{add_project_group('acme', 'prod', 'webbers', true, false, false, 'a=b c')}), 'servers_selector_format', 'what is none is refused';

# Many servers: the decision finds its few rows by index, row security or not; so do pages of lists.
$root->run(q{INSERT INTO sft.servers (id, team_id, project_id, hostname, os, sftd_version) SELECT gen_random_uuid(), s.team_id, s.project_id, 'many' || g, 'x', '1' FROM sft.servers s, generate_series(1, 3000) g WHERE s.hostname = 'web01'});
$root->run(q{INSERT INTO sft.server_names (team_id, name, server_id) SELECT team_id, hostname, id FROM sft.servers WHERE hostname LIKE 'many%'});
$root->run('ANALYZE');                                        # as autovacuum does when a table has grown: plans that were made on empty tables are made anew
sub read_rows
{
	my ($table) = @_;
	$_->run('SELECT pg_stat_force_next_flush()') for $w->door->session, $root;
	$w->door->session->run('SELECT 1');
	return $root->value("SELECT sum(idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relid = 'sft.$table'::regclass) FROM pg_stat_user_indexes WHERE relid = 'sft.$table'::regclass");
}
for my $do (['a certificate', sub { $alice->credential('many7') }, 201], ['resolving', sub { $alice->call(POST => '/v1/resolve', body => { names => ['many9'] }) }, 200]) {
	my ($name, $call, $want) = @$do;
	$call->();
	my %before = map { $_ => read_rows($_) } qw(server_names servers);
	is $call->()->{status}, $want, "$name among 3000 servers";
	cmp_ok read_rows($_) - $before{$_}, '<', 50, "  reads few rows of $_" for qw(server_names servers);
}
$w->admin(q{add_member('acme', 'webbers', 'alice')});
$w->admin(q{create_group('acme', 'people', '{access_user}')});
$w->admin(q{add_member('acme', 'people', 'alice')});
my $before = read_rows('servers');
is scalar @{ $alice->call(GET => $alice->path('servers?count=200'))->{json}{list} }, 200, 'a page of a list';
cmp_ok read_rows('servers') - $before, '<', 7000, '  reads each server once, and those shown once more';
done_testing;
