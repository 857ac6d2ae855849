/* SPDX-License-Identifier: PostgreSQL */
/*
 * os_linux_home.c - a home folder made by hand: 0700, the user's, filled from /etc/skel.
 *
 * It is built under a name of our own beside its place, by descriptors only, and renamed when
 * whole: no link that somebody put in the way is ever followed, and a crash leaves nothing half.
 */
#include "agent/os_linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"

#define SKEL "/etc/skel"
#define DEPTH_MAX 8
#define FILE_MAX (1 << 20)

static int copy_folder(int from, int to, const struct wanted_user *u, int depth);

static int
copy_bytes(int from, int to)
{
    char buf[16384];
    size_t all = 0;
    for (;;) {
        ssize_t n = read(from, buf, sizeof buf);
        if (n <= 0)
            return n == 0 ? 0 : SFT_ESYSTEM;
        if (write(to, buf, (size_t)n) != n)
            return SFT_ESYSTEM;
        all += (size_t)n;
        if (all > FILE_MAX)
            return SFT_ETOOLONG;
    }
}

static int
copy_file(int from_dir, int to_dir, const char *name, mode_t mode, const struct wanted_user *u)
{
    int err = SFT_ESYSTEM;
    int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (from >= 0 && to >= 0)
        err = copy_bytes(from, to);
    if (!err && (fchown(to, u->uid, u->gid) != 0 || fchmod(to, mode & 0755) != 0))
        err = SFT_ESYSTEM;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return err;
}

static int
copy_link(int from_dir, int to_dir, const char *name, const struct wanted_user *u)
{
    char target[1024];
    ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
    if (n < 0)
        return SFT_ESYSTEM;
    target[n] = '\0';
    if (symlinkat(target, to_dir, name) != 0 ||
        fchownat(to_dir, name, u->uid, u->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return SFT_ESYSTEM;
    return 0;
}

static int
copy_subfolder(int from_dir, int to_dir, const char *name, mode_t mode, const struct wanted_user *u,
               int depth)
{
    int err = SFT_ESYSTEM, flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (mkdirat(to_dir, name, 0700) != 0)
        return SFT_ESYSTEM;
    int from = openat(from_dir, name, flags), to = openat(to_dir, name, flags);
    if (from >= 0 && to >= 0)
        err = copy_folder(from, to, u, depth + 1);
    if (!err && (fchown(to, u->uid, u->gid) != 0 || fchmod(to, mode & 0755) != 0))
        err = SFT_ESYSTEM;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return err;
}

static int
copy_entry(int from, int to, const char *name, const struct wanted_user *u, int depth)
{
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return SFT_ESYSTEM;
    if (S_ISREG(st.st_mode))
        return copy_file(from, to, name, st.st_mode, u);
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, name, u);
    if (S_ISDIR(st.st_mode))
        return copy_subfolder(from, to, name, st.st_mode, u, depth);
    return 0; /* devices, sockets and pipes are no part of a home */
}

static int
copy_folder(int from, int to, const struct wanted_user *u, int depth)
{
    int err = depth > DEPTH_MAX ? SFT_ETOOLONG : 0, copy = dup(from);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;
    if (!dir)
        return SFT_ESYSTEM;
    while (!err && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            err = copy_entry(from, to, entry->d_name, u, depth);
    closedir(dir);
    return err;
}

static int
fill(int root, const char *name, const struct wanted_user *u)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, err = 0;
    int home = openat(root, name, flags), skel = open(SKEL, flags);
    if (home < 0)
        err = SFT_ESYSTEM;
    if (!err && skel >= 0)
        err = copy_folder(skel, home, u, 0);
    if (!err && (fchown(home, u->uid, u->gid) != 0 || fchmod(home, 0700) != 0 || fsync(home) != 0))
        err = SFT_ESYSTEM;
    if (home >= 0)
        close(home);
    if (skel >= 0)
        close(skel);
    return err;
}

/* Removes what an earlier, interrupted try has left under our temporary name. */
static void
remove_tree(int dir, const char *name, int depth)
{
    struct dirent *entry;
    int fd = depth > DEPTH_MAX + 2
                 ? -1
                 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    while (d && (entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_tree(fd, entry->d_name, depth + 1);
    if (d)
        closedir(d);
    unlinkat(dir, name, d ? AT_REMOVEDIR : 0);
}

static int
build(int root, const char *base, const struct wanted_user *u)
{
    char name[300];
    snprintf(name, sizeof name, ".sftd-%s", base);
    remove_tree(root, name, 0);
    if (mkdirat(root, name, 0700) != 0)
        return SFT_ESYSTEM;
    SFT_FAULT("home.before_fill");
    int err = fill(root, name, u);
    SFT_FAULT("home.before_rename");
    /* NOREPLACE: never over something that appeared meanwhile */
    if (!err && renameat2(root, name, root, base, RENAME_NOREPLACE) != 0)
        err = SFT_ESYSTEM;
    if (err) {
        int saved = errno;
        remove_tree(root, name, 0);
        errno = saved;
        return err;
    }
    return fsync(root) == 0 ? 0 : SFT_ESYSTEM;
}

int
linux_home_create(const struct wanted_user *u, char *why, size_t cap)
{
    char parent[256];
    const char *slash = strrchr(u->home, '/');
    struct stat st;
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - u->home), u->home);
    int root = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = root < 0 || fstat(root, &st) != 0 ? SFT_ESYSTEM : 0;
    if (!err && (st.st_uid != 0 || (st.st_mode & 022) != 0))
        err = SFT_EMODE;
    if (!err)
        err = build(root, slash + 1, u);
    if (err)
        snprintf(why, cap, "%s: %s", u->home,
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
    if (root >= 0)
        close(root);
    return err;
}
