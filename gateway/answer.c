/* SPDX-License-Identifier: PostgreSQL */
/*
 * answer.c - headers and body of an answer.
 *
 * The database names headers of its own; those that frame the message or describe the connection
 * are ours. Ours for every answer: X-Trace-Id, nosniff, HSTS over TLS, and no-store unless the
 * database says how long something may be kept.
 */
#include "gateway/answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"

#define HEADERS_MAX 32
#define RETRY_AFTER_S "1"

struct flags {
    bool has_type, has_cache_control;
};

/* libh2o compares well-known names by address, so they must be looked up. */
static void
add(h2o_req_t *req, struct bytes name, struct bytes value)
{
    const h2o_token_t *token = h2o_lookup_token(name.p, name.len);
    if (token)
        h2o_add_header(&req->pool, &req->res.headers, token, NULL, value.p, value.len);
    else
        h2o_add_header_by_str(&req->pool, &req->res.headers, name.p, name.len, 0, NULL, value.p,
                              value.len);
}

static void
add_text(h2o_req_t *req, const char *name, const char *value)
{
    add(req, (struct bytes){name, strlen(name)}, (struct bytes){value, strlen(value)});
}

static bool
is_name(struct bytes name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.p, text, name.len) == 0;
}

static bool
is_ours(struct bytes name)
{
    static const char *const ours[] = {
        "connection", "content-length",    "date",    "keep-alive", "server", "te",
        "trailer",    "transfer-encoding", "upgrade", "x-trace-id", NULL};
    for (size_t i = 0; ours[i]; i++)
        if (is_name(name, ours[i]))
            return true;
    return false;
}

/* A lower-case token and printable text: nothing that could end the line. */
static bool
is_clean(struct bytes name, struct bytes value)
{
    for (size_t i = 0; i < name.len; i++)
        if (!islower((unsigned char)name.p[i]) && !isdigit((unsigned char)name.p[i]) &&
            name.p[i] != '-')
            return false;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return false;
    return name.len > 0;
}

static void
add_line(h2o_req_t *req, const char *trace_id, struct bytes line, struct flags *flags)
{
    const char *colon = memchr(line.p, ':', line.len);
    struct bytes name = {line.p, colon ? (size_t)(colon - line.p) : 0};
    struct bytes value = {line.p + name.len + 1, line.len - name.len - (colon ? 1 : 0)};
    while (value.len > 0 && *value.p == ' ')
        value.p++, value.len--;
    if (!colon || !is_clean(name, value) || is_ours(name)) {
        log_error("door_header_odd", "trace_id=%s", trace_id);
        return;
    }
    flags->has_type |= is_name(name, "content-type");
    flags->has_cache_control |= is_name(name, "cache-control");
    add(req, name, value);
}

static struct bytes
copy(h2o_req_t *req, struct bytes from)
{
    char *p = compat_alloc(&req->pool, from.len + 1);
    if (from.len)
        memcpy(p, from.p, from.len);
    return (struct bytes){p, from.len};
}

static void
add_lines(h2o_req_t *req, const struct answer *answer, struct flags *flags)
{
    struct bytes lines = copy(req, answer->headers);
    for (int n = 0; lines.len > 0 && n < HEADERS_MAX; n++) {
        const char *lf = memchr(lines.p, '\n', lines.len);
        size_t len = lf ? (size_t)(lf - lines.p) : lines.len;
        if (len > 0)
            add_line(req, answer->trace_id, (struct bytes){lines.p, len}, flags);
        lines.p += len + (lf ? 1 : 0);
        lines.len -= len + (lf ? 1 : 0);
    }
}

static void
add_ours(h2o_req_t *req, const struct answer *answer, const struct flags *flags)
{
    struct bytes trace = copy(req, (struct bytes){answer->trace_id, strlen(answer->trace_id)});
    if (answer->body.len > 0 && !flags->has_type)
        add_text(req, "content-type", "application/json");
    if (!flags->has_cache_control)
        add_text(req, "cache-control", "no-store");
    add_text(req, "x-content-type-options", "nosniff");
    if (answer->is_tls)
        add_text(req, "strict-transport-security", "max-age=31536000");
    if (answer->status == 503)
        add_text(req, "retry-after", RETRY_AFTER_S);
    if (answer->allow) {
        struct bytes allow = copy(req, (struct bytes){answer->allow, strlen(answer->allow)});
        add(req, (struct bytes){"allow", 5}, allow);
    }
    add(req, (struct bytes){"x-trace-id", 10}, trace);
}

struct bytes
answer_fill(h2o_req_t *req, const struct answer *answer)
{
    struct flags flags = {false, false};
    bool is_bodiless = answer->status == 204 || answer->status == 304;
    size_t len = is_bodiless ? 0 : answer->body.len;

    req->res.status = answer->status;
    req->res.reason = status_reason(answer->status);
    if (!is_bodiless) /* without a length libh2o would close or chunk */
        req->res.content_length = len;
    add_lines(req, answer, &flags);
    add_ours(req, answer, &flags);
    if (answer->must_close)
        compat_close_after(req);
    if (h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")))
        len = 0;
    return copy(req, (struct bytes){answer->body.p, len});
}

void
answer_send(h2o_req_t *req, const struct answer *answer)
{
    static h2o_generator_t generator = {NULL, NULL};
    struct bytes body = answer_fill(req, answer);
    h2o_iovec_t vec = {(char *)(uintptr_t)body.p, body.len};
    h2o_start_response(req, &generator);
    h2o_send(req, &vec, body.len > 0 ? 1 : 0, H2O_SEND_STATE_FINAL);
}

void
answer_refuse(struct answer *answer, const struct refusal *refusal, char text[ANSWER_REFUSAL_MAX])
{
    int len = snprintf(text, ANSWER_REFUSAL_MAX,
                       "{\"code\":%d,\"type\":\"%s\",\"error\":\"%s\",\"message\":\"%s\","
                       "\"trace_id\":\"%s\"}",
                       refusal->status, status_type(refusal->status), refusal->error,
                       refusal->message, answer->trace_id);
    answer->status = refusal->status;
    answer->headers = (struct bytes){"", 0};
    answer->body = (struct bytes){text, (size_t)len};
}
