/* SPDX-License-Identifier: PostgreSQL */
/*
 * signer.c - what the fake platform (t/Fake.pm) cannot do in Perl: keys and signatures.
 *
 *   signer key FILE
 *       makes an Ed25519 key (DER) and prints its public line
 *   signer statement FILE PURPOSE STATUS TARGET REQUEST-SIGNATURE|- VERSION
 *       prints the headers of a statement over standard input
 *   signer verify PUBLIC METHOD AUTHORITY TARGET DIGEST|- SIGNATURE-INPUT SIGNATURE
 *       status 0 when a request's signature over standard input holds
 *   signer proof SECRET ID PUBLIC
 *       prints the proof of possession of an invitation
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fsx.h"
#include "common/httpsig.h"
#include "common/key.h"
#include "common/sshkey.h"
#include "common/text.h"
#include "common/token.h"

#define BODY_CAP (4 * 1024 * 1024)

static void
must(int err, const char *what)
{
    if (!err)
        return;
    fprintf(stderr, "signer: %s: %s\n", what, sft_strerror(err));
    exit(1);
}

static struct key *
key_read(const char *path)
{
    char *der;
    size_t len;
    struct key *key;
    must(fsx_read(path, KEY_PRIVATE_DER_MAX, &der, &len), path);
    must(key_from_der((const uint8_t *)der, len, &key), path);
    free(der);
    return key;
}

static int
make_key(const char *path)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len;
    struct key *key;
    struct sshkey pub;
    char text[SSHKEY_TEXT_MAX];
    must(key_generate(KEY_ED25519, &key), "generate");
    must(key_private_der(key, der, sizeof der, &len), "der");
    must(fsx_write(path, der, len, 0600), path);
    must(key_public(key, &pub), "public");
    must(sshkey_to_text(&pub, text, sizeof text), "text");
    puts(text);
    key_free(key);
    return 0;
}

static int
statement(char **argv, const char *body, size_t len)
{
    struct key *key = key_read(argv[2]);
    struct sshkey pub;
    struct httpsig_headers h;
    uint8_t sig[KEY_RAW_SIG_MAX];
    char base[8192], b64[B64_LEN(KEY_RAW_SIG_MAX) + 1], hash[64], keyid[96];
    size_t base_len;
    const struct httpsig_statement st = {
        .purpose = argv[3],
        .status = (unsigned)strtoul(argv[4], NULL, 10),
        .target = argv[5],
        .request_signature = strcmp(argv[6], "-") == 0 ? NULL : argv[6],
        .version = argv[7],
        .body = body,
        .body_len = len,
    };
    must(key_public(key, &pub), "public");
    must(sshkey_fingerprint(&pub, hash), "hash");
    (void)snprintf(keyid, sizeof keyid, "platform/%s", hash + strlen("SHA256:"));
    for (char *c = keyid; *c; c++) /* base64 to base64url */
        *c = *c == '+' ? '-' : *c == '/' && c > keyid + strlen("platform") ? '_' : *c;
    must(httpsig_statement_base(&st, (int64_t)time(NULL), keyid, &h, base, sizeof base, &base_len),
         "base");
    must(key_sign_raw(key, base, base_len, sig), "sign");
    must(b64_encode(b64, sizeof b64, sig, sizeof sig), "base64");
    printf("Content-Digest: %s\nSft-Version: %s\nSignature-Input: %s\nSignature: sft=:%s:\n",
           h.content_digest, st.version, h.signature_input, b64);
    key_free(key);
    return 0;
}

static int
verify(char **argv, const char *body, size_t len)
{
    struct sshkey pub;
    const struct httpsig_request req = {
        .method = argv[3], .authority = argv[4], .target = argv[5], .body = body, .body_len = len};
    must(sshkey_from_text(&pub, argv[2], strlen(argv[2])), "public key");
    must(httpsig_verify_request(&pub, &req, strcmp(argv[6], "-") == 0 ? NULL : argv[6], argv[7],
                                argv[8]),
         "request");
    return 0;
}

static int
proof(char **argv)
{
    struct token t = {0};
    struct sshkey pub;
    char out[45];
    must(sshkey_from_text(&pub, argv[4], strlen(argv[4])), "public key");
    (void)snprintf(t.secret, sizeof t.secret, "%s", argv[2]);
    must(token_mac(&t, argv[3], &pub, out), "mac");
    puts(out);
    return 0;
}

int
main(int argc, char **argv)
{
    static char body[BODY_CAP];
    if (argc == 3 && strcmp(argv[1], "key") == 0)
        return make_key(argv[2]);
    if (argc == 5 && strcmp(argv[1], "proof") == 0)
        return proof(argv);
    size_t len = fread(body, 1, sizeof body, stdin);
    if (argc == 8 && strcmp(argv[1], "statement") == 0)
        return statement(argv, body, len);
    if (argc == 9 && strcmp(argv[1], "verify") == 0)
        return verify(argv, body, len);
    fprintf(stderr, "signer: wrong arguments\n");
    return 2;
}
