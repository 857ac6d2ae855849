/* SPDX-License-Identifier: PostgreSQL */
/*
 * option.h - which options an SSH certificate may carry, and what may stand in them.
 */
#ifndef SFTCA_OPTION_H
#define SFTCA_OPTION_H

#include <stdbool.h>

#define OPTION_VALUE_MAX 1024

enum option_kind { OPTION_CRITICAL, OPTION_CRITICAL_SK, OPTION_EXTENSION };

/* NULL when a certificate may carry it, else which rule it breaks, as the end of a sentence. */
const char *option_refusal(enum option_kind kind, const char *name, const char *value);
/* force-command, source-address; verify-required only where the subject is an sk- key. */
bool option_is_critical(const char *name, const char *value, bool is_sk);
/* permit-* flags, our own "<word>@sft" with a text, and anybody's "<word>@<domain>". */
bool option_is_extension(const char *name, const char *value);

#endif
