/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.h - OpenSSH key revocation lists (PROTOCOL.krl): build by serial and key id, parse, ask.
 *
 * A list is built from scratch each time, never updated. Serial 0 is refused: OpenSSH ignores it.
 */
#ifndef SFT_KRL_H
#define SFT_KRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sbuf.h"
#include "common/sshkey.h"

struct krl_range {
    uint64_t lo, hi; /* inclusive, 1 <= lo <= hi */
};

/* What one authority key revokes; ranges sorted, not overlapping. */
struct krl_section {
    const struct sshkey *authority;
    const struct krl_range *ranges;
    size_t ranges_n;
};

/* Writes a whole list; version counts up by the caller. generated is seconds since 1970. */
void krl_write(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment,
               const struct krl_section *sections, size_t sections_n);

/* Walks the whole list and fails on anything that OpenSSH would not read, or an empty list. */
SFT_CHECKED int krl_check(const uint8_t *krl, size_t len, uint64_t *versionp);
/* Whether the list revokes this serial under this authority key. krl must have passed krl_check. */
SFT_CHECKED int krl_revokes(const uint8_t *krl, size_t len, const struct sshkey *authority,
                            uint64_t serial, bool *revokedp);

#endif
