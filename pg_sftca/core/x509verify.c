/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509verify.c - X509_verify_cert with strict rules, and its answers as our words.
 */
#include "core/x509verify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/pem.h"
#include "core/x509lib.h"

struct work {
    uint8_t *der;
    size_t cap;
    X509_STORE *store;
    STACK_OF(X509) * shown; /* the leaf first */
};

typedef int (*taker)(struct work *w, const uint8_t *der, size_t len);

static int
take_shown(struct work *w, const uint8_t *der, size_t len)
{
    X509 *cert = x509lib_certificate(der, len);
    if (cert != NULL && sk_X509_num(w->shown) < X509VERIFY_CERTIFICATES_MAX &&
        sk_X509_push(w->shown, cert) > 0)
        return 1;
    X509_free(cert);
    return 0;
}

static int
take_trusted(struct work *w, const uint8_t *der, size_t len)
{
    X509 *cert = x509lib_certificate(der, len);
    int taken = cert != NULL && X509_STORE_add_cert(w->store, cert) == 1;
    X509_free(cert);
    return taken;
}

static int
take_list(struct work *w, const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    X509_CRL *list = d2i_X509_CRL(NULL, &end, (long)len);
    int taken = list != NULL && end == der + len && X509_STORE_add_crl(w->store, list) == 1;
    X509_CRL_free(list);
    return taken;
}

/* Every block of a text, at least one. */
static int
take_all(struct work *w, const char *text, size_t len, const char *const *labels, taker take)
{
    struct pem pem;
    size_t n;
    int r, taken = 0;
    if (len > w->cap)
        return 0;
    pem_begin(&pem, text, len);
    while ((r = pem_next(&pem, labels, w->der, w->cap, &n)) == SFT_OK) {
        if (!take(w, w->der, n))
            return 0;
        taken++;
    }
    return r == SFT_ENOTFOUND && taken > 0;
}

static const char *
word_of(int error)
{
    static const struct {
        int error;
        const char *word;
    } words[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, "certificate_expired"},
        {X509_V_ERR_CERT_NOT_YET_VALID, "certificate_not_yet_valid"},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "issuer_unknown"},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "issuer_unknown"},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "issuer_unknown"},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "issuer_unknown"},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "issuer_unknown"},
        {X509_V_ERR_CERT_UNTRUSTED, "issuer_unknown"},
        {X509_V_ERR_CERT_SIGNATURE_FAILURE, "signature_invalid"},
        {X509_V_ERR_CERT_REVOKED, "certificate_revoked"},
        {X509_V_ERR_INVALID_PURPOSE, "purpose_wrong"},
        {X509_V_ERR_HOSTNAME_MISMATCH, "name_wrong"},
        {X509_V_ERR_IP_ADDRESS_MISMATCH, "name_wrong"},
        {X509_V_ERR_INVALID_CA, "authority_invalid"},
        {X509_V_ERR_PATH_LENGTH_EXCEEDED, "authority_invalid"},
        {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, "authority_invalid"},
        {X509_V_ERR_UNABLE_TO_GET_CRL, "crl_missing"},
        {X509_V_ERR_CRL_HAS_EXPIRED, "crl_expired"},
        {X509_V_ERR_CRL_NOT_YET_VALID, "crl_not_yet_valid"},
        {X509_V_ERR_CRL_SIGNATURE_FAILURE, "crl_invalid"},
        {X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, "crl_invalid"},
        {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, "crl_invalid"},
        {X509_V_ERR_EE_KEY_TOO_SMALL, "key_weak"},
        {X509_V_ERR_CA_KEY_TOO_SMALL, "key_weak"},
        {X509_V_ERR_CA_MD_TOO_WEAK, "key_weak"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].error == error)
            return words[i].word;
    return "certificate_invalid";
}

static int
set_rules(const struct x509verify *ask, X509_STORE_CTX *ctx)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)ask->at);
    X509_VERIFY_PARAM_set_auth_level(param, 2); /* 112 bits; SHA-1 signs nothing */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT |
                                           (ask->lists == NULL ? 0 : X509_V_FLAG_CRL_CHECK));
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (ask->purpose != X509VERIFY_ANY &&
        X509_VERIFY_PARAM_set_purpose(param, ask->purpose == X509VERIFY_CLIENT
                                                 ? X509_PURPOSE_SSL_CLIENT
                                                 : X509_PURPOSE_SSL_SERVER) != 1)
        return 0;
    return ask->name == NULL || X509_VERIFY_PARAM_set1_ip_asc(param, ask->name) == 1 ||
           X509_VERIFY_PARAM_set1_host(param, ask->name, 0) == 1;
}

/* The library takes no name for any name, and a dot with a name behind it for all below that. */
static int
is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.';
}

static int
decide(const struct x509verify *ask, struct work *w, const char **wordp)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int ready = ctx != NULL &&
                X509_STORE_CTX_init(ctx, w->store, sk_X509_value(w->shown, 0), w->shown) == 1 &&
                set_rules(ask, ctx);
    if (ready && ask->name != NULL && !is_name(ask->name))
        *wordp = "name_wrong";
    else if (ready && X509_verify_cert(ctx) != 1)
        *wordp = word_of(X509_STORE_CTX_get_error(ctx));
    X509_STORE_CTX_free(ctx);
    return ready ? SFT_OK : SFT_ECRYPTO;
}

int
x509verify(const struct x509verify *ask, const char **wordp)
{
    size_t cap = ask->certificate_len + ask->trust_len + ask->lists_len;
    struct work w = {.der = cap > X509VERIFY_TEXT_MAX ? NULL : malloc(cap + 1),
                     .cap = cap,
                     .store = X509_STORE_new(),
                     .shown = sk_X509_new_null()};
    int r = SFT_OK;
    *wordp = NULL;
    if (cap > X509VERIFY_TEXT_MAX)
        r = SFT_ETOOLONG;
    else if (w.der == NULL || w.store == NULL || w.shown == NULL)
        r = SFT_ENOMEM;
    else if (!take_all(&w, ask->certificate, ask->certificate_len, pem_certificate, take_shown))
        *wordp = "certificate_malformed";
    else if (!take_all(&w, ask->trust, ask->trust_len, pem_certificate, take_trusted))
        *wordp = "trust_malformed";
    else if (ask->lists != NULL && !take_all(&w, ask->lists, ask->lists_len, pem_list, take_list))
        *wordp = "crl_malformed";
    else
        r = decide(ask, &w, wordp);
    sk_X509_pop_free(w.shown, X509_free);
    X509_STORE_free(w.store);
    free(w.der);
    ERR_clear_error();
    return r;
}
