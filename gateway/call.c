/* SPDX-License-Identifier: PostgreSQL */
/*
 * call.c - limits first, then the doors, then the answer.
 *
 * A call lives in its request's pool. When the client goes, libh2o disposes the pool and on_gone
 * takes the call out of every queue it may be in; nobody else frees it.
 */
#include "gateway/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/fault.h"
#include "common/log.h"
#include "gateway/answer.h"
#include "gateway/head.h"
#include "gateway/trace.h"
#include "gateway/worker.h"

struct call {
    struct job job;
    struct waiter waiter;
    struct timer deadline;
    struct worker *worker;
    h2o_req_t *req;
    struct peer *peer;
    struct routes *routes; /* what route points into */
    const struct route *route;
    const char *label; /* of the access line, where there is no route */
    struct route_match match;
    uint64_t started_ms;
    int status; /* 0 until answered */
    size_t bytes;
};

/* The headers that the doors are told, in lower case. */
#define TOLD_N 9
static const char *const told[TOLD_N] = {
    "authorization", "content-digest", "content-type",    "cookie",     "if-none-match",
    "origin",        "signature",      "signature-input", "user-agent",
};

static struct bytes
iovec_bytes(h2o_iovec_t v)
{
    return (struct bytes){v.base, v.len};
}

static void
call_answer(struct call *call, struct answer *answer)
{
    struct worker *worker = call->worker;
    SFT_FAULT("gateway.before_answer");
    timer_stop(&worker->timers, &call->deadline);
    answer->trace_id = call->job.trace_id;
    answer->is_tls = call->peer->is_tls;
    answer->must_close |= worker->is_stopping;
    worker->has_answered = true;
    call->status = answer->status;
    bool has_body = answer->status != 204 && answer->status != 304;
    call->bytes = has_body ? answer->body.len : 0;
    peer_sending(call->peer);
    answer_send(call->req, answer); /* may dispose the request, and call with it */
}

static void
call_refuse(struct call *call, const struct refusal *refusal)
{
    char text[ANSWER_REFUSAL_MAX];
    struct answer answer = {.trace_id = call->job.trace_id};
    answer_refuse(&answer, refusal, text);
    if (refusal == &refusal_method)
        answer.allow = call->match.allow;
    /* where the request ends may be in doubt: nothing after it is believed */
    answer.must_close = refusal == &refusal_head_malformed || refusal == &refusal_head_too_large ||
                        refusal == &refusal_host || refusal == &refusal_length;
    call_answer(call, &answer);
}

static void
call_no_news(struct call *call)
{
    struct answer answer = {.status = 204, .headers = {"", 0}, .body = {"", 0}};
    call_answer(call, &answer);
}

static void
on_gone(void *arg)
{
    struct call *call = arg;
    struct worker *worker = call->worker;
    const struct access_record record = {
        .trace_id = call->job.trace_id,
        .method = iovec_bytes(call->req->input.method),
        .route = call->route ? call->route->path : call->label,
        .status = call->status,
        .bytes = call->bytes,
        .ms = clock_ms() - call->started_ms,
        .peer = call->peer->address,
    };
    db_drop(&worker->db, &call->job);
    wait_leave(&call->waiter);
    timer_stop(&worker->timers, &call->deadline);
    access_add(&worker->access, &record);
    routes_unref(call->routes);
    peer_idle(call->peer);
}

static void
on_waited(struct waiter *waiter)
{
    call_no_news(CONTAINER_OF(waiter, struct call, waiter));
}

static void
park(struct call *call, const struct door_answer *answer)
{
    struct worker *worker = call->worker;
    timer_stop(&worker->timers, &call->deadline);
    call->waiter.done = on_waited;
    if (worker->is_stopping || call->route->wait_ms == 0 ||
        !wait_park(&worker->waits, &call->waiter, answer->topics, call->job.changes_seen,
                   call->route->wait_ms))
        call_no_news(call);
}

static void
on_done(struct job *job, const struct door_answer *door)
{
    struct call *call = CONTAINER_OF(job, struct call, job);
    struct answer answer = {.status = door->status, .headers = door->headers, .body = door->body};
    if (door->refusal)
        call_refuse(call, door->refusal);
    else if (door->is_wait)
        park(call, door);
    else
        call_answer(call, &answer);
}

/*
 * First after queue_timeout: whoever has not reached the database by then goes. Then after
 * request_timeout: whoever has no answer by then goes, whatever the database does with the
 * statement.
 */
static void
on_deadline(struct timer *timer)
{
    struct call *call = CONTAINER_OF(timer, struct call, deadline);
    struct worker *worker = call->worker;
    uint64_t limit_ms = (uint64_t)worker->settings->request_timeout_s * 1000;
    uint64_t spent_ms = clock_ms() - call->started_ms;
    bool is_waiting =
        call->job.stage == JOB_QUEUED && call->job.tries == 0 && call->job.queue != QUEUE_FINISH;

    if (!is_waiting && spent_ms < limit_ms) {
        timer_start(&worker->timers, timer, limit_ms - spent_ms);
        return;
    }
    db_drop(&worker->db, &call->job);
    if (!is_waiting)
        call_refuse(call, &refusal_timeout);
    else
        call_refuse(call, db_is_up(&worker->db) ? &refusal_overloaded : &refusal_database);
}

/* The value of a header, or NULL. */
static const h2o_header_t *
find_header(const h2o_req_t *req, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *header = &req->headers.entries[i];
        if (header->name->len == len && memcmp(header->name->base, name, len) == 0)
            return header;
    }
    return NULL;
}

/* What head_check looks for as well; where the raw head is not to be had this is what is left. */
static const struct refusal *
check_told(const h2o_req_t *req)
{
    for (size_t i = 0; i < TOLD_N; i++) {
        const h2o_header_t *first = find_header(req, told[i]);
        if (!first)
            continue;
        for (const h2o_header_t *other = first + 1;
             other < req->headers.entries + req->headers.size; other++)
            if (other->name->len == first->name->len &&
                memcmp(other->name->base, first->name->base, first->name->len) == 0)
                return &refusal_header_repeated;
    }
    return NULL;
}

static const struct refusal *
check_head(h2o_req_t *req)
{
    size_t len;
    const char *p = compat_raw_head(req, &len);
    return p ? head_check(p, len) : check_told(req);
}

static size_t
append(char *out, size_t at, const char *p, size_t len)
{
    memcpy(out + at, p, len);
    return at + len;
}

/* "name: value\n" for each header that the doors are told. */
static struct bytes
tell_headers(h2o_req_t *req)
{
    const h2o_header_t *found[TOLD_N] = {NULL};
    size_t len = 0, at = 0;
    for (size_t i = 0; i < TOLD_N; i++) {
        found[i] = find_header(req, told[i]);
        len += found[i] ? strlen(told[i]) + found[i]->value.len + 3 : 0;
    }
    char *p = compat_alloc(&req->pool, len + 1);
    for (size_t i = 0; i < TOLD_N; i++) {
        if (!found[i])
            continue;
        at = append(p, at, told[i], strlen(told[i]));
        at = append(p, at, ": ", 2);
        at = append(p, at, found[i]->value.base, found[i]->value.len);
        at = append(p, at, "\n", 1);
    }
    return (struct bytes){p, at};
}

/* "application/json", in any case, with or without parameters; and what curl -d says by itself. */
static bool
is_json_type(h2o_iovec_t value)
{
    static const char *const types[] = {"application/json", "text/json",
                                        "application/x-www-form-urlencoded", NULL};
    for (size_t i = 0; types[i]; i++) {
        size_t len = strlen(types[i]);
        if (value.len >= len && strncasecmp(value.base, types[i], len) == 0 &&
            (value.len == len || value.base[len] == ';' || value.base[len] == ' '))
            return true;
    }
    return false;
}

static const struct refusal *
check_body(const struct call *call)
{
    const h2o_req_t *req = call->req;
    const h2o_header_t *type = find_header(req, "content-type");
    const h2o_header_t *encoding = find_header(req, "content-encoding");
    if (req->entity.len == 0)
        return NULL;
    if (call->route->max_body == 0 ||
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("GET")))
        return &refusal_body_not_allowed;
    if (req->entity.len > call->route->max_body)
        return &refusal_body_too_large;
    if (encoding && !h2o_lcstris(encoding->value.base, encoding->value.len, H2O_STRLIT("identity")))
        return &refusal_content_encoding;
    return type && !is_json_type(type->value) ? &refusal_content_type : NULL;
}

static const struct refusal *
find_route(struct call *call)
{
    struct path path;
    h2o_iovec_t method = call->req->input.method, target = call->req->input.path;
    int err = path_split(&path, target.base, target.len);
    if (err)
        return err == SFT_ENOTFOUND ? &refusal_path_unknown : &refusal_path_malformed;
    if (!call->worker->routes)
        return &refusal_not_ready;
    if (route_match(call->worker->routes, method.base, method.len, &path, &call->match))
        return call->match.allow[0] ? &refusal_method : &refusal_path_unknown;
    call->routes = routes_ref(call->worker->routes);
    call->route = call->match.route;
    return NULL;
}

static void
fill_job(struct call *call)
{
    h2o_req_t *req = call->req;
    call->job.args = (struct door_args){
        .route = {call->route->key, strlen(call->route->key)},
        .params = {call->match.params, call->match.params_len},
        .method = iovec_bytes(req->input.method),
        .target = iovec_bytes(req->input.path),
        .authority = iovec_bytes(req->input.authority),
        .headers = tell_headers(req),
        .body = iovec_bytes(req->entity),
        .peer = {call->peer->address, strlen(call->peer->address)},
    };
    call->job.may_batch = call->route->may_batch;
    call->job.done = on_done;
}

static const struct refusal *
submit(struct call *call)
{
    struct worker *worker = call->worker;
    if (worker->is_stopping)
        return &refusal_stopping;
    fill_job(call);
    const struct refusal *refusal = db_submit(&worker->db, &call->job);
    if (!refusal)
        timer_start(&worker->timers, &call->deadline,
                    (uint64_t)worker->settings->queue_timeout_s * 1000);
    return refusal;
}

static bool
is_target(const h2o_req_t *req, const char *target)
{
    return h2o_memis(req->input.path.base, req->input.path.len, target, strlen(target)) &&
           (h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("GET")) ||
            h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")));
}

/* Liveness asks nobody; readiness is what all threads' connections know (idle ones are checked). */
static bool
answer_health(struct call *call)
{
    static const char alive[] = "{\"status\":\"alive\"}", ready[] = "{\"status\":\"ready\"}";
    const struct worker *worker = call->worker;
    bool is_liveness = is_target(call->req, "/healthz");
    const char *text = is_liveness ? alive : ready;

    if (!is_liveness && !is_target(call->req, "/readyz"))
        return false;
    call->label = is_liveness ? "/healthz" : "/readyz";
    if (!is_liveness && atomic_load(worker->ready_n) < (size_t)worker->settings->threads) {
        call_refuse(call, worker->is_stopping ? &refusal_stopping : &refusal_not_ready);
    } else {
        struct answer answer = {.status = 200, .headers = {"", 0}, .body = {text, strlen(text)}};
        call_answer(call, &answer);
    }
    return true;
}

static struct call *
call_new(h2o_req_t *req)
{
    struct call *call = h2o_mem_alloc_shared(&req->pool, sizeof(*call), on_gone);
    memset(call, 0, sizeof(*call));
    call->worker = CONTAINER_OF(req->conn->ctx, struct worker, ctx);
    call->req = req;
    call->peer = peer_of(req);
    call->started_ms = clock_ms();
    call->deadline.fire = on_deadline;
    call->job.stage = JOB_NEW;
    trace_id_make(call->job.trace_id);
    peer_busy(call->peer);
    return call;
}

static int
on_req(h2o_handler_t *self, h2o_req_t *req)
{
    struct call *call = call_new(req);
    (void)self;

    const struct refusal *refusal = check_head(req);
    if (!refusal && answer_health(call))
        return 0;
    if (!refusal)
        refusal = find_route(call);
    if (!refusal)
        refusal = check_body(call);
    if (!refusal)
        refusal = submit(call);
    if (refusal)
        call_refuse(call, refusal);
    return 0;
}

void
call_register(h2o_pathconf_t *path)
{
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_req;
}
