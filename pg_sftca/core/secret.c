/* SPDX-License-Identifier: PostgreSQL */
/*
 * secret.c - secrets of tokens and invitations, and the proof that somebody holds one.
 */
#include "core/secret.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/sbuf.h"
#include "common/sshkey.h"
#include "common/text.h"

static int
mac_lines(const void *key, size_t key_len, const char *const lines[3], uint8_t out[32])
{
    uint8_t text[SSHKEY_TEXT_MAX + 256];
    unsigned n = 0;
    struct sbuf b;
    sb_writer(&b, text, sizeof text);
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            sb_text(&b, "\n");
        sb_text(&b, lines[i]);
    }
    if (sb_err(&b) != SFT_OK)
        return sb_err(&b);
    if (!HMAC(EVP_sha256(), key, (int)key_len, text, b.len, out, &n) || n != 32)
        return SFT_ECRYPTO;
    return SFT_OK;
}

int
secret_text(const uint8_t vault[SECRET_KEY_LEN], const char *purpose, const char *id,
            char out[SECRET_TEXT_LEN + 1])
{
    uint8_t mac[32];
    const char *const lines[3] = {"sft1 secret", purpose, id};
    int r = mac_lines(vault, SECRET_KEY_LEN, lines, mac);
    if (r == SFT_OK)
        r = b64url_encode(out, SECRET_TEXT_LEN + 1, mac, sizeof mac);
    mem_wipe(mac, sizeof mac);
    return r;
}

int
secret_mac(const char *secret, const char *subject_id, const char *public_key, char out[45])
{
    uint8_t mac[32];
    const char *const lines[3] = {"sft1 enroll", subject_id, public_key};
    int r = mac_lines(secret, strlen(secret), lines, mac);
    if (r == SFT_OK)
        r = b64_encode(out, 45, mac, sizeof mac);
    mem_wipe(mac, sizeof mac);
    return r;
}
