/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_login.c - `sft login`: start or renew the session.
 */
#include <stdio.h>

#include "cmd.h"
#include "common/text.h"
#include "signin.h"

int
cmd_login(struct ctx *ctx)
{
    char when[21], user[200];
    int code = signin(ctx, ctx->args.value[OPT_PASSWORD_FILE]);
    if (code)
        return code;
    time_format(ctx->account.session_expires_at, when);
    show_clean(user, sizeof user, ctx->account.user_name);
    printf("Signed in to team %s as %s until %s.\n", ctx->account.team, user, when);
    return 0;
}
