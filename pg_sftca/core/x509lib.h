/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509lib.h - the decoder for X.509 that others wrote (OpenSSL's), for what others made. Its
 * handles stay inside the core: nothing that holds one may raise.
 */
#ifndef SFTCA_X509LIB_H
#define SFTCA_X509LIB_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "common/err.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

#define X509LIB_NAME_MAX 2048

/* NULL when it is no certificate, or bytes are left. Caller frees. */
X509 *x509lib_certificate(const uint8_t *der, size_t len);
/*
 * The key, checked as sshkey_from_text() does it. SFT_EKEYTYPE for what SSH has no name for.
 */
SFT_CHECKED int x509lib_key(const X509_PUBKEY *spki, struct sshkey *key);
/* "ecdsa-with-SHA256" and the like; NULL unless its hash is of the SHA-2 family, or it is Ed25519.
 */
const char *x509lib_signature(const X509_ALGOR *algorithm);
/* A name as RFC 4514 writes it, ASCII, bytes beyond that escaped; SFT_ETOOLONG. */
SFT_CHECKED int x509lib_name(const X509_NAME *name, char out[X509LIB_NAME_MAX]);
/* Seconds since 1970; 0 also for a time that is none. */
int64_t x509lib_time(const ASN1_TIME *time);

#endif
