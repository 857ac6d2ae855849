/* SPDX-License-Identifier: PostgreSQL */
/*
 * route.c - paths and what they match, as tables (H1).
 */
#include "gateway/route.h"
#include "common/tap.h"

#include <stdlib.h>

static void
splitting(void)
{
    static const struct {
        const char *target;
        int want;
        size_t segments_n;
        const char *last;
    } rows[] = {
        {"/a", 0, 1, "a"},
        {"/a/b?c=/d/../%00", 0, 2, "b"},
        {"/a/b/", 0, 2, "b"},
        {"/a/%41%2d%7E", 0, 2, "A-~"},
        {"/a/%c3%bc", 0, 2, "\xc3\xbc"},
        {"/a/...", 0, 2, "..."},
        {"/a/%2e%2e%2e", 0, 2, "..."},
        {"/a/b%20c", 0, 2, "b c"},
        {"/1/2/3/4/5/6/7/8/9/10/11/12", 0, 12, "12"},
        {"", SFT_EFORMAT, 0, ""},
        {"?", SFT_EFORMAT, 0, ""},
        {"*", SFT_EFORMAT, 0, ""},
        {"a/b", SFT_EFORMAT, 0, ""},
        {"http://x/a", SFT_EFORMAT, 0, ""},
        {"/a/.", SFT_EFORMAT, 0, ""},
        {"/a/../b", SFT_EFORMAT, 0, ""},
        {"/a/%2e/b", SFT_EFORMAT, 0, ""},
        {"/a/.%2E", SFT_EFORMAT, 0, ""},
        {"/a/%2f", SFT_EFORMAT, 0, ""},
        {"/a/%5C", SFT_EFORMAT, 0, ""},
        {"/a/%00", SFT_EFORMAT, 0, ""},
        {"/a/%1f", SFT_EFORMAT, 0, ""},
        {"/a/%7f", SFT_EFORMAT, 0, ""},
        {"/a/%", SFT_EFORMAT, 0, ""},
        {"/a/%4", SFT_EFORMAT, 0, ""},
        {"/a/%4/b", SFT_EFORMAT, 0, ""},
        {"/a/%4g", SFT_EFORMAT, 0, ""},
        {"/a/%+1", SFT_EFORMAT, 0, ""},
        {"/a/b\\c", SFT_EFORMAT, 0, ""},
        {"/a/b\x80", SFT_EFORMAT, 0, ""},
        {"/a/b#c", SFT_EFORMAT, 0, ""},
        {"/a?b#c", SFT_EFORMAT, 0, ""},
        {"/a?b\x80", SFT_EFORMAT, 0, ""},
        {"//%zz", SFT_EFORMAT, 0, ""},
        {"/", SFT_ENOTFOUND, 0, ""},
        {"//", SFT_ENOTFOUND, 0, ""},
        {"/a//b", SFT_ENOTFOUND, 0, ""},
        {"/a//", SFT_ENOTFOUND, 0, ""},
        {"/1/2/3/4/5/6/7/8/9/10/11/12/13", SFT_ENOTFOUND, 0, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* memory of exactly that length, so that reading past it is seen */
        size_t len = strlen(rows[i].target);
        char *exact = malloc(len ? len : 1);
        struct path path;
        memcpy(exact, rows[i].target, len);
        int got = path_split(&path, exact, len);
        is_int(got, rows[i].want, "path_split");
        if (got != rows[i].want)
            printf("# %s\n", rows[i].target);
        if (got == 0) {
            const struct segment *last = &path.segments[path.segments_n - 1];
            is_int(path.segments_n, rows[i].segments_n, "segments");
            ok(last->len == strlen(rows[i].last) && memcmp(last->p, rows[i].last, last->len) == 0,
               "the last one, decoded once");
        }
        free(exact);
    }
}

static void
limits(void)
{
    struct path path;
    char target[ROUTE_PATH_MAX + ROUTE_QUERY_MAX + 10];
    memset(target, 'x', sizeof(target));
    target[0] = '/';
    is_int(path_split(&path, target, ROUTE_PATH_MAX), 0, "the longest path");
    is_int(path_split(&path, target, ROUTE_PATH_MAX + 1), SFT_EFORMAT, "one byte more");
    target[10] = '?';
    is_int(path_split(&path, target, 11 + ROUTE_QUERY_MAX), 0, "the longest query");
    is_int(path_split(&path, target, 12 + ROUTE_QUERY_MAX), SFT_EFORMAT, "one byte more");
}

static const char *
match(const struct routes *routes, const char *method, const char *target, struct route_match *m)
{
    struct path path;
    if (path_split(&path, target, strlen(target)) ||
        route_match(routes, method, strlen(method), &path, m))
        return m->allow;
    m->params[m->params_len] = '\0';
    return m->route->key;
}

static void
matching(void)
{
    struct routes *routes = routes_new();
    struct route_match m;
    ok(!routes_add(routes, "GET", "/v1/{x}/state") &&
           !routes_add(routes, "GET", "/v1/server/state") &&
           !routes_add(routes, "POST", "/v1/{x}/state") &&
           !routes_add(routes, "GET", "/v1/{x}/{y}/z"),
       "routes");
    is_int(routes_add(routes, "get", "/a"), SFT_EFORMAT, "a method in lower case is no route");
    is_int(routes_add(routes, "", "/a"), SFT_EFORMAT, "nor is none");
    is_int(routes_add(routes, "GET", "a"), SFT_EFORMAT, "a path without a slash");
    is_int(routes_add(routes, "GET", "/a//b"), SFT_EFORMAT, "an empty segment");
    is_int(routes_add(routes, "GET", "/"), SFT_EFORMAT, "the root");
    is_int(routes->n, 4, "what is refused is not added");
    is_str(match(routes, "GET", "/v1/server/state", &m), "GET /v1/server/state", "literal wins");
    is_str(m.params, "", "no parameters");
    is_str(match(routes, "GET", "/v1/other/state", &m), "GET /v1/{x}/state", "a parameter");
    is_str(m.params, "other", "its value");
    is_str(match(routes, "POST", "/v1/server/state", &m), "POST /v1/{x}/state", "another method");
    is_str(match(routes, "GET", "/v1/a%20b/c/z", &m), "GET /v1/{x}/{y}/z", "two parameters");
    is_str(m.params, "a b/c", "joined");
    is_str(match(routes, "PUT", "/v1/a/state", &m), "GET, POST", "methods that would do");
    is_str(match(routes, "GE", "/v1/a/state", &m), "GET, POST", "half a method is none");
    is_str(match(routes, "GET", "/v1/a/stat", &m), "", "half a literal is none");
    is_str(match(routes, "GET", "/v2/a/state", &m), "", "unknown");
    routes_unref(routes_ref(routes));
    routes_unref(routes);
    routes_unref(NULL);
}

int
main(void)
{
    splitting();
    limits();
    matching();
    return done_testing();
}
