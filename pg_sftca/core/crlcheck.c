/* SPDX-License-Identifier: PostgreSQL */
/*
 * crlcheck.c - reads a finished revocation list with OpenSSL and compares it with what was to be
 * written.
 */
#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/crlwrite.h"
#include "core/x509write.h"

static int
integer_is(const ASN1_INTEGER *integer, uint64_t want)
{
    uint64_t v = 0;
    return integer != NULL && ASN1_INTEGER_get_uint64(&v, integer) == 1 && v == want;
}

static int
time_is(const ASN1_TIME *time, int64_t want)
{
    return time != NULL && ASN1_TIME_cmp_time_t(time, (time_t)want) == 0;
}

static int
reason_is(const X509_REVOKED *entry, int want)
{
    int critical;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
    int good = reason == NULL ? want == 0 && critical == -1 : ASN1_ENUMERATED_get(reason) == want;
    ASN1_ENUMERATED_free(reason);
    return good;
}

static int
entries_are(X509_CRL *list, const struct crlwrite *crl)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);
    if ((entries == NULL ? 0 : (size_t)sk_X509_REVOKED_num(entries)) != crl->entries_n)
        return 0;
    for (size_t i = 0; i < crl->entries_n; i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, (int)i);
        if (!integer_is(X509_REVOKED_get0_serialNumber(entry), crl->entries[i].serial) ||
            !time_is(X509_REVOKED_get0_revocationDate(entry), crl->entries[i].revoked_at) ||
            !reason_is(entry, crl->entries[i].reason))
            return 0;
    }
    return 1;
}

static int
name_is(const X509_CRL *list, const struct x509_name *want)
{
    const uint8_t *der = NULL;
    size_t n = 0;
    return X509_NAME_get0_der(X509_CRL_get_issuer(list), &der, &n) == 1 && n == want->len &&
           memcmp(der, want->der, n) == 0;
}

static int
issuer_is(const X509_CRL *list, const struct crlwrite *crl)
{
    char name[256];
    const char *want = crl->issuer;
    if (crl->issuer_name != NULL && crl->issuer_name->len > 0)
        return name_is(list, crl->issuer_name);
    int n = X509_NAME_get_text_by_NID(X509_CRL_get_issuer(list), NID_commonName, name, sizeof name);
    return n > 0 && (size_t)n == strlen(want) && memcmp(name, want, (size_t)n) == 0;
}

static int
number_is(const ASN1_INTEGER *number, const struct crlwrite *crl)
{
    uint8_t want[16];
    BIGNUM *n = number == NULL ? NULL : ASN1_INTEGER_to_BN(number, NULL);
    crlwrite_number(crl, want);
    BIGNUM *w = BN_bin2bn(want, sizeof want, NULL);
    int good = n != NULL && w != NULL && BN_cmp(n, w) == 0;
    BN_free(n);
    BN_free(w);
    return good;
}

static int
head_is(X509_CRL *list, const struct crlwrite *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    int good = X509_CRL_get_version(list) == 1 && issuer_is(list, crl) &&
               time_is(X509_CRL_get0_lastUpdate(list), crl->this_update) &&
               time_is(X509_CRL_get0_nextUpdate(list), crl->next_update) && number_is(number, crl);
    ASN1_INTEGER_free(number);
    return good;
}

static int
is_signed_by(X509_CRL *list, const struct sshkey *authority)
{
    uint8_t spki[SSHKEY_BLOB_MAX + 64];
    const uint8_t *p = spki;
    struct sbuf b;
    sb_writer(&b, spki, sizeof spki);
    x509write_spki(&b, authority);
    EVP_PKEY *pkey = sb_err(&b) == SFT_OK ? d2i_PUBKEY(NULL, &p, (long)b.len) : NULL;
    int good = pkey != NULL && X509_CRL_verify(list, pkey) == 1;
    EVP_PKEY_free(pkey);
    return good;
}

int
crlwrite_check(const struct crlwrite *crl, const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    if (len > LONG_MAX)
        return SFT_ETOOLONG;
    X509_CRL *list = d2i_X509_CRL(NULL, &end, (long)len);
    int r = list == NULL || end != der + len || !head_is(list, crl) || !entries_are(list, crl)
                ? SFT_EFORMAT
            : is_signed_by(list, crl->authority) ? SFT_OK
                                                 : SFT_ESIGNATURE;
    X509_CRL_free(list);
    ERR_clear_error();
    return r;
}
