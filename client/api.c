/* SPDX-License-Identifier: PostgreSQL */
/*
 * api.c - one function for each endpoint that sft uses; the only file with paths.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "common/json.h"
#include "common/names.h"
#include "common/text.h"

#define TARGET_CAP 512
#define PAGES_MAX 100
#define PAGE_ROWS_MAX 1000
#define LIST_BYTES_MAX (16 * 1024 * 1024)

const struct call api_instance_call = {
    .method = "GET", .target = "/v1/instance", .purpose = "instance"};

static int
bad_answer(const struct platform *p, const char *what, struct failure *f)
{
    return fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the platform's answer has a bad \"%s\".",
                p->account->team, what);
}

static int
body_fail(const struct body *b, struct failure *f)
{
    return fail_err(f, body_err(b), "request");
}

/* A member that must be there and short enough; or may be null and is then empty. */
static int
text(struct json_object *doc, const char *name, bool may_miss, char *out, size_t cap)
{
    const char *s;
    out[0] = '\0';
    int err = json_str(doc, name, cap - 1, &s);
    if (err == SFT_ENOTFOUND && may_miss)
        return 0;
    if (!err)
        memcpy(out, s, strlen(s) + 1);
    return err;
}

int
api_instance(struct platform *p, struct json_object **docp, struct http_answer *out,
             struct failure *f)
{
    return platform_json(p, &api_instance_call, docp, out, f);
}

static int
client_read(const struct platform *p, struct json_object *doc, struct api_client *out,
            struct failure *f)
{
    memset(out, 0, sizeof *out);
    if (text(doc, "state", false, out->state, sizeof out->state) != 0 ||
        (strcmp(out->state, "ACTIVE") != 0 && strcmp(out->state, "PENDING") != 0))
        return bad_answer(p, "state", f);
    if (text(doc, "user_name", true, out->user_name, sizeof out->user_name) != 0)
        return bad_answer(p, "user_name", f);
    if (text(doc, "code", true, out->code, sizeof out->code) != 0)
        return bad_answer(p, "code", f);
    return 0;
}

static int
client_call(struct platform *p, const struct call *call, struct api_client *out, struct failure *f)
{
    struct json_object *doc;
    struct http_answer answer;
    int code = platform_json(p, call, &doc, &answer, f);
    if (code)
        return code;
    code = client_read(p, doc, out, f);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

int
api_client_create(struct platform *p, const struct body *b, struct api_client *out,
                  struct failure *f)
{
    char target[TARGET_CAP];
    if (body_err(b))
        return body_fail(b, f);
    (void)snprintf(target, sizeof target, "/v1/teams/%s/clients", p->account->team);
    const struct call call = {.method = "POST", .target = target, .body = b->text};
    return client_call(p, &call, out, f);
}

int
api_client_get(struct platform *p, struct api_client *out, struct failure *f)
{
    char target[TARGET_CAP];
    (void)snprintf(target, sizeof target, "/v1/teams/%s/clients/%s/enrollment", p->account->team,
                   p->account->client_id);
    const struct call call = {.method = "GET", .target = target};
    return client_call(p, &call, out, f);
}

/* A call whose answer says nothing but yes. */
static int
plain_call(struct platform *p, const struct call *call, struct failure *f)
{
    struct http_answer answer;
    int code = platform_call(p, call, &answer, f);
    if (!code)
        http_answer_free(&answer);
    return code;
}

int
api_client_delete(struct platform *p, struct failure *f)
{
    char target[TARGET_CAP];
    (void)snprintf(target, sizeof target, "/v1/teams/%s/clients/%s", p->account->team,
                   p->account->client_id);
    const struct call call = {.method = "DELETE", .target = target};
    return plain_call(p, &call, f);
}

static int
session_read(const struct platform *p, struct json_object *doc, struct api_session *out,
             struct failure *f)
{
    memset(out, 0, sizeof *out);
    if (text(doc, "id", false, out->id, sizeof out->id) != 0 || !text_is_uuid(out->id))
        return bad_answer(p, "id", f);
    if (text(doc, "user_name", false, out->user_name, sizeof out->user_name) != 0)
        return bad_answer(p, "user_name", f);
    if (json_time(doc, "expires_at", &out->expires_at) != 0)
        return bad_answer(p, "expires_at", f);
    return 0;
}

int
api_session_create(struct platform *p, const char *password, const char *new_password,
                   struct api_session *out, struct failure *f)
{
    char target[TARGET_CAP];
    struct json_object *doc;
    struct http_answer answer;
    static struct body b;
    body_open(&b);
    body_str(&b, "password", password);
    body_str(&b, "new_password", new_password);
    body_end(&b);
    (void)snprintf(target, sizeof target, "/v1/teams/%s/client_sessions", p->account->team);
    const struct call call = {.method = "POST", .target = target, .body = b.text};
    int code = body_err(&b) ? body_fail(&b, f) : platform_json(p, &call, &doc, &answer, f);
    body_wipe(&b);
    if (code)
        return code;
    code = session_read(p, doc, out, f);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

int
api_session_delete(struct platform *p, const char *id, struct failure *f)
{
    char target[TARGET_CAP];
    (void)snprintf(target, sizeof target, "/v1/teams/%s/client_sessions/%s", p->account->team, id);
    const struct call call = {.method = "DELETE", .target = target};
    return plain_call(p, &call, f);
}

/* The target of rel="next" in a Link header, when it stays on the same path; else empty. */
static void
next_page(const char *link, const char *path, char out[TARGET_CAP])
{
    out[0] = '\0';
    for (const char *at = link; at && (at = strchr(at, '<')); at++) {
        const char *end = strchr(at, '>');
        const char *found = end ? strstr(at, path) : NULL;
        size_t len = found && found < end ? (size_t)(end - found) : 0;
        const char *stop = end ? end + strcspn(end, ",") : NULL;
        const char *rel = end ? strstr(end, "rel=\"next\"") : NULL;
        if (rel && rel < stop && len > strlen(path) && len < TARGET_CAP &&
            found[strlen(path)] == '?') {
            memcpy(out, found, len);
            out[len] = '\0';
            return;
        }
    }
}

static int
page_read(struct platform *p, const char *path, char target[TARGET_CAP], struct json_object *all,
          struct failure *f)
{
    struct json_object *doc, *page;
    struct http_answer answer;
    const struct call call = {.method = "GET", .target = target, .max_answer = LIST_BYTES_MAX};
    int code = platform_json(p, &call, &doc, &answer, f);
    if (code)
        return code;
    if (json_arr(doc, "list", PAGE_ROWS_MAX, &page) != 0)
        code = bad_answer(p, "list", f);
    for (size_t i = 0; !code && i < json_object_array_length(page); i++) {
        struct json_object *row = json_object_array_get_idx(page, i);
        if (json_object_is_type(row, json_type_object))
            json_object_array_add(all, json_object_get(row));
        else
            code = bad_answer(p, "list", f);
    }
    next_page(answer.link, path, target);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

/* What an administrator may see is not what this user can reach: only the latter is asked for. */
static const char *
own_only(const char *what)
{
    return strcmp(what, "servers") == 0    ? "?credentialed=true"
           : strcmp(what, "projects") == 0 ? "?self=true"
                                           : "";
}

int
api_list(struct platform *p, const char *what, struct json_object **listp, struct failure *f)
{
    char path[TARGET_CAP], target[TARGET_CAP];
    *listp = NULL;
    struct json_object *all = json_object_new_array();
    int code = all ? 0 : fail_err(f, SFT_ENOMEM, what);
    (void)snprintf(path, sizeof path, "/v1/teams/%s/%s", p->account->team, what);
    (void)snprintf(target, sizeof target, "/v1/teams/%s/%s%s", p->account->team, what,
                   own_only(what));
    for (int pages = 0; !code && target[0] && pages < PAGES_MAX; pages++)
        code = page_read(p, path, target, all, f);
    if (code)
        json_object_put(all);
    else
        *listp = all;
    return code;
}

int
api_resolve(struct platform *p, const char *name, char **textp, struct failure *f)
{
    static struct body b;
    struct http_answer answer;
    *textp = NULL;
    body_open(&b);
    body_names(&b, "names", name);
    body_bool(&b, "include_user_access_methods", true);
    body_end(&b);
    if (body_err(&b))
        return body_fail(&b, f);
    const struct call call = {.method = "POST",
                              .target = "/v1/resolve",
                              .body = b.text,
                              .purpose = "resolve",
                              .is_bound = true,
                              .is_repeatable = true,
                              .subject = name};
    int code = platform_call(p, &call, &answer, f);
    if (code)
        return code;
    *textp = answer.body;
    answer.body = NULL;
    http_answer_free(&answer);
    return 0;
}

static int
credential_read(const struct platform *p, struct json_object *doc, struct api_credential *out,
                struct failure *f)
{
    if (text(doc, "certificate", false, out->certificate, sizeof out->certificate) != 0)
        return bad_answer(p, "certificate", f);
    if (text(doc, "server_user_name", false, out->server_user_name, sizeof out->server_user_name) !=
            0 ||
        !name_is_server_user(out->server_user_name))
        return bad_answer(p, "server_user_name", f);
    return 0;
}

int
api_credential_create(struct platform *p, const char *server_id, const char *public_key,
                      const char *subject, struct api_credential *out, struct failure *f)
{
    static struct body b;
    char target[TARGET_CAP];
    struct json_object *doc;
    struct http_answer answer;
    memset(out, 0, sizeof *out);
    body_open(&b);
    body_str(&b, "kind", "ssh_user");
    body_str(&b, "server", server_id);
    body_str(&b, "public_key", public_key);
    body_end(&b);
    if (body_err(&b))
        return body_fail(&b, f);
    (void)snprintf(target, sizeof target, "/v1/teams/%s/credentials", p->account->team);
    const struct call call = {.method = "POST",
                              .target = target,
                              .body = b.text,
                              .subject = subject,
                              .is_repeatable = true}; /* the same certificate comes again */
    int code = platform_json(p, &call, &doc, &answer, f);
    if (code)
        return code;
    memcpy(out->request_id, answer.request_id, sizeof out->request_id);
    code = credential_read(p, doc, out, f);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

int
api_trust(struct platform *p, const char *authority_id, const char *etag, struct http_answer *out,
          struct failure *f)
{
    char target[TARGET_CAP];
    (void)snprintf(target, sizeof target, "/v1/authorities/%s/trust", authority_id);
    const struct call call = {.method = "GET", .target = target, .purpose = "trust", .etag = etag};
    return platform_call(p, &call, out, f);
}
