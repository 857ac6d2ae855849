/* SPDX-License-Identifier: PostgreSQL */
/*
 * key.c - private keys: making them, storing them, signing. Verification is in verify.c.
 */
#include "common/key.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/digest.h"
#include "common/ecdsa_sig.h"
#include "common/sbuf.h"
#include "common/text.h"

#define RSA_BITS 3072

struct key {
    enum key_alg alg;
    EVP_PKEY *pkey;
    /* set up once, for that costs a tenth of a signature: */
    EVP_PKEY_CTX *signer;  /* ECDSA, RSA: of hashes */
    EVP_MD_CTX *md_signer; /* Ed25519: of messages */
    /* of a key that is somewhere else: */
    struct key_signer elsewhere;
    struct sshkey public;
};

/* One row for each algorithm. */
static const struct kind {
    enum key_alg alg;
    enum sshkey_type type;
    const char *evp;           /* OpenSSL's type name */
    const char *group, *curve; /* OpenSSL's and SSH's name of the curve */
    const EVP_MD *(*hash)(void);
} kinds[] = {
    {KEY_ED25519, SSHKEY_ED25519, "ED25519", NULL, NULL, NULL},
    {KEY_ECDSA_P256, SSHKEY_ECDSA_P256, "EC", "prime256v1", "nistp256", EVP_sha256},
    {KEY_ECDSA_P384, SSHKEY_ECDSA_P384, "EC", "secp384r1", "nistp384", EVP_sha384},
    {KEY_ECDSA_P521, SSHKEY_ECDSA_P521, "EC", "secp521r1", "nistp521", EVP_sha512},
    {KEY_RSA, SSHKEY_RSA, "RSA", NULL, NULL, EVP_sha512},
};
#define KINDS_N (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
kind_of(enum key_alg alg)
{
    for (size_t i = 0; i < KINDS_N; i++)
        if (kinds[i].alg == alg)
            return &kinds[i];
    return NULL;
}

/* The algorithm of a key that OpenSSL has read; KEY_NONE for one that is not ours. */
static enum key_alg
alg_of(const EVP_PKEY *pkey)
{
    char group[32] = "";
    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL);
    for (size_t i = 0; i < KINDS_N; i++)
        if (EVP_PKEY_is_a(pkey, kinds[i].evp) &&
            (kinds[i].group == NULL || strcmp(kinds[i].group, group) == 0))
            return kinds[i].alg;
    return KEY_NONE;
}

static int
set_up_rsa(EVP_PKEY_CTX *signer)
{
    return EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(signer, EVP_sha512()) == 1;
}

static int
set_up_signer(struct key *key)
{
    if (key->alg == KEY_ED25519) {
        key->md_signer = EVP_MD_CTX_new();
        return key->md_signer != NULL &&
               EVP_DigestSignInit_ex(key->md_signer, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1;
    }
    key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    return key->signer != NULL && EVP_PKEY_sign_init(key->signer) == 1 &&
           (key->alg != KEY_RSA || set_up_rsa(key->signer));
}

/* Takes over pkey, also when it fails. */
static int
wrap(enum key_alg alg, EVP_PKEY *pkey, struct key **keyp)
{
    struct key *key = pkey != NULL && alg != KEY_NONE ? malloc(sizeof(*key)) : NULL;
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return pkey == NULL ? SFT_ECRYPTO : alg == KEY_NONE ? SFT_EKEYTYPE : SFT_ENOMEM;
    }
    *key = (struct key){.alg = alg, .pkey = pkey};
    if (!set_up_signer(key)) {
        key_free(key);
        return SFT_ECRYPTO;
    }
    *keyp = key;
    return 0;
}

int
key_generate(enum key_alg alg, struct key **keyp)
{
    const struct kind *kind = kind_of(alg);
    *keyp = NULL;
    if (kind == NULL)
        return SFT_EKEYTYPE;
    EVP_PKEY *pkey = kind->group != NULL ? EVP_EC_gen(kind->group)
                     : alg == KEY_RSA    ? EVP_RSA_gen(RSA_BITS)
                                         : EVP_PKEY_Q_keygen(NULL, NULL, kind->evp);
    return wrap(alg, pkey, keyp);
}

static int
ask_goes_on(EVP_PKEY_CTX *ctx)
{
    bool (*const *goes_on)(void) = EVP_PKEY_CTX_get_app_data(ctx);
    return (*goes_on)();
}

int
key_generate_rsa(unsigned bits, struct key **keyp)
{
    return key_generate_rsa_while(bits, NULL, keyp);
}

int
key_generate_rsa_while(unsigned bits, bool (*goes_on)(void), struct key **keyp)
{
    EVP_PKEY *pkey = NULL;
    *keyp = NULL;
    if (bits < SSHKEY_RSA_MIN_BITS || bits > SSHKEY_RSA_MAX_BITS || bits % 8 != 0)
        return SFT_EKEYWEAK;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool good = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1;
    if (good && goes_on != NULL) {
        EVP_PKEY_CTX_set_app_data(ctx, (void *)&goes_on);
        EVP_PKEY_CTX_set_cb(ctx, ask_goes_on);
    }
    good = good && EVP_PKEY_generate(ctx, &pkey) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good && goes_on != NULL && !goes_on()) {
        ERR_clear_error();
        return SFT_ESTOPPED;
    }
    return wrap(KEY_RSA, pkey, keyp);
}

int
key_from_signer(enum key_alg alg, const struct sshkey *public, const struct key_signer *signer,
                struct key **keyp)
{
    *keyp = malloc(sizeof(**keyp));
    if (*keyp == NULL) {
        signer->close(signer->it);
        return SFT_ENOMEM;
    }
    **keyp = (struct key){.alg = alg, .elsewhere = *signer, .public = *public};
    return 0;
}

void
key_free(struct key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_CTX_free(key->signer);
    EVP_MD_CTX_free(key->md_signer);
    EVP_PKEY_free(key->pkey); /* OpenSSL wipes the private numbers */
    if (key->elsewhere.close != NULL)
        key->elsewhere.close(key->elsewhere.it);
    free(key);
}

enum key_alg
key_algorithm(const struct key *key)
{
    return key->alg;
}

/* ---- PKCS#8 ---- */

/* RFC 8410 section 7 without attributes: all of the DER of an Ed25519 key but its 32 bytes. */
static const uint8_t ed25519_der[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

int
key_private_der(const struct key *key, uint8_t *out, size_t cap, size_t *lenp)
{
    int err = SFT_ECRYPTO;
    *lenp = 0;
    if (key->pkey == NULL)
        return SFT_EKEYTYPE;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    if (len > 0 && (size_t)len > cap) {
        err = SFT_ENOSPACE;
    } else if (len > 0 && i2d_PKCS8_PRIV_KEY_INFO(info, &out) == len) {
        *lenp = (size_t)len;
        err = 0;
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    return err;
}

/* OpenSSL's decoder takes 400 us for what is a fixed prefix and the key. */
static int
ed25519_from_der(const uint8_t *der, struct key **keyp)
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, der + sizeof(ed25519_der), 32);
    if (pkey != NULL && CRYPTO_secure_malloc_initialized()) {
        EVP_PKEY *copy = EVP_PKEY_dup(pkey); /* of the two, only the copy is in the secure heap */
        EVP_PKEY_free(pkey);
        pkey = copy;
    }
    return wrap(KEY_ED25519, pkey, keyp);
}

static int
is_strong(const struct key *key)
{
    int bits = EVP_PKEY_get_bits(key->pkey);
    return key->alg != KEY_RSA || (bits >= SSHKEY_RSA_MIN_BITS && bits <= SSHKEY_RSA_MAX_BITS);
}

static int
any_from_der(const uint8_t *der, size_t len, struct key **keyp)
{
    const uint8_t *end = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)len);
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (pkey == NULL)
        return SFT_EFORMAT;
    if (end != der + len) {
        EVP_PKEY_free(pkey);
        return SFT_ETRAILING;
    }
    int err = wrap(alg_of(pkey), pkey, keyp);
    if (err == 0 && !is_strong(*keyp)) {
        key_free(*keyp);
        *keyp = NULL;
        err = SFT_EKEYWEAK;
    }
    return err;
}

int
key_from_der(const uint8_t *der, size_t len, struct key **keyp)
{
    *keyp = NULL;
    if (len > KEY_PRIVATE_DER_MAX)
        return SFT_ETOOLONG;
    if (len == sizeof(ed25519_der) + 32 && memcmp(der, ed25519_der, sizeof(ed25519_der)) == 0)
        return ed25519_from_der(der, keyp);
    int err = any_from_der(der, len, keyp);
    ERR_clear_error(); /* or the next TLS call of this process would trip over it */
    return err;
}

/* ---- the public half ---- */

/* A big number of the key, as bytes; secret ones are wiped from the library's copy. */
static int
get_number(const struct key *key, const char *name, uint8_t *out, size_t cap, size_t *lenp)
{
    BIGNUM *n = NULL;
    int err = SFT_ECRYPTO;
    *lenp = 0;
    if (EVP_PKEY_get_bn_param(key->pkey, name, &n) != 1)
        return err;
    if ((size_t)BN_num_bytes(n) <= cap) {
        *lenp = (size_t)BN_bn2bin(n, out);
        err = 0;
    }
    BN_clear_free(n);
    return err;
}

static int
put_ed25519(struct sbuf *b, const struct key *key)
{
    uint8_t point[32];
    size_t len = sizeof(point);
    if (EVP_PKEY_get_raw_public_key(key->pkey, point, &len) != 1)
        return SFT_ECRYPTO;
    sb_blob(b, point, len);
    return 0;
}

static int
put_ecdsa(struct sbuf *b, const struct key *key)
{
    const struct kind *kind = kind_of(key->alg);
    uint8_t point[256];
    size_t len = 0;
    if (kind == NULL)
        return SFT_EINTERNAL;
    if (EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                        &len) != 1)
        return SFT_ECRYPTO;
    sb_cstr(b, kind->curve);
    sb_blob(b, point, len);
    return 0;
}

static int
put_rsa(struct sbuf *b, const struct key *key)
{
    uint8_t e[8], n[SSHKEY_RSA_MAX_BITS / 8];
    size_t e_len, n_len;
    int err = get_number(key, OSSL_PKEY_PARAM_RSA_E, e, sizeof(e), &e_len);
    if (err == 0)
        err = get_number(key, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n), &n_len);
    if (err != 0)
        return err;
    sb_mpint(b, e, e_len);
    sb_mpint(b, n, n_len);
    return 0;
}

int
key_public(const struct key *key, struct sshkey *out)
{
    const struct kind *kind = kind_of(key->alg);
    uint8_t blob[SSHKEY_BLOB_MAX];
    struct sbuf b;
    memset(out, 0, sizeof(*out));
    if (kind == NULL)
        return SFT_EINTERNAL;
    if (key->pkey == NULL) {
        *out = key->public;
        return 0;
    }
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, sshkey_type_name(kind->type));
    int err = key->alg == KEY_ED25519 ? put_ed25519(&b, key)
              : key->alg == KEY_RSA   ? put_rsa(&b, key)
                                      : put_ecdsa(&b, key);
    if (err == 0)
        err = sb_err(&b);
    return err != 0 ? err : sshkey_from_blob(out, blob, b.len);
}

/* ---- signing ---- */

/* SHA-256 has a fetched algorithm of its own, which counts beside a signature of 15 us. */
static int
hash_message(const struct key *key, const void *msg, size_t len, uint8_t hash[EVP_MAX_MD_SIZE],
             size_t *hash_lenp)
{
    unsigned n = 0;
    const struct kind *kind = kind_of(key->alg);
    if (kind == NULL || kind->hash == NULL)
        return SFT_EINTERNAL;
    if (key->alg == KEY_ECDSA_P256) {
        *hash_lenp = SHA256_LEN;
        return digest_sha256(msg, len, hash);
    }
    if (EVP_Digest(msg, len, hash, &n, kind->hash(), NULL) != 1)
        return SFT_ECRYPTO;
    *hash_lenp = n;
    return 0;
}

static int
sign_hash(const struct key *key, const void *msg, size_t len, uint8_t *sig, size_t *sig_lenp)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t hash_len = 0;
    int err = hash_message(key, msg, len, hash, &hash_len);
    if (err != 0)
        return err;
    return EVP_PKEY_sign(key->signer, sig, sig_lenp, hash, hash_len) == 1 ? 0 : SFT_ECRYPTO;
}

/* Without a key the init means the same again; newer libraries do not sign twice without it. */
static int
sign_ed25519(const struct key *key, const void *msg, size_t len, uint8_t *sig, size_t *sig_lenp)
{
    int good = EVP_DigestSignInit_ex(key->md_signer, NULL, NULL, NULL, NULL, NULL, NULL) == 1 &&
               EVP_DigestSign(key->md_signer, sig, sig_lenp, msg, len) == 1;
    return good ? 0 : SFT_ECRYPTO;
}

int
key_sign(const struct key *key, const void *msg, size_t len, uint8_t sig[KEY_SIG_MAX],
         size_t *sig_lenp)
{
    *sig_lenp = KEY_SIG_MAX;
    int err = key->pkey == NULL ? key->elsewhere.sign(key->elsewhere.it, msg, len, sig, sig_lenp)
              : key->alg == KEY_ED25519 ? sign_ed25519(key, msg, len, sig, sig_lenp)
                                        : sign_hash(key, msg, len, sig, sig_lenp);
    if (err != 0)
        *sig_lenp = 0;
    return err;
}

int
key_sign_raw(const struct key *key, const void *msg, size_t len, uint8_t sig[KEY_RAW_SIG_MAX])
{
    uint8_t made[KEY_SIG_MAX];
    size_t made_len;
    memset(sig, 0, KEY_RAW_SIG_MAX);
    if (key->alg != KEY_ED25519 && key->alg != KEY_ECDSA_P256)
        return SFT_EKEYTYPE;
    int err = key_sign(key, msg, len, made, &made_len);
    if (err != 0)
        return err;
    if (key->alg == KEY_ECDSA_P256)
        return ecdsa_sig_from_der(made, made_len, sig);
    memcpy(sig, made, KEY_RAW_SIG_MAX);
    return made_len == KEY_RAW_SIG_MAX ? 0 : SFT_ECRYPTO;
}

/* r and s as mpints. */
static int
put_pair(struct sbuf *out, const uint8_t *der, size_t len)
{
    const uint8_t *number[2];
    size_t number_len[2];
    int err = ecdsa_sig_numbers(der, len, ECDSA_NUMBER_MAX, number, number_len);
    if (err != 0)
        return err;
    size_t pair = sb_open(out);
    for (size_t i = 0; i < 2; i++)
        sb_blob(out, number[i], number_len[i]);
    sb_close(out, pair);
    return 0;
}

int
key_sign_ssh(const struct key *key, const void *msg, size_t len, struct sbuf *out)
{
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;
    const struct kind *kind = kind_of(key->alg);
    int err = kind != NULL ? key_sign(key, msg, len, sig, &sig_len) : SFT_EINTERNAL;
    if (err != 0)
        return err;
    sb_cstr(out, key->alg == KEY_RSA ? "rsa-sha2-512" : sshkey_type_name(kind->type));
    if (kind->group != NULL)
        err = put_pair(out, sig, sig_len);
    else
        sb_blob(out, sig, sig_len);
    return err != 0 ? err : sb_err(out);
}

/* ---- OpenSSH private key file (PROTOCOL.key) ---- */

static int
put_private(struct sbuf *b, const struct key *key)
{
    uint8_t secret[64];
    size_t len = 32;
    int err = SFT_ECRYPTO;
    if (key->alg == KEY_ED25519) {
        size_t public_len = 32;
        if (EVP_PKEY_get_raw_private_key(key->pkey, secret, &len) == 1 &&
            EVP_PKEY_get_raw_public_key(key->pkey, secret + 32, &public_len) == 1) {
            sb_blob(b, secret, sizeof(secret)); /* the seed, and the public key again */
            err = 0;
        }
    } else {
        err = get_number(key, OSSL_PKEY_PARAM_PRIV_KEY, secret, sizeof(secret), &len);
        sb_mpint(b, secret, len);
    }
    mem_wipe(secret, sizeof(secret));
    return err;
}

/* The part that would be encrypted: check number twice, key, comment, padding 1 2 3 … */
static int
put_private_section(struct sbuf *b, const struct key *key, const struct sshkey *pub,
                    const char *comment)
{
    uint32_t check;
    if (getentropy(&check, sizeof(check)) != 0)
        return SFT_ESYSTEM;
    size_t mark = sb_open(b);
    sb_u32(b, check);
    sb_u32(b, check);
    sb_raw(b, pub->blob, pub->len); /* name and public fields, as in the blob */
    int err = put_private(b, key);
    sb_cstr(b, comment);
    for (uint8_t pad = 1; sb_err(b) == 0 && (b->len - mark - 4) % 8 != 0; pad++)
        sb_u8(b, pad);
    sb_close(b, mark);
    return err;
}

static int
put_openssh(struct sbuf *b, const struct key *key, const char *comment)
{
    struct sshkey pub;
    int err = key_public(key, &pub);
    if (err != 0)
        return err;
    sb_raw(b, "openssh-key-v1", 15); /* with its NUL */
    sb_cstr(b, "none");              /* cipher */
    sb_cstr(b, "none");              /* key derivation */
    sb_cstr(b, "");                  /* its options */
    sb_u32(b, 1);                    /* keys */
    sb_blob(b, pub.blob, pub.len);
    err = put_private_section(b, key, &pub, comment);
    return err != 0 ? err : sb_err(b);
}

static int
put_pem(struct sbuf *b, const char *b64)
{
    size_t left = strlen(b64);
    sb_text(b, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    while (left > 0) {
        size_t n = left < 70 ? left : 70;
        sb_raw(b, b64, n);
        sb_u8(b, '\n');
        b64 += n;
        left -= n;
    }
    sb_text(b, "-----END OPENSSH PRIVATE KEY-----\n");
    sb_u8(b, '\0');
    return sb_err(b);
}

int
key_to_openssh(const struct key *key, const char *comment, char *out, size_t cap)
{
    uint8_t binary[1024];
    char b64[B64_LEN(sizeof(binary)) + 1];
    struct sbuf b, pem;
    if (cap > 0)
        out[0] = '\0';
    if (key->pkey == NULL || (key->alg != KEY_ED25519 && key->alg != KEY_ECDSA_P256))
        return SFT_EKEYTYPE;
    sb_writer(&b, binary, sizeof(binary));
    int err = put_openssh(&b, key, comment);
    if (err == 0)
        err = b64_encode(b64, sizeof(b64), binary, b.len);
    sb_writer(&pem, out, cap);
    if (err == 0)
        err = put_pem(&pem, b64);
    mem_wipe(binary, sizeof(binary));
    mem_wipe(b64, sizeof(b64));
    if (err != 0)
        mem_wipe(out, cap);
    return err;
}
