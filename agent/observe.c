/* SPDX-License-Identifier: PostgreSQL */
/*
 * observe.c - what is true on this host, as far as the desired state speaks of it.
 */
#include "agent/observe.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/hostcert.h"
#include "agent/render.h"
#include "agent/sshd.h"
#include "common/fsx.h"
#include "common/names.h"
#include "common/text.h"

#define TEXT_FILE_MAX (4u << 20)
#define SUDOERS_PREFIX "95-sft-"

/* A file that is missing is an observation; one that is not a file is one, too: it will be
 * replaced. */
static int
read_blob(const char *path, struct blob *b)
{
    int err = fsx_read(path, TEXT_FILE_MAX, &b->p, &b->len);
    if (err == SFT_ENOTFOUND || err == SFT_EMODE || err == SFT_ETOOLONG) {
        b->p = NULL;
        b->len = 0;
        return 0;
    }
    return err;
}

static int
name_add(char ***names, size_t *n, const char *name)
{
    if (*n % 64 == 0) {
        char **more = reallocarray(*names, *n + 64, sizeof *more);
        if (!more)
            return SFT_ENOMEM;
        *names = more;
    }
    (*names)[*n] = strdup(name);
    if (!(*names)[*n])
        return SFT_ENOMEM;
    (*n)++;
    return 0;
}

static int
text_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every name in the folder: it is ours, and what should not be there goes. */
static int
list_principals(const struct agent *a, struct actual *actual)
{
    DIR *d = opendir(a->paths.principals);
    struct dirent *entry;
    int err = 0;
    if (!d)
        return errno == ENOENT ? 0 : SFT_ESYSTEM;
    while (!err && (entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.')
            err = name_add(&actual->principals, &actual->principals_n, entry->d_name);
    closedir(d);
    if (actual->principals_n > 0)
        qsort(actual->principals, actual->principals_n, sizeof *actual->principals, text_cmp);
    return err;
}

static int
read_principals(const struct agent *a, struct actual *actual)
{
    char path[PATH_MAX];
    int err = list_principals(a, actual);
    actual->principals_text = calloc(a->desired.users_n + 1, sizeof *actual->principals_text);
    if (!actual->principals_text)
        return SFT_ENOMEM;
    for (size_t i = 0; i < a->desired.users_n && !err; i++) {
        if (!actual_has_principals(actual, a->desired.users[i].name))
            continue;
        snprintf(path, sizeof path, "%.3800s/%s", a->paths.principals, a->desired.users[i].name);
        err = read_blob(path, &actual->principals_text[i]);
    }
    return err;
}

void
observe_sudoers_path(const struct agent *a, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.3800s/" SUDOERS_PREFIX "%s", a->conf->sudoers_dir,
             a->desired.project_id);
}

/* Ours are known by name and first line; somebody's file of such a name stays. */
static bool
is_our_sudoers(const char *path)
{
    struct blob b;
    bool ours =
        read_blob(path, &b) == 0 && b.p && strncmp(b.p, SUDOERS_HEAD, strlen(SUDOERS_HEAD)) == 0;
    free(b.p);
    return ours;
}

int
observe_sudoers_remove(const struct agent *a)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *d = opendir(a->conf->sudoers_dir);
    int err = 0;
    while (d && !err && (entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%.3800s/%.255s", a->conf->sudoers_dir, entry->d_name);
        if (strncmp(entry->d_name, SUDOERS_PREFIX, strlen(SUDOERS_PREFIX)) == 0 &&
            is_our_sudoers(path))
            err = fsx_remove(path);
    }
    if (d)
        closedir(d);
    return err;
}

static int
read_sudoers(const struct agent *a, struct actual *actual)
{
    char path[PATH_MAX], other[PATH_MAX];
    struct dirent *entry;
    observe_sudoers_path(a, path);
    int err = read_blob(path, &actual->sudoers);
    DIR *d = err ? NULL : opendir(a->conf->sudoers_dir);
    if (!d)
        return err || errno == ENOENT ? err : SFT_ESYSTEM;
    while (!err && (entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, SUDOERS_PREFIX, strlen(SUDOERS_PREFIX)) != 0)
            continue;
        snprintf(other, sizeof other, "%.3800s/%.255s", a->conf->sudoers_dir, entry->d_name);
        if (strcmp(other, path) != 0 && is_our_sudoers(other))
            err = name_add(&actual->old_sudoers, &actual->old_sudoers_n, entry->d_name);
    }
    closedir(d);
    return err;
}

static void
judge_host_cert(const struct agent *a, struct host_key *k)
{
    struct hostcert_want want = {
        .public_key = k->public_key, .server_id = a->id.server_id, .now = time(NULL)};
    struct blob cert;
    bool due = true;
    int err = read_blob(k->cert_path, &cert);
    if (err || !cert.p)
        return;
    k->cert_usable = hostcert_check(cert.p, &want, &due) == 0;
    k->cert_good = k->cert_usable && !due;
    free(cert.p);
}

/* The public half beside a host key, and where its certificate goes. False: not one to certify. */
static bool
take_host_key(const struct agent *a, const char *path, struct host_key *k)
{
    struct sshkey key;
    struct blob text;
    const char *base = strrchr(path, '/');
    memset(k, 0, sizeof *k);
    if (!base || (size_t)snprintf(k->path, sizeof k->path, "%s.pub", path) >= sizeof k->path ||
        (size_t)snprintf(k->cert_path, sizeof k->cert_path, "%s%s-cert.pub", a->conf->state_dir,
                         base) >= sizeof k->cert_path)
        return false;
    if (read_blob(k->path, &text) != 0 || !text.p)
        return false;
    bool good = sshkey_from_text(&key, text.p, strcspn(text.p, "\n")) == 0 &&
                sshkey_to_text(&key, k->public_key, sizeof k->public_key) == 0;
    free(text.p);
    return good;
}

static int
read_sshd(const struct agent *a, struct actual *actual, char *why, size_t cap)
{
    static struct sshd_settings s;
    int err = sshd_settings(a, NULL, &s, why, cap);
    if (err == SFT_ENOTFOUND)
        return 0;
    actual->sshd_present = true;
    if (err == SFT_EREFUSED) /* a broken configuration: the steps will say so, the rest goes on */
        err = 0;
    for (size_t i = 0; !err && i < s.host_keys_n && actual->host_keys_n < HOST_KEYS_MAX; i++) {
        struct host_key *k = &actual->host_keys[actual->host_keys_n];
        if (!take_host_key(a, s.host_keys[i], k))
            continue;
        judge_host_cert(a, k);
        actual->host_keys_n++;
    }
    actual->sshd_loaded = sshd_is_loaded(a);
    return err ? err : read_blob(a->paths.dropin, &actual->dropin);
}

static void
read_ended(const struct agent *a, struct actual *actual)
{
    struct blob b;
    uint64_t version = 0;
    if (read_blob(a->paths.ended, &b) == 0 && b.p && text_u64(b.p, INT64_MAX - 1, &version) == 0)
        actual->logins_ended = (int64_t)version;
    free(b.p);
}

int
observe(const struct agent *a, struct actual *actual, char *why, size_t cap)
{
    memset(actual, 0, sizeof *actual);
    actual->owned = &a->owned;
    int err = a->os->observe(actual, &a->desired);
    const char *what = "accounts and groups";
    if (!err) {
        what = "principals";
        err = read_principals(a, actual);
    }
    if (!err) {
        what = "sudoers";
        err = read_sudoers(a, actual);
    }
    if (!err) {
        what = "trusted keys and revocation list";
        err = read_blob(a->conf->trusted_keys_file, &actual->trust);
    }
    if (!err)
        err = read_blob(a->paths.krl, &actual->krl);
    if (!err) {
        what = "sshd";
        err = read_sshd(a, actual, why, cap);
    }
    read_ended(a, actual);
    if (err) {
        snprintf(why, cap, "%s cannot be read: %s", what,
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
        actual_free(actual);
    }
    return err;
}
