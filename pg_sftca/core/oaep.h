/* SPDX-License-Identifier: PostgreSQL */
/*
 * oaep.h - taking off the padding of RSA-OAEP (RFC 8017 7.1.2) with SHA-256 and MGF1-SHA-256.
 *
 * For tokens that decrypt with RSA but know OAEP only with SHA-1, as SoftHSM 2.6 does.
 */
#ifndef SFTCA_OAEP_H
#define SFTCA_OAEP_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define OAEP_MAX 1024 /* RSA 8192 */

/* padded (len bytes, those of the modulus) is spoilt. SFT_ECRYPTO when it is not padding. */
SFT_CHECKED int oaep_open(uint8_t *padded, size_t len, uint8_t *out, size_t cap, size_t *lenp);

#endif
