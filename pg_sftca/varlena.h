/* SPDX-License-Identifier: PostgreSQL */
/*
 * varlena.h - values of variable length. PostgreSQL 16 took the macros out of postgres.h, and those
 * of 17 convert signs where gcc 14 looks.
 */
#ifndef SFTCA_VARLENA_H
#define SFTCA_VARLENA_H

#include "postgres.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
/* Bytes in a value without its header; the value must be detoasted (packed is fine). */
static inline size_t
varlena_len(const void *value)
{
    return VARSIZE_ANY_EXHDR(value);
}
#pragma GCC diagnostic pop

#endif
