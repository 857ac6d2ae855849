/* SPDX-License-Identifier: PostgreSQL */
/*
 * ctx.c - what every command gets.
 */
#include <stdio.h>

#include "cmd.h"

int
ctx_self(struct ctx *ctx, char *out)
{
    char program[PATH_CAP];
    const char *config = ctx->args.value[OPT_CONFIG_FILE];
    int code = path_of_program(program, &ctx->failure);
    if (code)
        return code;
    if (!path_is_quotable(program) || (config && !path_is_quotable(config)))
        return fail(&ctx->failure, SFT_EXIT_ERROR,
                    "Use an absolute path without quotes, $, %, \\ and the like.",
                    "%s: ssh_config cannot name this path.", config ? config : program);
    (void)snprintf(out, SELF_MAX, "\"%s\"%s%s%s --account %s", program,
                   config ? " --config-file \"" : "", config ? config : "", config ? "\"" : "",
                   ctx->account.name);
    return 0;
}

void
ctx_free(struct ctx *ctx)
{
    platform_free(&ctx->platform);
    account_free(&ctx->account);
    settings_free(&ctx->settings);
}
