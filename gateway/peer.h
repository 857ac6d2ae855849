/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer.h - the connections that clients hold: how many, from where, and how long they may dawdle.
 *
 * libh2o bounds handshakes and reading; it has no deadline for writing. Here every connection has a
 * watchdog while it is not waiting for us, which shuts the socket down; libh2o then closes it.
 */
#ifndef SFT_GATEWAY_PEER_H
#define SFT_GATEWAY_PEER_H

#include <netinet/in.h>
#include <stdbool.h>

#include "gateway/h2o_compat.h"
#include "gateway/timer.h"

#define PEER_BUCKETS 4096

struct peer {
    struct peers *peers;
    char address[INET6_ADDRSTRLEN]; /* without port; IPv4 as IPv4 */
    int fd;
    bool is_tls, is_busy;
    struct timer watchdog;
    struct peer_address *from;
    struct peer *next, **at;
};

struct peers {
    struct timers *timers;
    size_t n, max, max_per_address;
    uint64_t read_timeout_ms, send_timeout_ms;
    /* peer.c's own */
    struct peer *list;
    struct peer_address *buckets[PEER_BUCKETS];
    uint64_t refused_logged_ms;
};

/* Takes note of a connection just accepted; false: one too many, it has been closed. */
bool peer_accept(struct peers *peers, h2o_socket_t *sock, bool is_tls);
struct peer *peer_of(h2o_req_t *req);
/* A request has arrived; its answer is on its way out; it is over. */
void peer_busy(struct peer *peer);
void peer_sending(struct peer *peer);
void peer_idle(struct peer *peer);
/* Ends connections that are not busy, or all. */
void peers_shut(struct peers *peers, bool busy_too);

#endif
