/* SPDX-License-Identifier: PostgreSQL */
/*
 * envelope.h - sealing to a public key: how a private key travels from one vault to another.
 *
 * X25519 (RFC 7748) with a key made for this one message, HKDF-SHA-256 (RFC 5869), AES-256-GCM.
 * Form: version byte 1, 32 bytes of the message's public key, ciphertext, 16 bytes of tag. The key
 * is HKDF of the shared secret without salt, info "sftca envelope v1" and both public keys, the
 * message's first; the nonce is zero, for the key is used once; version and both public keys are
 * authenticated.
 */
#ifndef SFTCA_ENVELOPE_H
#define SFTCA_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define ENVELOPE_KEY_LEN 32
#define ENVELOPE_OVERHEAD (1 + ENVELOPE_KEY_LEN + 16)

/* The public half of 32 random bytes. */
SFT_CHECKED int envelope_public(const uint8_t private[ENVELOPE_KEY_LEN],
                                uint8_t public[ENVELOPE_KEY_LEN]);
/* once: 32 fresh random bytes. Writes len + ENVELOPE_OVERHEAD bytes. SFT_EKEYPOINT: no such key. */
SFT_CHECKED int envelope_seal(const uint8_t once[ENVELOPE_KEY_LEN],
                              const uint8_t recipient[ENVELOPE_KEY_LEN], const void *plain,
                              size_t len, uint8_t *out);
/* Writes at most len bytes (caller wipes). SFT_EFORMAT, SFT_ECRYPTO when it was not for this key.
 */
SFT_CHECKED int envelope_open(const uint8_t private[ENVELOPE_KEY_LEN], const uint8_t *sealed,
                              size_t len, uint8_t *out, size_t *lenp);

#endif
