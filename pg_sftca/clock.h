/* SPDX-License-Identifier: PostgreSQL */
/*
 * clock.h - the wall clock (not the transaction's start) and PostgreSQL's time as seconds since
 * 1970.
 */
#ifndef SFTCA_CLOCK_H
#define SFTCA_CLOCK_H

#include "datatype/timestamp.h"
#include "utils/timestamp.h"

#define CLOCK_EPOCH_S ((int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
#define CLOCK_EPOCH_US (CLOCK_EPOCH_S * USECS_PER_SEC)

static inline int64
clock_unix(TimestampTz t)
{
    /* divided first: the last times of PostgreSQL lie beyond what 64 bits of microseconds since
     * 1970 can hold */
    return t / USECS_PER_SEC - (t % USECS_PER_SEC < 0) + CLOCK_EPOCH_S;
}

static inline TimestampTz
clock_timestamp_of(int64 unix_s)
{
    return unix_s * USECS_PER_SEC - CLOCK_EPOCH_US;
}

static inline int64
clock_now(void)
{
    return clock_unix(GetCurrentTimestamp());
}

static inline int64
clock_now_ms(void)
{
    return (GetCurrentTimestamp() + CLOCK_EPOCH_US) / 1000;
}

#endif
