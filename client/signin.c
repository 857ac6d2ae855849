/* SPDX-License-Identifier: PostgreSQL */
/*
 * signin.c - getting a session, bound to the device key: from a password at the terminal or a file.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "common/text.h"
#include "instance.h"
#include "prompt.h"
#include "roster.h"
#include "session_key.h"
#include "signin.h"

#define SECRET_MAX 1024

struct secrets {
    char current[SECRET_MAX], next[SECRET_MAX], again[SECRET_MAX];
    const char *file;
};

bool
signin_is_live(const struct account *a)
{
    return a->session_expires_at > (int64_t)time(NULL);
}

static int
current_get(struct ctx *ctx, struct secrets *s)
{
    char question[300];
    if (s->file)
        return prompt_file(s->file, s->current, s->next, SECRET_MAX, &ctx->failure);
    (void)snprintf(question, sizeof question, "Password of %s for team %s: ",
                   ctx->account.user_name[0] ? ctx->account.user_name : "the user",
                   ctx->account.team);
    return prompt_secret(question, s->current, SECRET_MAX, &ctx->failure);
}

static int
next_get(struct ctx *ctx, struct secrets *s)
{
    if (s->file && s->next[0])
        return 0;
    if (s->file)
        return fail(&ctx->failure, SFT_EXIT_LOGIN,
                    "Put it into the second line of the password file.",
                    "A new password has to be chosen.");
    fprintf(stderr, "A new password has to be chosen.\n");
    int code = prompt_secret("New password: ", s->next, SECRET_MAX, &ctx->failure);
    if (!code)
        code = prompt_secret("Again: ", s->again, SECRET_MAX, &ctx->failure);
    size_t len = strlen(s->next);
    if (!code && (strlen(s->again) != len || !mem_equal(s->next, s->again, len)))
        code = fail(&ctx->failure, SFT_EXIT_LOGIN, "Try again: sft login",
                    "The two new passwords differ.");
    return code;
}

static int
session_start(struct ctx *ctx, struct secrets *s, struct api_session *session)
{
    int code = current_get(ctx, s);
    if (code)
        return code;
    code = api_session_create(&ctx->platform, s->current, NULL, session, &ctx->failure);
    if (!code || strcmp(ctx->failure.error, "password_change_required") != 0)
        return code;
    code = next_get(ctx, s);
    return code ? code
                : api_session_create(&ctx->platform, s->current, s->next, session, &ctx->failure);
}

/* What is good to have at hand from now on; its failure does not undo the sign-in. */
static void
warm_up(struct ctx *ctx)
{
    struct failure ignored;
    struct json_object *servers;
    if (api_list(&ctx->platform, "servers", &servers, &ignored) != 0)
        return;
    if (roster_save(&ctx->account, servers, &ignored) != 0)
        roster_postpone(&ctx->account);
    json_object_put(servers);
}

int
signin(struct ctx *ctx, const char *file)
{
    static struct secrets secrets;
    struct api_session session;
    bool was_live = signin_is_live(&ctx->account);
    secrets.file = file;
    int code = instance_renew(&ctx->account, &ctx->settings, &ctx->failure);
    if (code)
        return code;
    ctx->platform.peer.tls_authority = ctx->account.tls_authority; /* as it is now */
    code = session_start(ctx, &secrets, &session);
    mem_wipe(&secrets, sizeof secrets);
    if (!code && !was_live)
        code = session_key_forget(&ctx->account, &ctx->failure); /* a new session, a new key */
    if (!code)
        code = account_session_save(&ctx->account, session.id, session.expires_at, &ctx->failure);
    if (!code && strcmp(ctx->account.user_name, session.user_name) != 0) {
        (void)snprintf(ctx->account.user_name, sizeof ctx->account.user_name, "%s",
                       session.user_name);
        code = account_save(&ctx->account, &ctx->failure);
    }
    if (!code)
        warm_up(ctx);
    return code;
}

int
signin_need(struct ctx *ctx)
{
    if (signin_is_live(&ctx->account))
        return 0;
    if (!ctx->args.value[OPT_QUIET] && prompt_is_possible())
        return signin(ctx, NULL);
    return fail(&ctx->failure, SFT_EXIT_LOGIN, "Sign in: sft login",
                "You are not signed in to team %s.", ctx->account.team);
}
