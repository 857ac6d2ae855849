/* SPDX-License-Identifier: PostgreSQL */
/*
 * wrap.c - any bytes as a sealed key, and any bytes sealed: nothing opens but what was sealed, for
 * its owner, under its KEK. The first four bytes say which bit to flip.
 */
#include "input.h"

#include "core/wrap.h"

#define PLAIN_MAX 4096

static const uint8_t kek[WRAP_KEK_LEN] = {1}, other_kek[WRAP_KEK_LEN] = {2}, authority[16] = {3};
static const struct wrap_owner owner = {authority, 1, "ed25519", "ssh_user"};
static uint8_t out[PLAIN_MAX + WRAP_OVERHEAD];

static int
opens(const uint8_t *key, const struct wrap_owner *whose, const uint8_t *sealed, size_t len)
{
    size_t n = 0;
    int err = wrap_open(key, whose, sealed, len, out, sizeof out, &n);
    promise(err == SFT_OK || n == 0);
    return err;
}

static void
seal_and_open(const uint8_t *plain, size_t len, uint32_t flip)
{
    static const uint8_t nonce[WRAP_NONCE_LEN] = {4};
    static uint8_t sealed[PLAIN_MAX + WRAP_OVERHEAD];
    size_t whole = len + WRAP_OVERHEAD;
    struct wrap_owner moved = owner;
    moved.generation = 1 + flip;
    promise(wrap_seal(kek, &owner, nonce, plain, len, sealed) == SFT_OK);
    promise(opens(kek, &owner, sealed, whole) == SFT_OK && memcmp(out, plain, len) == 0);
    promise(opens(other_kek, &owner, sealed, whole) != SFT_OK);
    promise(flip == 0 || opens(kek, &moved, sealed, whole) != SFT_OK);
    sealed[flip / 8 % whole] ^= (uint8_t)(1u << flip % 8);
    promise(opens(kek, &owner, sealed, whole) != SFT_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    promise(opens(kek, &owner, bytes, len) != SFT_OK);
    if (len >= 5 && len - 4 <= PLAIN_MAX) {
        uint32_t flip = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                        (uint32_t)bytes[2] << 8 | bytes[3];
        seal_and_open(bytes + 4, len - 4, flip);
    }
    return 0;
}
