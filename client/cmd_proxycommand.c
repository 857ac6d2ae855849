/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_proxycommand.c - `sft proxycommand NAME [PORT]`: standard input and output to a server's
 * sshd.
 */
#include "access.h"
#include "cmd.h"
#include "common/text.h"
#include "relay.h"

int
cmd_proxycommand(struct ctx *ctx)
{
    static struct target target;
    uint64_t port;
    int fd;
    if (ctx->args.value[OPT_VIA])
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL,
                    "--via is not supported yet: this sft does not go through bastions.");
    int code = access_target(ctx, ctx->args.words[0], &target);
    if (code)
        return code;
    port = (uint64_t)target.port;
    if (ctx->args.words_n > 1 && (text_u64(ctx->args.words[1], 65535, &port) != 0 || port == 0))
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL, "%s: not a port.", ctx->args.words[1]);
    code = relay_connect(target.address, (int)port, &fd, &ctx->failure);
    return code ? code : relay_run(fd, &ctx->failure);
}
