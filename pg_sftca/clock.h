/* SPDX-License-Identifier: PostgreSQL */
/*
 * clock.h - the wall clock (not the transaction's start) and PostgreSQL's time as seconds since
 * 1970.
 */
#ifndef SFTCA_CLOCK_H
#define SFTCA_CLOCK_H

#include "datatype/timestamp.h"
#include "utils/timestamp.h"

#define CLOCK_EPOCH_US ((int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static inline int64
clock_unix(TimestampTz t)
{
    int64 us = t + CLOCK_EPOCH_US;
    return us / USECS_PER_SEC - (us % USECS_PER_SEC < 0);
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
