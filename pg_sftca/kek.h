/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek.h - the key-encryption key of this process: where it comes from and who may have seen it.
 *
 * Named by pg_sftca.kek_* (kek_source.h), never in the database. Read once: at server start when
 * the library is preloaded, else by each backend that first needs it. The previous key, that of
 * pg_sftca.previous_kek_*, opens what is not sealed anew yet.
 *
 * Sealed, by kek_seal(), nothing is read any more until the server is started again.
 */
#ifndef SFTCA_KEK_H
#define SFTCA_KEK_H

#include "core/wrap.h"
#include "kek_source.h"

enum kek_which { KEK_CURRENT, KEK_PREVIOUS, KEKS };

/* Defines the settings; under shared_preload_libraries also reads the keys. */
void kek_init(void);
/* The 32 bytes, valid until the transaction ends. Raises kek_missing, saying why, or vault_sealed.
 */
const uint8_t *kek_need(void);
/*
 * wrap_check() of what kek_need() has answered last, for what was sealed with it meanwhile. Whoever
 * seals the vault, or gives it another key, wipes the shared page under everybody's hands: SFT_EKEK
 * then, and what was sealed must go nowhere. Does not raise; kek_throw_gone() says why.
 */
int kek_mark(const uint8_t *kek, uint8_t mark[WRAP_CHECK_LEN]);
_Noreturn void kek_throw_gone(void);
/* The key whose wrap_check() this is, current or previous; NULL when it is another's. Raises as
 * kek_need. */
const uint8_t *kek_for(const void *check, size_t len);
/* wrap_check() of the previous key, NULL when there is none. */
const uint8_t *kek_previous_check(void);

/* Whether the key can be had; if not, reason says why, without its path. Does not raise. */
bool kek_try(char reason[KEK_REASON_MAX]);
/* Whether this process has a key of its own; wipes it. */
bool kek_is_held(void);
void kek_forget(void);

/* Wipes the keys and lets no process of this server have them until it is started again. Raises. */
void kek_seal(void);
bool kek_is_sealed(void);
/* Raises vault_sealed when it is. */
void kek_check_sealed(void);
/* The same for nearly nothing, where there is a shared page; else it does not ask. */
void kek_check_shared(void);

#endif
