/* SPDX-License-Identifier: PostgreSQL */
/*
 * render.c - the texts of the files that sftd writes.
 */
#include "agent/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static int __attribute__((format(printf, 2, 3))) put(FILE *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vfprintf(f, fmt, args);
    va_end(args);
    return n;
}

/* A memory stream is ended at one place, where all its failures show. */
static int
finish(FILE *f, struct blob *out, int err)
{
    bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        err = err ? err : SFT_ENOMEM;
    if (err) {
        free(out->p);
        out->p = NULL;
        out->len = 0;
    }
    return err;
}

static FILE *
start(struct blob *out)
{
    out->p = NULL;
    out->len = 0;
    return open_memstream(&out->p, &out->len);
}

int
render_trust(struct blob *out, const struct state *s)
{
    char key[SSHKEY_TEXT_MAX];
    FILE *f = start(out);
    int err = 0;
    if (!f)
        return SFT_ENOMEM;
    for (size_t i = 0; i < s->keys_n && !err; i++) {
        err = sshkey_to_text(&s->keys[i].key, key, sizeof key);
        put(f, "%s %s/%lld\n", key, s->authority_id, (long long)s->keys[i].generation);
    }
    return finish(f, out, err);
}

int
render_principals(struct blob *out, const struct wanted_user *u)
{
    FILE *f = start(out);
    if (!f)
        return SFT_ENOMEM;
    for (size_t i = 0; i < u->principals_n; i++)
        put(f, "%s\n", u->principals[i]);
    return finish(f, out, 0);
}

int
render_sudoers(struct blob *out, const struct wanted_user *const *admins, size_t n)
{
    out->p = NULL;
    out->len = 0;
    FILE *f = n > 0 ? start(out) : NULL;
    if (!f)
        return n > 0 ? SFT_ENOMEM : 0;
    put(f, SUDOERS_HEAD);
    for (size_t i = 0; i < n; i++)
        put(f, "%s ALL=(ALL:ALL) NOPASSWD: ALL\n", admins[i]->name);
    return finish(f, out, 0);
}

int
render_dropin(struct blob *out, const struct plan_limits *limits, const struct actual *actual)
{
    FILE *f = start(out);
    if (!f)
        return SFT_ENOMEM;
    put(f, "# Managed by sftd; changes are overwritten.\n");
    put(f, "TrustedUserCAKeys %s\n", limits->trusted_keys_file);
    put(f, "AuthorizedPrincipalsFile %s\n", limits->principals_file);
    put(f, "RevokedKeys %s\n", limits->krl_file);
    for (size_t i = 0; i < actual->host_keys_n; i++)
        if (actual->host_keys[i].cert_usable)
            put(f, "HostCertificate %s\n", actual->host_keys[i].cert_path);
    return finish(f, out, 0);
}
