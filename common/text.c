/* SPDX-License-Identifier: PostgreSQL */
/*
 * text.c - strict base64, base64url, base32, hex and decimal; constant-time compare; wiping.
 */
#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- base64: one encoder and one decoder over an alphabet; only the padded form pads ---- */

static const char b64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char b64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
encode64(char *out, size_t cap, const uint8_t *in, size_t len, const char *alphabet, bool pad)
{
    size_t full = len / 3, rest = len % 3;
    size_t chars = full * 4 + (rest == 0 ? 0 : pad ? 4 : rest + 1);
    if (cap > 0)
        out[0] = '\0';
    if (len > SIZE_MAX / 2 || chars >= cap)
        return SFT_ENOSPACE;
    char *p = out;
    for (; full > 0; full--, in += 3) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *p++ = alphabet[v >> 18];
        *p++ = alphabet[v >> 12 & 63];
        *p++ = alphabet[v >> 6 & 63];
        *p++ = alphabet[v & 63];
    }
    if (rest > 0) {
        uint32_t v = (uint32_t)in[0] << 16 | (rest > 1 ? (uint32_t)in[1] << 8 : 0);
        *p++ = alphabet[v >> 18];
        *p++ = alphabet[v >> 12 & 63];
        if (rest > 1)
            *p++ = alphabet[v >> 6 & 63];
        else if (pad)
            *p++ = '=';
        if (pad)
            *p++ = '=';
    }
    *p = '\0';
    return 0;
}

/* The value of c, or -1; c62 and c63 are the two characters that differ between the alphabets. */
static int
value64(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* s has no padding any more. The bits of a last, incomplete byte must be zero. */
static int
decode64(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len, const char *alphabet)
{
    size_t bytes = len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1), n = 0;
    uint32_t acc = 0;
    unsigned bits = 0;
    if (len % 4 == 1)
        return SFT_EBASE64;
    if (bytes > cap)
        return SFT_ETOOLONG;
    for (size_t i = 0; i < len; i++) {
        int v = value64(s[i], alphabet[62], alphabet[63]);
        if (v < 0)
            return SFT_EBASE64;
        acc = (acc << 6 | (uint32_t)v) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    if ((acc & ((1u << bits) - 1)) != 0)
        return SFT_EBASE64;
    *outlen = n;
    return 0;
}

int
b64_encode(char *out, size_t cap, const void *data, size_t len)
{
    return encode64(out, cap, data, len, b64_std, true);
}

int
b64_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len)
{
    *outlen = 0;
    if (len % 4 != 0)
        return SFT_EBASE64;
    for (int pads = 0; pads < 2 && len > 0 && s[len - 1] == '='; pads++)
        len--;
    return decode64(out, cap, outlen, s, len, b64_std);
}

int
b64url_encode(char *out, size_t cap, const void *data, size_t len)
{
    return encode64(out, cap, data, len, b64_url, false);
}

int
b64url_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len)
{
    *outlen = 0;
    return decode64(out, cap, outlen, s, len, b64_url);
}

/* ---- hex, base32, decimal ---- */

int
hex_encode(char *out, size_t cap, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = data;
    if (cap > 0)
        out[0] = '\0';
    if (len > SIZE_MAX / 4 || len * 2 >= cap)
        return SFT_ENOSPACE;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
    return 0;
}

int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One value has one text: lower case. */
static int
value16(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : hex_value(c);
}

int
hex_decode(uint8_t *out, size_t cap, size_t *outlen, const char *s, size_t len)
{
    *outlen = 0;
    if (len % 2 != 0)
        return SFT_EFORMAT;
    if (len / 2 > cap)
        return SFT_ETOOLONG;
    for (size_t i = 0; i < len; i += 2) {
        int hi = value16(s[i]), lo = value16(s[i + 1]);
        if (hi < 0 || lo < 0)
            return SFT_EFORMAT;
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    *outlen = len / 2;
    return 0;
}

int
b32_encode(char *out, size_t cap, const void *data, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const uint8_t *in = data;
    uint32_t acc = 0;
    unsigned bits = 0;
    if (cap > 0)
        out[0] = '\0';
    if (len > SIZE_MAX / 16 || (len * 8 + 4) / 5 >= cap)
        return SFT_ENOSPACE;
    for (size_t i = 0; i < len; i++) {
        acc = (acc << 8 | in[i]) & 0xffff;
        for (bits += 8; bits >= 5; bits -= 5)
            *out++ = alphabet[acc >> (bits - 5) & 31];
    }
    if (bits > 0)
        *out++ = alphabet[acc << (5 - bits) & 31];
    *out = '\0';
    return 0;
}

int
text_u64(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    *out = 0;
    if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
        return SFT_EFORMAT;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return SFT_EFORMAT;
        uint64_t digit = (uint64_t)(*s - '0');
        if (digit > max || v > (max - digit) / 10)
            return SFT_ETOOLONG;
        v = v * 10 + digit;
    }
    *out = v;
    return 0;
}

/* ---- memory ---- */

bool
mem_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}

void
mem_wipe(void *p, size_t len)
{
    if (p != NULL && len > 0)
        explicit_bzero(p, len);
}

/* ---- UTF-8 ---- */

/* Bytes of the well-formed sequence at s (Unicode table 3-7), or 0. */
static size_t
utf8_sequence(const uint8_t *s, size_t left)
{
    uint8_t c = s[0], lo = 0x80, hi = 0xbf;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c >= 0x01 && c <= 0x7f)
        return 1;
    if (c < 0xc2 || c > 0xf4 || n > left)
        return 0;
    if (c == 0xe0)
        lo = 0xa0; /* overlong */
    else if (c == 0xed)
        hi = 0x9f; /* surrogates */
    else if (c == 0xf0)
        lo = 0x90; /* overlong */
    else if (c == 0xf4)
        hi = 0x8f; /* beyond U+10FFFF */
    if (s[1] < lo || s[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return n;
}

bool
text_is_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence((const uint8_t *)s + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* ---- uuid ---- */

bool
text_is_uuid(const char *s)
{
    if (s == NULL)
        return false;
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : value16(s[i]) < 0)
            return false;
    }
    return s[UUID_TEXT_LEN] == '\0';
}

int
uuid_random(char *out)
{
    uint8_t r[16];
    char hex[33];
    out[0] = '\0';
    if (getentropy(r, sizeof(r)) != 0)
        return SFT_ESYSTEM;
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
    int err = hex_encode(hex, sizeof(hex), r, sizeof(r));
    if (err == 0)
        snprintf(out, UUID_TEXT_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                 hex + 16, hex + 20);
    return err;
}
