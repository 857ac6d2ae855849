/* SPDX-License-Identifier: PostgreSQL */
/*
 * verify_sk.c - signatures of security keys (PROTOCOL.u2f; prototype in key.h).
 *
 * A security key signs hash(application), flags, counter, hash(message): here that is put together
 * and verified by the plain key inside.
 */
#include <string.h>

#include "common/digest.h"
#include "common/key.h"
#include "common/sbuf.h"

#define SIGNED_LEN (SHA256_LEN + 1 + 4 + SHA256_LEN)

/* The plain key of a security key, and its application. */
static int
read_key(const struct sshkey *pub, struct sshkey *plain, char application[65])
{
    int is_ed25519 = pub->type == SSHKEY_SK_ED25519;
    uint8_t blob[SSHKEY_BLOB_MAX];
    struct sbuf r, w;
    size_t len;
    sb_reader(&r, pub->blob, pub->len);
    sb_writer(&w, blob, sizeof(blob));
    sb_get_blob(&r, &len);
    sb_cstr(&w, sshkey_type_name(is_ed25519 ? SSHKEY_ED25519 : SSHKEY_ECDSA_P256));
    for (int i = 0; i < (is_ed25519 ? 1 : 2); i++) { /* the point; the curve's name before it */
        const uint8_t *field = sb_get_blob(&r, &len);
        sb_blob(&w, field, len);
    }
    sb_get_cstr(&r, application, 65);
    if (sb_err(&r) != 0 || sb_err(&w) != 0)
        return SFT_EFORMAT;
    return sshkey_from_blob(plain, blob, w.len);
}

/* r and s, each to 32 bytes. */
static int
read_pair(const uint8_t *value, size_t value_len, uint8_t raw[KEY_RAW_SIG_MAX])
{
    struct sbuf b;
    memset(raw, 0, KEY_RAW_SIG_MAX);
    sb_reader(&b, value, value_len);
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        const uint8_t *number = sb_get_mpint(&b, &len);
        if (sb_err(&b) != 0 || len > 32)
            return SFT_EFORMAT;
        memcpy(raw + 32 * (i + 1) - len, number, len);
    }
    sb_end(&b);
    return sb_err(&b);
}

/* The signature's value as 64 bytes, and what the key added to what it signed. */
static int
read_signature(const struct sshkey *pub, const uint8_t *sig, size_t siglen,
               uint8_t raw[KEY_RAW_SIG_MAX], uint8_t added[5])
{
    struct sbuf b;
    char name[64];
    size_t len;
    sb_reader(&b, sig, siglen);
    sb_get_cstr(&b, name, sizeof(name));
    const uint8_t *value = sb_get_blob(&b, &len), *rest = sb_get_raw(&b, 5);
    sb_end(&b);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    if (strcmp(name, sshkey_type_name(pub->type)) != 0)
        return SFT_EKEYTYPE;
    memcpy(added, rest, 5);
    if (pub->type == SSHKEY_SK_ECDSA_P256)
        return read_pair(value, len, raw);
    if (len != KEY_RAW_SIG_MAX)
        return SFT_EFORMAT;
    memcpy(raw, value, KEY_RAW_SIG_MAX);
    return 0;
}

int
key_verify_sk(const struct sshkey *pub, const void *msg, size_t len, const uint8_t *sig,
              size_t siglen, uint8_t *flagsp)
{
    struct sshkey plain;
    char application[65];
    uint8_t raw[KEY_RAW_SIG_MAX], whole[SIGNED_LEN];
    *flagsp = 0;
    if (pub->type != SSHKEY_SK_ED25519 && pub->type != SSHKEY_SK_ECDSA_P256)
        return SFT_EKEYTYPE;
    int err = read_signature(pub, sig, siglen, raw, whole + SHA256_LEN);
    if (err == 0)
        err = read_key(pub, &plain, application);
    if (err == 0)
        err = digest_sha256(application, strlen(application), whole);
    if (err == 0)
        err = digest_sha256(msg, len, whole + SHA256_LEN + 5);
    if (err == 0)
        err = key_verify_raw(&plain, whole, sizeof(whole), raw);
    if (err == 0)
        *flagsp = whole[SHA256_LEN];
    return err;
}
