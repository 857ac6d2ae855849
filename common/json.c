/* SPDX-License-Identifier: PostgreSQL */
/*
 * json.c - typed, bounded access to answers of the platform (json-c behind a strict scanner).
 *
 * json-c alone is too kind, even when strict: it takes single quotes, NaN, overlong UTF-8 and raw
 * control characters, reads the key "ttl\u0000x" as "ttl", and lets the last of two equal keys win.
 * So a small scanner walks the text first by the grammar of RFC 8259 and counts the members of
 * objects; json-c then builds the tree, and a tree with fewer members had a key twice.
 */
#include "common/json.h"

#include <string.h>

#include "common/text.h"

#define DEPTH_MAX 16

struct scan {
    const char *p, *end;
    size_t members; /* of all objects together */
    int depth;
};

static bool scan_value(struct scan *s);

static void
skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool
take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool
take_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return false;
    s->p += len;
    return true;
}

static size_t
take_digits(struct scan *s)
{
    const char *start = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - start);
}

static bool
scan_number(struct scan *s)
{
    take(s, '-');
    const char *start = s->p;
    size_t digits = take_digits(s);
    if (digits == 0 || (digits > 1 && *start == '0'))
        return false;
    if (take(s, '.') && take_digits(s) == 0)
        return false;
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        take(s, '-');
    return take_digits(s) > 0;
}

static bool
scan_hex4(struct scan *s, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int v = s->p < s->end ? hex_value(*s->p) : -1;
        if (v < 0)
            return false;
        *out = *out << 4 | (unsigned)v;
        s->p++;
    }
    return true;
}

/* After "\u": a character, or a pair of surrogates; never half a pair. */
static bool
scan_unicode(struct scan *s, bool *has_nul)
{
    unsigned c, low;
    if (!scan_hex4(s, &c))
        return false;
    if (c == 0)
        *has_nul = true;
    if (c < 0xd800 || c > 0xdfff)
        return true;
    return c < 0xdc00 && take_word(s, "\\u") && scan_hex4(s, &low) && low >= 0xdc00 &&
           low <= 0xdfff;
}

static bool
scan_string(struct scan *s, bool *has_nul)
{
    *has_nul = false;
    if (!take(s, '"'))
        return false;
    while (s->p < s->end) {
        unsigned char c = (unsigned char)*s->p++;
        if (c == '"')
            return true;
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (take(s, 'u')) {
            if (!scan_unicode(s, has_nul))
                return false;
        } else if (s->p == s->end || !*s->p || !strchr("\"\\/bfnrt", *s->p++)) {
            return false;
        }
    }
    return false;
}

static bool
scan_member(struct scan *s)
{
    bool has_nul;
    skip_space(s);
    if (!scan_string(s, &has_nul) || has_nul)
        return false;
    skip_space(s);
    s->members++;
    return take(s, ':') && scan_value(s);
}

/* The inside of an object or array, after its opening bracket. */
static bool
scan_list(struct scan *s, char close, bool (*element)(struct scan *))
{
    if (++s->depth > DEPTH_MAX)
        return false;
    skip_space(s);
    if (!take(s, close)) {
        do {
            if (!element(s))
                return false;
            skip_space(s);
        } while (take(s, ','));
        if (!take(s, close))
            return false;
    }
    s->depth--;
    return true;
}

static bool
scan_value(struct scan *s)
{
    bool has_nul;
    skip_space(s);
    if (s->p == s->end)
        return false;
    switch (*s->p) {
    case '{':
        s->p++;
        return scan_list(s, '}', scan_member);
    case '[':
        s->p++;
        return scan_list(s, ']', scan_value);
    case '"':
        return scan_string(s, &has_nul);
    case 't':
        return take_word(s, "true");
    case 'f':
        return take_word(s, "false");
    case 'n':
        return take_word(s, "null");
    default:
        return scan_number(s);
    }
}

static size_t
members_count(struct json_object *v)
{
    size_t n = 0;
    if (json_object_is_type(v, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(v); i++)
            n += members_count(json_object_array_get_idx(v, i));
    } else if (json_object_is_type(v, json_type_object)) {
        json_object_object_foreach(v, key, member)
        {
            (void)key;
            n += 1 + members_count(member);
        }
    }
    return n;
}

static int
parse(const char *text, size_t len, struct json_object **docp)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX + 1);
    if (!tok)
        return SFT_ENOMEM;
    /* The scanner was strict. json-c's own strictness refuses, since 0.18, numbers of any length.
     */
    json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
    *docp = json_tokener_parse_ex(tok, text, (int)len);
    int err = json_tokener_get_error(tok) == json_tokener_success ? 0 : SFT_EFORMAT;
    json_tokener_free(tok);
    if (err) {
        json_object_put(*docp);
        *docp = NULL;
    }
    return err;
}

int
json_read(const char *text, size_t len, struct json_object **docp)
{
    struct scan s = {text, text + len, 0, 0};
    *docp = NULL;
    if (len > INT32_MAX)
        return SFT_ETOOLONG;
    skip_space(&s);
    /* Answers are objects: anything else has no members to ask for. */
    if (s.p == s.end || *s.p != '{' || !text_is_utf8(text, len) || !scan_value(&s))
        return SFT_EFORMAT;
    skip_space(&s);
    if (s.p != s.end)
        return SFT_ETRAILING;
    int err = parse(text, len, docp);
    if (err)
        return err;
    if (members_count(*docp) == s.members)
        return 0;
    json_object_put(*docp);
    *docp = NULL;
    return SFT_EFORMAT;
}

static int
member(struct json_object *obj, const char *name, enum json_type type, struct json_object **out)
{
    *out = NULL;
    if (!json_object_is_type(obj, json_type_object))
        return SFT_EFORMAT;
    struct json_object *v = json_object_object_get(obj, name);
    if (!v)
        return SFT_ENOTFOUND;
    if (!json_object_is_type(v, type))
        return SFT_EFORMAT;
    *out = v;
    return 0;
}

int
json_str(struct json_object *obj, const char *name, size_t max, const char **out)
{
    struct json_object *v;
    *out = NULL;
    int err = member(obj, name, json_type_string, &v);
    if (err)
        return err;
    const char *s = json_object_get_string(v);
    size_t len = (size_t)json_object_get_string_len(v);
    if (len > max || strlen(s) != len)
        return SFT_EFORMAT;
    *out = s;
    return 0;
}

int
json_int(struct json_object *obj, const char *name, int64_t min, int64_t max, int64_t *out)
{
    struct json_object *v;
    *out = 0;
    int err = member(obj, name, json_type_int, &v);
    if (err)
        return err;
    /* json-c saturates; a number beyond its range must not pass as the range's end. */
    int64_t n = json_object_get_int64(v);
    if (n < min || n > max || n == INT64_MAX || n == INT64_MIN)
        return SFT_EFORMAT;
    *out = n;
    return 0;
}

int
json_flag(struct json_object *obj, const char *name, bool *out)
{
    struct json_object *v;
    *out = false;
    int err = member(obj, name, json_type_boolean, &v);
    if (!err)
        *out = json_object_get_boolean(v);
    return err;
}

int
json_arr(struct json_object *obj, const char *name, size_t max, struct json_object **out)
{
    int err = member(obj, name, json_type_array, out);
    if (!err && json_object_array_length(*out) > max) {
        *out = NULL;
        err = SFT_EFORMAT;
    }
    return err;
}

int
json_obj(struct json_object *obj, const char *name, struct json_object **out)
{
    return member(obj, name, json_type_object, out);
}

int
json_time(struct json_object *obj, const char *name, int64_t *out)
{
    const char *s;
    *out = 0;
    int err = json_str(obj, name, 64, &s);
    return err ? err : time_parse(s, out);
}
