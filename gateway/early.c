/* SPDX-License-Identifier: PostgreSQL */
/*
 * early.c - a filter that replaces libh2o's plain text (a body announced too large, broken chunks,
 * an unknown expectation). A head that it cannot parse is answered by fixed bytes that no filter
 * sees.
 */
#include "gateway/early.h"

#include <string.h>

#include "gateway/answer.h"
#include "gateway/worker.h"

struct early {
    h2o_ostream_t super;
    struct bytes body;
};

static const struct refusal *
refusal_of(int status)
{
    switch (status) {
    case 413:
        return &refusal_body_too_large;
    case 417:
        return &refusal_expectation;
    case 400:
        return &refusal_length;
    default:
        return &refusal_internal;
    }
}

static void
send_ours(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t bufs_n,
          h2o_send_state_t state)
{
    struct early *early = (struct early *)self;
    h2o_iovec_t vec = {(char *)(uintptr_t)early->body.p, early->body.len};
    (void)bufs;
    (void)bufs_n;
    h2o_ostream_send_next(self, req, &vec, vec.len > 0 ? 1 : 0, state);
}

static void
on_setup(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    struct worker *worker = CONTAINER_OF(req->conn->ctx, struct worker, ctx);
    struct peer *peer = peer_of(req);
    struct early *early = (struct early *)compat_add_ostream(req, sizeof(*early), slot);
    char trace_id[TRACE_ID_LEN + 1], text[ANSWER_REFUSAL_MAX];
    struct answer answer = {.trace_id = trace_id, .is_tls = peer->is_tls, .must_close = true};
    (void)self;

    trace_id_make(trace_id);
    answer_refuse(&answer, refusal_of(req->res.status), text);
    memset(&req->res.headers, 0, sizeof(req->res.headers));
    early->body = answer_fill(req, &answer);
    early->super.do_send = send_ours;
    const struct access_record record = {.trace_id = trace_id,
                                         .method = {req->input.method.base, req->input.method.len},
                                         .status = answer.status,
                                         .bytes = answer.body.len,
                                         .peer = peer->address};
    access_add(&worker->access, &record);
    h2o_setup_next_ostream(req, &early->super.next);
}

void
early_register(h2o_pathconf_t *path)
{
    h2o_create_filter(path, sizeof(h2o_filter_t))->on_setup_ostream = on_setup;
}
