/* SPDX-License-Identifier: PostgreSQL */
/*
 * keyfile.h - private keys in files: PKCS#8 as PEM, encrypted or not, and OpenSSH's own format,
 * not encrypted (PROTOCOL.key; its key derivation is in no library here).
 */
#ifndef SFTCA_KEYFILE_H
#define SFTCA_KEYFILE_H

#include <stddef.h>

#include "common/key.h"

#define KEYFILE_MAX 32768

/*
 * The key, or NULL and the word of what is wrong: private_key_malformed, private_key_format (not
 * one of ours), private_key_encrypted, private_key_passphrase, private_key_type, private_key_weak,
 * private_key_inconsistent (its halves do not belong together). passphrase may be NULL.
 */
const char *keyfile_read(const char *text, size_t len, const char *passphrase,
                         size_t passphrase_len, struct key **keyp);
/* The sentence for such a word. */
const char *keyfile_sentence(const char *word);

#endif
