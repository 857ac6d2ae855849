/* SPDX-License-Identifier: PostgreSQL */
/*
 * call.h - one request, from libh2o to the doors and back.
 */
#ifndef SFT_GATEWAY_CALL_H
#define SFT_GATEWAY_CALL_H

#include "gateway/h2o_compat.h"

/* Registers the one handler; the contexts it runs in are those of workers (worker.h). */
void call_register(h2o_pathconf_t *path);

#endif
