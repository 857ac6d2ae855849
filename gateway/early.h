/* SPDX-License-Identifier: PostgreSQL */
/*
 * early.h - what libh2o refuses by itself, before there is a call: in our form, and in the access
 * log.
 */
#ifndef SFT_GATEWAY_EARLY_H
#define SFT_GATEWAY_EARLY_H

#include "gateway/h2o_compat.h"

/* path: the fallback, under which libh2o sends errors of requests that it did not hand on. */
void early_register(h2o_pathconf_t *path);

#endif
