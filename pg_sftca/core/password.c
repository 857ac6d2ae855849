/* SPDX-License-Identifier: PostgreSQL */
/*
 * password.c - scrypt with its parameters in the text, so that they can be raised later.
 */
#include "core/password.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/text.h"

#define SCRYPT_LN 15
#define SCRYPT_LN_MIN 10
#define SCRYPT_LN_MAX 18
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_HASH_LEN 32

/* HMAC pads its key with NUL bytes, so that a password and the same with NULs behind it are one. */
static bool
has_nul(const void *password, size_t len)
{
    return memchr(password, '\0', len) != NULL;
}

static int
scrypt(const void *password, size_t len, const uint8_t *salt, unsigned ln,
       uint8_t out[SCRYPT_HASH_LEN])
{
    uint64_t n = UINT64_C(1) << ln, memory = 128 * SCRYPT_R * (n + SCRYPT_P + 2) + (1 << 20);
    if (EVP_PBE_scrypt(password, len, salt, PASSWORD_SALT_LEN, n, SCRYPT_R, SCRYPT_P, memory, out,
                       SCRYPT_HASH_LEN) != 1)
        return SFT_ECRYPTO;
    return SFT_OK;
}

int
password_hash(const void *password, size_t len, const uint8_t salt[PASSWORD_SALT_LEN],
              char out[PASSWORD_TEXT_MAX])
{
    uint8_t hash[SCRYPT_HASH_LEN];
    char salt_text[32], hash_text[64];

    out[0] = '\0';
    if (len > PASSWORD_MAX)
        return SFT_ETOOLONG;
    if (has_nul(password, len))
        return SFT_EFORMAT;
    int r = scrypt(password, len, salt, SCRYPT_LN, hash);
    if (r == SFT_OK)
        r = b64url_encode(salt_text, sizeof salt_text, salt, PASSWORD_SALT_LEN);
    if (r == SFT_OK)
        r = b64url_encode(hash_text, sizeof hash_text, hash, sizeof hash);
    if (r == SFT_OK)
        snprintf(out, PASSWORD_TEXT_MAX, "$scrypt$ln=%d,r=%d,p=%d$%s$%s", SCRYPT_LN, SCRYPT_R,
                 SCRYPT_P, salt_text, hash_text);
    mem_wipe(hash, sizeof hash);
    return r;
}

struct stored {
    unsigned ln;
    uint8_t salt[PASSWORD_SALT_LEN], hash[SCRYPT_HASH_LEN];
};

static int
parse(const char *text, struct stored *s)
{
    char ln[3], salt[23], hash[44];
    int end = 0;
    size_t n;
    uint64_t v;
    if (sscanf(text, "$scrypt$ln=%2[0-9],r=8,p=1$%22[A-Za-z0-9_-]$%43[A-Za-z0-9_-]%n", ln, salt,
               hash, &end) != 3 ||
        text[end] != '\0')
        return SFT_EFORMAT;
    if (text_u64(ln, SCRYPT_LN_MAX, &v) != SFT_OK || v < SCRYPT_LN_MIN)
        return SFT_EFORMAT;
    s->ln = (unsigned)v;
    if (b64url_decode(s->salt, sizeof s->salt, &n, salt, strlen(salt)) != SFT_OK ||
        n != sizeof s->salt)
        return SFT_EFORMAT;
    if (b64url_decode(s->hash, sizeof s->hash, &n, hash, strlen(hash)) != SFT_OK ||
        n != sizeof s->hash)
        return SFT_EFORMAT;
    return SFT_OK;
}

int
password_verify(const char *hash, const void *password, size_t len, bool *goodp)
{
    struct stored s;
    uint8_t got[SCRYPT_HASH_LEN];

    *goodp = false;
    int r = parse(hash, &s);
    if (r != SFT_OK)
        return r;
    if (len > PASSWORD_MAX || has_nul(password, len))
        return SFT_OK; /* nobody has such a password */
    r = scrypt(password, len, s.salt, s.ln, got);
    if (r == SFT_OK)
        *goodp = mem_equal(got, s.hash, sizeof got);
    mem_wipe(got, sizeof got);
    return r;
}
