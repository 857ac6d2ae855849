/* SPDX-License-Identifier: PostgreSQL */
/*
 * tree.c - removing a folder of ours with all that is in it.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>

#include "tree.h"

#define FILES_OPEN 8

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

int
tree_remove(const char *path)
{
    if (nftw(path, remove_one, FILES_OPEN, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return SFT_ESYSTEM;
}
