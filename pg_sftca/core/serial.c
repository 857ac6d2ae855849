/* SPDX-License-Identifier: PostgreSQL */
/*
 * serial.c - certificate serials: time, then chance.
 */
#include "core/serial.h"

#define SERIAL_MS_MAX ((INT64_C(1) << 41) - 1)
#define SERIAL_RANDOM_MASK ((UINT32_C(1) << SERIAL_RANDOM_BITS) - 1)

int
serial_make(int64_t unix_ms, uint32_t random, uint64_t *serialp)
{
    *serialp = 0;
    if (unix_ms <= SERIAL_EPOCH_MS || unix_ms - SERIAL_EPOCH_MS > SERIAL_MS_MAX)
        return SFT_ESERIAL;
    *serialp =
        (uint64_t)(unix_ms - SERIAL_EPOCH_MS) << SERIAL_RANDOM_BITS | (random & SERIAL_RANDOM_MASK);
    return SFT_OK;
}

int64_t
serial_unix_ms(uint64_t serial)
{
    return (int64_t)(serial >> SERIAL_RANDOM_BITS) + SERIAL_EPOCH_MS;
}
