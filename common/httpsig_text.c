/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig_text.c - the pieces of text that requests and statements have in common.
 */
#include "common/httpsig_text.h"

#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/httpsig.h"
#include "common/text.h"

#define TIME_MAX UINT64_C(253402300799)

int
cursor_opt(struct cursor *c, const char *text)
{
    size_t len = strlen(text);
    if (c->err != 0 || strncmp(c->at, text, len) != 0)
        return 0;
    c->at += len;
    return 1;
}

void
cursor_lit(struct cursor *c, const char *text)
{
    if (c->err == 0 && !cursor_opt(c, text))
        c->err = SFT_EFORMAT;
}

void
cursor_span(struct cursor *c, const char *allowed, char *out, size_t cap)
{
    out[0] = '\0';
    if (c->err != 0)
        return;
    size_t len = strspn(c->at, allowed);
    if (len == 0 || len >= cap) {
        c->err = SFT_EFORMAT;
        return;
    }
    memcpy(out, c->at, len);
    out[len] = '\0';
    c->at += len;
}

void
cursor_u64(struct cursor *c, int64_t *out)
{
    char digits[24];
    uint64_t v = 0;
    cursor_span(c, "0123456789", digits, sizeof(digits));
    if (c->err == 0 && text_u64(digits, TIME_MAX, &v) != 0)
        c->err = SFT_EFORMAT;
    *out = (int64_t)v;
}

void
cursor_end(struct cursor *c)
{
    if (c->err == 0 && *c->at != '\0')
        c->err = SFT_EFORMAT;
}

int
httpsig_check_target(const char *target)
{
    size_t len = 0;
    if (target == NULL || target[0] != '/')
        return SFT_ENAME;
    for (; target[len] != '\0'; len++) {
        if (target[len] <= ' ' || target[len] > '~' || target[len] == '#')
            return SFT_ENAME;
        if (len >= HTTPSIG_TARGET_MAX)
            return SFT_ETOOLONG;
    }
    return 0;
}

void
base_line(struct sbuf *b, const char *component, const char *value)
{
    sb_text(b, component);
    sb_raw(b, ": ", 2);
    sb_text(b, value);
    sb_u8(b, '\n');
}

void
base_target(struct sbuf *b, const char *suffix, const char *target)
{
    const char *query = strchr(target, '?');
    size_t path_len = query != NULL ? (size_t)(query - target) : strlen(target);
    sb_text(b, "\"@path\"");
    sb_text(b, suffix);
    sb_raw(b, ": ", 2);
    sb_raw(b, target, path_len);
    sb_text(b, "\n\"@query\"");
    base_line(b, suffix, query != NULL ? query : "?");
}

int
httpsig_signature_text(const uint8_t sig[HTTPSIG_SIG_LEN], char *out, size_t cap)
{
    char b64[B64_LEN(HTTPSIG_SIG_LEN) + 1];
    int err = b64_encode(b64, sizeof(b64), sig, HTTPSIG_SIG_LEN);
    if (err == 0 && (size_t)snprintf(out, cap, "sft=:%s:", b64) >= cap)
        err = SFT_ENOSPACE;
    return err;
}

int
httpsig_signature_bytes(const char *text, uint8_t sig[HTTPSIG_SIG_LEN])
{
    const size_t b64_len = B64_LEN(HTTPSIG_SIG_LEN);
    size_t len = 0;
    memset(sig, 0, HTTPSIG_SIG_LEN);
    if (strlen(text) != 5 + b64_len + 1 || memcmp(text, "sft=:", 5) != 0 ||
        text[5 + b64_len] != ':')
        return SFT_EFORMAT;
    if (b64_decode(sig, HTTPSIG_SIG_LEN, &len, text + 5, b64_len) != 0 || len != HTTPSIG_SIG_LEN)
        return SFT_EFORMAT;
    return 0;
}

int
httpsig_digest(const void *body, size_t len, char *out)
{
    uint8_t hash[SHA256_LEN];
    char b64[B64_LEN(SHA256_LEN) + 1];
    int err = digest_sha256(body, len, hash);
    out[0] = '\0';
    if (err == 0)
        err = b64_encode(b64, sizeof(b64), hash, sizeof(hash));
    if (err == 0)
        snprintf(out, 80, "sha-256=:%s:", b64);
    return err;
}
