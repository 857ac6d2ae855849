/* SPDX-License-Identifier: PostgreSQL */
/*
 * birth.h - a new generation of an authority: its private key made or brought, sealed, and what is
 * signed once and for all: the canary of an SSH authority and the self-signed certificate of an
 * X.509 one. Neither opens anything.
 */
#ifndef SFTCA_BIRTH_H
#define SFTCA_BIRTH_H

#include "postgres.h"

#include "fmgr.h"

#include "authority.h"
#include "core/wrap.h"

#define BIRTH_DER_MAX 4096 /* key and signature of RSA 8192, and what else there is */
#define BIRTH_COLUMNS                                                                              \
    7 /* public_key, fingerprint, sealed, kek_check, certificate_pem, canary, canary_serial */

struct birth {
    struct authority_id id;
    char *purpose_word;
    char algorithm_word[16];
    enum purpose purpose;
    enum key_alg algorithm;
    unsigned bits;     /* of RSA */
    const char *token; /* where the private key is, NULL when it is to be sealed here */
    char name[AUTHORITY_NAME_MAX];
    struct sshkey public;
    int64 now;
    uint64_t serial;
    uint8_t nonces[2][32];
    size_t sealed_len, cert_len;
    uint8_t sealed[KEY_PRIVATE_DER_MAX + WRAP_OVERHEAD], check[WRAP_CHECK_LEN], cert[BIRTH_DER_MAX];
};

/* authority, generation, purpose are the first three arguments. Raises. */
void birth_begin(FunctionCallInfo fcinfo, struct birth *b);
/* Seals the key and signs with it; must not raise. The key stays the caller's. */
SFT_CHECKED int birth_finish(struct birth *b, const uint8_t *kek, const struct key *key);
/* The columns. Raises. */
void birth_columns(const struct birth *b, Datum values[BIRTH_COLUMNS], bool nulls[BIRTH_COLUMNS]);

#endif
