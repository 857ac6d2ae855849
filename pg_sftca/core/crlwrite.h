/* SPDX-License-Identifier: PostgreSQL */
/*
 * crlwrite.h - writing X.509 revocation lists (RFC 5280 5) as DER, and reading them again.
 *
 * A list is complete, of one generation of an authority, and made anew each time. Sign it with
 * x509write_signed.
 */
#ifndef SFTCA_CRLWRITE_H
#define SFTCA_CRLWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "common/sbuf.h"
#include "common/sshkey.h"
#include "core/x509write.h"

struct crlwrite_entry {
    uint64_t serial;
    int64_t revoked_at; /* seconds since 1970 */
    int reason;         /* CRLReason 1 to 5, 9, 10; 0 says nothing */
};

struct crlwrite {
    const char *issuer;                  /* common name of the authority, as in its certificate */
    const struct x509_name *issuer_name; /* of one that was somebody else's; may be NULL */
    const struct sshkey *authority;
    const struct x509_key_id *authority_key_id; /* NULL: as x509write_key_id() says */
    /* The number, greater than that of every list before, is epoch * 2^64 + number. */
    uint64_t epoch, number;
    int64_t this_update, next_update;     /* seconds since 1970 */
    const struct crlwrite_entry *entries; /* ascending by serial, no serial twice */
    size_t entries_n;
};

/* Room that a list of so many entries needs at most, signature included. */
size_t crlwrite_room(size_t entries_n);
/* The list's number, big-endian. */
void crlwrite_number(const struct crlwrite *crl, uint8_t be[16]);
/* TBSCertList. Sets SFT_ESERIAL, SFT_EVALIDITY or SFT_EFORMAT for what must not be written. */
void crlwrite_tbs(struct sbuf *out, const struct crlwrite *crl);
/*
 * The second decoder, OpenSSL's: whether a finished list says this and its signature is good.
 * SFT_EFORMAT or SFT_ESIGNATURE if not.
 */
SFT_CHECKED int crlwrite_check(const struct crlwrite *crl, const uint8_t *der, size_t len);

#endif
