/* SPDX-License-Identifier: PostgreSQL */
/*
 * pem.c - PEM blocks, and the rules of DER that OpenSSL's readers let pass.
 */
#include "core/pem.h"

#include <string.h>

#include "common/sbuf.h"
#include "common/text.h"
#include "core/der.h"

#define DEPTH_MAX 24
#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

const char *const pem_certificate[] = {"CERTIFICATE", NULL};
const char *const pem_request[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
const char *const pem_list[] = {"X509 CRL", NULL};

/* ---- PEM ---- */

static const char *
find(const char *p, const char *end, const char *what)
{
    size_t n = strlen(what);
    for (; (size_t)(end - p) >= n; p++)
        if (memcmp(p, what, n) == 0)
            return p;
    return NULL;
}

void
pem_begin(struct pem *pem, const char *s, size_t len)
{
    *pem = (struct pem){s, s + len, 0};
    pem->is_bare = find(s, s + len, DASHES) == NULL;
}

/* base64 in lines: the white space is no part of it */
static int
decode(const char *p, const char *end, uint8_t *out, size_t cap, size_t *lenp)
{
    char line[4];
    size_t n = 0, got = 0;
    *lenp = 0;
    for (; p <= end; p++) {
        if (p < end && strchr(" \t\r\n", *p) != NULL)
            continue;
        if (n == sizeof line) {
            int r = b64_decode(out + *lenp, cap - *lenp, &got, line, sizeof line);
            if (r != SFT_OK || (p < end && got != 3)) /* padding in the middle */
                return SFT_EFORMAT;
            *lenp += got;
            n = 0;
        }
        if (p < end)
            line[n++] = *p;
    }
    return n == 0 && *lenp > 0 ? SFT_OK : SFT_EFORMAT;
}

/* Past "LABEL-----", or NULL. */
static const char *
past_label(const char *p, const char *end, const char *label)
{
    size_t n = strlen(label), dashes = strlen(DASHES);
    if ((size_t)(end - p) < n + dashes || memcmp(p, label, n) != 0 ||
        memcmp(p + n, DASHES, dashes) != 0)
        return NULL;
    return p + n + dashes;
}

static int
block(struct pem *pem, const char *label, const char *body, uint8_t *out, size_t cap, size_t *lenp)
{
    const char *close = find(body, pem->end, DASHES);
    if (close == NULL || (size_t)(pem->end - close) < strlen(END) ||
        memcmp(close, END, strlen(END)) != 0)
        return SFT_EFORMAT;
    const char *past = past_label(close + strlen(END), pem->end, label);
    if (past == NULL)
        return SFT_EFORMAT;
    pem->p = past;
    return decode(body, close, out, cap, lenp);
}

static int
take(struct pem *pem, const char *const *labels, uint8_t *out, size_t cap, size_t *lenp)
{
    if (pem->is_bare && pem->p != pem->end) {
        const char *all = pem->p;
        pem->p = pem->end;
        return decode(all, pem->end, out, cap, lenp);
    }
    const char *open = find(pem->p, pem->end, BEGIN);
    if (open == NULL)
        return find(pem->p, pem->end, DASHES) == NULL ? SFT_ENOTFOUND : SFT_EFORMAT;
    for (; *labels != NULL; labels++) {
        const char *body = past_label(open + strlen(BEGIN), pem->end, *labels);
        if (body != NULL)
            return block(pem, *labels, body, out, cap, lenp);
    }
    return SFT_EFORMAT;
}

int
pem_next(struct pem *pem, const char *const *labels, uint8_t *out, size_t cap, size_t *lenp)
{
    int r = take(pem, labels, out, cap, lenp);
    return r == SFT_OK ? der_check(out, *lenp) : r;
}

/* ---- DER ---- */

static int
is_shortest_number(const uint8_t *p, size_t n)
{
    return n > 0 && (n == 1 || !((p[0] == 0 && p[1] < 0x80) || (p[0] == 0xff && p[1] >= 0x80)));
}

static int
is_oid(const uint8_t *p, size_t n)
{
    int first = 1;
    for (size_t i = 0; i < n; i++) {
        if (first && p[i] == 0x80)
            return 0;
        first = p[i] < 0x80;
    }
    return n > 0 && first;
}

static int
is_bits(const uint8_t *p, size_t n)
{
    if (n == 0 || p[0] > 7 || (n == 1 && p[0] != 0))
        return 0;
    return n == 1 || (p[n - 1] & ((1u << p[0]) - 1)) == 0;
}

static int
is_primitive(uint8_t tag, const uint8_t *p, size_t n)
{
    switch (tag) {
    case DER_BOOLEAN:
        return n == 1 && (p[0] == 0 || p[0] == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return is_shortest_number(p, n);
    case DER_BITS:
        return is_bits(p, n);
    case DER_NULL:
        return n == 0;
    case DER_OID:
        return is_oid(p, n);
    case 0x00: /* end of contents: of an indefinite length */
    case 0x10:
    case 0x11: /* a list is constructed */
        return 0;
    default:
        return 1;
    }
}

static size_t
get_length(struct sbuf *r)
{
    uint8_t first = sb_get_u8(r), bytes = first & 0x7f;
    size_t n = 0;
    if (first < 0x80)
        return first;
    if (bytes == 0 || bytes > 4)
        sb_fail(r, SFT_EFORMAT);
    for (uint8_t i = 0; sb_err(r) == SFT_OK && i < bytes; i++) {
        n = n << 8 | sb_get_u8(r);
        if (i == 0 && n == 0)
            sb_fail(r, SFT_EFORMAT);
    }
    if (n < 0x80)
        sb_fail(r, SFT_EFORMAT);
    return sb_err(r) == SFT_OK ? n : 0;
}

/* One element of r; its elements in turn, on a stack of the ends of those that are open. */
static int
check_all(const uint8_t *der, size_t len)
{
    struct sbuf r;
    size_t ends[DEPTH_MAX], depth = 0;
    sb_reader(&r, der, len);
    do {
        uint8_t tag = sb_get_u8(&r);
        size_t n = get_length(&r), end = depth > 0 ? ends[depth - 1] : len;
        if (sb_err(&r) != SFT_OK || (tag & 0x1f) == 0x1f || n > end - r.at || r.at > end)
            return SFT_EFORMAT;
        int is_list = (tag & 0x20) != 0;
        if (is_list && tag < 0x40 && tag != DER_SEQUENCE && tag != DER_SET)
            return SFT_EFORMAT; /* a string in pieces */
        if (is_list && depth == DEPTH_MAX)
            return SFT_EFORMAT;
        if (is_list)
            ends[depth++] = r.at + n;
        else if (!is_primitive(tag, sb_get_raw(&r, n), n))
            return SFT_EFORMAT;
        while (depth > 0 && r.at == ends[depth - 1])
            depth--;
    } while (depth > 0);
    sb_end(&r);
    return sb_err(&r);
}

int
der_check(const uint8_t *der, size_t len)
{
    return len == 0 ? SFT_EFORMAT : check_all(der, len);
}
