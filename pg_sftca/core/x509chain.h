/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509chain.h - whether somebody outside has certified one of our authorities as it should be.
 */
#ifndef SFTCA_X509CHAIN_H
#define SFTCA_X509CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sshkey.h"
#include "core/x509write.h"

#define X509CHAIN_MAX 8           /* certificates, root included */
#define X509CHAIN_TEXT_MAX 131072 /* bytes of PEM */

struct x509chain {
    struct x509_key_id key_id;
    struct x509_name subject; /* of the first one */
    int64_t expires_at;       /* the first second at which one of them is not good any more */
    char reason[256];         /* a sentence about what is wrong */
};

/*
 * text is PEM: the certificate of this key and name (NULL: any, and it may be a root itself) first,
 * then each one's issuer, the root last. NULL when they are good at this time, else the word of
 * what is wrong: chain_malformed, chain_too_long, chain_key, chain_name, chain_order,
 * chain_incomplete, chain_signature, chain_weak, chain_not_authority, chain_key_usage,
 * chain_path_length, chain_validity, chain_key_identifier, chain_refused. own and above are filled
 * with PEM, NUL-terminated; each has room for cap bytes, of which twice the text and 4096 are
 * enough.
 */
const char *x509chain_check(struct x509chain *out, const char *text, size_t len,
                            const struct sshkey *key, const char *name, int64_t at, char *own,
                            char *above, size_t cap);

#endif
