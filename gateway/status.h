/* SPDX-License-Identifier: PostgreSQL */
/*
 * status.h - what an error that escaped the doors means for the caller (docs/doors.md, "Errors").
 */
#ifndef SFT_GATEWAY_STATUS_H
#define SFT_GATEWAY_STATUS_H

#include <stdbool.h>

/* A refusal that the gateway words itself. */
struct refusal {
    int status;
    const char *error;   /* the precise word */
    const char *message; /* the sentence people read */
};

extern const struct refusal refusal_path_malformed, refusal_path_unknown, refusal_method,
    refusal_head_malformed, refusal_head_too_large, refusal_host, refusal_length,
    refusal_header_repeated, refusal_body_too_large, refusal_body_not_allowed, refusal_content_type,
    refusal_content_encoding, refusal_overloaded, refusal_database, refusal_outcome_unknown,
    refusal_conflict, refusal_timeout, refusal_too_much, refusal_internal, refusal_not_ready,
    refusal_stopping, refusal_expectation;

struct verdict {
    bool retry; /* once; an ErrorResponse means that nothing happened */
    const struct refusal *refusal;
    bool is_of_one; /* one row's lock, not the batch's fault: the others may pass without it */
};

/* sqlstate has five characters. */
struct verdict status_of_sqlstate(const char *sqlstate);
/* "type" of the error body (docs/wire.md 1). */
const char *status_type(int status);
/* The reason phrase. */
const char *status_reason(int status);

#endif
