/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509chain.c - the rules for a chain of authorities, one by one, each refused by name; OpenSSL's
 * own opinion last.
 */
#include "core/x509chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/pem.h"
#include "core/x509lib.h"
#include "core/x509part.h"

struct chain {
    X509 *certs[X509CHAIN_MAX];
    int n;
    const struct sshkey *key;
    const char *name;
    int64_t at;
    struct x509chain *out;
};

/* Says what is wrong with certificate i, and returns its word. */
static const char *
wrong(struct chain *c, const char *word, int i, const char *sentence)
{
    snprintf(c->out->reason, sizeof c->out->reason, "chain: certificate %d of %d %s", i + 1, c->n,
             sentence);
    return word;
}

static const char *
read_all(struct chain *c, const char *text, size_t len, uint8_t *der)
{
    struct pem pem;
    size_t der_len;
    int r;
    pem_begin(&pem, text, len);
    while ((r = pem_next(&pem, pem_certificate, der, len, &der_len)) == SFT_OK) {
        if (c->n == X509CHAIN_MAX) {
            snprintf(c->out->reason, sizeof c->out->reason, "chain: more than %d certificates",
                     X509CHAIN_MAX);
            return "chain_too_long";
        }
        X509 *cert = x509lib_certificate(der, der_len);
        if (cert == NULL || (X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0) {
            X509_free(cert);
            break;
        }
        c->certs[c->n++] = cert;
    }
    if (r == SFT_ENOTFOUND && c->n > 0)
        return NULL;
    snprintf(c->out->reason, sizeof c->out->reason,
             "chain: block %d is no certificate in PEM and DER", c->n + 1);
    return "chain_malformed";
}

/* Whether what OpenSSL has encoded (and is freed here) is what our own writer has written. */
static int
is_same(uint8_t *der, int n, const struct sbuf *want)
{
    int same = n > 0 && sb_err(want) == SFT_OK && (size_t)n == want->len &&
               memcmp(der, want->p, want->len) == 0;
    OPENSSL_free(der);
    return same;
}

static const char *
keep_subject(struct chain *c)
{
    const uint8_t *der = NULL;
    size_t n = 0;
    if (X509_NAME_get0_der(X509_get_subject_name(c->certs[0]), &der, &n) != 1 || n <= 2 ||
        n > sizeof c->out->subject.der)
        return wrong(c, "chain_name", 0, "has no subject, or one of more than 512 bytes");
    memcpy(c->out->subject.der, der, n);
    c->out->subject.len = n;
    return NULL;
}

static const char *
check_own(struct chain *c)
{
    uint8_t memory[SSHKEY_BLOB_MAX + 512], *der = NULL;
    struct sbuf want;
    sb_writer(&want, memory, sizeof memory);
    x509write_spki(&want, c->key);
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->certs[0]), &der);
    if (!is_same(der, n, &want))
        return wrong(c, "chain_key", 0, "is for another key than this generation's");
    if (c->name == NULL)
        return keep_subject(c);
    sb_writer(&want, memory, sizeof memory);
    x509part_authority_name(&want, c->name);
    der = NULL;
    n = i2d_X509_NAME(X509_get_subject_name(c->certs[0]), &der);
    if (!is_same(der, n, &want))
        return wrong(c, "chain_name", 0,
                     "has another subject than the request, or encodes it otherwise");
    return NULL;
}

static int
is_issued_by(X509 *cert, X509 *issuer)
{
    return X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0;
}

static const char *
check_order(struct chain *c)
{
    for (int i = 0; i + 1 < c->n; i++)
        if (!is_issued_by(c->certs[i], c->certs[i + 1]))
            return wrong(c, "chain_order", i, "was issued under another name than the next one's");
    if (!is_issued_by(c->certs[c->n - 1], c->certs[c->n - 1]))
        return wrong(c, "chain_incomplete", c->n - 1, "is the last and no root");
    if (c->n == 1 && c->name != NULL)
        return wrong(c, "chain_incomplete", 0, "is signed by nobody outside");
    return NULL;
}

static const char *
check_strength(struct chain *c)
{
    struct sshkey key;
    const X509_ALGOR *algorithm;
    for (int i = 0; i < c->n; i++) {
        int r = x509lib_key(X509_get_X509_PUBKEY(c->certs[i]), &key);
        if (r != SFT_OK)
            return wrong(c, "chain_weak", i,
                         "has a key that is weak, malformed or of no known type");
        X509_get0_signature(NULL, &algorithm, c->certs[i]);
        if (i + 1 < c->n && x509lib_signature(algorithm) == NULL)
            return wrong(c, "chain_weak", i, "is signed by a weak or unknown algorithm");
    }
    return NULL;
}

static const char *
check_signatures(struct chain *c)
{
    for (int i = 0; i < c->n; i++) {
        X509 *issuer = c->certs[i + 1 < c->n ? i + 1 : i];
        if (X509_verify(c->certs[i], X509_get0_pubkey(issuer)) != 1)
            return wrong(c, "chain_signature", i, "is not signed by its issuer's key");
    }
    return NULL;
}

static const char *
check_usage(struct chain *c)
{
    for (int i = 0; i < c->n; i++) {
        uint32_t usage = X509_get_key_usage(c->certs[i]); /* all bits when there is none */
        if ((X509_get_extension_flags(c->certs[i]) & EXFLAG_CA) == 0)
            return wrong(c, "chain_not_authority", i, "is no authority's (basicConstraints)");
        if (i == 0 && (usage == UINT32_MAX || (usage & KU_CRL_SIGN) == 0))
            return wrong(c, "chain_key_usage", i, "may not sign lists (keyUsage cRLSign)");
        if ((usage & KU_KEY_CERT_SIGN) == 0)
            return wrong(c, "chain_key_usage", i,
                         "may not sign certificates (keyUsage keyCertSign)");
        long below = X509_get_pathlen(c->certs[i]);
        if (below >= 0 && below < i)
            return wrong(c, "chain_path_length", i, "allows fewer authorities below it");
    }
    return NULL;
}

static const char *
check_validity(struct chain *c)
{
    c->out->expires_at = INT64_MAX;
    for (int i = 0; i < c->n; i++) {
        int64_t from = x509lib_time(X509_get0_notBefore(c->certs[i]));
        int64_t until = x509lib_time(X509_get0_notAfter(c->certs[i])) + 1;
        if (c->at < from)
            return wrong(c, "chain_validity", i, "is not valid yet");
        if (c->at >= until)
            return wrong(c, "chain_validity", i, "has expired");
        if (until < c->out->expires_at)
            c->out->expires_at = until;
    }
    return NULL;
}

static const char *
check_key_ids(struct chain *c)
{
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(c->certs[0]);
    int n = own == NULL ? 0 : ASN1_STRING_length(own);
    if (n == 0 || n > X509_KEY_ID_MAX)
        return wrong(c, "chain_key_identifier", 0,
                     "has no subject key identifier of 1 to 32 bytes");
    c->out->key_id.len = (size_t)n;
    memcpy(c->out->key_id.bytes, ASN1_STRING_get0_data(own), (size_t)n);
    for (int i = 0; i + 1 < c->n; i++) {
        const ASN1_OCTET_STRING *says = X509_get0_authority_key_id(c->certs[i]);
        const ASN1_OCTET_STRING *is = X509_get0_subject_key_id(c->certs[i + 1]);
        if (says != NULL && is != NULL && ASN1_OCTET_STRING_cmp(says, is) != 0)
            return wrong(c, "chain_key_identifier", i, "names another key as its issuer's");
    }
    return NULL;
}

static int
add_certs(struct chain *c, X509_STORE *store, STACK_OF(X509) * middle)
{
    if (store == NULL || middle == NULL || X509_STORE_add_cert(store, c->certs[c->n - 1]) != 1)
        return 0;
    for (int i = 1; i + 1 < c->n; i++)
        if (sk_X509_push(middle, c->certs[i]) <= 0)
            return 0;
    return 1;
}

/* What has no rule above: unknown critical extensions, name constraints, and the like. */
static const char *
check_opinion(struct chain *c)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *middle = sk_X509_new_null();
    int error = X509_V_ERR_UNSPECIFIED;
    if (ctx != NULL && add_certs(c, store, middle) &&
        X509_STORE_CTX_init(ctx, store, c->certs[0], middle) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_time(param, (time_t)c->at);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
        error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(middle);
    X509_STORE_free(store);
    if (error == X509_V_OK && X509_check_purpose(c->certs[0], X509_PURPOSE_SSL_CLIENT, 1) != 1 &&
        X509_check_purpose(c->certs[0], X509_PURPOSE_SSL_SERVER, 1) != 1)
        error = X509_V_ERR_INVALID_PURPOSE;
    if (error == X509_V_OK)
        return NULL;
    snprintf(c->out->reason, sizeof c->out->reason, "chain: %s",
             X509_verify_cert_error_string(error));
    return "chain_refused";
}

static int
append_pem(X509 *cert, char *out, size_t cap)
{
    uint8_t *der = NULL;
    size_t used = strlen(out);
    int n = i2d_X509(cert, &der);
    int r = n <= 0 ? SFT_EINTERNAL
                   : x509write_pem("CERTIFICATE", der, (size_t)n, out + used, cap - used);
    OPENSSL_free(der);
    return r;
}

static const char *
put_out(struct chain *c, char *own, char *above, size_t cap)
{
    own[0] = above[0] = '\0';
    int r = append_pem(c->certs[0], own, cap);
    for (int i = 1; r == SFT_OK && i < c->n; i++)
        r = append_pem(c->certs[i], above, cap);
    return r == SFT_OK ? NULL : wrong(c, "chain_too_long", 0, "and those above are too long");
}

const char *
x509chain_check(struct x509chain *out, const char *text, size_t len, const struct sshkey *key,
                const char *name, int64_t at, char *own, char *above, size_t cap)
{
    static const char *(*const rules[])(struct chain *) = {
        check_own,   check_order,    check_strength, check_signatures,
        check_usage, check_validity, check_key_ids,  check_opinion};
    struct chain c = {.key = key, .name = name, .at = at, .out = out};
    memset(out, 0, sizeof *out);
    uint8_t *der = len > X509CHAIN_TEXT_MAX ? NULL : malloc(len + 1);
    snprintf(out->reason, sizeof out->reason, "chain: more than %d bytes", X509CHAIN_TEXT_MAX);
    const char *word = der == NULL ? "chain_too_long" : read_all(&c, text, len, der);
    for (size_t i = 0; word == NULL && i < sizeof rules / sizeof *rules; i++)
        word = rules[i](&c);
    if (word == NULL)
        word = put_out(&c, own, above, cap);
    for (int i = 0; i < c.n; i++)
        X509_free(c.certs[i]);
    free(der);
    ERR_clear_error();
    return word;
}
