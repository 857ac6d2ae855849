/* SPDX-License-Identifier: PostgreSQL */
/*
 * altname.c - the rules of subject alternative names. ASCII, written out: what a verifier could
 * read in two ways is refused.
 */
#include "core/altname.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"
#define LABEL_MAX 63

/* ---- RFC 3492 ---- */

enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST = 128 };

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t
digit_value(char c)
{
    return c >= 'a' && c <= 'z'   ? (uint32_t)(c - 'a')
           : c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26
                                  : BASE;
}

/* Reads one variable-length integer onto *ip; false when it is cut or overflows. */
static bool
read_delta(const char **sp, const char *end, uint32_t bias, uint32_t *ip)
{
    uint64_t w = 1, i = *ip;
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t d = *sp < end ? digit_value(*(*sp)++) : BASE;
        if (d >= BASE)
            return false;
        i += d * w;
        uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
        if (i > UINT32_MAX)
            return false;
        *ip = (uint32_t)i;
        if (d < t)
            return true;
        w *= BASE - t;
        if (w > UINT32_MAX)
            return false;
    }
}

/* Whether s is Punycode of at least one character beyond ASCII. */
static bool
is_punycode(const char *s, size_t len)
{
    const char *end = s + len, *dash = NULL;
    for (const char *p = s; p < end; p++)
        if (*p == '-')
            dash = p;
    uint32_t n = FIRST, i = 0, bias = BIAS, points = dash == NULL ? 0 : (uint32_t)(dash - s);
    const char *p = dash == NULL ? s : dash + 1;
    if (p == end)
        return false;
    while (p < end) {
        uint32_t before = i;
        if (!read_delta(&p, end, bias, &i))
            return false;
        points++;
        bias = adapt(i - before, points, before == 0);
        if (i / points > 0x10FFFF - n)
            return false;
        n += i / points;
        if (n < 0xA1 || (n >= 0xD800 && n <= 0xDFFF))
            return false; /* no letter */
        i = i % points + 1;
    }
    return true;
}

/* ---- names ---- */

static bool
is_label(const char *s, size_t len)
{
    if (len == 0 || len > LABEL_MAX || s[0] == '-' || s[len - 1] == '-')
        return false;
    if (len >= 4 && s[2] == '-' && s[3] == '-')
        return memcmp(s, "xn", 2) == 0 && is_punycode(s + 4, len - 4);
    return true;
}

/* The labels of a name, and whether the last could be the end of an address. */
static bool
are_labels(const char *s)
{
    size_t n = 0;
    bool number = false;
    for (;; s += n + 1) {
        n = strcspn(s, ".");
        if (!is_label(s, n))
            return false;
        number = strspn(s, DIGIT) == n;
        if (s[n] == '\0')
            return !number;
    }
}

bool
altname_is_dns(const char *s, bool wildcard)
{
    size_t n = strlen(s);
    if (n == 0 || n > ALTNAME_DNS_MAX)
        return false;
    if (wildcard && strncmp(s, "*.", 2) == 0) {
        s += 2;
        n -= 2;
        if (strchr(s, '.') == NULL)
            return false;
    }
    return strspn(s, LOWER DIGIT ".-") == n && are_labels(s);
}

bool
altname_is_email(const char *s)
{
    static const char atom[] = UPPER LOWER DIGIT "!#$%&'*+-/=?^_`{|}~";
    const char *at = strchr(s, '@');
    if (at == NULL || at == s || at - s > 64 || !altname_is_dns(at + 1, false))
        return false;
    for (const char *p = s;; p++) {
        size_t n = strspn(p, atom);
        p += n;
        if (n == 0 || (*p != '.' && p != at))
            return false;
        if (p == at)
            return true;
    }
}

bool
altname_is_uri(const char *s)
{
    size_t n = strlen(s), scheme = strspn(s, LOWER DIGIT "+.-");
    return n <= ALTNAME_URI_MAX && scheme > 0 && scheme <= 32 && strchr(LOWER, s[0]) != NULL &&
           strncmp(s + scheme, "://", 3) == 0 && n > scheme + 3 &&
           strspn(s, UPPER LOWER DIGIT "-._~:/@!$&'()*+;=%?") == n;
}

bool
altname_is_ip(const uint8_t *a, size_t len)
{
    static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (len == 4)
        return memcmp(a, zero, 4) != 0 && a[0] < 224; /* multicast and beyond */
    return len == 16 && memcmp(a, zero, 16) != 0 && memcmp(a, mapped, 12) != 0 && a[0] != 0xff;
}

int
altname_text(const struct altname *name, char out[ALTNAME_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    const char *prefix = name->type == ALTNAME_DNS   ? "DNS"
                         : name->type == ALTNAME_URI ? "URI"
                                                     : "email";
    if (name->type == ALTNAME_IP) {
        if ((name->len != 4 && name->len != 16) ||
            inet_ntop(name->len == 4 ? AF_INET : AF_INET6, name->data, address, sizeof address) ==
                NULL)
            return SFT_EFORMAT;
        snprintf(out, ALTNAME_TEXT_MAX, "IP:%s", address);
        return SFT_OK;
    }
    for (size_t i = 0; i < name->len; i++)
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f)
            return SFT_EFORMAT;
    int n = snprintf(out, ALTNAME_TEXT_MAX, "%s:%.*s", prefix, (int)name->len,
                     (const char *)name->data);
    return n < ALTNAME_TEXT_MAX ? SFT_OK : SFT_ETOOLONG;
}
