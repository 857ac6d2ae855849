/* SPDX-License-Identifier: PostgreSQL */
/*
 * ecdsa_sig.h - the three shapes of an ECDSA signature: DER (OpenSSL), r||s (RFC 9421), mpints
 * (SSH).
 */
#ifndef SFT_ECDSA_SIG_H
#define SFT_ECDSA_SIG_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define ECDSA_DER_MAX 144   /* P-521 */
#define ECDSA_NUMBER_MAX 66 /* bytes of its r and s */

/* DER to 64 bytes r||s of P-256. */
SFT_CHECKED int ecdsa_sig_from_der(const uint8_t *der, size_t len, uint8_t raw[64]);
/*
 * The two INTEGERs of a DER signature as they stand there, of at most max bytes without the sign:
 * minimal and with a sign byte where one is needed, which is what an mpint holds.
 */
SFT_CHECKED int ecdsa_sig_numbers(const uint8_t *der, size_t len, size_t max,
                                  const uint8_t *number[2], size_t number_len[2]);
/* r and s, big-endian, to DER; out has ECDSA_DER_MAX bytes. SFT_EFORMAT if they are too long. */
SFT_CHECKED int ecdsa_sig_to_der(const uint8_t *r, size_t r_len, const uint8_t *s, size_t s_len,
                                 uint8_t *out, size_t *lenp);

#endif
