/* SPDX-License-Identifier: PostgreSQL */
/*
 * digest.c - SHA-256 in one call. Fetching the algorithm each time would double the cost of a short
 * message.
 */
#include "common/digest.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/text.h"

/* Fetched when first needed; a failure is not remembered, so that it passes when its cause does. */
static const EVP_MD *
sha256(void)
{
    static EVP_MD *_Atomic kept;
    EVP_MD *md = atomic_load(&kept), *none = NULL;
    if (md != NULL)
        return md;
    md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    if (md != NULL && !atomic_compare_exchange_strong(&kept, &none, md)) {
        EVP_MD_free(md); /* another thread was first */
        md = none;
    }
    return md;
}

int
digest_sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
    const EVP_MD *md = sha256();
    memset(out, 0, SHA256_LEN);
    if (md == NULL || EVP_Digest(len > 0 ? data : "", len, out, NULL, md, NULL) != 1)
        return SFT_ECRYPTO;
    return 0;
}

int
digest_name(const void *data, size_t len, char *out)
{
    uint8_t hash[SHA256_LEN];
    int err = digest_sha256(data, len, hash);
    out[0] = '\0';
    return err != 0 ? err : b64url_encode(out, 44, hash, sizeof(hash));
}
