/* SPDX-License-Identifier: PostgreSQL */
/*
 * observe.h - fills struct actual for what a->desired speaks of.
 */
#ifndef SFTD_OBSERVE_H
#define SFTD_OBSERVE_H

#include "agent/agent.h"

/* On failure why says what could not be looked at, and there is nothing to free. */
SFT_CHECKED int observe(const struct agent *a, struct actual *actual, char *why, size_t cap);
/* Removes every sudoers file of ours, of whatever project. */
SFT_CHECKED int observe_sudoers_remove(const struct agent *a);
/* The file for this project's sudo rights. */
void observe_sudoers_path(const struct agent *a, char out[PATH_MAX]);

#endif
