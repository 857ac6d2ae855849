/* SPDX-License-Identifier: PostgreSQL */
/*
 * apply.h - does one step of a plan.
 */
#ifndef SFTD_APPLY_H
#define SFTD_APPLY_H

#include "agent/agent.h"

/* Each step may be repeated. On failure why has words for people. */
SFT_CHECKED int apply(struct agent *a, const struct step *step, const struct actual *actual,
                      char *why, size_t cap);

#endif
