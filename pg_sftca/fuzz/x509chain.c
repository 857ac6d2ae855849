/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509chain.c - any text as the chain of a subordinate authority, and as certificate, trust and
 * lists of a question. No chain is good for a key that nobody has certified.
 */
#include "input.h"

#include <ctype.h>

#include "core/x509chain.h"
#include "core/x509verify.h"

static void
is_word(const char *word)
{
    promise(word[0] != '\0' && strlen(word) < 64);
    for (; *word != '\0'; word++)
        promise(islower((unsigned char)*word) || *word == '_');
}

static void
try_chain(const char *text, size_t len)
{
    struct sshkey key;
    struct x509chain chain;
    size_t cap = 2 * len + 4096;
    char *own = malloc(cap), *above = malloc(cap);
    promise(own != NULL && above != NULL && authority_key(&key) != NULL);
    const char *word =
        x509chain_check(&chain, text, len, &key, "issuer/1", 1767225600, own, above, cap);
    promise(word != NULL);
    is_word(word);
    promise(memchr(chain.reason, '\0', sizeof chain.reason) != NULL);
    free(own);
    free(above);
}

static void
try_verify(const char *text, size_t len)
{
    const char *half = memmem(text, len, "\n\n", 2), *word = NULL;
    size_t first = half != NULL ? (size_t)(half - text) : len / 2;
    struct x509verify ask = {.certificate = text,
                             .certificate_len = first,
                             .trust = text + first,
                             .trust_len = len - first,
                             .at = 1767225600,
                             .purpose = X509VERIFY_SERVER,
                             .name = "db.example.com"};
    if (x509verify(&ask, &word) == SFT_OK && word != NULL)
        is_word(word);
    ask.lists = ask.trust;
    ask.lists_len = ask.trust_len;
    if (x509verify(&ask, &word) == SFT_OK && word != NULL)
        is_word(word);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    try_chain((const char *)bytes, len);
    try_verify((const char *)bytes, len);
    return 0;
}
