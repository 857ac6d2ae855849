/* SPDX-License-Identifier: PostgreSQL */
/*
 * agent.c - the parent's life: enroll, then poll, check, converge, report; nothing is removed on
 * errors.
 */
#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/converge.h"
#include "agent/enroll.h"
#include "agent/litter.h"
#include "agent/notify.h"
#include "agent/statement.h"
#include "common/fault.h"
#include "common/fsx.h"
#include "common/log.h"

#define HEARTBEAT_S 300
#define BACKOFF_MAX_S 300
#define REFRESH_S 86400
#define HASTE_MAX 5
#define HASTE_PAUSE_MS 1000

volatile sig_atomic_t agent_stop;

struct life {
    struct agent *agent;
    int64_t seen;      /* highest state version looked at, accepted or refused */
    int64_t applied;   /* version of the last round */
    unsigned failures; /* in a row */
    unsigned hasty;    /* answers that came at once and said nothing new */
    time_t next_check; /* when the host is looked at again; CLOCK_MONOTONIC seconds */
    time_t next_report;
    time_t next_refresh;
    struct drift refused; /* why the newest state was not taken */
    char *unsaved;        /* the desired state's document, while the disk does not take it */
    size_t unsaved_len;
    bool acted; /* something to report */
};

static time_t
now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int
join(char out[PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return n < 0 || n >= PATH_MAX - 300 ? SFT_ETOOLONG : 0;
}

int
paths_make(struct paths *p, const struct conf *conf)
{
    const struct {
        char *out;
        const char *name;
    } files[] = {
        {p->owned, "owned"},        {p->state, "state.json"},      {p->krl, "sft.krl"},
        {p->loaded, "sshd.loaded"}, {p->ended, "logins.ended"},    {p->probe, "probe"},
        {p->lock, "lock"},          {p->host_trust, "host_trust"},
    };
    int err = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !err; i++)
        err = join(files[i].out, conf->state_dir, files[i].name);
    size_t len = strlen(conf->principals_file) - strlen("/%u");
    snprintf(p->principals, sizeof p->principals, "%.*s", (int)len, conf->principals_file);
    const char *slash = strrchr(conf->sshd_config_file, '/');
    snprintf(p->dropin, sizeof p->dropin, "%.*s/sshd_config.d/50-sftd.conf",
             (int)(slash - conf->sshd_config_file), conf->sshd_config_file);
    return err;
}

/* ---- waiting ---- */

/* Doubling, at most five minutes, half of it by chance: a fleet must not come back in one moment.
 */
static unsigned
backoff_ms(unsigned failures, int64_t retry_after)
{
    unsigned shift = failures < 9 ? failures : 9, random = 0;
    unsigned ms = 1000u << shift;
    if (ms > BACKOFF_MAX_S * 1000u)
        ms = BACKOFF_MAX_S * 1000u;
    if (retry_after > 0 && (int64_t)ms < retry_after * 1000)
        ms = retry_after > 3600 ? 3600000u : (unsigned)retry_after * 1000u;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (unsigned)getpid();
    return ms / 2 + random % (ms / 2 + 1);
}

/* Signals are blocked everywhere but in waits. */
static void
sleep_ms(unsigned ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (!agent_stop && sigtimedwait(&set, NULL, &t) > 0)
        agent_stop = 1;
}

static void
pause_after(struct life *l, const char *what, int err, const struct link_failure *f)
{
    unsigned ms = backoff_ms(l->failures++, f->retry_after);
    if (agent_stop)
        return;
    log_warn("retry", "what=%s error=%s reason=%s in_s=%u", log_q(what),
             f->error[0] ? f->error : "-", log_q(f->text[0] ? f->text : sft_strerror(err)),
             ms / 1000);
    if (!l->agent->once)
        sleep_ms(ms);
}

/* ---- the child ---- */

static int
ensure_child(struct agent *a)
{
    if (a->link.fd >= 0)
        return 0;
    int err = link_start(&a->link, a->conf);
    return err || !a->id.key ? err : enroll_introduce(a);
}

/* ---- state ---- */

static struct state_limits
limits_of(const struct agent *a)
{
    return (struct state_limits){a->id.server_id, a->conf->home_root, a->conf->min_uid};
}

static void
load_saved_state(struct agent *a)
{
    char *text, message[256] = "";
    size_t len;
    struct state_limits limits = limits_of(a);
    int err = fsx_read_secret(a->paths.state, MSG_BODY_MAX, &text, &len);
    if (err) {
        if (err != SFT_ENOTFOUND)
            log_error("state", "file=%s reason=%s", a->paths.state, log_q(sft_strerror(err)));
        return;
    }
    err = state_read(&a->desired, text, len, &limits, message, sizeof message);
    free(text);
    a->has_desired = err == 0;
    if (err)
        log_error("state", "file=%s reason=%s", a->paths.state, log_q(message));
}

static int
refuse_state(struct life *l, int err, const char *reason)
{
    drift_clear(&l->refused);
    drift_add(&l->refused, "state:refused", reason, "the platform has to send another state");
    log_error("state_refused", "reason=%s", log_q(reason));
    l->acted = true;
    return err;
}

static void
unsaved_drop(struct life *l)
{
    free(l->unsaved);
    l->unsaved = NULL;
    l->unsaved_len = 0;
}

/*
 * A full disk must not keep what the platform has taken away: the state holds, and is saved as soon
 * as it can be. Until then a restart begins with the one before.
 */
static int
save_state(struct life *l, const char *text, size_t len)
{
    int err = l->agent->dry_run ? 0 : fsx_write(l->agent->paths.state, text, len, 0600);
    unsaved_drop(l);
    if (!err)
        return 0;
    log_error("state_unsaved", "file=%s reason=%s", l->agent->paths.state,
              log_q(err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err)));
    l->unsaved = malloc(len + 1);
    if (!l->unsaved)
        return SFT_ENOMEM;
    memcpy(l->unsaved, text, len);
    l->unsaved_len = len;
    drift_add(&l->refused, "state:unsaved", "the state cannot be saved on this server",
              "it is tried again by itself");
    l->acted = true;
    return 0;
}

static void
save_again(struct life *l)
{
    if (!l->unsaved || fsx_write(l->agent->paths.state, l->unsaved, l->unsaved_len, 0600) != 0)
        return;
    unsaved_drop(l);
    if (l->refused.n > 0 && strcmp(l->refused.rows[0].what, "state:unsaved") == 0)
        drift_clear(&l->refused); /* not what a later state was refused for */
    l->acted = true;
}

/* A verified, newer document becomes the desired state; it is on disk before anything is done. */
static int
take_state(struct life *l, const struct msg *m, int64_t version)
{
    struct agent *a = l->agent;
    struct state_limits limits = limits_of(a);
    struct state next;
    char message[256] = "";
    const struct msg_field *body = &m->field[STATEMENT_BODY];
    int err = state_read(&next, body->p, body->len, &limits, message, sizeof message);
    if (err)
        return refuse_state(l, err, message);
    if (next.version != version) {
        state_free(&next);
        return refuse_state(l, SFT_EVERSION, "version differs from the statement's");
    }
    SFT_FAULT("state.before_save");
    drift_clear(&l->refused);
    err = save_state(l, body->p, body->len);
    if (err) {
        state_free(&next);
        return err;
    }
    state_free(&a->desired);
    a->desired = next;
    a->has_desired = true;
    log_info("state", "version=%lld users=%zu", (long long)version, a->desired.users_n);
    return 0;
}

/* 0 when the desired state is new. */
static int
check_state(struct life *l, const struct msg *m, const char *target, struct link_failure *f)
{
    int64_t version;
    int err = statement_check(&l->agent->id, m, "state", target, true, &version);
    if (err) {
        snprintf(f->text, sizeof f->text,
                 "the state is not signed by the platform for this request");
        return err;
    }
    if (l->agent->has_desired && version < l->agent->desired.version) {
        snprintf(f->text, sizeof f->text, "the state is older than the one this server has");
        return SFT_EVERSION;
    }
    err = take_state(l, m, version);
    /* a refused version is not asked for again: the next one may be good */
    if (!err || (err != SFT_ENOMEM && version > l->seen))
        l->seen = version;
    else
        snprintf(f->text, sizeof f->text, "%s",
                 l->refused.n ? l->refused.rows[0].reason : sft_strerror(err));
    return err;
}

static int
poll_state(struct life *l, bool *newp, struct link_failure *f)
{
    struct msg question, answer;
    char target[80];
    /* one round, or a dry one, wants an answer now, not when something changes */
    int64_t after = l->agent->once || !l->agent->has_desired ? 0 : l->seen;
    *newp = false;
    snprintf(target, sizeof target, "/v1/server/state?after=%lld", (long long)after);
    msg_start(&question, MSG_GET_STATE);
    msg_number(&question, GET_STATE_AFTER, (uint64_t)after);
    int err = link_ask(&l->agent->link, &question, &answer, f);
    if (err || answer.type == MSG_UNCHANGED)
        return err;
    int64_t before = l->seen;
    err = check_state(l, &answer, target, f);
    msg_free(&answer);
    *newp = err == 0;
    return err && l->seen > before ? 0 : err;
}

/*
 * A few answers that come at once with nothing new are pokes about something else; a gateway (or
 * child) that goes on so would keep a core busy at both ends.
 */
static void
slow_down(struct life *l, time_t asked, bool is_newer)
{
    if (now_s() - asked > 1)
        l->hasty = 0;
    else if (!is_newer && !l->agent->once && ++l->hasty > HASTE_MAX)
        sleep_ms(HASTE_PAUSE_MS);
}

/* ---- report ---- */

static void
report(struct life *l)
{
    struct agent *a = l->agent;
    static struct drift all;
    static unsigned char packed[65536];
    struct msg question, answer;
    struct link_failure f;
    size_t len;
    all = a->drift;
    for (size_t i = 0; i < l->refused.n; i++)
        drift_add(&all, l->refused.rows[i].what, l->refused.rows[i].reason, l->refused.rows[i].fix);
    if (drift_pack(&all, packed, sizeof packed, &len) != 0)
        len = 0;
    msg_start(&question, MSG_REPORT);
    msg_number(&question, REPORT_STATE, a->has_desired ? (uint64_t)a->desired.version : 0);
    msg_number(&question, REPORT_TRUST, (uint64_t)a->applied_trust);
    msg_number(&question, REPORT_KRL, (uint64_t)a->applied_krl);
    msg_number(&question, REPORT_HEALTHY, a->healthy && l->refused.n == 0);
    msg_bytes(&question, REPORT_DRIFT, packed, len);
    int err = link_ask(&a->link, &question, &answer, &f);
    if (err) {
        log_warn("report", "error=%s reason=%s", f.error[0] ? f.error : "-", log_q(f.text));
        return;
    }
    msg_free(&answer);
    l->acted = false;
    l->next_report = now_s() + HEARTBEAT_S;
}

/* ---- life ---- */

static int
enroll_until_done(struct life *l)
{
    struct agent *a = l->agent;
    struct link_failure f;
    while (!agent_stop && !a->id.enrolled) {
        int err = ensure_child(a);
        memset(&f, 0, sizeof f);
        if (!err)
            err = enroll(a, &f);
        if (!err)
            break;
        if (err == SFT_ENOTFOUND && a->link.fd >= 0 && !a->once) {
            log_info("waiting", "for=%s", a->conf->enrollment_token_file);
            if (enroll_wait_for_token(a) != 0 && errno != EINTR)
                pause_after(l, "watch for a token", SFT_ESYSTEM, &f);
            continue;
        }
        if (err == SFT_ENOTFOUND && !f.text[0])
            snprintf(f.text, sizeof f.text, "there is no token in %.300s",
                     a->conf->enrollment_token_file);
        pause_after(l, "enroll", err, &f);
        if (a->once)
            return err;
    }
    l->failures = 0;
    return 0;
}

/* The TLS authority may have changed; the pinned key tells. Failing is no harm. */
static void
refresh(struct life *l)
{
    struct link_failure f;
    if (enroll_refresh(l->agent, &f) != 0)
        log_warn("instance", "reason=%s", log_q(f.text));
    l->next_refresh = now_s() + REFRESH_S;
}

/*
 * The platform says that it has removed this server. Nobody has signed that, so nothing is taken
 * away, this server's identity neither; but where a new token lies, and works, the server goes on
 * under another id.
 */
static int
enroll_anew(struct life *l, struct link_failure *f)
{
    int err = enroll_again(l->agent, f);
    if (!err) {
        l->seen = 0;
        unsaved_drop(l);
    }
    return err;
}

static bool
is_removed(const struct agent *a, const struct link_failure *f)
{
    return strcmp(f->error, "server_authorization_revoked") == 0 &&
           access(a->conf->enrollment_token_file, F_OK) == 0;
}

/* A round; what it changed is worth a report. */
static void
check_host(struct life *l)
{
    bool was_healthy = l->agent->healthy;
    int64_t was = l->applied;
    converge(l->agent);
    l->applied = l->agent->desired.version;
    l->acted |= was_healthy != l->agent->healthy || was != l->applied;
    l->next_check = now_s() + HEARTBEAT_S;
}

/* One turn: ask, converge when there is reason to, report when there is something to say. */
static int
turn(struct life *l)
{
    struct agent *a = l->agent;
    struct link_failure f = {0};
    bool is_new = false;
    int64_t had = a->desired.version;
    int err = ensure_child(a);
    if (!err && now_s() >= l->next_refresh)
        refresh(l);
    time_t asked = now_s();
    if (!err)
        err = poll_state(l, &is_new, &f);
    if (!err)
        slow_down(l, asked, a->desired.version > had);
    if (agent_stop)
        return 0;
    if (err && is_removed(a, &f) && !a->dry_run) {
        err = enroll_anew(l, &f);
        if (!err)
            err = ensure_child(a);
        if (!err)
            err = poll_state(l, &is_new, &f);
    }
    if (err == SFT_ETLS)
        l->next_refresh = 0;
    if (err)
        pause_after(l, "get state", err, &f);
    else
        l->failures = 0;
    save_again(l);
    if (a->has_desired && (is_new || now_s() >= l->next_check || (!err && !a->healthy)))
        check_host(l);
    if (!err && !a->dry_run && (l->acted || now_s() >= l->next_report))
        report(l);
    return err;
}

static int
prepare(struct agent *a)
{
    int err = fsx_private_dirs(a->conf->state_dir, 0711);
    if (err) {
        log_error("start", "folder=%s reason=%s", a->conf->state_dir,
                  log_q(err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err)));
        return err;
    }
    if (fsx_lock(a->paths.lock, false) < 0) {
        log_error("start", "reason=%s", log_q("another sftd is running"));
        return SFT_ESYSTEM;
    }
    litter_remove(a);
    err = owned_load(&a->owned, a->paths.owned);
    if (err) {
        log_error("start", "file=%s reason=%s", a->paths.owned, log_q(sft_strerror(err)));
        return err;
    }
    err = identity_load(&a->id, a->conf->server_file, a->conf->token_file);
    if (err && err != SFT_ENOTFOUND)
        log_error("start", "file=%s or %s reason=%s", a->conf->server_file, a->conf->token_file,
                  log_q(err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err)));
    return err == SFT_ENOTFOUND ? 0 : err;
}

static int
live(struct life *l)
{
    struct agent *a = l->agent;
    int err = enroll_until_done(l);
    if (err || agent_stop)
        return err;
    load_saved_state(a);
    l->seen = a->desired.version;
    /* whatever happened while we were away is repaired before the platform is asked */
    if (a->has_desired && !a->once)
        check_host(l);
    notify_ready();
    do
        err = turn(l);
    while (!agent_stop && !a->once);
    bool good = a->dry_run || (a->healthy && l->refused.n == 0);
    return err ? err : a->once && !good ? SFT_EREFUSED : 0;
}

int
agent_run(struct agent *a)
{
    struct life *l = calloc(1, sizeof *l);
    a->link.fd = -1;
    int err = l ? prepare(a) : SFT_ENOMEM;
    if (!err) {
        l->agent = a;
        err = live(l);
    }
    link_stop(&a->link);
    state_free(&a->desired);
    owned_free(&a->owned);
    identity_free(&a->id);
    if (l)
        unsaved_drop(l);
    free(l);
    return err ? 1 : 0;
}
