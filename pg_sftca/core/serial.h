/* SPDX-License-Identifier: PostgreSQL */
/*
 * serial.h - the layout of certificate serials, SSH and X.509 alike.
 *
 * 41 bits of milliseconds since 2020, then 22 random bits: positive in 64 bits, ordered by time,
 * not repeated after a restore; a span of time is a range of serials. Never 0, which no KRL can
 * revoke.
 */
#ifndef SFTCA_SERIAL_H
#define SFTCA_SERIAL_H

#include <stdint.h>

#include "common/err.h"

#define SERIAL_RANDOM_BITS 22
#define SERIAL_EPOCH_MS INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */

/* unix_ms is the clock; random's low 22 bits are used. SFT_ESERIAL outside 2020 to 2089. */
SFT_CHECKED int serial_make(int64_t unix_ms, uint32_t random, uint64_t *serialp);
/* When a serial was made, milliseconds since 1970. */
int64_t serial_unix_ms(uint64_t serial);

#endif
