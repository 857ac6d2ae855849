/* SPDX-License-Identifier: PostgreSQL */
/*
 * der.c - DER elements. A length is written as one byte and widened when the content turns out
 * longer.
 */
#include "core/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"

size_t
der_open(struct sbuf *b, uint8_t tag)
{
    sb_u8(b, tag);
    sb_u8(b, 0);
    return b->len;
}

void
der_close(struct sbuf *b, size_t mark)
{
    if (sb_err(b) != SFT_OK)
        return;
    size_t n = b->len - mark;
    size_t more = n < 128 ? 0 : n < 256 ? 1 : n < 65536 ? 2 : n < 16777216 ? 3 : 4;
    if (n > UINT32_MAX)
        sb_fail(b, SFT_ETOOLONG);
    sb_raw(b, "\0\0\0\0", more);
    if (sb_err(b) != SFT_OK)
        return;
    uint8_t *p = b->p + mark;
    memmove(p + more, p, n);
    p[-1] = (uint8_t)(more == 0 ? n : 0x80 | more);
    for (size_t i = 0; i < more; i++)
        p[i] = (uint8_t)(n >> (8 * (more - 1 - i)));
}

void
der_element(struct sbuf *b, uint8_t tag, const void *data, size_t len)
{
    size_t mark = der_open(b, tag);
    sb_raw(b, data, len);
    der_close(b, mark);
}

void
der_oid(struct sbuf *b, const struct der_oid *oid)
{
    der_element(b, DER_OID, oid->bytes, oid->len);
}

void
der_unsigned(struct sbuf *b, const uint8_t *be, size_t len)
{
    while (len > 1 && be[0] == 0) {
        be++;
        len--;
    }
    size_t mark = der_open(b, DER_INTEGER);
    if (len == 0 || be[0] >= 0x80)
        sb_u8(b, 0);
    sb_raw(b, be, len);
    der_close(b, mark);
}

void
der_u64(struct sbuf *b, uint64_t v)
{
    uint8_t be[8];
    for (size_t i = 0; i < sizeof be; i++)
        be[i] = (uint8_t)(v >> (8 * (7 - i)));
    der_unsigned(b, be, sizeof be);
}

void
der_true(struct sbuf *b)
{
    der_element(b, DER_BOOLEAN, "\xff", 1);
}

void
der_bits(struct sbuf *b, const void *data, size_t len)
{
    size_t mark = der_open(b, DER_BITS);
    sb_u8(b, 0); /* unused bits */
    sb_raw(b, data, len);
    der_close(b, mark);
}

void
der_time(struct sbuf *b, int64_t t)
{
    char text[32];
    struct tm tm;
    time_t seconds = t;
    if (t < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > 9999) {
        sb_fail(b, SFT_EVALIDITY);
        return;
    }
    size_t n = strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    if (tm.tm_year + 1900 >= 2050)
        der_element(b, DER_GENERAL_TIME, text, n);
    else
        der_element(b, DER_UTC_TIME, text + 2, n - 2);
}
