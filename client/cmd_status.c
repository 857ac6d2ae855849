/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_status.c - `sft status`: who you are, to whom, and for how long.
 */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "cmd.h"
#include "common/text.h"
#include "signin.h"

static void
add_text(struct json_object *row, const char *name, const char *value)
{
    json_object_object_add(row, name, value[0] ? json_object_new_string(value) : NULL);
}

/* A device that waits for approval asks whether it still has to. */
static int
state_renew(struct ctx *ctx)
{
    struct api_client client;
    struct account *a = &ctx->account;
    if (strcmp(a->state, "ACTIVE") == 0)
        return 0;
    int code = api_client_get(&ctx->platform, &client, &ctx->failure);
    if (code)
        return code;
    memcpy(a->state, client.state, sizeof a->state);
    memcpy(a->user_name, client.user_name, sizeof a->user_name);
    return account_save(a, &ctx->failure);
}

int
cmd_status(struct ctx *ctx)
{
    char when[21] = "";
    const struct account *a = &ctx->account;
    int code = state_renew(ctx);
    if (code)
        return code;
    struct json_object *row = json_object_new_object();
    if (!row)
        return fail_err(&ctx->failure, SFT_ENOMEM, a->name);
    if (signin_is_live(a))
        time_format(a->session_expires_at, when);
    add_text(row, "account", a->name);
    add_text(row, "instance", a->url);
    add_text(row, "team", a->team);
    add_text(row, "username", a->user_name);
    add_text(row, "client_id", a->client_id);
    add_text(row, "state", a->state);
    add_text(row, "code", a->code);
    json_object_object_add(row, "signed_in", json_object_new_boolean(signin_is_live(a)));
    add_text(row, "expires_at", when);
    code = show_object(&ctx->show, row, &ctx->failure);
    json_object_put(row);
    return code;
}
