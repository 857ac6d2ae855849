/* SPDX-License-Identifier: PostgreSQL */
/*
 * request.c - fuzzes what reads strangers' bytes before anybody has been asked: heads and paths
 * (H24).
 *
 * What is accepted must keep the promises that the rest relies on.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/head.h"
#include "gateway/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
promise(bool kept)
{
    if (!kept)
        abort();
}

static void
check_path(const char *p, size_t len, const struct routes *routes)
{
    struct path path;
    struct route_match match;
    if (path_split(&path, p, len))
        return;
    promise(path.segments_n >= 1 && path.segments_n <= ROUTE_SEGMENTS_MAX);
    for (size_t i = 0; i < path.segments_n; i++) {
        const struct segment *s = &path.segments[i];
        promise(s->len > 0 && !memchr(s->p, '/', s->len) && !memchr(s->p, '\0', s->len) &&
                !memchr(s->p, '\n', s->len));
        promise(!(s->len <= 2 && memcmp(s->p, "..", s->len) == 0));
    }
    if (route_match(routes, "GET", 3, &path, &match) == 0)
        promise(match.params_len < sizeof(match.params));
}

static void
check_head(const char *p, size_t len)
{
    if (head_check(p, len))
        return;
    const char *end = memmem(p, len, "\r\n\r\n", 4);
    promise(end != NULL && (size_t)(end - p) <= HEAD_MAX);
    promise(!memchr(p, '\0', (size_t)(end - p)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct routes *routes;
    if (!routes) {
        routes = routes_new();
        promise(!routes_add(routes, "GET", "/v1/{a}") &&
                !routes_add(routes, "GET", "/v1/{a}/{b}/c"));
    }
    check_path((const char *)data, size, routes);
    check_head((const char *)data, size);
    return 0;
}
