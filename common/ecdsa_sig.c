/* SPDX-License-Identifier: PostgreSQL */
/*
 * ecdsa_sig.c - the three shapes of an ECDSA signature.
 */
#include "common/ecdsa_sig.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#define NUMBER_MAX 66 /* bytes of P-521 */

int
ecdsa_sig_from_der(const uint8_t *der, size_t len, uint8_t raw[64])
{
    const uint8_t *p = der;
    memset(raw, 0, 64);
    ECDSA_SIG *sig = len <= ECDSA_DER_MAX ? d2i_ECDSA_SIG(NULL, &p, (long)len) : NULL;
    int good = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;
    ECDSA_SIG_free(sig);
    return good ? 0 : SFT_ECRYPTO;
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
