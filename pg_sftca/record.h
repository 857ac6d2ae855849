/* SPDX-License-Identifier: PostgreSQL */
/*
 * record.h - a row of sftca.certificates in memory, and whether a finished certificate says what it
 * says.
 */
#ifndef SFTCA_RECORD_H
#define SFTCA_RECORD_H

#include "access/transam.h"

#include "authority.h"

/* The elements of a text[] as datums. */
struct datum_list {
    int n;
    Datum *items;
};

struct record {
    uint64 serial;
    struct authority_id authority;
    enum purpose purpose;
    Datum kind;
    const uint8_t *tbs;
    size_t tbs_len;
    Datum key_id, fingerprint;
    struct datum_list principals, critical, extensions;
    TimestampTz valid_after, valid_before;
    FullTransactionId recorded_in;
    TimestampTz recorded_at;
};

/*
 * Re-reads a finished certificate with the second decoder and compares it with the record and its
 * authority, field by field. Returns NULL, or the name of the field that differs.
 */
const char *record_differs(const struct record *record, const struct authority *authority,
                           const uint8_t *cert, size_t len);

/*
 * Whether a finished certificate that record_differs() has just found right is signed by its
 * authority. Dearer than the signature itself.
 */
bool record_is_signed(const struct record *record, const struct authority *authority,
                      const uint8_t *cert, size_t len);

#endif
