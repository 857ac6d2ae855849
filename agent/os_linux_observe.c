/* SPDX-License-Identifier: PostgreSQL */
/*
 * os_linux_observe.c - accounts, groups and shells as they are.
 *
 * The local files are read once, whole; other user databases (LDAP, SSSD) are asked only about
 * names and numbers that the local files do not have and somebody wants.
 */
#include "agent/os_linux.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int
text_copy(char **where, const char *s)
{
    *where = strdup(s ? s : "");
    return *where ? 0 : SFT_ENOMEM;
}

/* Makes room for one more row, in steps of 64; the new row is zeroed. */
static void *
rows_grow(void *rows, size_t n, size_t size)
{
    if (n % 64 == 0)
        rows = reallocarray(rows, n + 64, size);
    if (rows)
        memset((char *)rows + n * size, 0, size);
    return rows;
}

static int
account_cmp(const void *a, const void *b)
{
    return strcmp(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static int
group_cmp(const void *a, const void *b)
{
    return strcmp(((const struct local_group *)a)->name, ((const struct local_group *)b)->name);
}

static int
text_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
account_add(struct actual *a, const struct passwd *pw)
{
    struct account *rows = rows_grow(a->accounts, a->accounts_n, sizeof *rows);
    if (!rows)
        return SFT_ENOMEM;
    a->accounts = rows;
    struct account *row = &rows[a->accounts_n++];
    row->uid = pw->pw_uid;
    row->gid = pw->pw_gid;
    int err = text_copy(&row->name, pw->pw_name);
    if (!err)
        err = text_copy(&row->gecos, pw->pw_gecos);
    if (!err)
        err = text_copy(&row->home, pw->pw_dir);
    return err ? err : text_copy(&row->shell, pw->pw_shell);
}

static int
read_accounts(struct actual *a)
{
    FILE *f = fopen("/etc/passwd", "re");
    struct passwd *pw;
    int err = f ? 0 : SFT_ESYSTEM;
    while (!err && (pw = fgetpwent(f)) != NULL)
        err = account_add(a, pw);
    if (f)
        fclose(f);
    if (a->accounts_n > 0)
        qsort(a->accounts, a->accounts_n, sizeof *a->accounts, account_cmp);
    return err;
}

/* Expiry is all that we look at in the shadow file. */
static int
read_expiry(struct actual *a)
{
    FILE *f = fopen("/etc/shadow", "re");
    struct spwd *sp;
    long today = time(NULL) / 86400;
    if (!f)
        return errno == ENOENT ? 0 : SFT_ESYSTEM;
    while ((sp = fgetspent(f)) != NULL) {
        const struct account wanted = {.name = sp->sp_namp};
        struct account *row = a->accounts_n == 0 ? NULL
                                                 : bsearch(&wanted, a->accounts, a->accounts_n,
                                                           sizeof wanted, account_cmp);
        if (row)
            row->expired = sp->sp_expire >= 0 && sp->sp_expire <= today;
    }
    fclose(f);
    return 0;
}

static int
members_copy(struct local_group *row, char *const *members)
{
    size_t n = 0;
    while (members[n])
        n++;
    row->members = n ? calloc(n, sizeof *row->members) : NULL;
    if (n && !row->members)
        return SFT_ENOMEM;
    for (; row->members_n < n; row->members_n++)
        if (text_copy(&row->members[row->members_n], members[row->members_n]) != 0)
            return SFT_ENOMEM;
    if (n)
        qsort(row->members, n, sizeof *row->members, text_cmp);
    return 0;
}

static int
group_add(struct actual *a, const struct group *gr)
{
    struct local_group *rows = rows_grow(a->groups, a->groups_n, sizeof *rows);
    if (!rows)
        return SFT_ENOMEM;
    a->groups = rows;
    struct local_group *row = &rows[a->groups_n++];
    row->gid = gr->gr_gid;
    int err = text_copy(&row->name, gr->gr_name);
    return err ? err : members_copy(row, gr->gr_mem);
}

static int
read_groups(struct actual *a)
{
    FILE *f = fopen("/etc/group", "re");
    struct group *gr;
    int err = f ? 0 : SFT_ESYSTEM;
    while (!err && (gr = fgetgrent(f)) != NULL)
        err = group_add(a, gr);
    if (f)
        fclose(f);
    if (a->groups_n > 0)
        qsort(a->groups, a->groups_n, sizeof *a->groups, group_cmp);
    return err;
}

/* No /etc/shells means the two that getusershell(3) names. */
static int
read_shells(struct actual *a)
{
    int err = 0;
    const char *shell;
    setusershell();
    while (!err && (shell = getusershell()) != NULL) {
        char **rows = rows_grow(a->shells, a->shells_n, sizeof *rows);
        if (!rows)
            err = SFT_ENOMEM;
        else
            err = text_copy(&(a->shells = rows)[a->shells_n++], shell);
    }
    endusershell();
    return err;
}

static enum home
home_of(const struct wanted_user *u)
{
    struct stat st;
    if (lstat(u->home, &st) != 0)
        return errno == ENOENT ? HOME_MISSING : HOME_FOREIGN;
    return S_ISDIR(st.st_mode) && st.st_uid == u->uid ? HOME_OURS : HOME_FOREIGN;
}

static void
find_elsewhere(struct presence *p, const struct wanted_user *u, bool managed)
{
    const struct passwd *pw = getpwnam(u->name);
    p->name_elsewhere = pw != NULL;
    p->elsewhere_uid = pw ? pw->pw_uid : 0;
    if (!managed)
        return;
    p->uid_elsewhere = getpwuid(u->uid) != NULL;
    p->gid_elsewhere = getgrgid(u->gid) != NULL;
}

static int
read_presence(struct actual *a, const struct state *desired)
{
    a->presence = calloc(desired->users_n + 1, sizeof *a->presence);
    if (!a->presence)
        return SFT_ENOMEM;
    a->users_n = desired->users_n;
    for (size_t i = 0; i < desired->users_n; i++) {
        const struct wanted_user *u = &desired->users[i];
        if (!actual_account(a, u->name))
            find_elsewhere(&a->presence[i], u, desired->manage_users);
        if (desired->manage_users)
            a->presence[i].home = home_of(u);
    }
    endpwent();
    endgrent();
    return 0;
}

int
linux_observe(struct actual *a, const struct state *desired)
{
    int err = read_accounts(a);
    if (!err)
        err = read_expiry(a);
    if (!err)
        err = read_groups(a);
    if (!err)
        err = read_shells(a);
    return err ? err : read_presence(a, desired);
}
