/* SPDX-License-Identifier: PostgreSQL */
/*
 * route.c - splitting paths and matching them, segment by segment.
 *
 * libh2o's own normalised path is not used: it decodes %2f and serves what it cannot read as "/".
 */
#include "gateway/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define METHOD_MAX 10

struct routes *
routes_new(void)
{
    struct routes *routes = calloc(1, sizeof(*routes));
    if (!routes)
        abort();
    routes->refs = 1;
    return routes;
}

struct routes *
routes_ref(struct routes *routes)
{
    routes->refs++;
    return routes;
}

void
routes_unref(struct routes *routes)
{
    if (!routes || --routes->refs > 0)
        return;
    for (size_t i = 0; i < routes->n; i++)
        free(routes->list[i].key);
    free(routes->list);
    free(routes);
}

static bool
is_method(const char *s)
{
    size_t len = strlen(s);
    return len >= 1 && len <= METHOD_MAX && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

/* Cuts "/a/{b}/c" at its slashes. */
static int
cut_segments(struct route *route)
{
    const char *p = route->path;
    while (*p == '/') {
        size_t len = strcspn(++p, "/");
        if (len == 0 || route->segments_n == ROUTE_SEGMENTS_MAX)
            return SFT_EFORMAT;
        bool is_param = p[0] == '{' && p[len - 1] == '}';
        route->segments[route->segments_n++] = (struct segment){p, len, is_param};
        p += len;
    }
    return *p || route->segments_n == 0 ? SFT_EFORMAT : 0;
}

static struct route *
next_route(struct routes *routes)
{
    if (routes->n == routes->cap) {
        routes->cap = routes->cap ? routes->cap * 2 : 32;
        routes->list = realloc(routes->list, routes->cap * sizeof(routes->list[0]));
        if (!routes->list)
            abort();
    }
    return &routes->list[routes->n];
}

int
routes_add(struct routes *routes, const char *method, const char *path)
{
    if (!is_method(method) || strlen(path) > ROUTE_PATH_MAX)
        return SFT_EFORMAT;
    struct route *route = next_route(routes);
    *route = (struct route){.method_len = strlen(method)};
    if (asprintf(&route->key, "%s %s", method, path) < 0)
        abort();
    route->path = route->key + route->method_len + 1;
    int err = cut_segments(route);
    if (err)
        free(route->key);
    else
        routes->n++;
    return err;
}

/* RFC 3986 pchar without "%". */
static bool
is_pchar(char c)
{
    return c && (isalnum((unsigned char)c) || strchr("-._~!$&'()*+,;=:@", c)) &&
           (unsigned char)c < 0x80;
}

/* Decodes one segment to out, which has room for len bytes. */
static int
decode_segment(const char *p, size_t len, char *out, size_t *outlenp)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = p[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_value(p[i + 1]) : -1;
            int low = i + 2 < len ? hex_value(p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SFT_EFORMAT;
            c = (char)(high << 4 | low);
            if ((unsigned char)c < 0x20 || c == 0x7f || c == '/' || c == '\\')
                return SFT_EFORMAT;
            i += 2;
        } else if (!is_pchar(c)) {
            return SFT_EFORMAT;
        }
        out[n++] = c;
    }
    *outlenp = n;
    return (n == 1 && out[0] == '.') || (n == 2 && memcmp(out, "..", 2) == 0) ? SFT_EFORMAT : 0;
}

/* The query is handed on raw; it may hold what RFC 3986 allows there. */
static int
check_query(const char *p, size_t len)
{
    if (len > ROUTE_QUERY_MAX)
        return SFT_EFORMAT;
    for (size_t i = 0; i < len; i++)
        if (p[i] <= 0x20 || p[i] >= 0x7f || strchr("\"<>\\^`{|}#", p[i]))
            return SFT_EFORMAT;
    return 0;
}

static int
split_raw(struct path *path, const char *p, size_t len)
{
    size_t used = 0;
    int worst = 0;
    for (size_t at = 1; at <= len;) {
        const char *slash = memchr(p + at, '/', len - at);
        size_t n = slash ? (size_t)(slash - p) - at : len - at, decoded;
        int err = decode_segment(p + at, n, path->bytes + used, &decoded);
        if (err)
            return err;
        if (n == 0 || path->segments_n == ROUTE_SEGMENTS_MAX) {
            worst = SFT_ENOTFOUND; /* keep looking for what is malformed */
        } else {
            path->segments[path->segments_n++] =
                (struct segment){path->bytes + used, decoded, false};
            used += decoded;
        }
        at += n + 1;
    }
    return worst;
}

int
path_split(struct path *path, const char *target, size_t len)
{
    const char *query = memchr(target, '?', len);
    size_t path_len = query ? (size_t)(query - target) : len;
    path->segments_n = 0;
    if (path_len == 0 || target[0] != '/' || path_len > ROUTE_PATH_MAX)
        return SFT_EFORMAT;
    if (query && check_query(query + 1, len - path_len - 1))
        return SFT_EFORMAT;
    if (path_len == 1)
        return SFT_ENOTFOUND;
    if (target[path_len - 1] == '/') /* real clients ask for ".../servers/" */
        path_len--;
    return split_raw(path, target, path_len);
}

/* How many segments match literally, or -1. */
static int
literals(const struct route *route, const struct path *path)
{
    int n = 0;
    if (route->segments_n != path->segments_n)
        return -1;
    for (size_t i = 0; i < route->segments_n; i++) {
        const struct segment *want = &route->segments[i], *got = &path->segments[i];
        if (want->is_param)
            continue;
        if (want->len != got->len || memcmp(want->p, got->p, got->len) != 0)
            return -1;
        n++;
    }
    return n;
}

static void
allow_add(struct route_match *match, const struct route *route)
{
    char method[METHOD_MAX + 1];
    size_t len = strlen(match->allow);
    snprintf(method, sizeof(method), "%.*s", (int)route->method_len, route->key);
    if (!strstr(match->allow, method))
        snprintf(match->allow + len, sizeof(match->allow) - len, "%s%s", len ? ", " : "", method);
}

static void
join_params(struct route_match *match, const struct path *path)
{
    bool first = true;
    for (size_t i = 0; i < path->segments_n; i++) {
        if (!match->route->segments[i].is_param)
            continue;
        if (!first)
            match->params[match->params_len++] = '/';
        first = false;
        memcpy(match->params + match->params_len, path->segments[i].p, path->segments[i].len);
        match->params_len += path->segments[i].len;
    }
}

int
route_match(const struct routes *routes, const char *method, size_t method_len,
            const struct path *path, struct route_match *match)
{
    int best = -1;
    match->route = NULL;
    match->allow[0] = '\0';
    match->params_len = 0;
    for (size_t i = 0; i < routes->n; i++) {
        const struct route *route = &routes->list[i];
        int n = literals(route, path);
        if (n < 0)
            continue;
        allow_add(match, route);
        if (n > best && route->method_len == method_len &&
            memcmp(route->key, method, method_len) == 0) {
            best = n;
            match->route = route;
        }
    }
    if (!match->route)
        return SFT_ENOTFOUND;
    join_params(match, path);
    return 0;
}
