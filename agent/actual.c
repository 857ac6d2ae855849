/* SPDX-License-Identifier: PostgreSQL */
/*
 * actual.c - looking things up in what was observed, and freeing it.
 */
#include "agent/actual.h"

#include <stdlib.h>
#include <string.h>

static int
account_cmp(const void *name, const void *row)
{
    return strcmp(name, ((const struct account *)row)->name);
}

static int
group_cmp(const void *name, const void *row)
{
    return strcmp(name, ((const struct local_group *)row)->name);
}

static int
text_cmp(const void *name, const void *row)
{
    return strcmp(name, *(char *const *)row);
}

const struct account *
actual_account(const struct actual *a, const char *name)
{
    return a->accounts_n == 0
               ? NULL
               : bsearch(name, a->accounts, a->accounts_n, sizeof *a->accounts, account_cmp);
}

const struct account *
actual_account_by_uid(const struct actual *a, uid_t uid)
{
    for (size_t i = 0; i < a->accounts_n; i++)
        if (a->accounts[i].uid == uid)
            return &a->accounts[i];
    return NULL;
}

const struct local_group *
actual_group(const struct actual *a, const char *name)
{
    return a->groups_n == 0 ? NULL
                            : bsearch(name, a->groups, a->groups_n, sizeof *a->groups, group_cmp);
}

const struct local_group *
actual_group_by_gid(const struct actual *a, gid_t gid)
{
    for (size_t i = 0; i < a->groups_n; i++)
        if (a->groups[i].gid == gid)
            return &a->groups[i];
    return NULL;
}

bool
actual_has_shell(const struct actual *a, const char *shell)
{
    for (size_t i = 0; i < a->shells_n; i++)
        if (strcmp(a->shells[i], shell) == 0)
            return true;
    return false;
}

bool
actual_has_principals(const struct actual *a, const char *name)
{
    return a->principals_n > 0 &&
           bsearch(name, a->principals, a->principals_n, sizeof *a->principals, text_cmp) != NULL;
}

static void
texts_free(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

static void
accounts_free(struct actual *a)
{
    for (size_t i = 0; i < a->accounts_n; i++) {
        free(a->accounts[i].name);
        free(a->accounts[i].gecos);
        free(a->accounts[i].home);
        free(a->accounts[i].shell);
    }
    free(a->accounts);
    for (size_t i = 0; i < a->groups_n; i++) {
        free(a->groups[i].name);
        texts_free(a->groups[i].members, a->groups[i].members_n);
    }
    free(a->groups);
}

void
actual_free(struct actual *a)
{
    accounts_free(a);
    texts_free(a->shells, a->shells_n);
    texts_free(a->principals, a->principals_n);
    texts_free(a->old_sudoers, a->old_sudoers_n);
    for (size_t i = 0; i < a->users_n && a->principals_text; i++)
        free(a->principals_text[i].p);
    free(a->principals_text);
    free(a->presence);
    free(a->trust.p);
    free(a->krl.p);
    free(a->sudoers.p);
    free(a->dropin.p);
    memset(a, 0, sizeof *a);
}
