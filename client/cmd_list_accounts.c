/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_list_accounts.c - `sft list-accounts`: what this device is enrolled in.
 */
#include <string.h>

#include "accounts.h"
#include "cmd.h"
#include "selector.h"
#include "signin.h"

struct listing {
    struct json_object *list;
    char preferred[ACCOUNT_NAME_MAX + 1];
};

static void
add_text(struct json_object *row, const char *name, const char *value)
{
    json_object_object_add(row, name, value[0] ? json_object_new_string(value) : NULL);
}

static int
list_one(void *arg, const struct account *a)
{
    struct listing *listing = arg;
    struct json_object *row = json_object_new_object();
    if (!row)
        return SFT_EXIT_ERROR;
    add_text(row, "account", a->name);
    add_text(row, "team", a->team);
    add_text(row, "instance", a->url);
    add_text(row, "username", a->user_name);
    add_text(row, "id", a->client_id);
    add_text(row, "state", a->state);
    json_object_object_add(row, "default",
                           json_object_new_boolean(strcmp(a->name, listing->preferred) == 0));
    json_object_object_add(row, "signed_in", json_object_new_boolean(signin_is_live(a)));
    json_object_array_add(listing->list, row);
    return 0;
}

int
cmd_list_accounts(struct ctx *ctx)
{
    struct listing listing = {json_object_new_array(), ""};
    int code = accounts_default(&ctx->paths, listing.preferred, &ctx->failure);
    if (!code)
        code = accounts_each(&ctx->paths, list_one, &listing, &ctx->failure);
    if (!code)
        code = selector_only(&listing.list, ctx->args.value[OPT_SELECTOR], &ctx->failure);
    if (!code)
        code = show_list(&ctx->show, "account,id,username,default", listing.list, &ctx->failure);
    json_object_put(listing.list);
    return code;
}
