/* SPDX-License-Identifier: PostgreSQL */
/*
 * grant.h - whether a certificate that the platform sent is the one that was asked for. Pure.
 */
#ifndef SFT_CLIENT_GRANT_H
#define SFT_CLIENT_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sshcert.h"
#include "target.h"
#include "trust.h"

#define GRANT_WIDTH_MAX_S 86400 /* the longest validity that policy can give */
#define GRANT_SLACK_S 120       /* clocks, and the minute that certificates start early */

struct grant_want {
    const struct sshkey *key;    /* our session key */
    const struct target *target; /* whose identities are allowed */
    const struct trust *trust;   /* of the target's user authority */
    const char *request_id;      /* the certificate must name it; NULL: any */
    int64_t now;
};

/*
 * 0 and the account on the server (out has 32 bytes), or SFT_EPRINCIPAL, SFT_EVALIDITY,
 * SFT_EOPTION, SFT_EKEYMISMATCH (not our key), SFT_ESIGNATURE (not that authority), SFT_EFORMAT
 * (not a user certificate, no serial), SFT_EKEYID.
 */
SFT_CHECKED int grant_check(const struct sshcert *cert, const struct grant_want *want, char *userp);
/* The sentence for what grant_check refused. */
const char *grant_refusal(int err);
/* Whether it is worth asking for a new one: less than a minute or a third of its life is left. */
bool grant_is_stale(const struct sshcert *cert, int64_t now);

#endif
