/* SPDX-License-Identifier: PostgreSQL */
/*
 * access.h - the access log: one JSON line per request.
 *
 * It holds the route, never the path, the query, a header or a body: names, tokens and ids of
 * people stay out of it. trace_id joins it to the database's audit.
 */
#ifndef SFT_GATEWAY_ACCESS_H
#define SFT_GATEWAY_ACCESS_H

#include <stdint.h>

#include "gateway/db.h"

struct access {
    int fd; /* -1: no log */
    size_t len;
    char lines[32768]; /* written when full and at the end of each turn of the loop */
};

struct access_record {
    const char *trace_id;
    struct bytes method; /* as sent; logged only when it is a known one */
    const char *route;   /* "/v1/teams/{team}/clients", NULL for none */
    int status;          /* 0: the client left before there was an answer */
    size_t bytes;
    uint64_t ms;
    const char *peer;
};

void access_add(struct access *access, const struct access_record *record);
void access_flush(struct access *access);

#endif
