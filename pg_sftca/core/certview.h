/* SPDX-License-Identifier: PostgreSQL */
/*
 * certview.h - a look into any OpenSSH certificate, whoever made it, and whether sshd would take
 * it.
 *
 * common/sshcert.h reads what we issue and refuses the rest. This reads what OpenSSH reads (no
 * principals, for ever, unknown options), to show it and to say why a login fails. Stricter than
 * OpenSSH in the keys alone: they must be sound by sshkey.h.
 */
#ifndef SFTCA_CERTVIEW_H
#define SFTCA_CERTVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

#define CERTVIEW_BLOB_MAX 65536
#define CERTVIEW_PRINCIPALS_MAX 256 /* OpenSSH's */
#define CERTVIEW_FOREVER UINT64_MAX

enum { CERTVIEW_USER = 1, CERTVIEW_HOST = 2 };

/* Bytes within the caller's blob. */
struct span {
    const uint8_t *p;
    size_t len;
};

struct certview {
    const char *type; /* "ssh-ed25519-cert-v01@openssh.com" */
    uint32_t kind;    /* CERTVIEW_USER or CERTVIEW_HOST */
    uint64_t serial;
    struct span nonce, key_id, principals, critical, extensions; /* key_id has no NUL */
    size_t principals_n, critical_n, extensions_n;
    uint64_t valid_after, valid_before; /* seconds since 1970; the second exclusive */
    struct sshkey key, authority;
    char signature_algorithm[64];
    struct span tbs, signature;
};

/*
 * Reads all but the signature's truth. On failure *fieldp says where: "serial", "principals" …;
 * SFT_EFORMAT, SFT_ETRAILING, SFT_ETOOLONG, or an error of sshkey.h about "public key" or
 * "authority key".
 */
SFT_CHECKED int certview_read(struct certview *view, const uint8_t *blob, size_t len,
                              const char **fieldp);
/* 0, SFT_ESIGNATURE, SFT_EFORMAT, or SFT_EKEYTYPE: an algorithm that counts for nothing (SHA-1). */
SFT_CHECKED int certview_verify(const struct certview *view);

/* The next principal of a reader over view->principals; false at the end. */
bool certview_principal(struct sbuf *r, struct span *name);
/*
 * The next option of a reader over critical or extensions: its name and its data; false at the end.
 * value is the string inside the data when that is what the data is, NULL otherwise.
 */
bool certview_option(struct sbuf *r, struct span *name, struct span *data, struct span *value);

/* What is asked of a certificate. */
struct certview_question {
    uint32_t kind;
    const char *principal; /* NULL: any of the list */
    uint64_t at;           /* seconds since 1970 */
    bool is_wildcard_fine; /* a user certificate without principals is everybody's */
    const char *address;   /* the peer's, as text; NULL: source-address is checked for its form */
};

/* NULL when sshd would take it, as far as type, time, names and options go; else the error word. */
const char *certview_refusal(const struct certview *view, const struct certview_question *q);

#endif
