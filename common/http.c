/* SPDX-License-Identifier: PostgreSQL */
/*
 * http.c - one HTTPS call to the platform, signed, with a deadline (libcurl).
 *
 * libcurl is loaded at the first call. One easy handle lives as long as the process, so that a
 * second call finds its connection open; it must not be shared by threads or used across a fork.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "common/http.h"
#include "common/httpsig.h"
#include "common/json.h"
#include "common/text.h"

#define ANSWER_MAX_DEFAULT (1024 * 1024)
#define HEADERS_MAX 65536
#define HEADER_VALUE_MAX 8192
#define CONNECT_MS 10000
#define TIMEOUT_MS_DEFAULT 30000
#define CLOCK_OFFSET_MAX 86400 /* a clock further off is for people to repair */
#define AUTHORITY_MAX 300

/* The functions of libcurl that we call, by the names they have there. */
static struct {
    void *library;
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_reset)(CURL *);
    CURLcode (*setopt)(CURL *, CURLoption, ...);
    CURLcode (*perform)(CURL *);
    CURLcode (*getinfo)(CURL *, CURLINFO, ...);
    const char *(*strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    CURL *easy;
} curl;

static char last_error[CURL_ERROR_SIZE + 64];

/* What the callbacks fill while an answer comes in. */
struct incoming {
    struct http_answer *answer;
    size_t max, headers_len;
    int err;
};

__attribute__((format(printf, 2, 3))) static int
fail(int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(last_error, sizeof last_error, fmt, ap);
    va_end(ap);
    return err;
}

const char *
http_last_error(void)
{
    return last_error;
}

static int
load_symbols(void)
{
    static const struct {
        const char *name;
        void *where;
    } symbols[] = {
        {"curl_global_init", &curl.global_init},       {"curl_easy_init", &curl.easy_init},
        {"curl_easy_reset", &curl.easy_reset},         {"curl_easy_setopt", &curl.setopt},
        {"curl_easy_perform", &curl.perform},          {"curl_easy_getinfo", &curl.getinfo},
        {"curl_easy_strerror", &curl.strerror},        {"curl_slist_append", &curl.slist_append},
        {"curl_slist_free_all", &curl.slist_free_all},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(curl.library, symbols[i].name);
        if (!symbol)
            return fail(SFT_ESYSTEM, "libcurl has no %s", symbols[i].name);
        memcpy(symbols[i].where, &symbol, sizeof symbol); /* ISO C has no such conversion */
    }
    return 0;
}

static int
load_library(void)
{
    if (curl.easy)
        return 0;
    /* Whoever sets the environment must not get the keys of our TLS sessions. */
    (void)unsetenv("SSLKEYLOGFILE");
    if (!curl.library && !(curl.library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL)))
        return fail(SFT_ESYSTEM, "cannot load libcurl: %s", dlerror());
    int err = load_symbols();
    if (err)
        return err;
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(curl.easy = curl.easy_init()))
        return fail(SFT_ESYSTEM, "libcurl does not start");
    return 0;
}

/* "https://host[:port]" to what signatures call the authority: lower case, no port when it is 443.
 */
static int
authority_of(const char *url, char out[AUTHORITY_MAX])
{
    const char *host = url + strlen("https://");
    if (strncmp(url, "https://", strlen("https://")) != 0)
        return fail(SFT_EFORMAT, "url does not start with https://");
    size_t len = strlen(host);
    if (len == 0 || len >= AUTHORITY_MAX ||
        strspn(host, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789.-_:[]") != len)
        return fail(SFT_EFORMAT, "url is not https://host or https://host:port");
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)tolower((unsigned char)host[i]);
    if (len > 4 && strcmp(out + len - 4, ":443") == 0)
        out[len - 4] = '\0';
    return 0;
}

static int
target_check(const char *target)
{
    if (target[0] != '/')
        return fail(SFT_EFORMAT, "target does not start with a slash");
    for (const char *c = target; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '#')
            return fail(SFT_EFORMAT, "target has a character that is not allowed");
    return 0;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct incoming *in = arg;
    struct http_answer *answer = in->answer;
    size_t len = size * n;

    if (len > in->max - answer->body_len) {
        in->err = SFT_ETOOLONG;
        return CURL_WRITEFUNC_ERROR;
    }
    char *body = realloc(answer->body, answer->body_len + len + 1);
    if (!body) {
        in->err = SFT_ENOMEM;
        return CURL_WRITEFUNC_ERROR;
    }
    memcpy(body + answer->body_len, bytes, len);
    answer->body = body;
    answer->body_len += len;
    body[answer->body_len] = '\0';
    return len;
}

/* A header that comes twice is joined as RFC 9110 says; no reader of ours accepts the result. */
static int
header_keep(char **where, const char *value, size_t len)
{
    size_t old = *where ? strlen(*where) : 0;
    if (len > HEADER_VALUE_MAX || memchr(value, '\0', len))
        return SFT_ETOOLONG;
    char *text = realloc(*where, old + len + 3);
    if (!text)
        return SFT_ENOMEM;
    *where = text;
    if (old) {
        memcpy(text + old, ", ", 2);
        old += 2;
    }
    memcpy(text + old, value, len);
    text[old + len] = '\0';
    return 0;
}

static void
retry_after_keep(struct http_answer *answer, const char *value, size_t len)
{
    char text[8];
    uint64_t seconds;
    if (len >= sizeof text)
        return;
    memcpy(text, value, len);
    text[len] = '\0';
    if (text_u64(text, 86400, &seconds) == 0)
        answer->retry_after = (int64_t)seconds;
}

static void
trace_id_keep(struct http_answer *answer, const char *value, size_t len)
{
    if (len < sizeof answer->trace_id && !memchr(value, '\0', len))
        memcpy(answer->trace_id, value, len); /* zeroed before: ends with NUL */
}

static int
header_take(struct http_answer *a, const char *name, size_t name_len, const char *value, size_t len)
{
    const struct {
        const char *name;
        char **where;
    } kept[] = {
        {"content-type", &a->content_type},
        {"content-digest", &a->content_digest},
        {"signature-input", &a->signature_input},
        {"signature", &a->signature},
        {"sft-version", &a->version},
        {"etag", &a->etag},
        {"link", &a->link},
    };
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strlen(kept[i].name) == name_len && strncasecmp(name, kept[i].name, name_len) == 0)
            return header_keep(kept[i].where, value, len);
    if (name_len == 11 && strncasecmp(name, "retry-after", 11) == 0)
        retry_after_keep(a, value, len);
    if (name_len == 10 && strncasecmp(name, "x-trace-id", 10) == 0)
        trace_id_keep(a, value, len);
    return 0;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
    struct incoming *in = arg;
    size_t len = size * n;

    in->headers_len += len;
    if (in->headers_len > HEADERS_MAX) {
        in->err = SFT_ETOOLONG;
        return CURL_WRITEFUNC_ERROR;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return len; /* the status line or the last, empty one */
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    in->err = header_take(in->answer, line, (size_t)(colon - line), value, (size_t)(end - value));
    return in->err ? CURL_WRITEFUNC_ERROR : len;
}

static int
add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[HTTPSIG_VALUE_MAX + 64];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    if (n < 0 || (size_t)n >= sizeof line || strpbrk(line, "\r\n"))
        return fail(SFT_EFORMAT, "header %s cannot be sent", name);
    struct curl_slist *longer = curl.slist_append(*list, line);
    if (!longer)
        return fail(SFT_ENOMEM, "out of memory");
    *list = longer;
    return 0;
}

static int
add_signature(struct curl_slist **list, const struct http_peer *peer, const char *authority,
              const struct http_request *req, struct http_answer *out)
{
    struct httpsig_headers h;
    const struct httpsig_request to_sign = {
        .method = req->method,
        .authority = authority,
        .target = req->target,
        .body = req->body,
        .body_len = req->body_len,
        .created = (int64_t)time(NULL) + peer->clock_offset,
        .nonce = out->request_id,
        .keyid = peer->keyid,
    };
    int err = httpsig_sign_request(peer->key, &to_sign, &h);
    if (err)
        return fail(err, "the request cannot be signed: %s", sft_strerror(err));
    if (h.content_digest[0])
        err = add_header(list, "Content-Digest", h.content_digest);
    if (!err)
        err = add_header(list, "Signature-Input", h.signature_input);
    if (!err)
        err = add_header(list, "Signature", h.signature);
    if (!err)
        memcpy(out->request_signature, h.signature, sizeof out->request_signature);
    return err;
}

static int
headers_build(const struct http_peer *peer, const struct http_request *req, struct http_answer *out,
              struct curl_slist **list)
{
    char authority[AUTHORITY_MAX];
    int err = authority_of(peer->url, authority);
    if (!err)
        err = add_header(list, "User-Agent", peer->user_agent);
    if (!err && req->body_len)
        err = add_header(list, "Content-Type", "application/json");
    if (!err)
        err = add_header(list, "Expect", ""); /* no round trip for "100 Continue" */
    if (!err && req->if_none_match)
        err = add_header(list, "If-None-Match", req->if_none_match);
    if (!err && peer->key)
        err = add_signature(list, peer, peer->authority ? peer->authority : authority, req, out);
    return err;
}

/* Only what the caller gave is trusted: neither the system's authorities nor its environment. */
static void
set_trust(const struct http_peer *peer)
{
    CURL *easy = curl.easy;
    int verify = peer->tls_authority != NULL;
    curl.setopt(easy, CURLOPT_SSL_VERIFYPEER, (long)verify);
    curl.setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    curl.setopt(easy, CURLOPT_CAINFO, NULL);
    curl.setopt(easy, CURLOPT_CAPATH, NULL);
    if (verify) {
        struct curl_blob blob = {(void *)(uintptr_t)peer->tls_authority,
                                 strlen(peer->tls_authority), CURL_BLOB_COPY};
        curl.setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    curl.setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl.setopt(easy, CURLOPT_PROXY, peer->proxy ? peer->proxy : "");
    curl.setopt(easy, CURLOPT_NOPROXY, peer->proxy ? "" : "*");
    curl.setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static void
set_request(const struct http_request *req)
{
    CURL *easy = curl.easy;
    long timeout_ms = req->timeout_ms > 0 ? req->timeout_ms : TIMEOUT_MS_DEFAULT;
    curl.setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl.setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl.setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl.setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS);
    curl.setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl.setopt(easy, CURLOPT_REQUEST_TARGET, req->target);
    curl.setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
    if (req->body_len || strcmp(req->method, "POST") == 0) {
        curl.setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
        curl.setopt(easy, CURLOPT_POSTFIELDS, req->body_len ? (const char *)req->body : "");
    }
}

static void
set_incoming(struct incoming *in)
{
    CURL *easy = curl.easy;
    curl.setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)in->max);
    curl.setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl.setopt(easy, CURLOPT_WRITEDATA, (void *)in);
    curl.setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl.setopt(easy, CURLOPT_HEADERDATA, (void *)in);
}

static int
error_of(CURLcode code, const struct incoming *in)
{
    if (in->err)
        return fail(in->err, "the answer is refused: %s", sft_strerror(in->err));
    if (!last_error[0])
        fail(0, "%s", curl.strerror(code));
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return SFT_ETLS;
    case CURLE_OPERATION_TIMEDOUT:
        return SFT_ETIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return SFT_ETOOLONG;
    case CURLE_OUT_OF_MEMORY:
        return SFT_ENOMEM;
    default:
        return SFT_ENETWORK;
    }
}

static int
perform(const struct http_peer *peer, const struct http_request *req, struct curl_slist *headers,
        struct http_answer *out)
{
    struct incoming in = {out, req->max_answer ? req->max_answer : ANSWER_MAX_DEFAULT, 0, 0};
    long status = 0;

    if (!(out->body = calloc(1, 1)))
        return fail(SFT_ENOMEM, "out of memory");
    curl.easy_reset(curl.easy);
    last_error[0] = '\0';
    curl.setopt(curl.easy, CURLOPT_ERRORBUFFER, last_error);
    curl.setopt(curl.easy, CURLOPT_URL, peer->url);
    curl.setopt(curl.easy, CURLOPT_HTTPHEADER, headers);
    set_trust(peer);
    set_request(req);
    set_incoming(&in);
    CURLcode code = curl.perform(curl.easy);
    curl.setopt(curl.easy, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK)
        return error_of(code, &in);
    curl.getinfo(curl.easy, CURLINFO_RESPONSE_CODE, &status);
    out->status = (unsigned)status;
    return 0;
}

static int
call_once(struct http_peer *peer, const struct http_request *req, struct http_answer *out)
{
    struct curl_slist *headers = NULL;
    int err;

    memset(out, 0, sizeof *out);
    if (req->request_id)
        err = text_is_uuid(req->request_id) ? 0 : fail(SFT_EFORMAT, "request id is not a uuid");
    else
        err = uuid_random(out->request_id);
    if (!err && req->request_id)
        memcpy(out->request_id, req->request_id, sizeof out->request_id);
    if (!err)
        err = headers_build(peer, req, out, &headers);
    if (!err)
        err = perform(peer, req, headers, out);
    curl.slist_free_all(headers);
    if (err)
        http_answer_free(out);
    return err;
}

/* Whether the answer is a clock_skew refusal that an offset can repair; then sets the offset. */
static bool
learn_clock(struct http_peer *peer, const struct http_answer *answer)
{
    struct json_object *doc;
    const char *error;
    int64_t theirs;
    bool learnt = false;

    if (answer->status != 401 || !peer->key || json_read(answer->body, answer->body_len, &doc) != 0)
        return false;
    if (json_str(doc, "error", 64, &error) == 0 && strcmp(error, "clock_skew") == 0 &&
        json_time(doc, "time", &theirs) == 0) {
        int64_t offset = theirs - (int64_t)time(NULL);
        learnt = offset >= -CLOCK_OFFSET_MAX && offset <= CLOCK_OFFSET_MAX;
        if (learnt)
            peer->clock_offset = offset;
    }
    json_object_put(doc);
    return learnt;
}

int
http_call(struct http_peer *peer, const struct http_request *req, struct http_answer *out)
{
    memset(out, 0, sizeof *out);
    int err = load_library();
    if (!err)
        err = target_check(req->target);
    if (!err)
        err = call_once(peer, req, out);
    if (!err && learn_clock(peer, out)) {
        http_answer_free(out);
        err = call_once(peer, req, out);
    }
    return err;
}

void
http_answer_free(struct http_answer *answer)
{
    if (!answer)
        return;
    free(answer->body);
    free(answer->content_type);
    free(answer->content_digest);
    free(answer->signature_input);
    free(answer->signature);
    free(answer->version);
    free(answer->etag);
    free(answer->link);
    memset(answer, 0, sizeof *answer);
}
