/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509verify.h - whether an X.509 certificate is good, as a TLS server or client would decide it.
 */
#ifndef SFTCA_X509VERIFY_H
#define SFTCA_X509VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct x509verify {
    const char *certificate; /* PEM (or base64 of DER): the leaf, then what its holder shows */
    size_t certificate_len;
    const char *trust; /* PEM: the roots, and what is known between */
    size_t trust_len;
    const char *lists; /* PEM; NULL: nobody asks whether it is revoked */
    size_t lists_len;
    int64_t at; /* seconds since 1970 */
    enum { X509VERIFY_ANY, X509VERIFY_CLIENT, X509VERIFY_SERVER } purpose;
    const char *name; /* host name or address that it must be for; NULL for any */
};

#define X509VERIFY_TEXT_MAX (16u << 20)
#define X509VERIFY_CERTIFICATES_MAX 256

/*
 * *wordp is NULL when it is good, else why not: certificate_malformed, trust_malformed,
 * crl_malformed, certificate_expired, certificate_not_yet_valid, issuer_unknown,
 * signature_invalid, certificate_revoked, purpose_wrong, name_wrong, authority_invalid,
 * crl_missing, crl_expired, crl_not_yet_valid, crl_invalid, key_weak, certificate_invalid.
 * Returns SFT_ENOMEM and the like only for our own troubles.
 */
SFT_CHECKED int x509verify(const struct x509verify *ask, const char **wordp);

#endif
