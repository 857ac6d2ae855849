/* SPDX-License-Identifier: PostgreSQL */
/*
 * json.c - the strict reader takes RFC 8259 and nothing else; the getters check type and bound.
 */
#include "common/json.h"

#include <stdlib.h>

#include "common/tap.h"

static const char *const taken[] = {
    "{}",
    " \t\r\n{ \"a\" : [ ] } \n",
    "{\"a\":1,\"b\":-0,\"c\":0.5e-3,\"d\":1E+2}",
    "{\"a\":\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
    "{\"a\":\"\xc3\xa4\xf0\x9f\x98\x80\"}",
    "{\"a\":{\"a\":{\"a\":null}},\"b\":[true,false,null]}",
    "{\"a\":\"nul \\u0000 in a value\"}",
    "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", /* 16 deep */
};

static const char *const refused[] = {
    "",
    " ",
    "[]",
    "1",
    "\"a\"",
    "null",
    "{",
    "}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":[1,]}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":'b'}",
    "{\"a\":NaN}",
    "{\"a\":Infinity}",
    "{\"a\":-Infinity}",
    "{\"a\":nul}",
    "{\"a\":True}",
    "{\"a\":01}",
    "{\"a\":-01}",
    "{\"a\":+1}",
    "{\"a\":.5}",
    "{\"a\":5.}",
    "{\"a\":5e}",
    "{\"a\":0x10}",
    "{\"a\":\"\\x41\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}",
    "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"b\nc\"}",
    "{\"a\":\"b\tc\"}",
    "{\"a\":\"\xc0\xaf\"}",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\xed\xa0\x80\"}",
    "{\"a\":\"b}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"b\":{\"a\":1,\"a\":2}}",
    "{\"b\":[{\"a\":1,\"a\":2}]}",
    "{\"a\\u0000b\":1}",
    "{\"a\":1}/* */",
    "{\"a\":/**/1}",
    "{\"a\":1}{\"b\":2}",
    "{\"a\":1}x",
    "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", /* 17 deep */
};

static void
grammar(void)
{
    struct json_object *doc;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        char what[80];
        snprintf(what, sizeof what, "taken: row %zu", i);
        is_int(json_read(taken[i], strlen(taken[i]), &doc), 0, what);
        json_object_put(doc);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char what[80];
        snprintf(what, sizeof what, "refused: row %zu", i);
        ok(json_read(refused[i], strlen(refused[i]), &doc) != 0 && doc == NULL, what);
    }
    is_int(json_read("{}\0{}", 5, &doc), SFT_EFORMAT, "refused: a NUL and more");
    is_int(json_read("{} {}", 5, &doc), SFT_ETRAILING, "refused: a second document, by name");
}

static void
getters(void)
{
    static const char text[] =
        "{\"s\":\"four\",\"n\":\"a\\u0000b\",\"i\":42,\"d\":1.5,\"big\":9223372036854775807,"
        "\"huge\":18446744073709551616,\"b\":true,\"z\":null,\"a\":[1,2,3],\"o\":{\"x\":1},"
        "\"t\":\"2026-11-23T14:00:00Z\",\"bad\":\"2026-11-23\"}";
    struct json_object *doc, *v;
    const char *s;
    int64_t n;
    bool b;
    is_int(json_read(text, strlen(text), &doc), 0, "a document");
    is_int(json_str(doc, "s", 4, &s), 0, "a text at its bound");
    is_str(s, "four", "is it");
    is_int(json_str(doc, "s", 3, &s), SFT_EFORMAT, "beyond its bound");
    ok(s == NULL, "gives nothing");
    is_int(json_str(doc, "n", 9, &s), SFT_EFORMAT, "a text with a NUL");
    is_int(json_str(doc, "z", 9, &s), SFT_ENOTFOUND, "null is absent");
    is_int(json_str(doc, "nothing", 9, &s), SFT_ENOTFOUND, "absent");
    is_int(json_str(doc, "i", 9, &s), SFT_EFORMAT, "a number is no text");
    is_int(json_int(doc, "i", 42, 42, &n), 0, "a number");
    is_int(n, 42, "is it");
    is_int(json_int(doc, "i", 43, 99, &n), SFT_EFORMAT, "below its bound");
    is_int(json_int(doc, "i", 0, 41, &n), SFT_EFORMAT, "above it");
    is_int(json_int(doc, "d", 0, 9, &n), SFT_EFORMAT, "a fraction");
    is_int(json_int(doc, "s", 0, 9, &n), SFT_EFORMAT, "a text is no number");
    is_int(json_int(doc, "big", 0, INT64_MAX, &n), SFT_EFORMAT, "a number at the end of its range");
    is_int(json_int(doc, "huge", 0, INT64_MAX, &n), SFT_EFORMAT, "and one beyond");
    is_int(json_flag(doc, "b", &b), 0, "true");
    ok(b, "is it");
    is_int(json_flag(doc, "i", &b), SFT_EFORMAT, "a number is not true");
    is_int(json_arr(doc, "a", 3, &v), 0, "a list");
    is_int(json_arr(doc, "a", 2, &v), SFT_EFORMAT, "too long a list");
    is_int(json_obj(doc, "o", &v), 0, "an object");
    is_int(json_obj(doc, "a", &v), SFT_EFORMAT, "a list is no object");
    is_int(json_obj(v, "a", &v), SFT_EFORMAT, "nothing has no members");
    is_int(json_time(doc, "t", &n), 0, "a time");
    is_int(n, 1795442400, "is it");
    ok(json_time(doc, "bad", &n) != 0, "a date is no time");
    json_object_put(doc);
}

static void
random_bytes(void)
{
    static const char alphabet[] = "{}[]\":,\\u0019eE.-+ntfa \n\x80\xc3";
    unsigned seed = 7;
    struct json_object *doc;
    size_t good = 0;
    for (int i = 0; i < 300000; i++) {
        char *text = malloc(24);
        size_t len = (size_t)rand_r(&seed) % 24;
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        if (len > 2) {
            text[0] = '{';
            text[len - 1] = '}';
        }
        if (json_read(text, len, &doc) == 0) {
            good++;
            json_object_put(doc);
        }
        free(text);
    }
    ok(good > 0, "random bytes do no harm");
}

int
main(void)
{
    grammar();
    getters();
    random_bytes();
    return done_testing();
}
