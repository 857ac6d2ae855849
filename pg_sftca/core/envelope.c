/* SPDX-License-Identifier: PostgreSQL */
/*
 * envelope.c - X25519, HKDF, AES-256-GCM.
 */
#include "core/envelope.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/text.h"

#define VERSION 1
#define TAG_LEN 16
#define AAD_LEN (1 + 2 * ENVELOPE_KEY_LEN)

int
envelope_public(const uint8_t private[ENVELOPE_KEY_LEN], uint8_t public[ENVELOPE_KEY_LEN])
{
    size_t n = ENVELOPE_KEY_LEN;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, ENVELOPE_KEY_LEN);
    int good = pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, public, &n) == 1;
    EVP_PKEY_free(pkey);
    return good ? SFT_OK : SFT_ECRYPTO;
}

/* Fails for the points of low order, whose secret everybody knows. */
static int
agree(const uint8_t private[ENVELOPE_KEY_LEN], const uint8_t peer[ENVELOPE_KEY_LEN],
      uint8_t secret[32])
{
    size_t n = 32;
    EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private, ENVELOPE_KEY_LEN);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, ENVELOPE_KEY_LEN);
    EVP_PKEY_CTX *ctx = mine != NULL ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
    int good = theirs != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
               EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
               EVP_PKEY_derive(ctx, secret, &n) == 1 && n == 32;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(mine);
    return good ? SFT_OK : SFT_EKEYPOINT;
}

/* HKDF with one block of output. */
static int
derive(const uint8_t secret[32], const uint8_t keys[2 * ENVELOPE_KEY_LEN], uint8_t key[32])
{
    static const char label[] = "sftca envelope v1";
    static const uint8_t salt[32];
    uint8_t prk[32], info[sizeof label - 1 + 2 * ENVELOPE_KEY_LEN + 1];
    unsigned n = 0;
    memcpy(info, label, sizeof label - 1);
    memcpy(info + sizeof label - 1, keys, 2 * ENVELOPE_KEY_LEN);
    info[sizeof info - 1] = 1;
    int good = HMAC(EVP_sha256(), salt, sizeof salt, secret, 32, prk, &n) != NULL &&
               HMAC(EVP_sha256(), prk, sizeof prk, info, sizeof info, key, &n) != NULL && n == 32;
    mem_wipe(prk, sizeof prk);
    return good ? SFT_OK : SFT_ECRYPTO;
}

/* The message's key, by whichever private half we have. aad is version, message's key, recipient.
 */
static int
message_key(const uint8_t private[ENVELOPE_KEY_LEN], const uint8_t peer[ENVELOPE_KEY_LEN],
            const uint8_t aad[AAD_LEN], uint8_t key[32])
{
    uint8_t secret[32];
    int r = agree(private, peer, secret);
    if (r == SFT_OK)
        r = derive(secret, aad + 1, key);
    mem_wipe(secret, sizeof secret);
    return r;
}

static int
crypt(int seals, const uint8_t key[32], const uint8_t aad[AAD_LEN], const uint8_t *in, size_t len,
      uint8_t *out, uint8_t tag[TAG_LEN])
{
    static const uint8_t nonce[12];
    int n = 0, rest = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int good = ctx != NULL &&
               EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seals) == 1 &&
               EVP_CipherUpdate(ctx, NULL, &n, aad, AAD_LEN) == 1 &&
               EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;
    if (good && !seals)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1;
    good = good && EVP_CipherFinal_ex(ctx, out + len, &rest) == 1;
    if (good && seals)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? SFT_OK : SFT_ECRYPTO;
}

int
envelope_seal(const uint8_t once[ENVELOPE_KEY_LEN], const uint8_t recipient[ENVELOPE_KEY_LEN],
              const void *plain, size_t len, uint8_t *out)
{
    uint8_t key[32], aad[AAD_LEN] = {VERSION};
    if (len > INT_MAX / 2)
        return SFT_ETOOLONG;
    memcpy(aad + 1 + ENVELOPE_KEY_LEN, recipient, ENVELOPE_KEY_LEN);
    int r = envelope_public(once, aad + 1);
    if (r == SFT_OK)
        r = message_key(once, recipient, aad, key);
    memcpy(out, aad, 1 + ENVELOPE_KEY_LEN);
    uint8_t *body = out + 1 + ENVELOPE_KEY_LEN;
    if (r == SFT_OK)
        r = crypt(1, key, aad, plain, len, body, body + len);
    mem_wipe(key, sizeof key);
    return r;
}

int
envelope_open(const uint8_t private[ENVELOPE_KEY_LEN], const uint8_t *sealed, size_t len,
              uint8_t *out, size_t *lenp)
{
    uint8_t key[32], aad[AAD_LEN], tag[TAG_LEN];
    *lenp = 0;
    if (len < ENVELOPE_OVERHEAD || len > INT_MAX / 2 || sealed[0] != VERSION)
        return SFT_EFORMAT;
    size_t n = len - ENVELOPE_OVERHEAD;
    memcpy(aad, sealed, 1 + ENVELOPE_KEY_LEN);
    int r = envelope_public(private, aad + 1 + ENVELOPE_KEY_LEN);
    if (r == SFT_OK)
        r = message_key(private, sealed + 1, aad, key);
    memcpy(tag, sealed + len - TAG_LEN, TAG_LEN);
    if (r == SFT_OK)
        r = crypt(0, key, aad, sealed + 1 + ENVELOPE_KEY_LEN, n, out, tag);
    mem_wipe(key, sizeof key);
    if (r == SFT_OK)
        *lenp = n;
    else
        mem_wipe(out, n); /* unauthenticated plaintext */
    return r;
}
