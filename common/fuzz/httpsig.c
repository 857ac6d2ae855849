/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig.c - any texts as the signature headers of a request and of a statement. The input is
 * lines: Signature-Input, Signature, Content-Digest, target, version, body. What parses is written
 * in one way only; nothing that a fuzzer makes up verifies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/httpsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* On the curve, its private half known to nobody here. */
static const char key_text[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

/* The parameters printed again must be the input. */
static void
check_params(const char *input, const struct httpsig_params *p)
{
    char again[HTTPSIG_VALUE_MAX];
    snprintf(again, sizeof(again),
             "sft=(\"@method\" \"@authority\" \"@path\" \"@query\"%s);created=%" PRId64
             ";nonce=\"%s\";keyid=\"%s\";alg=\"%s\";tag=\"sft1\"",
             p->has_digest ? " \"content-digest\"" : "", p->created, p->nonce, p->keyid, p->alg);
    if (strcmp(input, again) != 0)
        abort();
}

static void
try_request(const struct sshkey *key, char *const line[6])
{
    struct httpsig_params params;
    struct httpsig_request req = {.method = "POST",
                                  .authority = "sft.example.com",
                                  .target = line[3],
                                  .body = line[5],
                                  .body_len = strlen(line[5])};
    const char *digest = line[2][0] != '\0' ? line[2] : NULL;
    if (httpsig_parse_request(line[0], &params) == 0)
        check_params(line[0], &params);
    if (httpsig_verify_request(key, &req, digest, line[0], line[1]) == 0)
        abort();
}

static void
try_statement(const struct sshkey *key, char *const line[6])
{
    int64_t created;
    struct httpsig_statement st = {.purpose = "state",
                                   .status = 200,
                                   .target = line[3],
                                   .request_signature = line[1],
                                   .version = line[4],
                                   .body = line[5],
                                   .body_len = strlen(line[5]),
                                   .content_digest = line[2],
                                   .signature_input = line[0],
                                   .signature = line[1]};
    if (httpsig_verify_statement(key, &st, &created) == 0)
        abort();
    st.request_signature = NULL;
    st.purpose = "krl";
    if (httpsig_verify_statement(key, &st, &created) == 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sshkey key;
    static char empty[1];
    char *copy = malloc(len + 1), *rest = copy, *line[6];
    if (copy == NULL ||
        (key.len == 0 && sshkey_from_text(&key, key_text, sizeof(key_text) - 1) != 0))
        abort();
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    for (size_t i = 0; i < 6; i++) {
        line[i] = rest != NULL ? rest : empty;
        rest = rest != NULL ? strchr(rest, '\n') : NULL;
        if (rest != NULL)
            *rest++ = '\0';
    }
    try_request(&key, line);
    try_statement(&key, line);
    free(copy);
    return 0;
}
