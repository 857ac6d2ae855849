/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_list_projects.c - `sft list-projects`: the user's projects.
 */
#include "api.h"
#include "cmd.h"
#include "selector.h"

int
cmd_list_projects(struct ctx *ctx)
{
    struct json_object *list;
    int code = api_list(&ctx->platform, "projects", &list, &ctx->failure);
    if (!code)
        code = selector_only(&list, ctx->args.value[OPT_SELECTOR], &ctx->failure);
    if (!code)
        code = show_list(&ctx->show, "name,id", list, &ctx->failure);
    json_object_put(list);
    return code;
}
