/* SPDX-License-Identifier: PostgreSQL */
/*
 * run.c - runs one of the system's programs, with a clean environment and a deadline.
 *
 * No shell, no inherited descriptor, no variable of ours but PATH and LC_ALL. The program leads a
 * session of its own, so that a deadline ends its children, too.
 */
#include "agent/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fault.h"

#define TIMEOUT_MS 60000
#define NOT_FOUND 127

static void
child(const char *const argv[], int out)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *const environment[] = {path, locale, NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (setsid() < 0 || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(NOT_FOUND);
    if (chdir("/") != 0)
        _exit(NOT_FOUND);
    execvpe(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(NOT_FOUND);
}

static int
left_ms(const struct timespec *start, int timeout_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long gone =
        (now.tv_sec - start->tv_sec) * 1000LL + (now.tv_nsec - start->tv_nsec) / 1000000;
    return gone >= timeout_ms ? 0 : (int)(timeout_ms - gone);
}

/* Reads until the program and its children close the pipe; false at the deadline. */
static bool
collect(int fd, struct run *r, int timeout_ms)
{
    struct timespec start;
    char rest[512] = "";
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        int ready = poll(&p, 1, left_ms(&start, timeout_ms));
        if (ready == 0)
            return false;
        bool room = r->out && r->len + 1 < r->cap;
        ssize_t n = ready < 0 ? -1
                              : read(fd, room ? r->out + r->len : rest,
                                     room ? r->cap - 1 - r->len : sizeof rest);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return true;
        if (room)
            r->len += (size_t)n;
    }
}

static int
wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return NOT_FOUND;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
run(const char *const argv[], struct run *r, int timeout_ms)
{
    int fd[2];
    r->len = 0;
    r->status = -1;
    SFT_FAULT("run.before_exec");
    if (SFT_FAULT_ERR("run.exec"))
        return SFT_ESYSTEM;
    if (pipe2(fd, O_CLOEXEC) != 0)
        return SFT_ESYSTEM;
    pid_t pid = fork();
    if (pid == 0)
        child(argv, fd[1]);
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return SFT_ESYSTEM;
    }
    bool done = collect(fd[0], r, timeout_ms);
    if (!done)
        kill(-pid, SIGKILL);
    close(fd[0]);
    r->status = wait_for(pid);
    if (r->out && r->cap > 0)
        r->out[r->len] = '\0';
    SFT_FAULT("run.after_exec");
    return !done ? SFT_ETIMEOUT : r->status == NOT_FOUND ? SFT_ENOTFOUND : 0;
}

/* The last line that says something, for people. */
static const char *
last_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

int
run_ok(const char *const argv[], char *why, size_t cap)
{
    char text[2048] = "";
    struct run r = {.out = text, .cap = sizeof text};
    int err = run(argv, &r, TIMEOUT_MS);
    if (err)
        snprintf(why, cap, "%s: %s", argv[0],
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
    else if (r.status != 0)
        snprintf(why, cap, "%s exits with %d: %.200s", argv[0], r.status, last_line(text));
    return err ? err : r.status != 0 ? SFT_EREFUSED : 0;
}
