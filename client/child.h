/* SPDX-License-Identifier: PostgreSQL */
/*
 * child.h - running another program in our place and ending as it ends. No shell.
 */
#ifndef SFT_CLIENT_CHILD_H
#define SFT_CLIENT_CHILD_H

#include "ssh_agent.h"

/*
 * Runs path with argv and our environment, serves agent (or NULL) meanwhile, and gives its exit
 * code (128 + signal when it was killed). Signals from the terminal reach it directly; SIGTERM and
 * SIGHUP are passed on.
 */
SFT_CHECKED int child_run(const char *path, char *const argv[], struct ssh_agent *agent, int *exitp,
                          struct failure *f);

#endif
