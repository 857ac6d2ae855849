/* SPDX-License-Identifier: PostgreSQL */
/*
 * secretfile.c - files with secrets in them: who may have touched them.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secretfile.h"

static bool
refuse(char reason[SECRETFILE_REASON_MAX], const char *what, const char *fault)
{
    snprintf(reason, SECRETFILE_REASON_MAX, "%s %s", what, fault);
    return false;
}

static const char *
owner_fault(const struct stat *st)
{
    return st->st_uid != 0 && st->st_uid != geteuid()
               ? "belongs to neither root nor the server's user"
               : NULL;
}

/* Why this file is not fit to hold a secret, or NULL. */
static const char *
file_fault(const struct stat *st, bool is_public)
{
    if (!S_ISREG(st->st_mode))
        return "is not a regular file";
    if (owner_fault(st) != NULL)
        return owner_fault(st);
    if (is_public)
        return st->st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others" : NULL;
    if (st->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
        return "is open to others";
    /* root may hand it to the server's own group; the server's own file needs no group */
    if ((st->st_mode & S_IRGRP) && (st->st_uid != 0 || st->st_gid != getegid()))
        return "is readable by a group";
    return NULL;
}

static bool
read_open(int fd, const struct secretfile *file, void *buf, size_t cap, size_t *lenp,
          char reason[SECRETFILE_REASON_MAX])
{
    struct stat st;
    const char *fault =
        fstat(fd, &st) != 0 ? "cannot be examined" : file_fault(&st, file->is_public);
    ssize_t n = 0;
    if (fault != NULL)
        return refuse(reason, file->what, fault);
    for (*lenp = 0; *lenp < cap; *lenp += (size_t)n)
        if ((n = read(fd, (char *)buf + *lenp, cap - *lenp)) <= 0)
            break;
    return n < 0 ? refuse(reason, file->what, "cannot be read") : true;
}

/* O_NONBLOCK: a FIFO must not hang the server; O_NOFOLLOW: nobody may redirect us */
static int
open_at(int folder, const char *path, int flags, const char *what,
        char reason[SECRETFILE_REASON_MAX])
{
    int fd =
        openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | flags);
    if (fd < 0 && (errno == ELOOP || (errno == ENOTDIR && flags != 0)))
        refuse(reason, what, errno == ELOOP ? "is a symbolic link" : "is not a folder, or a link");
    else if (fd < 0)
        snprintf(reason, SECRETFILE_REASON_MAX, "%s cannot be opened: %s", what, strerror(errno));
    return fd;
}

bool
secretfile_read(const struct secretfile *file, void *buf, size_t cap, size_t *lenp,
                char reason[SECRETFILE_REASON_MAX])
{
    *lenp = 0;
    int fd = open_at(file->folder, file->path, 0, file->what, reason);
    if (fd < 0)
        return false;
    bool good = read_open(fd, file, buf, cap, lenp, reason);
    close(fd);
    return good;
}

int
secretfile_folder(const char *what, const char *path, char reason[SECRETFILE_REASON_MAX])
{
    struct stat st;
    int fd = open_at(AT_FDCWD, path, O_DIRECTORY, what, reason);
    if (fd < 0)
        return -1;
    const char *fault = fstat(fd, &st) != 0                ? "cannot be examined"
                        : owner_fault(&st) != NULL         ? owner_fault(&st)
                        : st.st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others"
                                                           : NULL;
    if (fault == NULL)
        return fd;
    refuse(reason, what, fault);
    close(fd);
    return -1;
}
