/* SPDX-License-Identifier: PostgreSQL */
/*
 * account.c - one enrolled device of one team on one instance, and what it has pinned.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "common/fsx.h"
#include "common/json.h"
#include "common/names.h"
#include "common/text.h"
#include "tree.h"

#define FILE_MAX 262144

bool
account_name_is_good(const char *s)
{
    size_t len = strlen(s);
    return len > 0 && len <= ACCOUNT_NAME_MAX && s[0] != '.' && s[0] != '-' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == len;
}

static int
folders(struct account *a, const struct paths *paths, struct failure *f)
{
    char base[PATH_CAP];
    int code = path_join(base, paths->state, "accounts", f);
    if (!code)
        code = path_join(a->dir, base, a->name, f);
    if (!code)
        code = path_join(a->run, paths->runtime, a->name, f);
    if (!code)
        code = path_join(a->cache, paths->cache, a->name, f);
    return code;
}

int
account_place(struct account *a, const struct paths *paths, struct failure *f)
{
    const char *host = strncmp(a->url, "https://", 8) == 0 ? a->url + 8 : a->url;
    int n = snprintf(a->name, sizeof a->name, "%s-%s", host, a->team);
    if (n < 0 || (size_t)n >= sizeof a->name)
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: the instance's address is too long.", host);
    for (char *c = a->name; *c; c++)
        *c = isalnum((unsigned char)*c) || *c == '.' || *c == '-' ? (char)tolower(*c) : '_';
    if (!account_name_is_good(a->name))
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: not an address that can name an account.", host);
    return folders(a, paths, f);
}

int
account_make(const struct account *a, struct failure *f)
{
    int code = path_private(a->dir, f);
    if (!code)
        code = path_private(a->run, f);
    return code ? code : path_private(a->cache, f);
}

static int
text_member(struct json_object *doc, const char *name, char *out, size_t cap, bool may_miss)
{
    const char *s;
    int err = json_str(doc, name, cap - 1, &s);
    if (err == SFT_ENOTFOUND && may_miss)
        return 0;
    if (!err)
        memcpy(out, s, strlen(s) + 1);
    return err;
}

static int
statement_keys_read(struct account *a, struct json_object *doc)
{
    struct json_object *list;
    int err = json_arr(doc, "statement_keys", STATEMENT_KEYS_MAX, &list);
    size_t n = err ? 0 : json_object_array_length(list);
    for (size_t i = 0; !err && i < n; i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        if (!json_object_is_type(v, json_type_string))
            return SFT_EFORMAT;
        err = sshkey_from_text(&a->statement_keys[i], json_object_get_string(v),
                               (size_t)json_object_get_string_len(v));
    }
    a->statement_keys_n = n;
    return err ? err : n ? 0 : SFT_EFORMAT;
}

static int
account_read(struct account *a, struct json_object *doc)
{
    const char *pem;
    int err = text_member(doc, "url", a->url, sizeof a->url, false);
    if (!err)
        err = text_member(doc, "authority", a->authority, sizeof a->authority, false);
    if (!err)
        err = text_member(doc, "instance", a->instance, sizeof a->instance, true);
    if (!err)
        err = text_member(doc, "team", a->team, sizeof a->team, false);
    if (!err)
        err = text_member(doc, "client_id", a->client_id, sizeof a->client_id, false);
    if (!err)
        err = text_member(doc, "user_name", a->user_name, sizeof a->user_name, true);
    if (!err)
        err = text_member(doc, "code", a->code, sizeof a->code, true);
    if (!err)
        err = text_member(doc, "state", a->state, sizeof a->state, true);
    if (!err)
        err = json_int(doc, "instance_version", 0, INT64_MAX - 1, &a->instance_version);
    if (!err)
        err = statement_keys_read(a, doc);
    if (!err)
        err = json_str(doc, "tls_authority", FILE_MAX, &pem);
    if (!err && !(a->tls_authority = strdup(pem)))
        err = SFT_ENOMEM;
    if (!err && (!name_is_team(a->team) || !text_is_uuid(a->client_id)))
        err = SFT_EFORMAT;
    return err;
}

static int
document_read(const char *path, struct json_object **docp)
{
    char *text;
    size_t len;
    *docp = NULL;
    int err = fsx_read_secret(path, FILE_MAX, &text, &len);
    if (err)
        return err;
    err = json_read(text, len, docp);
    free(text);
    return err;
}

/* A missing or unreadable session file means only that the user signs in again. */
static void
session_load(struct account *a, const char *path)
{
    struct json_object *doc;
    if (document_read(path, &doc) != 0)
        return;
    if (text_member(doc, "id", a->session_id, sizeof a->session_id, false) != 0 ||
        json_time(doc, "expires_at", &a->session_expires_at) != 0)
        a->session_expires_at = 0;
    json_object_put(doc);
}

int
account_load(struct account *a, const struct paths *paths, const char *name, struct failure *f)
{
    char path[PATH_CAP];
    struct json_object *doc = NULL;
    memset(a, 0, sizeof *a);
    if (!account_name_is_good(name))
        return fail(f, SFT_EXIT_NOT_FOUND, "See sft list-accounts.", "%s: no such account.", name);
    memcpy(a->name, name, strlen(name) + 1);
    int code = folders(a, paths, f);
    if (!code)
        code = path_join(path, a->dir, "account.json", f);
    if (code)
        return code;
    int err = document_read(path, &doc);
    if (err == SFT_ENOTFOUND)
        return fail(f, SFT_EXIT_NOT_FOUND, "See sft list-accounts.", "%s: no such account.", name);
    if (!err)
        err = account_read(a, doc);
    json_object_put(doc);
    if (err) {
        account_free(a);
        return fail_err(f, err, path);
    }
    code = path_join(path, a->dir, "session.json", f);
    if (!code)
        session_load(a, path);
    return code;
}

static int
document_write(const char *path, struct json_object *doc)
{
    const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
    return text ? fsx_write(path, text, strlen(text), 0600) : SFT_ENOMEM;
}

static void
add_text(struct json_object *doc, const char *name, const char *value)
{
    json_object_object_add(doc, name, json_object_new_string(value));
}

static int
add_statement_keys(struct json_object *doc, const struct account *a)
{
    char text[SSHKEY_TEXT_MAX];
    struct json_object *list = json_object_new_array();
    int err = list ? 0 : SFT_ENOMEM;
    for (size_t i = 0; !err && i < a->statement_keys_n; i++) {
        err = sshkey_to_text(&a->statement_keys[i], text, sizeof text);
        if (!err)
            json_object_array_add(list, json_object_new_string(text));
    }
    json_object_object_add(doc, "statement_keys", list);
    return err;
}

int
account_save(const struct account *a, struct failure *f)
{
    char path[PATH_CAP];
    int code = account_make(a, f);
    if (!code)
        code = path_join(path, a->dir, "account.json", f);
    if (code)
        return code;
    struct json_object *doc = json_object_new_object();
    if (!doc)
        return fail_err(f, SFT_ENOMEM, path);
    add_text(doc, "url", a->url);
    add_text(doc, "authority", a->authority);
    add_text(doc, "instance", a->instance);
    add_text(doc, "team", a->team);
    add_text(doc, "client_id", a->client_id);
    add_text(doc, "user_name", a->user_name);
    add_text(doc, "code", a->code);
    add_text(doc, "state", a->state);
    add_text(doc, "tls_authority", a->tls_authority);
    json_object_object_add(doc, "instance_version", json_object_new_int64(a->instance_version));
    int err = add_statement_keys(doc, a);
    if (!err)
        err = document_write(path, doc);
    json_object_put(doc);
    return err ? fail_err(f, err, path) : 0;
}

void
account_free(struct account *a)
{
    free(a->tls_authority);
    a->tls_authority = NULL;
}

int
account_remove(const struct account *a, struct failure *f)
{
    /* The state goes last: a half-removed account can be removed again. */
    const char *dirs[] = {a->run, a->cache, a->dir};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        int err = tree_remove(dirs[i]);
        if (err)
            return fail_err(f, err, dirs[i]);
    }
    return 0;
}

/* "accounts/.old-<name>": a dot first, so that it is no account meanwhile. */
static int
aside_path(const struct account *a, char *out, struct failure *f)
{
    size_t parent = strlen(a->dir) - strlen(a->name);
    int n = snprintf(out, PATH_CAP, "%.*s.old-%s", (int)parent, a->dir, a->name);
    return n > 0 && n < PATH_CAP ? 0 : fail_err(f, SFT_ETOOLONG, a->dir);
}

int
account_set_aside(const struct account *a, struct failure *f)
{
    char aside[PATH_CAP];
    int code = account_drop_aside(a, f);
    if (!code)
        code = aside_path(a, aside, f);
    if (!code && rename(a->dir, aside) != 0)
        code = fail_err(f, SFT_ESYSTEM, a->dir);
    return code;
}

int
account_put_back(const struct account *a, struct failure *f)
{
    char aside[PATH_CAP];
    int code = aside_path(a, aside, f);
    if (code || access(aside, F_OK) != 0)
        return code;
    code = account_remove(a, f);
    if (!code && rename(aside, a->dir) != 0)
        code = fail_err(f, SFT_ESYSTEM, aside);
    return code;
}

int
account_drop_aside(const struct account *a, struct failure *f)
{
    char aside[PATH_CAP];
    int code = aside_path(a, aside, f);
    int err = code ? 0 : tree_remove(aside);
    return code ? code : err ? fail_err(f, err, aside) : 0;
}

int
account_session_save(struct account *a, const char *id, int64_t expires_at, struct failure *f)
{
    char path[PATH_CAP], when[21];
    int code = path_join(path, a->dir, "session.json", f);
    if (code)
        return code;
    struct json_object *doc = json_object_new_object();
    if (!doc)
        return fail_err(f, SFT_ENOMEM, path);
    time_format(expires_at, when);
    add_text(doc, "id", id);
    add_text(doc, "expires_at", when);
    int err = document_write(path, doc);
    json_object_put(doc);
    if (err)
        return fail_err(f, err, path);
    (void)snprintf(a->session_id, sizeof a->session_id, "%s", id);
    a->session_expires_at = expires_at;
    return 0;
}

int
account_session_forget(struct account *a, struct failure *f)
{
    char path[PATH_CAP];
    int code = path_join(path, a->dir, "session.json", f);
    int err = code ? 0 : fsx_remove(path);
    a->session_id[0] = '\0';
    a->session_expires_at = 0;
    return code ? code : err ? fail_err(f, err, path) : 0;
}
