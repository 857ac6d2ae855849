/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509read.h - the second decoder for X.509: reads a client certificate that the vault has just
 * made, strictly and in exactly our profile, so that what leaves can be compared with its record.
 */
#ifndef SFTCA_X509READ_H
#define SFTCA_X509READ_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sshkey.h"

struct x509read {
    uint64_t serial;
    char issuer[256]; /* common name of the authority */
    char common_name[256], organization[256], organizational_unit[256], uri[512];
    uint64_t valid_after, valid_before; /* valid_before is the first bad second */
    struct sshkey subject;
    enum sshkey_type signer; /* what kind of key the signature claims to be by */
    uint8_t authority_key_id[20];
    size_t tbs_at, tbs_len; /* where in the DER the signed bytes are */
};

/* SFT_EFORMAT on anything else than a client certificate of our profile, SFT_ETRAILING after it. */
SFT_CHECKED int x509read_client(struct x509read *cert, const uint8_t *der, size_t len);

#endif
