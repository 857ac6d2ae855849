/* SPDX-License-Identifier: PostgreSQL */
/*
 * hostcert.c - judging host certificates before sshd is told to use them.
 */
#include "agent/hostcert.h"

#include <string.h>

#include "common/sshcert.h"

static bool
is_signer(const char *trust, const struct sshkey *signer)
{
    struct sshkey key;
    while (*trust) {
        size_t len = strcspn(trust, "\n");
        if (sshkey_from_text(&key, trust, len) == 0 && sshkey_equal(&key, signer))
            return true;
        trust += len + (trust[len] == '\n');
    }
    return false;
}

static bool
has_principal(const struct sshcert *c, const char *name)
{
    for (size_t i = 0; i < c->principals_n; i++)
        if (strcmp(c->principals[i], name) == 0)
            return true;
    return false;
}

int
hostcert_check(const char *certificate, const struct hostcert_want *want, bool *due)
{
    static struct sshcert cert; /* too large for a stack; there is one thread */
    static uint8_t blob[SSHCERT_BLOB_MAX];
    struct sshkey own;
    size_t len = strcspn(certificate, "\n");
    *due = true;
    int err = sshkey_from_text(&own, want->public_key, strlen(want->public_key));
    if (!err)
        err = sshcert_from_text(&cert, blob, certificate, len);
    if (err)
        return err;
    uint64_t now = (uint64_t)want->now;
    if (cert.type != SSHCERT_HOST || !sshkey_equal(&cert.key, &own))
        return SFT_EKEYMISMATCH;
    if (!has_principal(&cert, want->server_id))
        return SFT_EPRINCIPAL;
    if (cert.critical_n != 0)
        return SFT_EOPTION;
    if (now < cert.valid_after || now >= cert.valid_before)
        return SFT_EVALIDITY;
    if (want->signers && !is_signer(want->signers, &cert.signer))
        return SFT_ESIGNATURE;
    *due = now - cert.valid_after >= (cert.valid_before - cert.valid_after) / 3;
    return 0;
}
