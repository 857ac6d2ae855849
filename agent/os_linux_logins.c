/* SPDX-License-Identifier: PostgreSQL */
/*
 * os_linux_logins.c - ending a user's logins: sshd's privileged half of each session, and
 * everything that runs with the user's uid (a command without a terminal outlives its connection).
 *
 * Processes that fork and exit all the time can slip through a walk over /proc: when it finds
 * nothing more, one kill(-1) with the user's own rights, which the kernel does at one stroke, makes
 * sure.
 *
 * A process is looked at through a descriptor (pidfd) taken first, so that a number that was given
 * to another process meanwhile is never hit.
 */
#include "agent/os_linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

#define ROUNDS 30 /* of 100 ms; SIGTERM in the first ten, SIGKILL in the others */

static size_t
proc_read(unsigned pid, const char *file, char *buf, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, buf, cap - 1);
    if (fd >= 0)
        close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* Whether any of real, effective, saved and file system uid is the user's. */
static bool
runs_as(unsigned pid, uid_t uid)
{
    char status[4096];
    unsigned id[4];
    if (!proc_read(pid, "status", status, sizeof status))
        return false;
    const char *line = strstr(status, "\nUid:");
    if (!line || sscanf(line, "\nUid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
        return false;
    return id[0] == uid || id[1] == uid || id[2] == uid || id[3] == uid;
}

/* sshd names its processes "sshd: alice [priv]", newer ones "sshd-session: alice [priv]". */
static bool
is_monitor_of(unsigned pid, const char *name)
{
    char title[256], want[2][96];
    snprintf(want[0], sizeof want[0], "sshd: %s [priv]", name);
    snprintf(want[1], sizeof want[1], "sshd-session: %s [priv]", name);
    if (!proc_read(pid, "cmdline", title, sizeof title) || !runs_as(pid, 0))
        return false;
    size_t len = strlen(title);
    while (len > 0 && title[len - 1] == ' ')
        title[--len] = '\0';
    return strcmp(title, want[0]) == 0 || strcmp(title, want[1]) == 0;
}

/* 1 when there was such a process and it has been signalled. */
static int
strike(unsigned pid, const char *name, uid_t uid, int sig)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), hit = 0;
    if (fd < 0)
        return 0;
    if (runs_as(pid, uid) || is_monitor_of(pid, name))
        hit = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) == 0;
    close(fd);
    return hit;
}

/* How many processes of the user there were. */
static int
strike_all(const char *name, uid_t uid, int sig)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    uint64_t pid;
    int hits = 0;
    while (proc && (entry = readdir(proc)) != NULL)
        if (text_u64(entry->d_name, INT32_MAX, &pid) == 0)
            hits += strike((unsigned)pid, name, uid, sig);
    if (proc)
        closedir(proc);
    return proc ? hits : -1;
}

/* What may not signal process 1 has root's rights no more: only then is "all" the user's own. */
static void
sweep_child(uid_t uid)
{
    if (uid < 1000 || setresuid(uid, uid, uid) != 0 || getuid() != uid || geteuid() != uid)
        _exit(1);
    if (kill(1, 0) == 0 || errno != EPERM)
        _exit(1);
    (void)kill(-1, SIGKILL);
    _exit(0);
}

static int
sweep(uid_t uid)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        sweep_child(uid);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return SFT_ESYSTEM;
    /* one that a process of the user's has killed is not an error: the next walk finds that one */
    return pid > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) != 0) ? 0 : SFT_ESYSTEM;
}

int
linux_logins_end(const char *name, uid_t uid, char *why, size_t cap)
{
    const struct timespec pause = {0, 100 * 1000000};
    bool is_swept = false;
    for (int i = 0; i < ROUNDS; i++) {
        int hits = strike_all(name, uid, i < 10 ? SIGTERM : SIGKILL);
        if (hits == 0 && is_swept)
            return 0;
        is_swept = hits == 0;
        if (hits < 0 || (is_swept && sweep(uid) != 0)) {
            snprintf(why, cap, "%s: %s", hits < 0 ? "/proc" : "kill", strerror(errno));
            return SFT_ESYSTEM;
        }
        if (!is_swept)
            nanosleep(&pause, NULL);
    }
    snprintf(why, cap, "processes of the user do not end");
    return SFT_ETIMEOUT;
}
