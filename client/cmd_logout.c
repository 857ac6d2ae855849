/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_logout.c - `sft logout`: end the session, and drop key and certificates here at once.
 */
#include <stdio.h>

#include "api.h"
#include "cmd.h"
#include "session_key.h"

int
cmd_logout(struct ctx *ctx)
{
    char id[sizeof ctx->account.session_id];
    (void)snprintf(id, sizeof id, "%s", ctx->account.session_id);
    /* This device first: it must not depend on an answer. */
    int code = session_key_forget(&ctx->account, &ctx->failure);
    if (code)
        return code;
    if (id[0])
        code = api_session_delete(&ctx->platform, id, &ctx->failure);
    /* A session that the platform does not know any more has ended too. */
    if (code && code != SFT_EXIT_NOT_FOUND && code != SFT_EXIT_LOGIN)
        return code;
    code = account_session_forget(&ctx->account, &ctx->failure);
    if (!code)
        printf("%s team %s.\n", id[0] ? "Signed out of" : "You were not signed in to",
               ctx->account.team);
    return code;
}
