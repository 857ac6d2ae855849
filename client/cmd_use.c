/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_use.c - `sft use`: choose the default account by its team or name, or show it.
 */
#include <stdio.h>

#include "accounts.h"
#include "cmd.h"

static int
show_default(struct ctx *ctx)
{
    char name[ACCOUNT_NAME_MAX + 1];
    int code = accounts_default(&ctx->paths, name, &ctx->failure);
    if (!code && !name[0])
        return fail(&ctx->failure, SFT_EXIT_NOT_FOUND, "Choose one: sft use TEAM",
                    "There is no default account.");
    if (!code)
        puts(name);
    return code;
}

int
cmd_use(struct ctx *ctx)
{
    const struct args *args = &ctx->args;
    struct accounts_choice choice = {args->value[OPT_ACCOUNT], args->value[OPT_TEAM],
                                     args->value[OPT_INSTANCE]};
    if (args->words_n)
        choice.team = args->words[0];
    if (!choice.account && !choice.team && !choice.instance)
        return show_default(ctx);
    int code = accounts_pick(&ctx->account, &ctx->paths, &choice, NULL, &ctx->failure);
    if (!code)
        code = accounts_set_default(&ctx->paths, ctx->account.name, &ctx->failure);
    if (!code)
        printf("Default account: %s\n", ctx->account.name);
    return code;
}
