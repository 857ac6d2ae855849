/* SPDX-License-Identifier: PostgreSQL */
/*
 * actual.h - what is true on this host, in plain data: the other argument of plan().
 *
 * Filled by observe.c with help of the operating system's file; owned and freed by it.
 */
#ifndef SFTD_ACTUAL_H
#define SFTD_ACTUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/owned.h"

#define HOST_KEYS_MAX 8

struct account {
    char *name, *gecos, *home, *shell;
    uid_t uid;
    gid_t gid;
    bool expired;
};

struct local_group {
    char *name;
    gid_t gid;
    char **members; /* sorted */
    size_t members_n;
};

enum home { HOME_MISSING, HOME_OURS, HOME_FOREIGN };

/* About one desired user, in the order of state->users. */
struct presence {
    /* known to NSS, but not from the local files */
    bool name_elsewhere, uid_elsewhere, gid_elsewhere;
    uid_t elsewhere_uid; /* of the name */
    enum home home;
};

/* A file's content; p is NULL when it is not there. */
struct blob {
    char *p;
    size_t len;
};

struct host_key {
    char path[256], cert_path[256]; /* of the public key, of its certificate */
    char public_key[1800];          /* "type base64" */
    bool cert_good;                 /* own key, our principals, valid now, not yet to be renewed */
    bool cert_usable;               /* good, or only due for renewal */
};

struct actual {
    struct account *accounts; /* of /etc/passwd, sorted by name */
    size_t accounts_n;
    struct local_group *groups; /* of /etc/group, sorted by name */
    size_t groups_n;
    struct presence *presence;
    size_t users_n; /* of presence and principals_text */
    char **shells;  /* of /etc/shells */
    size_t shells_n;
    const struct owned *owned;

    char **principals; /* names of files in the principals folder, sorted */
    size_t principals_n;
    struct blob *principals_text; /* per desired user */

    struct blob trust, krl, sudoers, dropin;
    char **old_sudoers; /* names of our sudoers files of other projects */
    size_t old_sudoers_n;

    struct host_key host_keys[HOST_KEYS_MAX];
    size_t host_keys_n;
    bool host_certs_tried; /* in this round: do not wait for them any longer */
    bool sshd_present;
    bool sshd_loaded;     /* the running sshd has what the drop-in says */
    int64_t logins_ended; /* state version whose end_logins have been done */
};

const struct account *actual_account(const struct actual *a, const char *name);
const struct account *actual_account_by_uid(const struct actual *a, uid_t uid);
const struct local_group *actual_group(const struct actual *a, const char *name);
const struct local_group *actual_group_by_gid(const struct actual *a, gid_t gid);
bool actual_has_shell(const struct actual *a, const char *shell);
bool actual_has_principals(const struct actual *a, const char *name);
void actual_free(struct actual *a);

#endif
