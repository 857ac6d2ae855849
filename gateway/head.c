/* SPDX-License-Identifier: PostgreSQL */
/*
 * head.c - request line and headers as RFC 9112 has them, nothing more lenient.
 */
#include "gateway/head.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, AUTHORIZATION, SINGLES_N = 15 };

/* Headers that may come once: what decides length and host, and all that the doors are told. */
static const char *const singles[SINGLES_N] = {
    "host",
    "content-length",
    "transfer-encoding",
    "authorization",
    "content-digest",
    "content-type",
    "content-encoding",
    "cookie",
    "expect",
    "if-none-match",
    "origin",
    "signature",
    "signature-input",
    "user-agent",
    "connection",
};

struct head {
    const char *p, *end;
    bool has_minor_1; /* HTTP/1.1 */
    bool seen[SINGLES_N];
};

struct text {
    const char *p;
    size_t len;
};

/* The next line without its CRLF; false when it does not end in one or holds a bare CR or LF. */
static bool
next_line(struct head *head, struct text *line)
{
    const char *lf = memchr(head->p, '\n', (size_t)(head->end - head->p));
    if (!lf || lf == head->p || lf[-1] != '\r')
        return false;
    *line = (struct text){head->p, (size_t)(lf - 1 - head->p)};
    head->p = lf + 1;
    return !memchr(line->p, '\r', line->len);
}

static bool
is_token(struct text s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.p[i] || !(isalnum((unsigned char)s.p[i]) || strchr("!#$%&'*+-.^_`|~", s.p[i])) ||
            (unsigned char)s.p[i] >= 0x80)
            return false;
    return s.len > 0;
}

/* "METHOD target HTTP/1.x", one space each. */
static const struct refusal *
check_request_line(struct head *head, struct text line)
{
    static const char version[] = "HTTP/1.";
    const size_t version_len = sizeof(version); /* and one digit */
    const char *space = memchr(line.p, ' ', line.len);
    size_t method_len = space ? (size_t)(space - line.p) : 0;

    if (method_len == 0 || method_len > 16 || line.len < method_len + version_len + 3)
        return &refusal_head_malformed;
    for (size_t i = 0; i < method_len; i++)
        if (line.p[i] < 'A' || line.p[i] > 'Z')
            return &refusal_head_malformed;
    const char *tail = line.p + line.len - version_len - 1;
    if (tail[0] != ' ' || memcmp(tail + 1, version, version_len - 1) != 0 ||
        (tail[version_len] != '0' && tail[version_len] != '1'))
        return &refusal_head_malformed;
    head->has_minor_1 = tail[version_len] == '1';
    for (const char *p = space + 1; p < tail;
         p++) /* what else a target may not hold is route.c's */
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return &refusal_head_malformed;
    return NULL;
}

/* host or [v6], then an optional port; no user, no path, nothing that a name or address has not. */
static bool
is_host(struct text s)
{
    size_t i = 0, name_len;
    if (s.len > 0 && s.p[0] == '[') {
        const char *close = memchr(s.p, ']', s.len);
        name_len = close ? (size_t)(close - s.p) + 1 : 0;
        for (i = 1; i + 1 < name_len; i++)
            if (!isxdigit((unsigned char)s.p[i]) && s.p[i] != ':' && s.p[i] != '.')
                return false;
        i = name_len;
    } else {
        while (i < s.len && (isalnum((unsigned char)s.p[i]) || s.p[i] == '-' || s.p[i] == '.'))
            i++;
        name_len = i;
    }
    if (name_len == 0 || name_len > 255)
        return false;
    if (i == s.len)
        return true;
    size_t digits = s.len - i - 1;
    if (s.p[i++] != ':' || digits == 0 || digits > 5)
        return false;
    for (; i < s.len; i++)
        if (!isdigit((unsigned char)s.p[i]))
            return false;
    return true;
}

static bool
is_length(struct text s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.p[i]))
            return false;
    return s.len > 0 && s.len <= 12;
}

static const struct refusal *
check_single(struct head *head, size_t which, struct text value)
{
    bool again = head->seen[which];
    head->seen[which] = true;
    switch (which) {
    case HOST:
        return again || !is_host(value) ? &refusal_host : NULL;
    case CONTENT_LENGTH:
        return again || !is_length(value) ? &refusal_length : NULL;
    case TRANSFER_ENCODING:
        return again || !head->has_minor_1 || value.len != 7 ||
                       strncasecmp(value.p, "chunked", 7) != 0
                   ? &refusal_length
                   : NULL;
    case AUTHORIZATION:
        if (value.len > HEAD_CREDENTIAL_MAX)
            return &refusal_head_too_large;
        /* fall through */
    default:
        return again ? &refusal_header_repeated : NULL;
    }
}

static struct text
trim(struct text s)
{
    while (s.len > 0 && (*s.p == ' ' || *s.p == '\t'))
        s.p++, s.len--;
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static const struct refusal *
check_header(struct head *head, struct text line)
{
    const char *colon = memchr(line.p, ':', line.len);
    struct text name = {line.p, colon ? (size_t)(colon - line.p) : 0};
    if (!is_token(name)) /* a folded line starts with a space, so this refuses it too */
        return &refusal_head_malformed;
    struct text value = trim((struct text){colon + 1, line.len - name.len - 1});
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return &refusal_head_malformed;
    if (value.len > HEAD_VALUE_MAX)
        return &refusal_head_too_large;
    for (size_t i = 0; i < SINGLES_N; i++)
        if (strlen(singles[i]) == name.len && strncasecmp(singles[i], name.p, name.len) == 0)
            return check_single(head, i, value);
    return NULL;
}

const struct refusal *
head_check(const char *p, size_t len)
{
    struct head head = {.p = p, .end = p + (len < HEAD_MAX ? len : HEAD_MAX)};
    struct text line;
    const struct refusal *refusal;

    if (len >= 2 && p[0] == '\r' &&
        p[1] == '\n') /* RFC 9112 2.2: one empty line before is let pass */
        head.p += 2;
    if (!next_line(&head, &line))
        return len > HEAD_MAX ? &refusal_head_too_large : &refusal_head_malformed;
    refusal = check_request_line(&head, line);
    while (!refusal) {
        if (!next_line(&head, &line))
            return head.end - p == HEAD_MAX ? &refusal_head_too_large : &refusal_head_malformed;
        if (line.len == 0)
            break;
        refusal = check_header(&head, line);
    }
    if (refusal)
        return refusal;
    if (!head.seen[HOST])
        return &refusal_host;
    return head.seen[CONTENT_LENGTH] && head.seen[TRANSFER_ENCODING] ? &refusal_length : NULL;
}
