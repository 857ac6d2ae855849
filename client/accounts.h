/* SPDX-License-Identifier: PostgreSQL */
/*
 * accounts.h - all accounts of this device: which there are, which is the default, which is meant.
 */
#ifndef SFT_CLIENT_ACCOUNTS_H
#define SFT_CLIENT_ACCOUNTS_H

#include "account.h"

struct accounts_choice {
    const char *account, *team, *instance; /* command line, or NULL */
};

/*
 * The account that a command means: chosen by the command line, else sft.conf, else the default,
 * else the only one. SFT_EXIT_NOT_ENROLLED when there is none, SFT_EXIT_NOT_FOUND when several fit.
 */
SFT_CHECKED int accounts_pick(struct account *a, const struct paths *paths,
                              const struct accounts_choice *choice, const char *configured,
                              struct failure *f);
/* Calls each(arg, account) for every account, by name; stops at the first code that is not 0. */
SFT_CHECKED int accounts_each(const struct paths *paths,
                              int (*each)(void *arg, const struct account *a), void *arg,
                              struct failure *f);

/* The default account's name, empty when none is set; out has ACCOUNT_NAME_MAX + 1 bytes. */
SFT_CHECKED int accounts_default(const struct paths *paths, char *out, struct failure *f);
SFT_CHECKED int accounts_set_default(const struct paths *paths, const char *name,
                                     struct failure *f);

#endif
