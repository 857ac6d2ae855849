/* SPDX-License-Identifier: PostgreSQL */
/*
 * keyfile.c - any text as a private key's file. What is taken makes signatures that its own public
 * key verifies; what is not has a word and a sentence. The passphrase is "x".
 */
#include "input.h"

#include <openssl/err.h>

#include "common/sbuf.h"
#include "core/keyfile.h"

static void
check(const struct key *key)
{
    uint8_t mem[2048];
    struct sshkey public, again;
    struct sbuf sig;
    promise(key_public(key, &public) == SFT_OK);
    promise(sshkey_from_blob(&again, public.blob, public.len) == SFT_OK);
    sb_writer(&sig, mem, sizeof mem);
    promise(key_sign_ssh(key, "message", 7, &sig) == SFT_OK);
    promise(key_verify_ssh(&public, "message", 7, sig.p, sig.len) == SFT_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    for (int i = 0; i < 2; i++) {
        struct key *key = NULL;
        const char *word =
            keyfile_read((const char *)bytes, len, i == 0 ? NULL : "x", i == 0 ? 0 : 1, &key);
        promise((word == NULL) == (key != NULL));
        if (word == NULL)
            check(key);
        else
            promise(strncmp(word, "private_key_", 12) == 0 && strlen(keyfile_sentence(word)) > 10);
        key_free(key);
    }
    ERR_clear_error();
    return 0;
}
