/* SPDX-License-Identifier: PostgreSQL */
/*
 * worker.h - one thread: an event loop with its own listener copies, clients and database
 * connections.
 *
 * Threads share nothing but what is read-only after the start, and the TLS context (tls.h).
 */
#ifndef SFT_GATEWAY_WORKER_H
#define SFT_GATEWAY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "gateway/access.h"
#include "gateway/db.h"
#include "gateway/listen.h"
#include "gateway/notify.h"
#include "gateway/peer.h"
#include "gateway/route.h"
#include "gateway/settings.h"
#include "gateway/tls.h"
#include "gateway/wait.h"

struct worker_socket {
    struct worker *worker;
    h2o_socket_t *sock;
    h2o_accept_ctx_t accept;
};

struct worker {
    const struct settings *settings;
    h2o_globalconf_t *config;
    struct tls *tls;
    const struct listen *listen;
    atomic_size_t *ready_n; /* how many workers could serve right now */
    /* the worker's own */
    pthread_t thread;
    h2o_loop_t *loop;
    h2o_context_t ctx;
    struct worker_socket sockets[LISTEN_MAX];
    size_t sockets_n;
    struct timers timers;
    struct peers peers;
    struct db db;
    struct notify notify;
    struct waits waits;
    struct access access;
    struct routes *routes; /* NULL until the database has told them */
    struct timer stop_deadline;
    bool is_ready, is_stopping, is_overdue;
    bool has_answered; /* since the loop last ran: it must not sleep on what libh2o has to do */
    int wake_fd;       /* an eventfd: look at the two orders */
    h2o_socket_t *wake_sock;
    atomic_bool must_stop, must_reload;
};

/* Zeroed; settings, config, tls, listen, ready_n and access.fd are the caller's to set. */
struct worker *worker_new(void);
bool worker_start(struct worker *worker);
void worker_order_stop(struct worker *worker);
void worker_order_reload(struct worker *worker);
/* Waits for the thread's end and frees the worker. */
void worker_join(struct worker *worker);

#endif
