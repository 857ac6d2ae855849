/* SPDX-License-Identifier: PostgreSQL */
/*
 * apply.c - does the steps of a plan: a table of functions, one for each kind.
 */
#include "agent/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/hostcert.h"
#include "agent/observe.h"
#include "agent/run.h"
#include "agent/sshd.h"
#include "agent/statement.h"
#include "common/fault.h"
#include "common/fsx.h"
#include "common/log.h"
#include "common/names.h"
#include "common/text.h"

struct job {
    struct agent *agent;
    const struct step *step;
    const struct actual *actual;
    char *why;
    size_t cap;
};

static int
explain(struct job *j, int err, const char *path)
{
    if (err && !j->why[0])
        snprintf(j->why, j->cap, "%.200s: %s", path,
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
    return err;
}

static void
principals_path(const struct job *j, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.3800s/%.255s", j->agent->paths.principals, j->step->name);
}

static int
do_principals_remove(struct job *j)
{
    char path[PATH_MAX];
    principals_path(j, path);
    return explain(j, fsx_remove(path), path);
}

/* Read by sshd as the user: the folder and its files are open to all, and nobody's but root's. */
static int
do_principals_write(struct job *j)
{
    char path[PATH_MAX];
    int err = fsx_private_dir(j->agent->paths.principals, 0755);
    if (err)
        return explain(j, err, j->agent->paths.principals);
    principals_path(j, path);
    return explain(j, fsx_write(path, j->step->text.p, j->step->text.len, 0644), path);
}

static int
do_sudoers_remove(struct job *j)
{
    char path[PATH_MAX];
    if (j->step->name)
        snprintf(path, sizeof path, "%.3800s/%.255s", j->agent->conf->sudoers_dir, j->step->name);
    else
        observe_sudoers_path(j->agent, path);
    return explain(j, fsx_remove(path), path);
}

/* Checked outside of sudoers.d: sudo must not read it before visudo has. */
static int
do_sudoers_write(struct job *j)
{
    char path[PATH_MAX], draft[PATH_MAX];
    struct stat st;
    const struct blob *text = &j->step->text;
    observe_sudoers_path(j->agent, path);
    snprintf(draft, sizeof draft, "%.3800s/sudoers.draft", j->agent->conf->state_dir);
    if (stat(j->agent->conf->sudoers_dir, &st) != 0) {
        snprintf(j->why, j->cap, "%.200s is missing: is sudo installed?",
                 j->agent->conf->sudoers_dir);
        return SFT_ENOTFOUND;
    }
    int err = explain(j, fsx_write(draft, text->p, text->len, 0440), draft);
    if (!err)
        err = j->agent->os->sudoers_check(draft, j->why, j->cap);
    SFT_FAULT("sudoers.before_write");
    if (!err)
        err = explain(j, fsx_write(path, text->p, text->len, 0440), path);
    int cleared = fsx_remove(draft);
    return err ? err : explain(j, cleared, draft);
}

static int
do_logins_end(struct job *j)
{
    if (SFT_FAULT_ERR("logins.end"))
        return SFT_ESYSTEM;
    return j->agent->os->logins_end(j->step->name, j->step->id, j->why, j->cap);
}

static int
do_account_lock(struct job *j)
{
    return j->agent->os->account_lock(j->step->name, j->why, j->cap);
}

/* A process that slipped in meanwhile (cron, at) makes userdel refuse: it is ended, once more. */
static int
do_account_delete(struct job *j)
{
    struct agent *a = j->agent;
    int err = a->os->account_delete(j->step->name, j->why, j->cap);
    if (err == SFT_EMODE) {
        err = do_logins_end(j);
        if (!err)
            err = a->os->account_delete(j->step->name, j->why, j->cap);
    }
    SFT_FAULT("account.before_strike");
    if (!err)
        err = explain(j, owned_drop(&a->owned, a->paths.owned, OWNED_USER, j->step->name),
                      a->paths.owned);
    return err;
}

static int
do_account_create(struct job *j)
{
    struct agent *a = j->agent;
    const struct wanted_user *u = j->step->user;
    int err = explain(j, owned_add(&a->owned, a->paths.owned, OWNED_USER, u->name, u->uid),
                      a->paths.owned);
    SFT_FAULT("account.before_create");
    return err ? err : a->os->account_create(u, j->why, j->cap);
}

static int
do_account_change(struct job *j)
{
    struct agent *a = j->agent;
    const struct wanted_user *u = j->step->user;
    int err = explain(j, owned_add(&a->owned, a->paths.owned, OWNED_USER, u->name, u->uid),
                      a->paths.owned);
    return err ? err : a->os->account_change(u, j->why, j->cap);
}

static int
do_home_create(struct job *j)
{
    return j->agent->os->home_create(j->step->user, j->why, j->cap);
}

static int
do_group_create(struct job *j)
{
    struct agent *a = j->agent;
    const struct step *s = j->step;
    int err = explain(j, owned_add(&a->owned, a->paths.owned, OWNED_GROUP, s->name, s->id),
                      a->paths.owned);
    return err ? err : a->os->group_create(s->name, s->id, j->why, j->cap);
}

static int
do_group_delete(struct job *j)
{
    struct agent *a = j->agent;
    int err = a->os->group_delete(j->step->name, j->why, j->cap);
    return err ? err
               : explain(j, owned_drop(&a->owned, a->paths.owned, OWNED_GROUP, j->step->name),
                         a->paths.owned);
}

static int
do_group_members(struct job *j)
{
    const struct step *s = j->step;
    return j->agent->os->group_members(s->name, s->members, s->members_n, j->why, j->cap);
}

/* OpenSSH's own reader has the last word: the list goes in place only if it refuses every canary.
 */
static int
check_krl_by_ssh(struct job *j, const char *krl)
{
    const struct agent *a = j->agent;
    char canary[PATH_MAX];
    snprintf(canary, sizeof canary, "%.3800s/canary-cert.pub", a->conf->state_dir);
    int err = 0;
    for (size_t i = 0; i < a->desired.keys_n && !err; i++) {
        const char *text = a->desired.keys[i].canary;
        struct run r = {.out = NULL};
        err = explain(j, fsx_write(canary, text, strlen(text), 0600), canary);
        if (!err)
            err = explain(
                j,
                run((const char *const[]){"ssh-keygen", "-Q", "-f", krl, canary, NULL}, &r, 20000),
                "ssh-keygen");
        if (!err && r.status != 1) {
            snprintf(j->why, j->cap, "ssh-keygen does not find the canary revoked");
            err = SFT_EREFUSED;
        }
    }
    int cleared = fsx_remove(canary);
    return err ? err : explain(j, cleared, canary);
}

static int
do_krl_write(struct job *j)
{
    struct agent *a = j->agent;
    char draft[PATH_MAX + 8];
    snprintf(draft, sizeof draft, "%s.draft", a->paths.krl);
    int err = explain(j, fsx_write(draft, j->step->text.p, j->step->text.len, 0600), draft);
    if (!err)
        err = check_krl_by_ssh(j, draft);
    if (!err)
        err = explain(j, fsx_write(a->paths.krl, j->step->text.p, j->step->text.len, 0644),
                      a->paths.krl);
    int cleared = fsx_remove(draft);
    return err ? err : explain(j, cleared, draft);
}

/* A key is not trusted before what it has revoked is known: without its list it would open more. */
static int
do_trust_write(struct job *j)
{
    const struct agent *a = j->agent;
    const char *path = a->conf->trusted_keys_file;
    char *krl = NULL;
    size_t len = 0;
    int err = fsx_read(a->paths.krl, STATE_KRL_MAX, &krl, &len);
    bool is_there = !err && len == a->desired.krl_len && memcmp(krl, a->desired.krl, len) == 0;
    free(krl);
    if (!is_there) {
        snprintf(j->why, j->cap, "the revocation list that goes with them is not in place");
        return SFT_EREFUSED;
    }
    return explain(j, fsx_write(path, j->step->text.p, j->step->text.len, 0644), path);
}

static int
ask(struct job *j, const struct msg *question, struct msg *answer)
{
    struct link_failure f;
    int err = link_ask(&j->agent->link, question, answer, &f);
    if (err)
        snprintf(j->why, j->cap, "%s%s%s", f.error, f.error[0] ? ": " : "",
                 f.text[0] ? f.text : sft_strerror(err));
    return err;
}

/* Public statements are not bound to a request: an older one could be shown again. */
static int
check_newest(struct job *j, int64_t version)
{
    const char *path = j->agent->paths.host_trust, *id = j->agent->desired.host_authority_id;
    char *old, text[UUID_TEXT_LEN + 24];
    uint64_t seen = 0;
    int err = fsx_read(path, sizeof text, &old, NULL);
    if (!err) {
        if (strncmp(old, id, UUID_TEXT_LEN) == 0 && old[UUID_TEXT_LEN] == ' ' &&
            text_u64(old + UUID_TEXT_LEN + 1, INT64_MAX - 1, &seen) != 0)
            seen = 0;
        free(old);
    }
    if (version < (int64_t)seen) {
        snprintf(j->why, j->cap, "the host authority's keys are older than those seen before");
        return SFT_EVERSION;
    }
    if (!err && version == (int64_t)seen)
        return 0;
    snprintf(text, sizeof text, "%s %lld", id, (long long)version);
    return explain(j, fsx_write(path, text, strlen(text), 0600), path);
}

/* The host authority's keys, as the platform signed them; malloc'd text. */
static int
get_signers(struct job *j, char **out)
{
    struct msg question, answer;
    char target[80];
    int64_t version;
    *out = NULL;
    snprintf(target, sizeof target, "/v1/authorities/%s/trust",
             j->agent->desired.host_authority_id);
    msg_start(&question, MSG_GET_TRUST);
    msg_text(&question, GET_TRUST_AUTHORITY, j->agent->desired.host_authority_id);
    int err = ask(j, &question, &answer);
    if (err)
        return err;
    const struct msg_field *body = &answer.field[STATEMENT_BODY];
    err = explain(j, statement_check(&j->agent->id, &answer, "trust", target, false, &version),
                  "the host authority's keys");
    if (!err)
        err = check_newest(j, version);
    if (!err && memchr(body->p, 0, body->len))
        err = explain(j, SFT_EFORMAT, "the host authority's keys");
    if (!err && !(*out = strndup(body->p, body->len)))
        err = SFT_ENOMEM;
    msg_free(&answer);
    return err;
}

static int
do_host_cert(struct job *j)
{
    const struct host_key *k = &j->actual->host_keys[j->step->id];
    struct msg question, answer;
    char *signers, line[16400];
    bool due;
    int err = get_signers(j, &signers);
    if (err)
        return err;
    msg_start(&question, MSG_GET_HOST_CERT);
    msg_text(&question, GET_HOST_CERT_KEY, k->public_key);
    err = ask(j, &question, &answer);
    if (!err) {
        struct hostcert_want want = {k->public_key, j->agent->id.server_id, signers, time(NULL)};
        const char *text = answer.field[HOST_CERT_CERTIFICATE].p;
        snprintf(line, sizeof line, "%.*s\n", (int)strcspn(text, "\n"), text);
        err = explain(j, hostcert_check(text, &want, &due), "the host certificate");
        if (!err)
            err = explain(j, fsx_write(k->cert_path, line, strlen(line), 0644), k->cert_path);
    }
    msg_free(&answer);
    free(signers);
    return err;
}

static int
do_sshd_config(struct job *j)
{
    return sshd_install(j->agent, &j->step->text, j->why, j->cap);
}

static int
do_forget(struct job *j)
{
    struct agent *a = j->agent;
    return explain(
        j, owned_drop(&a->owned, a->paths.owned, (enum owned_kind)j->step->id, j->step->name),
        a->paths.owned);
}

static int
do_logins_ended(struct job *j)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)j->agent->desired.version);
    return explain(j, fsx_write(j->agent->paths.ended, text, strlen(text), 0600),
                   j->agent->paths.ended);
}

int
apply(struct agent *a, const struct step *step, const struct actual *actual, char *why, size_t cap)
{
    static int (*const table[STEP_KINDS])(struct job *) = {
        [STEP_PRINCIPALS_REMOVE] = do_principals_remove,
        [STEP_SUDOERS_REMOVE] = do_sudoers_remove,
        [STEP_SUDOERS_WRITE] = do_sudoers_write,
        [STEP_LOGINS_END] = do_logins_end,
        [STEP_ACCOUNT_LOCK] = do_account_lock,
        [STEP_ACCOUNT_DELETE] = do_account_delete,
        [STEP_GROUP_DELETE] = do_group_delete,
        [STEP_KRL_WRITE] = do_krl_write,
        [STEP_TRUST_WRITE] = do_trust_write,
        [STEP_GROUP_CREATE] = do_group_create,
        [STEP_ACCOUNT_CREATE] = do_account_create,
        [STEP_ACCOUNT_CHANGE] = do_account_change,
        [STEP_HOME_CREATE] = do_home_create,
        [STEP_GROUP_MEMBERS] = do_group_members,
        [STEP_PRINCIPALS_WRITE] = do_principals_write,
        [STEP_HOST_CERT] = do_host_cert,
        [STEP_SSHD_CONFIG] = do_sshd_config,
        [STEP_FORGET] = do_forget,
        [STEP_LOGINS_ENDED] = do_logins_ended,
    };
    struct job j = {a, step, actual, why, cap};
    why[0] = '\0';
    int err = table[step->kind](&j);
    if (err && !why[0])
        snprintf(why, cap, "%s", sft_strerror(err));
    return err;
}
