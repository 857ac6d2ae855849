/* SPDX-License-Identifier: PostgreSQL */
/*
 * litter.h - temporary files that a killed sftd left behind.
 */
#ifndef SFTD_LITTER_H
#define SFTD_LITTER_H

#include "agent/agent.h"

/* Removes them; nobody but the one sftd that holds the lock may call it. */
void litter_remove(const struct agent *a);

#endif
