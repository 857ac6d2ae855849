/* SPDX-License-Identifier: PostgreSQL */
/*
 * child.c - running another program in our place and ending as it ends. No shell.
 */
#include <errno.h>
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

/* The child starts with the signals as they were before us. */
static int
spawn(const char *path, char *const argv[], pid_t *pidp)
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
        err = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    if (!err)
        err = posix_spawn(pidp, path, NULL, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    return err;
}

int
child_run(const char *path, char *const argv[], int *exitp, struct failure *f)
{
    struct sigaction pass = {.sa_handler = pass_on};
    pid_t pid = 0;
    int status = 0;

    *exitp = 255;
    (void)signal(SIGINT, SIG_IGN); /* the terminal sends it to the child as well */
    (void)signal(SIGQUIT, SIG_IGN);
    int err = spawn(path, argv, &pid);
    if (err)
        return fail(f, SFT_EXIT_ERROR, "Set ssh.program in sft.conf if it is elsewhere.", "%s: %s.",
                    path, strerror(err));
    child_pid = pid;
    (void)sigaction(SIGTERM, &pass, NULL);
    (void)sigaction(SIGHUP, &pass, NULL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail_err(f, SFT_ESYSTEM, path);
    child_pid = 0;
    *exitp = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}
