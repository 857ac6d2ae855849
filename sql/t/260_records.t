#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# What the platform keeps and does not run yet: gateway setup tokens, gateways, Kubernetes clusters and cluster groups, as the product's clients need them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../regress/lib";
use Sft::World;
use Test::More;

my $w = Sft::World->new;
my $admin = $w->robot('acme', 'terraform', 'owners');
my $T = '/v1/teams/acme';
sub said { my ($a) = @_; return join ' ', grep { defined } $a->{status}, $a->{json}{error} }

# setup tokens
my $t = $admin->call(POST => "$T/gateway_setup_tokens", body => { description => 'b', registration_type => 'gateway-agent', details => { labels => { env => 'test' } } });
is said($t), '201', 'a setup token';
my $shown = $admin->call(GET => "$T/gateway_setup_tokens/$t->{json}{id}")->{json};
is "$shown->{registration_type} $shown->{details}{labels}{env} $shown->{description}", 'gateway-agent test b', '  as it was sent, labels unchanged';
is $admin->call(GET => "$T/gateway_setup_tokens/$t->{json}{id}/token")->{json}{token}, $t->{json}{token}, '  with its text';
is said($admin->call(POST => "$T/gateway_setup_tokens", body => { description => 'a' })), '201', 'another';
is join(' ', map { $_->{description} } @{ $admin->call(GET => "$T/gateway_setup_tokens")->{json}{list} }), 'a b', '  listed by description';
is said($admin->call(POST => "$T/gateway_setup_tokens", body => $_->[0])), $_->[1], "  $_->[1]" for [ { registration_type => 'x' }, '400 registration_type_unknown' ], [ { details => 7 }, '400 details_format' ], [ { details => { labels => { a => 1 } } }, '400 labels_format' ];
is said($admin->call(DELETE => "$T/gateway_setup_tokens/$t->{json}{id}")), $_, "  deleted: $_" for 204, '404 gateway_setup_token_unknown';
is_deeply $admin->call(GET => "$T/gateways")->{json}, { list => [] }, 'no gateway';
is said($admin->call($_ => "$T/gateways/" . Sft::Door::uuid(), $_ eq 'PUT' ? (body => {}) : ())), '404 gateway_unknown', "  $_" for qw(GET PUT DELETE);

# clusters
my $c = $admin->call(POST => "$T/kubernetes/clusters", body => { key => 'K1', auth => 'NONE', labels => { env => 'prod', 'api.tier' => 'a' }, OIDCIssuerURL => undef });
is said($c), '201', 'a cluster';
is_deeply $c->{json}{labels}, { 'api.env' => 'prod', 'api.tier' => 'a' }, '  its labels have their source';
my $K = "$T/kubernetes/clusters/$c->{json}{id}";
is said($admin->call(PUT => $K, body => { api_url => 'https://k1.example.com', public_certificate => "-----BEGIN\nx\n" })), '204', '  its connection comes later';
is $admin->call(GET => $K)->{json}{api_url}, 'https://k1.example.com', '  reads back';
is said($admin->call(PUT => $K, body => { api_url => '', public_certificate => '' })), '204', '  and is cleared by empty texts';
is $admin->call(GET => $K)->{json}{public_certificate} . '|' . join(' ', %{ $admin->call(GET => $K)->{json}{labels} }{'api.env'}), '|api.env prod', '  the rest stays';
is said($admin->call(POST => "$T/kubernetes/clusters", body => $_->[0])), $_->[1], "  $_->[1]" for [ { key => 'k1' }, '409 kubernetes_cluster_key_taken' ], [ {}, '400 key_missing' ], [ { key => 'a b' }, '400 kubernetes_cluster_key_format' ],
	[ { key => 'x', auth => 'BASIC' }, '400 kubernetes_auth_unknown' ], [ { key => 'x', api_url => 'http://x' }, '400 kubernetes_api_url_format' ], [ { key => 'x', labels => [] }, '400 labels_format' ];
is scalar @{ $admin->call(GET => "$T/kubernetes/clusters?selector=env%3Dprod")->{json}{list} }, 1, '  found by label';
is scalar @{ $admin->call(GET => "$T/kubernetes/clusters?selector=env%21%3Dprod")->{json}{list} }, 0, '  or not';

# cluster groups
my $g = $admin->call(POST => "$T/kubernetes/cluster_groups", body => { group_name => 'ops', cluster_selector => 'env=prod', claims => { groups => [ 'system:masters', 'x' ] } });
is said($g), '201', 'a cluster group';
my $G = "$T/kubernetes/cluster_groups/$g->{json}{id}";
is_deeply [ @{ $admin->call(GET => $G)->{json} }{qw(group_name cluster_selector claims)} ], [ 'ops', 'env=prod', { groups => [ 'system:masters', 'x' ] } ], '  reads back';
is said($admin->call(PUT => $G, body => { claims => {} })), '204', '  changed';
is_deeply [ @{ $admin->call(GET => $G)->{json} }{qw(cluster_selector claims)} ], [ 'env=prod', {} ], '  and the rest stays';
is said($admin->call(POST => "$T/kubernetes/cluster_groups", body => { group_name => 'ops', @{ $_->[0] } })), $_->[1], "  $_->[1]" for [ [ group_name => 'nix' ], '404 group_unknown' ], [ [ cluster_selector => 'a in' ], '400 cluster_selector_format' ], [ [ claims => { a => 'b' } ], '400 claims_format' ];
is scalar @{ $admin->call(GET => "$T/kubernetes/cluster_groups")->{json}{list} }, 1, '  listed';
is said($admin->call(DELETE => $_->[0])), $_->[1], "deleted: $_->[1]" for [ $G, 204 ], [ $G, '404 kubernetes_cluster_group_unknown' ], [ $K, 204 ], [ $K, '404 kubernetes_cluster_unknown' ];
is scalar($w->audit('status >= 500')), 0, 'nothing was our fault';
done_testing;
