/* SPDX-License-Identifier: PostgreSQL */
/*
 * selector.c - "a=b,c!=d,e in (x,y),f notin (z),g,!h" over the members and labels of rows.
 */
#include <string.h>

#include "selector.h"

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/:@+"

/* The word at *at, ended in place once the character after it is known not to be needed. */
struct cursor {
    char *at;
};

static void
skip(struct cursor *c)
{
    c->at += strspn(c->at, " \t");
}

static bool
take(struct cursor *c, const char *sign)
{
    size_t len = strlen(sign);
    skip(c);
    if (strncmp(c->at, sign, len) != 0)
        return false;
    c->at += len;
    return true;
}

/* Copies the next word to out's place, which never runs ahead of what was read. */
static const char *
take_word(struct cursor *c, char **out)
{
    skip(c);
    size_t len = strspn(c->at, WORD);
    char *word = *out;
    memmove(word, c->at, len);
    c->at += len;
    word[len] = '\0';
    *out = word + len + 1;
    return len ? word : NULL;
}

static bool
read_values(struct cursor *c, char **out, struct selector *s, size_t i)
{
    if (!take(c, "("))
        return false;
    do {
        const char *value = take_word(c, out);
        if (!value || s->terms[i].values_n == SELECTOR_VALUES_MAX)
            return false;
        s->terms[i].values[s->terms[i].values_n++] = value;
    } while (take(c, ","));
    return take(c, ")");
}

static bool
read_term(struct cursor *c, char **out, struct selector *s, size_t i)
{
    s->terms[i].is_negative = take(c, "!");
    s->terms[i].key = take_word(c, out);
    if (!s->terms[i].key)
        return false;
    skip(c);
    if (s->terms[i].is_negative || *c->at == ',' || *c->at == '\0')
        return true;
    if (take(c, "notin")) {
        s->terms[i].is_negative = true;
        return read_values(c, out, s, i);
    }
    if (take(c, "in"))
        return read_values(c, out, s, i);
    s->terms[i].is_negative = take(c, "!=");
    if (!s->terms[i].is_negative && !take(c, "==") && !take(c, "="))
        return false;
    s->terms[i].values[0] = take_word(c, out);
    s->terms[i].values_n = 1;
    return s->terms[i].values[0] != NULL;
}

int
selector_read(struct selector *s, const char *text, struct failure *f)
{
    char copy[SELECTOR_TEXT_MAX / 2];
    struct cursor c = {copy};
    char *out = s->text;
    size_t len = strlen(text);
    memset(s, 0, sizeof *s);
    bool good = len > 0 && len < sizeof copy; /* each word grows by its NUL: half is enough */
    if (good)
        memcpy(copy, text, len + 1);
    while (good) {
        good = s->n < SELECTOR_TERMS_MAX && read_term(&c, &out, s, s->n);
        s->n++;
        if (!good || !take(&c, ","))
            break;
    }
    skip(&c);
    if (!good || *c.at)
        return fail(f, SFT_EXIT_USAGE, "For example: os_type=linux,project_name!=demo",
                    "-l %s: not a selector.", text);
    return 0;
}

static bool
value_fits(const struct selector_term *t, struct json_object *v)
{
    const char *value = v ? json_object_get_string(v) : NULL;
    bool fits = t->values_n == 0 && value;
    for (size_t j = 0; value && j < t->values_n; j++)
        fits = fits || strcmp(value, t->values[j]) == 0;
    return fits;
}

/* A label's name without its source (sftd., api., …) means that of any source, as on the platform.
 */
static bool
labels_fit(const struct selector_term *t, struct json_object *row)
{
    struct json_object *labels;
    if (!json_object_object_get_ex(row, "labels", &labels) ||
        !json_object_is_type(labels, json_type_object))
        return false;
    json_object_object_foreach(labels, name, v)
    {
        const char *bare = strchr(name, '.');
        if ((strcmp(name, t->key) == 0 || (bare && strcmp(bare + 1, t->key) == 0)) &&
            value_fits(t, v))
            return true;
    }
    return false;
}

bool
selector_fits(const struct selector *s, struct json_object *row)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct selector_term *t = &s->terms[i];
        struct json_object *own = json_object_object_get(row, t->key);
        if ((own ? value_fits(t, own) : labels_fit(t, row)) == t->is_negative)
            return false;
    }
    return true;
}

int
selector_apply(const struct selector *s, struct json_object **listp, struct failure *f)
{
    struct json_object *out = json_object_new_array();
    if (!out)
        return fail_err(f, SFT_ENOMEM, "selector");
    for (size_t i = 0; i < json_object_array_length(*listp); i++) {
        struct json_object *row = json_object_array_get_idx(*listp, i);
        if (selector_fits(s, row))
            json_object_array_add(out, json_object_get(row));
    }
    json_object_put(*listp);
    *listp = out;
    return 0;
}

int
selector_only(struct json_object **listp, const char *text, struct failure *f)
{
    struct selector s;
    if (!text)
        return 0;
    int code = selector_read(&s, text, f);
    return code ? code : selector_apply(&s, listp, f);
}
