#!/usr/bin/perl
# SPDX-License-Identifier: PostgreSQL
# 020_malformed.t - rows H1 to H14 and H21 of the catalogue of bad inputs: refused, never served as
# something else, and the connection closed where the end of the request is in doubt.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bed;
use Test::More;

my $bed = Bed->new(max_body => 65536, read_timeout_s => 2);
my $host = "Host: x:1\r\n";
my $r;

sub status_is {
    my ($bytes, $want, $name) = @_;
    $r = $bed->raw($bytes);
    like $r->{status}, qr/^(?:$want)$/, $name;
}
sub refused {
    my ($bytes, $want, $name) = @_;
    status_is($bytes, $want, $name);
    ok $r->{closed}, '... and the connection is closed';
}

# H1 targets
for ('/%2e%2e/v1/echo', '/./v1/echo', '/v1/../v1/echo', '/v1/echo/..', '/v1/echo%2f', '/v1%2fecho', '/v1/items/a%5cb', '/v1/items/%00', '/v1/items/%zz', '/v1/items/%4', '/v1/items/%',
     '/v1/items/a\\b', '/v1/items/%0a', '/v1/items/%7f', '/v1/items/"x"', '/v1/items/<x>', "/v1/items/\xff", '/v1/echo#x', '/v1/echo?a=b#c', '/v1/echo?<', "/v1/echo?\xff",
     '/v1/items/' . 'x' x 1100, '/v1/echo?' . 'x' x 5000) {
    my $shown = $_; $shown =~ s/[^ -~]/?/g; $shown = substr $shown, 0, 40;
    status_is("GET $_ HTTP/1.1\r\n$host\r\n", 400, "H1 $shown is 400");
    is $r->{json}{error}, 'path_malformed', '... by name';
}
for ('//', '//v1/echo', '/v1//echo', '/v1/echo;x=1', '/v1/echo.', '/V1/echo', '/v1/echo/x') {
    status_is("GET $_ HTTP/1.1\r\n$host\r\n", 404, "H1 $_ is 404");
}
status_is("GET /v1/echo  HTTP/1.1\r\n$host\r\n", 400, 'H1 two spaces in the request line');

# H2 request line
status_is("GET http://evil/v1/echo HTTP/1.1\r\n$host\r\n", 400, 'H2 absolute form');
status_is("GET v1/echo HTTP/1.1\r\n$host\r\n", 400, 'H2 no slash');
status_is("CONNECT x:1 HTTP/1.1\r\n$host\r\n", 400, 'H2 CONNECT');
status_is("TRACE /v1/echo HTTP/1.1\r\n$host\r\n", 405, 'H2 TRACE');
status_is("OPTIONS /v1/echo HTTP/1.1\r\n$host\r\n", 405, 'H2 OPTIONS');
status_is("OPTIONS * HTTP/1.1\r\n$host\r\n", 400, 'H2 OPTIONS *');
refused("get /v1/echo HTTP/1.1\r\n$host\r\n", 400, 'H2 lower-case method');
refused(('A' x 10240) . " /v1/echo HTTP/1.1\r\n$host\r\n", 400, 'H2 10 KiB of method');
refused("GET /v1/echo HTTP/2.0\r\n$host\r\n", 400, 'H2 another version');
refused("GET /v1/echo\r\n\r\n", '400|0', 'H21 HTTP/0.9');

# H3 lengths
my $post = "POST /v1/echo HTTP/1.1\r\n$host";
refused("${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, 'H3 the same length twice');
is $r->{json}{error}, 'length_malformed', '... by name';
refused("${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400, 'H3 two lengths');
refused("${post}Content-Length: $_\r\n\r\n{}", '400|413', "H3 Content-Length $_")
    for '+2', '0x2', '2,2', '-2', '2 2', '', '18446744073709551618', '99999999999999999999999';

# H4 transfer codings
my $chunks = "2\r\n{}\r\n0\r\n\r\n";
refused("${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n$chunks", 400, 'H4 length and coding');
refused("${post}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n$chunks", 400, 'H4 coding and length');
refused("${post}Transfer-Encoding: $_\r\n\r\n$chunks", 400, 'H4 another coding') for 'xchunked', 'chunked, identity', 'identity', "\x0bchunked", '', 'gzip';
refused("${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n$chunks", 400, 'H4 two codings');
refused("POST /v1/echo HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n$chunks", 400, 'H4 chunks in HTTP/1.0');

# H5 chunks
refused("${post}Transfer-Encoding: chunked\r\n\r\n$_", '400|413|0', 'H5 a bad chunk')
    for "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "G\r\n";
status_is("${post}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 200, 'H5 (docs/limits.md) libh2o takes 0x2 for an empty chunk with an extension');
is $r->{json}{body}, '', '... so that nothing of it is a body';
refused("${post}Transfer-Encoding: chunked\r\n\r\n" . ("10000\r\n" . 'x' x 65536 . "\r\n") x 2 . "0\r\n\r\n", '413|0', 'H5 chunks past the limit');
status_is("${post}Authorization: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: b\r\n\r\n", '200|400', 'H5 a trailer');
unlike $r->{json}{headers} // '', qr/authorization: b/, '... overrides nothing';

# H6 Host
refused("GET /v1/echo HTTP/1.1\r\n$_\r\n", 400, 'H6 ' . (/\S/ ? s/\r\n/ /gr =~ s/[^ -~]/?/gr : 'no Host'))
    for '', "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: \r\n", "Host: a b\r\n", "Host: u\@a\r\n", "Host: a/b\r\n", "Host: a:b\r\n", "Host: a:\r\n", "Host: a:123456\r\n", "Host: a,b\r\n",
        "Host: [::1\r\n", "Host: [x]\r\n", "Host: a_b\r\n", 'Host: ' . 'a' x 300 . "\r\n";
status_is("GET /v1/echo HTTP/1.1\r\nHost: $_\r\n\r\n", 200, "a good Host: $_") for 'a.example.com', 'a:8443', '[::1]:443', '127.0.0.1';

# H7 header syntax
my $get = "GET /v1/echo HTTP/1.1\r\n$host";
refused("${get}A: b\r\n c\r\n\r\n", 400, 'H7 folding');
refused("${get}A : b\r\n\r\n", 400, 'H7 space before the colon');
refused("${get}A: b\x00c\r\n\r\n", 400, 'H7 NUL');
refused("${get}A: b\rc\r\n\r\n", 400, 'H7 bare CR');
refused("${get}A: b\nC: d\r\n\r\n", 400, 'H7 bare LF');
refused("${get}: b\r\n\r\n", 400, 'H7 no name');
refused("${get}A\r\n\r\n", 400, 'H7 no colon');
refused("${get}A(b): c\r\n\r\n", 400, 'H7 name with a parenthesis');
refused($get . join('', map { "A$_: b\r\n" } 1 .. 101) . "\r\n", 400, 'H7 more than 100 headers');
refused("${get}A: " . 'x' x 9000 . "\r\n\r\n", 431, 'H7 a value of 9000 bytes');
refused($get . join('', map { "A$_: " . 'x' x 8000 . "\r\n" } 1 .. 5) . "\r\n", 431, 'H7 a head of 40 KiB');
refused($get . ('A: ' . 'x' x 8000 . "\r\n") x 63 . "\r\n", '400|431', 'H7 a head of 500 KiB');

# H9, H10 credentials
status_is("${get}$_: a\r\n$_: b\r\n\r\n", 400, "H9 H10 two $_"), is($r->{json}{error}, 'header_repeated', '... by name')
    for qw(Authorization Cookie Signature Signature-Input Content-Digest Content-Type User-Agent Origin If-None-Match Content-Encoding Expect);
refused("${get}Authorization: Bearer " . 'x' x 5000 . "\r\n\r\n", 431, 'H9 5000 bytes of Authorization');
status_is("${get}Authorization: Bearer \xfc\r\n\r\n", 200, 'H9 bytes that are not ASCII are the doors\' to judge');

# H11 bodies
my $t = time;
status_is("POST /v1/echo HTTP/1.1\r\n${host}Content-Length: 65537\r\n\r\n", 413, 'H11 one byte over the limit');
status_is("POST /v1/echo HTTP/1.1\r\n${host}Content-Length: 1073741824\r\n\r\n", 413, 'H11 1 GiB announced, nothing sent');
cmp_ok time - $t, '<', 3, '... refused at once';
is $r->{json}{error}, 'body_too_large', '... in our form';
is $r->{headers}{'content-type'}, 'application/json', '... as JSON';

# H13 pipelining
my $sock = $bed->connect;
print $sock join '', map { $bed->request('GET', "/v1/items/$_") } 1 .. 10;
is_deeply [ map { $bed->answer($sock)->{json}{params} } 1 .. 10 ], [ 1 .. 10 ], 'H13 ten requests in one packet are answered in order';
$sock = $bed->connect;
print $sock $bed->request('GET', '/v1/items/1') . "GET /v1/echo HTTP/1.1\r\n${host}A : b\r\n\r\n" . $bed->request('GET', '/v1/items/smuggled');
is $bed->answer($sock)->{json}{params}, '1', 'H13 the first of three';
is $bed->answer($sock)->{status}, 400, 'the second is malformed';
ok !$bed->answer($sock, 2), 'the third is never seen';

# H14 HTTP/2
refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 'H14 the HTTP/2 preface');
status_is("${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", 200, 'H14 Upgrade: h2c is not taken up');
is $bed->curl('/healthz', '-o', '/dev/null', '-w', '%{http_version}', '--http2'), '1.1', 'H14 a client that offers h2 gets 1.1';

# H21 the rest
$r = $bed->ask("HEAD", "/v1/echo");
is $r->{status}, 405, "H21 HEAD where only GET is";
status_is("${get}Range: bytes=0-1\r\n\r\n", 200, 'H21 Range is ignored');
$t = time;
$r = $bed->raw("POST /v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", 5);
ok time - $t <= 4 && $r->{closed}, 'H21 Expect and then nothing ends with the read timeout';
status_is("POST /v1/echo HTTP/1.1\r\n${host}Content-Length: 2\r\nExpect: wonder\r\n\r\n{}", 417, 'H21 another expectation');
is $bed->curl('/v1/echo', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect: 100-continue', '-d', '{}'), 200, 'H21 a real 100-continue';

ok $bed->is_alive, 'the gateway is alive after all this';
is $bed->ask('GET', '/v1/echo')->{status}, 200, 'and serves';
unlike $bed->log, qr/Sanitizer|runtime error/, 'no sanitizer had anything to say';
done_testing;
