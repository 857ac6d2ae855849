/* SPDX-License-Identifier: PostgreSQL */
/*
 * accounts.c - all accounts of this device: which there are, which is the default, which is meant.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "accounts.h"
#include "common/fsx.h"

#define ACCOUNTS_MAX 64

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct names {
    size_t n;
    char names[ACCOUNTS_MAX][ACCOUNT_NAME_MAX + 1];
};

static int
names_read(const struct paths *paths, struct names *out, struct failure *f)
{
    char base[PATH_CAP];
    out->n = 0;
    int code = path_join(base, paths->state, "accounts", f);
    DIR *dir = code ? NULL : opendir(base);
    if (!dir)
        return code ? code : errno == ENOENT ? 0 : fail_err(f, SFT_ESYSTEM, base);
    for (struct dirent *e = readdir(dir); e && out->n < ACCOUNTS_MAX; e = readdir(dir))
        if (account_name_is_good(e->d_name))
            memcpy(out->names[out->n++], e->d_name, strlen(e->d_name) + 1);
    closedir(dir);
    qsort(out->names, out->n, sizeof out->names[0], by_name);
    return 0;
}

int
accounts_each(const struct paths *paths, int (*each)(void *arg, const struct account *a), void *arg,
              struct failure *f)
{
    static struct names names;
    struct account a;
    int code = names_read(paths, &names, f);
    for (size_t i = 0; !code && i < names.n; i++) {
        code = account_load(&a, paths, names.names[i], f);
        if (code == SFT_EXIT_NOT_FOUND) {
            code = 0; /* a folder without account.json: an enrollment that never started */
            continue;
        }
        if (!code)
            code = each(arg, &a);
        account_free(&a);
    }
    return code;
}

int
accounts_default(const struct paths *paths, char *out, struct failure *f)
{
    char path[PATH_CAP], *text;
    size_t len;
    out[0] = '\0';
    int code = path_join(path, paths->state, "default", f);
    if (code)
        return code;
    int err = fsx_read_secret(path, ACCOUNT_NAME_MAX + 1, &text, &len);
    if (err == SFT_ENOTFOUND)
        return 0;
    if (err)
        return fail_err(f, err, path);
    text[strcspn(text, "\n")] = '\0';
    if (account_name_is_good(text))
        memcpy(out, text, strlen(text) + 1);
    free(text);
    return 0;
}

int
accounts_set_default(const struct paths *paths, const char *name, struct failure *f)
{
    char path[PATH_CAP], line[ACCOUNT_NAME_MAX + 2];
    int code = path_private(paths->state, f);
    if (!code)
        code = path_join(path, paths->state, "default", f);
    if (code)
        return code;
    int n = snprintf(line, sizeof line, "%s\n", name);
    int err = fsx_write(path, line, (size_t)n, 0600);
    return err ? fail_err(f, err, path) : 0;
}

/* What accounts_pick looks for and what it has found so far. */
struct search {
    const struct accounts_choice *choice;
    const char *preferred;
    size_t accounts_n, fits_n;
    bool has_preferred;
    char found[ACCOUNT_NAME_MAX + 1];
};

static bool
is_instance(const struct account *a, const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : text;
    size_t len = strlen(host);
    if (len && host[len - 1] == '/')
        len--;
    const char *own = a->url + 8;
    return (strlen(own) == len && strncasecmp(own, host, len) == 0) ||
           strcmp(a->instance, text) == 0;
}

static int
search_one(void *arg, const struct account *a)
{
    struct search *s = arg;
    s->accounts_n++;
    if ((s->choice->account && strcmp(s->choice->account, a->name) != 0) ||
        (s->choice->team && strcmp(s->choice->team, a->team) != 0) ||
        (s->choice->instance && !is_instance(a, s->choice->instance)))
        return 0;
    if (s->has_preferred)
        return 0;
    s->fits_n++;
    s->has_preferred = s->preferred && strcmp(s->preferred, a->name) == 0;
    memcpy(s->found, a->name, sizeof s->found);
    return 0;
}

int
accounts_pick(struct account *a, const struct paths *paths, const struct accounts_choice *choice,
              const char *configured, struct failure *f)
{
    char preferred[ACCOUNT_NAME_MAX + 1];
    struct search s = {choice, preferred, 0, 0, false, ""};
    memset(a, 0, sizeof *a);
    int code = accounts_default(paths, preferred, f);
    if (!code && configured)
        s.preferred = configured;
    if (!code)
        code = accounts_each(paths, search_one, &s, f);
    if (code)
        return code;
    if (s.accounts_n == 0)
        return fail(f, SFT_EXIT_NOT_ENROLLED,
                    "Enroll it with an invitation: sft enroll --token-file FILE",
                    "This device is not enrolled.");
    if (s.fits_n == 0)
        return fail(f, SFT_EXIT_NOT_FOUND, "See sft list-accounts.", "No account fits.");
    if (s.fits_n > 1 && !s.has_preferred)
        return fail(f, SFT_EXIT_NOT_FOUND, "Name one with --account, or choose: sft use TEAM.",
                    "Several accounts fit.");
    return account_load(a, paths, s.found, f);
}
