/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_known_hosts.c - `sft known-hosts ID`: whom to believe about a server, for KnownHostsCommand.
 *
 * ssh asks with the HostKeyAlias, which is the server's uuid; the answer is what `sft resolve`
 * wrote from the platform's statement. For any other name the answer is empty: ssh then refuses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "common/fsx.h"
#include "common/text.h"

#define FILE_MAX 65536

int
cmd_known_hosts(struct ctx *ctx)
{
    char dir[PATH_CAP], path[PATH_CAP], *text;
    const char *id = ctx->args.words[0];
    size_t len;
    if (!text_is_uuid(id))
        return 0;
    int code = path_join(dir, ctx->account.run, "known_hosts", &ctx->failure);
    if (!code)
        code = path_join(path, dir, id, &ctx->failure);
    if (code)
        return code;
    int err = fsx_read_secret(path, FILE_MAX, &text, &len);
    if (err == SFT_ENOTFOUND)
        return 0;
    if (err)
        return fail_err(&ctx->failure, err, path);
    (void)fwrite(text, 1, len, stdout);
    free(text);
    return 0;
}
