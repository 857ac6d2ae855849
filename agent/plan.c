/* SPDX-License-Identifier: PostgreSQL */
/*
 * plan.c - (desired, actual, limits) to steps. No I/O, no clock, no state of its own.
 *
 * Every user and group gets a standing first; the rest reads standings only.
 */
#include "agent/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/render.h"
#include "agent/reserved.h"

#define REMOVALS_FREE 3 /* so many removals never need a word */

enum standing {
    ABSENT = 1, /* to be made */
    OURS,
    REFUSED /* somebody else's, or not possible here; drift says why */
};

struct work {
    struct plan *plan;
    const struct state *desired;
    const struct actual *actual;
    const struct plan_limits *limits;
    struct drift *drift;
    enum standing *users, *groups; /* in the order of desired */
    int err;
};

static struct step *
emit(struct work *w, enum step_kind kind, const char *name)
{
    static struct step nowhere;
    struct plan *p = w->plan;
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 32;
        struct step *steps = realloc(p->steps, cap * sizeof *steps);
        if (!steps) {
            w->err = SFT_ENOMEM;
            return &nowhere;
        }
        p->steps = steps;
        p->cap = cap;
    }
    struct step *s = &p->steps[p->n++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->name = name ? strdup(name) : NULL;
    if (name && !s->name)
        w->err = SFT_ENOMEM;
    return s;
}

static void __attribute__((format(printf, 5, 6)))
differ(struct work *w, const char *kind, const char *name, const char *fix, const char *fmt, ...)
{
    char what[64], reason[256];
    va_list args;
    snprintf(what, sizeof what, "%s:%s", kind, name);
    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    drift_add(w->drift, what, reason, fix);
}

static bool
blob_is(const struct blob *b, const void *p, size_t len)
{
    return b->p && b->len == len && memcmp(b->p, p, len) == 0;
}

/* ---- standings ---- */

static enum standing
user_refused(struct work *w, const struct wanted_user *u, const char *reason, const char *fix)
{
    differ(w, "user", u->name, fix, "%s", reason);
    return REFUSED;
}

/* An account that is there is ours by the list, or (list lost) by the comment that only we write.
 */
static bool
is_ours(const struct work *w, const struct wanted_user *u, const struct account *a)
{
    return a->uid == u->uid && a->uid >= w->limits->min_uid &&
           (owned_has(w->actual->owned, OWNED_USER, a->name, a->uid) ||
            strcmp(a->gecos, u->gecos) == 0);
}

/* Why the user's own group cannot be had; NULL when it is there or can be made. */
static const char *
group_obstacle(const struct work *w, const struct wanted_user *u, const struct presence *p)
{
    const struct wanted_group *shared = state_group_by_gid(w->desired, u->gid);
    const char *name = shared ? shared->name : u->name;
    const struct local_group *by_name = actual_group(w->actual, name);
    const struct local_group *by_gid = actual_group_by_gid(w->actual, u->gid);
    if (by_name && by_name->gid == u->gid)
        return owned_has(w->actual->owned, OWNED_GROUP, name, u->gid)
                   ? NULL
                   : "its group exists and was not made by sftd";
    if (by_name)
        return "another group has the name of its group";
    if (by_gid || p->gid_elsewhere)
        return "another group has its gid";
    return NULL;
}

static enum standing
user_standing(struct work *w, const struct wanted_user *u, const struct presence *p)
{
    const struct account *a = actual_account(w->actual, u->name);
    const char *obstacle;
    if (a && !is_ours(w, u, a))
        return user_refused(w, u, "an account of this name exists that sftd did not make",
                            "rename one of the two, or remove the local account");
    if (a && a->gid != u->gid) /* files would stay behind with the old number: not ours to guess */
        differ(w, "user", u->name, "run usermod -g on the server, and chgrp its files",
               "its gid is %u, the platform says %u", (unsigned)a->gid, (unsigned)u->gid);
    if (a)
        return OURS;
    if (name_is_reserved(u->name))
        return user_refused(w, u, "its name belongs to the operating system",
                            "give the user another name on servers");
    if (p->name_elsewhere)
        return user_refused(w, u, "another user database has an account of this name",
                            "give the user another name on servers");
    if (actual_account_by_uid(w->actual, u->uid) || p->uid_elsewhere)
        return user_refused(w, u, "another account has its uid",
                            "give the user another uid, or remove the local account");
    if (!actual_has_shell(w->actual, u->shell))
        return user_refused(w, u, "its shell is not in /etc/shells", "install the shell");
    obstacle = group_obstacle(w, u, p);
    if (obstacle)
        return user_refused(w, u, obstacle, "remove or rename the local group");
    return ABSENT;
}

/* Without management, principals go to accounts that are there, never to the system's. */
static enum standing
unmanaged_standing(struct work *w, const struct wanted_user *u, const struct presence *p)
{
    const struct account *a = actual_account(w->actual, u->name);
    if (!a && !p->name_elsewhere)
        return user_refused(w, u, "there is no account of this name", "create the account");
    if ((a ? a->uid : p->elsewhere_uid) < w->limits->min_uid)
        return user_refused(w, u, "the account belongs to the system",
                            "give the user another name on servers");
    return OURS;
}

static enum standing
group_standing(struct work *w, const struct wanted_group *g)
{
    const struct local_group *by_name = actual_group(w->actual, g->name);
    if (by_name && by_name->gid == g->gid &&
        owned_has(w->actual->owned, OWNED_GROUP, g->name, g->gid))
        return OURS;
    bool has_name = by_name || name_is_reserved(g->name);
    if (!has_name && !actual_group_by_gid(w->actual, g->gid))
        return ABSENT;
    differ(w, "group", g->name, "rename the group, or the local one", "%s",
           by_name    ? "a group of this name exists that sftd did not make"
           : has_name ? "its name belongs to the operating system"
                      : "another group has its gid");
    return REFUSED;
}

static void
find_standings(struct work *w)
{
    const struct state *d = w->desired;
    for (size_t i = 0; i < d->users_n; i++)
        w->users[i] = d->manage_users
                          ? user_standing(w, &d->users[i], &w->actual->presence[i])
                          : unmanaged_standing(w, &d->users[i], &w->actual->presence[i]);
    for (size_t i = 0; i < d->groups_n; i++)
        w->groups[i] = d->manage_users ? group_standing(w, &d->groups[i]) : REFUSED;
}

/* ---- taking away ---- */

/* Whether this row of the list is an account that should not be here any more. */
static bool
is_leaving(const struct work *w, const struct owned_row *row)
{
    const struct account *a = actual_account(w->actual, row->name);
    const struct wanted_user *u = state_user(w->desired, row->name);
    return w->desired->manage_users && row->kind == OWNED_USER && a && a->uid == row->id &&
           a->uid >= w->limits->min_uid && !(u && u->uid == row->id);
}

/* An empty list of users may be a mistake, or somebody's wish: it needs an administrator's word. */
static void
check_removals(struct work *w)
{
    const struct owned *o = w->actual->owned;
    size_t leaving = 0, accounts = 0;
    for (size_t i = 0; i < o->n; i++) {
        accounts += o->rows[i].kind == OWNED_USER;
        leaving += is_leaving(w, &o->rows[i]);
    }
    if (leaving <= REMOVALS_FREE || (int64_t)leaving <= w->desired->removals_confirmed ||
        (int64_t)(leaving * 100) <= (int64_t)accounts * w->limits->max_removal_percent)
        return;
    w->plan->removals_held = true;
    differ(w, "removals", "held",
           "confirm the removals on the platform, or raise MaxRemovalPercent",
           "%zu of %zu accounts would be removed", leaving, accounts);
}

static bool
may_have_principals(const struct work *w, const char *name)
{
    const struct wanted_user *u = state_user(w->desired, name);
    if (u)
        return w->users[u - w->desired->users] == OURS && u->principals_n > 0;
    const struct account *a = w->plan->removals_held ? actual_account(w->actual, name) : NULL;
    return a && owned_has(w->actual->owned, OWNED_USER, name, a->uid);
}

static void
plan_principals_remove(struct work *w)
{
    for (size_t i = 0; i < w->actual->principals_n; i++)
        if (!may_have_principals(w, w->actual->principals[i]))
            emit(w, STEP_PRINCIPALS_REMOVE, w->actual->principals[i]);
}

static void
plan_sudoers(struct work *w)
{
    const struct state *d = w->desired;
    const struct wanted_user **admins = calloc(d->users_n + 1, sizeof *admins);
    struct blob text = {NULL, 0};
    size_t n = 0;
    for (size_t i = 0; i < d->users_n && admins; i++) {
        if (!d->users[i].admin || !d->manage_users || w->users[i] != OURS ||
            d->users[i].principals_n == 0)
            continue;
        if (w->limits->allow_sudo)
            admins[n++] = &d->users[i];
        else
            differ(w, "sudo", d->users[i].name, "set AllowSudo: true in sftd.yaml",
                   "sudo is not allowed on this server");
    }
    if (!admins || render_sudoers(&text, admins, n) != 0)
        w->err = SFT_ENOMEM;
    else if (!text.p && w->actual->sudoers.p)
        emit(w, STEP_SUDOERS_REMOVE, NULL);
    else if (text.p && !blob_is(&w->actual->sudoers, text.p, text.len))
        emit(w, STEP_SUDOERS_WRITE, NULL)->text = text, text.p = NULL;
    free(text.p);
    free(admins);
    for (size_t i = 0; i < w->actual->old_sudoers_n; i++)
        emit(w, STEP_SUDOERS_REMOVE, w->actual->old_sudoers[i]);
}

static void
plan_removals(struct work *w)
{
    const struct owned *o = w->actual->owned;
    for (size_t i = 0; i < o->n && !w->plan->removals_held; i++) {
        const struct owned_row *row = &o->rows[i];
        if (!is_leaving(w, row))
            continue;
        emit(w, STEP_LOGINS_END, row->name)->id = row->id;
        emit(w, STEP_ACCOUNT_LOCK, row->name)->id = row->id;
        emit(w, STEP_ACCOUNT_DELETE, row->name)->id = row->id;
    }
}

static bool
is_primary(const struct work *w, gid_t gid)
{
    for (size_t i = 0; i < w->desired->users_n; i++)
        if (w->desired->users[i].gid == gid)
            return true;
    for (size_t i = 0; i < w->actual->accounts_n; i++)
        if (w->actual->accounts[i].gid == gid)
            return true;
    return false;
}

static void
plan_group_removals(struct work *w)
{
    const struct owned *o = w->actual->owned;
    for (size_t i = 0; i < o->n && w->desired->manage_users; i++) {
        const struct owned_row *row = &o->rows[i];
        const struct local_group *g =
            row->kind == OWNED_GROUP ? actual_group(w->actual, row->name) : NULL;
        const struct wanted_group *wanted = state_group(w->desired, row->name);
        if (!g || g->gid != row->id || g->gid < w->limits->min_uid)
            continue;
        if ((wanted && wanted->gid == g->gid) || is_primary(w, g->gid))
            continue;
        emit(w, STEP_GROUP_DELETE, row->name)->id = row->id;
    }
}

/* Things on the list that are gone (userdel takes the user's group along) and that nobody wants. */
static void
plan_forget(struct work *w)
{
    const struct owned *o = w->actual->owned;
    for (size_t i = 0; i < o->n; i++) {
        const struct owned_row *row = &o->rows[i];
        bool is_user = row->kind == OWNED_USER, wanted = state_user(w->desired, row->name) != NULL;
        if (is_user ? actual_account(w->actual, row->name) != NULL
                    : actual_group(w->actual, row->name) != NULL)
            continue;
        if (!wanted && !(!is_user && state_group(w->desired, row->name)))
            emit(w, STEP_FORGET, row->name)->id = row->kind;
    }
}

static void
plan_end_logins(struct work *w)
{
    const struct state *d = w->desired;
    if (d->end_logins_n == 0 || w->actual->logins_ended >= d->version)
        return;
    for (size_t i = 0; i < d->end_logins_n; i++) {
        const struct wanted_user *u = state_user(d, d->end_logins[i]);
        if (u && d->manage_users && w->users[u - d->users] == OURS)
            emit(w, STEP_LOGINS_END, u->name)->id = u->uid;
    }
    emit(w, STEP_LOGINS_ENDED, NULL);
}

/* ---- trust ---- */

static void
plan_trust(struct work *w)
{
    const struct state *d = w->desired;
    struct blob text;
    if (!blob_is(&w->actual->krl, d->krl, d->krl_len)) {
        struct blob *krl = &emit(w, STEP_KRL_WRITE, NULL)->text;
        krl->p = malloc(d->krl_len);
        if (!krl->p) {
            w->err = SFT_ENOMEM;
            return;
        }
        memcpy(krl->p, d->krl, d->krl_len);
        krl->len = d->krl_len;
    }
    if (render_trust(&text, d) != 0)
        w->err = SFT_ENOMEM;
    else if (blob_is(&w->actual->trust, text.p, text.len))
        free(text.p);
    else
        emit(w, STEP_TRUST_WRITE, NULL)->text = text;
}

/* The drop-in waits a pass for host certificates, so that sshd is reloaded once, not twice. */
static void
plan_sshd(struct work *w)
{
    const struct actual *a = w->actual;
    struct blob text;
    bool waits = false;
    if (!a->sshd_present) {
        differ(w, "sshd", "missing", "install openssh-server", "there is no sshd on this server");
        return;
    }
    for (size_t i = 0; i < a->host_keys_n && !a->host_certs_tried; i++) {
        if (a->host_keys[i].cert_good)
            continue;
        emit(w, STEP_HOST_CERT, a->host_keys[i].path)->id = (unsigned)i;
        waits = true;
    }
    if (waits)
        return;
    if (render_dropin(&text, w->limits, a) != 0)
        w->err = SFT_ENOMEM;
    else if (a->sshd_loaded && blob_is(&a->dropin, text.p, text.len))
        free(text.p);
    else
        emit(w, STEP_SSHD_CONFIG, NULL)->text = text;
}

/* ---- giving ---- */

static void
plan_groups_create(struct work *w)
{
    const struct state *d = w->desired;
    for (size_t i = 0; i < d->groups_n; i++)
        if (w->groups[i] == ABSENT)
            emit(w, STEP_GROUP_CREATE, d->groups[i].name)->id = d->groups[i].gid;
    for (size_t i = 0; i < d->users_n && d->manage_users; i++) {
        const struct wanted_user *u = &d->users[i];
        if (w->users[i] == ABSENT && !state_group_by_gid(d, u->gid) &&
            !actual_group(w->actual, u->name))
            emit(w, STEP_GROUP_CREATE, u->name)->id = u->gid;
    }
}

/*
 * A user without principals is suspended (disabled, locked) and keeps the account: nobody may log
 * in with it by any way, and who is in it goes. The lock is put on last and so says that all of it
 * is done.
 */
static void
plan_suspension(struct work *w, const struct wanted_user *u)
{
    const struct account *a = actual_account(w->actual, u->name);
    if (a->expired)
        return;
    emit(w, STEP_LOGINS_END, u->name)->id = u->uid;
    emit(w, STEP_ACCOUNT_LOCK, u->name)->id = u->uid;
}

static void
plan_suspensions(struct work *w)
{
    const struct state *d = w->desired;
    for (size_t i = 0; i < d->users_n && d->manage_users; i++)
        if (w->users[i] == OURS && d->users[i].principals_n == 0)
            plan_suspension(w, &d->users[i]);
}

static bool
needs_change(struct work *w, const struct wanted_user *u)
{
    const struct account *a = actual_account(w->actual, u->name);
    if (u->principals_n == 0)
        return false;
    bool shell_differs = strcmp(a->shell, u->shell) != 0;
    if (shell_differs && !actual_has_shell(w->actual, u->shell)) {
        differ(w, "user", u->name, "install the shell", "its shell is not in /etc/shells");
        return false;
    }
    return shell_differs || a->expired ||
           !owned_has(w->actual->owned, OWNED_USER, a->name, a->uid) ||
           strcmp(a->gecos, u->gecos) != 0 || strcmp(a->home, u->home) != 0;
}

static void
plan_accounts(struct work *w)
{
    const struct state *d = w->desired;
    for (size_t i = 0; i < d->users_n && d->manage_users; i++) {
        const struct wanted_user *u = &d->users[i];
        if (w->users[i] == ABSENT)
            emit(w, STEP_ACCOUNT_CREATE, u->name)->user = u;
        else if (w->users[i] == OURS && needs_change(w, u))
            emit(w, STEP_ACCOUNT_CHANGE, u->name)->user = u;
        if (w->users[i] == OURS && w->actual->presence[i].home == HOME_MISSING)
            emit(w, STEP_HOME_CREATE, u->name)->user = u;
        else if (w->users[i] == OURS && w->actual->presence[i].home == HOME_FOREIGN)
            differ(w, "user", u->name, "move the folder away, or give it to the user",
                   "%s is not a folder of the user's", u->home);
    }
}

static bool
is_member(const struct work *w, const char *name)
{
    const struct wanted_user *u = state_user(w->desired, name);
    return u && w->users[u - w->desired->users] == OURS;
}

/* The members that may be: users who are not (yet) ours are left out. */
static size_t
members_of(struct work *w, const struct wanted_group *g, const char ***out)
{
    size_t n = 0;
    *out = calloc(g->members_n + 1, sizeof **out);
    if (!*out)
        w->err = SFT_ENOMEM;
    for (size_t i = 0; i < g->members_n && *out; i++)
        if (is_member(w, g->members[i]))
            (*out)[n++] = g->members[i];
    return n;
}

static bool
members_differ(const struct local_group *local, const char *const *members, size_t n)
{
    if (local->members_n != n)
        return true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(local->members[i], members[i]) != 0)
            return true;
    return false;
}

static void
plan_members(struct work *w)
{
    const struct state *d = w->desired;
    for (size_t i = 0; i < d->groups_n; i++) {
        const char **members;
        const struct wanted_group *g = &d->groups[i];
        if (w->groups[i] != OURS)
            continue;
        size_t n = members_of(w, g, &members);
        if (!members || !members_differ(actual_group(w->actual, g->name), members, n)) {
            free(members);
            continue;
        }
        struct step *s = emit(w, STEP_GROUP_MEMBERS, g->name);
        s->members = members;
        s->members_n = n;
    }
}

static void
plan_principals_write(struct work *w)
{
    const struct state *d = w->desired;
    struct blob text;
    for (size_t i = 0; i < d->users_n; i++) {
        if (w->users[i] != OURS || d->users[i].principals_n == 0)
            continue;
        if (render_principals(&text, &d->users[i]) != 0)
            w->err = SFT_ENOMEM;
        else if (blob_is(&w->actual->principals_text[i], text.p, text.len))
            free(text.p);
        else
            emit(w, STEP_PRINCIPALS_WRITE, d->users[i].name)->text = text;
    }
}

int
plan(struct plan *p, const struct state *desired, const struct actual *actual,
     const struct plan_limits *limits, struct drift *drift)
{
    struct work w = {p, desired, actual, limits, drift, NULL, NULL, 0};
    memset(p, 0, sizeof *p);
    w.users = calloc(desired->users_n + 1, sizeof *w.users);
    w.groups = calloc(desired->groups_n + 1, sizeof *w.groups);
    if (!w.users || !w.groups) {
        w.err = SFT_ENOMEM;
    } else {
        find_standings(&w);
        check_removals(&w);
        plan_principals_remove(&w);
        plan_sudoers(&w);
        plan_removals(&w);
        plan_suspensions(&w);
        plan_group_removals(&w);
        plan_trust(&w);
        plan_groups_create(&w);
        plan_accounts(&w);
        plan_members(&w);
        plan_principals_write(&w);
        plan_sshd(&w);
        plan_forget(&w);
        plan_end_logins(&w);
    }
    free(w.users);
    free(w.groups);
    if (w.err)
        plan_free(p);
    return w.err;
}

void
plan_free(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->steps[i].name);
        free(p->steps[i].text.p);
        free(p->steps[i].members);
    }
    free(p->steps);
    memset(p, 0, sizeof *p);
}

const char *
step_name(enum step_kind kind)
{
    static const char *const names[STEP_KINDS] = {
        [STEP_PRINCIPALS_REMOVE] = "remove principals",
        [STEP_SUDOERS_REMOVE] = "remove sudoers",
        [STEP_SUDOERS_WRITE] = "write sudoers",
        [STEP_LOGINS_END] = "end logins",
        [STEP_ACCOUNT_LOCK] = "lock account",
        [STEP_ACCOUNT_DELETE] = "delete account",
        [STEP_GROUP_DELETE] = "delete group",
        [STEP_KRL_WRITE] = "write revocation list",
        [STEP_TRUST_WRITE] = "write trusted keys",
        [STEP_GROUP_CREATE] = "create group",
        [STEP_ACCOUNT_CREATE] = "create account",
        [STEP_ACCOUNT_CHANGE] = "change account",
        [STEP_HOME_CREATE] = "create home",
        [STEP_GROUP_MEMBERS] = "set group members",
        [STEP_PRINCIPALS_WRITE] = "write principals",
        [STEP_HOST_CERT] = "get host certificate",
        [STEP_SSHD_CONFIG] = "configure sshd",
        [STEP_FORGET] = "forget",
        [STEP_LOGINS_ENDED] = "note ended logins",
    };
    return kind < STEP_KINDS ? names[kind] : "unknown";
}
