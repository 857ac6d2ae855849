/* SPDX-License-Identifier: PostgreSQL */
/*
 * argument.c - SQL arguments, checked for being there at all.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "argument.h"
#include "clock.h"
#include "throw.h"
#include "varlena.h"

#define LIST_MAX 1024

void
argument_need(FunctionCallInfo fcinfo, int i, const char *name)
{
    if (PG_ARGISNULL(i))
        sftca_refuse(SFTCA_INVALID, "argument_missing", "%s is missing", name);
}

char *
argument_text(FunctionCallInfo fcinfo, int i, const char *name)
{
    argument_need(fcinfo, i, name);
    return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

pg_uuid_t *
argument_uuid(FunctionCallInfo fcinfo, int i, const char *name)
{
    argument_need(fcinfo, i, name);
    return PG_GETARG_UUID_P(i);
}

int64
argument_time(FunctionCallInfo fcinfo, int i, const char *name)
{
    argument_need(fcinfo, i, name);
    TimestampTz t = PG_GETARG_TIMESTAMPTZ(i);
    if (TIMESTAMP_NOT_FINITE(t))
        sftca_refuse(SFTCA_INVALID, "validity_unbounded", "%s must be finite", name);
    return clock_unix(t);
}

struct text_list
argument_list(FunctionCallInfo fcinfo, int i, const char *name)
{
    struct text_list list;
    Datum *items;
    bool *nulls;

    argument_need(fcinfo, i, name);
    ArrayType *array = PG_GETARG_ARRAYTYPE_P(i);
    if (ARR_NDIM(array) > 1 || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > LIST_MAX)
        sftca_refuse(SFTCA_INVALID, "list_malformed", "%s must be one list of at most %d", name,
                     LIST_MAX);
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &list.n);
    list.items = palloc(sizeof(char *) * (size_t)(list.n + 1));
    for (int k = 0; k < list.n; k++) {
        if (nulls[k])
            sftca_refuse(SFTCA_INVALID, "list_malformed", "%s has a NULL in it", name);
        list.items[k] = TextDatumGetCString(items[k]);
    }
    return list;
}

void
argument_key(FunctionCallInfo fcinfo, int i, struct sshkey *key)
{
    argument_need(fcinfo, i, "public_key");
    text *t = PG_GETARG_TEXT_PP(i);
    int r = sshkey_from_text(key, VARDATA_ANY(t), varlena_len(t));
    if (r != SFT_OK)
        sftca_throw_key(r);
}

char *
argument_bytes_text(FunctionCallInfo fcinfo, int i, const char *name)
{
    argument_need(fcinfo, i, name);
    bytea *b = PG_GETARG_BYTEA_PP(i);
    size_t n = varlena_len(b);
    if (memchr(VARDATA_ANY(b), '\0', n) != NULL)
        sftca_refuse(SFTCA_INVALID, "malformed", "%s has a NUL byte", name);
    return pnstrdup(VARDATA_ANY(b), n);
}
