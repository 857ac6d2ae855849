/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey_check.h - whether the numbers of a public key are sound (for sshkey.c).
 *
 * Each returns 0, SFT_EKEYPOINT, SFT_EKEYWEAK or SFT_ECRYPTO.
 */
#ifndef SFT_SSHKEY_CHECK_H
#define SFT_SSHKEY_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* 32 bytes, y below the field's prime, not one of the points of low order. */
SFT_CHECKED int sshkey_check_ed25519(const uint8_t *point, size_t len);
/*
 * Whether it is a point of the curve at all. Half of all numbers are not; no signature verifies
 * under those. Dear enough (a fifth of a verification) to be asked only when a key comes in, see
 * sshkey.h.
 */
SFT_CHECKED int sshkey_check_ed25519_curve(const uint8_t *point, size_t len);
/* Uncompressed, on the NIST curve of so many bits (256, 384, 521), not at infinity. */
SFT_CHECKED int sshkey_check_ecdsa(unsigned bits, const uint8_t *point, size_t len);
/* Size, odd, no small factor, factors not close together, not of the ROCA form. */
SFT_CHECKED int sshkey_check_rsa(const uint8_t *n, size_t len, unsigned *bitsp);

#endif
