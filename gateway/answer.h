/* SPDX-License-Identifier: PostgreSQL */
/*
 * answer.h - sending an answer: the database's, or a refusal of our own in the form of
 * docs/wire.md 1.
 */
#ifndef SFT_GATEWAY_ANSWER_H
#define SFT_GATEWAY_ANSWER_H

#include "gateway/db.h"
#include "gateway/h2o_compat.h"

struct answer {
    int status;
    struct bytes headers; /* lines "name: value\n" */
    struct bytes body;
    const char *trace_id;
    const char *allow; /* for 405, else NULL */
    bool is_tls;
    bool must_close;
};

/* Sets status and headers, and returns the body as it has to be sent; all copied to the request's
 * pool. */
struct bytes answer_fill(h2o_req_t *req, const struct answer *answer);
/* answer_fill, then sends. The request may be gone when this returns. */
void answer_send(h2o_req_t *req, const struct answer *answer);
/* Fills status and body of answer; text is the caller's memory that it points into. */
#define ANSWER_REFUSAL_MAX 512
void answer_refuse(struct answer *answer, const struct refusal *refusal,
                   char text[ANSWER_REFUSAL_MAX]);

#endif
