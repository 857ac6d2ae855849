/* SPDX-License-Identifier: PostgreSQL */
/*
 * argument.h - taking SQL arguments that must be there. NULL raises argument_missing with its name.
 */
#ifndef SFTCA_ARGUMENT_H
#define SFTCA_ARGUMENT_H

#include "fmgr.h"
#include "utils/uuid.h"

#include "common/sshkey.h"

struct text_list {
    int n;
    char **items;
};

void argument_need(FunctionCallInfo fcinfo, int i, const char *name);
char *argument_text(FunctionCallInfo fcinfo, int i, const char *name);
pg_uuid_t *argument_uuid(FunctionCallInfo fcinfo, int i, const char *name);
/* Seconds since 1970, fractions dropped; infinity raises validity_unbounded. */
int64 argument_time(FunctionCallInfo fcinfo, int i, const char *name);
/* A one-dimensional text[] without NULLs. */
struct text_list argument_list(FunctionCallInfo fcinfo, int i, const char *name);
/* A public key in SSH text form; raises public_key_... */
void argument_key(FunctionCallInfo fcinfo, int i, struct sshkey *key);
/* A bytea as a C string; raises malformed when it holds a NUL byte. */
char *argument_bytes_text(FunctionCallInfo fcinfo, int i, const char *name);

#endif
