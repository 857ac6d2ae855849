/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.c - any bytes as a revocation list. A list that was checked can be asked, and a question does
 * not fail then.
 */
#include <stdlib.h>

#include "common/krl.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char authority_text[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint64_t serials[] = {1, 2, 63, 64, 1000, INT64_MAX, UINT64_MAX};
    static struct sshkey authority;
    uint64_t version;
    bool revoked;
    if (authority.len == 0 &&
        sshkey_from_text(&authority, authority_text, sizeof(authority_text) - 1) != 0)
        abort();
    int err = krl_check(bytes, len, &version);
    for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
        int asked = krl_revokes(bytes, len, &authority, serials[i], &revoked);
        if (asked != err || (err != 0 && revoked))
            abort();
    }
    return 0;
}
