/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11key.h - a private key in a PKCS#11 token, which signs or decrypts and never comes out.
 *
 * Nothing here raises: what fails says why in p11key_reason().
 */
#ifndef SFTCA_P11KEY_H
#define SFTCA_P11KEY_H

#include <stdbool.h>

#include "common/key.h"
#include "core/p11uri.h"

/*
 * The key that the URI names, ECDSA or RSA. SFT_EFORMAT: not such a URI; SFT_ETOKEN: see
 * p11key_reason; SFT_EKEYTYPE, SFT_EKEYWEAK: a key that must not sign; SFT_EMODE: one that the
 * token would hand out.
 */
SFT_CHECKED int p11key_open(const char *uri, struct key **keyp);
/* Makes such a key in the token. SFT_EREFUSED: there is one of this name. */
SFT_CHECKED int p11key_generate(const char *uri, enum key_alg alg, unsigned bits,
                                struct key **keyp);
/*
 * Decrypts what was encrypted by RSA-OAEP with SHA-256 (and MGF1 with SHA-256, no label) to the RSA
 * key that the URI names.
 */
SFT_CHECKED int p11key_decrypt(const char *uri, const uint8_t *in, size_t in_len, uint8_t *out,
                               size_t cap, size_t *lenp);
/* Of the last failure. */
const char *p11key_reason(void);

#endif
