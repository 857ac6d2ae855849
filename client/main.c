/* SPDX-License-Identifier: PostgreSQL */
/*
 * main.c - sft: find the command, see to what it needs, run it, say how it ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "accounts.h"
#include "cmd.h"
#include "common/log.h"
#include "signin.h"

static int
prepare(struct ctx *ctx)
{
    const struct accounts_choice choice = {ctx->args.value[OPT_ACCOUNT], ctx->args.value[OPT_TEAM],
                                           ctx->args.value[OPT_INSTANCE]};
    ctx->show.columns = ctx->args.value[OPT_COLUMNS];
    int code = show_form_read(ctx->args.value[OPT_OUTPUT], &ctx->show.form, &ctx->failure);
    if (!code)
        code = paths_init(&ctx->paths, &ctx->failure);
    if (!code)
        code = settings_load(&ctx->settings, &ctx->paths, ctx->args.value[OPT_CONFIG_FILE],
                             &ctx->failure);
    if (!code && (ctx->command->needs & NEED_ACCOUNT))
        code = accounts_pick(&ctx->account, &ctx->paths, &choice, ctx->settings.account,
                             &ctx->failure);
    if (!code && (ctx->command->needs & NEED_ACCOUNT))
        code = paths_make(&ctx->paths, &ctx->failure);
    if (!code && (ctx->command->needs & NEED_ACCOUNT))
        code = account_make(&ctx->account, &ctx->failure);
    if (!code && (ctx->command->needs & NEED_ACCOUNT))
        platform_init(&ctx->platform, &ctx->account, true, &ctx->settings);
    if (!code && (ctx->command->needs & NEED_SESSION))
        code = signin_need(ctx);
    return code;
}

/* The platform ended it: from now on we know without asking. */
static void
forget_session(struct ctx *ctx)
{
    struct failure ignored;
    if (account_session_forget(&ctx->account, &ignored) != 0)
        log_debug("session", "error=%s", log_q(ignored.text));
}

static int
run(struct ctx *ctx, int argc, char **argv)
{
    int code = command_parse(argc, argv, &ctx->command, &ctx->args, &ctx->failure);
    if (code)
        return code;
    if (ctx->args.value[OPT_VERSION]) {
        puts("sft " SFT_VERSION " (wire " WIRE_VERSION ")");
        return 0;
    }
    if (ctx->args.value[OPT_HELP] && ctx->command) {
        command_usage(ctx->command);
        return 0;
    }
    if (!ctx->command) {
        command_usage_all();
        return ctx->args.value[OPT_HELP] ? 0 : SFT_EXIT_USAGE;
    }
    code = prepare(ctx);
    if (!code)
        code = ctx->command->run(ctx);
    if (code == SFT_EXIT_LOGIN && strcmp(ctx->failure.error, "session_required") == 0)
        forget_session(ctx);
    return code;
}

static void
say_failure(const struct ctx *ctx)
{
    const struct failure *f = &ctx->failure;
    /* `sft resolve -q` runs before every ssh, also of those who have not enrolled. */
    if (ctx->args.value[OPT_QUIET] && f->code == SFT_EXIT_NOT_ENROLLED)
        return;
    if (f->text[0])
        fprintf(stderr, "sft: %s%s%s\n", f->text, f->next[0] ? " " : "", f->next);
    if (f->code == SFT_EXIT_USAGE)
        fprintf(stderr, "See sft help%s%s.\n", ctx->command ? " " : "",
                ctx->command ? ctx->command->name : "");
}

int
main(int argc, char **argv)
{
    static struct ctx ctx;
    const char *debug = getenv("SFT_DEBUG");
#ifndef __SANITIZE_ADDRESS__
    (void)prctl(PR_SET_DUMPABLE, 0); /* keys and passwords pass through: no core file */
#endif
    log_open("sft", LOG_FORM_TEXT, debug && *debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
    int code = run(&ctx, argc, argv);
    if (code)
        say_failure(&ctx);
    if ((fflush(stdout) != 0 || ferror(stdout)) && !code) {
        fprintf(stderr, "sft: standard output: %s.\n", strerror(errno));
        code = SFT_EXIT_ERROR;
    }
    ctx_free(&ctx);
    return code;
}
