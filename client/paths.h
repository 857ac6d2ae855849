/* SPDX-License-Identifier: PostgreSQL */
/*
 * paths.h - where sft keeps things: XDG folders, all ours and closed to others.
 *
 * config  $XDG_CONFIG_HOME/sft     sft.conf, written by people
 * state   $XDG_STATE_HOME/sft      accounts/, default, hosts/ (what the printed ssh block includes)
 * cache   $XDG_CACHE_HOME/sft      names of servers, last answers; may be removed at any time
 * runtime $XDG_RUNTIME_DIR/sft     session keys and certificates; gone after a reboot
 */
#ifndef SFT_CLIENT_PATHS_H
#define SFT_CLIENT_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "fail.h"

#define PATH_CAP 1024

struct paths {
    char home[PATH_CAP], config[PATH_CAP], state[PATH_CAP], cache[PATH_CAP], runtime[PATH_CAP];
    bool runtime_is_state; /* no usable $XDG_RUNTIME_DIR: keys outlive a reboot */
};

/* Works out the folders; makes none. */
SFT_CHECKED int paths_init(struct paths *p, struct failure *f);
/* Makes state, cache and runtime, 0700, or checks that they are ours and private. */
SFT_CHECKED int paths_make(const struct paths *p, struct failure *f);
/* "a/b" into out of PATH_CAP bytes. */
SFT_CHECKED int path_join(char *out, const char *dir, const char *name, struct failure *f);
/* Makes the folder 0700 with its parents, or checks that an existing one is ours and private. */
SFT_CHECKED int path_private(const char *dir, struct failure *f);
/* Writes a file 0600 unless it has this text already; its time is then set to now. */
SFT_CHECKED int path_renew(const char *path, const char *text, struct failure *f);
/* The absolute path of this program, as the ssh configuration names it. */
SFT_CHECKED int path_of_program(char *out, struct failure *f);
/* Whether a path can stand in double quotes in ssh_config and in single quotes in a shell. */
bool path_is_quotable(const char *path);

#endif
