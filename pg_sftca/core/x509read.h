/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509read.h - the second decoder for X.509: reads a leaf certificate that the vault has just
 * made, strictly and in exactly our profile, so that what leaves can be compared with its record.
 */
#ifndef SFTCA_X509READ_H
#define SFTCA_X509READ_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sshkey.h"
#include "core/x509write.h"

struct x509read {
    uint64_t serial;
    char issuer[256]; /* common name of the authority */
    char common_name[256], organization[256], organizational_unit[256]; /* "" for no common name */
    enum x509_usage usage;
    size_t names_n;
    struct altname names[ALTNAME_MAX];  /* data points into the DER */
    uint64_t valid_after, valid_before; /* valid_before is the first bad second */
    struct sshkey subject;
    enum sshkey_type signer; /* what kind of key the signature claims to be by */
    struct x509_key_id authority_key_id;
    const struct x509_name *brought;    /* as given to x509read_leaf_of(); issuer is "" then */
    size_t tbs_at, tbs_len;             /* where in the DER the signed bytes are */
    size_t signature_at, signature_len; /* and the signature's */
};

/* SFT_EFORMAT on anything else than a leaf certificate of our profile, SFT_ETRAILING after it. */
SFT_CHECKED int x509read_leaf(struct x509read *cert, const uint8_t *der, size_t len);
/* The same of an authority that brought its name (len 0: ours), which must be the issuer's. */
SFT_CHECKED int x509read_leaf_of(struct x509read *cert, const struct x509_name *brought,
                                 const uint8_t *der, size_t len);
/*
 * A SubjectPublicKeyInfo as an SSH key, unchecked: sshkey_check.h has not been asked. SFT_EFORMAT
 * on keys that SSH has no name for.
 */
SFT_CHECKED int x509read_spki(struct sshkey *key, const uint8_t *der, size_t len);

#endif
