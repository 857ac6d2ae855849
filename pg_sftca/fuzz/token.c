/* SPDX-License-Identifier: PostgreSQL */
/*
 * token.c - any text as a PKCS#11 URI, any bytes as the padding that a token's decryption leaves.
 */
#include "input.h"

#include "core/oaep.h"
#include "core/p11uri.h"

static void
try_uri(const char *text)
{
    struct p11uri uri;
    if (p11uri_parse(&uri, text) != SFT_OK)
        return;
    promise(strncmp(text, "pkcs11:", 7) == 0 && strchr(text, '?') == NULL);
    promise(uri.object[0] != '\0' || uri.id_len > 0);
    promise(uri.id_len <= sizeof uri.id && memchr(uri.token, '\0', sizeof uri.token) != NULL &&
            memchr(uri.serial, '\0', sizeof uri.serial) != NULL &&
            memchr(uri.object, '\0', sizeof uri.object) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct lines in;
    uint8_t out[1024];
    size_t n = 0;
    lines_of(&in, bytes, len);
    try_uri(in.line[0]);
    /* nobody makes up good padding: the first bytes are a hash */
    promise(oaep_open((uint8_t *)in.text, len, out, sizeof out, &n) != SFT_OK && n == 0);
    free(in.text);
    return 0;
}
