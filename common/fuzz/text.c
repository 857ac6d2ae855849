/* SPDX-License-Identifier: PostgreSQL */
/*
 * text.c - any bytes to every decoder. A value has one text: what is decoded encodes to the input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/text.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_same(int err, const char *again, const char *text)
{
    if (err != 0 || strcmp(again, text) != 0)
        abort();
}

static void
try_encodings(const char *text, size_t len)
{
    uint8_t out[MAX];
    char again[2 * MAX + 1];
    size_t n;
    if (b64_decode(out, sizeof(out), &n, text, len) == 0)
        check_same(b64_encode(again, sizeof(again), out, n), again, text);
    if (b64url_decode(out, sizeof(out), &n, text, len) == 0)
        check_same(b64url_encode(again, sizeof(again), out, n), again, text);
    if (hex_decode(out, sizeof(out), &n, text, len) == 0)
        check_same(hex_encode(again, sizeof(again), out, n), again, text);
}

static void
try_values(const char *text)
{
    uint64_t u;
    int64_t t;
    char again[32];
    if (text_u64(text, UINT64_MAX, &u) == 0) {
        snprintf(again, sizeof(again), "%llu", (unsigned long long)u);
        check_same(0, again, text);
    }
    if (time_parse(text, &t) == 0) {
        time_format(t, again);
        if (strncmp(again, text, 19) != 0)
            abort();
    }
    if (name_is_principal(text) && strpbrk(text, ", \n\t*/") != NULL)
        abort();
    if (name_is_key_id(text) && strpbrk(text, " \"\n\\") != NULL)
        abort();
    if (name_is_team(text) && !name_is_object(text))
        abort(); /* every team name is fit for an object */
    if (text_is_uuid(text) && !name_is_host(text))
        abort(); /* servers' uuids are principals of host certificates */
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[MAX + 1];
    (void)text_is_utf8((const char *)bytes, len);
    if (len > MAX || memchr(bytes, 0, len) != NULL)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    try_encodings(text, len);
    try_values(text);
    return 0;
}
