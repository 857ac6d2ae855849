/* SPDX-License-Identifier: PostgreSQL */
/*
 * tuple.h - returning one row with several columns.
 */
#ifndef SFTCA_TUPLE_H
#define SFTCA_TUPLE_H

#include "fmgr.h"

/* The row that the calling function's OUT parameters describe. */
Datum tuple_of(FunctionCallInfo fcinfo, Datum *values, bool *nulls);
Datum bytea_of(const void *data, size_t len);

#endif
