/* SPDX-License-Identifier: PostgreSQL */
/*
 * pgarray.h - one-dimensional arrays in PostgreSQL's binary format.
 */
#ifndef SFT_GATEWAY_PGARRAY_H
#define SFT_GATEWAY_PGARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pg_type {
    PG_BYTEA = 17,
    PG_BOOL = 16,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_BYTEA_ARRAY = 1001,
    PG_TEXT_ARRAY = 1009,
    PG_UUID = 2950,
    PG_UUID_ARRAY = 2951,
};

/* A writer that grows and is used again for the next statement. */
struct pgarray {
    uint8_t *p;
    size_t len, cap;
};

void pgarray_begin(struct pgarray *array, enum pg_type element, size_t n);
void pgarray_add(struct pgarray *array, const void *data, size_t len);
/* Wipes what was written; keeps the memory unless it is large. */
void pgarray_clear(struct pgarray *array);
void pgarray_free(struct pgarray *array);

/* A reader over somebody else's bytes. */
struct pgarray_reader {
    const uint8_t *p;
    size_t left;
    size_t n; /* elements not yet read */
};

/* false when the bytes are no one-dimensional array of this type (an empty array has n 0). */
bool pgarray_open(struct pgarray_reader *reader, enum pg_type element, const void *data,
                  size_t len);
/* The next element; false at the end, at a NULL element and at anything malformed. */
bool pgarray_next(struct pgarray_reader *reader, const char **p, size_t *len);

uint32_t pg_u32(const void *p); /* big-endian */

#endif
