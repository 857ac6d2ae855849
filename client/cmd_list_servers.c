/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_list_servers.c - `sft list-servers`: the servers of the user's projects.
 */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "cmd.h"
#include "common/json.h"
#include "common/names.h"
#include "roster.h"
#include "selector.h"

static int
project_only(struct json_object **listp, const char *project, struct failure *f)
{
    struct selector s;
    char text[NAME_MAX_LEN + 20];
    if (!name_is_object(project))
        return fail(f, SFT_EXIT_USAGE, NULL, "--project %s: not a project's name.", project);
    (void)snprintf(text, sizeof text, "project_name=%s", project);
    int code = selector_read(&s, text, f);
    return code ? code : selector_apply(&s, listp, f);
}

int
cmd_list_servers(struct ctx *ctx)
{
    struct json_object *list;
    const char *project = ctx->args.value[OPT_PROJECT];
    int code = api_list(&ctx->platform, "servers", &list, &ctx->failure);
    if (code)
        return code;
    code = roster_save(&ctx->account, list, &ctx->failure);
    if (!code && project)
        code = project_only(&list, project, &ctx->failure);
    if (!code)
        code = selector_only(&list, ctx->args.value[OPT_SELECTOR], &ctx->failure);
    if (!code)
        code = show_list(&ctx->show, "hostname,os_type,project_name,access_address", list,
                         &ctx->failure);
    json_object_put(list);
    return code;
}
