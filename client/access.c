/* SPDX-License-Identifier: PostgreSQL */
/*
 * access.c - everything that a login to one server needs, made ready: the main job of sft.
 *
 * Many ssh may start at once: the session key is made under one lock, each server's certificate
 * under another, files are renamed into place. Nothing that the platform sent is on disk unchecked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "api.h"
#include "common/fsx.h"
#include "common/json.h"
#include "common/names.h"
#include "common/sshcert.h"
#include "grant.h"
#include "roster.h"
#include "session_key.h"
#include "signin.h"
#include "trust.h"

#define TARGET_LIFETIME_S 300
#define TRUST_LIFETIME_S 300
#define FOREVER_S INT64_MAX
#define ANSWER_MAX 262144

static int
name_check(struct ctx *ctx, const char *name)
{
    if (name_is_host(name))
        return 0;
    return fail(&ctx->failure, SFT_EXIT_NOT_FOUND, NULL, "%s: not a name that a server can have.",
                name);
}

int
access_is_ours(struct ctx *ctx, const char *name, bool *oursp)
{
    struct json_object *servers;
    *oursp = false;
    if (!name_is_host(name))
        return 0;
    enum roster_answer answer = roster_ask(&ctx->account, name, ctx->settings.names_s);
    if (answer == ROSTER_STALE && signin_is_live(&ctx->account)) {
        int code = api_list(&ctx->platform, "servers", &servers, &ctx->failure);
        if (code) {
            roster_postpone(&ctx->account);
            return code;
        }
        code = roster_save(&ctx->account, servers, &ctx->failure);
        json_object_put(servers);
        if (code)
            return code;
        answer = roster_ask(&ctx->account, name, FOREVER_S);
    }
    *oursp = answer == ROSTER_YES;
    return 0;
}

static int
target_parse(struct ctx *ctx, const char *text, size_t len, const char *name, struct target *out)
{
    struct json_object *doc;
    int err = json_read(text, len, &doc);
    if (err)
        return fail(&ctx->failure, SFT_EXIT_UNREACHABLE, NULL,
                    "%s: the platform's answer is not understood: %s.", name, sft_strerror(err));
    int code = target_read(out, doc, name, ctx->account.team, &ctx->failure);
    json_object_put(doc);
    return code;
}

/* A stored answer, verified when it came; false when there is none that young. */
static bool
target_load(struct ctx *ctx, const char *path, const char *name, int64_t max_age_s,
            struct target *out)
{
    struct stat st;
    struct failure kept = ctx->failure;
    char *text;
    size_t len;
    if (stat(path, &st) != 0)
        return false;
    int64_t age = (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec;
    if (age < 0 || age >= max_age_s || fsx_read_secret(path, ANSWER_MAX, &text, &len) != 0)
        return false;
    bool is_good = target_parse(ctx, text, len, name, out) == 0;
    free(text);
    ctx->failure = kept;
    return is_good;
}

static int
target_ask(struct ctx *ctx, const char *path, const char *name, struct target *out)
{
    char *text;
    int code = signin_need(ctx);
    if (!code)
        code = api_resolve(&ctx->platform, name, &text, &ctx->failure);
    if (code)
        return code;
    code = target_parse(ctx, text, strlen(text), name, out);
    int err = code ? fsx_remove(path) : fsx_write(path, text, strlen(text), 0600);
    free(text);
    return code ? code : err ? fail_err(&ctx->failure, err, path) : 0;
}

/* Where the answer about a name is kept. */
static int
target_path(struct ctx *ctx, const char *name, char path[PATH_CAP])
{
    char dir[PATH_CAP];
    int code = name_check(ctx, name);
    if (!code)
        code = path_join(dir, ctx->account.cache, "targets", &ctx->failure);
    if (!code)
        code = path_private(dir, &ctx->failure);
    return code ? code : path_join(path, dir, name, &ctx->failure);
}

int
access_target(struct ctx *ctx, const char *name, struct target *out)
{
    char path[PATH_CAP];
    int code = target_path(ctx, name, path);
    if (code || target_load(ctx, path, name, TARGET_LIFETIME_S, out))
        return code;
    code = target_ask(ctx, path, name, out);
    /* With the platform away a live certificate still opens the door. */
    if (code == SFT_EXIT_UNREACHABLE && ctx->platform.last_was_away &&
        target_load(ctx, path, name, FOREVER_S, out))
        code = 0;
    return code;
}

/* What one server's certificate is worked on with. */
struct work {
    struct ctx *ctx;
    struct access *access;
    struct session_key key;
    struct trust trust;
    const char *request_id;
    bool is_in_memory; /* the certificate is kept in access, not on disk */
};

/* Whether text is a certificate that may be used; fills user and end. 0 or an enum sft_err. */
static int
certificate_check(const struct work *w, const char *text, bool *stalep)
{
    static uint8_t blob[SSHCERT_BLOB_MAX];
    static struct sshcert cert;
    int64_t now = (int64_t)time(NULL) + w->ctx->platform.peer.clock_offset;
    const struct grant_want want = {&w->key.pub, &w->access->target, &w->trust, w->request_id, now};
    int err = sshcert_from_text(&cert, blob, text, strcspn(text, "\n"));
    if (!err)
        err = grant_check(&cert, &want, w->access->user);
    if (err)
        return err;
    w->access->valid_before = (int64_t)cert.valid_before;
    *stalep = grant_is_stale(&cert, now);
    return 0;
}

static bool
certificate_load(struct work *w)
{
    char *text;
    size_t len;
    bool is_stale = false;
    if (fsx_read_secret(w->access->certificate_path, CERTIFICATE_TEXT_MAX, &text, &len) != 0)
        return false;
    int err = certificate_check(w, text, &is_stale);
    free(text);
    w->access->is_cached = err == 0;
    return err == 0 && !is_stale;
}

/* The account may have another name since the server was looked up: then it is looked up anew. */
static int
target_renew(struct work *w)
{
    struct ctx *ctx = w->ctx;
    struct target fresh = {0};
    char path[PATH_CAP];
    int code = target_path(ctx, w->access->target.name, path);
    if (!code)
        code = target_ask(ctx, path, w->access->target.name, &fresh);
    if (!code && strcmp(fresh.id, w->access->target.id) == 0)
        w->access->target = fresh;
    return code;
}

/* The signer may be newer than the list of keys on disk: then the list is read anew, once. */
static int
certificate_accept(struct work *w, const char *text)
{
    bool is_stale;
    int err = certificate_check(w, text, &is_stale);
    if (err == SFT_ESIGNATURE) {
        int code = trust_get(&w->ctx->platform, w->access->target.user_authority, 0, &w->trust,
                             &w->ctx->failure);
        if (code)
            return code;
        err = certificate_check(w, text, &is_stale);
    }
    if (err == SFT_EPRINCIPAL) {
        int code = target_renew(w);
        if (code)
            return code;
        err = certificate_check(w, text, &is_stale);
    }
    if (err)
        return fail(&w->ctx->failure, SFT_EXIT_UNREACHABLE, "Tell an administrator.",
                    "%s: the certificate that came is refused: %s.", w->access->target.name,
                    grant_refusal(err));
    return 0;
}

static int
certificate_ask(struct work *w)
{
    static struct api_credential credential;
    struct ctx *ctx = w->ctx;
    char public_key[SSHKEY_TEXT_MAX];
    const struct target *t = &w->access->target;
    int err = sshkey_to_text(&w->key.pub, public_key, sizeof public_key);
    int code = err ? fail_err(&ctx->failure, err, "session key") : signin_need(ctx);
    if (!code)
        code = api_credential_create(&ctx->platform, t->id, public_key, t->name, &credential,
                                     &ctx->failure);
    if (code)
        return code;
    w->request_id = credential.request_id;
    code = certificate_accept(w, credential.certificate);
    if (code)
        return code;
    w->access->is_cached = false;
    size_t len = strcspn(credential.certificate, "\n");
    memcpy(credential.certificate + len, "\n", 2);
    if (w->is_in_memory) {
        memcpy(w->access->certificate, credential.certificate, len + 2);
        return 0;
    }
    err = fsx_write(w->access->certificate_path, credential.certificate, len + 1, 0600);
    return err ? fail_err(&ctx->failure, err, w->access->certificate_path) : 0;
}

/* A live certificate stays good while the platform cannot be asked for the next. */
static int
certificate_get(struct work *w)
{
    struct ctx *ctx = w->ctx;
    if (certificate_load(w))
        return 0;
    bool has_live = w->access->is_cached;
    struct access kept = *w->access;
    int code = certificate_ask(w);
    if (code && has_live &&
        ((code == SFT_EXIT_UNREACHABLE && ctx->platform.last_was_away) || code == SFT_EXIT_LOGIN)) {
        *w->access = kept;
        return 0;
    }
    return code;
}

static int
certificate_make(struct work *w)
{
    char dir[PATH_CAP], file[64], lock_path[PATH_CAP];
    struct failure *f = &w->ctx->failure;
    const char *id = w->access->target.id;
    int code = path_join(dir, w->ctx->account.run, "certs", f);
    if (!code)
        code = path_private(dir, f);
    (void)snprintf(file, sizeof file, "%s-cert.pub", id);
    if (!code)
        code = path_join(w->access->certificate_path, dir, file, f);
    (void)snprintf(file, sizeof file, "%s.lock", id);
    if (!code)
        code = path_join(lock_path, dir, file, f);
    if (code)
        return code;
    int lock = fsx_lock(lock_path, true);
    if (lock < 0)
        return fail_err(f, lock, lock_path);
    code = certificate_get(w);
    close(lock);
    return code;
}

/* "@cert-authority <uuid> <key>" for each key of the server's host authority. */
static int
known_hosts_write(struct ctx *ctx, const struct target *t)
{
    char dir[PATH_CAP], path[PATH_CAP], key[SSHKEY_TEXT_MAX];
    char text[TRUST_KEYS_MAX * (SSHKEY_TEXT_MAX / 4)];
    static struct trust trust;
    int n = 0;
    int code =
        trust_get(&ctx->platform, t->host_authority, TRUST_LIFETIME_S, &trust, &ctx->failure);
    if (!code)
        code = path_join(dir, ctx->account.run, "known_hosts", &ctx->failure);
    if (!code)
        code = path_private(dir, &ctx->failure);
    if (!code)
        code = path_join(path, dir, t->id, &ctx->failure);
    if (code)
        return code;
    text[0] = '\0';
    for (size_t i = 0; i < trust.keys_n && n < (int)sizeof text; i++) {
        int err = sshkey_to_text(&trust.keys[i], key, sizeof key);
        if (err)
            return fail_err(&ctx->failure, err, path);
        n += snprintf(text + n, sizeof text - (size_t)n, "@cert-authority %s %s\n", t->id, key);
    }
    if (n >= (int)sizeof text)
        return fail_err(&ctx->failure, SFT_ETOOLONG, path);
    return path_renew(path, text, &ctx->failure);
}

int
access_options(struct ctx *ctx, struct access *a, const char *agent_path)
{
    char self[SELF_MAX];
    int code = ctx_self(ctx, self);
    const struct sshopts_from from = {.address = a->target.address,
                                      .user = a->user,
                                      .alias = a->target.id,
                                      .port = a->target.port,
                                      .key_path = agent_path ? NULL : a->key_path,
                                      .certificate_path = agent_path ? NULL : a->certificate_path,
                                      .agent_path = agent_path,
                                      .self = self};
    return code ? code : sshopts_make(&a->options, &from, &ctx->failure);
}

static void
warn_about_runtime(const struct ctx *ctx)
{
    char path[PATH_CAP];
    struct failure ignored;
    if (!ctx->paths.runtime_is_state ||
        path_join(path, ctx->paths.state, "warned", &ignored) != 0 || access(path, F_OK) == 0)
        return;
    fprintf(stderr, "sft: XDG_RUNTIME_DIR is not usable; session keys are kept in %s.\n",
            ctx->paths.runtime);
    if (fsx_write(path, "runtime\n", 8, 0600) != 0)
        return; /* then the warning comes again */
}

int
access_get(struct ctx *ctx, const char *name, struct access *out)
{
    static struct work w;
    memset(out, 0, sizeof *out);
    memset(&w, 0, sizeof w);
    w.ctx = ctx;
    w.access = out;
    warn_about_runtime(ctx);
    int code = access_target(ctx, name, &out->target);
    if (!code)
        code = session_key_get(&w.key, &ctx->account, &ctx->failure);
    if (!code)
        code = trust_get(&ctx->platform, out->target.user_authority, TRUST_LIFETIME_S, &w.trust,
                         &ctx->failure);
    if (!code)
        code = certificate_make(&w);
    if (!code)
        code = known_hosts_write(ctx, &out->target);
    if (code)
        return code;
    memcpy(out->key_path, w.key.path, sizeof out->key_path);
    return access_options(ctx, out, NULL);
}

int
access_get_for(struct ctx *ctx, const char *name, const struct sshkey *key, struct access *out)
{
    static struct work w;
    memset(out, 0, sizeof *out);
    memset(&w, 0, sizeof w);
    w.ctx = ctx;
    w.access = out;
    w.key.pub = *key;
    w.is_in_memory = true;
    int code = access_target(ctx, name, &out->target);
    if (!code)
        code = trust_get(&ctx->platform, out->target.user_authority, TRUST_LIFETIME_S, &w.trust,
                         &ctx->failure);
    if (!code)
        code = certificate_ask(&w);
    return code ? code : known_hosts_write(ctx, &out->target);
}
