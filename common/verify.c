/* SPDX-License-Identifier: PostgreSQL */
/*
 * verify.c - signatures checked by SSH public keys (prototypes in key.h).
 *
 * Verifying requests is the platform's dearest computation, so Ed25519 and P-256 take the shortest
 * way there is: a raw public key, and a P-256 key object kept per thread, into which each request's
 * point is put. (Through EVP_PKEY_fromdata a P-256 key costs 25 us, a third of the verification.)
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: see above */

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "common/digest.h"
#include "common/ecdsa_sig.h"
#include "common/key.h"
#include "common/sbuf.h"

/* ---- the two hot ones ---- */

static int
verify_ed25519(const uint8_t *point, const void *msg, size_t len, const uint8_t sig[64])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ready = pkey != NULL && ctx != NULL &&
                EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, pkey, NULL) == 1;
    int good = ready && EVP_DigestVerify(ctx, sig, 64, msg, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return good ? 0 : ready ? SFT_ESIGNATURE : SFT_ECRYPTO;
}

static EC_KEY *
p256_with_point(const uint8_t *point, size_t len)
{
    static _Thread_local EC_KEY *key;
    if (key == NULL)
        key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    return key != NULL && EC_KEY_oct2key(key, point, len, NULL) == 1 ? key : NULL;
}

static int
verify_p256(const uint8_t *point, size_t point_len, const void *msg, size_t len,
            const uint8_t sig[64])
{
    uint8_t hash[SHA256_LEN];
    int err = digest_sha256(msg, len, hash), good = -1;
    EC_KEY *key = p256_with_point(point, point_len);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
    if (err == 0 && key != NULL && pair != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* transferred */
        good = ECDSA_do_verify(hash, sizeof(hash), pair, key);
    }
    BN_free(r);
    BN_free(s);
    int ready = pair != NULL && ECDSA_SIG_get0_r(pair) != NULL;
    ECDSA_SIG_free(pair);
    return good == 1 ? 0 : ready ? SFT_ESIGNATURE : SFT_ECRYPTO;
}

int
key_verify_raw(const struct sshkey *pub, const void *msg, size_t len,
               const uint8_t sig[KEY_RAW_SIG_MAX])
{
    const uint8_t *point;
    size_t point_len;
    int err = sshkey_raw_point(pub, &point, &point_len);
    if (err != 0)
        return err;
    err = pub->type == SSHKEY_ED25519 ? verify_ed25519(point, msg, len, sig)
                                      : verify_p256(point, point_len, msg, len, sig);
    if (err != 0)
        ERR_clear_error();
    return err;
}

/* ---- by OpenSSL's EVP ---- */

struct message {
    const uint8_t *p;
    size_t len;
};

/* The public numbers of an RSA key or the point of an ECDSA key, as an EVP_PKEY; NULL on failure.
 */
static EVP_PKEY *
build(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

static EVP_PKEY *
rsa_pkey(struct sbuf *b, OSSL_PARAM_BLD *builder)
{
    size_t e_len, n_len;
    const uint8_t *e = sb_get_mpint(b, &e_len), *n = sb_get_mpint(b, &n_len);
    if (sb_err(b) != 0)
        return NULL;
    BIGNUM *en = BN_bin2bn(e, (int)e_len, NULL), *nn = BN_bin2bn(n, (int)n_len, NULL);
    EVP_PKEY *pkey = NULL;
    if (en != NULL && nn != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, en) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, nn))
        pkey = build("RSA", builder);
    BN_free(en);
    BN_free(nn);
    return pkey;
}

static EVP_PKEY *
ecdsa_pkey(struct sbuf *b, OSSL_PARAM_BLD *builder)
{
    char curve[16];
    size_t len;
    sb_get_cstr(b, curve, sizeof(curve));
    const uint8_t *point = sb_get_blob(b, &len);
    const char *group = strcmp(curve, "nistp384") == 0   ? "secp384r1"
                        : strcmp(curve, "nistp521") == 0 ? "secp521r1"
                                                         : "prime256v1";
    if (sb_err(b) != 0 ||
        !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) ||
        !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, len))
        return NULL;
    return build("EC", builder);
}

/* The salt is as long as the hash (RFC 7518 3.5, RFC 9421 3.3.1). */
static int
set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static int
verify_evp(const struct sshkey *pub, const char *hash, int is_pss, const struct message *msg,
           const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY_CTX *how = NULL;
    struct sbuf b;
    size_t name_len;
    sb_reader(&b, pub->blob, pub->len);
    sb_get_blob(&b, &name_len);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *pkey = builder == NULL           ? NULL
                     : pub->type == SSHKEY_RSA ? rsa_pkey(&b, builder)
                                               : ecdsa_pkey(&b, builder);
    int ready = pkey != NULL && ctx != NULL &&
                EVP_DigestVerifyInit_ex(ctx, &how, hash, NULL, NULL, pkey, NULL) == 1 &&
                (!is_pss || set_pss(how));
    int good = ready && EVP_DigestVerify(ctx, sig, sig_len, msg->p, msg->len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OSSL_PARAM_BLD_free(builder);
    ERR_clear_error();
    return good ? 0 : ready ? SFT_ESIGNATURE : SFT_ECRYPTO;
}

/* ---- SSH signatures ---- */

/* What an SSH signature by a key may be called, and its hash. SHA-1 (ssh-rsa) is not in the list.
 */
static const struct scheme {
    enum sshkey_type type;
    const char *name, *hash;
} schemes[] = {
    {SSHKEY_ED25519, "ssh-ed25519", NULL},
    {SSHKEY_ECDSA_P256, "ecdsa-sha2-nistp256", "SHA2-256"},
    {SSHKEY_ECDSA_P384, "ecdsa-sha2-nistp384", "SHA2-384"},
    {SSHKEY_ECDSA_P521, "ecdsa-sha2-nistp521", "SHA2-512"},
    {SSHKEY_RSA, "rsa-sha2-512", "SHA2-512"},
    {SSHKEY_RSA, "rsa-sha2-256", "SHA2-256"},
};

static const struct scheme *
scheme_of(enum sshkey_type type, const char *name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (schemes[i].type == type && strcmp(schemes[i].name, name) == 0)
            return &schemes[i];
    return NULL;
}

/* r and s of an ECDSA signature in SSH's form, as DER. */
static int
pair_to_der(const uint8_t *pair, size_t len, uint8_t der[ECDSA_DER_MAX], size_t *der_lenp)
{
    size_t r_len, s_len;
    struct sbuf b;
    sb_reader(&b, pair, len);
    const uint8_t *r = sb_get_mpint(&b, &r_len), *s = sb_get_mpint(&b, &s_len);
    sb_end(&b);
    int err = sb_err(&b);
    return err != 0 ? err : ecdsa_sig_to_der(r, r_len, s, s_len, der, der_lenp);
}

/* The scheme and the value of a signature blob. */
static int
read_ssh(const struct sshkey *pub, const uint8_t *sig, size_t siglen, const struct scheme **schemep,
         const uint8_t **valuep, size_t *value_lenp)
{
    struct sbuf b;
    char name[64];
    sb_reader(&b, sig, siglen);
    sb_get_cstr(&b, name, sizeof(name));
    *valuep = sb_get_blob(&b, value_lenp);
    sb_end(&b);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    *schemep = scheme_of(pub->type, name);
    return *schemep != NULL ? 0 : SFT_EKEYTYPE;
}

int
key_verify_ssh(const struct sshkey *pub, const void *msg, size_t len, const uint8_t *sig,
               size_t siglen)
{
    uint8_t der[ECDSA_DER_MAX];
    const struct scheme *scheme;
    const uint8_t *value;
    size_t value_len, der_len;
    int err = read_ssh(pub, sig, siglen, &scheme, &value, &value_len);
    if (err != 0)
        return err;
    if (pub->type == SSHKEY_ED25519)
        return value_len == 64 ? key_verify_raw(pub, msg, len, value) : SFT_EFORMAT;
    const struct message message = {msg, len};
    if (pub->type == SSHKEY_RSA)
        return verify_evp(pub, scheme->hash, 0, &message, value, value_len);
    err = pair_to_der(value, value_len, der, &der_len);
    return err != 0 ? err : verify_evp(pub, scheme->hash, 0, &message, der, der_len);
}

int
key_check_ssh(const struct sshkey *pub, const uint8_t *sig, size_t siglen)
{
    const struct scheme *scheme;
    const uint8_t *value;
    size_t value_len, number_len;
    struct sbuf pair;
    int err = read_ssh(pub, sig, siglen, &scheme, &value, &value_len);
    if (err != 0)
        return err;
    if (pub->type == SSHKEY_ED25519)
        return value_len == 64 ? 0 : SFT_EFORMAT;
    if (pub->type == SSHKEY_RSA)
        return value_len == (pub->bits + 7) / 8 ? 0 : SFT_EFORMAT;
    sb_reader(&pair, value, value_len);
    for (int i = 0; i < 2; i++) {
        (void)sb_get_mpint(&pair, &number_len);
        if (number_len == 0 || number_len > (pub->bits + 7) / 8)
            sb_fail(&pair, SFT_EFORMAT);
    }
    sb_end(&pair);
    return sb_err(&pair);
}

/* ---- signatures of any named algorithm ---- */

enum form { FORM_ED25519, FORM_PAIR, FORM_DER, FORM_PKCS1, FORM_PSS };

static const struct algorithm {
    const char *name;
    enum sshkey_type type;
    const char *hash;
    enum form form;
    size_t len; /* of the signature, 0 where the form or the key says it */
} algorithms[] = {
    {"ed25519", SSHKEY_ED25519, NULL, FORM_ED25519, 64},
    {"ecdsa-p256-sha256", SSHKEY_ECDSA_P256, "SHA2-256", FORM_PAIR, 64},
    {"ecdsa-p384-sha384", SSHKEY_ECDSA_P384, "SHA2-384", FORM_PAIR, 96},
    {"ecdsa-p521-sha512", SSHKEY_ECDSA_P521, "SHA2-512", FORM_PAIR, 132},
    {"ecdsa-p256-sha256-der", SSHKEY_ECDSA_P256, "SHA2-256", FORM_DER, 0},
    {"ecdsa-p384-sha384-der", SSHKEY_ECDSA_P384, "SHA2-384", FORM_DER, 0},
    {"ecdsa-p521-sha512-der", SSHKEY_ECDSA_P521, "SHA2-512", FORM_DER, 0},
    {"rsa-v1_5-sha256", SSHKEY_RSA, "SHA2-256", FORM_PKCS1, 0},
    {"rsa-v1_5-sha512", SSHKEY_RSA, "SHA2-512", FORM_PKCS1, 0},
    {"rsa-pss-sha256", SSHKEY_RSA, "SHA2-256", FORM_PSS, 0},
    {"rsa-pss-sha512", SSHKEY_RSA, "SHA2-512", FORM_PSS, 0},
};

static const struct algorithm *
algorithm_named(const char *name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static int
verify_pair(const struct algorithm *a, const struct sshkey *pub, const struct message *msg,
            const uint8_t *sig)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t der_len, half = a->len / 2;
    if (ecdsa_sig_to_der(sig, half, sig + half, half, der, &der_len) != 0)
        return SFT_ESIGNATURE;
    return verify_evp(pub, a->hash, 0, msg, der, der_len);
}

static int
verify_algorithm(const struct algorithm *a, const struct sshkey *pub, const struct message *msg,
                 const uint8_t *sig, size_t sig_len)
{
    if (a->len != 0 && sig_len != a->len)
        return SFT_ESIGNATURE;
    switch (a->form) {
    case FORM_ED25519:
        return key_verify_raw(pub, msg->p, msg->len, sig);
    case FORM_PAIR:
        return verify_pair(a, pub, msg, sig);
    case FORM_DER:
        return verify_evp(pub, a->hash, 0, msg, sig, sig_len);
    default:
        if (sig_len != (pub->bits + 7) / 8)
            return SFT_ESIGNATURE;
        return verify_evp(pub, a->hash, a->form == FORM_PSS, msg, sig, sig_len);
    }
}

int
key_verify_as(const char *algorithm, const struct sshkey *pub, const void *msg, size_t len,
              const uint8_t *sig, size_t siglen)
{
    const struct message message = {msg, len};
    if (strcmp(algorithm, "ssh") == 0) {
        uint8_t flags;
        int is_sk = pub->type == SSHKEY_SK_ED25519 || pub->type == SSHKEY_SK_ECDSA_P256;
        int err = is_sk ? key_verify_sk(pub, msg, len, sig, siglen, &flags)
                        : key_verify_ssh(pub, msg, len, sig, siglen);
        return err == SFT_EFORMAT || err == SFT_ETRAILING || err == SFT_ETOOLONG ? SFT_ESIGNATURE
                                                                                 : err;
    }
    const struct algorithm *a = algorithm_named(algorithm);
    if (a == NULL)
        return SFT_ENOTFOUND;
    return a->type == pub->type ? verify_algorithm(a, pub, &message, sig, siglen) : SFT_EKEYTYPE;
}

int
key_verify(const struct sshkey *pub, const void *msg, size_t len, const uint8_t *sig,
           size_t sig_len)
{
    switch (pub->type) {
    case SSHKEY_ED25519:
        return key_verify_as("ed25519", pub, msg, len, sig, sig_len);
    case SSHKEY_ECDSA_P256:
        return key_verify_as("ecdsa-p256-sha256-der", pub, msg, len, sig, sig_len);
    case SSHKEY_ECDSA_P384:
        return key_verify_as("ecdsa-p384-sha384-der", pub, msg, len, sig, sig_len);
    case SSHKEY_ECDSA_P521:
        return key_verify_as("ecdsa-p521-sha512-der", pub, msg, len, sig, sig_len);
    case SSHKEY_RSA:
        return key_verify_as("rsa-v1_5-sha512", pub, msg, len, sig, sig_len);
    default:
        return SFT_EKEYTYPE;
    }
}
