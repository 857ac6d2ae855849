#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# Who may call what (issue 4): every call for members x every kind of caller x own team and another's, the expectations from
# the reference as data; a foreign identifier answers like an unknown one; and the second wall, with the first taken away.
#
# SFT_LONG=1 (make check-long) lets people with each role and more kinds of bad bearers try as well.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use JSON::PP ();
use Sft::Matrix;
use Sft::World;
use Test::More;

my $long = $ENV{SFT_LONG};
my $w = Sft::World->new;
$w->company('zeta');
my $root = $w->db->root;
$root->run('UPDATE sft.teams SET rate_limit_per_minute = 1000000');
my %m = (acme => Sft::Matrix->new($w, 'acme', 'a'), zeta => Sft::Matrix->new($w, 'zeta', 'z'));
my $m = $m{acme};
my @calls = $m->calls;

# --- every route is in the data, and the other way round ---------------------------------------------
my %known = map { ("$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr => $_) } Sft::Matrix::others(), @calls, { method => 'POST', path => '/v1/teams/{}/service_token', kind => 'none', roles => [] };
my %route = map { ("$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr => $_) } $root->rows('SELECT method, path, auth, roles, product FROM sft_api.route');
is_deeply [ sort grep { !$known{$_} } keys %route ], [], 'every route is in regress/product';
is_deeply [ sort grep { !$route{$_} } keys %known ], [], '  and every call there is a route';
@calls = grep { $route{ "$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr } } @calls;
my @shared = grep { $route{$_} } sort keys %known;
is_deeply [ grep { my ($want, $got) = ($known{$_}{kind}, $route{$_}{auth}); $got ne $want && !($want eq 'member' && $got eq 'client' && $route{$_}{roles}) } @shared ], [], '  with its kind of caller';
my $ours = qr/^(everyone|access_admin|access_user|reporting_user|server_admin|authenticated_client)$/;
my $implied = sub { $route{$_[0]}{auth} eq 'client' ? ('authenticated_client') : () };      # whoever signs with a client may
is_deeply [ grep { my $k = $_; $known{$k}{kind} eq 'member' && join(' ', sort @{ $route{$_}{roles} // [] }, $implied->($_)) ne join(' ', sort grep { /$ours/ } @{ $known{$_}{roles} }) } @shared ], [], '  and its roles';
is_deeply [ grep { my $k = $known{$_}; !!$route{$_}{product} ne !!($k->{product} || ($k->{n} // 1) =~ /^\d+$/) } @shared ], [], '  lenient where it is the product\'s';

# --- callers ----------------------------------------------------------------------------------------
my @roles = qw(access_admin access_user reporting_user server_admin);
my @callers;
sub in_groups
{
	my ($name, @groups) = @_;
	$w->admin("add_member('acme', '$_', '$name')") for @groups;
}
$w->admin("create_group('acme', '$_', '{$_}')") for @roles;
for my $role ($long ? 'owners' : (), @roles, undef) {
	my $name = 'robot-' . ($role // 'none');
	my @has = !$role ? () : $role eq 'owners' ? qw(access_admin access_user reporting_user) : $role;
	push @callers, { name => "a service user, " . ($role // 'no role'), who => $w->robot('acme', $name, $role // (), $m->{has}{group_name}), has => \@has };
	next unless $long || !$role;
	$name = 'person-' . ($role // 'none');
	$w->admin("create_user('acme', '$name')");
	in_groups($name, $role // (), $m->{has}{group_name});
	push @callers, { name => 'a person, ' . ($role // 'no role'), who => $w->client('acme', $name), has => [ @has, 'authenticated_client' ], person => 1 };
}
my $owner = $m->{owner};
my $forged = bless { %$owner, token => $owner->{token} =~ s/(.)(.{9})$/($1 eq 'A' ? 'B' : 'A') . $2/er }, ref $owner;
push @callers, { name => 'nobody', who => undef, says => '401 signature_missing' }, { name => 'a forged bearer', who => $forged, says => '401 token_invalid' };
if ($long) {
	my $gone = $w->robot('acme', 'gone', 'owners');
	$w->admin("delete_service_key('$gone->{service_key}{key_id}')");
	my $off = $w->robot('acme', 'off', 'owners');
	$w->admin(q{set_user_status('acme', 'off', 'DISABLED')});
	my $locked = $w->robot('acme', 'held', 'owners');
	$w->admin(q{lock('acme', 'user', 'held', 'x')});
	my $out = $w->client('acme', 'bob');
	in_groups('bob', 'owners');
	$out->call(DELETE => "/v1/teams/acme/client_sessions/$out->{session}");
	push @callers, { name => 'another team\'s owner with a bearer', who => $m{zeta}{owner}, says => '401 token_invalid' }, { name => 'a bearer of a deleted key', who => $gone, says => '401 token_invalid' }, { name => 'a disabled service user', who => $off, says => '401 token_invalid' },
		{ name => 'a locked service user', who => $locked, says => '403 locked' }, { name => 'an owner who signed out', who => $out, says => '401 session_required' },
		{ name => 'another team\'s owner, signed', who => $w->client('zeta', 'olga'), says => '404 team_unknown' };
}

sub said { my ($a) = @_; return $a->{status} . (defined $a->{json}{error} ? " $a->{json}{error}" : '') }

sub expected
{
	my ($caller, $call) = @_;
	return $caller->{says} if $caller->{says};
	my %has = map { $_ => 1 } @{ $caller->{has} }, 'everyone';
	return '403 role_missing' unless grep { $has{$_} } @{ $call->{roles} };
	return '404 client_unknown' if $call->{n} eq '71' && !$has{access_admin} || $call->{n} eq '70' && !$has{access_admin} && !$has{reporting_user};    # not theirs
	return '403 strict_devices' if $call->{n} eq 'invitation.create' && !$caller->{person};   # no device by a bearer
	return $call->{status};
}

my ($tried, $held) = (0, 0);
for my $caller (@callers) {
	my @mine = grep { !($caller->{name} =~ /signed out/ && $_->{n} eq '71') } @calls;         # a client without a session may remove itself
	my @answers = $m->run(map { [ $caller->{who}, $_ ] } @mine);
	my @wrong = map { my ($want, $got) = (expected($caller, $mine[$_]), said($answers[$_])); $got eq $want ? () : "$mine[$_]{name}: $got, not $want" . ($want =~ /^2/ ? " $answers[$_]{text}" : '') } 0 .. $#mine;
	is join("\n", @wrong), '', "$caller->{name}: " . scalar(@mine) . ' calls as expected';
	$tried += @mine;
	$held += @mine - @wrong;
}
is $held, $tried, scalar(@calls) . ' calls x ' . scalar(@callers) . " callers: $tried cases";

# what is one's own
my ($nobody) = grep { $_->{person} && !grep { $_ ne 'authenticated_client' } @{ $_->{has} } } @callers;
my ($own) = grep { $_->{n} eq '71' } @calls;
is said(($m->run([ $nobody->{who}, $own, params => { client_id => $nobody->{who}{id} } ]))[0]), 204, 'everybody removes their own client';

# --- another team -----------------------------------------------------------------------------------
sub plain { my ($a, @hide) = @_; my $t = join ' ', said($a), $a->{headers}{link} // '', $a->{text} // ''; $t =~ s/\Q$_\E/ID/g for @hide; return $t }
{
	my @foreign = $m->run(map { [ $owner, $_, target => $m{zeta}->target($_) ] } @calls);
	my @none = $m->run(map { [ $owner, $_, target => $m{zeta}->target($_, team => 'none') ] } @calls);
	is_deeply [ grep { plain($foreign[$_], 'zeta') ne plain($none[$_], 'none') } 0 .. $#calls ], [], scalar(@calls) . ' calls of another team answer as those of no team';
	is_deeply [ grep { $foreign[$_]{status} != 401 } 0 .. $#calls ], [], '  none is let in';
}
my $cases = 0;
my (@told, @let_in);
my (@foreign, @unknown, @what);
for my $call (@calls) {
	for my $param (Sft::Matrix::params($call)) {
		my $theirs = $m{zeta}{has}{ Sft::Matrix::means($call, $param) };
		my $nobodys = $theirs =~ /^[0-9a-f]{8}-/ ? Sft::Door::uuid() : $theirs =~ /^\d+$/ ? next : 'y' . substr $theirs, 1;
		push @foreign, [ $owner, $call, params => { $param => $theirs } ];
		push @unknown, [ $owner, $call, params => { $param => $nobodys } ];
		push @what, [ "$call->{name} {$param}", $theirs, $nobodys ];
	}
}
my @f = $m->run(@foreign);
my @u = $m->run(@unknown);
for (0 .. $#what) {
	my ($name, $theirs, $nobodys) = @{ $what[$_] };
	push @told, "$name: " . plain($f[$_], $theirs) . ' / ' . plain($u[$_], $nobodys) if plain($f[$_], $theirs) ne plain($u[$_], $nobodys);
	push @let_in, "$name: " . said($f[$_]) if $f[$_]{status} != 404;
}
is join("\n", @told), '', scalar(@what) . ' identifiers of another team in paths answer byte for byte like unknown ones';
is join("\n", @let_in), '', '  with 404';
# the same in bodies
my @in_body = ([ 24, name => 'user_name' ], [ 45, group => 'group_name' ], [ 50, user_name => 'user_name' ], [ 'revocation.create', user => 'user_name' ], [ 'lock.create', subject => 'user_name' ], [ 72, user_name => 'user_name' ]);
@told = ();
for (@in_body) {
	my ($n, $field, $has) = @$_;
	my $call = (grep { $_->{n} eq $n } @calls)[0] or next;
	my $theirs = $m{zeta}{has}{$has};
	my $nobodys = 'y' . substr $theirs, 1;
	my ($fa, $ua) = $m->run(map { [ $owner, $call, body => { %{ $m->body($call) }, $field => $_ } ] } $theirs, $nobodys);
	push @told, "$call->{name} $field: " . said($fa) . ' ' . said($ua) if plain($fa, $theirs) ne plain($ua, $nobodys) || $fa->{status} != 404;
}
is join("\n", @told), '', scalar(@in_body) . ' names of another team in bodies too';
# nothing of another team is in a list
my @lists = grep { $_->{method} eq 'GET' && ($_->{shape} // 'list:') =~ /^list:/ } @calls;
my @listed = $m->run(map { [ $owner, $_, target => $m->target($_) . '?count=1000' ] } @lists);
my @theirs = grep { /^z[a-z]{3}|^[0-9a-f]{8}-/ } values %{ $m{zeta}{has} };
is_deeply [ map { my $t = $listed[$_]{text}; map { "$lists[$_]{name}" } grep { index($t, qq("$_")) >= 0 } @theirs } 0 .. $#lists ], [], scalar(@lists) . ' lists show nothing of another team';

# --- the second wall: the first one taken away ------------------------------------------------------
# The endpoints' functions are called by the owner of the code with a request whose actor is of team acme (what the functions
# check), while the doors have said that zeta's rows are at hand (what row security checks).
my %proc = map { ("$_->{method} " . $_->{path} =~ s/\{\w+\}/{}/gr => $_->{proc}) } $root->rows('SELECT method, path, proc::oid::regproc::text AS proc FROM sft_api.route');
$w->db->psql($w->db->{database}, 'CREATE ROLE wall LOGIN IN ROLE sft_owner');
my $wall = $w->db->session('wall');
my ($acme, $zeta) = map { $root->value("SELECT id FROM sft.teams WHERE name = '$_'") } qw(acme zeta);
my $me = $root->value("SELECT id FROM sft.users WHERE team_id = '$acme' AND name = 'aowner'");
my $quote = sub { my ($v) = @_; $v =~ s/'/''/g; return "'$v'" };
my @tables = $root->run(q{SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'sft'::regnamespace AND relrowsecurity ORDER BY 1});
my $state = 'SELECT md5(string_agg(t, \'\')) FROM (' . join(' UNION ALL ', map { "SELECT md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) AS t FROM $_ x WHERE team_id = '$acme'" } grep { !/audit|refus|call_count/ } @tables) . ') y';
my ($behind, @seen, @changed) = (0);
my $watch = $w->db->session('postgres');
my $before = $root->value($state);
my $json = JSON::PP->new->utf8->canonical;
for my $call (@calls) {
	my $proc = $proc{ "$call->{method} " . $call->{path} =~ s/\{\w+\}/{}/gr } or next;
	my @params = ('acme', map { $m->{has}{ Sft::Matrix::means($call, $_) } } Sft::Matrix::params($call));
	my $body = $m->body($call);
	$wall->run('BEGIN', 'SET LOCAL ROLE sft_owner', "SET LOCAL sft.teams = '{$zeta}'", 'SET LOCAL search_path = pg_catalog, pg_temp');
	my $sql = sprintf q{SELECT to_jsonb(r) FROM %s((jsonb_populate_record(NULL::sft.request, jsonb_build_object('route', %s::text, 'method', %s::text, 'params', %s::jsonb, 'query', '{}'::jsonb, 'body', %s::jsonb, 'headers', '', 'target', '\\x2f',
		'actor', jsonb_build_object('kind', 'service', 'name', 'aowner', 'team_id', '%s', 'user_id', '%s'))))) r}, $proc, $quote->("$call->{method} $call->{path}"), $quote->($call->{method}), $quote->($json->encode(\@params)), $quote->($json->encode($body // {})), $acme, $me;
	my ($line) = $wall->run($sql);
	my ($code, $error) = ($wall->error, $wall->message);
	# committed where it went through: what it did is looked for below
	$wall->run('COMMIT');
	$behind++;
	next unless defined $line;
	my $a = Sft::Door::answer($json->decode($line));
	my @leak = grep { index($a->{text}, qq("$_")) >= 0 } grep { !/^\d*$/ } values %{ $m->{has} };
	push @seen, "$call->{name}: a list that is not empty" if ref $a->{json} eq 'HASH' && @{ $a->{json}{list} // [] } && $call->{n} ne 'role.list';
	push @seen, "$call->{name}: @leak" if @leak && $a->{status} < 300 && $call->{method} eq 'GET';
}
is join("\n", @seen), '', "$behind calls behind the first wall: row security shows nothing of the team that is not at hand";
is $root->value($state), $before, '  and lets nothing of it be changed or added';
done_testing;
