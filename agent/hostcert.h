/* SPDX-License-Identifier: PostgreSQL */
/*
 * hostcert.h - judging host certificates before sshd is told to use them; pure.
 */
#ifndef SFTD_HOSTCERT_H
#define SFTD_HOSTCERT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct hostcert_want {
    const char *public_key; /* "type base64" of our host key */
    const char *server_id;  /* has to be among the principals */
    const char *signers;    /* trust text of the host authority; NULL: do not look */
    int64_t now;
};

/*
 * 0 when the certificate may be used now; *due then says whether a third of its life is over.
 * Otherwise the reason: SFT_EKEYMISMATCH, SFT_EPRINCIPAL, SFT_EVALIDITY, SFT_ESIGNATURE (not the
 * authority's) …
 */
SFT_CHECKED int hostcert_check(const char *certificate, const struct hostcert_want *want,
                               bool *due);

#endif
