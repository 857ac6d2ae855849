/* SPDX-License-Identifier: PostgreSQL */
/*
 * token.c - any bytes as a token, and any bytes as the JSON inside one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/text.h"
#include "common/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
try_text(const char *text, size_t len)
{
    struct token t;
    if (token_parse(&t, text, len) != 0) {
        for (size_t i = 0; i < sizeof(t.secret); i++)
            if (t.secret[i] != 0)
                abort(); /* a refused token leaves nothing behind */
        return;
    }
    if (strlen(t.secret) != 43 || strncmp(t.url, "https://", 8) != 0 || !text_is_uuid(t.id) ||
        !name_is_team(t.team) || strlen(t.statement_hash) != 43)
        abort();
    token_wipe(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char b64[B64_LEN(4096) + 1];
    try_text((const char *)bytes, len);
    if (len <= 4096 && b64_encode(b64, sizeof(b64), bytes, len) == 0)
        try_text(b64, strlen(b64));
    return 0;
}
