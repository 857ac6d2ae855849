/* SPDX-License-Identifier: PostgreSQL */
/*
 * secret.c - any texts as purpose, id, secret and key of the secrets that are shown again: what
 * comes out has its one form, and another text gives another. Lines: those four, and two others.
 */
#include "input.h"

#include "common/text.h"
#include "core/secret.h"

static void
check_secret(char *const line[])
{
    static const uint8_t vault[SECRET_KEY_LEN] = {7};
    char one[SECRET_TEXT_LEN + 1] = "", two[SECRET_TEXT_LEN + 1] = "";
    uint8_t raw[32];
    size_t n;
    int err = secret_text(vault, line[0], line[1], one);
    promise(err == SFT_OK || err == SFT_ENOSPACE);
    if (err != SFT_OK)
        return;
    promise(strlen(one) == SECRET_TEXT_LEN &&
            b64url_decode(raw, sizeof raw, &n, one, SECRET_TEXT_LEN) == SFT_OK && n == 32);
    bool same = strcmp(line[0], line[4]) == 0 && strcmp(line[1], line[5]) == 0;
    if (secret_text(vault, line[4], line[5], two) == SFT_OK)
        promise((strcmp(one, two) == 0) == same); /* lines hold no newline: nothing runs together */
}

static void
check_mac(char *const line[])
{
    char one[45] = "", two[45] = "";
    uint8_t raw[32];
    size_t n;
    if (secret_mac(line[2], line[1], line[3], one) != SFT_OK)
        return;
    promise(b64_decode(raw, sizeof raw, &n, one, strlen(one)) == SFT_OK && n == 32);
    bool same = strcmp(line[3], line[5]) == 0;
    if (secret_mac(line[2], line[1], line[5], two) == SFT_OK)
        promise(mem_equal(one, two, 45) == same);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct lines in;
    lines_of(&in, bytes, len);
    check_secret(in.line);
    check_mac(in.line);
    free(in.text);
    return 0;
}
