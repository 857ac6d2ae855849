/* SPDX-License-Identifier: PostgreSQL */
/*
 * secret.h - secrets that are shown again: computed from the vault secret, never stored.
 */
#ifndef SFTCA_SECRET_H
#define SFTCA_SECRET_H

#include <stdint.h>

#include "common/err.h"

#define SECRET_KEY_LEN 32
#define SECRET_TEXT_LEN 43

/* base64url of HMAC-SHA-256(vault, "sft1 secret\n" purpose "\n" id); caller wipes out. */
SFT_CHECKED int secret_text(const uint8_t vault[SECRET_KEY_LEN], const char *purpose,
                            const char *id, char out[SECRET_TEXT_LEN + 1]);
/* Proof of possession (docs/wire.md 4): base64 of HMAC-SHA-256(secret, ...); out has 45 bytes. */
SFT_CHECKED int secret_mac(const char *secret, const char *subject_id, const char *public_key,
                           char out[45]);

#endif
