/* SPDX-License-Identifier: PostgreSQL */
/*
 * run.h - runs one of the system's programs, with a clean environment and a deadline.
 */
#ifndef SFTD_RUN_H
#define SFTD_RUN_H

#include <stddef.h>

#include "common/err.h"

struct run {
    int status; /* exit status, or 128 + signal */
    char *out;  /* what it said on stdout and stderr, cut at cap; caller's memory or NULL */
    size_t cap, len;
};

/*
 * Runs argv[0] (found in the system's folders only). 0 when it ran to its end, whatever its status;
 * SFT_ENOTFOUND when there is no such program, SFT_ETIMEOUT when it had to be killed.
 */
SFT_CHECKED int run(const char *const argv[], struct run *r, int timeout_ms);
/* As run, and SFT_EREFUSED for a status other than 0; why then has the program and its last line.
 */
SFT_CHECKED int run_ok(const char *const argv[], char *why, size_t cap);

#endif
