/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_ssh.c - `sft ssh NAME`: log in with OpenSSH; the exit code is ssh's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "child.h"
#include "cmd.h"

#define OPTION_CAP (SSHOPT_VALUE_MAX + 40)

struct command_line {
    char options[SSHOPTS_N][OPTION_CAP];
    char *argv[2 * SSHOPTS_N + 2 * REPEATS_MAX + 8];
    size_t n;
};

static void
add(struct command_line *line, const char *word)
{
    line->argv[line->n++] = (char *)(uintptr_t)word; /* exec does not write to it */
}

static void
command_line_make(struct command_line *line, const struct ctx *ctx, const struct access *a)
{
    const struct args *args = &ctx->args;
    line->n = 0;
    add(line, "ssh");
    for (size_t i = 0; i < a->options.n; i++) {
        (void)snprintf(line->options[i], OPTION_CAP, "%s=%s", a->options.rows[i].name,
                       a->options.rows[i].value);
        add(line, "-o");
        add(line, line->options[i]);
    }
    for (size_t i = 0; i < args->repeats_n; i++) {
        add(line, args->repeats[i].id == OPT_LOCAL_FORWARD ? "-L" : "-R");
        add(line, args->repeats[i].value);
    }
    add(line, "--");
    add(line, a->target.name);
    if (args->value[OPT_COMMAND])
        add(line, args->value[OPT_COMMAND]);
    line->argv[line->n] = NULL;
}

int
cmd_ssh(struct ctx *ctx)
{
    static struct access access;
    static struct command_line line;
    int status = 0;
    if (ctx->args.value[OPT_VIA])
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL,
                    "--via is not supported yet: this sft does not go through bastions.");
    int code = access_get(ctx, ctx->args.words[0], &access);
    if (code)
        return code;
    command_line_make(&line, ctx, &access);
    code = child_run(ctx->settings.ssh, line.argv, &status, &ctx->failure);
    return code ? code : status;
}
