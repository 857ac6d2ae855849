/* SPDX-License-Identifier: PostgreSQL */
/*
 * option_list.c - reads, checks and sorts certificate options.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/option.h"
#include "option_list.h"
#include "throw.h"

static int
by_name(const void *a, const void *b)
{
    const struct sshwrite_option *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* A name as it may stand in a message: of others' making until it has been checked. */
static const char *
shown(const char *name)
{
    static char text[40];
    size_t n = 0;
    for (; n < sizeof text - 1 && name[n] != '\0'; n++)
        text[n] = name[n] > ' ' && name[n] <= '~' && name[n] != '"' ? name[n] : '?';
    text[n] = '\0';
    return text;
}

static const char *
word_of(enum option_kind kind)
{
    return kind == OPTION_EXTENSION ? "extension" : "critical option";
}

static char *
string_of(const JsonbValue *v, const char *name, enum option_kind kind)
{
    if (v->type != jbvString)
        sftca_refuse(SFTCA_INVALID, "option_invalid", "%s \"%s\": its value is not a text",
                     word_of(kind), shown(name));
    if (v->val.string.len > OPTION_VALUE_MAX)
        sftca_refuse(SFTCA_INVALID, "option_invalid", "%s \"%s\": longer than %d bytes",
                     word_of(kind), shown(name), OPTION_VALUE_MAX);
    return pnstrdup(v->val.string.val, (Size)v->val.string.len);
}

static void
add(struct option_list *list, const char *name, const char *value, enum option_kind kind)
{
    if (list->n == SSHCERT_OPTIONS_MAX)
        sftca_refuse(SFTCA_INVALID, "option_invalid", "more than %d of one kind: %s \"%s\"",
                     SSHCERT_OPTIONS_MAX, word_of(kind), shown(name));
    const char *why = option_refusal(kind, name, value);
    if (why != NULL)
        sftca_refuse(SFTCA_INVALID, "option_invalid", "%s \"%s\": %s", word_of(kind), shown(name),
                     why);
    list->items[list->n++] = (struct sshwrite_option){name, value};
}

void
option_list_read(struct option_list *list, Datum datum, enum option_kind kind)
{
    Jsonb *jsonb = DatumGetJsonbP(datum);
    JsonbValue v;
    JsonbIteratorToken token;
    const char *name = ""; /* an object gives each key before its value */

    list->n = 0;
    if (!JB_ROOT_IS_OBJECT(jsonb))
        sftca_refuse(SFTCA_INVALID, "option_invalid", "%ss must be a JSON object", word_of(kind));
    JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
    while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE) {
        if (token == WJB_KEY)
            name = string_of(&v, "", kind);
        else if (token == WJB_VALUE)
            add(list, name, string_of(&v, name, kind), kind);
    }
    qsort(list->items, list->n, sizeof *list->items, by_name);
}

Datum
option_list_array(const struct option_list *list)
{
    Datum items[SSHCERT_OPTIONS_MAX];
    for (size_t i = 0; i < list->n; i++) {
        const struct sshwrite_option *o = &list->items[i];
        const char *text = o->value[0] ? psprintf("%s=%s", o->name, o->value) : o->name;
        items[i] = CStringGetTextDatum(text);
    }
    return PointerGetDatum(construct_array(items, (int)list->n, TEXTOID, -1, false, TYPALIGN_INT));
}
