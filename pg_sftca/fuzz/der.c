/* SPDX-License-Identifier: PostgreSQL */
/*
 * der.c - elements written by any plan: each byte opens, closes or writes something. OpenSSL must
 * read the same tags, lengths and values back.
 */
#include "input.h"

#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "core/der.h"

#define DEPTH_MAX 24

static void
check_number(const uint8_t *be, size_t len)
{
    uint8_t mem[64];
    struct sbuf b;
    const uint8_t *p = mem;
    sb_writer(&b, mem, sizeof mem);
    der_unsigned(&b, be, len);
    promise(sb_err(&b) == SFT_OK);
    ASN1_INTEGER *read = d2i_ASN1_INTEGER(NULL, &p, (long)b.len);
    promise(read != NULL && p == mem + b.len);
    BIGNUM *want = BN_bin2bn(be, (int)len, NULL), *got = ASN1_INTEGER_to_BN(read, NULL);
    promise(BN_cmp(want, got) == 0);
    BN_free(want);
    BN_free(got);
    ASN1_INTEGER_free(read);
}

static void
check_time(const uint8_t be[8])
{
    uint8_t mem[32];
    struct sbuf b;
    struct tm tm;
    const uint8_t *p = mem;
    int64_t t = 0;
    for (int i = 0; i < 8; i++)
        t = (int64_t)((uint64_t)t << 8 | be[i]);
    sb_writer(&b, mem, sizeof mem);
    der_time(&b, t);
    if (sb_err(&b) != SFT_OK) {
        promise(t < 0 || t > INT64_C(253402300799)); /* the end of the year 9999 */
        return;
    }
    ASN1_TIME *read = d2i_ASN1_TIME(NULL, &p, (long)b.len);
    promise(read != NULL && p == mem + b.len && ASN1_TIME_to_tm(read, &tm) == 1 &&
            timegm(&tm) == t);
    ASN1_TIME_free(read);
}

/* Elements lie inside each other without a gap. */
static void
check_nesting(const uint8_t *p, const uint8_t *end, int depth)
{
    while (p < end) {
        long n;
        int tag, class, form = ASN1_get_object(&p, &n, &tag, &class, end - p);
        promise((form & 0x80) == 0 && n >= 0 && n <= end - p && depth <= DEPTH_MAX);
        if (form & V_ASN1_CONSTRUCTED)
            check_nesting(p, p + n, depth + 1);
        p += n;
    }
}

static void
check_plan(const uint8_t *plan, size_t len)
{
    static uint8_t mem[65536];
    size_t marks[DEPTH_MAX], depth = 0;
    struct sbuf b;
    sb_writer(&b, mem, sizeof mem);
    for (size_t i = 0; i < len; i++) {
        size_t n = plan[i] >> 2, left = len - i - 1;
        if ((plan[i] & 3) == 0 && depth < DEPTH_MAX)
            marks[depth++] = der_open(&b, DER_SEQUENCE);
        else if ((plan[i] & 3) == 1 && depth > 0)
            der_close(&b, marks[--depth]);
        else if ((plan[i] & 3) == 2)
            der_element(&b, DER_OCTETS, plan + i + 1, n < left ? n : left);
        else
            der_u64(&b, plan[i] * UINT64_C(0x0101010101010101));
    }
    while (depth > 0)
        der_close(&b, marks[--depth]);
    if (sb_err(&b) == SFT_OK)
        check_nesting(mem, mem + b.len, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_plan(bytes, len);
    check_number(bytes, len < 40 ? len : 40);
    if (len >= 8)
        check_time(bytes);
    ERR_clear_error();
    return 0;
}
