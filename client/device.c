/* SPDX-License-Identifier: PostgreSQL */
/*
 * device.c - what is told to the platform about this device.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/fsx.h"
#include "device.h"
#include "show.h"

#define FILE_MAX 8192
#define PATH_LEN 512
#define STACK_MAX 4 /* a file system on a volume on an encrypted disk */

/* PRETTY_NAME of os-release, without its quotes. */
static void
os_read(char *out, size_t cap)
{
    char *text;
    size_t len;
    (void)snprintf(out, cap, "linux");
    if (fsx_read("/etc/os-release", FILE_MAX, &text, &len) != 0)
        return;
    char *line = strstr(text, "\nPRETTY_NAME="), *at = NULL;
    if (strncmp(text, "PRETTY_NAME=", 12) == 0)
        at = text + 12;
    else if (line)
        at = line + 13;
    if (at) {
        at += *at == '"';
        at[strcspn(at, "\"\n")] = '\0';
        show_clean(out, cap, at);
    }
    free(text);
}

static bool
is_crypt(const char *sys)
{
    char path[PATH_LEN + 16], *text;
    size_t len;
    (void)snprintf(path, sizeof path, "%s/dm/uuid", sys);
    if (fsx_read(path, FILE_MAX, &text, &len) != 0)
        return false;
    bool is = strncmp(text, "CRYPT-", 6) == 0;
    free(text);
    return is;
}

/* The device or what lies below it; every one of several has to be encrypted. */
static bool
is_encrypted(const char *sys, int depth)
{
    char path[PATH_LEN];
    bool all = false;
    if (is_crypt(sys) || depth == STACK_MAX)
        return depth < STACK_MAX;
    if (snprintf(path, sizeof path, "%s/slaves", sys) >= PATH_LEN)
        return false;
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "/sys/class/block/%s", e->d_name) >= PATH_LEN ||
            !is_encrypted(path, depth + 1)) {
            all = false;
            break;
        }
        all = true;
    }
    closedir(dir);
    return all;
}

void
device_describe(struct device *d, const char *home)
{
    struct utsname u;
    struct stat st;
    char sys[PATH_LEN], name[256] = "";
    memset(d, 0, sizeof *d);
    (void)gethostname(name, sizeof name - 1);
    show_clean(d->hostname, sizeof d->hostname, name[0] ? name : "unknown");
    os_read(d->os, sizeof d->os);
    if (uname(&u) == 0)
        (void)snprintf(d->description, sizeof d->description, "%s %s %s", u.sysname, u.release,
                       u.machine);
    d->disk = DEVICE_UNKNOWN;
    if (stat(home, &st) != 0)
        return;
    (void)snprintf(sys, sizeof sys, "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
    if (access(sys, F_OK) == 0)
        d->disk = is_encrypted(sys, 0) ? DEVICE_ENCRYPTED : DEVICE_PLAIN;
}
