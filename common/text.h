/* SPDX-License-Identifier: PostgreSQL */
/*
 * text.h - strict base64, base64url, base32, hex and decimal; constant-time compare; wiping.
 *
 * Decoders accept only the canonical form (RFC 4648 section 3.5: right padding, zero pad bits, no
 * white space), so that one value has one text.
 */
#ifndef SFT_TEXT_H
#define SFT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define B64_LEN(n) (((n) + 2) / 3 * 4) /* characters for n bytes, without the NUL */

/* All encoders write a final NUL; cap counts it. SFT_ENOSPACE when it does not fit. */
SFT_CHECKED int b64_encode(char *out, size_t cap, const void *data, size_t len);
SFT_CHECKED int b64_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len);
SFT_CHECKED int b64url_encode(char *out, size_t cap, const void *data, size_t len); /* no padding */
SFT_CHECKED int b64url_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len);
SFT_CHECKED int hex_encode(char *out, size_t cap, const void *data, size_t len); /* lower case */
int hex_value(char c); /* of one digit in either case; -1 where it is none */
SFT_CHECKED int hex_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len);
/* RFC 4648 base32, upper case, no padding. */
SFT_CHECKED int b32_encode(char *out, size_t cap, const void *data, size_t len);

/* Decimal digits only, no sign, no leading zero (but "0"), at most max. */
SFT_CHECKED int text_u64(const char *s, uint64_t max, uint64_t *out);

/* Constant time in len. */
bool mem_equal(const void *a, const void *b, size_t len);
void mem_wipe(void *p, size_t len);

/* UTF-8 without overlong forms, surrogates, or NUL. */
bool text_is_utf8(const char *s, size_t len);

#define UUID_TEXT_LEN 36
/* Lower-case hex 8-4-4-4-12 exactly. */
bool text_is_uuid(const char *s);
/* A random version 4 uuid from the system's generator; out has UUID_TEXT_LEN + 1 bytes. */
SFT_CHECKED int uuid_random(char *out);

/* RFC 3339 with seconds and "Z" or fraction, as the platform writes it, to seconds since 1970. */
SFT_CHECKED int time_parse(const char *s, int64_t *out);
/* Seconds since 1970 to "2026-11-23T14:00:00Z"; out has 21 bytes. */
void time_format(int64_t t, char *out);

#endif
