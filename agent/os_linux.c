/* SPDX-License-Identifier: PostgreSQL */
/*
 * os_linux.c - Linux with the shadow tools, sudo, OpenSSH and perhaps systemd.
 *
 * Accounts are changed by the system's own programs only: they know locks, gshadow, subuids, labels
 * and caches. Never "useradd -m" (races leave a home with a wrong owner), and always with a
 * password field of
 * "*" (sshd without PAM takes "!" for a locked account).
 */
#include "agent/os_linux.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/run.h"
#include "common/fsx.h"
#include "common/text.h"

#define LOCK_TRIES 4
#define OS_RELEASE_MAX 16384
#define NOLOGIN "/usr/sbin/nologin"

enum { EXIT_MISSING = 6, EXIT_LOGGED_IN = 8, EXIT_LOCK = 1 };

/*
 * Runs a shadow tool. Another one may hold the lock on /etc/passwd: that is waited for a moment.
 * fine is a second exit status that means "nothing to do" (0: none).
 */
static int
shadow(const char *const argv[], int fine, char *why, size_t cap)
{
    int err = 0;
    for (int i = 0; i < LOCK_TRIES; i++) {
        char text[1024] = "";
        struct run r = {.out = text, .cap = sizeof text};
        err = run(argv, &r, 60000);
        if (err) {
            snprintf(why, cap, "%s: %s", argv[0],
                     err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
            return err;
        }
        if (r.status == 0 || (fine && r.status == fine))
            return 0;
        text[strcspn(text, "\n")] = '\0';
        snprintf(why, cap, "%s exits with %d: %.200s", argv[0], r.status, text);
        err = r.status == EXIT_LOGGED_IN ? SFT_EMODE : SFT_EREFUSED;
        if (r.status != EXIT_LOCK)
            return err;
        nanosleep(&(struct timespec){0, 150 * 1000000L * (i + 1)}, NULL);
    }
    return err;
}

static int
group_create(const char *name, gid_t gid, char *why, size_t cap)
{
    char id[16];
    snprintf(id, sizeof id, "%u", gid);
    return shadow((const char *const[]){"groupadd", "-g", id, name, NULL}, 0, why, cap);
}

static int
group_delete(const char *name, char *why, size_t cap)
{
    return shadow((const char *const[]){"groupdel", name, NULL}, EXIT_MISSING, why, cap);
}

static int
group_members(const char *name, const char *const *members, size_t n, char *why, size_t cap)
{
    char *list = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&list, &size);
    if (!f)
        return SFT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%s%s", i ? "," : "", members[i]);
    if (fclose(f) != 0 || !list)
        return SFT_ENOMEM;
    int err = shadow((const char *const[]){"gpasswd", "-M", list, name, NULL}, 0, why, cap);
    free(list);
    return err;
}

static int
account_create(const struct wanted_user *u, char *why, size_t cap)
{
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", u->uid);
    snprintf(gid, sizeof gid, "%u", u->gid);
    return shadow((const char *const[]){"useradd", "-M", "-p", "*", "-u", uid, "-g", gid, "-c",
                                        u->gecos, "-d", u->home, "-s", u->shell, u->name, NULL},
                  0, why, cap);
}

static int
account_change(const struct wanted_user *u, char *why, size_t cap)
{
    return shadow((const char *const[]){"usermod", "-c", u->gecos, "-d", u->home, "-s", u->shell,
                                        "-e", "", u->name, NULL},
                  0, why, cap);
}

static int
account_lock(const char *name, char *why, size_t cap)
{
    return shadow((const char *const[]){"usermod", "-e", "1", "-s", NOLOGIN, name, NULL},
                  EXIT_MISSING, why, cap);
}

static int
account_delete(const char *name, char *why, size_t cap)
{
    return shadow((const char *const[]){"userdel", name, NULL}, EXIT_MISSING, why, cap);
}

static int
sudoers_check(const char *path, char *why, size_t cap)
{
    return run_ok((const char *const[]){"visudo", "-cqf", path, NULL}, why, cap);
}

/* A pid file may be old: the process has to be a listening sshd of root's. */
static bool
is_sshd(long pid)
{
    char path[64], exe[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%ld/exe", pid);
    ssize_t n = readlink(path, exe, sizeof exe - 1);
    if (n <= 0)
        return false;
    exe[n] = '\0';
    const char *base = strrchr(exe, '/');
    return base && strncmp(base + 1, "sshd", 4) == 0;
}

/* sshd executes itself anew: it is there as before, or it has died of its configuration. */
static bool
survives(long pid)
{
    for (int i = 0; i < 10; i++) {
        nanosleep(&(struct timespec){0, 25 * 1000000L}, NULL);
        if (!is_sshd(pid))
            return false;
    }
    return true;
}

static int
reload_by_pid(const char *pid_file, char *why, size_t cap)
{
    char *text;
    int err = fsx_read(pid_file, 64, &text, NULL);
    long pid = err ? 0 : strtol(text, NULL, 10);
    if (!err)
        free(text);
    if (err || pid <= 1 || !is_sshd(pid)) {
        snprintf(why, cap, "no sshd is running (%s)", pid_file);
        return SFT_ENOTFOUND;
    }
    if (kill((pid_t)pid, SIGHUP) != 0) {
        snprintf(why, cap, "sshd %ld: %s", pid, strerror(errno));
        return SFT_ESYSTEM;
    }
    if (survives(pid))
        return 0;
    snprintf(why, cap, "sshd %ld ended when it was told to read its configuration: start it", pid);
    return SFT_EREFUSED;
}

/* Distributions call the unit ssh or sshd; "try-reload" leaves a stopped one alone. */
int
linux_sshd_reload(const char *pid_file, char *why, size_t cap)
{
    struct stat st;
    if (stat("/run/systemd/system", &st) == 0)
        for (int i = 0; i < 2; i++) {
            const char *unit = i == 0 ? "ssh.service" : "sshd.service";
            struct run r = {.out = NULL};
            if (run((const char *const[]){"systemctl", "-q", "is-active", unit, NULL}, &r, 20000) ==
                    0 &&
                r.status == 0)
                return run_ok((const char *const[]){"systemctl", "reload", unit, NULL}, why, cap);
        }
    return reload_by_pid(pid_file, why, cap);
}

static int
version(char *out, size_t cap)
{
    char *text;
    snprintf(out, cap, "Linux");
    int err = fsx_read("/etc/os-release", OS_RELEASE_MAX, &text, NULL);
    if (err)
        return err;
    char *line = strstr(text, "PRETTY_NAME=\"");
    if (line) {
        line += strlen("PRETTY_NAME=\"");
        snprintf(out, cap, "%.*s", (int)strcspn(line, "\"\n"), line);
    }
    free(text);
    return text_is_utf8(out, strlen(out)) ? 0 : SFT_EFORMAT;
}

const struct os_ops os_linux = {
    .type = "linux",
    .observe = linux_observe,
    .group_create = group_create,
    .group_delete = group_delete,
    .group_members = group_members,
    .account_create = account_create,
    .account_change = account_change,
    .account_lock = account_lock,
    .account_delete = account_delete,
    .home_create = linux_home_create,
    .logins_end = linux_logins_end,
    .sudoers_check = sudoers_check,
    .sshd_reload = linux_sshd_reload,
    .version = version,
};
