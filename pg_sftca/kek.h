/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek.h - the key-encryption key: where it comes from and who may have seen it.
 *
 * Named by pg_sftca.kek_file or pg_sftca.kek_command, never in the database. Read once: at server
 * start when the library is preloaded, else by each backend that first needs it.
 */
#ifndef SFTCA_KEK_H
#define SFTCA_KEK_H

#include "core/wrap.h"

/* Defines the settings; under shared_preload_libraries also reads the key. */
void kek_init(void);
/* The 32 bytes, valid until the transaction ends. Raises kek_missing, saying why. */
const uint8_t *kek_need(void);
#define KEK_REASON_MAX 256

/* Whether the key can be had; if not, reason (cap bytes) says why, without its path. Does not
 * raise. */
bool kek_try(char *reason, size_t cap);
/* Wipes it. */
void kek_forget(void);

#endif
