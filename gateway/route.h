/* SPDX-License-Identifier: PostgreSQL */
/*
 * route.h - which call of the platform a method and path mean.
 *
 * Pure: no I/O; matching allocates nothing. The list comes from the view sft_api.route and is
 * shared by the requests that matched it, so it is counted: a reload leaves the old list to those
 * in flight.
 */
#ifndef SFT_GATEWAY_ROUTE_H
#define SFT_GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define ROUTE_SEGMENTS_MAX 12
#define ROUTE_PATH_MAX 1024 /* bytes of a request's raw path */
#define ROUTE_QUERY_MAX 4096

struct segment {
    const char *p;
    size_t len;
    bool is_param; /* of a route: {name} */
};

struct route {
    char *key; /* "POST /v1/teams/{team}/clients": what handle() is told */
    const char *path;
    size_t method_len;
    struct segment segments[ROUTE_SEGMENTS_MAX]; /* into key */
    size_t segments_n;
    size_t max_body;
    uint32_t wait_ms;
    bool may_batch;
};

struct routes {
    size_t refs;
    size_t n, cap;
    struct route *list;
};

/* A request's path, split and percent-decoded once. */
struct path {
    struct segment segments[ROUTE_SEGMENTS_MAX];
    size_t segments_n;
    char bytes[ROUTE_PATH_MAX];
};

struct route_match {
    const struct route *route; /* NULL when none takes this method */
    char allow[80];            /* the methods that would do, "" when the path itself is unknown */
    char params[ROUTE_PATH_MAX + ROUTE_SEGMENTS_MAX];
    size_t params_len; /* decoded values joined by "/" */
};

struct routes *routes_new(void); /* with one reference */
struct routes *routes_ref(struct routes *routes);
void routes_unref(struct routes *routes); /* takes NULL */
/* SFT_EFORMAT when path or method is not one that a request could match. */
SFT_CHECKED int routes_add(struct routes *routes, const char *method, const char *path);

/*
 * Splits a raw request target. SFT_EFORMAT: bad escape, encoded slash, NUL or control character,
 * dot segment, a byte that no URI has (400). SFT_ENOTFOUND: empty segment, too many segments (404).
 */
SFT_CHECKED int path_split(struct path *path, const char *target, size_t len);
/* SFT_ENOTFOUND with allow filled or empty. */
SFT_CHECKED int route_match(const struct routes *routes, const char *method, size_t method_len,
                            const struct path *path, struct route_match *match);

#endif
