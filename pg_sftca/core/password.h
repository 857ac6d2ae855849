/* SPDX-License-Identifier: PostgreSQL */
/*
 * password.h - password hashes: scrypt (RFC 7914), "$scrypt$ln=15,r=8,p=1$<salt>$<hash>".
 */
#ifndef SFTCA_PASSWORD_H
#define SFTCA_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define PASSWORD_SALT_LEN 16
#define PASSWORD_TEXT_MAX 128
#define PASSWORD_MAX 1024

/* salt is fresh random. About 32 MB and a tenth of a second. SFT_EFORMAT for a NUL in the password.
 */
SFT_CHECKED int password_hash(const void *password, size_t len,
                              const uint8_t salt[PASSWORD_SALT_LEN], char out[PASSWORD_TEXT_MAX]);
/* SFT_EFORMAT when hash is not ours or asks for absurd work. */
SFT_CHECKED int password_verify(const char *hash, const void *password, size_t len, bool *goodp);

#endif
