/* SPDX-License-Identifier: PostgreSQL */
/*
 * prompt.h - asking the person at the terminal.
 */
#ifndef SFT_CLIENT_PROMPT_H
#define SFT_CLIENT_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "fail.h"

/* Whether there is a terminal to ask at. */
bool prompt_is_possible(void);
/* Asks on the terminal, not on standard input, without echo; the caller wipes out. */
SFT_CHECKED int prompt_secret(const char *question, char *out, size_t cap, struct failure *f);
/* Asks a yes or no question; only "y" and "yes" mean yes. */
SFT_CHECKED int prompt_yes(const char *question, bool *yesp, struct failure *f);
/* The first line of a file, or of standard input for "-"; second may be NULL. The caller wipes. */
SFT_CHECKED int prompt_file(const char *path, char *first, char *second, size_t cap,
                            struct failure *f);

#endif
