/* SPDX-License-Identifier: PostgreSQL */
/*
 * pgarray.c - dimensions, null flag, element type, then length, lower bound and the elements
 * (array_send and array_recv in PostgreSQL's arrayfuncs.c).
 */
#include "gateway/pgarray.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define KEEP_MAX (256 * 1024)

uint32_t
pg_u32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint8_t *
extend(struct pgarray *array, size_t n)
{
    if (array->len + n > array->cap) {
        size_t cap = array->cap ? array->cap : 1024;
        while (cap < array->len + n)
            cap *= 2;
        uint8_t *p = malloc(cap); /* not realloc: what it leaves behind could not be wiped */
        if (!p)
            abort();
        if (array->len)
            memcpy(p, array->p, array->len);
        if (array->p)
            mem_wipe(array->p, array->len);
        free(array->p);
        array->p = p;
        array->cap = cap;
    }
    array->len += n;
    return array->p + array->len - n;
}

static void
put_u32(struct pgarray *array, uint32_t v)
{
    uint8_t *b = extend(array, 4);
    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16);
    b[2] = (uint8_t)(v >> 8);
    b[3] = (uint8_t)v;
}

void
pgarray_begin(struct pgarray *array, enum pg_type element, size_t n)
{
    array->len = 0;
    put_u32(array, 1);
    put_u32(array, 0);
    put_u32(array, element);
    put_u32(array, (uint32_t)n);
    put_u32(array, 1);
}

void
pgarray_add(struct pgarray *array, const void *data, size_t len)
{
    put_u32(array, (uint32_t)len);
    uint8_t *p = extend(array, len);
    if (len)
        memcpy(p, data, len);
}

void
pgarray_clear(struct pgarray *array)
{
    if (array->p)
        mem_wipe(array->p, array->len);
    array->len = 0;
    if (array->cap > KEEP_MAX)
        pgarray_free(array);
}

void
pgarray_free(struct pgarray *array)
{
    free(array->p);
    *array = (struct pgarray){0};
}

bool
pgarray_open(struct pgarray_reader *reader, enum pg_type element, const void *data, size_t len)
{
    const uint8_t *p = data;
    *reader = (struct pgarray_reader){0};
    if (len < 12 || pg_u32(p + 8) != element)
        return false;
    if (pg_u32(p) == 0)
        return len == 12;
    if (pg_u32(p) != 1 || len < 20)
        return false;
    *reader = (struct pgarray_reader){p + 20, len - 20, pg_u32(p + 12)};
    return true;
}

bool
pgarray_next(struct pgarray_reader *reader, const char **p, size_t *len)
{
    if (reader->n == 0 || reader->left < 4)
        return false;
    size_t element_len = pg_u32(reader->p);
    if (element_len > reader->left - 4)
        return false;
    *p = (const char *)reader->p + 4;
    *len = element_len;
    reader->p += 4 + element_len;
    reader->left -= 4 + element_len;
    reader->n--;
    return true;
}
