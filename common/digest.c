/* SPDX-License-Identifier: PostgreSQL */
/*
 * digest.c - SHA-256 in one call. Fetching the algorithm each time would double the cost of a short
 * message.
 */
#include "common/digest.h"

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/text.h"

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

int
digest_sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
    pthread_once(&sha256_once, fetch);
    memset(out, 0, SHA256_LEN);
    if (sha256 == NULL || EVP_Digest(len > 0 ? data : "", len, out, NULL, sha256, NULL) != 1)
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
