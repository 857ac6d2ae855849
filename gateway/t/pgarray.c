/* SPDX-License-Identifier: PostgreSQL */
/*
 * pgarray.c - arrays written are arrays read; cut or altered ones are not.
 */
#include "gateway/pgarray.h"
#include "common/tap.h"

#include <stdlib.h>

static size_t
count(const void *p, size_t len, enum pg_type type)
{
    struct pgarray_reader reader;
    const char *element;
    size_t n = 0, element_len;
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, p, len);
    if (pgarray_open(&reader, type, exact, len))
        while (pgarray_next(&reader, &element, &element_len))
            n++;
    free(exact);
    return n;
}

int
main(void)
{
    static const uint8_t empty[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25};
    static const uint8_t want[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0,   0, 25, 0, 0, 0,
                                   2, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0, 0,  0, 0};
    struct pgarray array = {0};
    struct pgarray_reader reader;

    pgarray_begin(&array, PG_TEXT, 2);
    pgarray_add(&array, "a", 1);
    pgarray_add(&array, NULL, 0);
    ok(array.len == sizeof(want) && memcmp(array.p, want, sizeof(want)) == 0,
       "as array_send writes it");
    is_int(count(array.p, array.len, PG_TEXT), 2, "two elements");
    is_int(count(array.p, array.len, PG_BYTEA), 0, "of another type: none");
    size_t most = 0;
    for (size_t len = 0; len < array.len; len++)
        most = count(array.p, len, PG_TEXT) > most ? count(array.p, len, PG_TEXT) : most;
    is_int(most, 1, "cut anywhere: fewer");
    ok(pgarray_open(&reader, PG_TEXT, empty, sizeof(empty)) && reader.n == 0, "the empty array");
    ok(!pgarray_open(&reader, PG_TEXT, empty, 11), "half of it");
    array.p[3] = 2;
    ok(!pgarray_open(&reader, PG_TEXT, array.p, array.len), "two dimensions");
    array.p[3] = 1;
    memset(array.p + 20, 0xff, 4);
    is_int(count(array.p, array.len, PG_TEXT), 0, "a NULL element ends it");

    static char big[300000];
    memset(big, 'x', sizeof(big));
    pgarray_begin(&array, PG_BYTEA, 64);
    for (int i = 0; i < 64; i++)
        pgarray_add(&array, big, sizeof(big));
    is_int(count(array.p, array.len, PG_BYTEA), 64, "64 large ones");
    pgarray_clear(&array);
    ok(array.len == 0 && array.cap == 0, "large memory is given back");
    pgarray_begin(&array, PG_TEXT, 0);
    pgarray_clear(&array);
    ok(array.cap > 0, "small memory is kept");
    pgarray_free(&array);
    return done_testing();
}
