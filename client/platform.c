/* SPDX-License-Identifier: PostgreSQL */
/*
 * platform.c - calling the platform for an account: signed, verified, its refusals as failures.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/httpsig.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "keystore.h"
#include "platform.h"

#define MESSAGE_MAX 500
#define PATIENCE_S 2

void
platform_init(struct platform *p, const struct account *a, bool is_signed, const struct settings *s)
{
    memset(p, 0, sizeof *p);
    p->account = a;
    p->is_signed = is_signed;
    p->timeout_ms = (long)s->timeout_s * 1000;
    (void)snprintf(p->keyid, sizeof p->keyid, "client/%s", a->client_id);
    p->peer.url = a->url;
    p->peer.authority = a->authority[0] ? a->authority : NULL;
    p->peer.tls_authority = a->tls_authority;
    p->peer.user_agent = "sft/" SFT_VERSION " (wire " WIRE_VERSION ")";
    p->peer.proxy = s->forward_proxy;
    p->peer.keyid = p->keyid;
}

void
platform_free(struct platform *p)
{
    key_free(p->key);
    p->key = NULL;
    p->peer.key = NULL;
}

static int
key_load(struct platform *p, struct failure *f)
{
    if (!p->is_signed || p->peer.key)
        return 0;
    int code = key_store_load(p->account, &p->key, f);
    p->peer.key = p->key;
    return code;
}

/* What the platform's words mean to a person. The first row that fits is taken. */
static const struct refusal {
    unsigned status;
    const char *error; /* NULL: any */
    enum sft_exit code;
    const char *next;
} refusals[] = {
    {401, "session_required", SFT_EXIT_LOGIN, "Sign in: sft login"},
    {401, "password_wrong", SFT_EXIT_LOGIN, "Try again: sft login"},
    {401, "key_unknown", SFT_EXIT_NOT_ENROLLED,
     "Enroll again: sft enroll --force --token-file FILE"},
    {401, "invitation_invalid", SFT_EXIT_DENIED, "Ask an administrator for a new invitation."},
    {401, "clock_skew", SFT_EXIT_ERROR, "Set this machine's clock."},
    {401, NULL, SFT_EXIT_ERROR, NULL},
    {403, "sign_in_too_old", SFT_EXIT_LOGIN, "Sign in again: sft login"},
    {403, "password_change_required", SFT_EXIT_LOGIN, "Choose a new one: sft login"},
    {403, "client_not_approved", SFT_EXIT_DENIED, "Ask an administrator to approve it: sft status"},
    {403, "not_granted", SFT_EXIT_DENIED, "Ask a team administrator for access."},
    {403, NULL, SFT_EXIT_DENIED, NULL},
    {404, "client_unknown", SFT_EXIT_NOT_ENROLLED,
     "Enroll again: sft enroll --force --token-file FILE"},
    {404, NULL, SFT_EXIT_NOT_FOUND, NULL},
    {409, "server_ambiguous", SFT_EXIT_NOT_FOUND,
     "Name it by its id: sft list-servers --columns hostname,id"},
    {426, NULL, SFT_EXIT_TOO_OLD, "Install a newer sft."},
    {429, NULL, SFT_EXIT_DENIED, "Wait a moment."},
    {500, NULL, SFT_EXIT_UNREACHABLE, "Try again later."},
    {502, NULL, SFT_EXIT_UNREACHABLE, "Try again later."},
    {503, NULL, SFT_EXIT_UNREACHABLE, "Try again later."},
    {504, NULL, SFT_EXIT_UNREACHABLE, "Try again later."},
};

static const struct refusal *
refusal_find(unsigned status, const char *error)
{
    static const struct refusal other = {0, NULL, SFT_EXIT_ERROR, NULL};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].status == status &&
            (!refusals[i].error || strcmp(refusals[i].error, error) == 0))
            return &refusals[i];
    return &other;
}

static int
refused(const struct call *call, const struct http_answer *answer, struct failure *f)
{
    struct json_object *doc = NULL;
    const char *error = "", *message = NULL;
    char plain[64], trace[96] = "";
    (void)snprintf(plain, sizeof plain, "The platform answered %u.", answer->status);
    if (answer->status >= 500 && answer->trace_id[0]) /* what its operator can look up */
        (void)snprintf(trace, sizeof trace, " (trace %s)", answer->trace_id);
    if (json_read(answer->body, answer->body_len, &doc) == 0) {
        if (json_str(doc, "error", 64, &error) != 0)
            error = "";
        if (json_str(doc, "message", MESSAGE_MAX, &message) != 0)
            message = NULL;
    }
    const struct refusal *r = refusal_find(answer->status, error);
    int code = fail(f, r->code, r->next, "%s%s%s%s", call->subject ? call->subject : "",
                    call->subject ? ": " : "", message ? message : plain, trace);
    (void)snprintf(f->error, sizeof f->error, "%s", error);
    json_object_put(doc);
    return code;
}

static int
unreachable(const struct platform *p, int err, struct failure *f)
{
    const char *why = http_last_error();
    switch (err) {
    case SFT_ETLS:
        return fail(f, SFT_EXIT_UNREACHABLE,
                    "Somebody may be in between; if the platform was renewed: sft login",
                    "%s: its TLS certificate is not the pinned authority's (%s).", p->peer.url,
                    why);
    case SFT_ENETWORK:
    case SFT_ETIMEOUT:
    case SFT_ETOOLONG:
        return fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: %s (%s).", p->peer.url, sft_strerror(err),
                    why);
    default:
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: %s.", p->peer.url, why);
    }
}

int
platform_version(const struct http_answer *answer, int64_t *versionp)
{
    uint64_t version = 0;
    *versionp = 0;
    if (!answer->version || text_u64(answer->version, INT64_MAX - 1, &version) != 0)
        return SFT_EFORMAT;
    *versionp = (int64_t)version;
    return 0;
}

int
platform_statement(const struct sshkey *key, const struct call *call,
                   const struct http_answer *answer)
{
    const struct httpsig_statement st = {
        .purpose = call->purpose,
        .status = answer->status,
        .target = call->target,
        .request_signature = call->is_bound ? answer->request_signature : NULL,
        .version = answer->version,
        .body = answer->body,
        .body_len = answer->body_len,
        .content_digest = answer->content_digest,
        .signature_input = answer->signature_input,
        .signature = answer->signature,
    };
    int64_t created;
    if (!st.version || !st.content_digest || !st.signature_input || !st.signature)
        return SFT_EFORMAT;
    return httpsig_verify_statement(key, &st, &created);
}

static int
statement_check(const struct platform *p, const struct call *call, const struct http_answer *answer,
                struct failure *f)
{
    int err = SFT_ESIGNATURE;
    for (size_t i = 0; err && i < p->account->statement_keys_n; i++)
        err = platform_statement(&p->account->statement_keys[i], call, answer);
    if (!err)
        return 0;
    return fail(f, SFT_EXIT_UNREACHABLE,
                "It is not used. If the platform's key was renewed: sft login",
                "%s: the answer is not signed by the platform's pinned key.", p->peer.url);
}

static int64_t
now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A platform that restarts says when to come back; once, soon and for what may be sent twice. */
static int
call_patiently(struct platform *p, const struct call *call, struct http_request *req,
               struct http_answer *out)
{
    char request_id[sizeof out->request_id];
    int err = http_call(&p->peer, req, out);
    if (err || out->status != 503 || out->retry_after < 1 || out->retry_after > PATIENCE_S ||
        !(call->is_repeatable || strcmp(call->method, "GET") == 0))
        return err;
    memcpy(request_id, out->request_id, sizeof request_id);
    req->request_id = request_id;
    (void)sleep((unsigned)out->retry_after);
    http_answer_free(out);
    err = http_call(&p->peer, req, out);
    req->request_id = NULL; /* ours is about to go */
    return err;
}

int
platform_call(struct platform *p, const struct call *call, struct http_answer *out,
              struct failure *f)
{
    struct http_request req = {
        .method = call->method,
        .target = call->target,
        .body = call->body,
        .body_len = call->body ? strlen(call->body) : 0,
        .request_id = call->request_id,
        .if_none_match = call->etag,
        .timeout_ms = p->timeout_ms,
        .max_answer = call->max_answer,
    };
    int code = key_load(p, f);
    if (code)
        return code;
    int64_t start = now_ms();
    int err = call_patiently(p, call, &req, out);
    log_debug("call", "method=%s target=%s status=%u err=%d ms=%lld", call->method,
              log_q(call->target), out->status, err, (long long)(now_ms() - start));
    p->last_was_away = err == SFT_ENETWORK || err == SFT_ETIMEOUT || (!err && out->status >= 500);
    p->last_was_untrusted = err == SFT_ETLS;
    if (err)
        return unreachable(p, err, f);
    if (out->status == 304 && call->etag)
        return 0;
    if (out->status < 200 || out->status > 299)
        code = refused(call, out, f);
    else if (call->purpose)
        code = statement_check(p, call, out, f);
    if (code)
        http_answer_free(out);
    return code;
}

int
platform_json(struct platform *p, const struct call *call, struct json_object **docp,
              struct http_answer *out, struct failure *f)
{
    *docp = NULL;
    int code = platform_call(p, call, out, f);
    if (code)
        return code;
    int err = json_read(out->body, out->body_len, docp);
    if (!err)
        return 0;
    http_answer_free(out);
    return fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the answer is not understood: %s.", p->peer.url,
                sft_strerror(err));
}
