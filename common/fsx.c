/* SPDX-License-Identifier: PostgreSQL */
/*
 * fsx.c - files that are whole or not there: write to a temporary name, fsync, rename, fsync the
 * folder.
 *
 * Everything works through a descriptor of the folder, so that a folder swapped for a link between
 * two steps changes nothing. Temporary names start with ".tmp-": sudo, sshd's Include and shells
 * skip them.
 */
#include "common/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/text.h"

#define NO_ID ((uid_t)-1)

/* Where a file is: its folder as a descriptor, and its name in it (points into path). */
struct place {
    int dir;
    const char *name;
};

struct content {
    const void *data;
    size_t len;
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

static void
close_keeping_errno(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

static int
place_open(struct place *at, const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t dir_len = slash ? (size_t)(slash - path) : 0;
    at->dir = -1;
    at->name = slash ? slash + 1 : path;
    if (at->name[0] == '\0' || dir_len >= sizeof dir)
        return SFT_ENAME;
    memcpy(dir, path, dir_len);
    dir[dir_len] = '\0';
    at->dir = open(!slash ? "." : dir_len == 0 ? "/" : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return at->dir < 0 ? SFT_ESYSTEM : 0;
}

static int
write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SFT_ESYSTEM;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Opens a fresh temporary name beside the file; O_EXCL refuses whatever waits there. */
static int
temporary_open(const struct place *at, char *name, size_t cap, int *fdp)
{
    unsigned char random[6];
    char hex[2 * sizeof random + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return SFT_ESYSTEM;
    int err = hex_encode(hex, sizeof hex, random, sizeof random);
    if (err)
        return err;
    int n = snprintf(name, cap, ".tmp-%.200s-%s", at->name, hex);
    if (n < 0 || (size_t)n >= cap)
        return SFT_ENAME;
    *fdp = openat(at->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *fdp < 0 ? SFT_ESYSTEM : 0;
}

/* Owner before mode: a chown clears set-id bits, and nobody gets at the bytes before both are
 * right. */
static int
temporary_fill(int fd, const struct content *c)
{
    int err = write_all(fd, c->data, c->len);
    if (err)
        return err;
    if ((c->uid != NO_ID || c->gid != (gid_t)-1) && fchown(fd, c->uid, c->gid) != 0)
        return SFT_ESYSTEM;
    if (fchmod(fd, c->mode) != 0)
        return SFT_ESYSTEM;
    SFT_FAULT("fsx.before_fsync");
    return fsync(fd) == 0 ? 0 : SFT_ESYSTEM;
}

static int
replace(const struct place *at, const struct content *c)
{
    char name[256];
    int fd = -1, err = temporary_open(at, name, sizeof name, &fd);
    if (err)
        return err;
    err = temporary_fill(fd, c);
    close_keeping_errno(fd);
    SFT_FAULT("fsx.before_rename");
    if (!err && (SFT_FAULT_ERR("fsx.rename") || renameat(at->dir, name, at->dir, at->name) != 0))
        err = SFT_ESYSTEM;
    if (err) {
        int saved = errno;
        unlinkat(at->dir, name, 0);
        errno = saved;
        return err;
    }
    SFT_FAULT("fsx.after_rename");
    return fsync(at->dir) == 0 ? 0 : SFT_ESYSTEM;
}

int
fsx_write_as(const char *path, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid)
{
    struct content c = {data, len, mode, uid, gid};
    struct place at;
    int err = place_open(&at, path);
    if (err)
        return err;
    err = replace(&at, &c);
    close_keeping_errno(at.dir);
    return err;
}

int
fsx_write(const char *path, const void *data, size_t len, mode_t mode)
{
    return fsx_write_as(path, data, len, mode, NO_ID, (gid_t)-1);
}

struct text {
    char *p;
    size_t len, cap; /* p has cap bytes and one for the NUL */
};

static void
text_wipe(struct text *t)
{
    if (t->p)
        mem_wipe(t->p, t->len);
    free(t->p);
    t->p = NULL;
}

/* Not realloc: it would leave a secret's first half behind. */
static int
text_grow(struct text *t, size_t cap)
{
    struct text more = {malloc(cap + 1), t->len, cap};
    if (!more.p) {
        text_wipe(t);
        return SFT_ENOMEM;
    }
    if (t->len > 0)
        memcpy(more.p, t->p, t->len);
    text_wipe(t);
    *t = more;
    return 0;
}

/* Until the end or max + 1 bytes; what fstat says is where to begin (/proc says 0). */
static int
read_until_end(int fd, size_t expected, size_t max, struct text *t)
{
    int err = text_grow(t, expected < max ? expected + 1 : max + 1);
    while (!err && t->len <= max) {
        if (t->len == t->cap)
            err = text_grow(t, t->cap < max / 2 ? 2 * t->cap + 4096 : max + 1);
        ssize_t n = err ? 0 : read(fd, t->p + t->len, t->cap - t->len);
        if (err || n == 0)
            return err;
        if (n > 0)
            t->len += (size_t)n;
        else if (errno != EINTR)
            err = SFT_ESYSTEM;
    }
    return err ? err : SFT_ETOOLONG;
}

static int
read_all(int fd, size_t max, char **out, size_t *lenp)
{
    struct stat st;
    struct text t = {NULL, 0, 0};
    if (fstat(fd, &st) != 0)
        return SFT_ESYSTEM;
    if (st.st_size < 0 || (size_t)st.st_size > max || max >= SIZE_MAX / 2)
        return SFT_ETOOLONG;
    int err = read_until_end(fd, (size_t)st.st_size, max, &t);
    if (err) {
        text_wipe(&t);
        return err;
    }
    t.p[t.len] = '\0';
    *out = t.p;
    if (lenp)
        *lenp = t.len;
    return 0;
}

static bool
is_secret(const struct stat *st)
{
    return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & 0077) == 0;
}

static int
read_checked(const char *path, size_t max, bool secret, char **out, size_t *lenp)
{
    struct stat st;
    *out = NULL;
    if (lenp)
        *lenp = 0;
    /* O_NONBLOCK: a FIFO waiting at path must not hang us before fstat can refuse it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? SFT_ENOTFOUND : SFT_ESYSTEM;
    int err = fstat(fd, &st) != 0 ? SFT_ESYSTEM : 0;
    if (!err && (!S_ISREG(st.st_mode) || (secret && !is_secret(&st))))
        err = SFT_EMODE;
    if (!err)
        err = read_all(fd, max, out, lenp);
    close_keeping_errno(fd);
    return err;
}

int
fsx_read(const char *path, size_t max, char **out, size_t *lenp)
{
    return read_checked(path, max, false, out, lenp);
}

int
fsx_read_secret(const char *path, size_t max, char **out, size_t *lenp)
{
    return read_checked(path, max, true, out, lenp);
}

int
fsx_remove(const char *path)
{
    struct place at;
    int err = place_open(&at, path);
    if (err == SFT_ESYSTEM && errno == ENOENT)
        return 0;
    if (err)
        return err;
    SFT_FAULT("fsx.before_remove");
    if (unlinkat(at.dir, at.name, 0) != 0)
        err = errno == ENOENT ? 0 : SFT_ESYSTEM;
    else if (fsync(at.dir) != 0)
        err = SFT_ESYSTEM;
    close_keeping_errno(at.dir);
    return err;
}

int
fsx_private_dir(const char *path, mode_t mode)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return chmod(path, mode) == 0 ? 0 : SFT_ESYSTEM;
    if (errno != EEXIST || lstat(path, &st) != 0)
        return SFT_ESYSTEM;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 07777 & ~mode) != 0)
        return SFT_EMODE;
    return 0;
}

int
fsx_private_dirs(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0 || len >= sizeof part)
        return SFT_ENAME;
    memcpy(part, path, len);
    part[len] = '\0';
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return SFT_ESYSTEM;
        *slash = '/';
    }
    return fsx_private_dir(part, mode);
}

int
fsx_lock(const char *path, bool wait)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc;
    if (fd < 0)
        return SFT_ESYSTEM;
    do
        rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    close_keeping_errno(fd);
    return SFT_ESYSTEM;
}
