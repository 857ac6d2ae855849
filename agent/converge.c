/* SPDX-License-Identifier: PostgreSQL */
/*
 * converge.c - observe, plan, apply, until there is nothing left to do.
 *
 * A step that fails is drift; it does not stop the others, and it is tried again in the next round,
 * not in this one.
 */
#include "agent/converge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/apply.h"
#include "agent/observe.h"
#include "agent/sshd.h"
#include "common/fault.h"
#include "common/log.h"

#define PASSES_MAX 5
#define FAILED_MAX 256

struct round {
    struct agent *agent;
    struct plan_limits limits;
    struct drift failed; /* of steps, over all passes */
    struct {
        enum step_kind kind;
        char name[64];
    } given_up[FAILED_MAX];
    size_t given_up_n;
    unsigned failed_kinds; /* bits */
    bool certs_tried;
    bool observed; /* the last pass could see and plan */
};

static bool
is_given_up(const struct round *r, const struct step *s)
{
    for (size_t i = 0; i < r->given_up_n; i++)
        if (r->given_up[i].kind == s->kind &&
            strncmp(r->given_up[i].name, s->name ? s->name : "", 63) == 0)
            return true;
    return false;
}

static bool
was_given_up(const struct round *r, enum step_kind kind)
{
    return (r->failed_kinds & 1u << kind) != 0;
}

static void
give_up(struct round *r, const struct step *s, const char *why)
{
    char what[64];
    r->failed_kinds |= 1u << s->kind;
    snprintf(what, sizeof what, "%s:%.40s", step_name(s->kind), s->name ? s->name : "");
    drift_add(&r->failed, what, why, "it is tried again by itself");
    log_warn("step_failed", "step=%s name=%s reason=%s", log_q(step_name(s->kind)),
             log_q(s->name ? s->name : ""), log_q(why));
    if (r->given_up_n == FAILED_MAX)
        return;
    r->given_up[r->given_up_n].kind = s->kind;
    snprintf(r->given_up[r->given_up_n++].name, 64, "%s", s->name ? s->name : "");
}

/* What is about to be made goes on the list in one write, not one for each. */
static void
claim_all(struct agent *a, const struct plan *p)
{
    size_t n = 0;
    int err = 0;
    for (size_t i = 0; i < p->n && !err; i++) {
        const struct step *s = &p->steps[i];
        if (s->kind == STEP_GROUP_CREATE && ++n)
            err = owned_put(&a->owned, OWNED_GROUP, s->name, s->id);
        else if (s->kind == STEP_ACCOUNT_CREATE && ++n)
            err = owned_put(&a->owned, OWNED_USER, s->name, s->user->uid);
    }
    if (!err && n > 0)
        err = owned_save(&a->owned, a->paths.owned);
    if (err) /* each step tries it again, and says so */
        log_warn("owned", "reason=%s", log_q(sft_strerror(err)));
}

/* How many steps were done. */
static size_t
apply_all(struct round *r, const struct plan *p, const struct actual *actual)
{
    char why[512];
    size_t done = 0;
    claim_all(r->agent, p);
    for (size_t i = 0; i < p->n; i++) {
        const struct step *s = &p->steps[i];
        if (is_given_up(r, s) || (s->kind == STEP_LOGINS_ENDED && was_given_up(r, STEP_LOGINS_END)))
            continue; /* logins that did not end are not noted as ended */
        SFT_FAULT("step.before");
        r->certs_tried |= s->kind == STEP_HOST_CERT;
        if (apply(r->agent, s, actual, why, sizeof why) != 0) {
            give_up(r, s, why);
            continue;
        }
        done++;
        log_info("step", "step=%s name=%s", log_q(step_name(s->kind)),
                 log_q(s->name ? s->name : ""));
    }
    /* host certificates that could not be had let the rest of sshd's settings go on */
    return done + (p->n > 0 && r->certs_tried && !actual->host_certs_tried);
}

static void
print_plan(const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        printf("%s%s%s\n", step_name(p->steps[i].kind), p->steps[i].name ? " " : "",
               p->steps[i].name ? p->steps[i].name : "");
    fflush(stdout);
}

/* One pass; false when there is nothing more to do in this round. */
static bool
pass(struct round *r)
{
    struct agent *a = r->agent;
    struct actual actual;
    struct plan p = {0};
    char why[512] = "";
    drift_clear(&a->drift);
    r->observed = false;
    int err = observe(a, &actual, why, sizeof why);
    if (err) {
        drift_add(&a->drift, "observe", why, "it is tried again by itself");
        return false;
    }
    actual.host_certs_tried = r->certs_tried;
    err = plan(&p, &a->desired, &actual, &r->limits, &a->drift);
    bool more = false;
    r->observed = !err && !a->dry_run;
    if (err)
        drift_add(&a->drift, "plan", sft_strerror(err), "it is tried again by itself");
    else if (a->dry_run)
        print_plan(&p);
    else
        more = apply_all(r, &p, &actual) > 0;
    plan_free(&p);
    actual_free(&actual);
    return more;
}

static void
finish(struct round *r)
{
    struct agent *a = r->agent;
    for (size_t i = 0; i < r->failed.n; i++)
        drift_add(&a->drift, r->failed.rows[i].what, r->failed.rows[i].reason,
                  r->failed.rows[i].fix);
    a->healthy = a->drift.n == 0;
    /* an acknowledged version lets the platform sign with its keys: only what is really in place */
    if (r->observed && !was_given_up(r, STEP_TRUST_WRITE))
        a->applied_trust = a->desired.trust_version;
    if (r->observed && !was_given_up(r, STEP_KRL_WRITE))
        a->applied_krl = a->desired.krl_version;
    for (size_t i = 0; i < a->drift.n; i++)
        log_warn("drift", "what=%s reason=%s", log_q(a->drift.rows[i].what),
                 log_q(a->drift.rows[i].reason));
}

void
converge(struct agent *a)
{
    struct round *r = calloc(1, sizeof *r);
    if (!r) {
        a->healthy = false;
        return;
    }
    r->agent = a;
    r->limits = (struct plan_limits){
        .min_uid = a->conf->min_uid,
        .max_removal_percent = a->conf->max_removal_percent,
        .allow_sudo = a->conf->allow_sudo,
        .trusted_keys_file = a->conf->trusted_keys_file,
        .krl_file = a->paths.krl,
        .principals_file = a->conf->principals_file,
    };
    for (int i = 0; i < PASSES_MAX && pass(r); i++)
        ;
    if (!a->dry_run)
        sshd_verify(a);
    finish(r);
    free(r);
}
