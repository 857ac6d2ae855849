/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.h - OpenSSH key revocation lists (PROTOCOL.krl): build, parse, ask.
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

#define KRL_SHA256_LEN 32

/* What one authority key revokes; ranges sorted, not overlapping. */
struct krl_section {
    const struct sshkey *authority;
    const struct krl_range *ranges;
    size_t ranges_n;
    const char *const *key_ids; /* none empty */
    size_t key_ids_n;
};

/* Writes a whole list; version counts up by the caller. generated is seconds since 1970. */
void krl_write(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment,
               const struct krl_section *sections, size_t sections_n);
/* The same piece by piece, and keys that no authority may vouch for. What is empty is left out. */
void krl_write_header(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment);
void krl_write_section(struct sbuf *out, const struct krl_section *section);
void krl_write_keys(struct sbuf *out, const struct sshkey *keys, size_t n);
void krl_write_hashes(struct sbuf *out, const uint8_t (*hashes)[KRL_SHA256_LEN], size_t n);

enum krl_kind { KRL_SERIALS, KRL_KEY_ID, KRL_KEY, KRL_SHA1, KRL_SHA256 };

struct krl_header {
    uint64_t version, generated;
    const uint8_t *comment; /* in the list; no NUL in it */
    size_t comment_len;
};

struct krl_entry {
    enum krl_kind kind;
    const uint8_t *authority; /* serials and key ids: of certificates of this key; empty: of any */
    size_t authority_len;
    uint64_t lo, hi;     /* serials */
    const uint8_t *data; /* the others */
    size_t len;
};

typedef void (*krl_visit)(const struct krl_entry *entry, void *arg);

/*
 * Shows every entry to visit (NULL: to nobody) in the list's order; a bitmap as runs of serials.
 * What it has shown counts only when it returns 0. SFT_EFORMAT for anything that OpenSSH would not
 * read, and for keys that sshkey.h refuses; SFT_ENOTFOUND for a list without entries.
 */
SFT_CHECKED int krl_walk(const uint8_t *krl, size_t len, struct krl_header *header, krl_visit visit,
                         void *arg);

/* A certificate, or a plain key (authority NULL). */
struct krl_subject {
    const struct sshkey *key, *authority; /* NULL: not asked about */
    const char *key_id;                   /* NULL: not asked about */
    uint64_t serial;                      /* 0: none */
};

enum krl_why { KRL_NOT, KRL_BY_SERIAL, KRL_BY_KEY_ID, KRL_BY_KEY, KRL_BY_HASH, KRL_BY_AUTHORITY };

/* The first entry that revokes it, as sshd would find one at all. Errors of krl_walk. */
SFT_CHECKED int krl_ask(const uint8_t *krl, size_t len, const struct krl_subject *subject,
                        enum krl_why *whyp);

/* Walks the whole list and fails on anything that OpenSSH would not read, or an empty list. */
SFT_CHECKED int krl_check(const uint8_t *krl, size_t len, uint64_t *versionp);
/* Whether the list revokes this serial under this authority key. krl must have passed krl_check. */
SFT_CHECKED int krl_revokes(const uint8_t *krl, size_t len, const struct sshkey *authority,
                            uint64_t serial, bool *revokedp);

#endif
