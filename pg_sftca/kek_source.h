/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek_source.h - where a key-encryption key is read from: a file, a command, or a PKCS#11 token
 * that unwraps a file.
 */
#ifndef SFTCA_KEK_SOURCE_H
#define SFTCA_KEK_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wrap.h"

#define KEK_REASON_MAX 256

/* The values of one source's settings; at most one of the first three may be set. */
struct kek_source {
    char *file, *command, *token;
    char *wrapped_file; /* with token: the key, encrypted to the token's RSA key */
    const char *prefix; /* of the settings' names */
};

/* Whether anything is set at all. */
bool kek_source_is_set(const struct kek_source *source);
/* False: reason says why, without paths. Does not raise. */
bool kek_source_read(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN],
                     char reason[KEK_REASON_MAX]);

#endif
