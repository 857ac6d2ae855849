/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509part.c - what X.509 certificates and revocation lists have in common.
 */
#include "core/x509part.h"

#include <string.h>

#include "core/x509oid.h"
#include "core/x509write.h"

/* How the keys of authorities sign; as in key_sign(). */
static const struct scheme {
    enum sshkey_type type;
    enum key_alg alg;
    const struct der_oid *oid;
} schemes[] = {
    {SSHKEY_ED25519, KEY_ED25519, &oid_ed25519},
    {SSHKEY_ECDSA_P256, KEY_ECDSA_P256, &oid_ecdsa_sha256},
    {SSHKEY_ECDSA_P384, KEY_ECDSA_P384, &oid_ecdsa_sha384},
    {SSHKEY_ECDSA_P521, KEY_ECDSA_P521, &oid_ecdsa_sha512},
    {SSHKEY_RSA, KEY_RSA, &oid_rsa_sha512},
};
#define SCHEMES_N (sizeof schemes / sizeof *schemes)

static void
put_scheme(struct sbuf *out, const struct scheme *scheme)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    der_oid(out, scheme->oid);
    if (scheme->type == SSHKEY_RSA)
        der_element(out, DER_NULL, NULL, 0); /* RFC 4055 5 wants it */
    der_close(out, mark);
}

void
x509part_signature_algorithm(struct sbuf *out, enum sshkey_type type)
{
    for (size_t i = 0; i < SCHEMES_N; i++)
        if (schemes[i].type == type) {
            put_scheme(out, &schemes[i]);
            return;
        }
    sb_fail(out, SFT_EKEYTYPE);
}

enum sshkey_type
x509part_type(enum key_alg alg)
{
    for (size_t i = 0; i < SCHEMES_N; i++)
        if (schemes[i].alg == alg)
            return schemes[i].type;
    return SSHKEY_NONE;
}

void
x509part_attribute(struct sbuf *out, const struct der_oid *type, const char *value)
{
    size_t set = der_open(out, DER_SET);
    size_t pair = der_open(out, DER_SEQUENCE);
    der_oid(out, type);
    der_element(out, DER_UTF8, value, strlen(value));
    der_close(out, pair);
    der_close(out, set);
}

void
x509part_authority_name(struct sbuf *out, const char *common_name)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    x509part_attribute(out, &oid_organization, "sft");
    x509part_attribute(out, &oid_common_name, common_name);
    der_close(out, mark);
}

void
x509part_issuer(struct sbuf *out, const char *common_name, const struct x509_name *brought)
{
    if (brought != NULL && brought->len > 0)
        sb_raw(out, brought->der, brought->len);
    else
        x509part_authority_name(out, common_name);
}

struct x509part_extension
x509part_extension_open(struct sbuf *out, const struct der_oid *oid, int critical)
{
    struct x509part_extension e = {.whole = der_open(out, DER_SEQUENCE)};
    der_oid(out, oid);
    if (critical)
        der_true(out);
    e.value = der_open(out, DER_OCTETS);
    return e;
}

void
x509part_extension_close(struct sbuf *out, struct x509part_extension e)
{
    der_close(out, e.value);
    der_close(out, e.whole);
}

void
x509part_authority_key_id(struct sbuf *out, const struct sshkey *key, const struct x509_key_id *id)
{
    struct x509_key_id own = {.len = X509_KEY_ID_LEN};
    if (id == NULL) {
        int r = x509write_key_id(key, own.bytes);
        if (r != SFT_OK)
            sb_fail(out, r);
        id = &own;
    }
    struct x509part_extension e = x509part_extension_open(out, &oid_authority_key_id, 0);
    size_t mark = der_open(out, DER_SEQUENCE);
    der_element(out, 0x80, id->bytes, id->len); /* [0] keyIdentifier */
    der_close(out, mark);
    x509part_extension_close(out, e);
}
