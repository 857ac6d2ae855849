/* SPDX-License-Identifier: PostgreSQL */
/*
 * worker.c - the life of one event loop: accept, serve, reload, stop.
 */
#include "gateway/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"

#define ACCEPT_AT_ONCE 16

static uint64_t
ms(int64_t seconds)
{
    return (uint64_t)seconds * 1000;
}

static void
on_accept(h2o_socket_t *listener, const char *err)
{
    struct worker_socket *socket = listener->data;
    if (err)
        return;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (!sock)
            return;
        if (peer_accept(&socket->worker->peers, sock, socket->accept.ssl_ctx != NULL))
            h2o_accept(&socket->accept, sock);
    }
}

static void
open_sockets(struct worker *worker)
{
    for (size_t i = 0; i < worker->listen->n; i++) {
        struct worker_socket *socket = &worker->sockets[worker->sockets_n];
        int fd = fcntl(worker->listen->sockets[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0) {
            log_error("listen_failed", "reason=%s", log_q(strerror(errno)));
            continue;
        }
        socket->worker = worker;
        socket->accept.ctx = &worker->ctx;
        socket->accept.hosts = worker->config->hosts;
        if (worker->listen->sockets[i].is_tls)
            socket->accept.ssl_ctx = tls_current(worker->tls);
        socket->sock = h2o_evloop_socket_create(worker->loop, fd, H2O_SOCKET_FLAG_DONT_READ);
        socket->sock->data = socket;
        h2o_socket_read_start(socket->sock, on_accept);
        worker->sockets_n++;
    }
}

static void
close_sockets(struct worker *worker)
{
    for (size_t i = 0; i < worker->sockets_n; i++)
        h2o_socket_close(worker->sockets[i].sock);
    worker->sockets_n = 0;
}

static void
reload(struct worker *worker)
{
    for (size_t i = 0; i < worker->sockets_n; i++)
        if (worker->sockets[i].accept.ssl_ctx)
            worker->sockets[i].accept.ssl_ctx = tls_current(worker->tls);
}

static void
on_stop_deadline(struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, stop_deadline);
    log_warn("stop_overdue", "open=%zu", worker->peers.n);
    peers_shut(&worker->peers, true);
    worker->is_overdue = true;
}

/*
 * Parked requests get their 204, those under way end in peace, nobody new comes in. (Not by
 * h2o_context_request_shutdown: it knows nothing for HTTP/1, and leaves a timer that cannot be
 * disposed.)
 */
static void
stop(struct worker *worker)
{
    if (worker->is_stopping)
        return;
    worker->is_stopping = true;
    close_sockets(worker);
    waits_wake_all(&worker->waits);
    peers_shut(&worker->peers, false);
    worker->stop_deadline.fire = on_stop_deadline;
    timer_start(&worker->timers, &worker->stop_deadline, ms(worker->settings->stop_timeout_s));
}

static void
on_wake(h2o_socket_t *sock, const char *err)
{
    struct worker *worker = sock->data;
    uint64_t count;
    (void)err;
    while (read(worker->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        continue;
    if (atomic_exchange(&worker->must_reload, false))
        reload(worker);
    if (atomic_load(&worker->must_stop))
        stop(worker);
}

static void
on_topic(struct notify *notify, const char *topic, size_t len)
{
    waits_wake_topic(&CONTAINER_OF(notify, struct worker, notify)->waits, topic, len);
}

static void
on_fresh(struct notify *notify)
{
    waits_wake_all(&CONTAINER_OF(notify, struct worker, notify)->waits);
}

static void
on_routes(struct notify *notify, struct routes *routes)
{
    struct worker *worker = CONTAINER_OF(notify, struct worker, notify);
    routes_unref(worker->routes);
    worker->routes = routes;
    for (size_t i = 0; i < routes->n; i++)
        if (routes->list[i].max_body > (size_t)worker->settings->max_body)
            log_warn("route_body_capped", "route=%s", log_q(routes->list[i].key));
}

static void
open_database(struct worker *worker)
{
    const struct settings *s = worker->settings;
    struct pgconn_config config = {s->database, ms(s->connect_timeout_s),
                                   ms(s->statement_timeout_s)};
    worker->db = (struct db){.config = config,
                             .loop = worker->loop,
                             .timers = &worker->timers,
                             .conns_n = (size_t)s->connections,
                             .batch_conns_max = (size_t)s->batch_connections,
                             .queue_max = (size_t)s->queue,
                             .patience_ms = ms(s->queue_timeout_s),
                             .changes = &worker->notify.seq};
    if (s->listen_database)
        config.conninfo = s->listen_database;
    worker->notify.config = config;
    worker->notify.pg.loop = worker->loop;
    worker->notify.pg.timers = &worker->timers;
    worker->notify.on_topic = on_topic;
    worker->notify.on_fresh = on_fresh;
    worker->notify.on_routes = on_routes;
    notify_open(&worker->notify);
    db_open(&worker->db);
}

static void
open_all(struct worker *worker)
{
    const struct settings *s = worker->settings;
    size_t threads = (size_t)s->threads;

    worker->loop = h2o_evloop_create();
    h2o_context_init(&worker->ctx, worker->loop, worker->config);
    worker->peers.timers = &worker->timers;
    worker->peers.max = ((size_t)s->max_connections + threads - 1) / threads;
    worker->peers.max_per_address = ((size_t)s->connections_per_peer + threads - 1) / threads;
    worker->peers.read_timeout_ms = ms(s->read_timeout_s);
    worker->peers.send_timeout_ms = ms(s->send_timeout_s);
    worker->waits.timers = &worker->timers;
    worker->waits.notify = &worker->notify;
    worker->waits.max = worker->peers.max;
    waits_init(&worker->waits);
    worker->wake_sock =
        h2o_evloop_socket_create(worker->loop, worker->wake_fd, H2O_SOCKET_FLAG_DONT_READ);
    worker->wake_sock->data = worker;
    h2o_socket_read_start(worker->wake_sock, on_wake);
    open_database(worker);
    open_sockets(worker);
}

static bool
is_over(const struct worker *worker)
{
    return worker->is_stopping && (worker->peers.n == 0 || worker->is_overdue);
}

static void
close_all(struct worker *worker)
{
    db_close(&worker->db);
    notify_close(&worker->notify);
    h2o_socket_close(worker->wake_sock);
    if (worker->is_overdue)
        h2o_evloop_run(worker->loop, 0); /* lets libh2o see that their sockets are shut */
    access_flush(&worker->access);
    timer_stop(&worker->timers, &worker->stop_deadline);
    if (worker->peers.n == 0) {
        h2o_evloop_run(worker->loop, 0); /* frees what was closed */
        h2o_context_dispose(&worker->ctx);
        h2o_evloop_destroy(worker->loop);
        timers_free(&worker->timers);
    }
    routes_unref(worker->routes);
    worker->routes = NULL;
}

static void
tell_ready(struct worker *worker)
{
    bool is_ready = worker->routes && !worker->is_stopping && db_is_up(&worker->db);
    if (is_ready == worker->is_ready)
        return;
    worker->is_ready = is_ready;
    if (is_ready)
        atomic_fetch_add(worker->ready_n, 1);
    else
        atomic_fetch_sub(worker->ready_n, 1);
}

/*
 * One turn: libh2o's events, our deadlines, then the database, so that requests that arrived
 * together travel together. An answer given outside of libh2o's run leaves work for it: then it
 * must not sleep.
 */
static void *
run(void *arg)
{
    struct worker *worker = arg;
    open_all(worker);
    while (!is_over(worker)) {
        int32_t wait_ms = worker->has_answered ? 0 : timers_wait_ms(&worker->timers);
        if (h2o_evloop_run(worker->loop, wait_ms) != 0 && errno != EINTR)
            log_error("loop_failed", "reason=%s", log_q(strerror(errno)));
        worker->has_answered = false;
        timers_run(&worker->timers);
        db_dispatch(&worker->db);
        tell_ready(worker);
        access_flush(&worker->access);
    }
    close_all(worker);
    return NULL;
}

struct worker *
worker_new(void)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        abort();
    return worker;
}

bool
worker_start(struct worker *worker)
{
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return worker->wake_fd >= 0 && pthread_create(&worker->thread, NULL, run, worker) == 0;
}

static void
order(struct worker *worker, atomic_bool *what)
{
    const uint64_t one = 1;
    atomic_store(what, true);
    while (write(worker->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void
worker_order_stop(struct worker *worker)
{
    order(worker, &worker->must_stop);
}

void
worker_order_reload(struct worker *worker)
{
    order(worker, &worker->must_reload);
}

void
worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    free(worker);
}
