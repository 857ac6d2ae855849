/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshcert.c - any bytes as a certificate. Decoding without the signature, so that the fuzzer gets
 * past it; what is taken keeps the promises of sshcert.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/sshcert.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check(const struct sshcert *cert, size_t len)
{
    size_t sum = 0;
    if (cert->serial == 0 || cert->serial > INT64_MAX || cert->valid_after >= cert->valid_before)
        abort();
    if (cert->principals_n == 0 || cert->tbs_len >= len || !name_is_key_id(cert->key_id))
        abort();
    for (size_t i = 0; i < cert->principals_n; i++)
        if (cert->principals[i][0] == '\0' || strchr(cert->principals[i], ',') != NULL)
            abort();
    for (size_t i = 0; i < cert->critical_n; i++)
        for (size_t at = 0; at < cert->critical[i].len; at++)
            sum += cert->critical[i].data[at]; /* readable to its end */
    for (size_t i = 0; i < cert->extensions_n; i++)
        for (size_t at = 0; at < cert->extensions[i].len; at++)
            sum += cert->extensions[i].data[at];
    if (sum > 255 * len)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sshcert cert;
    static uint8_t blob[SSHCERT_BLOB_MAX];
    if (sshcert_decode(&cert, bytes, len, NULL) == 0) {
        check(&cert, len);
        struct sshkey signer = cert.signer;
        if (sshcert_decode(&cert, bytes, len, &signer) != 0)
            abort();
        signer.blob[signer.len - 1] ^= 1;
        if (sshcert_decode(&cert, bytes, len, &signer) != SFT_EKEYMISMATCH)
            abort();
        if (sshcert_parse(&cert, bytes, len) == 0)
            check(&cert, len);
    }
    if (sshcert_from_text(&cert, blob, (const char *)bytes, len) == 0)
        check(&cert, SSHCERT_BLOB_MAX);
    return 0;
}
