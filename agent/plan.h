/* SPDX-License-Identifier: PostgreSQL */
/*
 * plan.h - the heart, pure: what is desired, what is true, what is allowed; out come the steps.
 *
 * A plan is one pass. After its steps the host is observed and planned again: accounts of the first
 * pass get their home, groups, sudo and principals in the second, and an empty plan ends the round.
 * So nothing is ever given to a name before the account behind it has been seen to be ours.
 */
#ifndef SFTD_PLAN_H
#define SFTD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/actual.h"
#include "agent/drift.h"
#include "agent/state.h"

/* In the order of a pass: what takes away comes first, revocation before trust. */
enum step_kind {
    STEP_PRINCIPALS_REMOVE, /* name */
    STEP_SUDOERS_REMOVE,    /* name: file */
    STEP_SUDOERS_WRITE,     /* text */
    STEP_LOGINS_END,        /* name, id */
    STEP_ACCOUNT_LOCK,      /* name */
    STEP_ACCOUNT_DELETE,    /* name, id */
    STEP_GROUP_DELETE,      /* name */
    STEP_KRL_WRITE,         /* text */
    STEP_TRUST_WRITE,       /* text */
    STEP_GROUP_CREATE,      /* name, id */
    STEP_ACCOUNT_CREATE,    /* user */
    STEP_ACCOUNT_CHANGE,    /* user */
    STEP_HOME_CREATE,       /* user */
    STEP_GROUP_MEMBERS,     /* name, members */
    STEP_PRINCIPALS_WRITE,  /* name, text */
    STEP_HOST_CERT,         /* id: index of the host key */
    STEP_SSHD_CONFIG,       /* text */
    STEP_FORGET,            /* name, id: an owned_kind; it is gone, strike it off the list */
    STEP_LOGINS_ENDED,      /* the state's end_logins are done */
    STEP_KINDS
};

struct step {
    enum step_kind kind;
    char *name; /* or NULL; owned by the plan: the lists it came from change while steps are done */
    unsigned id;
    const struct wanted_user *user;
    const char **members; /* names; owned by the plan */
    size_t members_n;
    struct blob text; /* owned by the plan */
};

struct plan_limits {
    int64_t min_uid, max_removal_percent;
    bool allow_sudo;
    const char *trusted_keys_file, *krl_file, *principals_file; /* as sshd is told */
};

struct plan {
    struct step *steps;
    size_t n, cap;
    bool removals_held; /* more removals than the limit allows without a word */
};

/*
 * Fills the plan; what may not be done goes to drift. SFT_ENOMEM is the only failure. Free with
 * plan_free, before desired and actual.
 */
SFT_CHECKED int plan(struct plan *p, const struct state *desired, const struct actual *actual,
                     const struct plan_limits *limits, struct drift *drift);
void plan_free(struct plan *p);
const char *step_name(enum step_kind kind);

#endif
