/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11uri.c - reads PKCS#11 URIs.
 */
#include "core/p11uri.h"

#include <stdbool.h>
#include <string.h>

#include "common/text.h"

/* RFC 7512 2.3: what may stand unescaped in a path attribute. */
static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:[]@!$'()*+,=&", c) != NULL);
}

/* One value up to ';' or the end; *p moves behind it. Bytes may be anything but, in a text, NUL. */
static int
take_value(const char **p, uint8_t *out, size_t cap, size_t *lenp)
{
    const char *s = *p;
    for (*lenp = 0; *s != '\0' && *s != ';'; (*lenp)++) {
        if (*lenp == cap)
            return SFT_ETOOLONG;
        if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
            out[*lenp] = (uint8_t)(hex_value(s[1]) * 16 + hex_value(s[2]));
            s += 3;
        } else if (is_plain(*s)) {
            out[*lenp] = (uint8_t)*s++;
        } else {
            return SFT_EFORMAT;
        }
    }
    *p = s;
    return *lenp > 0 ? SFT_OK : SFT_EFORMAT;
}

static int
take_text(const char **p, char *out, size_t cap)
{
    size_t len;
    if (out[0] != '\0')
        return SFT_EFORMAT; /* twice */
    int r = take_value(p, (uint8_t *)out, cap - 1, &len);
    out[r == SFT_OK ? len : 0] = '\0';
    return r == SFT_OK && strlen(out) != len ? SFT_EFORMAT : r;
}

static bool
takes(const char **p, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(*p, name, n) != 0)
        return false;
    *p += n;
    return true;
}

static int
take_attribute(struct p11uri *out, const char **p)
{
    char type[8] = "";
    if (takes(p, "token="))
        return take_text(p, out->token, sizeof out->token);
    if (takes(p, "serial="))
        return take_text(p, out->serial, sizeof out->serial);
    if (takes(p, "object="))
        return take_text(p, out->object, sizeof out->object);
    if (takes(p, "id="))
        return out->id_len > 0 ? SFT_EFORMAT : take_value(p, out->id, sizeof out->id, &out->id_len);
    if (!takes(p, "type="))
        return SFT_EFORMAT;
    int r = take_text(p, type, sizeof type);
    return r == SFT_OK && strcmp(type, "private") != 0 ? SFT_EFORMAT : r;
}

int
p11uri_parse(struct p11uri *out, const char *text)
{
    memset(out, 0, sizeof *out);
    if (strnlen(text, P11URI_MAX) == P11URI_MAX)
        return SFT_ETOOLONG;
    if (!takes(&text, "pkcs11:"))
        return SFT_EFORMAT;
    for (;;) {
        int r = take_attribute(out, &text);
        if (r != SFT_OK)
            return r;
        if (*text == '\0')
            break;
        text++; /* the ';' */
    }
    return out->object[0] != '\0' || out->id_len > 0 ? SFT_OK : SFT_EFORMAT;
}
