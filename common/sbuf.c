/* SPDX-License-Identifier: PostgreSQL */
/*
 * sbuf.c - byte writer and reader over caller's memory, with a sticky error.
 */
#include "common/sbuf.h"

#include <string.h>

#include "common/err.h"

void
sb_writer(struct sbuf *b, void *mem, size_t cap)
{
    *b = (struct sbuf){.p = mem, .r = mem, .cap = cap};
}

void
sb_reader(struct sbuf *b, const void *mem, size_t len)
{
    *b = (struct sbuf){.r = mem, .len = len};
}

int
sb_err(const struct sbuf *b)
{
    return b->err;
}

void
sb_fail(struct sbuf *b, int err)
{
    if (b->err == 0)
        b->err = err;
}

/* Room for len more bytes, or NULL and the sticky error. */
static uint8_t *
reserve(struct sbuf *b, size_t len)
{
    if (b->err != 0)
        return NULL;
    if (b->p == NULL || len > b->cap - b->len) {
        b->err = SFT_ENOSPACE;
        return NULL;
    }
    b->len += len;
    return b->p + b->len - len;
}

static void
store_be(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static void
put_be(struct sbuf *b, uint64_t v, size_t n)
{
    uint8_t *p = reserve(b, n);
    if (p != NULL)
        store_be(p, v, n);
}

void
sb_u8(struct sbuf *b, uint8_t v)
{
    put_be(b, v, 1);
}

void
sb_u32(struct sbuf *b, uint32_t v)
{
    put_be(b, v, 4);
}

void
sb_u64(struct sbuf *b, uint64_t v)
{
    put_be(b, v, 8);
}

void
sb_raw(struct sbuf *b, const void *data, size_t len)
{
    uint8_t *p = reserve(b, len);
    if (p != NULL && len > 0)
        memcpy(p, data, len);
}

void
sb_text(struct sbuf *b, const char *s)
{
    sb_raw(b, s, strlen(s));
}

void
sb_blob(struct sbuf *b, const void *data, size_t len)
{
    if (len > UINT32_MAX)
        sb_fail(b, SFT_ETOOLONG);
    sb_u32(b, (uint32_t)len);
    sb_raw(b, data, len);
}

void
sb_cstr(struct sbuf *b, const char *s)
{
    sb_blob(b, s, strlen(s));
}

void
sb_mpint(struct sbuf *b, const uint8_t *be, size_t len)
{
    while (len > 0 && be[0] == 0) {
        be++;
        len--;
    }
    size_t sign = len > 0 && (be[0] & 0x80) != 0;
    if (len >= UINT32_MAX)
        sb_fail(b, SFT_ETOOLONG);
    sb_u32(b, (uint32_t)(len + sign));
    if (sign)
        sb_u8(b, 0);
    sb_raw(b, be, len);
}

size_t
sb_open(struct sbuf *b)
{
    size_t mark = b->len;
    sb_u32(b, 0);
    return mark;
}

void
sb_close(struct sbuf *b, size_t mark)
{
    if (b->err != 0)
        return;
    size_t len = b->len - mark - 4;
    if (len > UINT32_MAX)
        sb_fail(b, SFT_ETOOLONG);
    else
        store_be(b->p + mark, len, 4);
}

const uint8_t *
sb_get_raw(struct sbuf *b, size_t len)
{
    if (b->err != 0)
        return NULL;
    if (len > b->len - b->at) {
        b->err = SFT_EFORMAT;
        return NULL;
    }
    b->at += len;
    return b->r + b->at - len;
}

static uint64_t
get_be(struct sbuf *b, size_t n)
{
    const uint8_t *p = sb_get_raw(b, n);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t
sb_get_u8(struct sbuf *b)
{
    return (uint8_t)get_be(b, 1);
}

uint32_t
sb_get_u32(struct sbuf *b)
{
    return (uint32_t)get_be(b, 4);
}

uint64_t
sb_get_u64(struct sbuf *b)
{
    return get_be(b, 8);
}

const uint8_t *
sb_get_blob(struct sbuf *b, size_t *len)
{
    size_t n = sb_get_u32(b);
    const uint8_t *p = sb_get_raw(b, n);
    *len = p != NULL ? n : 0;
    return p;
}

void
sb_get_cstr(struct sbuf *b, char *out, size_t cap)
{
    size_t len;
    const uint8_t *p = sb_get_blob(b, &len);
    if (cap > 0)
        out[0] = '\0';
    if (p == NULL)
        return;
    if (len >= cap) {
        sb_fail(b, SFT_ETOOLONG);
    } else if (len > 0 && memchr(p, 0, len) != NULL) {
        sb_fail(b, SFT_EFORMAT);
    } else {
        memcpy(out, p, len);
        out[len] = '\0';
    }
}

const uint8_t *
sb_get_mpint(struct sbuf *b, size_t *len)
{
    const uint8_t *p = sb_get_blob(b, len);
    size_t n = *len;
    int positive = n > 0 && (p[0] & 0x80) == 0;
    int minimal = n > 1 ? p[0] != 0 || (p[1] & 0x80) != 0 : n == 1 && p[0] != 0;
    if (!positive || !minimal) {
        sb_fail(b, SFT_EFORMAT);
        *len = 0;
        return NULL;
    }
    *len = n - (p[0] == 0);
    return p + (p[0] == 0);
}

size_t
sb_left(const struct sbuf *b)
{
    return b->err != 0 ? 0 : b->len - b->at;
}

void
sb_end(struct sbuf *b)
{
    if (sb_left(b) > 0)
        sb_fail(b, SFT_ETRAILING);
}
