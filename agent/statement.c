/* SPDX-License-Identifier: PostgreSQL */
/*
 * statement.c - the parent's own check of what the child brings from the platform.
 */
#include "agent/statement.h"

#include <string.h>

#include "common/httpsig.h"
#include "common/text.h"

int
statement_check(const struct identity *id, const struct msg *m, const char *purpose,
                const char *target, bool bound, int64_t *versionp)
{
    const struct msg_field *f = m->field;
    uint64_t version;
    int64_t created;
    struct httpsig_statement st = {
        .purpose = purpose,
        .status = (unsigned)f[STATEMENT_STATUS].number,
        .target = target,
        .request_signature = bound ? f[STATEMENT_REQUEST_SIGNATURE].p : NULL,
        .version = f[STATEMENT_VERSION].p,
        .body = f[STATEMENT_BODY].p,
        .body_len = f[STATEMENT_BODY].len,
        .content_digest = f[STATEMENT_DIGEST].p,
        .signature_input = f[STATEMENT_INPUT].p,
        .signature = f[STATEMENT_SIGNATURE].p,
    };
    *versionp = 0;
    int err = text_u64(st.version, INT64_MAX - 1, &version);
    if (err || f[STATEMENT_STATUS].number != 200)
        return SFT_EFORMAT;
    if (strcmp(f[STATEMENT_TARGET].p, target) != 0)
        return SFT_ESIGNATURE;
    err = SFT_ESIGNATURE;
    for (size_t i = 0; i < id->statement_keys_n && err; i++)
        err = httpsig_verify_statement(&id->statement_keys[i], &st, &created);
    if (!err)
        *versionp = (int64_t)version;
    return err;
}
