/* SPDX-License-Identifier: PostgreSQL */
/*
 * wrap.c - AES-256-GCM around what must not leave the vault.
 */
#include "core/wrap.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/sbuf.h"
#include "common/text.h"

#define WRAP_VERSION 1
#define WRAP_TAG_LEN 16
#define WRAP_AAD_MAX 128

/* One key for sealing and one for the check value, so that neither tells of the other. */
static int
derive(const uint8_t kek[WRAP_KEK_LEN], const char *label, uint8_t out[32])
{
    unsigned len = 0;
    if (!HMAC(EVP_sha256(), kek, WRAP_KEK_LEN, (const uint8_t *)label, strlen(label), out, &len))
        return SFT_ECRYPTO;
    return len == 32 ? SFT_OK : SFT_ECRYPTO;
}

int
wrap_check(const uint8_t kek[WRAP_KEK_LEN], uint8_t check[WRAP_CHECK_LEN])
{
    uint8_t mac[32];
    memset(check, 0, WRAP_CHECK_LEN);
    int r = derive(kek, "sftca kek check v1", mac);
    if (r == SFT_OK)
        memcpy(check, mac, WRAP_CHECK_LEN);
    mem_wipe(mac, sizeof mac);
    return r;
}

static int
owner_aad(const struct wrap_owner *owner, uint8_t aad[WRAP_AAD_MAX], size_t *lenp)
{
    struct sbuf b;
    sb_writer(&b, aad, WRAP_AAD_MAX);
    sb_cstr(&b, "sftca wrap v1");
    sb_blob(&b, owner->authority, 16);
    sb_u32(&b, owner->generation);
    sb_cstr(&b, owner->algorithm);
    sb_cstr(&b, owner->purpose);
    *lenp = b.len;
    return sb_err(&b);
}

static int
seal_with(EVP_CIPHER_CTX *ctx, const uint8_t key[32], const uint8_t *aad, size_t aad_len,
          const uint8_t *nonce, const void *plain, size_t len, uint8_t *out)
{
    uint8_t *body = out + 1 + WRAP_NONCE_LEN;
    int n = 0;
    if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1 ||
        EVP_EncryptUpdate(ctx, body, &n, plain, (int)len) != 1 || (size_t)n != len ||
        EVP_EncryptFinal_ex(ctx, body + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, WRAP_TAG_LEN, body + len) != 1)
        return SFT_ECRYPTO;
    out[0] = WRAP_VERSION;
    memcpy(out + 1, nonce, WRAP_NONCE_LEN);
    return SFT_OK;
}

int
wrap_seal(const uint8_t kek[WRAP_KEK_LEN], const struct wrap_owner *owner,
          const uint8_t nonce[WRAP_NONCE_LEN], const void *plain, size_t len, uint8_t *out)
{
    uint8_t key[32] = {0}, aad[WRAP_AAD_MAX];
    size_t aad_len;
    EVP_CIPHER_CTX *ctx = NULL;

    int r = len > INT_MAX / 2 ? SFT_ETOOLONG : owner_aad(owner, aad, &aad_len);
    if (r != SFT_OK)
        return r;
    r = derive(kek, "sftca kek seal v1", key);
    if (r == SFT_OK && (ctx = EVP_CIPHER_CTX_new()) == NULL)
        r = SFT_ENOMEM;
    if (r == SFT_OK)
        r = seal_with(ctx, key, aad, aad_len, nonce, plain, len, out);
    EVP_CIPHER_CTX_free(ctx);
    mem_wipe(key, sizeof key);
    return r;
}

static int
open_with(EVP_CIPHER_CTX *ctx, const uint8_t key[32], const uint8_t *aad, size_t aad_len,
          const uint8_t *sealed, size_t plain_len, uint8_t *out)
{
    uint8_t tag[WRAP_TAG_LEN];
    const uint8_t *body = sealed + 1 + WRAP_NONCE_LEN;
    int n = 0;

    memcpy(tag, body + plain_len, sizeof tag);
    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, sealed + 1) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1 ||
        EVP_DecryptUpdate(ctx, out, &n, body, (int)plain_len) != 1 || (size_t)n != plain_len ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, WRAP_TAG_LEN, tag) != 1 ||
        EVP_DecryptFinal_ex(ctx, out + plain_len, &n) != 1)
        return SFT_ECRYPTO;
    return SFT_OK;
}

int
wrap_open(const uint8_t kek[WRAP_KEK_LEN], const struct wrap_owner *owner, const uint8_t *sealed,
          size_t len, uint8_t *out, size_t cap, size_t *lenp)
{
    uint8_t key[32] = {0}, aad[WRAP_AAD_MAX];
    size_t aad_len;
    EVP_CIPHER_CTX *ctx = NULL;

    *lenp = 0;
    if (len < WRAP_OVERHEAD || len > INT_MAX / 2 || sealed[0] != WRAP_VERSION)
        return SFT_EFORMAT;
    if (len - WRAP_OVERHEAD > cap)
        return SFT_ENOSPACE;
    int r = owner_aad(owner, aad, &aad_len);
    if (r == SFT_OK)
        r = derive(kek, "sftca kek seal v1", key);
    if (r == SFT_OK && (ctx = EVP_CIPHER_CTX_new()) == NULL)
        r = SFT_ENOMEM;
    if (r == SFT_OK)
        r = open_with(ctx, key, aad, aad_len, sealed, len - WRAP_OVERHEAD, out);
    EVP_CIPHER_CTX_free(ctx);
    mem_wipe(key, sizeof key);
    if (r == SFT_OK)
        *lenp = len - WRAP_OVERHEAD;
    else
        mem_wipe(out, len - WRAP_OVERHEAD); /* unauthenticated plaintext */
    return r;
}
