/* SPDX-License-Identifier: PostgreSQL */
/*
 * account.h - one enrolled device of one team on one instance, and what it has pinned.
 *
 * state/accounts/<host[_port]-team>/: account.json (written at enrollment and when the instance
 * says something newer), device.key (keystore.h), session.json (the sign-in, no secret), trust/
 * (trust.h).
 */
#ifndef SFT_CLIENT_ACCOUNT_H
#define SFT_CLIENT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sshkey.h"
#include "paths.h"

#define ACCOUNT_NAME_MAX 200
#define STATEMENT_KEYS_MAX 8

struct account {
    char name[ACCOUNT_NAME_MAX + 1];
    char dir[PATH_CAP], run[PATH_CAP], cache[PATH_CAP];
    char url[512], authority[300], instance[129], team[64];
    char client_id[37], user_name[129], code[24], state[16]; /* state: "", "PENDING", "ACTIVE" */
    char *tls_authority;                                     /* PEM */
    int64_t instance_version;
    size_t statement_keys_n;
    struct sshkey statement_keys[STATEMENT_KEYS_MAX];
    char session_id[37];
    int64_t session_expires_at; /* 0: not signed in */
};

/* Whether s can be an account's name, which is also its folder's. */
bool account_name_is_good(const char *s);
/* Fills name and folders from url and team. */
SFT_CHECKED int account_place(struct account *a, const struct paths *paths, struct failure *f);
/* Makes its three folders, 0700, or checks that they are ours and private. */
SFT_CHECKED int account_make(const struct account *a, struct failure *f);
SFT_CHECKED int account_load(struct account *a, const struct paths *paths, const char *name,
                             struct failure *f);
SFT_CHECKED int account_save(const struct account *a, struct failure *f);
void account_free(struct account *a);
/* Removes what is on disk: state, runtime and cache. */
SFT_CHECKED int account_remove(const struct account *a, struct failure *f);

/*
 * While another enrollment takes an account's place, the old one waits beside it: put back when the
 * new one fails, also by the next try if this one is killed; dropped when it succeeds.
 */
SFT_CHECKED int account_set_aside(const struct account *a, struct failure *f);
SFT_CHECKED int account_put_back(const struct account *a, struct failure *f);
SFT_CHECKED int account_drop_aside(const struct account *a, struct failure *f);

SFT_CHECKED int account_session_save(struct account *a, const char *id, int64_t expires_at,
                                     struct failure *f);
SFT_CHECKED int account_session_forget(struct account *a, struct failure *f);

#endif
