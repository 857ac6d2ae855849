/* SPDX-License-Identifier: PostgreSQL */
/*
 * http.h - one HTTPS call to the platform, signed, with a deadline (libcurl).
 *
 * Trusts only the TLS authority given (or, for the first read of /v1/instance, nothing: the answer
 * is then checked by its statement key). Follows no redirect, sends no cookie, uses no proxy unless
 * told, takes no more than max_answer bytes. libcurl is loaded with dlopen at the first call, so
 * that a program that makes none does not pay for it.
 */
#ifndef SFT_HTTP_H
#define SFT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/key.h"

struct http_peer {
    const char *url;           /* "https://sft.example.com:8443", no path */
    const char *authority;     /* what signatures say; NULL: taken from url */
    const char *tls_authority; /* PEM text; NULL: do not verify (bootstrap only) */
    const char *user_agent;    /* "sft/1.0 (wire 1)" */
    const char *proxy;         /* NULL: none */
    const struct key *key;     /* NULL: unsigned */
    const char *keyid;         /* "client/<uuid>" */
    int64_t clock_offset;      /* added to our clock for created; http_call corrects it once */
};

struct http_answer {
    unsigned status;
    char *body; /* NUL-terminated */
    size_t body_len;
    char *content_type, *content_digest, *signature_input, *signature; /* or NULL */
    char *version, *etag, *link;                                       /* or NULL */
    int64_t retry_after;                                               /* seconds, 0 if absent */
    char request_id[37];                                               /* the nonce sent */
    char request_signature[160]; /* the Signature header sent, for bound statements */
    char trace_id[64];
};

struct http_request {
    const char *method, *target; /* "POST", "/v1/..." */
    const void *body;
    size_t body_len;
    const char *request_id;    /* NULL: a fresh uuid */
    const char *if_none_match; /* NULL: none */
    long timeout_ms;           /* whole call */
    size_t max_answer;         /* bytes; 0: 1 MiB */
};

/*
 * Makes the call. On 401 clock_skew takes the platform's time from the answer, sets
 * peer->clock_offset and tries once more. Any HTTP status is a success (0) here.
 * Errors: SFT_ENETWORK, SFT_ETLS, SFT_ETIMEOUT, SFT_ETOOLONG, SFT_ENOMEM, SFT_EFORMAT (url, target
 * or key id cannot be sent), SFT_ESYSTEM (no libcurl). Free with http_answer_free. Not for threads.
 */
SFT_CHECKED int http_call(struct http_peer *peer, const struct http_request *req,
                          struct http_answer *out);
void http_answer_free(struct http_answer *answer);
/* The last transport error in words (libcurl's), for a log line; never NULL. */
const char *http_last_error(void);

#endif
