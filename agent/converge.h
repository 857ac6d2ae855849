/* SPDX-License-Identifier: PostgreSQL */
/*
 * converge.h - makes the host what a->desired says, as far as it may and can.
 */
#ifndef SFTD_CONVERGE_H
#define SFTD_CONVERGE_H

#include "agent/agent.h"

/* Fills a->drift and a->healthy; with a->dry_run only prints the first pass. */
void converge(struct agent *a);

#endif
