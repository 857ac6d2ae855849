/* SPDX-License-Identifier: PostgreSQL */
/*
 * os.h - what differs between operating systems, behind one table of functions.
 *
 * os_linux.c is the only file that knows useradd, /proc and systemd. Every function does one thing,
 * may be repeated, and on failure says why in words for people.
 */
#ifndef SFTD_OS_H
#define SFTD_OS_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/actual.h"
#include "agent/state.h"

struct os_ops {
    const char *type; /* "linux" */

    /* accounts, groups, shells and presence of actual */
    int (*observe)(struct actual *a, const struct state *desired);

    int (*group_create)(const char *name, gid_t gid, char *why, size_t cap);
    int (*group_delete)(const char *name, char *why, size_t cap);
    int (*group_members)(const char *name, const char *const *members, size_t n, char *why,
                         size_t cap);
    int (*account_create)(const struct wanted_user *u, char *why, size_t cap); /* without a home */
    int (*account_change)(const struct wanted_user *u, char *why,
                          size_t cap); /* comment, shell, home, not expired */
    int (*account_lock)(const char *name, char *why, size_t cap);   /* expired and without shell */
    int (*account_delete)(const char *name, char *why, size_t cap); /* keeps the home */
    int (*home_create)(const struct wanted_user *u, char *why, size_t cap);
    /* Ends sshd's sessions of this user and all processes that run with this uid. */
    int (*logins_end)(const char *name, uid_t uid, char *why, size_t cap);

    int (*sudoers_check)(const char *path, char *why, size_t cap);
    int (*sshd_reload)(const char *pid_file, char *why, size_t cap); /* SFT_ENOTFOUND: none runs */

    int (*version)(char *out, size_t cap); /* "Debian GNU/Linux 12 (bookworm)" */
};

extern const struct os_ops os_linux;

#endif
