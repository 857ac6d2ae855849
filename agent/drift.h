/* SPDX-License-Identifier: PostgreSQL */
/*
 * drift.h - where this host differs from what the platform wants and sftd could not or may not
 * change it.
 */
#ifndef SFTD_DRIFT_H
#define SFTD_DRIFT_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DRIFT_MAX 64

struct drift_row {
    char what[64], reason[256], fix[200];
};

struct drift {
    struct drift_row rows[DRIFT_MAX];
    size_t n, left_out;
};

void drift_clear(struct drift *d);
/* Adds a row unless it is there already. */
void drift_add(struct drift *d, const char *what, const char *reason, const char *fix);
/* For the message to the child: rows as SSH strings. */
SFT_CHECKED int drift_pack(const struct drift *d, void *out, size_t cap, size_t *lenp);
SFT_CHECKED int drift_unpack(struct drift *d, const void *bytes, size_t len);

#endif
