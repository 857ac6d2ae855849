/* SPDX-License-Identifier: PostgreSQL */
/*
 * envelope.c - any bytes as an envelope, and any bytes in one: it opens for its recipient as it was
 * made, and for nobody else. The first four bytes say which bit to flip.
 */
#include "input.h"

#include <openssl/err.h>

#include "core/envelope.h"

#define PLAIN_MAX 4096

static const uint8_t private[ENVELOPE_KEY_LEN] = {1}, other[ENVELOPE_KEY_LEN] = {8},
                     once[ENVELOPE_KEY_LEN] = {16};
static uint8_t out[2 * PLAIN_MAX];

static int
opens(const uint8_t *key, const uint8_t *sealed, size_t len)
{
    size_t n = 0;
    int err = envelope_open(key, sealed, len, out, &n);
    promise(n <= len && (err == SFT_OK || n == 0));
    return err;
}

static void
seal_and_open(const uint8_t *plain, size_t len, uint32_t flip)
{
    static uint8_t sealed[PLAIN_MAX + ENVELOPE_OVERHEAD];
    uint8_t public[ENVELOPE_KEY_LEN];
    size_t whole = len + ENVELOPE_OVERHEAD;
    promise(envelope_public(private, public) == SFT_OK);
    promise(envelope_seal(once, public, plain, len, sealed) == SFT_OK);
    promise(opens(private, sealed, whole) == SFT_OK && memcmp(out, plain, len) == 0);
    promise(opens(other, sealed, whole) != SFT_OK);
    sealed[flip / 8 % whole] ^= (uint8_t)(1u << flip % 8);
    promise(opens(private, sealed, whole) != SFT_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len <= PLAIN_MAX)
        promise(opens(private, bytes, len) != SFT_OK);
    if (len >= 5 && len - 4 <= PLAIN_MAX) {
        uint32_t flip = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                        (uint32_t)bytes[2] << 8 | bytes[3];
        seal_and_open(bytes + 4, len - 4, flip);
    }
    return 0;
}
