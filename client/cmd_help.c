/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_help.c - `sft help`: made from the table in command.c.
 */
#include "cmd.h"

int
cmd_help(struct ctx *ctx)
{
    if (ctx->args.words_n == 0) {
        command_usage_all();
        return 0;
    }
    const struct command *command = command_find(ctx->args.words[0]);
    if (!command)
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL, "%s: unknown command.",
                    ctx->args.words[0]);
    command_usage(command);
    return 0;
}
