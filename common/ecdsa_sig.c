/* SPDX-License-Identifier: PostgreSQL */
/*
 * ecdsa_sig.c - the three shapes of an ECDSA signature.
 */
#include "common/ecdsa_sig.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#define NUMBER_MAX 66 /* bytes of P-521 */

/* One INTEGER of at most 32 bytes at *pp, right-aligned into out. By hand: the library's way costs
 * six allocations a signature. */
static int
read_number(const uint8_t **pp, const uint8_t *end, uint8_t out[32])
{
    const uint8_t *p = *pp;
    if (end - p < 3 || p[0] != 0x02 || p[1] == 0 || p[1] > 33 || end - p < 2 + p[1])
        return SFT_ECRYPTO;
    size_t len = p[1];
    p += 2;
    *pp = p + len;
    if (p[0] >= 0x80)
        return SFT_ECRYPTO; /* negative */
    if (p[0] == 0) {
        p++;
        len--;
    }
    if (len > 32)
        return SFT_ECRYPTO;
    memcpy(out + 32 - len, p, len);
    return 0;
}

int
ecdsa_sig_from_der(const uint8_t *der, size_t len, uint8_t raw[64])
{
    const uint8_t *p = der + 2, *end = der + len;
    memset(raw, 0, 64);
    if (len < 8 || der[0] != 0x30 || der[1] != len - 2 || der[1] >= 0x80)
        return SFT_ECRYPTO;
    if (read_number(&p, end, raw) != 0 || read_number(&p, end, raw + 32) != 0 || p != end) {
        memset(raw, 0, 64);
        return SFT_ECRYPTO;
    }
    return 0;
}

int
ecdsa_sig_to_der(const uint8_t *r, size_t r_len, const uint8_t *s, size_t s_len, uint8_t *out,
                 size_t *lenp)
{
    *lenp = 0;
    if (r_len > NUMBER_MAX || s_len > NUMBER_MAX)
        return SFT_EFORMAT;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *rn = BN_bin2bn(r, (int)r_len, NULL), *sn = BN_bin2bn(s, (int)s_len, NULL);
    if (sig == NULL || rn == NULL || sn == NULL || ECDSA_SIG_set0(sig, rn, sn) != 1) {
        BN_free(rn);
        BN_free(sn);
        ECDSA_SIG_free(sig);
        return SFT_ECRYPTO;
    }
    int len = i2d_ECDSA_SIG(sig, &out);
    ECDSA_SIG_free(sig);
    if (len <= 0)
        return SFT_ECRYPTO;
    *lenp = (size_t)len;
    return 0;
}
