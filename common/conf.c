/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf.c - "key = value" lines into places that a table names.
 *
 * A line is blank, a comment ("#" first) or one key and its value. White space around both is
 * dropped, nothing is quoted or continued. A key may be given once.
 */
#include "common/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEYS_MAX 64
#define TEXT_MAX_DEFAULT 4096

struct parser {
    const struct conf_key *keys;
    unsigned line;
    unsigned seen[KEYS_MAX]; /* the line on which the key was given, 0 for not yet */
    char *message;
    size_t cap;
};

struct slice {
    const char *p;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static int
fail(struct parser *ps, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(ps->message, ps->cap, "line %u: ", ps->line);
    va_start(ap, fmt);
    if (n > 0 && (size_t)n < ps->cap)
        vsnprintf(ps->message + n, ps->cap - (size_t)n, fmt, ap);
    va_end(ap);
    return SFT_EFORMAT;
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice
trim(const char *p, size_t len)
{
    while (len > 0 && is_space(*p))
        p++, len--;
    while (len > 0 && is_space(p[len - 1]))
        len--;
    return (struct slice){p, len};
}

static bool
is_word(struct slice s, const char *word)
{
    return strlen(word) == s.len && strncasecmp(s.p, word, s.len) == 0;
}

static int
set_bool(struct parser *ps, const struct conf_key *key, struct slice value)
{
    bool *where = key->where;
    if (is_word(value, "yes") || is_word(value, "true") || is_word(value, "on"))
        *where = true;
    else if (is_word(value, "no") || is_word(value, "false") || is_word(value, "off"))
        *where = false;
    else
        return fail(ps, "%s must be yes or no", key->name);
    return 0;
}

static int
set_int(struct parser *ps, const struct conf_key *key, struct slice value)
{
    char digits[24], *end;
    int64_t *where = key->where;
    if (value.len == 0 || value.len >= sizeof(digits) || !strchr("-0123456789", value.p[0]))
        return fail(ps, "%s must be a whole number", key->name);
    memcpy(digits, value.p, value.len);
    digits[value.len] = '\0';
    errno = 0;
    long long n = strtoll(digits, &end, 10);
    if (*end || end == digits)
        return fail(ps, "%s must be a whole number", key->name);
    if (errno || n < key->min || n > key->max)
        return fail(ps, "%s must be between %lld and %lld", key->name, (long long)key->min,
                    (long long)key->max);
    *where = n;
    return 0;
}

static int
set_text(struct parser *ps, const struct conf_key *key, struct slice value)
{
    char **where = key->where;
    size_t longest = key->max > 0 ? (size_t)key->max : TEXT_MAX_DEFAULT;
    if (value.len == 0)
        return fail(ps, "%s has no value", key->name);
    if (value.len > longest)
        return fail(ps, "%s is longer than %zu characters", key->name, longest);
    char *copy = strndup(value.p, value.len);
    if (!copy)
        return SFT_ENOMEM;
    free(*where);
    *where = copy;
    return 0;
}

static int
set_value(struct parser *ps, const struct conf_key *key, struct slice value)
{
    switch (key->type) {
    case CONF_BOOL:
        return set_bool(ps, key, value);
    case CONF_INT:
        return set_int(ps, key, value);
    case CONF_TEXT:
        return set_text(ps, key, value);
    }
    return SFT_EINTERNAL;
}

static int
parse_pair(struct parser *ps, struct slice name, struct slice value)
{
    for (size_t i = 0; i < KEYS_MAX && ps->keys[i].name; i++) {
        if (strlen(ps->keys[i].name) != name.len || memcmp(ps->keys[i].name, name.p, name.len) != 0)
            continue;
        if (ps->seen[i])
            return fail(ps, "%s was already given on line %u", ps->keys[i].name, ps->seen[i]);
        ps->seen[i] = ps->line;
        return set_value(ps, &ps->keys[i], value);
    }
    return fail(ps, "unknown key \"%.*s\"", name.len > 60 ? 60 : (int)name.len, name.p);
}

static int
check_bytes(struct parser *ps, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return fail(ps, "control character 0x%02x", (unsigned)(unsigned char)s.p[i]);
    return 0;
}

static int
parse_line(struct parser *ps, const char *p, size_t len)
{
    struct slice s = trim(p, len);
    if (s.len == 0 || s.p[0] == '#')
        return 0;
    int err = check_bytes(ps, s);
    if (err)
        return err;
    const char *equals = memchr(s.p, '=', s.len);
    if (!equals)
        return fail(ps, "expected \"key = value\"");
    size_t name_len = (size_t)(equals - s.p);
    return parse_pair(ps, trim(s.p, name_len), trim(equals + 1, s.len - name_len - 1));
}

int
conf_parse(const char *text, const struct conf_key *keys, char *message, size_t cap)
{
    struct parser ps = {.keys = keys, .message = message, .cap = cap};
    if (cap)
        message[0] = '\0';
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        ps.line++;
        int err = parse_line(&ps, p, len);
        if (err)
            return err;
        p += len + (p[len] == '\n');
    }
    return 0;
}
