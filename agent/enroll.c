/* SPDX-License-Identifier: PostgreSQL */
/*
 * enroll.c - becoming a server of a project, by a token; and keeping up with the instance.
 *
 * The token carries the hash of the platform's statement key. What /v1/instance says over a
 * connection that nobody vouches for is believed because that key has signed it, and nothing else
 * is.
 */
#include "agent/enroll.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/statement.h"
#include "common/fault.h"
#include "common/fsx.h"
#include "common/log.h"
#include "common/text.h"

#define TOKEN_MAX 4096

static int
save(const struct agent *a)
{
    return identity_save(&a->id, a->conf->server_file, a->conf->token_file);
}

int
enroll_introduce(struct agent *a)
{
    struct msg m;
    uint8_t der[KEY_PRIVATE_DER_MAX];
    char keyid[64];
    size_t len = 0;
    int err = key_private_der(a->id.key, der, sizeof der, &len);
    snprintf(keyid, sizeof keyid, "server/%s", a->id.server_id);
    msg_start(&m, MSG_PEER);
    msg_text(&m, PEER_URL, a->id.url);
    msg_text(&m, PEER_AUTHORITY, a->id.authority);
    msg_text(&m, PEER_TLS_AUTHORITY, a->id.tls_authority);
    msg_text(&m, PEER_KEYID, keyid);
    msg_bytes(&m, PEER_KEY, der, len);
    if (!err)
        err = link_tell(&a->link, &m);
    mem_wipe(der, sizeof der);
    return err;
}

static int
fail(struct link_failure *f, int err, const char *text)
{
    snprintf(f->text, sizeof f->text, "%s%s%s", text, err ? ": " : "",
             err ? (err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err)) : "");
    return err;
}

/* With a token its hash says which key to believe; without one the pinned keys do. */
static int
take_instance(struct agent *a, const struct msg *m, const struct token *t, struct link_failure *f)
{
    int64_t version;
    const char *claimed = m->field[STATEMENT_KEY].p;
    int err = 0;
    if (t) {
        struct sshkey *key = &a->id.statement_keys[0];
        err = sshkey_from_text(key, claimed, strlen(claimed));
        if (!err)
            err = token_check_key(t, key);
        a->id.statement_keys_n = err ? 0 : 1;
    }
    if (!err)
        err = statement_check(&a->id, m, "instance", "/v1/instance", false, &version);
    if (err)
        return fail(f, err, "the instance's statement is not by the key that the token names");
    err = identity_take_instance(&a->id, m->field[STATEMENT_BODY].p, m->field[STATEMENT_BODY].len);
    return err ? fail(f, err, "the instance's statement") : 0;
}

static int
get_instance(struct agent *a, const struct token *t, struct link_failure *f)
{
    struct msg question, answer;
    msg_start(&question, MSG_GET_INSTANCE);
    int err = link_ask(&a->link, &question, &answer, f);
    if (err)
        return err;
    err = take_instance(a, &answer, t, f);
    msg_free(&answer);
    return err;
}

int
enroll_refresh(struct agent *a, struct link_failure *f)
{
    int err = get_instance(a, NULL, f);
    if (!err)
        err = save(a);
    return err ? err : enroll_introduce(a);
}

static int
read_token(const struct agent *a, struct token *t, struct link_failure *f)
{
    char *text;
    size_t len;
    int err = fsx_read_secret(a->conf->enrollment_token_file, TOKEN_MAX, &text, &len);
    if (err)
        return err == SFT_ENOTFOUND ? err : fail(f, err, a->conf->enrollment_token_file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    err = token_parse(t, text, len);
    mem_wipe(text, len);
    free(text);
    return err ? fail(f, err, a->conf->enrollment_token_file) : 0;
}

/* Also checks that nobody else's name is taken for ours: an answer's texts go into files. */
static int
take_enrolled(struct agent *a, const struct msg *m, struct link_failure *f)
{
    if (!text_is_uuid(m->field[ENROLLED_PROJECT_ID].p))
        return fail(f, SFT_EREFUSED, "the answer's project_id");
    snprintf(a->id.team, sizeof a->id.team, "%.63s", m->field[ENROLLED_TEAM].p);
    snprintf(a->id.project, sizeof a->id.project, "%.128s", m->field[ENROLLED_PROJECT].p);
    snprintf(a->id.project_id, sizeof a->id.project_id, "%s", m->field[ENROLLED_PROJECT_ID].p);
    a->id.enrolled = true;
    return 0;
}

static int
ask_to_enroll(struct agent *a, const struct token *t, struct link_failure *f)
{
    struct msg question, answer;
    struct sshkey pub;
    char mac[48];
    int err = key_public(a->id.key, &pub);
    if (!err)
        err = token_mac(t, a->id.server_id, &pub, mac);
    if (err)
        return fail(f, err, "the token's proof");
    msg_start(&question, MSG_ENROLL);
    msg_text(&question, ENROLL_ID, a->id.server_id);
    msg_text(&question, ENROLL_TOKEN_ID, t->id);
    msg_text(&question, ENROLL_MAC, mac);
    err = link_ask(&a->link, &question, &answer, f);
    if (err)
        return err;
    err = take_enrolled(a, &answer, f);
    msg_free(&answer);
    return err;
}

/* An identity that was made, but not yet enrolled, is used again: the platform may know it already.
 */
static int
prepare(struct agent *a, const struct token *t, struct link_failure *f)
{
    int err = a->id.key ? 0 : identity_new(&a->id);
    if (err)
        return fail(f, err, "a new key");
    a->id.instance_version = 0;
    free(a->id.tls_authority);
    a->id.tls_authority = NULL;
    snprintf(a->id.url, sizeof a->id.url, "%s", t->url);
    a->id.authority[0] = '\0';
    err = enroll_introduce(a);
    if (!err)
        err = get_instance(a, t, f);
    if (err)
        return err;
    err = save(a);
    SFT_FAULT("enroll.before_ask");
    return err ? fail(f, err, a->conf->server_file) : enroll_introduce(a);
}

int
enroll(struct agent *a, struct link_failure *f)
{
    struct token t;
    memset(f, 0, sizeof *f);
    int err = read_token(a, &t, f);
    if (err)
        return err;
    err = prepare(a, &t, f);
    if (!err)
        err = ask_to_enroll(a, &t, f);
    token_wipe(&t);
    if (err)
        return err;
    SFT_FAULT("enroll.before_save");
    err = save(a);
    if (!err)
        err = fsx_remove(a->conf->enrollment_token_file);
    if (err)
        return fail(f, err, a->conf->server_file);
    log_info("enrolled", "server=%s team=%s project=%s", a->id.server_id, log_q(a->id.team),
             log_q(a->id.project));
    return 0;
}

/* The child knows the other one: the next gets this one from us. */
static void
put_back(struct agent *a, const struct identity *old)
{
    identity_free(&a->id);
    a->id = *old;
    int err = fsx_remove(a->conf->token_file);
    if (!err)
        err = save(a);
    if (err)
        log_error("enroll", "file=%s reason=%s", a->conf->server_file, log_q(sft_strerror(err)));
    link_stop(&a->link);
}

int
enroll_again(struct agent *a, struct link_failure *f)
{
    struct token t;
    struct identity old = a->id;
    memset(f, 0, sizeof *f);
    int err = read_token(a, &t, f);
    token_wipe(&t);
    if (!err)
        err = fsx_remove(a->conf->token_file);
    if (err)
        return err;
    memset(&a->id, 0, sizeof a->id);
    err = enroll(a, f);
    if (err) {
        put_back(a, &old);
        return err;
    }
    identity_free(&old);
    state_free(&a->desired);
    a->has_desired = false;
    a->applied_trust = a->applied_krl = 0;
    return fsx_remove(a->paths.state);
}

int
enroll_wait_for_token(const struct agent *a)
{
    char dir[PATH_MAX];
    const char *file = a->conf->enrollment_token_file;
    sigset_t none;
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(file, '/') - file), file);
    struct pollfd p = {inotify_init1(IN_CLOEXEC | IN_NONBLOCK), POLLIN, 0};
    if (p.fd < 0)
        return SFT_ESYSTEM;
    int err = inotify_add_watch(p.fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB) < 0
                  ? SFT_ESYSTEM
                  : 0;
    sigemptyset(&none);
    /* it may have come between the caller's look and the watch */
    if (!err && access(file, F_OK) != 0 && ppoll(&p, 1, NULL, &none) < 0)
        err = SFT_ESYSTEM;
    int saved = errno;
    close(p.fd);
    errno = saved;
    return err;
}
