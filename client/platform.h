/* SPDX-License-Identifier: PostgreSQL */
/*
 * platform.h - calling the platform for an account: signed, verified, its refusals as failures.
 *
 * Nothing here knows a path; api.h does.
 */
#ifndef SFT_CLIENT_PLATFORM_H
#define SFT_CLIENT_PLATFORM_H

#include <json-c/json.h>

#include "account.h"
#include "common/http.h"
#include "common/key.h"
#include "settings.h"

#define WIRE_VERSION "1"
#define SFT_VERSION "1.0"

struct platform {
    struct http_peer peer;
    char keyid[64];
    const struct account *account;
    struct key *key; /* ours; loaded at the first signed call */
    bool is_signed;
    long timeout_ms;
    bool last_was_away;      /* the last call got no answer, as opposed to a wrong one */
    bool last_was_untrusted; /* the last call met a TLS peer that is not trusted */
};

/* Makes no call and reads no key yet. The account and settings must outlive p. */
void platform_init(struct platform *p, const struct account *a, bool is_signed,
                   const struct settings *s);
void platform_free(struct platform *p);

struct call {
    const char *method, *target;
    const char *body;       /* JSON or NULL */
    const char *purpose;    /* statement expected ("resolve"), or NULL */
    bool is_bound;          /* the statement covers our request's signature */
    const char *subject;    /* what a refusal is about ("web01"), or NULL */
    const char *request_id; /* or NULL */
    const char *etag;       /* If-None-Match, or NULL */
    size_t max_answer;      /* 0: the usual */
    bool is_repeatable;     /* with the same request_id; a GET always is */
};

/*
 * Makes the call. 2xx (and 304 with an etag) is success; everything else, and a statement that does
 * not verify by one of the account's pinned keys, is a failure. Free with http_answer_free.
 */
SFT_CHECKED int platform_call(struct platform *p, const struct call *call, struct http_answer *out,
                              struct failure *f);
/* The same, and reads the answer's JSON object; documents are freed with json_object_put. */
SFT_CHECKED int platform_json(struct platform *p, const struct call *call,
                              struct json_object **docp, struct http_answer *out,
                              struct failure *f);
/* The Sft-Version of an answer; SFT_EFORMAT when it is missing or no number. */
SFT_CHECKED int platform_version(const struct http_answer *answer, int64_t *versionp);
/* Verifies an answer as a statement by one key; for enrollment, before anything is pinned. */
SFT_CHECKED int platform_statement(const struct sshkey *key, const struct call *call,
                                   const struct http_answer *answer);

#endif
