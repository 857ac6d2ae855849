/* SPDX-License-Identifier: PostgreSQL */
/*
 * token.h - enrollment tokens and invitations: what is in them and how possession is proved.
 *
 * A token is base64 of {"s":secret,"u":url,"i":id,"t":team,"k":statement key hash}. The secret is
 * never sent: its holder sends HMAC-SHA-256 over what it enrolls (docs/wire.md section 4).
 */
#ifndef SFT_TOKEN_H
#define SFT_TOKEN_H

#include "common/err.h"
#include "common/sshkey.h"

struct token {
    char secret[128]; /* wipe with token_wipe */
    char url[512];    /* https only */
    char id[37];      /* uuid */
    char team[64];
    char statement_hash[64]; /* base64url of SHA-256 of the statement key's SSH blob, 43 characters
                              */
};

SFT_CHECKED int token_parse(struct token *t, const char *text, size_t len);
void token_wipe(struct token *t);
/* base64 of HMAC-SHA-256(secret, "sft1 enroll\n" subject_id "\n" key text); out has 45 bytes. */
SFT_CHECKED int token_mac(const struct token *t, const char *subject_id, const struct sshkey *key,
                          char *out);
/* Whether this statement key is the one that the token names. 0 or SFT_ESIGNATURE. */
SFT_CHECKED int token_check_key(const struct token *t, const struct sshkey *statement_key);

#endif
