/* SPDX-License-Identifier: PostgreSQL */
/*
 * keyfile.c - reads private keys.
 *
 * Everything is decoded in memory of ours that is wiped; the library's PEM reader leaves copies.
 */
#include "core/keyfile.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "common/sbuf.h"
#include "common/text.h"

#define NUMBER_MAX 1024 /* bytes, RSA 8192 */

static const char malformed[] = "private_key_malformed";
static const char inconsistent[] = "private_key_inconsistent";

const char *
keyfile_sentence(const char *word)
{
    static const char *const sentences[][2] = {
        {"private_key_malformed", "is malformed"},
        {"private_key_format",
         "is neither PKCS#8 nor an OpenSSH private key: convert it with openssl pkcs8 -topk8"},
        {"private_key_encrypted",
         "is encrypted: name its passphrase's file; an OpenSSH one has to be converted with "
         "ssh-keygen -p -m PKCS8 first"},
        {"private_key_passphrase", "has another passphrase"},
        {"private_key_type", "has an algorithm that authorities do not have"},
        {"private_key_weak", "is too weak"},
        {"private_key_inconsistent", "has a public half that is not its own"},
    };
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strcmp(sentences[i][0], word) == 0)
            return sentences[i][1];
    return "is not good";
}

static const char *
word_of(int err)
{
    return err == SFT_OK             ? NULL
           : err == SFT_EKEYTYPE     ? "private_key_type"
           : err == SFT_EKEYWEAK     ? "private_key_weak"
           : err == SFT_EKEYMISMATCH ? inconsistent
                                     : malformed;
}

/* ---- numbers to keys ---- */

static int
to_key(EVP_PKEY *pkey, struct key **keyp)
{
    uint8_t der[KEY_PRIVATE_DER_MAX], *end = der;
    int r = SFT_EFORMAT;
    PKCS8_PRIV_KEY_INFO *info = pkey != NULL ? EVP_PKEY2PKCS8(pkey) : NULL;
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    if (len > 0 && len <= (int)sizeof der && i2d_PKCS8_PRIV_KEY_INFO(info, &end) == len)
        r = key_from_der(der, (size_t)len, keyp);
    mem_wipe(der, sizeof der);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(pkey);
    return r;
}

/* Takes over the builder. */
static EVP_PKEY *
build(const char *type, OSSL_PARAM_BLD *bld, bool good)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = good ? OSSL_PARAM_BLD_to_param(bld) : NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    return pkey;
}

static BIGNUM *
take_number(struct sbuf *in)
{
    size_t len;
    const uint8_t *p = sb_get_mpint(in, &len);
    BIGNUM *n = sb_err(in) == SFT_OK && len > 0 && len <= NUMBER_MAX ? BN_secure_new() : NULL;
    return n != NULL ? BN_bin2bn(p, (int)len, n) : NULL;
}

/* ---- OpenSSH's format ---- */

static const char *
read_ed25519(struct sbuf *in, struct key **keyp)
{
    /* RFC 8410 section 7: what comes before the 32 bytes */
    uint8_t der[48] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    size_t public_len, len;
    const uint8_t *public = sb_get_blob(in, &public_len), *both = sb_get_blob(in, &len);
    if (sb_err(in) != SFT_OK || public_len != 32 || len != 64)
        return malformed;
    if (memcmp(both + 32, public, 32) != 0)
        return inconsistent;
    memcpy(der + 16, both, 32);
    int r = key_from_der(der, sizeof der, keyp);
    mem_wipe(der, sizeof der);
    return word_of(r);
}

static const char *
read_ecdsa(struct sbuf *in, struct key **keyp)
{
    char curve[16];
    size_t len;
    sb_get_cstr(in, curve, sizeof curve);
    const uint8_t *point = sb_get_blob(in, &len);
    BIGNUM *d = take_number(in);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    const char *group = strcmp(curve, "nistp256") == 0   ? "prime256v1"
                        : strcmp(curve, "nistp384") == 0 ? "secp384r1"
                                                         : "secp521r1";
    bool good = d != NULL && bld != NULL &&
                OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
                OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1 &&
                OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1;
    EVP_PKEY *pkey = build("EC", bld, good);
    BN_clear_free(d);
    return word_of(to_key(pkey, keyp));
}

enum {
    RSA_N,
    RSA_E,
    RSA_D,
    RSA_IQMP,
    RSA_P,
    RSA_Q,
    RSA_FILE_NUMBERS,
    RSA_DP = RSA_FILE_NUMBERS,
    RSA_DQ,
    RSA_NUMBERS
};

/* d modulo one less than a prime, which the format leaves out */
static bool
reduce(BIGNUM **out, const BIGNUM *d, const BIGNUM *prime)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *less = BN_secure_new();
    *out = BN_secure_new();
    bool good = ctx != NULL && less != NULL && *out != NULL &&
                BN_sub(less, prime, BN_value_one()) && BN_mod(*out, d, less, ctx);
    BN_clear_free(less);
    BN_CTX_free(ctx);
    return good;
}

static const char *
read_rsa(struct sbuf *in, struct key **keyp)
{
    static const char *const names[RSA_NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2};
    BIGNUM *n[RSA_NUMBERS] = {0};
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    bool good = bld != NULL;
    for (int i = 0; i < RSA_FILE_NUMBERS; i++)
        good = (n[i] = take_number(in)) != NULL && good;
    good = good && reduce(&n[RSA_DP], n[RSA_D], n[RSA_P]) && reduce(&n[RSA_DQ], n[RSA_D], n[RSA_Q]);
    for (int i = 0; good && i < RSA_NUMBERS; i++)
        good = OSSL_PARAM_BLD_push_BN(bld, names[i], n[i]) == 1;
    EVP_PKEY *pkey = build("RSA", bld, good);
    for (int i = 0; i < RSA_NUMBERS; i++)
        BN_clear_free(n[i]);
    return word_of(to_key(pkey, keyp));
}

static const char *
read_private_section(const uint8_t *p, size_t len, struct key **keyp)
{
    char type[32];
    struct sbuf in;
    sb_reader(&in, p, len);
    if (sb_get_u32(&in) != sb_get_u32(&in))
        return malformed;
    sb_get_cstr(&in, type, sizeof type);
    if (sb_err(&in) != SFT_OK)
        return malformed;
    if (strcmp(type, "ssh-ed25519") == 0)
        return read_ed25519(&in, keyp);
    if (strncmp(type, "ecdsa-sha2-nistp", 16) == 0)
        return read_ecdsa(&in, keyp);
    return strcmp(type, "ssh-rsa") == 0 ? read_rsa(&in, keyp) : "private_key_type";
}

static const char *
read_openssh(const uint8_t *p, size_t len, struct key **keyp)
{
    static const uint8_t magic[15] = "openssh-key-v1"; /* with its NUL */
    char cipher[32], kdf[32];
    size_t n;
    struct sbuf in;
    struct sshkey stated, own;
    sb_reader(&in, p, len);
    const uint8_t *start = sb_get_raw(&in, sizeof magic);
    if (sb_err(&in) != SFT_OK || memcmp(start, magic, sizeof magic) != 0)
        return malformed;
    sb_get_cstr(&in, cipher, sizeof cipher);
    sb_get_cstr(&in, kdf, sizeof kdf);
    (void)sb_get_blob(&in, &n);
    if (sb_err(&in) == SFT_OK && strcmp(cipher, "none") != 0)
        return "private_key_encrypted";
    uint32_t keys = sb_get_u32(&in);
    const uint8_t *public = sb_get_blob(&in, &n);
    int r = sb_err(&in) == SFT_OK && keys == 1 ? sshkey_from_blob(&stated, public, n) : SFT_EFORMAT;
    if (r != SFT_OK)
        return word_of(r);
    const uint8_t *private = sb_get_blob(&in, &n);
    sb_end(&in);
    if (sb_err(&in) != SFT_OK)
        return malformed;
    const char *word = read_private_section(private, n, keyp);
    if (word == NULL && (key_public(*keyp, &own) != SFT_OK || !sshkey_equal(&own, &stated)))
        return inconsistent;
    return word;
}

/* ---- PKCS#8 ---- */

static const char *
read_encrypted(const uint8_t *p, size_t len, const char *passphrase, size_t passphrase_len,
               struct key **keyp)
{
    uint8_t der[KEY_PRIVATE_DER_MAX], *to = der;
    const uint8_t *end = p;
    const char *word = "private_key_passphrase";
    if (passphrase == NULL)
        return "private_key_encrypted";
    X509_SIG *sealed = d2i_X509_SIG(NULL, &end, (long)len);
    if (sealed == NULL || end != p + len) {
        X509_SIG_free(sealed);
        return malformed;
    }
    PKCS8_PRIV_KEY_INFO *info = PKCS8_decrypt(sealed, passphrase, (int)passphrase_len);
    int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    if (n > 0 && n <= (int)sizeof der && i2d_PKCS8_PRIV_KEY_INFO(info, &to) == n)
        word = word_of(key_from_der(der, (size_t)n, keyp));
    mem_wipe(der, sizeof der);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sealed);
    return word;
}

/* ---- PEM ---- */

/* The bytes between the two lines of this label; 0 when they are not there, -1 when malformed. */
static int
take_pem(const char *text, size_t len, const char *label, uint8_t *out, size_t *lenp)
{
    static const char dashes[] = "-----";
    char line[64], b64[KEYFILE_MAX + 1];
    size_t n = 0;
    snprintf(line, sizeof line, "%sBEGIN %s%s", dashes, label, dashes);
    size_t at = strlen(line);
    if (len < at || memcmp(text, line, at) != 0)
        return 0;
    for (; at < len && text[at] != '-'; at++)
        if (text[at] != '\n' && text[at] != '\r')
            b64[n++] = text[at];
    snprintf(line, sizeof line, "%sEND %s%s", dashes, label, dashes);
    size_t tail = strlen(line);
    bool good = len - at >= tail && memcmp(text + at, line, tail) == 0 &&
                b64_decode(out, KEYFILE_MAX, lenp, b64, n) == SFT_OK;
    for (at += tail; good && at < len; at++)
        good = text[at] == '\n' || text[at] == '\r'; /* one key, and nothing behind it */
    mem_wipe(b64, sizeof b64);
    return good ? 1 : -1;
}

/* What we ask of every public key, and that it is the private key's own: PKCS#8 states it, too. */
static const char *
check(const struct key *key)
{
    static const char message[] = "sftca key file";
    struct sshkey public;
    struct sbuf sig;
    uint8_t mem[KEY_SIG_MAX + 64];
    int r = key_public(key, &public);
    if (r != SFT_OK)
        return word_of(r);
    sb_writer(&sig, mem, sizeof mem);
    r = key_sign_ssh(key, message, sizeof message, &sig);
    if (r == SFT_OK)
        r = key_verify_ssh(&public, message, sizeof message, sig.p, sig.len);
    return r == SFT_OK ? NULL : inconsistent;
}

static const char *
read_any(const char *text, size_t len, uint8_t *der, const char *passphrase, size_t passphrase_len,
         struct key **keyp)
{
    size_t n = 0;
    int found = take_pem(text, len, "OPENSSH PRIVATE KEY", der, &n);
    if (found != 0)
        return found < 0 ? malformed : read_openssh(der, n, keyp);
    found = take_pem(text, len, "PRIVATE KEY", der, &n);
    if (found != 0)
        return found < 0 ? malformed : word_of(key_from_der(der, n, keyp));
    found = take_pem(text, len, "ENCRYPTED PRIVATE KEY", der, &n);
    if (found != 0)
        return found < 0 ? malformed : read_encrypted(der, n, passphrase, passphrase_len, keyp);
    return "private_key_format";
}

const char *
keyfile_read(const char *text, size_t len, const char *passphrase, size_t passphrase_len,
             struct key **keyp)
{
    uint8_t der[KEYFILE_MAX];
    *keyp = NULL;
    if (len > KEYFILE_MAX)
        return malformed;
    const char *word = read_any(text, len, der, passphrase, passphrase_len, keyp);
    mem_wipe(der, sizeof der);
    if (word == NULL)
        word = check(*keyp);
    if (word != NULL) {
        key_free(*keyp);
        *keyp = NULL;
    }
    ERR_clear_error();
    return word;
}
