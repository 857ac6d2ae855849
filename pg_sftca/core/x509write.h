/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509write.h - writing X.509 certificates (RFC 5280) as DER by hand: an authority's own, a
 * client's and a server's. The library's builder is an order of magnitude slower.
 *
 * As in sshwrite.h the bytes to be signed and the signature are made apart.
 */
#ifndef SFTCA_X509WRITE_H
#define SFTCA_X509WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "common/key.h"
#include "common/sbuf.h"
#include "common/sshkey.h"
#include "core/altname.h"

#define X509_KEY_ID_LEN 20 /* of those that we make */
#define X509_KEY_ID_MAX 32 /* of those that an outside authority makes */
#define X509_PEM_MAX(der_len) (B64_LEN(der_len) + (der_len) / 48 + 80)

/* What a key is called in authorityKeyIdentifier. */
struct x509_key_id {
    size_t len;
    uint8_t bytes[X509_KEY_ID_MAX];
};

/* A Name as DER; len 0: that of an authority of ours, by its common name. */
#define X509_NAME_DER_MAX 512
struct x509_name {
    size_t len;
    uint8_t der[X509_NAME_DER_MAX];
};

enum x509_usage { X509_USAGE_NONE, X509_USAGE_CLIENT, X509_USAGE_SERVER };

struct x509write {
    uint64_t serial;
    const char *issuer; /* common name of the authority; its organization is always "sft" */
    const struct x509_name *issuer_name; /* of one that was somebody else's; may be NULL */
    const struct sshkey *authority;
    const struct x509_key_id *authority_key_id; /* NULL: as x509write_key_id() says */
    uint64_t valid_after, valid_before; /* seconds since 1970; valid_before is the first bad one */
    /* of a leaf: */
    enum x509_usage usage;
    const struct sshkey *subject;
    const char *common_name; /* NULL for none */
    const char *organization, *organizational_unit;
    const struct altname *names; /* at least one */
    size_t names_n;
};

/* TBSCertificate of a client or server (EKU clientAuth or serverAuth). Sets SFT_EKEYTYPE for keys
 * that X.509 has no name for. */
void x509write_leaf_tbs(struct sbuf *out, const struct x509write *cert);
/* TBSCertificate that the authority signs for itself: CA:TRUE, pathlen 0. */
void x509write_authority_tbs(struct sbuf *out, const struct x509write *cert);
/* CertificationRequestInfo (RFC 2986): name and key of an authority that somebody else is to
 * certify. */
void x509write_request_tbs(struct sbuf *out, const struct x509write *cert);
/* Certificate, CertificationRequest, or CertificateList when tbs is one of a list (crlwrite.h). */
SFT_CHECKED int x509write_signed(struct sbuf *out, const uint8_t *tbs, size_t len,
                                 const struct key *key);
/* PEM text of a "CERTIFICATE" or other label, with a final NUL. */
SFT_CHECKED int x509write_pem(const char *label, const uint8_t *der, size_t len, char *out,
                              size_t cap);

/* Subject key identifier: the first 160 bits of SHA-256 of the key's bits (RFC 7093 2). */
SFT_CHECKED int x509write_key_id(const struct sshkey *key, uint8_t out[X509_KEY_ID_LEN]);
/* SubjectPublicKeyInfo of an SSH key. */
void x509write_spki(struct sbuf *out, const struct sshkey *key);

#endif
