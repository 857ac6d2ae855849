/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509facts.h - what certificates, requests and revocation lists say, whoever made them, for people
 * to read. Strict about DER, OpenSSL for the rest.
 *
 * Texts live in the caller's arena and are ASCII; other bytes are escaped.
 */
#ifndef SFTCA_X509FACTS_H
#define SFTCA_X509FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

#define X509FACTS_NAMES_MAX 1024
#define X509FACTS_USAGES_MAX 64
#define X509FACTS_INPUT_MAX 65536 /* bytes of DER of one certificate or request */
/* An arena that is enough for it. */
#define X509FACTS_ARENA(der_len) (16 * (der_len) + 16384)
#define X509LIST_ARENA(der_len) (4 * (der_len) + 16384)

struct x509facts_list {
    size_t n;
    const char *items[X509FACTS_NAMES_MAX];
};

struct x509facts {
    int version;
    const char *serial; /* decimal */
    const char *issuer, *subject, *signature_algorithm, *key_type;
    int64_t valid_after, valid_before; /* seconds since 1970; valid_before is the first bad one */
    int key_bits;
    int has_key; /* SSH has a name for it, and it is good */
    struct sshkey key;
    const char *subject_key_id, *authority_key_id; /* hexadecimal, or NULL */
    int is_authority;
    long path_length; /* -1 for none */
    struct x509facts_list key_usage, extended_key_usage, names, unknown_critical;
};

/* SFT_EFORMAT, SFT_ETOOLONG. */
SFT_CHECKED int x509facts_read(struct x509facts *facts, const uint8_t *der, size_t len,
                               struct sbuf *arena);

struct x509request {
    const char *subject, *signature_algorithm, *key_type;
    struct sshkey key;
    struct x509facts_list names; /* that it asks for; nobody has to give them */
    size_t attributes_n;
};

/*
 * A certification request (PKCS#10) whose key is good and has signed it. SFT_EFORMAT, SFT_ETOOLONG,
 * SFT_ESIGNATURE, SFT_EOPTION (signature algorithm), and what sshkey_from_text() says of the key.
 */
SFT_CHECKED int x509request_read(struct x509request *request, const uint8_t *der, size_t len,
                                 struct sbuf *arena);

struct x509list_entry {
    const char *serial; /* decimal */
    int64_t revoked_at;
    int reason; /* CRLReason; 0 also for none */
};

struct x509list {
    const char *issuer, *number, *signature_algorithm,
        *authority_key_id;            /* may be NULL: number, id */
    int64_t this_update, next_update; /* 0 for none */
    size_t entries_n;
    struct x509list_entry *entries; /* room for x509list_most(len) of them, the caller's */
};

size_t x509list_most(size_t len);
SFT_CHECKED int x509list_read(struct x509list *list, const uint8_t *der, size_t len,
                              struct sbuf *arena);

#endif
