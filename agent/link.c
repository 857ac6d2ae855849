/* SPDX-License-Identifier: PostgreSQL */
/*
 * link.c - the parent's end of its child.
 */
#include "agent/link.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/net.h"
#include "agent/sandbox.h"
#include "common/log.h"

#define ANSWER_MS 150000 /* longer than the longest call */

/* Which answers fit a question; MSG_FAILED always does. */
static const enum msg_type fitting[MSG_TYPES][2] = {
    [MSG_GET_INSTANCE] = {MSG_STATEMENT},
    [MSG_ENROLL] = {MSG_ENROLLED},
    [MSG_GET_STATE] = {MSG_STATEMENT, MSG_UNCHANGED},
    [MSG_GET_TRUST] = {MSG_STATEMENT},
    [MSG_GET_HOST_CERT] = {MSG_HOST_CERT},
    [MSG_REPORT] = {MSG_DONE},
};

/* "sftd" when the package made that user, else "nobody". */
static const struct passwd *
unprivileged_user(void)
{
    const struct passwd *pw = getpwnam("sftd");
    if (!pw)
        pw = getpwnam("nobody");
    return pw && pw->pw_uid != 0 && pw->pw_gid != 0 ? pw : NULL;
}

static int
drop_privileges(void)
{
    const struct passwd *pw = unprivileged_user();
    const struct rlimit none = {0, 0};
    if (!pw)
        return SFT_ENOTFOUND;
    uid_t uid = pw->pw_uid;
    gid_t gid = pw->pw_gid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return SFT_ESYSTEM;
    if (setuid(0) == 0 || seteuid(0) == 0)
        return SFT_EINTERNAL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return SFT_ESYSTEM;
    return 0;
}

/* The child keeps descriptors 0 to 2 and its socket; it dies with its parent. */
static void
child_main(int fd, pid_t parent, const struct conf *conf)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        _exit(1);
    if (dup2(fd, 3) < 0 || close_range(4, ~0u, 0) != 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0)
        _exit(1);
    int err = drop_privileges();
    /* dropping privileges clears the death signal */
    if (!err && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent))
        err = SFT_ESYSTEM;
    if (!err)
        err = sandbox_enter();
    if (err) {
        log_error("child", "reason=%s", log_q(sft_strerror(err)));
        _exit(1);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(net_serve(3, conf));
}

int
link_start(struct link *link, const struct conf *conf)
{
    int fd[2];
    pid_t parent = getpid();
    link->fd = -1;
    link->pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
        return SFT_ESYSTEM;
    pid_t pid = fork();
    if (pid == 0)
        child_main(fd[1], parent, conf);
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return SFT_ESYSTEM;
    }
    link->fd = fd[0];
    link->pid = pid;
    return 0;
}

void
link_stop(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    if (link->pid > 0) {
        kill(link->pid, SIGKILL);
        while (waitpid(link->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    link->fd = -1;
    link->pid = 0;
}

int
link_tell(struct link *link, const struct msg *m)
{
    return link->fd < 0 ? SFT_ENOTFOUND : msg_write(link->fd, m);
}

static bool
fits(enum msg_type question, enum msg_type answer)
{
    return answer == MSG_FAILED || answer == fitting[question][0] ||
           (fitting[question][1] && answer == fitting[question][1]);
}

static int
take_failure(const struct msg *m, struct link_failure *f)
{
    uint64_t err = m->field[FAILED_ERR].number;
    f->status = (unsigned)(m->field[FAILED_STATUS].number % 1000);
    f->retry_after = (int64_t)(m->field[FAILED_RETRY_AFTER].number % 86400);
    snprintf(f->error, sizeof f->error, "%s", m->field[FAILED_ERROR].p);
    snprintf(f->text, sizeof f->text, "%s", m->field[FAILED_TEXT].p);
    /* these two mean "no child" to our callers; a child cannot say them of itself */
    if (err == 0 || err > (uint64_t)-SFT_ERR_MIN || err == (uint64_t)-SFT_ENOTFOUND ||
        err == (uint64_t)-SFT_EFORMAT)
        return SFT_EREFUSED;
    return -(int)err;
}

int
link_ask(struct link *link, const struct msg *question, struct msg *answer,
         struct link_failure *failure)
{
    memset(failure, 0, sizeof *failure);
    msg_start(answer, MSG_NONE);
    int err = link_tell(link, question);
    if (!err)
        err = msg_read(link->fd, answer, ANSWER_MS);
    if (!err && !fits(question->type, answer->type)) {
        log_error("child", "reason=%s", log_q("it gave an answer that does not fit"));
        msg_free(answer);
        err = SFT_EFORMAT;
    }
    if (err) {
        snprintf(failure->text, sizeof failure->text, "network process: %s",
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
        link_stop(link);
        return err == SFT_ESYSTEM ? SFT_ENOTFOUND : err;
    }
    if (answer->type == MSG_FAILED) {
        err = take_failure(answer, failure);
        msg_free(answer);
    }
    return err;
}
