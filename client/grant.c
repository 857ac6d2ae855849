/* SPDX-License-Identifier: PostgreSQL */
/*
 * grant.c - whether a certificate that the platform sent is the one that was asked for. Pure.
 *
 * The gateway in between could answer with another user's certificate, one for another key, or one
 * of another authority. None of them would open more than it should, but using one would tell a
 * server something untrue; so nothing is written to disk that does not pass here.
 */
#include <string.h>

#include "common/names.h"
#include "grant.h"

static bool
is_identity(const struct target *t, const char *name)
{
    for (int i = 0; i < t->identities_n; i++)
        if (strcmp(t->identities[i], name) == 0)
            return true;
    return false;
}

/* Exactly one principal: the account, or the account on this one server. */
static int
principal_check(const struct sshcert *cert, const struct target *t, char *userp)
{
    if (cert->principals_n != 1)
        return SFT_EPRINCIPAL;
    const char *name = cert->principals[0], *colon = strchr(name, ':');
    if (colon) {
        if ((size_t)(colon - name) != strlen(t->id) || strncmp(name, t->id, strlen(t->id)) != 0)
            return SFT_EPRINCIPAL;
        name = colon + 1;
    }
    if (!name_is_server_user(name) || !is_identity(t, name))
        return SFT_EPRINCIPAL;
    memcpy(userp, name, strlen(name) + 1);
    return 0;
}

static int
validity_check(const struct sshcert *cert, int64_t now)
{
    if (cert->valid_after >= cert->valid_before ||
        cert->valid_before - cert->valid_after > GRANT_WIDTH_MAX_S + GRANT_SLACK_S)
        return SFT_EVALIDITY;
    if (now < 0 || cert->valid_after > (uint64_t)now + GRANT_SLACK_S ||
        cert->valid_before <= (uint64_t)now)
        return SFT_EVALIDITY;
    return 0;
}

static bool
is_among(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static int
options_check(const struct sshcert *cert)
{
    static const char *const critical[] = {"source-address", "force-command", "verify-required",
                                           NULL};
    static const char *const extensions[] = {"permit-pty",
                                             "permit-port-forwarding",
                                             "permit-user-rc",
                                             "permit-agent-forwarding",
                                             "permit-X11-forwarding",
                                             "no-touch-required",
                                             "project@sft",
                                             "team@sft",
                                             "request@sft",
                                             NULL};
    for (size_t i = 0; i < cert->critical_n; i++)
        if (!is_among(cert->critical[i].name, critical))
            return SFT_EOPTION;
    for (size_t i = 0; i < cert->extensions_n; i++)
        if (!is_among(cert->extensions[i].name, extensions))
            return SFT_EOPTION;
    return 0;
}

/* What the certificate says about itself; an extension that is missing says nothing. */
static int
extension_is(const struct sshcert *cert, const char *name, const char *value)
{
    for (size_t i = 0; i < cert->extensions_n; i++) {
        const struct sshcert_option *o = &cert->extensions[i];
        if (strcmp(o->name, name) == 0 &&
            (o->len != strlen(value) || memcmp(o->data, value, o->len) != 0))
            return SFT_EOPTION;
    }
    return 0;
}

static int
names_check(const struct sshcert *cert, const struct grant_want *want)
{
    size_t team_len = strlen(want->target->team);
    if (!name_is_key_id(cert->key_id) ||
        strncmp(cert->key_id + strlen("sft1:"), want->target->team, team_len) != 0 ||
        cert->key_id[strlen("sft1:") + team_len] != ':')
        return SFT_EKEYID;
    int err = extension_is(cert, "team@sft", want->target->team);
    if (!err)
        err = extension_is(cert, "project@sft", want->target->project);
    if (!err && want->request_id)
        err = extension_is(cert, "request@sft", want->request_id);
    return err;
}

int
grant_check(const struct sshcert *cert, const struct grant_want *want, char *userp)
{
    userp[0] = '\0';
    if (cert->type != SSHCERT_USER || cert->serial == 0)
        return SFT_EFORMAT;
    if (!sshkey_equal(&cert->key, want->key))
        return SFT_EKEYMISMATCH;
    if (!trust_has(want->trust, &cert->signer))
        return SFT_ESIGNATURE;
    int err = validity_check(cert, want->now);
    if (!err)
        err = options_check(cert);
    if (!err)
        err = names_check(cert, want);
    if (!err)
        err = principal_check(cert, want->target, userp);
    return err;
}

const char *
grant_refusal(int err)
{
    switch (err) {
    case SFT_EFORMAT:
        return "it is not a user certificate";
    case SFT_EKEYMISMATCH:
        return "it is for another key";
    case SFT_ESIGNATURE:
        return "it is not signed by the server's authority";
    case SFT_EVALIDITY:
        return "its validity is not sane (is this machine's clock right?)";
    case SFT_EOPTION:
        return "it has an option that was not expected";
    case SFT_EKEYID:
        return "it is of another team";
    case SFT_EPRINCIPAL:
        return "it is for another account";
    default:
        return sft_strerror(err);
    }
}

bool
grant_is_stale(const struct sshcert *cert, int64_t now)
{
    uint64_t left =
        now >= 0 && cert->valid_before > (uint64_t)now ? cert->valid_before - (uint64_t)now : 0;
    return left < 60 || left < (cert->valid_before - cert->valid_after) / 3;
}
