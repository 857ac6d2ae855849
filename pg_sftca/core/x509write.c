/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509write.c - TBSCertificate and Certificate of RFC 5280, in the order of its ASN.1.
 */
#include "core/x509write.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/text.h"
#include "core/der.h"
#include "core/x509oid.h"
#include "core/x509part.h"

/* The key's fields after its algorithm name, as the SSH blob has them. */
static void
key_fields(struct sbuf *r, const struct sshkey *key)
{
    size_t n;
    sb_reader(r, key->blob, key->len);
    (void)sb_get_blob(r, &n);
}

/* An elliptic curve key's point: the last field of its blob. */
static const uint8_t *
ec_point(const struct sshkey *key, size_t *lenp)
{
    struct sbuf r;
    key_fields(&r, key);
    if (key->type != SSHKEY_ED25519)
        (void)sb_get_blob(&r, lenp); /* curve name */
    return sb_get_blob(&r, lenp);
}

static void
put_rsa_bits(struct sbuf *out, const struct sshkey *key)
{
    struct sbuf r;
    size_t e_len, n_len;
    key_fields(&r, key);
    const uint8_t *e = sb_get_mpint(&r, &e_len);
    const uint8_t *n = sb_get_mpint(&r, &n_len);
    if (sb_err(&r) != SFT_OK) {
        sb_fail(out, sb_err(&r));
        return;
    }
    size_t bits = der_open(out, DER_BITS);
    sb_u8(out, 0);
    size_t pair = der_open(out, DER_SEQUENCE);
    der_unsigned(out, n, n_len);
    der_unsigned(out, e, e_len);
    der_close(out, pair);
    der_close(out, bits);
}

static const struct der_oid *
curve_oid(enum sshkey_type type)
{
    switch (type) {
    case SSHKEY_ECDSA_P256:
        return &oid_p256;
    case SSHKEY_ECDSA_P384:
        return &oid_p384;
    case SSHKEY_ECDSA_P521:
        return &oid_p521;
    default:
        return NULL;
    }
}

static void
put_key_algorithm(struct sbuf *out, enum sshkey_type type)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    if (type == SSHKEY_ED25519) {
        der_oid(out, &oid_ed25519);
    } else if (type == SSHKEY_RSA) {
        der_oid(out, &oid_rsa_key);
        der_element(out, DER_NULL, NULL, 0);
    } else if (curve_oid(type) != NULL) {
        der_oid(out, &oid_ec_key);
        der_oid(out, curve_oid(type));
    } else {
        sb_fail(out, SFT_EKEYTYPE);
    }
    der_close(out, mark);
}

void
x509write_spki(struct sbuf *out, const struct sshkey *key)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    put_key_algorithm(out, key->type);
    if (key->type == SSHKEY_RSA) {
        put_rsa_bits(out, key);
    } else {
        size_t n = 0;
        const uint8_t *point = ec_point(key, &n);
        der_bits(out, point, n);
    }
    der_close(out, mark);
}

int
x509write_key_id(const struct sshkey *key, uint8_t out[X509_KEY_ID_LEN])
{
    uint8_t spki[SSHKEY_BLOB_MAX + 64], digest[32];
    struct sbuf b;
    sb_writer(&b, spki, sizeof spki);
    x509write_spki(&b, key);
    if (sb_err(&b) != SFT_OK)
        return sb_err(&b);
    int r = digest_sha256(spki, b.len, digest);
    if (r != SFT_OK)
        return r;
    memcpy(out, digest, X509_KEY_ID_LEN);
    return SFT_OK;
}

static void
put_leaf_name(struct sbuf *out, const struct x509write *cert)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    x509part_attribute(out, &oid_organization, cert->organization);
    x509part_attribute(out, &oid_organizational_unit, cert->organizational_unit);
    if (cert->common_name != NULL)
        x509part_attribute(out, &oid_common_name, cert->common_name);
    der_close(out, mark);
}

static void
put_validity(struct sbuf *out, const struct x509write *cert)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    der_time(out, (int64_t)cert->valid_after);
    der_time(out, (int64_t)cert->valid_before - 1); /* notAfter is inclusive */
    der_close(out, mark);
}

static void
put_basic_constraints(struct sbuf *out, int is_authority)
{
    struct x509part_extension e = x509part_extension_open(out, &oid_basic_constraints, 1);
    size_t mark = der_open(out, DER_SEQUENCE);
    if (is_authority) {
        der_true(out);
        der_u64(out, 0); /* no authority below this one */
    }
    der_close(out, mark);
    x509part_extension_close(out, e);
}

/* bits: unused bit count and the bits, as a BIT STRING's content. */
static void
put_key_usage(struct sbuf *out, const char bits[2])
{
    struct x509part_extension e = x509part_extension_open(out, &oid_key_usage, 1);
    der_element(out, DER_BITS, bits, 2);
    x509part_extension_close(out, e);
}

static void
put_extended_usage(struct sbuf *out, enum x509_usage usage)
{
    struct x509part_extension e = x509part_extension_open(out, &oid_extended_key_usage, 0);
    size_t mark = der_open(out, DER_SEQUENCE);
    der_oid(out, usage == X509_USAGE_SERVER ? &oid_server_auth : &oid_client_auth);
    der_close(out, mark);
    x509part_extension_close(out, e);
}

static void
put_subject_key_id(struct sbuf *out, const struct sshkey *key)
{
    uint8_t id[X509_KEY_ID_LEN] = {0};
    int r = x509write_key_id(key, id);
    if (r != SFT_OK)
        sb_fail(out, r);
    struct x509part_extension e = x509part_extension_open(out, &oid_subject_key_id, 0);
    der_element(out, DER_OCTETS, id, sizeof id);
    x509part_extension_close(out, e);
}

static void
put_names(struct sbuf *out, const struct x509write *cert)
{
    struct x509part_extension e = x509part_extension_open(out, &oid_alt_name, 0);
    size_t mark = der_open(out, DER_SEQUENCE);
    if (cert->names_n == 0)
        sb_fail(out, SFT_ENAME);
    for (size_t i = 0; i < cert->names_n; i++)
        der_element(out, (uint8_t)(0x80 | cert->names[i].type), cert->names[i].data,
                    cert->names[i].len);
    der_close(out, mark);
    x509part_extension_close(out, e);
}

/* version, serialNumber, signature: the same for both kinds. */
static void
put_head(struct sbuf *out, const struct x509write *cert)
{
    if (cert->serial == 0 || cert->serial > INT64_MAX)
        sb_fail(out, SFT_ESERIAL);
    if (cert->valid_after >= cert->valid_before)
        sb_fail(out, SFT_EVALIDITY);
    size_t version = der_open(out, 0xa0);
    der_u64(out, 2); /* v3 */
    der_close(out, version);
    der_u64(out, cert->serial);
    x509part_signature_algorithm(out, cert->authority->type);
    x509part_issuer(out, cert->issuer, cert->issuer_name);
    put_validity(out, cert);
}

void
x509write_leaf_tbs(struct sbuf *out, const struct x509write *cert)
{
    size_t tbs = der_open(out, DER_SEQUENCE);
    put_head(out, cert);
    put_leaf_name(out, cert);
    x509write_spki(out, cert->subject);
    size_t tagged = der_open(out, 0xa3);
    size_t extensions = der_open(out, DER_SEQUENCE);
    put_basic_constraints(out, 0);
    put_key_usage(out, "\x07\x80"); /* digitalSignature */
    put_extended_usage(out, cert->usage);
    put_subject_key_id(out, cert->subject);
    x509part_authority_key_id(out, cert->authority, cert->authority_key_id);
    put_names(out, cert);
    der_close(out, extensions);
    der_close(out, tagged);
    der_close(out, tbs);
}

/* What an authority's certificate says of it, whoever signs it. */
static void
put_authority_extensions(struct sbuf *out, const struct x509write *cert)
{
    put_basic_constraints(out, 1);
    put_key_usage(out, "\x01\x06"); /* keyCertSign, cRLSign */
    put_subject_key_id(out, cert->authority);
}

void
x509write_authority_tbs(struct sbuf *out, const struct x509write *cert)
{
    size_t tbs = der_open(out, DER_SEQUENCE);
    put_head(out, cert);
    x509part_authority_name(out, cert->issuer); /* subject: signed by itself */
    x509write_spki(out, cert->authority);
    size_t tagged = der_open(out, 0xa3);
    size_t extensions = der_open(out, DER_SEQUENCE);
    put_authority_extensions(out, cert);
    x509part_authority_key_id(out, cert->authority, NULL);
    der_close(out, extensions);
    der_close(out, tagged);
    der_close(out, tbs);
}

void
x509write_request_tbs(struct sbuf *out, const struct x509write *cert)
{
    size_t info = der_open(out, DER_SEQUENCE);
    der_u64(out, 0); /* v1 */
    x509part_authority_name(out, cert->issuer);
    x509write_spki(out, cert->authority);
    size_t attributes = der_open(out, 0xa0);
    size_t attribute = der_open(out, DER_SEQUENCE);
    der_oid(out, &oid_extension_request);
    size_t set = der_open(out, DER_SET);
    size_t extensions = der_open(out, DER_SEQUENCE);
    put_authority_extensions(out, cert);
    der_close(out, extensions);
    der_close(out, set);
    der_close(out, attribute);
    der_close(out, attributes);
    der_close(out, info);
}

int
x509write_signed(struct sbuf *out, const uint8_t *tbs, size_t len, const struct key *key)
{
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;
    int r = key_sign(key, tbs, len, sig, &sig_len);
    if (r != SFT_OK)
        return r;
    size_t mark = der_open(out, DER_SEQUENCE);
    sb_raw(out, tbs, len);
    x509part_signature_algorithm(out, x509part_type(key_algorithm(key)));
    der_bits(out, sig, sig_len);
    der_close(out, mark);
    return sb_err(out);
}

int
x509write_pem(const char *label, const uint8_t *der, size_t len, char *out, size_t cap)
{
    if (cap < X509_PEM_MAX(len))
        return SFT_ENOSPACE;
    char *p = out + snprintf(out, cap, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < len; at += 48) {
        size_t n = len - at < 48 ? len - at : 48;
        int r = b64_encode(p, B64_LEN(n) + 1, der + at, n);
        if (r != SFT_OK)
            return r;
        p += B64_LEN(n);
        *p++ = '\n';
    }
    snprintf(p, cap - (size_t)(p - out), "-----END %s-----\n", label);
    return SFT_OK;
}
