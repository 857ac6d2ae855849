/* SPDX-License-Identifier: PostgreSQL */
/*
 * tuple.c - a composite result.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "tuple.h"
#include "varlena.h"

Datum
tuple_of(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
    TupleDesc desc;
    if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "pg_sftca: a row is expected here");
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
bytea_of(const void *data, size_t len)
{
    bytea *b = palloc(VARHDRSZ + len);
    SET_VARSIZE(b, VARHDRSZ + len);
    memcpy(VARDATA(b), data, len);
    return PointerGetDatum(b);
}
