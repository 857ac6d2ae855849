/* SPDX-License-Identifier: PostgreSQL */
/*
 * der.h - writing DER (X.690) into a byte buffer, one call per element.
 */
#ifndef SFTCA_DER_H
#define SFTCA_DER_H

#include <stddef.h>
#include <stdint.h>

#include "common/sbuf.h"

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8 = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_GENERAL_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31
};

/* An object identifier by its encoded bytes. */
struct der_oid {
    uint8_t len, bytes[10];
};

/* Everything between open and close is the element's content. */
size_t der_open(struct sbuf *b, uint8_t tag);
void der_close(struct sbuf *b, size_t mark);

void der_element(struct sbuf *b, uint8_t tag, const void *data, size_t len);
void der_oid(struct sbuf *b, const struct der_oid *oid);
void der_u64(struct sbuf *b, uint64_t v);
/* A positive big-endian number; leading zeros are dropped, a sign byte is added when needed. */
void der_unsigned(struct sbuf *b, const uint8_t *be, size_t len);
void der_true(struct sbuf *b);
/* A bit string of whole bytes. */
void der_bits(struct sbuf *b, const void *data, size_t len);
/* UTCTime until 2049, GeneralizedTime after (RFC 5280 4.1.2.5). Seconds since 1970. */
void der_time(struct sbuf *b, int64_t t);

#endif
