/* SPDX-License-Identifier: PostgreSQL */
/*
 * option.h - which options an SSH certificate may carry, and what may stand in them.
 */
#ifndef SFTCA_OPTION_H
#define SFTCA_OPTION_H

#include <stdbool.h>

#define OPTION_VALUE_MAX 1024

/* force-command, source-address; verify-required only where the subject is an sk- key. */
bool option_is_critical(const char *name, const char *value, bool is_sk);
/* permit-* flags, and our own "<word>@sft" with a text. */
bool option_is_extension(const char *name, const char *value);

#endif
