/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshcert.h - reading OpenSSH certificates (PROTOCOL.certkeys) and checking what is in them.
 *
 * This is the reader: client and agent use it on what they receive, the vault uses it as the second
 * decoder before a certificate is released. The writer is pg_sftca/core/.
 */
#ifndef SFT_SSHCERT_H
#define SFT_SSHCERT_H

#include <stddef.h>
#include <stdint.h>

#include "common/sshkey.h"

#define SSHCERT_BLOB_MAX 16384
#define SSHCERT_PRINCIPALS_MAX 64
#define SSHCERT_OPTIONS_MAX 16

enum { SSHCERT_USER = 1, SSHCERT_HOST = 2 };

struct sshcert_option {
    char name[64];
    const uint8_t *data; /* the option's data with its inner string unwrapped; empty for flags */
    size_t len;
};

struct sshcert {
    struct sshkey key;    /* the subject */
    struct sshkey signer; /* the authority's key */
    uint64_t serial;
    uint32_t type;
    char key_id[512];
    size_t principals_n;
    char principals[SSHCERT_PRINCIPALS_MAX][256];
    uint64_t valid_after;  /* seconds since 1970, inclusive */
    uint64_t valid_before; /* seconds since 1970, exclusive */
    size_t critical_n, extensions_n;
    struct sshcert_option critical[SSHCERT_OPTIONS_MAX]; /* data point into the caller's blob */
    struct sshcert_option extensions[SSHCERT_OPTIONS_MAX];
    size_t tbs_len; /* the first tbs_len bytes of the blob are what is signed */
};

/* Parses and verifies the signature by the key inside; the caller compares signer with its pin. */
SFT_CHECKED int sshcert_parse(struct sshcert *cert, const uint8_t *blob, size_t len);
/*
 * As sshcert_parse, but of the signature only the algorithm and the form are checked: for the
 * vault, which has just made it by signer; SFT_EKEYMISMATCH if another key is named. Without signer
 * (NULL) the key inside is checked as any other.
 */
SFT_CHECKED int sshcert_decode(struct sshcert *cert, const uint8_t *blob, size_t len,
                               const struct sshkey *signer);
/* One line "type base64 [comment]"; blob receives the decoded bytes that cert points into. */
SFT_CHECKED int sshcert_from_text(struct sshcert *cert, uint8_t blob[SSHCERT_BLOB_MAX],
                                  const char *s, size_t len);

#endif
