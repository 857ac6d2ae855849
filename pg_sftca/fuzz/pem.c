/* SPDX-License-Identifier: PostgreSQL */
/*
 * pem.c - any text as PEM: blocks come out as DER and nothing else; and what was written as PEM
 * comes out as it was.
 */
#include "input.h"

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "common/text.h"
#include "core/pem.h"
#include "core/x509write.h"

/* Elements within elements, as OpenSSL finds them. */
static void
walk(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        long n;
        int tag, class, form = ASN1_get_object(&p, &n, &tag, &class, end - p);
        promise((form & 0x80) == 0 && (form & 1) == 0 && n <= end - p);
        if (form & V_ASN1_CONSTRUCTED)
            walk(p, p + n);
        p += n;
    }
}

static void
write_and_read(const uint8_t *der, size_t len)
{
    struct pem pem;
    size_t n = 0;
    char *text = malloc(X509_PEM_MAX(len) + 64);
    uint8_t *again = malloc(len + 3);
    promise(text != NULL && again != NULL);
    promise(x509write_pem("CERTIFICATE", der, len, text, X509_PEM_MAX(len) + 64) == SFT_OK);
    pem_begin(&pem, text, strlen(text));
    promise(pem_next(&pem, pem_certificate, again, len + 3, &n) == SFT_OK && n == len &&
            memcmp(again, der, len) == 0);
    promise(pem_next(&pem, pem_certificate, again, len + 3, &n) == SFT_ENOTFOUND);
    free(again);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pem pem;
    size_t cap = len / 4 * 3 + 3, n = 0;
    uint8_t *out = malloc(cap);
    promise(out != NULL);
    pem_begin(&pem, (const char *)bytes, len);
    for (size_t blocks = 0; pem_next(&pem, pem_certificate, out, cap, &n) == SFT_OK; blocks++) {
        promise(n <= cap && blocks <= len / 20);
        walk(out, out + n);
        write_and_read(out, n);
    }
    free(out);
    ERR_clear_error();
    return 0;
}
