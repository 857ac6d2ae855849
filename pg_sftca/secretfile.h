/* SPDX-License-Identifier: PostgreSQL */
/*
 * secretfile.h - reading a file that holds a secret, and refusing one that others could have read
 * or put there.
 */
#ifndef SFTCA_SECRETFILE_H
#define SFTCA_SECRETFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRETFILE_REASON_MAX 256

struct secretfile {
    const char *what; /* how reasons name it; they never tell its path */
    int folder;       /* AT_FDCWD, or where path, a mere name, is looked up */
    const char *path;
    bool is_public; /* others may read it, not write it */
};

/*
 * Reads at most cap bytes into buf (caller wipes) and tells how many there were; false: reason says
 * why not. A regular file, no link, of root or the server's user, closed to others; root may open
 * it to the server's own group. Does not raise.
 */
bool secretfile_read(const struct secretfile *file, void *buf, size_t cap, size_t *lenp,
                     char reason[SECRETFILE_REASON_MAX]);
/*
 * Opens the folder for files that go in and out: of root or the server's user, written by nobody
 * else. -1: reason says why not.
 */
int secretfile_folder(const char *what, const char *path, char reason[SECRETFILE_REASON_MAX]);

#endif
