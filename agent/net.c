/* SPDX-License-Identifier: PostgreSQL */
/*
 * net.c - the unprivileged child: HTTPS and JSON, on behalf of the parent.
 *
 * It knows the server's private key (http_call signs with it), so one that was taken over could
 * speak as this server; it cannot make the parent believe anything, since the parent checks the
 * platform's signature itself.
 */
#include "agent/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/facts.h"
#include "common/http.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"

#define CALL_MS 30000
#define WAIT_MS 120000 /* the platform parks a poll for less than this */

struct net {
    int fd;
    const struct conf *conf;
    struct http_peer peer;
    char url[513], authority[301], keyid[65];
    char *tls_authority;
    struct key *key;
};

static int
peer_take(struct net *n, const struct msg *m)
{
    key_free(n->key);
    n->key = NULL;
    free(n->tls_authority);
    n->tls_authority = strdup(m->field[PEER_TLS_AUTHORITY].p);
    if (!n->tls_authority)
        return SFT_ENOMEM;
    snprintf(n->url, sizeof n->url, "%s", m->field[PEER_URL].p);
    snprintf(n->authority, sizeof n->authority, "%s", m->field[PEER_AUTHORITY].p);
    snprintf(n->keyid, sizeof n->keyid, "%s", m->field[PEER_KEYID].p);
    int64_t offset = n->peer.clock_offset;
    n->peer = (struct http_peer){
        .url = n->url,
        .authority = n->authority[0] ? n->authority : NULL,
        .tls_authority = n->tls_authority[0] ? n->tls_authority : NULL,
        .user_agent = SFTD_USER_AGENT,
        .proxy = n->conf->forward_proxy ? n->conf->forward_proxy : getenv("HTTPS_PROXY"),
        .keyid = n->keyid,
        .clock_offset = offset,
    };
    int err = key_from_der((const uint8_t *)m->field[PEER_KEY].p, m->field[PEER_KEY].len, &n->key);
    n->peer.key = n->key;
    return err;
}

static int
reply_failed(struct net *n, int err, unsigned status, const char *error, const char *text,
             int64_t retry_after)
{
    struct msg m;
    char error_cut[64], text_cut[400];
    snprintf(error_cut, sizeof error_cut, "%s", error);
    snprintf(text_cut, sizeof text_cut, "%s", text);
    msg_start(&m, MSG_FAILED);
    msg_number(&m, FAILED_ERR, (uint64_t)-err);
    msg_number(&m, FAILED_STATUS, status);
    msg_text(&m, FAILED_ERROR, error_cut);
    msg_text(&m, FAILED_TEXT, text_cut);
    msg_number(&m, FAILED_RETRY_AFTER, retry_after > 0 ? (uint64_t)retry_after : 0);
    return msg_write(n->fd, &m);
}

/* The platform said no: its own word and sentence, when it is really the platform's JSON. */
static int
reply_refused(struct net *n, const struct http_answer *a)
{
    struct json_object *doc;
    const char *error = "", *text = "the platform gave no reason";
    char fallback[64];
    int err = json_read(a->body, a->body_len, &doc);
    snprintf(fallback, sizeof fallback, "HTTP status %u", a->status);
    if (err || json_str(doc, "error", 63, &error) != 0)
        error = "";
    if (err || json_str(doc, "message", 399, &text) != 0)
        text = fallback;
    err = reply_failed(n, SFT_EREFUSED, a->status, error, text, a->retry_after);
    json_object_put(doc);
    return err;
}

/*
 * Makes a call; *donep tells that a failure has been passed on already. The answer is freed by the
 * caller in any case.
 */
static int
call(struct net *n, const struct http_peer *as, struct http_request *req, struct http_answer *a,
     bool *donep)
{
    struct http_peer peer = *as;
    *donep = false;
    memset(a, 0, sizeof *a);
    if (!req->timeout_ms)
        req->timeout_ms = CALL_MS;
    int err = http_call(&peer, req, a);
    n->peer.clock_offset = peer.clock_offset;
    if (err) {
        *donep = true;
        err = reply_failed(n, err, 0, "",
                           http_last_error()[0] ? http_last_error() : sft_strerror(err), 0);
    } else if (a->status < 200 || a->status > 299) {
        *donep = true;
        err = reply_refused(n, a);
    }
    return err;
}

static int
reply_statement(struct net *n, const struct http_answer *a, const char *target, const char *key)
{
    struct msg m;
    msg_start(&m, MSG_STATEMENT);
    msg_number(&m, STATEMENT_STATUS, a->status);
    msg_text(&m, STATEMENT_TARGET, target);
    msg_text(&m, STATEMENT_VERSION, a->version);
    msg_text(&m, STATEMENT_DIGEST, a->content_digest);
    msg_text(&m, STATEMENT_INPUT, a->signature_input);
    msg_text(&m, STATEMENT_SIGNATURE, a->signature);
    msg_text(&m, STATEMENT_REQUEST_SIGNATURE, a->request_signature);
    msg_text(&m, STATEMENT_KEY, key);
    msg_bytes(&m, STATEMENT_BODY, a->body, a->body_len);
    int err = msg_write(n->fd, &m);
    if (err == SFT_ETOOLONG)
        err = reply_failed(n, SFT_ETOOLONG, 0, "", "the platform's statement is too long", 0);
    return err;
}

/*
 * The active key that the instance claims. The parent believes it only when the token names its
 * hash, or it is pinned already.
 */
static const char *
claimed_key(struct json_object *doc)
{
    struct json_object *keys;
    const char *state, *key = "";
    if (json_arr(doc, "statement_keys", 16, &keys) != 0)
        return "";
    for (size_t i = 0; i < json_object_array_length(keys); i++) {
        struct json_object *row = json_object_array_get_idx(keys, i);
        if (json_str(row, "state", 16, &state) == 0 && strcmp(state, "active") == 0 &&
            json_str(row, "public_key", SSHKEY_TEXT_MAX - 1, &key) == 0)
            return key;
    }
    return "";
}

/* Over TLS that nobody vouches for: what is read is judged by its signature alone. */
static int
do_get_instance(struct net *n, const struct msg *m)
{
    struct http_peer open = n->peer;
    struct http_request req = {.method = "GET", .target = "/v1/instance"};
    struct http_answer a;
    struct json_object *doc = NULL;
    bool done;
    (void)m;
    open.tls_authority = NULL;
    open.key = NULL;
    int err = call(n, &open, &req, &a, &done);
    if (!err && !done) {
        if (json_read(a.body, a.body_len, &doc) == 0)
            err = reply_statement(n, &a, req.target, claimed_key(doc));
        else
            err =
                reply_failed(n, SFT_EREFUSED, a.status, "", "the answer is not the platform's", 0);
        json_object_put(doc);
    }
    http_answer_free(&a);
    return err;
}

static int
reply_enrolled(struct net *n, const struct http_answer *a)
{
    struct json_object *doc;
    const char *team, *project, *project_id;
    struct msg m;
    int err = json_read(a->body, a->body_len, &doc);
    if (err || json_str(doc, "team_name", 63, &team) != 0 ||
        json_str(doc, "project_name", 128, &project) != 0 ||
        json_str(doc, "project_id", 36, &project_id) != 0) {
        json_object_put(doc);
        return reply_failed(n, SFT_EREFUSED, a->status, "", "the answer is not the platform's", 0);
    }
    msg_start(&m, MSG_ENROLLED);
    msg_text(&m, ENROLLED_TEAM, team);
    msg_text(&m, ENROLLED_PROJECT, project);
    msg_text(&m, ENROLLED_PROJECT_ID, project_id);
    err = msg_write(n->fd, &m);
    json_object_put(doc);
    return err;
}

static int
enroll_body(struct net *n, const struct msg *m, struct json_object **docp)
{
    struct sshkey pub;
    char text[SSHKEY_TEXT_MAX];
    struct json_object *token = json_object_new_object();
    *docp = facts_enroll(n->conf);
    int err = *docp && token ? key_public(n->key, &pub) : SFT_ENOMEM;
    if (!err)
        err = sshkey_to_text(&pub, text, sizeof text);
    if (err) {
        json_object_put(token);
        return err;
    }
    json_object_object_add(token, "id", json_object_new_string(m->field[ENROLL_TOKEN_ID].p));
    json_object_object_add(token, "mac", json_object_new_string(m->field[ENROLL_MAC].p));
    json_object_object_add(*docp, "id", json_object_new_string(m->field[ENROLL_ID].p));
    json_object_object_add(*docp, "public_key", json_object_new_string(text));
    json_object_object_add(*docp, "token", token);
    return 0;
}

static const char *
json_text(struct json_object *doc)
{
    return json_object_to_json_string_ext(doc,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* POSTs doc, which is put; the answer is handled by then, a 2xx one. */
static int
post(struct net *n, const char *target, struct json_object *doc,
     int (*then)(struct net *, const struct http_answer *))
{
    struct http_answer a;
    bool done;
    const char *text = json_text(doc);
    if (!text) {
        json_object_put(doc);
        return reply_failed(n, SFT_ENOMEM, 0, "", "out of memory", 0);
    }
    struct http_request req = {
        .method = "POST", .target = target, .body = text, .body_len = strlen(text)};
    int err = call(n, &n->peer, &req, &a, &done);
    if (!err && !done)
        err = then(n, &a);
    http_answer_free(&a);
    json_object_put(doc);
    return err;
}

static int
do_enroll(struct net *n, const struct msg *m)
{
    struct json_object *doc;
    int err = enroll_body(n, m, &doc);
    if (!err)
        return post(n, "/v1/servers/enroll", doc, reply_enrolled);
    json_object_put(doc);
    return reply_failed(n, err, 0, "", sft_strerror(err), 0);
}

static int
do_get_state(struct net *n, const struct msg *m)
{
    char target[80];
    struct http_answer a;
    struct msg unchanged;
    bool done;
    snprintf(target, sizeof target, "/v1/server/state?after=%llu",
             (unsigned long long)m->field[GET_STATE_AFTER].number);
    struct http_request req = {
        .method = "GET", .target = target, .timeout_ms = WAIT_MS, .max_answer = MSG_BODY_MAX};
    int err = call(n, &n->peer, &req, &a, &done);
    if (!err && !done && a.status == 204) {
        msg_start(&unchanged, MSG_UNCHANGED);
        err = msg_write(n->fd, &unchanged);
    } else if (!err && !done) {
        err = reply_statement(n, &a, target, "");
    }
    http_answer_free(&a);
    return err;
}

static int
do_get_trust(struct net *n, const struct msg *m)
{
    char target[80];
    struct http_peer open = n->peer;
    struct http_answer a;
    bool done;
    snprintf(target, sizeof target, "/v1/authorities/%s/trust", m->field[GET_TRUST_AUTHORITY].p);
    struct http_request req = {.method = "GET", .target = target};
    open.key = NULL;
    int err = call(n, &open, &req, &a, &done);
    if (!err && !done)
        err = reply_statement(n, &a, target, "");
    http_answer_free(&a);
    return err;
}

static int
reply_host_cert(struct net *n, const struct http_answer *a)
{
    struct json_object *doc;
    const char *certificate;
    struct msg m;
    int err = json_read(a->body, a->body_len, &doc);
    if (err || json_str(doc, "certificate", 16384, &certificate) != 0) {
        json_object_put(doc);
        return reply_failed(n, SFT_EREFUSED, a->status, "", "the answer is not the platform's", 0);
    }
    msg_start(&m, MSG_HOST_CERT);
    msg_text(&m, HOST_CERT_CERTIFICATE, certificate);
    err = msg_write(n->fd, &m);
    json_object_put(doc);
    return err;
}

static int
do_get_host_cert(struct net *n, const struct msg *m)
{
    struct json_object *doc = json_object_new_object();
    json_object_object_add(doc, "public_key",
                           json_object_new_string(m->field[GET_HOST_CERT_KEY].p));
    return post(n, "/v1/server/host_certificates", doc, reply_host_cert);
}

static int
reply_done(struct net *n, const struct http_answer *a)
{
    struct msg m;
    (void)a;
    msg_start(&m, MSG_DONE);
    return msg_write(n->fd, &m);
}

static struct json_object *
drift_json(const struct drift *d)
{
    struct json_object *arr = json_object_new_array();
    for (size_t i = 0; i < d->n; i++) {
        struct json_object *row = json_object_new_object();
        json_object_object_add(row, "what", json_object_new_string(d->rows[i].what));
        json_object_object_add(row, "reason", json_object_new_string(d->rows[i].reason));
        json_object_object_add(row, "fix", json_object_new_string(d->rows[i].fix));
        json_object_array_add(arr, row);
    }
    return arr;
}

static int
do_report(struct net *n, const struct msg *m)
{
    static struct drift drift;
    struct json_object *doc = json_object_new_object();
    int err = drift_unpack(&drift, m->field[REPORT_DRIFT].p, m->field[REPORT_DRIFT].len);
    if (err)
        drift_clear(&drift);
    json_object_object_add(doc, "state_version",
                           json_object_new_int64((int64_t)m->field[REPORT_STATE].number));
    json_object_object_add(doc, "trust_version",
                           json_object_new_int64((int64_t)m->field[REPORT_TRUST].number));
    json_object_object_add(doc, "krl_version",
                           json_object_new_int64((int64_t)m->field[REPORT_KRL].number));
    json_object_object_add(doc, "healthy",
                           json_object_new_boolean(m->field[REPORT_HEALTHY].number != 0));
    json_object_object_add(doc, "facts", facts_report(n->conf));
    json_object_object_add(doc, "drift", drift_json(&drift));
    json_object_object_add(doc, "logins", json_object_new_array());
    return post(n, "/v1/server/report", doc, reply_done);
}

static int
serve_one(struct net *n, const struct msg *m)
{
    switch (m->type) {
    case MSG_PEER:
        return peer_take(n, m);
    case MSG_GET_INSTANCE:
        return do_get_instance(n, m);
    case MSG_ENROLL:
        return do_enroll(n, m);
    case MSG_GET_STATE:
        return do_get_state(n, m);
    case MSG_GET_TRUST:
        return do_get_trust(n, m);
    case MSG_GET_HOST_CERT:
        return do_get_host_cert(n, m);
    case MSG_REPORT:
        return do_report(n, m);
    default:
        return SFT_EFORMAT;
    }
}

int
net_serve(int fd, const struct conf *conf)
{
    struct net n = {.fd = fd, .conf = conf};
    struct msg m;
    int err;
    while ((err = msg_read(fd, &m, -1)) == 0) {
        err = serve_one(&n, &m);
        msg_free(&m);
        if (err)
            break;
    }
    if (err != SFT_ENOTFOUND)
        log_error("child", "reason=%s", log_q(sft_strerror(err)));
    key_free(n.key);
    free(n.tls_authority);
    return err == SFT_ENOTFOUND ? 0 : 1;
}
