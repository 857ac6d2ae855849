/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_enroll.c - `sft enroll`: make this device known to a team, by an invitation.
 *
 * Everything is on disk before the invitation is used up, with an empty state, so that an
 * enrollment that was cut off can be finished by the same command: same id, same key, same answer.
 */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "accounts.h"
#include "cmd.h"
#include "common/text.h"
#include "common/token.h"
#include "device.h"
#include "instance.h"
#include "keystore.h"
#include "prompt.h"

#define TOKEN_TEXT_MAX 2048

static int
token_get(struct ctx *ctx, struct token *t)
{
    static char text[TOKEN_TEXT_MAX];
    const char *file = ctx->args.value[OPT_TOKEN_FILE];
    int code = file ? prompt_file(file, text, NULL, sizeof text, &ctx->failure)
                    : prompt_secret("Invitation: ", text, sizeof text, &ctx->failure);
    if (code)
        return code;
    int err = token_parse(t, text, strlen(text));
    mem_wipe(text, sizeof text);
    if (err)
        return fail(&ctx->failure, SFT_EXIT_ERROR, "Copy it whole, as one line.",
                    "That is not an invitation: %s.", sft_strerror(err));
    return 0;
}

static int
place(struct ctx *ctx, struct account *a, const struct token *t)
{
    a->client_id[0] = '\0';
    (void)snprintf(a->url, sizeof a->url, "%s", t->url);
    (void)snprintf(a->team, sizeof a->team, "%s", t->team);
    size_t len = strlen(a->url);
    if (len && a->url[len - 1] == '/')
        a->url[len - 1] = '\0';
    int code = account_place(a, &ctx->paths, &ctx->failure);
    /* What an enrollment that was killed had set aside. */
    return code ? code : account_put_back(a, &ctx->failure);
}

/* An enrollment that is there: an unfinished one goes on, a finished one only yields to --force. */
static int
old_account(struct ctx *ctx, struct account *a)
{
    struct account old;
    struct failure why;
    bool is_forced = ctx->args.value[OPT_FORCE] != NULL;
    int code = account_load(&old, &ctx->paths, a->name, &why);
    if (code == SFT_EXIT_NOT_FOUND)
        return account_remove(a, &ctx->failure); /* what is not even begun */
    bool is_finished = !code && old.state[0];
    if (!code && !is_finished && !is_forced)
        memcpy(a->client_id, old.client_id, sizeof a->client_id);
    if (!code)
        account_free(&old);
    if (is_forced)
        return account_set_aside(a, &ctx->failure);
    if (is_finished)
        return fail(&ctx->failure, SFT_EXIT_ERROR, "To replace that enrollment use --force.",
                    "%s: this device is enrolled already.", a->name);
    if (code)
        ctx->failure = why;
    return code;
}

static void
request_body(struct body *b, const struct account *a, const char *public_key, const char *mac,
             const struct token *t, const struct device *d)
{
    body_open(b);
    body_str(b, "id", a->client_id);
    body_str(b, "public_key", public_key);
    body_str(b, "hostname", d->hostname);
    body_str(b, "os", d->os);
    body_str(b, "description", d->description[0] ? d->description : NULL);
    if (d->disk != DEVICE_UNKNOWN)
        body_bool(b, "encrypted", d->disk == DEVICE_ENCRYPTED);
    body_begin(b, "invitation");
    body_str(b, "id", t->id);
    body_str(b, "mac", mac);
    body_end(b);
    body_end(b);
}

static int
enroll_call(struct ctx *ctx, struct account *a, const struct sshkey *pub, const struct token *t)
{
    static struct body b;
    struct platform p;
    struct device d;
    struct api_client client;
    char text[SSHKEY_TEXT_MAX], mac[45];
    int err = sshkey_to_text(pub, text, sizeof text);
    if (!err)
        err = token_mac(t, a->client_id, pub, mac);
    if (err)
        return fail_err(&ctx->failure, err, "invitation");
    device_describe(&d, ctx->paths.home);
    request_body(&b, a, text, mac, t, &d);
    platform_init(&p, a, true, &ctx->settings);
    int code = api_client_create(&p, &b, &client, &ctx->failure);
    body_wipe(&b);
    mem_wipe(mac, sizeof mac);
    platform_free(&p);
    if (code)
        return code;
    memcpy(a->state, client.state, sizeof a->state);
    memcpy(a->user_name, client.user_name, sizeof a->user_name);
    return account_save(a, &ctx->failure);
}

static int
enroll(struct ctx *ctx, struct account *a, const struct token *t)
{
    struct key *key = NULL;
    struct sshkey pub;
    int err = a->client_id[0] ? 0 : uuid_random(a->client_id);
    int code = err ? fail_err(&ctx->failure, err, "uuid")
                   : instance_pin(a, t, &ctx->settings, &ctx->failure);
    if (!code)
        code = key_store_make(a, &key, &ctx->failure);
    if (!code) {
        err = key_public(key, &pub);
        if (!err)
            err = sshkey_device_code(&pub, a->code);
        code = err ? fail_err(&ctx->failure, err, a->name) : account_save(a, &ctx->failure);
    }
    key_free(key);
    return code ? code : enroll_call(ctx, a, &pub, t);
}

static int
make_default(struct ctx *ctx, const struct account *a)
{
    char current[ACCOUNT_NAME_MAX + 1];
    int code = accounts_default(&ctx->paths, current, &ctx->failure);
    if (!code && (!current[0] || ctx->args.value[OPT_DEFAULT]))
        code = accounts_set_default(&ctx->paths, a->name, &ctx->failure);
    return code;
}

static void
say_result(const struct account *a)
{
    char user[200], instance[200];
    bool is_active = strcmp(a->state, "ACTIVE") == 0;
    show_clean(user, sizeof user, a->user_name);
    show_clean(instance, sizeof instance, a->instance);
    printf("Enrolled in team %s of %s (%s).\n", a->team, instance, a->url);
    printf("Device code: %s\n", a->code);
    if (is_active)
        printf("State: ACTIVE%s%s. Next: sft login\n", user[0] ? ", for " : "", user);
    else
        printf("State: PENDING. An administrator has to approve this device; compare the code.\n");
}

/* A clear no leaves nothing behind; no answer leaves what the next try goes on with. */
static void
clean_up(struct ctx *ctx, const struct account *a, int code)
{
    struct failure why;
    int failed = 0;
    if (code != SFT_EXIT_UNREACHABLE)
        failed = account_remove(a, &why);
    if (!failed && ctx->args.value[OPT_FORCE])
        failed = account_put_back(a, &why);
    if (failed)
        fprintf(stderr, "sft: %s\n", why.text);
}

int
cmd_enroll(struct ctx *ctx)
{
    static struct token t;
    static struct account a;
    int code = paths_make(&ctx->paths, &ctx->failure);
    if (!code)
        code = token_get(ctx, &t);
    if (!code)
        code = place(ctx, &a, &t);
    if (!code)
        code = old_account(ctx, &a);
    if (!code) {
        code = enroll(ctx, &a, &t);
        if (code)
            clean_up(ctx, &a, code);
    }
    token_wipe(&t);
    if (!code)
        code = account_drop_aside(&a, &ctx->failure);
    if (!code)
        code = make_default(ctx, &a);
    if (!code)
        say_result(&a);
    account_free(&a);
    return code;
}
