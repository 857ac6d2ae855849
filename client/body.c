/* SPDX-License-Identifier: PostgreSQL */
/*
 * body.c - writing a request's JSON. Its memory is wiped: passwords pass through here.
 */
#include <stdio.h>
#include <string.h>

#include "body.h"
#include "common/text.h"

static void
put(struct body *b, const char *s, size_t len)
{
    if (b->err)
        return;
    if (len >= sizeof b->text - b->len) {
        b->err = SFT_ETOOLONG;
        return;
    }
    memcpy(b->text + b->len, s, len);
    b->len += len;
    b->text[b->len] = '\0';
}

static void
put_text(struct body *b, const char *s)
{
    put(b, s, strlen(s));
}

static void
put_string(struct body *b, const char *s)
{
    char escape[8];
    if (!text_is_utf8(s, strlen(s)) && !b->err)
        b->err = SFT_EFORMAT;
    put_text(b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            put_text(b, "\\");
        if (c < 0x20) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", c);
            put_text(b, escape);
        } else {
            put(b, s, 1);
        }
    }
    put_text(b, "\"");
}

static void
put_name(struct body *b, const char *name)
{
    if (b->len && b->text[b->len - 1] != '{')
        put_text(b, ",");
    put_string(b, name);
    put_text(b, ":");
}

void
body_open(struct body *b)
{
    b->len = 0;
    b->err = 0;
    put_text(b, "{");
}

void
body_str(struct body *b, const char *name, const char *value)
{
    if (!value)
        return;
    put_name(b, name);
    put_string(b, value);
}

void
body_names(struct body *b, const char *name, const char *value)
{
    put_name(b, name);
    put_text(b, "[");
    put_string(b, value);
    put_text(b, "]");
}

void
body_bool(struct body *b, const char *name, bool value)
{
    put_name(b, name);
    put_text(b, value ? "true" : "false");
}

void
body_int(struct body *b, const char *name, long long value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", value);
    put_name(b, name);
    put_text(b, text);
}

void
body_begin(struct body *b, const char *name)
{
    put_name(b, name);
    put_text(b, "{");
}

void
body_end(struct body *b)
{
    put_text(b, "}");
}

int
body_err(const struct body *b)
{
    return b->err;
}

void
body_wipe(struct body *b)
{
    mem_wipe(b, sizeof *b);
}
