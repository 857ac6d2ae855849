/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509lib.c - pieces of certificates, requests and lists, by OpenSSL.
 */
#include "core/x509lib.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/objects.h>

#include "core/x509read.h"

X509 *
x509lib_certificate(const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    X509 *cert = len > LONG_MAX ? NULL : d2i_X509(NULL, &end, (long)len);
    if (cert != NULL && end != der + len) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

int
x509lib_key(const X509_PUBKEY *spki, struct sshkey *key)
{
    struct sshkey raw;
    char text[SSHKEY_TEXT_MAX];
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(spki, &der);
    if (n <= 0)
        return SFT_EFORMAT;
    int r = x509read_spki(&raw, der, (size_t)n) == SFT_OK ? SFT_OK : SFT_EKEYTYPE;
    OPENSSL_free(der);
    if (r == SFT_OK)
        r = sshkey_from_blob(key, raw.blob, raw.len);
    if (r == SFT_OK)
        r = sshkey_to_text(key, text, sizeof text);
    return r == SFT_OK ? sshkey_from_text(key, text, strlen(text)) : r; /* the last check */
}

const char *
x509lib_signature(const X509_ALGOR *algorithm)
{
    static const int good[] = {NID_ED25519,
                               NID_ecdsa_with_SHA256,
                               NID_ecdsa_with_SHA384,
                               NID_ecdsa_with_SHA512,
                               NID_sha256WithRSAEncryption,
                               NID_sha384WithRSAEncryption,
                               NID_sha512WithRSAEncryption};
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    int nid = OBJ_obj2nid(object);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (good[i] == nid)
            return OBJ_nid2ln(nid);
    return NULL;
}

int
x509lib_name(const X509_NAME *name, char out[X509LIB_NAME_MAX])
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio == NULL)
        return SFT_ENOMEM;
    int printed = X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
    long n = BIO_get_mem_data(bio, &text);
    int r = printed < 0 || n < 0                  ? SFT_EFORMAT
            : n >= X509LIB_NAME_MAX               ? SFT_ETOOLONG
            : n > 0 && memchr(text, 0, (size_t)n) ? SFT_EFORMAT
                                                  : SFT_OK;
    if (r == SFT_OK && n > 0)
        memcpy(out, text, (size_t)n);
    if (r == SFT_OK)
        out[n] = '\0';
    BIO_free(bio);
    return r;
}

int64_t
x509lib_time(const ASN1_TIME *time)
{
    struct tm tm;
    return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}
