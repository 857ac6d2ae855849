#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 010_http.t - what a well-behaved client sees: routes, headers, bodies, errors in our form.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;

my $bed = Bed->new(max_body => 100000);
my $r;

# the doors are told what was sent, and nothing else
$r = $bed->ask('POST', '/v1/echo?a=%2f&b', body => '{"x":"ü"}', headers => [
    'Content-Type: Application/json', 'Authorization: Bearer t', 'Cookie: a=b', 'Signature-Input: sft=()', 'SIGNATURE: sft=:x:',
    'Content-Digest: sha-256=:x:', 'User-Agent: sft/1.0 (wire 1)', 'If-None-Match: "e"', 'Origin: https://x', 'X-Other: no']);
is $r->{status}, 200, 'a POST is answered';
is $r->{json}{target}, '/v1/echo?a=%2f&b', 'with its raw target';
is $r->{json}{route}, 'POST /v1/echo', 'its route';
is $r->{json}{authority}, $bed->{conf}{listen}, 'its Host';
is $r->{json}{peer}, '127.0.0.1', 'and the peer without port';
is $r->{json}{headers}, join('', map { "$_\n" } 'authorization: Bearer t', 'content-digest: sha-256=:x:', 'content-type: Application/json',
    'cookie: a=b', 'if-none-match: "e"', 'origin: https://x', 'signature: sft=:x:', 'signature-input: sft=()', 'user-agent: sft/1.0 (wire 1)'),
    'exactly the headers of the contract, names in lower case';
is $r->{headers}{'x-trace-id'}, $r->{json}{trace_id}, 'the trace id is in header and door';
like $r->{json}{trace_id}, qr/^[0-9a-f]{32}$/, 'and random hex';

# headers of every answer
is $r->{headers}{'cache-control'}, 'no-store', 'no-store';
is $r->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff';
is $r->{headers}{'content-type'}, 'application/json', 'JSON by default';
is $r->{headers}{server}, 'sft', 'the server does not name its library';
ok !exists $r->{headers}{'strict-transport-security'}, 'no HSTS without TLS';
like $bed->curl('/v1/echo', '-i'), qr/strict-transport-security: max-age=/, 'HSTS over TLS';

# paths
for (['/v1/items/a%20b', 'a b'], ['/v1/items/fixed', ''], ['/v1/teams/acme/things/x%3Ay', 'acme/x:y'], ['/v1/items/%C3%BC/', "\\303\\274"], ['/v1/items/a+b~c', 'a+b~c']) {
    $r = $bed->ask('GET', $_->[0]);
    is $r->{status}, 200, "GET $_->[0]";
    is $r->{json}{params}, $_->[1], 'parameters are decoded once and joined';
}
for ('/v1/teams//things/x', '/nothing', '/', '/v1/items', '/v1/items/a/b', '/v1/echo//', '/' . join('/', 1 .. 30)) {
    $r = $bed->ask('GET', $_);
    is $r->{status}, 404, "GET $_ is 404";
    is_deeply [ @{ $r->{json} }{qw(code type error trace_id)} ], [ 404, 'resource_does_not_exist', 'path_unknown', $r->{headers}{'x-trace-id'} ], 'in our form';
}
$r = $bed->ask('DELETE', '/v1/echo');
is $r->{status}, 405, 'a method that the path does not take is 405';
is $r->{headers}{allow}, 'POST, PUT, GET', 'with Allow';
is $r->{json}{type}, 'method_not_allowed', 'and the product\'s type';
for my $method (qw(HEAD OPTIONS PATCH TRACE PROPFIND)) {
    $r = $bed->ask($method, '/v1/items/fixed');
    is "$r->{status} $r->{headers}{allow}", '405 GET, DELETE', "$method is 405 with what the path takes";
    is $method eq 'HEAD' ? $r->{body} : $r->{json}{error}, $method eq 'HEAD' ? '' : 'method_not_allowed', 'and says so' . ($method eq 'HEAD' ? ' without a body' : '');
}
$r = $bed->ask('OPTIONS', '/v1/teams//things/x');
is "$r->{status} $r->{json}{error}", '404 path_unknown', 'where nothing is, no method is allowed';
is_deeply [ map { $bed->ask('GET', $_)->{json}{route} } '/v1/items/x/', '/v1/echo/', '/v1/teams/acme/things/y/?a=b' ],
    [ 'GET /v1/items/{name}', 'GET /v1/echo', 'GET /v1/teams/{team}/things/{thing}' ], 'a slash at the end is none';

# bodies
is $bed->ask('GET', '/v1/echo', body => '{}')->{status}, 400, 'H11 a body on GET is refused';
is $bed->ask('POST', '/v1/single', body => 'x' x 1000)->{status}, 200, 'a body as large as the route allows';
$r = $bed->ask('POST', '/v1/single', body => 'x' x 1001);
is $r->{status}, 413, 'H11 one byte more is 413';
is $r->{json}{error}, 'body_too_large', 'in our form';
is($bed->ask("POST", "/v1/echo", body => "{}", headers => ["Content-Type: $_"])->{status}, 200, "$_ is JSON enough")
    for 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/x-www-form-urlencoded';
$r = $bed->ask('POST', '/v1/echo', body => '{}', headers => ["Content-Type: $_"]), is($r->{status}, 415, "$_ is 415"), is($r->{json}{type}, 'unsupported_content_type', 'with its type')
    for 'text/plain', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/xml';
is $bed->ask('POST', '/v1/echo', body => '{}', headers => ["Content-Encoding: $_"])->{status}, 415, "Content-Encoding $_ is 415" for 'gzip', 'br', 'gzip, identity';
is $bed->ask('DELETE', '/v1/items/x', headers => ['Content-Type: Application/json'])->{status}, 200, 'a Content-Type without a body is let pass';
$r = $bed->raw("POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
is $r->{json}{body}, 'abcde', 'a chunked body is put together';

# answers of the database
$r = $bed->ask('POST', '/v1/answer', body => 'headers');
is $r->{body}, 'plain', 'a body of another type';
is $r->{headers}{'content-type'}, 'text/plain', 'its type is the database\'s';
is $r->{headers}{'cache-control'}, 'max-age=60', 'how long it may be kept, too';
is $r->{headers}{'set-cookie'}, 'a=1|b=2', 'a header may come twice';
is $r->{headers}{link}, '<https://x/>; rel="next"', 'Link';
is $r->{headers}{'x-ok'}, 'fine', 'the last line needs no end';
is $r->{headers}{'content-length'}, 5, 'framing is ours';
is $r->{headers}{connection}, 'keep-alive', 'the connection too';
ok !exists $r->{headers}{'x-bad'}, 'a header that is no lower-case token is dropped';
my $sock = $bed->connect;
print $sock $bed->request('POST', '/v1/answer', body => '204'), $bed->request('POST', '/v1/answer', body => '304'), $bed->request('GET', '/v1/echo');
$r = $bed->answer($sock);
is $r->{status}, 204, 'a 204';
ok !exists $r->{headers}{'content-length'}, 'has neither length nor body';
$r = $bed->answer($sock);
is $r->{status} . $r->{headers}{etag}, '304"x"', 'a 304 with its ETag';
is $bed->answer($sock)->{status}, 200, 'and the connection goes on';
$r = $bed->ask('GET', '/v1/big/3000000');
is length $r->{body}, 3000000, 'a large answer arrives whole';
$r = $bed->ask('POST', '/v1/sign', body => 'abc');
is_deeply [ $r->{status}, $r->{json}{body}, $r->{json}{committed} ], [ 201, 'abc', JSON::PP::true() ], 'what continues is finished after the commit';

# what the doors get wrong is our fault
$r = $bed->ask('POST', '/v1/answer', body => $_), is($r->{status}, 500, "an answer with $_ is 500"), is($r->{json}{error}, 'internal', 'in our form')
    for 'none', 'null', 'stranger';

# health
is $bed->ask('GET', '/healthz')->{body}, '{"status":"alive"}', 'alive';
is $bed->ask('GET', '/readyz')->{body}, '{"status":"ready"}', 'ready';
$r = $bed->ask('HEAD', '/healthz');
is_deeply [ $r->{status}, $r->{body} ], [ 200, '' ], 'H21 HEAD has no body';
is $bed->ask('POST', '/healthz')->{status}, 404, 'only GET and HEAD';

# H8: what a client says about itself is not believed
$r = $bed->ask('GET', '/v1/echo', headers => [ 'X-Forwarded-For: 10.9.8.7', 'X-Real-IP: 10.9.8.7', 'Forwarded: for=10.9.8.7', 'X-HTTP-Method-Override: DELETE', 'X-Original-URL: /v1/single' ]);
is_deeply [ @{ $r->{json} }{qw(peer method route)} ], [ '127.0.0.1', 'GET', 'GET /v1/echo' ], 'H8 forwarding and override headers are ignored';

# routes are read again when the channel says so
$bed->sql("INSERT INTO stub.routes VALUES ('GET', '/v1/items/late/one', 0, true, 0)");
is $bed->ask('GET', '/v1/items/late/one')->{status}, 404, 'a new route is not known yet';
$bed->sql("SELECT pg_notify('sft_changes', 'route')");
ok $bed->until(sub { $bed->ask('GET', '/v1/items/late/one')->{status} == 200 }, 3), 'until it is announced';

# the access log
$bed->ask('GET', '/v1/items/PRIVATE?token=PRIVATE');
$bed->until(sub { grep { ($_->{route} // '') eq '/v1/items/{name}' } $bed->access }, 2);
my ($line) = reverse grep { $_->{route} eq '/v1/items/{name}' } $bed->access;
is_deeply [ sort keys %$line ], [qw(bytes method ms peer route status time trace_id)], 'an access line has these fields';
unlike Bed::slurp("$bed->{dir}/access"), qr/PRIVATE/, 'H19 neither paths nor queries are logged';
unlike $bed->log, qr/PRIVATE|Sanitizer/, 'nor elsewhere';

done_testing;
