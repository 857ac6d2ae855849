/* SPDX-License-Identifier: PostgreSQL */
/*
 * trust.h - the keys that an authority signs with, as the platform states them, kept on disk.
 *
 * Versions only go up: an older list than one already seen is refused, so that a key that was
 * withdrawn stays withdrawn.
 */
#ifndef SFT_CLIENT_TRUST_H
#define SFT_CLIENT_TRUST_H

#include <stdbool.h>

#include "platform.h"

#define TRUST_KEYS_MAX 16

struct trust {
    char authority[37];
    int64_t version;
    size_t keys_n;
    struct sshkey keys[TRUST_KEYS_MAX];
};

/*
 * The authority's keys, from disk when they were read less than max_age_s ago, else asked for. When
 * the platform cannot be reached an older list from disk is good enough.
 */
SFT_CHECKED int trust_get(struct platform *p, const char *authority_id, int64_t max_age_s,
                          struct trust *out, struct failure *f);
/* Reads "type base64 <authority>/<generation> <state>" lines; all must be of this authority. */
SFT_CHECKED int trust_parse(struct trust *out, const char *authority_id, const char *text,
                            size_t len);
bool trust_has(const struct trust *t, const struct sshkey *key);

#endif
