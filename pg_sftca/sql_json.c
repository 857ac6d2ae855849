/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_json.c - SQL: json_strict, base64url_decode. What tokens are made of, without a second
 * reading.
 *
 * jsonb keeps the last of two fields of one name; other readers keep the first. A text that two
 * readers can read differently is none.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "common_text.h"
#include "tuple.h"
#include "varlena.h"

#define DEPTH_MAX 16
#define BYTES_MAX 65536
#define NUMBER_MAX 32

/* The names of the objects that are open, one list for each depth. */
struct names {
    int depth;
    bool is_strict, is_object;
    struct {
        int n, cap;
        char **items;
    } open[DEPTH_MAX];
};

#if PG_VERSION_NUM >= 160000
#define ACTION JsonParseErrorType
#define DONE return JSON_SUCCESS
#else
#define ACTION void
#define DONE return
#endif

static ACTION
on_open(void *state)
{
    struct names *names = state;
    names->open[names->depth++].n = 0;
    DONE;
}

static ACTION
on_object(void *state)
{
    struct names *names = state;
    if (names->depth == 0)
        names->is_object = true;
    (void)on_open(state);
    DONE;
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static ACTION
on_array_end(void *state)
{
    struct names *names = state;
    names->depth--;
    DONE;
}

static ACTION
on_object_end(void *state)
{
    struct names *names = state;
    int depth = --names->depth, n = names->open[depth].n;
    char **items = names->open[depth].items;
    if (n > 1)
        qsort(items, (size_t)n, sizeof *items, by_text);
    for (int i = 1; i < n; i++)
        if (strcmp(items[i - 1], items[i]) == 0)
            names->is_strict = false;
    DONE;
}

static ACTION
on_field(void *state, char *name, bool is_null)
{
    struct names *names = state;
    int depth = names->depth - 1;
    (void)is_null;
    if (names->open[depth].items == NULL) {
        names->open[depth].cap = 16;
        names->open[depth].items = palloc(16 * sizeof(char *));
    } else if (names->open[depth].n == names->open[depth].cap) {
        names->open[depth].cap *= 2;
        names->open[depth].items =
            repalloc(names->open[depth].items, (size_t)names->open[depth].cap * sizeof(char *));
    }
    names->open[depth].items[names->open[depth].n++] = name;
    DONE;
}

/* Numbers that would overflow somewhere: 32 characters, exponents of three digits. */
static ACTION
on_scalar(void *state, char *token, JsonTokenType type)
{
    struct names *names = state;
    if (type == JSON_TOKEN_NUMBER) {
        const char *e = strpbrk(token, "eE");
        if (strlen(token) > NUMBER_MAX || (e != NULL && strlen(e) > 5))
            names->is_strict = false;
    }
    DONE;
}

/* Before the parser recurses: whether brackets outside strings nest at most so deep. */
static bool
is_shallow(const char *s, size_t len)
{
    int depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < len; i++) {
        if (is_string && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            is_string = !is_string;
        else if (!is_string && (s[i] == '[' || s[i] == '{') && ++depth > DEPTH_MAX)
            return false;
        else if (!is_string && (s[i] == ']' || s[i] == '}'))
            depth--;
    }
    return true;
}

static bool
is_strict_object(char *s, size_t len)
{
    struct names names = {.is_strict = true};
    JsonSemAction actions = {.semstate = &names,
                             .object_start = on_object,
                             .object_end = on_object_end,
                             .array_start = on_open,
                             .array_end = on_array_end,
                             .object_field_start = on_field,
                             .scalar = on_scalar};
#if PG_VERSION_NUM >= 170000
    JsonLexContext *lex = makeJsonLexContextCstringLen(NULL, s, len, PG_UTF8, true);
#else
    JsonLexContext *lex = makeJsonLexContextCstringLen(s, (int)len, PG_UTF8, true);
#endif
    return pg_parse_json(lex, &actions) == JSON_SUCCESS && names.is_strict && names.is_object;
}

/* jsonb cannot hold it. */
static bool
has_escaped_nul(const char *s, size_t len)
{
    return memmem(s, len, "\\u0000", 6) != NULL;
}

PG_FUNCTION_INFO_V1(sftca_json_strict);

/* json_strict(bytes) -> jsonb, or NULL when it is not one object that everybody reads alike */
Datum
sftca_json_strict(PG_FUNCTION_ARGS)
{
    bytea *bytes = PG_GETARG_BYTEA_PP(0);
    size_t len = varlena_len(bytes);
    char *s = VARDATA_ANY(bytes);
    if (len == 0 || len > BYTES_MAX || !text_is_utf8(s, len) || has_escaped_nul(s, len) ||
        !is_shallow(s, len))
        PG_RETURN_NULL();
    s = pnstrdup(s, len);
    if (!is_strict_object(s, len))
        PG_RETURN_NULL();
    PG_RETURN_DATUM(
        DirectFunctionCall1(jsonb_in, CStringGetDatum(pg_any_to_server(s, (int)len, PG_UTF8))));
}

PG_FUNCTION_INFO_V1(sftca_base64url_decode);

Datum
sftca_base64url_decode(PG_FUNCTION_ARGS)
{
    text *t = PG_GETARG_TEXT_PP(0);
    size_t n = varlena_len(t), len = 0;
    bytea *out = palloc(VARHDRSZ + n + 1);
    if (b64url_decode((uint8_t *)VARDATA(out), n + 1, &len, VARDATA_ANY(t), n) != SFT_OK)
        PG_RETURN_NULL();
    SET_VARSIZE(out, VARHDRSZ + len);
    PG_RETURN_BYTEA_P(out);
}
