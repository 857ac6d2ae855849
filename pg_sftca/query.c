/* SPDX-License-Identifier: PostgreSQL */
/*
 * query.c - prepared statements over SPI.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "query.h"

static void
prepare(struct query *query)
{
    if (query->plan != NULL)
        return;
    /* one generic plan: every statement here is a look-up by key */
    SPIPlanPtr plan =
        SPI_prepare_cursor(query->text, query->nargs, query->types, CURSOR_OPT_GENERIC_PLAN);
    if (plan == NULL || SPI_keepplan(plan) != 0)
        elog(ERROR, "pg_sftca: cannot prepare a statement: %s", SPI_result_code_string(SPI_result));
    query->plan = plan;
}

uint64
query_run(struct query *query, Datum *args, const char *nulls)
{
    prepare(query);
    PushActiveSnapshot(GetLatestSnapshot());
    int r = SPI_execute_plan(query->plan, args, nulls, true, 0);
    PopActiveSnapshot();
    if (r != SPI_OK_SELECT)
        elog(ERROR, "pg_sftca: cannot run a statement: %s", SPI_result_code_string(r));
    return SPI_processed;
}

uint64
query_write(struct query *query, Datum *args, const char *nulls)
{
    prepare(query);
    int r = SPI_execute_plan(query->plan, args, nulls, false, 0);
    if (r != SPI_OK_INSERT && r != SPI_OK_UPDATE && r != SPI_OK_DELETE)
        elog(ERROR, "pg_sftca: cannot run a statement: %s", SPI_result_code_string(r));
    return SPI_processed;
}

Datum
query_datum(int column)
{
    bool null;
    return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column + 1, &null);
}

bool
query_is_null(int column)
{
    bool null;
    (void)SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column + 1, &null);
    return null;
}

int32
query_int(int column)
{
    return DatumGetInt32(query_datum(column));
}

char *
query_text(int column)
{
    return query_is_null(column) ? NULL : TextDatumGetCString(query_datum(column));
}

bytea *
query_bytea(int column)
{
    return query_is_null(column) ? NULL : DatumGetByteaPCopy(query_datum(column));
}
