/* SPDX-License-Identifier: PostgreSQL */
/*
 * ecdsa_sig.c - the three shapes of an ECDSA signature.
 */
#include "common/ecdsa_sig.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>

/* One INTEGER at *pp. By hand: the library's way costs six allocations a signature. */
static int
read_number(const uint8_t **pp, const uint8_t *end, size_t max, const uint8_t **numberp,
            size_t *lenp)
{
    const uint8_t *p = *pp;
    if (end - p < 3 || p[0] != 0x02 || p[1] == 0 || p[1] >= 0x80 || end - p < 2 + p[1])
        return SFT_ECRYPTO;
    size_t sign = p[2] == 0;
    if (p[2] >= 0x80 || p[1] - sign > max)
        return SFT_ECRYPTO;
    *numberp = p + 2;
    *lenp = p[1];
    *pp = p + 2 + p[1];
    return 0;
}

int
ecdsa_sig_numbers(const uint8_t *der, size_t len, size_t max, const uint8_t *number[2],
                  size_t number_len[2])
{
    const uint8_t *p = der, *end = der + len;
    if (len < 8 || *p++ != 0x30)
        return SFT_ECRYPTO;
    if (*p == 0x81 && p[1] >= 0x80) /* P-521 is longer than the short form of a length says */
        p++;
    else if (*p >= 0x80)
        return SFT_ECRYPTO;
    size_t inside = *p++;
    if (inside != (size_t)(end - p))
        return SFT_ECRYPTO;
    for (size_t i = 0; i < 2; i++)
        if (read_number(&p, end, max, &number[i], &number_len[i]) != 0)
            return SFT_ECRYPTO;
    return p == end ? 0 : SFT_ECRYPTO;
}

int
ecdsa_sig_from_der(const uint8_t *der, size_t len, uint8_t raw[64])
{
    const uint8_t *number[2];
    size_t number_len[2];
    memset(raw, 0, 64);
    int err = ecdsa_sig_numbers(der, len, 32, number, number_len);
    if (err != 0)
        return err;
    for (size_t i = 0; i < 2; i++) { /* right-aligned, without the sign */
        size_t sign = number_len[i] > 32, n = number_len[i] - sign;
        memcpy(raw + 32 * i + 32 - n, number[i] + sign, n);
    }
    return 0;
}

int
ecdsa_sig_to_der(const uint8_t *r, size_t r_len, const uint8_t *s, size_t s_len, uint8_t *out,
                 size_t *lenp)
{
    *lenp = 0;
    if (r_len > ECDSA_NUMBER_MAX || s_len > ECDSA_NUMBER_MAX)
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
