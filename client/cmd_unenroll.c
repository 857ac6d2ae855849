/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_unenroll.c - `sft unenroll`: remove this device from the platform, then from this disk.
 */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "accounts.h"
#include "cmd.h"
#include "common/fsx.h"
#include "prompt.h"
#include "tree.h"

static int
ask(struct ctx *ctx)
{
    bool yes = ctx->args.value[OPT_YES] != NULL;
    int code = 0;
    if (!yes && prompt_is_possible())
        code = prompt_yes("Remove this device from the platform? [y/N] ", &yes, &ctx->failure);
    else if (!yes)
        code =
            fail(&ctx->failure, SFT_EXIT_USAGE, NULL, "There is no terminal to ask at: say --yes.");
    if (!code && !yes)
        code = fail(&ctx->failure, SFT_EXIT_ERROR, NULL, "Nothing was removed.");
    return code;
}

/* --force forgets the account here even when the platform cannot be told. */
static int
unenroll_one(struct ctx *ctx, const struct account *a)
{
    struct platform p;
    platform_init(&p, a, true, &ctx->settings);
    int code = api_client_delete(&p, &ctx->failure);
    platform_free(&p);
    /* A device that the platform does not know is what was asked for. */
    if (code == SFT_EXIT_NOT_FOUND || code == SFT_EXIT_NOT_ENROLLED || ctx->args.value[OPT_FORCE])
        code = 0;
    if (!code)
        code = account_remove(a, &ctx->failure);
    if (!code)
        printf("Removed %s.\n", a->name);
    return code;
}

static int
count(void *arg, const struct account *a)
{
    (void)a;
    ++*(int *)arg;
    return 0;
}

/* With the last account go the names of servers and what else was kept for all. */
static int
clear_rest(struct ctx *ctx)
{
    static const char *const files[] = {"default", "warned"};
    char path[PATH_CAP];
    int left = 0, err = 0;
    int code = accounts_each(&ctx->paths, count, &left, &ctx->failure);
    if (!code)
        code = path_join(path, ctx->paths.state, "hosts", &ctx->failure);
    if (code || left > 0)
        return code;
    err = tree_remove(path);
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !err; i++) {
        code = path_join(path, ctx->paths.state, files[i], &ctx->failure);
        err = code ? 0 : fsx_remove(path);
    }
    return code ? code : err ? fail_err(&ctx->failure, err, path) : 0;
}

static int
unenroll_each(void *arg, const struct account *a)
{
    return unenroll_one(arg, a);
}

int
cmd_unenroll(struct ctx *ctx)
{
    const struct accounts_choice choice = {ctx->args.value[OPT_ACCOUNT], ctx->args.value[OPT_TEAM],
                                           ctx->args.value[OPT_INSTANCE]};
    int code = 0;
    if (!ctx->args.value[OPT_ALL])
        code = accounts_pick(&ctx->account, &ctx->paths, &choice, ctx->settings.account,
                             &ctx->failure);
    if (!code)
        code = ask(ctx);
    if (!code && ctx->args.value[OPT_ALL])
        code = accounts_each(&ctx->paths, unenroll_each, ctx, &ctx->failure);
    else if (!code)
        code = unenroll_one(ctx, &ctx->account);
    return code ? code : clear_rest(ctx);
}
