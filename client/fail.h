/* SPDX-License-Identifier: PostgreSQL */
/*
 * fail.h - how a command of sft fails: an exit code, one sentence, and what to do next.
 *
 * Everything below main.c returns 0 or an enum sft_exit after fail() has filled struct failure;
 * only main.c prints it. Exit codes are part of what sft promises (README.md, sft(1)).
 */
#ifndef SFT_CLIENT_FAIL_H
#define SFT_CLIENT_FAIL_H

#include "common/err.h"

enum sft_exit {
    SFT_EXIT_OK = 0,
    SFT_EXIT_ERROR = 1,        /* anything that has no code of its own */
    SFT_EXIT_USAGE = 2,        /* wrong command line */
    SFT_EXIT_NOT_ENROLLED = 3, /* this device is not enrolled (any more) */
    SFT_EXIT_LOGIN = 4,        /* sign in first */
    SFT_EXIT_DENIED = 5,       /* the platform says no */
    SFT_EXIT_NOT_FOUND = 6,    /* no such thing, or more than one */
    SFT_EXIT_UNREACHABLE = 7,  /* no usable answer from the platform */
    SFT_EXIT_TOO_OLD = 8,      /* the platform does not speak our wire version */
    SFT_EXIT_INTERRUPTED = 130
};

struct failure {
    enum sft_exit code;
    char error[64]; /* the platform's word for it ("not_granted"), or empty */
    char text[700]; /* one sentence, safe to show */
    char next[300]; /* what to do next, or empty */
};

/* Fills f and returns code. The texts are made safe for a terminal; later failures replace it. */
__attribute__((format(printf, 4, 5))) int fail(struct failure *f, enum sft_exit code,
                                               const char *next, const char *fmt, ...);
/* The same for an error of common/: "subject: sentence". A failed system call adds its errno. */
int fail_err(struct failure *f, int err, const char *subject);

#endif
