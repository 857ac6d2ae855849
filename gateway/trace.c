/* SPDX-License-Identifier: PostgreSQL */
/*
 * trace.c - random ids, fetched from the system by the handful.
 */
#include "gateway/trace.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void
trace_id_make(char out[TRACE_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    static _Thread_local uint8_t pool[256];
    static _Thread_local size_t left;
    if (left == 0) {
        if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
            abort();
        left = sizeof(pool);
    }
    for (int i = 0; i < TRACE_ID_LEN; i += 2) {
        uint8_t byte = pool[--left];
        out[i] = digits[byte >> 4];
        out[i + 1] = digits[byte & 15];
    }
    out[TRACE_ID_LEN] = '\0';
}
