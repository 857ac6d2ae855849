/* SPDX-License-Identifier: PostgreSQL */
/*
 * show.c - what people and programs read on standard output: tables, descriptions, JSON.
 */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libsmartcols/libsmartcols.h>

#include "common/text.h"
#include "show.h"

#define COLUMNS_MAX 24
#define COLUMN_NAME_MAX 64
#define VALUE_MAX 2048

struct columns {
    size_t n;
    char names[COLUMNS_MAX][COLUMN_NAME_MAX];
};

/* The length of the UTF-8 character at s, 0 if it is not one; *code is what it stands for. */
static size_t
character(const char *s, unsigned *code)
{
    unsigned char c = (unsigned char)*s;
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (len == 0 || strnlen(s, len) < len || !text_is_utf8(s, len))
        return 0;
    *code = len == 1 ? c : c & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | ((unsigned char)s[i] & 0x3f);
    return len;
}

/* C0, DEL, C1; marks, embeddings and isolates that reorder text; line separators; tags. */
static bool
is_unsafe(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0xfeff ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || (code >= 0xe0000 && code <= 0xe007f);
}

void
show_clean(char *out, size_t cap, const char *s)
{
    size_t at = 0;
    while (*s && cap > 0) {
        unsigned code = 0;
        size_t len = character(s, &code);
        bool keep = len > 0 && !is_unsafe(code);
        if (at + (keep ? len : 1) >= cap)
            break;
        if (keep)
            memcpy(out + at, s, len);
        else
            out[at] = '?';
        at += keep ? len : 1;
        s += len ? len : 1;
    }
    if (cap > 0)
        out[at] = '\0';
}

int
show_form_read(const char *text, enum show_form *out, struct failure *f)
{
    *out = SHOW_TABLE;
    if (!text || strcmp(text, "default") == 0)
        return 0;
    if (strcmp(text, "json") == 0)
        *out = SHOW_JSON;
    else if (strcmp(text, "describe") == 0)
        *out = SHOW_DESCRIBE;
    else
        return fail(f, SFT_EXIT_USAGE, "Use default, json or describe.", "-o %s: unknown form.",
                    text);
    return 0;
}

static int
columns_read(const char *text, struct columns *out, struct failure *f)
{
    out->n = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= COLUMN_NAME_MAX || out->n == COLUMNS_MAX)
            return fail(f, SFT_EXIT_USAGE, NULL, "--columns %s: not a list of columns.", text);
        char *name = out->names[out->n++];
        for (size_t i = 0; i < len; i++)
            name[i] = (char)tolower((unsigned char)at[i]);
        name[len] = '\0';
        at += len;
        if (*at == ',' && *++at == '\0')
            return fail(f, SFT_EXIT_USAGE, NULL, "--columns %s: ends with a comma.", text);
    }
    return out->n ? 0 : fail(f, SFT_EXIT_USAGE, NULL, "--columns is empty.");
}

/* A member as people read it; objects and lists as short JSON. */
static void
value_text(struct json_object *row, const char *name, char out[VALUE_MAX])
{
    struct json_object *v = json_object_object_get(row, name);
    if (!v)
        out[0] = '\0';
    else if (json_object_is_type(v, json_type_string))
        show_clean(out, VALUE_MAX, json_object_get_string(v));
    else
        show_clean(out, VALUE_MAX,
                   json_object_to_json_string_ext(v, JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int
put_json(struct json_object *v, struct failure *f)
{
    const char *text =
        json_object_to_json_string_ext(v, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!text)
        return fail_err(f, SFT_ENOMEM, "json");
    (void)puts(text); /* main looks at the stream's error once, at the end */
    return 0;
}

static void
put_described(struct json_object *object)
{
    char value[VALUE_MAX], name[COLUMN_NAME_MAX];
    json_object_object_foreach(object, key, member)
    {
        (void)member;
        value_text(object, key, value);
        show_clean(name, sizeof name, key);
        printf("%-22s %s\n", name, value);
    }
}

static int
table_columns(struct libscols_table *table, const struct columns *columns)
{
    char title[COLUMN_NAME_MAX];
    for (size_t i = 0; i < columns->n; i++) {
        for (size_t j = 0; j < sizeof title; j++)
            title[j] = (char)toupper((unsigned char)columns->names[i][j]);
        if (!scols_table_new_column(table, title, 0, 0))
            return SFT_ENOMEM;
    }
    return 0;
}

static int
table_row(struct libscols_table *table, const struct columns *columns, struct json_object *row)
{
    char value[VALUE_MAX];
    struct libscols_line *line = scols_table_new_line(table, NULL);
    if (!line)
        return SFT_ENOMEM;
    for (size_t i = 0; i < columns->n; i++) {
        value_text(row, columns->names[i], value);
        if (scols_line_set_data(line, i, value) != 0)
            return SFT_ENOMEM;
    }
    return 0;
}

static int
put_table(const struct columns *columns, struct json_object *list)
{
    (void)setlocale(LC_CTYPE, ""); /* for the width of characters; late, since it costs */
    struct libscols_table *table = scols_new_table();
    int err = table ? table_columns(table, columns) : SFT_ENOMEM;
    size_t n = json_object_array_length(list);
    for (size_t i = 0; !err && i < n; i++)
        err = table_row(table, columns, json_object_array_get_idx(list, i));
    /* Piped output is never cut to a width. */
    if (!err && isatty(STDOUT_FILENO))
        (void)scols_table_enable_maxout(table, 0);
    if (!err && scols_print_table(table) != 0)
        err = SFT_ENOMEM;
    scols_unref_table(table);
    return err;
}

static struct json_object *
narrowed(struct json_object *row, const struct columns *columns)
{
    struct json_object *out = json_object_new_object();
    for (size_t i = 0; out && i < columns->n; i++) {
        struct json_object *v = json_object_object_get(row, columns->names[i]);
        json_object_object_add(out, columns->names[i], json_object_get(v));
    }
    return out;
}

static int
list_json(const struct show *show, const struct columns *columns, struct json_object *list,
          struct failure *f)
{
    if (!show->columns)
        return put_json(list, f);
    struct json_object *out = json_object_new_array();
    size_t n = json_object_array_length(list);
    for (size_t i = 0; out && i < n; i++)
        json_object_array_add(out, narrowed(json_object_array_get_idx(list, i), columns));
    int code = out ? put_json(out, f) : fail_err(f, SFT_ENOMEM, "json");
    json_object_put(out);
    return code;
}

static void
list_described(const struct show *show, const struct columns *columns, struct json_object *list)
{
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        struct json_object *some = show->columns ? narrowed(row, columns) : json_object_get(row);
        if (i)
            putchar('\n');
        put_described(some);
        json_object_put(some);
    }
}

int
show_list(const struct show *show, const char *defaults, struct json_object *list,
          struct failure *f)
{
    struct columns columns;
    int code = columns_read(show->columns ? show->columns : defaults, &columns, f);
    if (code)
        return code;
    if (show->form == SHOW_JSON)
        return list_json(show, &columns, list, f);
    if (show->form == SHOW_DESCRIBE) {
        list_described(show, &columns, list);
        return 0;
    }
    int err = json_object_array_length(list) ? put_table(&columns, list) : 0;
    return err ? fail_err(f, err, "table") : 0;
}

int
show_object(const struct show *show, struct json_object *object, struct failure *f)
{
    if (show->form == SHOW_JSON)
        return put_json(object, f);
    put_described(object);
    return 0;
}
