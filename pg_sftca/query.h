/* SPDX-License-Identifier: PostgreSQL */
/*
 * query.h - one prepared statement, planned once per backend, over SPI.
 *
 * Names and operators in the text are qualified: the caller's search_path means nothing here.
 */
#ifndef SFTCA_QUERY_H
#define SFTCA_QUERY_H

#include "executor/spi.h"

#define QUERY_ARGS_MAX 20

struct query {
    const char *text;
    int nargs;
    Oid types[QUERY_ARGS_MAX];
    SPIPlanPtr plan; /* made at first use */
};

/*
 * Runs it inside SPI_connect, seeing everything committed until now whatever the caller's isolation
 * level; returns the number of rows, which the readers below then take from. nulls as in SPI: NULL
 * for none.
 */
uint64 query_run(struct query *query, Datum *args, const char *nulls);
/* Runs a statement that writes; returns the number of rows written. */
uint64 query_write(struct query *query, Datum *args, const char *nulls);

/* Column of the first row; 0-based. Texts and bytea are copies in SPI's memory, NULL when null. */
bool query_is_null(int column);
Datum query_datum(int column);
int32 query_int(int column);
char *query_text(int column);
bytea *query_bytea(int column);

#endif
