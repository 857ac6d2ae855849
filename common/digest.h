/* SPDX-License-Identifier: PostgreSQL */
/*
 * digest.h - SHA-256 in one call, with the algorithm fetched once per process.
 */
#ifndef SFT_DIGEST_H
#define SFT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SHA256_LEN 32

SFT_CHECKED int digest_sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);

/* base64url (43 characters) of the SHA-256 of data: how statement keys are named; out has 44 bytes.
 */
SFT_CHECKED int digest_name(const void *data, size_t len, char *out);

#endif
