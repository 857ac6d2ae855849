/* SPDX-License-Identifier: PostgreSQL */
/*
 * fsx.h - files that are whole or not there: write to a temporary name, fsync, rename, fsync the
 * folder.
 */
#ifndef SFT_FSX_H
#define SFT_FSX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

/* Replaces path; never follows a link at path or its temporary name. errno tells after SFT_ESYSTEM.
 */
SFT_CHECKED int fsx_write(const char *path, const void *data, size_t len, mode_t mode);
/* As fsx_write with owner and group, set before the name appears. */
SFT_CHECKED int fsx_write_as(const char *path, const void *data, size_t len, mode_t mode, uid_t uid,
                             gid_t gid);
/* Reads a regular file of at most max bytes into malloc'd memory with a final NUL. SFT_ENOTFOUND.
 */
SFT_CHECKED int fsx_read(const char *path, size_t max, char **out, size_t *lenp);
/* As fsx_read, and refuses (SFT_EMODE) a file not owned by us or root, or readable by others. */
SFT_CHECKED int fsx_read_secret(const char *path, size_t max, char **out, size_t *lenp);
/* Removes path if it is there and fsyncs the folder. */
SFT_CHECKED int fsx_remove(const char *path);
/* Makes a folder with this mode, ours; an existing one must be ours, a real folder, and not wider.
 */
SFT_CHECKED int fsx_private_dir(const char *path, mode_t mode);
/* mkdir -p for all but the last element with mode 0755, then fsx_private_dir. */
SFT_CHECKED int fsx_private_dirs(const char *path, mode_t mode);
/* Takes an exclusive lock on path (made 0600 if missing); -1..: error, else a file descriptor. */
SFT_CHECKED int fsx_lock(const char *path, bool wait);

#endif
