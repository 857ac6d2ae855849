/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_resolve.c - `sft resolve NAME`: find a server and make it ready for ssh.
 *
 * `Match exec` runs it before every ssh, scp, git and the like: a name that is not ours must be
 * told apart from a cached list, in silence and in a few milliseconds.
 */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "cmd.h"
#include "common/text.h"

static void
add_text(struct json_object *row, const char *name, const char *value)
{
    json_object_object_add(row, name, json_object_new_string(value));
}

static int
show_access(struct ctx *ctx, const struct access *a)
{
    char when[21];
    struct json_object *row = json_object_new_object();
    if (!row)
        return fail_err(&ctx->failure, SFT_ENOMEM, a->target.name);
    time_format(a->valid_before, when);
    add_text(row, "name", a->target.name);
    add_text(row, "id", a->target.id);
    add_text(row, "hostname", a->target.hostname);
    add_text(row, "project_name", a->target.project);
    add_text(row, "access_address", a->target.address);
    json_object_object_add(row, "ssh_port", json_object_new_int(a->target.port));
    add_text(row, "server_user_name", a->user);
    add_text(row, "certificate", a->certificate_path);
    add_text(row, "valid_before", when);
    int code = show_object(&ctx->show, row, &ctx->failure);
    json_object_put(row);
    return code;
}

int
cmd_resolve(struct ctx *ctx)
{
    static struct access access;
    const char *name = ctx->args.words[0];
    bool is_quiet = ctx->args.value[OPT_QUIET] != NULL, is_ours = true;
    int code = is_quiet ? access_is_ours(ctx, name, &is_ours) : 0;
    if (!code && !is_ours) {
        (void)fail(&ctx->failure, SFT_EXIT_NOT_FOUND, NULL, "%s", ""); /* said by the exit code */
        return SFT_EXIT_NOT_FOUND;
    }
    if (!code)
        code = access_get(ctx, name, &access);
    if (!code)
        code = sshopts_write(&access.options, &ctx->paths, name, &ctx->failure);
    if (!code && !is_quiet)
        code = show_access(ctx, &access);
    return code;
}
