/* SPDX-License-Identifier: PostgreSQL */
/*
 * oaep.c - RSA-OAEP's padding.
 */
#include "core/oaep.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/digest.h"
#include "common/text.h"

#define H SHA256_LEN

/* data ^= MGF1(seed) */
static int
unmask(uint8_t *data, size_t len, const uint8_t *seed, size_t seed_len)
{
    uint8_t block[OAEP_MAX + 4], mask[H];
    int r = SFT_OK;
    memcpy(block, seed, seed_len);
    for (size_t at = 0; at < len && r == SFT_OK; at += H) {
        uint32_t n = (uint32_t)(at / H);
        for (size_t i = 0; i < 4; i++)
            block[seed_len + i] = (uint8_t)(n >> (24 - 8 * i));
        r = digest_sha256(block, seed_len + 4, mask);
        for (size_t i = 0; i < H && at + i < len; i++)
            data[at + i] ^= mask[i];
    }
    mem_wipe(block, sizeof block);
    mem_wipe(mask, sizeof mask);
    return r;
}

/* Nobody can ask this often enough with texts of their own for its time to tell anything. */
int
oaep_open(uint8_t *padded, size_t len, uint8_t *out, size_t cap, size_t *lenp)
{
    uint8_t empty[H];
    uint8_t *seed = padded + 1, *db = padded + 1 + H;
    *lenp = 0;
    if (len < 2 * H + 2 || len > OAEP_MAX)
        return SFT_ECRYPTO;
    size_t db_len = len - 1 - H, at = H;
    int r = digest_sha256("", 0, empty); /* of the label, which is empty */
    if (r == SFT_OK)
        r = unmask(seed, H, db, db_len);
    if (r == SFT_OK)
        r = unmask(db, db_len, seed, H);
    if (r != SFT_OK)
        return r;
    while (at < db_len && db[at] == 0)
        at++;
    if (padded[0] != 0 || !mem_equal(db, empty, H) || at == db_len || db[at] != 1)
        return SFT_ECRYPTO;
    at++;
    if (db_len - at > cap)
        return SFT_ENOSPACE;
    memcpy(out, db + at, db_len - at);
    *lenp = db_len - at;
    return SFT_OK;
}
