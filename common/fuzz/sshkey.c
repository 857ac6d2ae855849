/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey.c - any bytes as a public key: as a line and as a blob. What is taken prints and reads
 * again as the same key.
 */
#include <stdlib.h>

#include "common/sshkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check(const struct sshkey *key, int is_from_blob)
{
    struct sshkey again;
    char text[SSHKEY_TEXT_MAX], fingerprint[SSHKEY_FINGERPRINT_MAX], code[20];
    size_t text_len = 0;
    if (sshkey_to_text(key, text, sizeof(text)) != 0)
        abort();
    while (text[text_len] != '\0')
        text_len++;
    int err = sshkey_from_text(&again, text, text_len);
    if (err == SFT_EKEYPOINT && is_from_blob)
        return; /* an Ed25519 number off the curve: asked of texts only */
    if (err != 0 || !sshkey_equal(key, &again))
        abort();
    if (sshkey_fingerprint(key, fingerprint) != 0 || sshkey_device_code(key, code) != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sshkey key;
    if (sshkey_from_blob(&key, bytes, len) == 0)
        check(&key, 1);
    if (sshkey_from_text(&key, (const char *)bytes, len) == 0)
        check(&key, 0);
    return 0;
}
