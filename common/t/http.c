/* SPDX-License-Identifier: PostgreSQL */
/*
 * http.c - the one HTTPS call, against a real TLS server (openssl s_server, whose standard input
 * and output are this test's pipes).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/http.h"
#include "common/httpsig.h"
#include "common/tap.h"
#include "common/text.h"
#include "tmp.h"

#define KEYID "client/7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e"
#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static int port;
static char url[64], authority[64];
static char ca[8192];
static struct key *key;
static struct sshkey pub;

static struct sockaddr_in
loopback(int number)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int
free_port(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return 0;
    close(fd);
    return ntohs(a.sin_port);
}

static void
wait_for_listener(void)
{
    for (int i = 0; i < 200; i++) {
        struct sockaddr_in a = loopback(port);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int good = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
        close(fd);
        if (good)
            return;
        usleep(50000);
    }
    printf("Bail out! openssl s_server does not listen\n");
    exit(1);
}

/* ---- the server ---- */

static pid_t tls_pid, script_pid;

/* Reads one request to the file "request-<i>"; 0 when it was whole. */
static int
read_request(FILE *in, int i)
{
    char line[8192], name[32], text[32768] = "", *at = text;
    size_t length = 0;
    while (fgets(line, sizeof line, in)) {
        at += snprintf(at, sizeof text - (size_t)(at - text), "%s", line);
        if (strncmp(line, "Content-Length: ", 16) == 0)
            length = strtoul(line + 16, NULL, 10);
        if (strcmp(line, "\r\n") == 0)
            break;
    }
    if (at == text || fread(at, 1, length, in) != length)
        return -1;
    snprintf(name, sizeof name, "request-%d", i);
    tmp_write(name, text, (size_t)(at - text) + length);
    return 0;
}

static void
play(const char *const *answers, int from_tls, int to_tls)
{
    FILE *in = fdopen(from_tls, "r");
    for (int i = 0; answers[i]; i++) {
        if (!in || read_request(in, i) != 0)
            _exit(1);
        size_t len = strlen(answers[i]);
        if (write(to_tls, answers[i], len) != (ssize_t)len)
            _exit(1);
    }
    for (;;)
        pause(); /* keeps the pipes open: the end of its input would end s_server */
}

static pid_t
start_tls(const char *name, int in, int out)
{
    char accept_at[32], cert[32], keyfile[32];
    snprintf(accept_at, sizeof accept_at, "127.0.0.1:%d", port);
    snprintf(cert, sizeof cert, "%s.pem", name);
    snprintf(keyfile, sizeof keyfile, "%s.key", name);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execlp("openssl", "openssl", "s_server", "-quiet", "-accept", accept_at, "-cert", cert,
               "-key", keyfile, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Answers in their order, on whatever connections come. */
static void
serve(const char *name, const char *const *answers)
{
    int to_tls[2], from_tls[2];
    port = free_port();
    snprintf(url, sizeof url, "https://127.0.0.1:%d", port);
    snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
    if (pipe(to_tls) != 0 || pipe(from_tls) != 0)
        exit(1);
    tls_pid = start_tls(name, to_tls[0], from_tls[1]);
    script_pid = fork();
    if (script_pid == 0) {
        close(to_tls[0]);
        close(from_tls[1]);
        play(answers, from_tls[0], to_tls[1]);
    }
    close(to_tls[0]);
    close(to_tls[1]);
    close(from_tls[0]);
    close(from_tls[1]);
    wait_for_listener();
}

static void
stop(void)
{
    kill(tls_pid, SIGKILL);
    kill(script_pid, SIGKILL);
    waitpid(tls_pid, NULL, 0);
    waitpid(script_pid, NULL, 0);
}

/* ---- the tests ---- */

static struct http_peer
peer_make(void)
{
    return (struct http_peer){.url = url,
                              .tls_authority = ca,
                              .user_agent = "test/1.0 (wire 1)",
                              .key = key,
                              .keyid = KEYID};
}

static int
get(struct http_peer *peer, struct http_answer *out)
{
    const struct http_request req = {.method = "GET", .target = "/v1/x?a=1", .timeout_ms = 5000};
    return http_call(peer, &req, out);
}

/* The header's value in the request that the server saw. */
static const char *
header(const char *request, const char *name, char out[HTTPSIG_VALUE_MAX])
{
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strstr(request, start);
    if (!at)
        return NULL;
    at += strlen(start);
    snprintf(out, HTTPSIG_VALUE_MAX, "%.*s", (int)strcspn(at, "\r"), at);
    return out;
}

static void
test_signed(void)
{
    static const char *const answers[] = {
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n"
        "Sft-Version:  42 \r\nETAG: \"a\"\r\nRetry-After: 7\r\nSignature: one\r\nSignature: two\r\n"
        "Link: <x>\r\n\r\n{}",
        NULL};
    char request[32768], digest[HTTPSIG_VALUE_MAX], input[HTTPSIG_VALUE_MAX],
        signature[HTTPSIG_VALUE_MAX], other[HTTPSIG_VALUE_MAX];
    struct http_answer a;
    serve("server", answers);
    struct http_peer peer = peer_make();
    const struct http_request req = {.method = "POST",
                                     .target = "/v1/a/../b%2F?x=1",
                                     .body = "{\"a\":1}",
                                     .body_len = 7,
                                     .timeout_ms = 5000};
    is_int(http_call(&peer, &req, &a), 0, "a signed POST");
    is_int(a.status, 201, "the status");
    is_str(a.body, "{}", "the body");
    is_str(a.version, "42", "a header, without the space around it");
    is_str(a.etag, "\"a\"", "a header in capitals");
    is_str(a.link, "<x>", "another");
    is_str(a.signature, "one, two", "a header that came twice is joined, for its reader to refuse");
    is_int(a.retry_after, 7, "seconds to wait");
    tmp_read("request-0", request, sizeof request);
    ok(strncmp(request, "POST /v1/a/../b%2F?x=1 HTTP/1.1\r\n", 33) == 0,
       "the target goes out as it was given");
    ok(strstr(request, "\r\n\r\n{\"a\":1}") != NULL, "and so does the body");
    ok(header(request, "Content-Digest", digest) && header(request, "Signature-Input", input) &&
           header(request, "Signature", signature),
       "signed");
    const struct httpsig_request sent = {.method = "POST",
                                         .authority = authority,
                                         .target = "/v1/a/../b%2F?x=1",
                                         .body = "{\"a\":1}",
                                         .body_len = 7};
    is_int(httpsig_verify_request(&pub, &sent, digest, input, signature), 0,
           "and the signature holds");
    is_str(a.request_signature, signature, "the caller learns the signature, for bound statements");
    ok(text_is_uuid(a.request_id) && strstr(input, a.request_id) != NULL, "and the nonce");
    is_str(header(request, "User-Agent", other), "test/1.0 (wire 1)", "the user agent");
    ok(!header(request, "Expect", other) && !header(request, "Cookie", other) &&
           !header(request, "Accept-Encoding", other),
       "nothing is sent that was not asked for");
    http_answer_free(&a);
    stop();
}

static void
test_clock(void)
{
    char refusal[400], body[200], when[21], request[32768], input[HTTPSIG_VALUE_MAX];
    time_format((int64_t)time(NULL) + 3600, when);
    snprintf(body, sizeof body, "{\"code\":401,\"error\":\"clock_skew\",\"time\":\"%s\"}", when);
    snprintf(refusal, sizeof refusal,
             "HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    const char *const answers[] = {refusal, OK_HEAD "Content-Length: 0\r\n\r\n", NULL};
    struct httpsig_params params = {0};
    struct http_answer a;
    serve("server", answers);
    struct http_peer peer = peer_make();
    is_int(get(&peer, &a), 0, "a platform whose clock is an hour ahead");
    is_int(a.status, 200, "is content with the second try");
    ok(peer.clock_offset > 3590 && peer.clock_offset < 3610, "the offset is kept");
    tmp_read("request-1", request, sizeof request);
    ok(header(request, "Signature-Input", input) && httpsig_parse_request(input, &params) == 0 &&
           params.created > (int64_t)time(NULL) + 3500,
       "and used");
    http_answer_free(&a);
    stop();
}

static void
test_clock_far(void)
{
    const char *const answers[] = {"HTTP/1.1 401 No\r\nContent-Length: 54\r\n\r\n"
                                   "{\"error\":\"clock_skew\",\"time\":\"2001-01-01T00:00:00Z\"}  ",
                                   NULL};
    struct http_answer a;
    serve("server", answers);
    struct http_peer peer = peer_make();
    is_int(get(&peer, &a), 0, "a clock that is off by years");
    is_int(a.status, 401, "is not made up for");
    is_int(peer.clock_offset, 0, "and leaves no offset");
    http_answer_free(&a);
    stop();
}

static void
test_trust(void)
{
    static const char *const answers[] = {OK_HEAD "Content-Length: 0\r\n\r\n", NULL};
    struct http_answer a;
    serve("other", answers);
    struct http_peer peer = peer_make();
    is_int(get(&peer, &a), SFT_ETLS, "a peer of another authority is refused");
    ok(http_last_error()[0] != '\0', "with libcurl's reason");
    ok(a.body == NULL, "and no answer");
    peer.tls_authority = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    is_int(get(&peer, &a), SFT_ETLS, "an authority that is none");
    peer.tls_authority = NULL;
    peer.key = NULL;
    is_int(get(&peer, &a), 0, "without an authority any peer is spoken to (bootstrap)");
    is_int(a.request_signature[0], 0, "unsigned");
    http_answer_free(&a);
    stop();
}

static void
answered(const char *text, int err, unsigned status, const char *what)
{
    const char *const answers[] = {text, NULL};
    struct http_answer a;
    serve("server", answers);
    struct http_peer peer = peer_make();
    const struct http_request req = {
        .method = "GET", .target = "/", .timeout_ms = 1500, .max_answer = 1000};
    is_int(http_call(&peer, &req, &a), err, what);
    if (!err)
        is_int(a.status, status, "with its status");
    http_answer_free(&a);
    stop();
}

static void
test_answers(void)
{
    static char large[4000], headers[200000];
    int n = snprintf(large, sizeof large, OK_HEAD "Content-Length: 1001\r\n\r\n");
    memset(large + n, 'x', 1001);
    answered(large, SFT_ETOOLONG, 0, "a body that says it is over the limit");
    n = snprintf(large, sizeof large, OK_HEAD "Connection: close\r\n\r\n");
    memset(large + n, 'x', 2000);
    answered(large, SFT_ETOOLONG, 0, "a body that is, without saying so");
    n = snprintf(headers, sizeof headers, OK_HEAD);
    while (n < 90000)
        n += snprintf(headers + n, sizeof headers - (size_t)n, "X-%d: %0200d\r\n", n, 0);
    snprintf(headers + n, sizeof headers - (size_t)n, "Content-Length: 0\r\n\r\n");
    answered(headers, SFT_ETOOLONG, 0, "headers without end");
    answered(
        "HTTP/1.1 302 Elsewhere\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0,
        302, "a redirect is not followed");
    answered("HTTP/1.1 204 No\r\n\r\n", 0, 204, "no content");
    answered("SSH-2.0-OpenSSH\r\n\r\n", SFT_ENETWORK, 0, "no HTTP at all");
    answered(OK_HEAD "Content-Length: 10\r\n\r\nx", SFT_ETIMEOUT, 0, "an answer that stops midway");
    answered("", SFT_ETIMEOUT, 0, "no answer in time");
}

static void
test_refused_here(void)
{
    static const char *const targets[] = {"v1", "/a b", "/a\r\nX: y", "/a#b", "/\x80", ""};
    static const char *const urls[] = {"http://127.0.0.1", "https://",           "https://a/b",
                                       "https://a@b",      "file:///etc/passwd", "https://a\r\nb"};
    struct http_answer a;
    struct http_peer peer = peer_make();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct http_request req = {.method = "GET", .target = targets[i]};
        is_int(http_call(&peer, &req, &a), SFT_EFORMAT, "a target that cannot be sent");
    }
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        peer.url = urls[i];
        is_int(get(&peer, &a), SFT_EFORMAT, "an address that is not https://host[:port]");
    }
    snprintf(url, sizeof url, "https://127.0.0.1:%d", free_port());
    peer.url = url;
    is_int(get(&peer, &a), SFT_ENETWORK, "nobody listens");
    const struct http_request req = {.method = "GET", .target = "/", .request_id = "x"};
    is_int(http_call(&peer, &req, &a), SFT_EFORMAT, "a request id that is no uuid");
}

int
main(void)
{
    tmp_enter();
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++)
        tmp_must("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                 "-subj /CN=t -addext subjectAltName=IP:127.0.0.1 -keyout %s.key -out %s.pem "
                 "2>openssl.log",
                 i ? "other" : "server", i ? "other" : "server");
    tmp_read("server.pem", ca, sizeof ca);
    if (key_generate(KEY_ECDSA_P256, &key) != 0 || key_public(key, &pub) != 0)
        return 1;
    /* What the environment says about proxies is not listened to. */
    (void)setenv("https_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    test_signed();
    test_clock();
    test_clock_far();
    test_trust();
    test_answers();
    test_refused_here();
    key_free(key);
    return done_testing();
}
