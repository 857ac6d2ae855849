/* SPDX-License-Identifier: PostgreSQL */
/*
 * notify.h - the connection that listens for changes, and reads the routes.
 *
 * Every notification gets a number. Whoever asked the database for news remembers the number at
 * that moment; notify_missed then tells whether something came in between (or might have).
 */
#ifndef SFT_GATEWAY_NOTIFY_H
#define SFT_GATEWAY_NOTIFY_H

#include "gateway/pgconn.h"
#include "gateway/route.h"

#define NOTIFY_REMEMBERED 4096

struct notify {
    struct pgconn pg;
    struct pgconn_config config;
    void (*on_topic)(struct notify *notify, const char *topic, size_t len);
    void (*on_fresh)(struct notify *notify); /* listening again: anything may have been missed */
    void (*on_routes)(struct notify *notify, struct routes *routes); /* takes over the reference */
    uint64_t seq; /* number of the latest notification */
    /* notify.c's own */
    enum { NOTIFY_LISTEN, NOTIFY_ROUTES, NOTIFY_STEADY } step;
    bool wants_routes;
    uint64_t floor; /* what was seen before this number may have missed something */
    uint64_t remembered[NOTIFY_REMEMBERED]; /* hashes of topics, by number */
    struct timer again;                     /* reads the routes once more after a failure */
};

void notify_open(struct notify *notify);
void notify_close(struct notify *notify);
uint64_t notify_hash(const char *topic, size_t len);
bool notify_missed(const struct notify *notify, uint64_t seen, const uint64_t *hashes, size_t n);

#endif
