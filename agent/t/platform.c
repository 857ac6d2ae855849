/* SPDX-License-Identifier: PostgreSQL */
/*
 * platform.c - a platform for tests: says over TLS what the files of a folder say, signed, or lies.
 *
 *   platform DIR    serves until it is killed; DIR/port is there when it listens
 *
 * Reads at each request: state.json, host_trust, instance.json is made up; mode (a word, see
 * below); token (what enrollment is checked against). Writes: reports, requests, server.pub,
 * server.id. Host certificates are signed by DIR/host_ca with ssh-keygen.
 *
 * Modes: ok · forge (another statement key) · unbound (signed for another request) · older (version
 * 1) · altered (body changed after signing) · unavailable (503) · html · redirect · cut (body
 * breaks off) · removed (401 server_authorization_revoked) · strangekey (a host certificate for
 * another key) · storm (204 to every poll, at once) · oldtrust (an older version of host_trust).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/fsx.h"
#include "common/httpsig.h"
#include "common/json.h"
#include "common/text.h"
#include "common/token.h"

#define REQUEST_MAX 262144
#define WAIT_TURNS 40 /* of 50 ms: how long a poll is parked */

static const char *dir;
static int port;
static struct key *statement_key, *other_key;

struct request {
    char text[REQUEST_MAX];
    char method[8], target[512];
    const char *body;
    size_t body_len;
};

static void
die(const char *what)
{
    fprintf(stderr, "platform: %s\n", what);
    exit(1);
}

static void
must(int err, const char *what)
{
    if (err) {
        fprintf(stderr, "platform: %s: %s\n", what, sft_strerror(err));
        exit(1);
    }
}

static const char *
in_dir(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

/* A file's text without its last newline; "" when it is not there. Caller frees. */
static char *
text_of(const char *name)
{
    char *text;
    size_t len;
    if (fsx_read(in_dir(name), 8 << 20, &text, &len) != 0)
        return strdup("");
    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    return text;
}

static bool
mode_is(const char *word)
{
    char *mode = text_of("mode");
    bool is = strcmp(mode, word) == 0;
    free(mode);
    return is;
}

static void
note(const char *file, const char *fmt, ...)
{
    FILE *f = fopen(in_dir(file), "a");
    va_list args;
    va_start(args, fmt);
    if (f) {
        vfprintf(f, fmt, args);
        fclose(f);
    }
    va_end(args);
}

/* ---- requests ---- */

/* The value of a header, in one of eight rotating buffers; NULL when it is not there. */
static const char *
header(const struct request *r, const char *name)
{
    static char value[8][1024];
    static int turn;
    size_t len = strlen(name);
    for (const char *p = strchr(r->text, '\n'); p && p[1] != '\r'; p = strchr(p + 1, '\n')) {
        if (strncasecmp(p + 1, name, len) != 0 || p[1 + len] != ':')
            continue;
        const char *v = p + 2 + len + strspn(p + 2 + len, " ");
        turn = (turn + 1) % 8;
        snprintf(value[turn], sizeof value[turn], "%.*s", (int)strcspn(v, "\r\n"), v);
        return value[turn];
    }
    return NULL;
}

static bool
request_read(SSL *ssl, struct request *r)
{
    size_t len = 0;
    char *end = NULL;
    while (!end) {
        int n = SSL_read(ssl, r->text + len, (int)(sizeof r->text - 1 - len));
        if (n <= 0)
            return false;
        len += (size_t)n;
        r->text[len] = '\0';
        end = strstr(r->text, "\r\n\r\n");
    }
    const char *length = header(r, "content-length");
    r->body = end + 4;
    r->body_len = length ? (size_t)atol(length) : 0;
    while (len < (size_t)(r->body - r->text) + r->body_len) {
        int n = SSL_read(ssl, r->text + len, (int)(sizeof r->text - 1 - len));
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    r->text[len] = '\0';
    return sscanf(r->text, "%7s %511s", r->method, r->target) == 2;
}

/* ---- answers ---- */

static void
answer(SSL *ssl, int status, const char *headers, const char *body, size_t len)
{
    char head[4096];
    size_t said = mode_is("cut") && len > 10 ? len : len;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Status\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
                     status, said, headers);
    SSL_write(ssl, head, n);
    if (mode_is("cut"))
        len /= 2;
    if (len > 0)
        SSL_write(ssl, body, (int)len);
}

static void
refuse(SSL *ssl, int status, const char *error)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"code\":%d,\"type\":\"%s\",\"error\":\"%s\",\"message\":\"Test: %s.\"}", status,
             error, error, error);
    answer(ssl, status, "Content-Type: application/json\r\n", body, strlen(body));
}

static void
sign_and_answer(SSL *ssl, const struct request *r, const char *purpose, bool bound,
                const char *version, const char *body)
{
    struct httpsig_headers h;
    struct sshkey pub;
    char base[4096], keyid[80], name[48], headers[2048], *copy = strdup(body);
    uint8_t sig[KEY_RAW_SIG_MAX];
    char sig_text[100];
    size_t len;
    struct key *key = mode_is("forge") ? other_key : statement_key;
    struct httpsig_statement st = {.purpose = purpose,
                                   .status = 200,
                                   .target = r->target,
                                   .version = version,
                                   .request_signature = bound ? header(r, "signature") : NULL,
                                   .body = body,
                                   .body_len = strlen(body)};
    if (bound && mode_is("unbound"))
        st.request_signature =
            "sft=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "AAAAAAAAAAAAAAAAAAAAAA==:";
    must(key_public(key, &pub), "public key");
    must(digest_name(pub.blob, pub.len, name), "key name");
    snprintf(keyid, sizeof keyid, "platform/%s", name);
    must(httpsig_statement_base(&st, time(NULL), keyid, &h, base, sizeof base, &len), "base");
    must(key_sign_raw(key, base, len, sig), "sign");
    must(b64_encode(sig_text, sizeof sig_text, sig, sizeof sig), "base64");
    snprintf(
        headers, sizeof headers,
        "Content-Digest: %s\r\nSft-Version: %s\r\nSignature-Input: %s\r\nSignature: sft=:%s:\r\n",
        h.content_digest, version, h.signature_input, sig_text);
    if (mode_is("altered"))
        copy[strlen(copy) - 1] = ' ';
    answer(ssl, 200, headers, copy, strlen(copy));
    free(copy);
}

static void
get_instance(SSL *ssl, const struct request *r)
{
    struct json_object *doc = json_object_new_object(), *keys = json_object_new_array(),
                       *row = json_object_new_object();
    struct sshkey pub;
    char text[SSHKEY_TEXT_MAX], name[48], url[64], *tls = text_of("tls_ca.pem");
    must(key_public(mode_is("forge") ? other_key : statement_key, &pub), "public key");
    must(sshkey_to_text(&pub, text, sizeof text), "public key");
    must(digest_name(pub.blob, pub.len, name), "key name");
    json_object_object_add(row, "key_id", json_object_new_string(name));
    json_object_object_add(row, "public_key", json_object_new_string(text));
    json_object_object_add(row, "state", json_object_new_string("active"));
    json_object_array_add(keys, row);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", port);
    json_object_object_add(doc, "name", json_object_new_string("test"));
    json_object_object_add(doc, "url", json_object_new_string(url));
    json_object_object_add(doc, "authority", json_object_new_string(url + 8));
    json_object_object_add(doc, "statement_keys", keys);
    json_object_object_add(doc, "tls_authority", json_object_new_string(tls));
    json_object_object_add(doc, "version", json_object_new_int(3));
    sign_and_answer(ssl, r, "instance", false, "3", json_object_to_json_string(doc));
    json_object_put(doc);
    free(tls);
}

/* Whether the request is signed by this key; the nonce is not looked at. */
static bool
is_signed_by(const struct request *r, const char *public_key)
{
    struct sshkey pub;
    char authority[64];
    snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
    struct httpsig_request req = {.method = r->method,
                                  .authority = authority,
                                  .target = r->target,
                                  .body = r->body,
                                  .body_len = r->body_len};
    return sshkey_from_text(&pub, public_key, strlen(public_key)) == 0 &&
           header(r, "signature-input") && header(r, "signature") &&
           httpsig_verify_request(&pub, &req, header(r, "content-digest"),
                                  header(r, "signature-input"), header(r, "signature")) == 0;
}

static void
enroll(SSL *ssl, const struct request *r)
{
    struct json_object *doc, *proof;
    const char *id = "", *key = "", *mac = "";
    struct token t;
    struct sshkey pub;
    char want[64] = "", *token = text_of("token");
    if (json_read(r->body, r->body_len, &doc) != 0 || json_str(doc, "id", 36, &id) != 0 ||
        json_str(doc, "public_key", 1800, &key) != 0 || json_obj(doc, "token", &proof) != 0 ||
        json_str(proof, "mac", 64, &mac) != 0 || !is_signed_by(r, key))
        refuse(ssl, 401, "signature_invalid");
    else if (token_parse(&t, token, strlen(token)) != 0 ||
             sshkey_from_text(&pub, key, strlen(key)) != 0 || token_mac(&t, id, &pub, want) != 0 ||
             strlen(want) != strlen(mac) || !mem_equal(want, mac, strlen(want)))
        refuse(ssl, 401, "token_invalid");
    else {
        static const char body[] = "{\"id\":\"-\",\"team_name\":\"acme\",\"project_name\":\"prod\","
                                   "\"project_id\":\"11111111-1111-4111-8111-111111111111\"}";
        must(fsx_write(in_dir("server.pub"), key, strlen(key), 0600), "server.pub");
        must(fsx_write(in_dir("server.id"), id, strlen(id), 0600), "server.id");
        must(fsx_write(in_dir("enrolled.json"), r->body, r->body_len, 0600), "enrolled.json");
        answer(ssl, 201, "", body, strlen(body));
    }
    json_object_put(doc);
    free(token);
}

/* state.json with "@ID@" replaced by the id of the server that enrolled. */
static char *
state_text(void)
{
    char *text = text_of("state.json"), *id = text_of("server.id"), *at;
    for (size_t len = strlen(text); (at = strstr(text, "@ID@")) != NULL; len = strlen(text)) {
        char *longer = malloc(len + strlen(id) + 1);
        sprintf(longer, "%.*s%s%s", (int)(at - text), text, id, at + 4);
        free(text);
        text = longer;
    }
    free(id);
    return text;
}

static long
version_of(const char *state)
{
    const char *p = strstr(state, "\"version\"");
    p = p ? strchr(p, ':') : NULL;
    return p ? strtol(p + 1, NULL, 10) : 0;
}

static void
get_state(SSL *ssl, const struct request *r)
{
    long after = strtol(strchr(r->target, '=') ? strchr(r->target, '=') + 1 : "0", NULL, 10);
    char version[24], *state = state_text();
    for (int i = 0; i < WAIT_TURNS && version_of(state) == after && !mode_is("storm"); i++) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        free(state);
        state = state_text();
    }
    snprintf(version, sizeof version, "%ld", mode_is("older") ? 1 : version_of(state));
    if (version_of(state) == after)
        answer(ssl, 204, "", "", 0);
    else
        sign_and_answer(ssl, r, "state", true, version, state);
    free(state);
}

static void
host_certificate(SSL *ssl, const struct request *r)
{
    struct json_object *doc, *out = json_object_new_object();
    const char *key = "";
    char command[2048], *id = text_of("server.id"), *strange = text_of("strange.pub");
    must(json_read(r->body, r->body_len, &doc), "host certificate request");
    must(json_str(doc, "public_key", 1800, &key), "public_key");
    if (mode_is("strangekey"))
        key = strange;
    must(fsx_write(in_dir("hk.pub"), key, strlen(key), 0600), "hk.pub");
    snprintf(
        command, sizeof command,
        "cd '%s' && ssh-keygen -q -s host_ca -h -I sft1:host -z 5 -n %s,web01 -V -1m:+7d hk.pub",
        dir, id);
    if (system(command) != 0)
        die("ssh-keygen");
    char *cert = text_of("hk-cert.pub");
    json_object_object_add(out, "certificate", json_object_new_string(cert));
    const char *text = json_object_to_json_string(out);
    answer(ssl, 201, "", text, strlen(text));
    json_object_put(out);
    json_object_put(doc);
    free(cert);
    free(strange);
    free(id);
}

static void
serve(SSL *ssl, const struct request *r)
{
    char *pub = text_of("server.pub"), *trust;
    bool known = is_signed_by(r, pub);
    free(pub);
    note("requests", "%s %s\n", r->method, r->target);
    if (mode_is("unavailable"))
        refuse(ssl, 503, "service_offline");
    else if (mode_is("html"))
        answer(ssl, 200, "Content-Type: text/html\r\n", "<html>Sign in to the network</html>", 35);
    else if (mode_is("redirect"))
        answer(ssl, 302, "Location: https://127.0.0.1:1/\r\n", "", 0);
    else if (strcmp(r->target, "/v1/instance") == 0)
        get_instance(ssl, r);
    else if (strcmp(r->target, "/v1/servers/enroll") == 0)
        enroll(ssl, r);
    else if (strncmp(r->target, "/v1/authorities/", 16) == 0) {
        trust = text_of("host_trust");
        sign_and_answer(ssl, r, "trust", false, mode_is("oldtrust") ? "1" : "2", trust);
        free(trust);
    } else if (mode_is("removed"))
        refuse(ssl, 401, "server_authorization_revoked");
    else if (!known)
        refuse(ssl, 401, "signature_invalid");
    else if (strncmp(r->target, "/v1/server/state", 16) == 0)
        get_state(ssl, r);
    else if (strcmp(r->target, "/v1/server/host_certificates") == 0)
        host_certificate(ssl, r);
    else if (strcmp(r->target, "/v1/server/report") == 0) {
        note("reports", "%.*s\n", (int)r->body_len, r->body);
        answer(ssl, 204, "", "", 0);
    } else
        refuse(ssl, 404, "resource_does_not_exist");
}

static void
load_keys(void)
{
    static const char file[] = "statement.key";
    uint8_t der[KEY_PRIVATE_DER_MAX];
    char *text;
    size_t len;
    struct sshkey pub;
    char name[48];
    must(key_generate(KEY_ED25519, &other_key), "key");
    if (fsx_read(in_dir(file), sizeof der, &text, &len) == 0) {
        must(key_from_der((uint8_t *)text, len, &statement_key), file);
        free(text);
    } else {
        must(key_generate(KEY_ED25519, &statement_key), "key");
        must(key_private_der(statement_key, der, sizeof der, &len), "key");
        must(fsx_write(in_dir(file), der, len, 0600), file);
    }
    must(key_public(statement_key, &pub), "key");
    must(digest_name(pub.blob, pub.len, name), "key name");
    must(fsx_write(in_dir("statement.hash"), name, strlen(name), 0600), "statement.hash");
}

static int
listen_somewhere(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char text[16], *wanted = text_of("port");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    at.sin_port = htons((uint16_t)atoi(wanted)); /* the same port again after a restart */
    free(wanted);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die("cannot listen");
    port = ntohs(at.sin_port);
    snprintf(text, sizeof text, "%d\n", port);
    must(fsx_write(in_dir("port"), text, strlen(text), 0600), "port");
    return fd;
}

int
main(int argc, char **argv)
{
    static struct request r;
    if (argc != 2)
        die("usage: platform DIR");
    dir = argv[1];
    signal(SIGPIPE, SIG_IGN);
    load_keys();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(ctx, in_dir("tls.pem")) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, in_dir("tls.key"), SSL_FILETYPE_PEM) != 1)
        die("no TLS certificate");
    int fd = listen_somewhere();
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        SSL *ssl = SSL_new(ctx);
        memset(&r, 0, sizeof r);
        if (peer >= 0 && SSL_set_fd(ssl, peer) == 1 && SSL_accept(ssl) == 1 &&
            request_read(ssl, &r))
            serve(ssl, &r);
        SSL_shutdown(ssl);
        SSL_free(ssl);
        if (peer >= 0)
            close(peer);
    }
}
