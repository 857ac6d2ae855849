/* SPDX-License-Identifier: PostgreSQL */
/*
 * state.c - reads and judges the desired state.
 *
 * The reader has a sticky error: after the first broken rule every further call is a no-op and
 * gives something harmless, so that the code reads as the list of the document's fields.
 */
#include "agent/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/krl.h"
#include "common/names.h"
#include "common/sshcert.h"
#include "common/text.h"

#define GECOS_MAX 200
#define PATH_TEXT_MAX 128

struct reader {
    struct state *state;
    const struct state_limits *limits;
    int err;
    char where[64]; /* "users[3]." */
    char *message;
    size_t cap;
};

static void __attribute__((format(printf, 4, 5)))
fail(struct reader *r, int err, const char *field, const char *fmt, ...)
{
    if (r->err)
        return;
    r->err = err;
    int n = snprintf(r->message, r->cap, "%s%s ", r->where, field);
    if (n < 0 || (size_t)n >= r->cap)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->message + n, r->cap - (size_t)n, fmt, args);
    va_end(args);
}

static const char *
text(struct reader *r, struct json_object *obj, const char *name, size_t max)
{
    const char *s = NULL;
    int err = r->err ? 0 : json_str(obj, name, max, &s);
    if (err)
        fail(r, err, name, "%s",
             err == SFT_ENOTFOUND ? "is missing" : "is not a text within its length");
    return s ? s : "";
}

static int64_t
number(struct reader *r, struct json_object *obj, const char *name, int64_t min, int64_t max)
{
    int64_t n = 0;
    int err = r->err ? 0 : json_int(obj, name, min, max, &n);
    if (err)
        fail(r, err, name, "%s",
             err == SFT_ENOTFOUND ? "is missing" : "is not a whole number within its bounds");
    return n;
}

static bool
flag(struct reader *r, struct json_object *obj, const char *name)
{
    bool b = false;
    int err = r->err ? 0 : json_flag(obj, name, &b);
    if (err)
        fail(r, err, name, "%s", "is not true or false");
    return b;
}

/* An array and its length; NULL and 0 after an error. */
static struct json_object *
list(struct reader *r, struct json_object *obj, const char *name, size_t max, size_t *np)
{
    struct json_object *arr = NULL;
    *np = 0;
    int err = r->err ? 0 : json_arr(obj, name, max, &arr);
    if (err)
        fail(r, err, name, "is not a list of at most %zu", max);
    if (arr)
        *np = json_object_array_length(arr);
    return arr;
}

static const char *
element(struct reader *r, struct json_object *arr, size_t i, const char *name)
{
    struct json_object *v = r->err ? NULL : json_object_array_get_idx(arr, i);
    const char *s = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
    if (s && strlen(s) == (size_t)json_object_get_string_len(v))
        return s;
    fail(r, SFT_EFORMAT, name, "%s", "has something that is not a text");
    return "";
}

static void *
array_new(struct reader *r, size_t n, size_t size)
{
    void *p = r->err || n == 0 ? NULL : calloc(n, size);
    if (!p && n > 0)
        fail(r, SFT_ENOMEM, "", "needs more memory than there is");
    return p;
}

static const char *
uuid(struct reader *r, struct json_object *obj, const char *name)
{
    const char *s = text(r, obj, name, UUID_TEXT_LEN);
    if (!r->err && !text_is_uuid(s))
        fail(r, SFT_ENAME, name, "%s", "is not a uuid");
    return s;
}

static const char *
account_name(struct reader *r, struct json_object *obj, const char *name)
{
    const char *s = text(r, obj, name, SERVER_USER_NAME_MAX);
    if (!r->err && !name_is_server_user(s))
        fail(r, SFT_ENAME, name, "%s", "is not an account name");
    return s;
}

static void
read_must(struct reader *r, struct json_object *doc)
{
    size_t n;
    struct json_object *arr = list(r, doc, "must", 32, &n);
    for (size_t i = 0; i < n && !r->err; i++)
        if (strcmp(element(r, arr, i, "must"), "v1") != 0)
            fail(r, SFT_EVERSION, "must", "%s", "has a word that this sftd does not know");
}

/*
 * A canary is signed by the key it stands beside and revoked by the list that comes with it: then
 * an empty, zeroed or foreign list shows.
 */
static void
check_canary(struct reader *r, const struct trust_key *k)
{
    static struct sshcert cert; /* 17 KiB; there is one reader */
    static uint8_t blob[SSHCERT_BLOB_MAX];
    bool revoked = false;
    if (r->err)
        return;
    int err = sshcert_from_text(&cert, blob, k->canary, strlen(k->canary));
    if (err)
        fail(r, err, "canary", "%s", sft_strerror(err));
    else if (cert.type != SSHCERT_USER || !sshkey_equal(&cert.signer, &k->key))
        fail(r, SFT_EKEYMISMATCH, "canary", "%s", "is not a user certificate of its key");
    else if ((err = krl_revokes(r->state->krl, r->state->krl_len, &k->key, cert.serial, &revoked)))
        fail(r, err, "canary", "%s", sft_strerror(err));
    else if (!revoked)
        fail(r, SFT_EFORMAT, "canary", "%s", "is not revoked by krl");
}

static void
read_key(struct reader *r, struct json_object *obj, struct trust_key *k)
{
    k->generation = number(r, obj, "generation", 1, INT32_MAX);
    const char *state = text(r, obj, "state", 16);
    const char *key = text(r, obj, "public_key", SSHKEY_TEXT_MAX);
    k->canary = text(r, obj, "canary", 2 * SSHCERT_BLOB_MAX);
    if (r->err)
        return;
    if (strcmp(state, "next") != 0 && strcmp(state, "active") != 0 &&
        strcmp(state, "retiring") != 0)
        fail(r, SFT_EFORMAT, "state", "%s", "is not next, active or retiring");
    int err = sshkey_from_text(&k->key, key, strlen(key));
    if (err)
        fail(r, err, "public_key", "%s", sft_strerror(err));
    check_canary(r, k);
}

static void
read_krl(struct reader *r, struct json_object *trust)
{
    struct state *s = r->state;
    const char *b64 = text(r, trust, "krl", B64_LEN(STATE_KRL_MAX));
    size_t len = strlen(b64);
    uint64_t version;
    s->krl = array_new(r, len / 4 * 3 + 1, 1);
    if (r->err)
        return;
    int err = b64_decode(s->krl, len / 4 * 3 + 1, &s->krl_len, b64, len);
    if (!err)
        err = krl_check(s->krl, s->krl_len, &version);
    if (err)
        fail(r, err, "krl", "%s", sft_strerror(err));
}

static void
read_trust(struct reader *r, struct json_object *doc)
{
    struct state *s = r->state;
    struct json_object *trust = NULL;
    if (!r->err && json_obj(doc, "trust", &trust) != 0)
        fail(r, SFT_EFORMAT, "trust", "%s", "is missing");
    snprintf(r->where, sizeof r->where, "trust.");
    s->authority_id = uuid(r, trust, "authority_id");
    s->trust_version = number(r, trust, "version", 0, INT64_MAX - 1);
    s->krl_version = number(r, trust, "krl_version", 0, INT64_MAX - 1);
    read_krl(r, trust);
    struct json_object *arr = list(r, trust, "keys", STATE_KEYS_MAX, &s->keys_n);
    if (!r->err && s->keys_n == 0)
        fail(r, SFT_EFORMAT, "keys", "%s", "is empty");
    for (size_t i = 0; i < s->keys_n && !r->err; i++) {
        snprintf(r->where, sizeof r->where, "trust.keys[%zu].", i);
        read_key(r, json_object_array_get_idx(arr, i), &s->keys[i]);
    }
    r->where[0] = '\0';
}

/* 61184 and up belong to systemd's transient users, 65534 is nobody, 65535 and -1 are no ids. */
static uid_t
read_uid(struct reader *r, struct json_object *obj)
{
    int64_t n = number(r, obj, "uid", 0, ID_MAX_LOCAL);
    if (!r->err && (n < r->limits->min_uid || (n >= 61184 && n <= 65535)))
        fail(r, SFT_ENAME, "uid", "%lld is outside the local limits", (long long)n);
    return (uid_t)n;
}

static gid_t
read_gid(struct reader *r, struct json_object *obj)
{
    int64_t n = number(r, obj, "gid", 0, ID_MAX_LOCAL);
    if (!r->err && (n < r->limits->min_uid || n == 65534 || n == 65535))
        fail(r, SFT_ENAME, "gid", "%lld is outside the local limits", (long long)n);
    return (gid_t)n;
}

/* What goes between the colons of /etc/passwd and says that the account is ours. */
static const char *
read_gecos(struct reader *r, struct json_object *obj)
{
    const char *s = text(r, obj, "gecos", GECOS_MAX);
    size_t team = strlen(r->state->team);
    if (r->err)
        return s;
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == ':')
            fail(r, SFT_ENAME, "gecos", "%s", "has a colon or a control character");
    if (strncmp(s, "sft ", 4) != 0 || strncmp(s + 4, r->state->team, team) != 0 ||
        s[4 + team] != '/')
        fail(r, SFT_ENAME, "gecos", "%s", "does not start with \"sft <team>/\"");
    return s;
}

static bool
is_plain_path(const char *s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";
    return s[0] == '/' && s[strspn(s, allowed)] == '\0' && !strstr(s, "//") && !strstr(s, "/.");
}

static const char *
read_shell(struct reader *r, struct json_object *obj)
{
    const char *s = text(r, obj, "shell", PATH_TEXT_MAX);
    if (!r->err && !is_plain_path(s))
        fail(r, SFT_ENAME, "shell", "%s", "is not a plain absolute path");
    return s;
}

static const char *
read_home(struct reader *r, struct json_object *obj)
{
    const char *s = text(r, obj, "home", PATH_TEXT_MAX), *root = r->limits->home_root;
    size_t len = strlen(root);
    if (r->err)
        return s;
    if (!is_plain_path(s) || strncmp(s, root, len) != 0 || s[len] != '/' || !s[len + 1] ||
        strchr(s + len + 1, '/'))
        fail(r, SFT_ENAME, "home", "is not a folder directly in %s", root);
    return s;
}

/* Only the two forms that mean this user on this server or in this project. */
static const char *
read_principal(struct reader *r, struct json_object *arr, size_t i, const char *name)
{
    const char *s = element(r, arr, i, "principals");
    size_t id = UUID_TEXT_LEN;
    if (r->err)
        return s;
    bool project_wide = strcmp(s, name) == 0;
    bool server_wide = strlen(s) > id && strncmp(s, r->state->server_id, id) == 0 && s[id] == ':' &&
                       strcmp(s + id + 1, name) == 0;
    if (!project_wide && !server_wide)
        fail(r, SFT_EPRINCIPAL, "principals", "%s", "has one that is not this user's here");
    return s;
}

static void
read_user(struct reader *r, struct json_object *obj, struct wanted_user *u)
{
    u->user_id = uuid(r, obj, "user_id");
    u->name = account_name(r, obj, "name");
    u->admin = flag(r, obj, "admin");
    if (r->state->manage_users) {
        u->uid = read_uid(r, obj);
        u->gid = read_gid(r, obj);
        u->gecos = read_gecos(r, obj);
        u->shell = read_shell(r, obj);
        u->home = read_home(r, obj);
    }
    struct json_object *arr = list(r, obj, "principals", STATE_PRINCIPALS_MAX, &u->principals_n);
    for (size_t i = 0; i < u->principals_n && !r->err; i++)
        u->principals[i] = read_principal(r, arr, i, u->name);
}

static int
user_cmp(const void *a, const void *b)
{
    return strcmp(((const struct wanted_user *)a)->name, ((const struct wanted_user *)b)->name);
}

static int
group_cmp(const void *a, const void *b)
{
    return strcmp(((const struct wanted_group *)a)->name, ((const struct wanted_group *)b)->name);
}

static int
uid_cmp(const void *a, const void *b)
{
    uid_t x = *(const uid_t *)a, y = *(const uid_t *)b;
    return x < y ? -1 : x > y;
}

static int
text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
check_ids_unique(struct reader *r, uid_t *ids, size_t n, const char *field)
{
    if (r->err)
        return;
    qsort(ids, n, sizeof *ids, uid_cmp);
    for (size_t i = 1; i < n; i++)
        if (ids[i] == ids[i - 1])
            fail(r, SFT_ENAME, field, "have %u twice", ids[i]);
}

static void
check_homes_unique(struct reader *r)
{
    struct state *s = r->state;
    const char **homes = array_new(r, s->users_n, sizeof *homes);
    for (size_t i = 0; i < s->users_n && !r->err; i++)
        homes[i] = s->users[i].home;
    if (!r->err && s->users_n > 0)
        qsort(homes, s->users_n, sizeof *homes, text_cmp);
    for (size_t i = 1; i < s->users_n && !r->err; i++)
        if (strcmp(homes[i], homes[i - 1]) == 0)
            fail(r, SFT_ENAME, "users", "%s", "share a home");
    free(homes);
}

/* A user's group is one of the document's, or the user's own by name; never another user's. */
static void
check_primary_groups(struct reader *r)
{
    struct state *s = r->state;
    uid_t *own = array_new(r, s->users_n, sizeof *own);
    size_t n = 0;
    for (size_t i = 0; i < s->users_n && !r->err; i++) {
        const struct wanted_user *u = &s->users[i];
        if (state_group_by_gid(s, u->gid))
            continue;
        if (state_group(s, u->name))
            fail(r, SFT_ENAME, "groups", "have one named as user %s with another gid", u->name);
        own[n++] = u->gid;
    }
    check_ids_unique(r, own, n, "groups of users");
    free(own);
}

static void
check_users(struct reader *r)
{
    struct state *s = r->state;
    uid_t *ids = array_new(r, s->users_n, sizeof *ids);
    for (size_t i = 0; i < s->users_n && !r->err; i++) {
        ids[i] = s->users[i].uid;
        if (i > 0 && strcmp(s->users[i].name, s->users[i - 1].name) == 0)
            fail(r, SFT_ENAME, "users", "have %s twice", s->users[i].name);
    }
    if (s->manage_users && ids) {
        check_ids_unique(r, ids, s->users_n, "users");
        check_homes_unique(r);
        check_primary_groups(r);
    }
    free(ids);
}

static void
read_users(struct reader *r, struct json_object *doc)
{
    struct state *s = r->state;
    struct json_object *arr = list(r, doc, "users", STATE_USERS_MAX, &s->users_n);
    s->users = array_new(r, s->users_n, sizeof *s->users);
    for (size_t i = 0; i < s->users_n && !r->err; i++) {
        snprintf(r->where, sizeof r->where, "users[%zu].", i);
        read_user(r, json_object_array_get_idx(arr, i), &s->users[i]);
    }
    r->where[0] = '\0';
    if (!r->err && s->users_n > 0)
        qsort(s->users, s->users_n, sizeof *s->users, user_cmp);
}

static void
read_group(struct reader *r, struct json_object *obj, struct wanted_group *g)
{
    g->name = account_name(r, obj, "name");
    g->gid = read_gid(r, obj);
    struct json_object *arr = list(r, obj, "members", STATE_USERS_MAX, &g->members_n);
    g->members = array_new(r, g->members_n, sizeof *g->members);
    for (size_t i = 0; i < g->members_n && !r->err; i++) {
        g->members[i] = element(r, arr, i, "members");
        if (!r->err && !state_user(r->state, g->members[i]))
            fail(r, SFT_ENAME, "members", "%s", "has one that is no user of this server");
    }
    if (!r->err && g->members_n > 0)
        qsort(g->members, g->members_n, sizeof *g->members, text_cmp);
    for (size_t i = 1; i < g->members_n && !r->err; i++)
        if (strcmp(g->members[i], g->members[i - 1]) == 0)
            fail(r, SFT_ENAME, "members", "has %s twice", g->members[i]);
}

static void
check_groups(struct reader *r)
{
    struct state *s = r->state;
    uid_t *ids = array_new(r, s->groups_n, sizeof *ids);
    for (size_t i = 0; i < s->groups_n && !r->err; i++) {
        ids[i] = s->groups[i].gid;
        if (i > 0 && strcmp(s->groups[i].name, s->groups[i - 1].name) == 0)
            fail(r, SFT_ENAME, "groups", "have %s twice", s->groups[i].name);
    }
    if (ids)
        check_ids_unique(r, ids, s->groups_n, "groups");
    free(ids);
}

static void
read_groups(struct reader *r, struct json_object *doc)
{
    struct state *s = r->state;
    struct json_object *arr = list(r, doc, "groups", STATE_GROUPS_MAX, &s->groups_n);
    s->groups = array_new(r, s->groups_n, sizeof *s->groups);
    for (size_t i = 0; i < s->groups_n && !r->err; i++) {
        snprintf(r->where, sizeof r->where, "groups[%zu].", i);
        read_group(r, json_object_array_get_idx(arr, i), &s->groups[i]);
    }
    r->where[0] = '\0';
    if (!r->err && s->groups_n > 0)
        qsort(s->groups, s->groups_n, sizeof *s->groups, group_cmp);
    check_groups(r);
}

static void
read_end_logins(struct reader *r, struct json_object *doc)
{
    struct state *s = r->state;
    struct json_object *arr = list(r, doc, "end_logins", STATE_USERS_MAX, &s->end_logins_n);
    s->end_logins = array_new(r, s->end_logins_n, sizeof *s->end_logins);
    for (size_t i = 0; i < s->end_logins_n && !r->err; i++) {
        s->end_logins[i] = element(r, arr, i, "end_logins");
        if (!r->err && !name_is_server_user(s->end_logins[i]))
            fail(r, SFT_ENAME, "end_logins", "%s", "has something that is not an account name");
    }
}

static void
read_head(struct reader *r, struct json_object *doc)
{
    struct state *s = r->state;
    s->version = number(r, doc, "version", 1, INT64_MAX - 1);
    s->server_id = uuid(r, doc, "server_id");
    if (!r->err && strcmp(s->server_id, r->limits->server_id) != 0)
        fail(r, SFT_ENAME, "server_id", "%s", "is another server's");
    s->team = text(r, doc, "team", 63);
    if (!r->err && !name_is_team(s->team))
        fail(r, SFT_ENAME, "team", "%s", "is not a team's name");
    s->project = text(r, doc, "project", NAME_MAX_LEN);
    if (!r->err && !name_is_object(s->project))
        fail(r, SFT_ENAME, "project", "%s", "is not a project's name");
    s->project_id = uuid(r, doc, "project_id");
    s->host_authority_id = uuid(r, doc, "host_authority_id");
    s->manage_users = flag(r, doc, "manage_users");
    s->removals_confirmed = number(r, doc, "removals_confirmed", 0, INT32_MAX);
}

int
state_read(struct state *state, const char *body, size_t len, const struct state_limits *limits,
           char *message, size_t cap)
{
    struct reader r = {.state = state, .limits = limits, .message = message, .cap = cap};
    memset(state, 0, sizeof *state);
    int err = json_read(body, len, &state->doc);
    if (err) {
        snprintf(message, cap, "the document is not proper JSON");
        return err;
    }
    read_must(&r, state->doc); /* first: the rest may mean something else to a newer reader */
    read_head(&r, state->doc);
    read_trust(&r, state->doc);
    read_users(&r, state->doc);
    read_groups(&r, state->doc);
    check_users(&r);
    read_end_logins(&r, state->doc);
    if (r.err)
        state_free(state);
    return r.err;
}

void
state_free(struct state *state)
{
    for (size_t i = 0; i < state->groups_n && state->groups; i++)
        free(state->groups[i].members);
    free(state->groups);
    free(state->users);
    free(state->end_logins);
    free(state->krl);
    json_object_put(state->doc);
    memset(state, 0, sizeof *state);
}

const struct wanted_user *
state_user(const struct state *state, const char *name)
{
    struct wanted_user wanted = {.name = name};
    return state->users_n == 0
               ? NULL
               : bsearch(&wanted, state->users, state->users_n, sizeof wanted, user_cmp);
}

const struct wanted_group *
state_group(const struct state *state, const char *name)
{
    struct wanted_group wanted = {.name = name};
    return state->groups_n == 0
               ? NULL
               : bsearch(&wanted, state->groups, state->groups_n, sizeof wanted, group_cmp);
}

const struct wanted_group *
state_group_by_gid(const struct state *state, gid_t gid)
{
    for (size_t i = 0; i < state->groups_n; i++)
        if (state->groups[i].gid == gid)
            return &state->groups[i];
    return NULL;
}
