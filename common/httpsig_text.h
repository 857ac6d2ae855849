/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig_text.h - the pieces of text that requests and statements have in common (for httpsig*.c).
 */
#ifndef SFT_HTTPSIG_TEXT_H
#define SFT_HTTPSIG_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sbuf.h"

#define HTTPSIG_TARGET_MAX 8000
#define HTTPSIG_BASE_MAX 10240 /* the longest target and all else */
#define HTTPSIG_SIG_LEN 64

/* Reads a fixed grammar from left to right; after the first mismatch every call is a no-op. */
struct cursor {
    const char *at;
    int err;
};

void cursor_lit(struct cursor *c, const char *text); /* exactly this */
int cursor_opt(struct cursor *c, const char *text);  /* this or nothing; 1 if it was there */
/* One or more of the allowed characters, to out with a NUL. */
void cursor_span(struct cursor *c, const char *allowed, char *out, size_t cap);
void cursor_u64(struct cursor *c, int64_t *out); /* decimal, to 253402300799 (year 9999) */
void cursor_end(struct cursor *c);

#define ALLOWED_HEX "0123456789abcdef-"
#define ALLOWED_B64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define ALLOWED_WORD "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Whether this is what a request line may hold: "/", then printable ASCII without space and "#". */
SFT_CHECKED int httpsig_check_target(const char *target);

/* A line of the base: component, ": ", value, line end. */
void base_line(struct sbuf *b, const char *component, const char *value);
/* The two lines of a target, its path and its query, each with suffix ("" or ";req"). */
void base_target(struct sbuf *b, const char *suffix, const char *target);

/* Signature header value "sft=:...:" to and from 64 bytes. */
SFT_CHECKED int httpsig_signature_text(const uint8_t sig[HTTPSIG_SIG_LEN], char *out, size_t cap);
SFT_CHECKED int httpsig_signature_bytes(const char *text, uint8_t sig[HTTPSIG_SIG_LEN]);

#endif
