/* SPDX-License-Identifier: PostgreSQL */
/*
 * link_test.c - a child that was taken over: whatever it answers, the parent takes only what fits
 * its question, and otherwise ends the child.
 */
#include "agent/link.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/tap.h"

static int theirs;

/* A link to a child that only sleeps; we speak in its place. */
static struct link
link_make(void)
{
    int fd[2];
    struct link l = {-1, 0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
        return l;
    l.fd = fd[0];
    theirs = fd[1];
    l.pid = fork();
    if (l.pid == 0) {
        close(fd[0]);
        close(fd[1]);
        for (;;)
            pause();
    }
    return l;
}

static int
ask_with(struct link *l, enum msg_type question, const void *answer, size_t len, struct msg *got)
{
    struct msg m;
    struct link_failure f;
    msg_start(&m, question);
    if (write(theirs, answer, len) != (ssize_t)len)
        return SFT_EINTERNAL;
    return link_ask(l, &m, got, &f);
}

static void
unfitting(void)
{
    static const struct {
        enum msg_type question;
        unsigned char bytes[24];
        size_t len;
        const char *what;
    } rows[] = {
        {MSG_GET_STATE, {0, 0, 0, MSG_DONE, 0, 0, 0, 0}, 8, "another question's answer"},
        {MSG_REPORT, {0, 0, 0, MSG_UNCHANGED, 0, 0, 0, 0}, 8, "no change to a report"},
        {MSG_GET_INSTANCE, {0, 0, 0, MSG_UNCHANGED, 0, 0, 0, 0}, 8, "no change of the instance"},
        {MSG_REPORT, {0, 0, 0, MSG_PEER, 0, 0, 0, 0}, 8, "a parent's message"},
        {MSG_REPORT, {0, 0, 0, MSG_REPORT, 0, 0, 0, 0}, 8, "its own question"},
        {MSG_REPORT, {0, 0, 0, 99, 0, 0, 0, 0}, 8, "an unknown message"},
        {MSG_REPORT, {0, 0, 0, MSG_DONE, 0, 0, 0, 1, 'x'}, 9, "a payload too long"},
        {MSG_GET_HOST_CERT,
         {0, 0, 0, MSG_HOST_CERT, 0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 'a', 0},
         14,
         "a length beyond the message"},
        {MSG_REPORT, {0, 0, 0, MSG_DONE, 0xff, 0xff, 0xff, 0xff}, 8, "a message of 4 GiB"},
    };
    struct msg got;
    char what[100];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct link l = link_make();
        pid_t pid = l.pid;
        ok(ask_with(&l, rows[i].question, rows[i].bytes, rows[i].len, &got) != 0, rows[i].what);
        snprintf(what, sizeof what, "%s: the child is ended", rows[i].what);
        ok(l.fd < 0 && l.pid == 0 && kill(pid, 0) != 0, what);
        ok(got.type == MSG_NONE, "and nothing was taken");
        close(theirs);
    }
}

static void
fitting(void)
{
    static const unsigned char done[] = {0, 0, 0, MSG_DONE, 0, 0, 0, 0};
    struct link l = link_make();
    struct msg got;
    is_int(ask_with(&l, MSG_REPORT, done, sizeof done, &got), 0, "the answer that fits");
    ok(l.fd >= 0, "the child goes on");
    msg_free(&got);
    close(theirs);
    struct msg m;
    struct link_failure f;
    msg_start(&m, MSG_REPORT);
    is_int(link_ask(&l, &m, &got, &f), SFT_ENOTFOUND, "a child that is gone");
    ok(f.text[0] != '\0', "is told in words");
    link_stop(&l);
}

/* A child can say that it failed, but not that there is no child, nor that all is well. */
static void
failures(void)
{
    static const int rows[][2] = {
        {0, SFT_EREFUSED},    {SFT_ENOTFOUND, SFT_EREFUSED}, {SFT_EFORMAT, SFT_EREFUSED},
        {SFT_ETLS, SFT_ETLS}, {SFT_ETIMEOUT, SFT_ETIMEOUT},  {-1000, SFT_EREFUSED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct link l = link_make(), child = {theirs, 0};
        struct msg m, got;
        struct link_failure f;
        msg_start(&m, MSG_FAILED);
        msg_number(&m, FAILED_ERR, (uint64_t)-rows[i][0]);
        msg_number(&m, FAILED_STATUS, 503);
        msg_number(&m, FAILED_RETRY_AFTER, UINT64_MAX);
        msg_text(&m, FAILED_ERROR, "service_offline");
        ok(link_tell(&child, &m) == 0, "a failure");
        msg_start(&m, MSG_REPORT);
        is_int(link_ask(&l, &m, &got, &f), rows[i][1], "is one of those that a call can have");
        ok(f.status == 503 && f.retry_after >= 0 && f.retry_after < 86400,
           "with numbers in bounds");
        close(theirs);
        link_stop(&l);
    }
}

int
main(void)
{
    unfitting();
    fitting();
    failures();
    return done_testing();
}
