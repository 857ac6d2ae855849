/* SPDX-License-Identifier: PostgreSQL */
/*
 * wrap.h - sealing private keys and the vault secret under the key-encryption key.
 *
 * AES-256-GCM under a key derived from the KEK. What a sealed value belongs to is authenticated
 * with it, so that no row can be moved to another authority, generation, algorithm or purpose.
 * Sealed form: version byte 1, 12 bytes of nonce, ciphertext, 16 bytes of tag.
 */
#ifndef SFTCA_WRAP_H
#define SFTCA_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define WRAP_KEK_LEN 32
#define WRAP_NONCE_LEN 12
#define WRAP_CHECK_LEN 8
#define WRAP_OVERHEAD (1 + WRAP_NONCE_LEN + 16)

struct wrap_owner {
    const uint8_t *authority; /* 16 bytes */
    uint32_t generation;
    const char *algorithm, *purpose;
};

/* A fingerprint of the KEK that tells a wrong KEK from a damaged row and gives nothing away. */
SFT_CHECKED int wrap_check(const uint8_t kek[WRAP_KEK_LEN], uint8_t check[WRAP_CHECK_LEN]);

/* nonce must be fresh random. Writes len + WRAP_OVERHEAD bytes to out. */
SFT_CHECKED int wrap_seal(const uint8_t kek[WRAP_KEK_LEN], const struct wrap_owner *owner,
                          const uint8_t nonce[WRAP_NONCE_LEN], const void *plain, size_t len,
                          uint8_t *out);
/*
 * Opens what wrap_seal made for the same owner into out (cap bytes; caller wipes). SFT_EFORMAT when
 * the form is not ours, SFT_ECRYPTO when it does not authenticate.
 */
SFT_CHECKED int wrap_open(const uint8_t kek[WRAP_KEK_LEN], const struct wrap_owner *owner,
                          const uint8_t *sealed, size_t len, uint8_t *out, size_t cap,
                          size_t *lenp);

#endif
