/* SPDX-License-Identifier: PostgreSQL */
/*
 * tree.h - removing a folder of ours with all that is in it.
 */
#ifndef SFT_CLIENT_TREE_H
#define SFT_CLIENT_TREE_H

#include "common/err.h"

/* Removes path and what is below it; follows no link; a missing path is fine. SFT_ESYSTEM. */
SFT_CHECKED int tree_remove(const char *path);

#endif
