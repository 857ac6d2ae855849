/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509_same.h - asks OpenSSL about a certificate that our reader has taken: both must see the same
 * names, times, serial, key and purposes.
 */
#ifndef SFTCA_FUZZ_X509_SAME_H
#define SFTCA_FUZZ_X509_SAME_H

#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/x509read.h"
#include "core/x509write.h"
#include "input.h"

static inline void
same_name(const X509_NAME *name, int nid, const char *want)
{
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (want[0] == '\0' && at < 0)
        return;
    promise(at >= 0 && X509_NAME_get_index_by_NID(name, nid, at) < 0); /* once */
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    promise((size_t)ASN1_STRING_length(value) == strlen(want) &&
            memcmp(ASN1_STRING_get0_data(value), want, strlen(want)) == 0);
}

static inline void
same_time(const ASN1_TIME *time, uint64_t want)
{
    struct tm tm;
    promise(ASN1_TIME_to_tm(time, &tm) == 1 && (uint64_t)timegm(&tm) == want);
}

static inline void
same_names(const X509 *cert, const struct x509read *read)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    promise((size_t)sk_GENERAL_NAME_num(names) == read->names_n);
    for (size_t i = 0; i < read->names_n; i++) {
        int type;
        const ASN1_STRING *value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, (int)i), &type);
        promise(type == (int)read->names[i].type &&
                (size_t)ASN1_STRING_length(value) == read->names[i].len &&
                memcmp(ASN1_STRING_get0_data(value), read->names[i].data, read->names[i].len) == 0);
    }
    GENERAL_NAMES_free(names);
}

/* A key that our reader would take as a subject is the same SubjectPublicKeyInfo to OpenSSL. */
static inline void
same_key(const X509 *cert, const struct sshkey *read)
{
    struct sshkey key;
    uint8_t mem[SSHKEY_BLOB_MAX + 64];
    unsigned char *der = NULL;
    struct sbuf spki;
    if (sshkey_from_blob(&key, read->blob, read->len) != SFT_OK)
        return;
    sb_writer(&spki, mem, sizeof mem);
    x509write_spki(&spki, &key);
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    promise(sb_err(&spki) == SFT_OK && n > 0 && (size_t)n == spki.len &&
            memcmp(der, spki.p, spki.len) == 0);
    OPENSSL_free(der);
}

static inline void
same_to_openssl(const struct x509read *read, const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    uint64_t serial = 0;
    X509 *cert = d2i_X509(NULL, &end, (long)len);
    promise(cert != NULL && end == der + len && X509_get_version(cert) == X509_VERSION_3);
    promise(ASN1_INTEGER_get_uint64(&serial, X509_get0_serialNumber(cert)) == 1 &&
            serial == read->serial);
    same_name(X509_get_issuer_name(cert), NID_commonName, read->issuer);
    same_name(X509_get_subject_name(cert), NID_commonName, read->common_name);
    same_name(X509_get_subject_name(cert), NID_organizationName, read->organization);
    same_name(X509_get_subject_name(cert), NID_organizationalUnitName, read->organizational_unit);
    same_time(X509_get0_notBefore(cert), read->valid_after);
    same_time(X509_get0_notAfter(cert), read->valid_before - 1);
    same_names(cert, read);
    same_key(cert, &read->subject);
    promise(X509_check_ca(cert) == 0 && X509_get_key_usage(cert) == KU_DIGITAL_SIGNATURE &&
            X509_get_extended_key_usage(cert) ==
                (read->usage == X509_USAGE_SERVER ? XKU_SSL_SERVER : XKU_SSL_CLIENT));
    X509_free(cert);
    ERR_clear_error();
}

#endif
