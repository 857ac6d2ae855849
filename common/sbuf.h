/* SPDX-License-Identifier: PostgreSQL */
/*
 * sbuf.h - byte writer and reader over caller's memory, with a sticky error.
 *
 * After the first failure every call is a no-op and readers give zeros; check sb_err() once at the
 * end. A buffer never allocates. Integers are big-endian; a "string" is a u32 length and bytes
 * (RFC 4251 section 5).
 */
#ifndef SFT_SBUF_H
#define SFT_SBUF_H

#include <stddef.h>
#include <stdint.h>

struct sbuf {
    uint8_t *p; /* start of memory; NULL for a reader made by sb_reader (see r) */
    const uint8_t *r;
    size_t len; /* writer: bytes written; reader: bytes in all */
    size_t cap; /* writer only */
    size_t at;  /* reader only: bytes consumed */
    int err;    /* 0 or the first enum sft_err */
};

void sb_writer(struct sbuf *b, void *mem, size_t cap);
void sb_reader(struct sbuf *b, const void *mem, size_t len);
int sb_err(const struct sbuf *b);
void sb_fail(struct sbuf *b, int err); /* keeps the first error */

/* writers */
void sb_u8(struct sbuf *b, uint8_t v);
void sb_u32(struct sbuf *b, uint32_t v);
void sb_u64(struct sbuf *b, uint64_t v);
void sb_raw(struct sbuf *b, const void *data, size_t len);    /* bytes without a length */
void sb_text(struct sbuf *b, const char *s);                  /* C string without length or NUL */
void sb_blob(struct sbuf *b, const void *data, size_t len);   /* string: u32 length, bytes */
void sb_cstr(struct sbuf *b, const char *s);                  /* string from a C string */
void sb_mpint(struct sbuf *b, const uint8_t *be, size_t len); /* unsigned big-endian to mpint */
/* Nested string: sb_open writes a length to be filled in by sb_close with what came between. */
size_t sb_open(struct sbuf *b);
void sb_close(struct sbuf *b, size_t mark);

/* readers; pointers point into the buffer's memory and live as long as it does */
uint8_t sb_get_u8(struct sbuf *b);
uint32_t sb_get_u32(struct sbuf *b);
uint64_t sb_get_u64(struct sbuf *b);
const uint8_t *sb_get_raw(struct sbuf *b, size_t len);
const uint8_t *sb_get_blob(struct sbuf *b, size_t *len);
/* A string without NUL bytes, copied with a final NUL into out; SFT_ETOOLONG when it does not fit.
 */
void sb_get_cstr(struct sbuf *b, char *out, size_t cap);
/* A positive, minimally encoded mpint without its sign byte; fails with SFT_EFORMAT otherwise. */
const uint8_t *sb_get_mpint(struct sbuf *b, size_t *len);
size_t sb_left(const struct sbuf *b);
void sb_end(struct sbuf *b); /* fails with SFT_ETRAILING if bytes are left */

#endif
