/* SPDX-License-Identifier: PostgreSQL */
/*
 * mkcert.h - certificates written field by field, also such as nobody should write (for tests).
 */
#ifndef SFT_T_MKCERT_H
#define SFT_T_MKCERT_H

#include <string.h>

#include "common/key.h"
#include "common/sbuf.h"
#include "common/sshcert.h"

/* Lists are wire bytes without their outer length; NULL stands for what is usual. */
struct recipe {
    const struct key *ca;
    const struct sshkey *subject;
    const char *name; /* algorithm name */
    uint64_t serial, after, before;
    uint32_t type;
    const void *key_id;
    size_t key_id_len;
    const void *principals;
    size_t principals_len;
    const void *critical;
    size_t critical_len;
    const void *extensions;
    size_t extensions_len;
    const void *reserved;
    size_t reserved_len;
    const void *signer; /* in place of the CA's public key */
    size_t signer_len;
    const char *sig_name; /* in place of the signature's algorithm */
};

#define WIRE(s) (s), (sizeof(s) - 1)

static inline struct recipe
recipe(const struct key *ca, const struct sshkey *subject)
{
    return (struct recipe){
        .ca = ca,
        .subject = subject,
        .serial = 77,
        .type = SSHCERT_USER,
        .after = 1763900000,
        .before = 1763900360,
        .key_id = "sft1:acme:prod:alice:x",
        .key_id_len = 22,
        .principals = "\0\0\0\5alice",
        .principals_len = 9,
        .extensions = "\0\0\0\12permit-pty\0\0\0\0",
        .extensions_len = 18,
    };
}

/* Writes the certificate and signs it with an Ed25519 or P-256 key. */
static inline void
mkcert(struct sbuf *out, const struct recipe *r)
{
    struct sshkey ca;
    struct sbuf subject;
    size_t name_len;
    uint8_t sig[64];
    int err = key_public(r->ca, &ca);
    sb_reader(&subject, r->subject->blob, r->subject->len);
    sb_get_blob(&subject, &name_len);
    sb_cstr(out, r->name != NULL ? r->name : sshkey_cert_type_name(r->subject->type));
    sb_blob(out, "0123456789abcdef0123456789abcdef", 32);
    sb_raw(out, subject.r + subject.at, sb_left(&subject));
    sb_u64(out, r->serial);
    sb_u32(out, r->type);
    sb_blob(out, r->key_id, r->key_id_len);
    sb_blob(out, r->principals, r->principals_len);
    sb_u64(out, r->after);
    sb_u64(out, r->before);
    sb_blob(out, r->critical, r->critical_len);
    sb_blob(out, r->extensions, r->extensions_len);
    sb_blob(out, r->reserved, r->reserved_len);
    if (r->signer != NULL)
        sb_blob(out, r->signer, r->signer_len);
    else
        sb_blob(out, ca.blob, ca.len);
    err = err != 0 ? err : key_sign_raw(r->ca, out->p, out->len, sig);
    size_t mark = sb_open(out);
    sb_cstr(out, r->sig_name != NULL ? r->sig_name : sshkey_type_name(ca.type));
    if (ca.type == SSHKEY_ED25519) {
        sb_blob(out, sig, sizeof(sig));
    } else {
        size_t pair = sb_open(out);
        sb_mpint(out, sig, 32);
        sb_mpint(out, sig + 32, 32);
        sb_close(out, pair);
    }
    sb_close(out, mark);
    if (err != 0)
        sb_fail(out, err);
}

#endif
