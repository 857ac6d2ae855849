/* SPDX-License-Identifier: PostgreSQL */
/*
 * notify.c - LISTEN first, then read: what changes after that is told.
 */
#include "gateway/notify.h"

#include <string.h>

#include "common/log.h"
#include "gateway/pgarray.h"

#define ROUTES_AGAIN_MS 1000

static const struct pgconn_statement listen_statement = {.sql = "LISTEN sft_changes"};
static const struct pgconn_statement routes_statement = {
    .sql = "SELECT method::text, path::text, max_body::int4, batch::bool, wait_s::int4"
           " FROM sft_api.route"};
static const Oid routes_columns[] = {PG_TEXT, PG_TEXT, PG_INT4, PG_BOOL, PG_INT4};
enum { R_METHOD, R_PATH, R_MAX_BODY, R_BATCH, R_WAIT, R_N };

/* FNV-1a: a collision only wakes somebody for nothing. */
uint64_t
notify_hash(const char *topic, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)topic[i]) * 0x100000001b3u;
    return hash;
}

bool
notify_missed(const struct notify *notify, uint64_t seen, const uint64_t *hashes, size_t n)
{
    if (seen < notify->floor || notify->seq - seen > NOTIFY_REMEMBERED)
        return true;
    for (uint64_t number = seen + 1; number <= notify->seq; number++)
        for (size_t i = 0; i < n; i++)
            if (notify->remembered[number % NOTIFY_REMEMBERED] == hashes[i])
                return true;
    return false;
}

static bool
add_route(struct routes *routes, const PGresult *rows, int row)
{
    for (int i = 0; i < R_N; i++)
        if (PQgetisnull(rows, row, i))
            return false;
    if (routes_add(routes, PQgetvalue(rows, row, R_METHOD), PQgetvalue(rows, row, R_PATH)))
        return false;
    struct route *route = &routes->list[routes->n - 1];
    int32_t wait_s = (int32_t)pg_u32(PQgetvalue(rows, row, R_WAIT));
    int32_t max_body = (int32_t)pg_u32(PQgetvalue(rows, row, R_MAX_BODY));
    route->max_body = max_body > 0 ? (size_t)max_body : 0;
    route->may_batch = PQgetvalue(rows, row, R_BATCH)[0] != 0;
    route->wait_ms = wait_s > 0 && wait_s <= 3600 ? (uint32_t)wait_s * 1000 : 0;
    return true;
}

/* NULL when the view is not what the contract says, or empty (a deploy under way). */
static struct routes *
read_routes(const PGresult *rows)
{
    if (!rows || PQnfields(rows) != R_N || PQntuples(rows) == 0)
        return NULL;
    for (int i = 0; i < R_N; i++)
        if (PQftype(rows, i) != routes_columns[i] || PQfformat(rows, i) != 1)
            return NULL;
    struct routes *routes = routes_new();
    for (int row = 0; row < PQntuples(rows); row++)
        if (!add_route(routes, rows, row))
            log_error("route_odd", "row=%d path=%s", row, log_q(PQgetvalue(rows, row, R_PATH)));
    return routes;
}

static void
ask_routes(struct notify *notify)
{
    if (notify->pg.state != PGCONN_IDLE || notify->step == NOTIFY_LISTEN)
        return;
    notify->wants_routes = false;
    notify->step = NOTIFY_ROUTES;
    (void)pgconn_send(&notify->pg, &routes_statement);
}

static void
on_again(struct timer *timer)
{
    ask_routes(CONTAINER_OF(timer, struct notify, again));
}

static void
take_routes(struct notify *notify, const struct pgconn_answer *answer)
{
    struct routes *routes = read_routes(answer->rows);
    notify->step = NOTIFY_STEADY;
    if (!routes) {
        notify->wants_routes = false;
        timer_start(notify->pg.timers, &notify->again, ROUTES_AGAIN_MS);
        return;
    }
    log_info("routes_read", "routes=%zu", routes->n);
    notify->on_routes(notify, routes);
}

static void
on_answer(struct pgconn *pg, const struct pgconn_answer *answer)
{
    struct notify *notify = CONTAINER_OF(pg, struct notify, pg);
    if (answer->is_lost)
        return; /* connects again, and starts over */
    if (notify->step == NOTIFY_ROUTES) {
        take_routes(notify, answer);
    } else if (answer->rows) {
        notify->step = NOTIFY_STEADY;
        notify->wants_routes = true;
        notify->floor = notify->seq + 1;
        notify->seq++;
        notify->on_fresh(notify);
    }
}

static void
on_idle(struct pgconn *pg)
{
    struct notify *notify = CONTAINER_OF(pg, struct notify, pg);
    if (notify->step == NOTIFY_LISTEN)
        (void)pgconn_send(pg, &listen_statement);
    else if (notify->wants_routes)
        ask_routes(notify);
}

static void
on_down(struct pgconn *pg)
{
    struct notify *notify = CONTAINER_OF(pg, struct notify, pg);
    notify->step = NOTIFY_LISTEN;
    timer_stop(pg->timers, &notify->again);
}

static void
on_notify(struct pgconn *pg, const char *payload)
{
    struct notify *notify = CONTAINER_OF(pg, struct notify, pg);
    size_t len = strlen(payload);
    notify->seq++;
    notify->remembered[notify->seq % NOTIFY_REMEMBERED] = notify_hash(payload, len);
    if (strcmp(payload, "route") == 0) {
        notify->wants_routes = true;
        ask_routes(notify);
    }
    notify->on_topic(notify, payload, len);
}

static const struct pgconn_events events = {on_idle, on_down, on_answer, on_notify};

void
notify_open(struct notify *notify)
{
    notify->pg.config = &notify->config;
    notify->pg.events = &events;
    notify->again.fire = on_again;
    notify->step = NOTIFY_LISTEN;
    notify->floor = notify->seq = 1;
    pgconn_open(&notify->pg);
}

void
notify_close(struct notify *notify)
{
    pgconn_close(&notify->pg);
    timer_stop(notify->pg.timers, &notify->again);
}
