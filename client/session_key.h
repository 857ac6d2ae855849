/* SPDX-License-Identifier: PostgreSQL */
/*
 * session_key.h - the one key pair that ssh logs in with, in the runtime folder.
 */
#ifndef SFT_CLIENT_SESSION_KEY_H
#define SFT_CLIENT_SESSION_KEY_H

#include "account.h"

struct session_key {
    char path[PATH_CAP]; /* the OpenSSH private key file */
    struct sshkey pub;
};

/* The account's session key, made when there is none. Safe to call from many processes at once. */
SFT_CHECKED int session_key_get(struct session_key *k, const struct account *a, struct failure *f);
/* Removes key and certificates: they open nothing any more. */
SFT_CHECKED int session_key_forget(const struct account *a, struct failure *f);

#endif
