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
#include "ssh_agent.h"

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

/* A key and certificate for this login alone, in an agent of our own. */
static int
agent_make(struct ctx *ctx, struct access *access, struct ssh_agent *agent)
{
    struct key *key = NULL;
    struct sshkey pub;
    int err = key_generate(KEY_ED25519, &key);
    if (!err)
        err = key_public(key, &pub);
    int code = err ? fail_err(&ctx->failure, err, "key")
                   : access_get_for(ctx, ctx->args.words[0], &pub, access);
    if (code) {
        key_free(key);
        return code;
    }
    code = ssh_agent_open(agent, ctx->paths.runtime, key, access->certificate, access->user,
                          &ctx->failure);
    if (!code)
        code = access_options(ctx, access, agent->path);
    if (code)
        ssh_agent_close(agent);
    return code;
}

int
cmd_ssh(struct ctx *ctx)
{
    static struct access access;
    static struct command_line line;
    static struct ssh_agent agent;
    int status = 0;
    if (ctx->args.value[OPT_VIA])
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL,
                    "--via is not supported yet: this sft does not go through bastions.");
    bool is_agent = ssh_agent_is_possible(ctx->paths.runtime);
    int code = is_agent ? agent_make(ctx, &access, &agent) : 0;
    /* Away or signed out: a live certificate on disk still opens the door. */
    bool has_hope = !is_agent || ctx->platform.last_was_away || code == SFT_EXIT_LOGIN;
    is_agent = is_agent && !code;
    if (!is_agent && has_hope)
        code = access_get(ctx, ctx->args.words[0], &access);
    if (code)
        return code;
    command_line_make(&line, ctx, &access);
    code =
        child_run(ctx->settings.ssh, line.argv, is_agent ? &agent : NULL, &status, &ctx->failure);
    if (is_agent)
        ssh_agent_close(&agent);
    return code ? code : status;
}
