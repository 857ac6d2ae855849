/* SPDX-License-Identifier: PostgreSQL */
/*
 * child.c - running another program in our place and ending as it ends. No shell.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

extern char **environ;

static volatile sig_atomic_t child_pid;

static void
pass_on(int number)
{
    int saved = errno;
    if (child_pid > 0)
        (void)kill((pid_t)child_pid, number);
    errno = saved;
}

static void
wake_up(int number)
{
    (void)number; /* only interrupts ppoll() */
}

/* The child starts with the signals as they were before us. */
static int
spawn(const char *path, char *const argv[], const sigset_t *mask, pid_t *pidp)
{
    posix_spawnattr_t attr;
    sigset_t defaults;
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGINT);
    (void)sigaddset(&defaults, SIGQUIT);
    int err = posix_spawnattr_init(&attr);
    if (err)
        return err;
    err = posix_spawnattr_setsigdefault(&attr, &defaults);
    if (!err)
        err = posix_spawnattr_setsigmask(&attr, mask);
    if (!err)
        err = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!err)
        err = posix_spawn(pidp, path, NULL, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    return err;
}

static void
on(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigaction(number, &action, NULL);
}

/* SIGCHLD is blocked but within ppoll(), so that no end of the child is missed. */
static int
wait_for(pid_t pid, struct ssh_agent *agent, const sigset_t *open_mask, int *statusp)
{
    struct pollfd rows[AGENT_CONNECTIONS_MAX + 1];
    for (;;) {
        pid_t ended = waitpid(pid, statusp, WNOHANG);
        if (ended == pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return SFT_ESYSTEM;
        nfds_t n = agent ? ssh_agent_poll_rows(agent, rows) : 0;
        if (ppoll(rows, n, NULL, open_mask) > 0 && agent)
            ssh_agent_serve(agent, rows, n);
    }
}

int
child_run(const char *path, char *const argv[], struct ssh_agent *agent, int *exitp,
          struct failure *f)
{
    sigset_t blocked, before;
    pid_t pid = 0;
    int status = 0;

    *exitp = 255;
    on(SIGINT, SIG_IGN); /* the terminal sends it to the child as well */
    on(SIGQUIT, SIG_IGN);
    on(SIGCHLD, wake_up);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    (void)sigdelset(&before, SIGCHLD);
    int err = spawn(path, argv, &before, &pid);
    if (err)
        return fail(f, SFT_EXIT_ERROR, "Set ssh.program in sft.conf if it is elsewhere.", "%s: %s.",
                    path, strerror(err));
    child_pid = pid;
    on(SIGTERM, pass_on);
    on(SIGHUP, pass_on);
    err = wait_for(pid, agent, &before, &status);
    child_pid = 0;
    if (err)
        return fail_err(f, err, path);
    *exitp = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}
