/* SPDX-License-Identifier: PostgreSQL */
/*
 * agent.h - what the root parent knows: configuration, places, identity, the host's list, the
 * child.
 */
#ifndef SFTD_AGENT_H
#define SFTD_AGENT_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/conf.h"
#include "agent/drift.h"
#include "agent/identity.h"
#include "agent/link.h"
#include "agent/os.h"
#include "agent/owned.h"
#include "agent/plan.h"
#include "agent/state.h"

#define SFTD_VERSION "1.0"
#define SFTD_USER_AGENT "sftd/" SFTD_VERSION " (wire 1)"

/* Every file that sftd keeps for itself or writes for others, made from the configuration once. */
struct paths {
    char owned[PATH_MAX]; /* list of accounts and groups that are ours */
    char state[PATH_MAX]; /* the last state document that was accepted */
    char krl[PATH_MAX];
    char principals[PATH_MAX]; /* folder */
    char dropin[PATH_MAX];     /* sshd_config.d/50-sftd.conf */
    char loaded[PATH_MAX];     /* digest of what the running sshd has read */
    char ended[PATH_MAX];      /* state version whose end_logins are done */
    char host_trust[PATH_MAX]; /* highest version seen of the host authority's keys */
    char probe[PATH_MAX];      /* folder of the private sshd */
    char lock[PATH_MAX];
};

struct agent {
    const struct conf *conf;
    const struct os_ops *os;
    struct paths paths;
    struct identity id;
    struct owned owned;
    struct link link;
    struct state desired;
    bool has_desired; /* desired holds the last accepted state */
    bool dry_run;
    bool once;
    struct drift drift;                 /* what the last round could not do */
    int64_t applied_trust, applied_krl; /* versions that sshd has in its files */
    bool healthy;                       /* the last round did all it was asked to */
};

SFT_CHECKED int paths_make(struct paths *p, const struct conf *conf);
/* Runs until told to stop; the program's exit status. */
int agent_run(struct agent *a);
extern volatile sig_atomic_t agent_stop;

#endif
