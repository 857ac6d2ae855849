/* SPDX-License-Identifier: PostgreSQL */
/*
 * signin.h - getting a session, bound to the device key: from a password at the terminal or a file.
 */
#ifndef SFT_CLIENT_SIGNIN_H
#define SFT_CLIENT_SIGNIN_H

#include "cmd.h"

/* Signs in with the password in the file ("-": standard input), or asked for when file is NULL. */
SFT_CHECKED int signin(struct ctx *ctx, const char *file);
/* What NEED_SESSION means: a live session, or signing in at the terminal, or SFT_EXIT_LOGIN. */
SFT_CHECKED int signin_need(struct ctx *ctx);
/* Whether a session is known that has not run out. */
bool signin_is_live(const struct account *a);

#endif
