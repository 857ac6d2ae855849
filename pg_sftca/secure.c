/* SPDX-License-Identifier: PostgreSQL */
/*
 * secure.c - keeping unsealed keys out of core dumps.
 */
#include "postgres.h"

#include <sys/prctl.h>

#include <openssl/crypto.h>

#include "secure.h"

#define HEAP_LEN (8 << 20) /* of address space; a thousand RSA-8192 keys need half of it */
#define HEAP_PIECE 32

void
secure_heap_need(void)
{
    if (CRYPTO_secure_malloc_initialized())
        return;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)CRYPTO_secure_malloc_init(HEAP_LEN, HEAP_PIECE);
}
