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

static bool
is_allowed(const struct sshwrite_option *option, enum option_kind kind)
{
    if (kind == OPTION_EXTENSION)
        return option_is_extension(option->name, option->value);
    return option_is_critical(option->name, option->value, kind == OPTION_CRITICAL_SK);
}

static char *
string_of(const JsonbValue *v)
{
    if (v->type != jbvString || v->val.string.len > OPTION_VALUE_MAX)
        sftca_refuse(SFTCA_INVALID, "option_invalid",
                     "a certificate option's value must be a text of at most %d bytes",
                     OPTION_VALUE_MAX);
    return pnstrdup(v->val.string.val, (Size)v->val.string.len);
}

static void
add(struct option_list *list, char *name, char *value, enum option_kind kind)
{
    struct sshwrite_option option = {name, value};
    if (list->n == SSHCERT_OPTIONS_MAX)
        sftca_refuse(SFTCA_INVALID, "option_invalid", "more than %d certificate options",
                     SSHCERT_OPTIONS_MAX);
    if (!is_allowed(&option, kind))
        sftca_refuse(SFTCA_INVALID, "option_invalid",
                     "certificate option %d is unknown, not allowed here or has a bad value",
                     (int)list->n + 1);
    list->items[list->n++] = option;
}

void
option_list_read(struct option_list *list, Datum datum, enum option_kind kind)
{
    Jsonb *jsonb = DatumGetJsonbP(datum);
    JsonbValue v;
    JsonbIteratorToken token;
    char *name = NULL;

    list->n = 0;
    if (!JB_ROOT_IS_OBJECT(jsonb))
        sftca_refuse(SFTCA_INVALID, "option_invalid", "certificate options must be a JSON object");
    JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
    while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE) {
        if (token == WJB_KEY)
            name = string_of(&v);
        else if (token == WJB_VALUE)
            add(list, name, string_of(&v), kind);
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
