/* SPDX-License-Identifier: PostgreSQL */
/*
 * peer.c - counting and watching client connections.
 */
#include "gateway/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"

struct peer_address {
    uint8_t key[16];
    size_t n;
    struct peer_address *next;
};

static struct peer_address **
find_address(struct peers *peers, const uint8_t key[16])
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 16; i++)
        hash = (hash ^ key[i]) * 16777619u;
    struct peer_address **at = &peers->buckets[hash % PEER_BUCKETS];
    while (*at && memcmp((*at)->key, key, 16) != 0)
        at = &(*at)->next;
    return at;
}

/* The address as 16 bytes (IPv4 mapped) and as text. */
static void
read_address(h2o_socket_t *sock, uint8_t key[16], char text[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage storage = {0};
    memset(key, 0, 16);
    memcpy(text, "unknown", sizeof("unknown"));
    if (h2o_socket_getpeername(sock, (struct sockaddr *)&storage) == 0)
        return;
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &in->sin_addr, 4);
    } else if (storage.ss_family == AF_INET6) {
        memcpy(key, &((const struct sockaddr_in6 *)&storage)->sin6_addr, 16);
    }
    if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)key))
        inet_ntop(AF_INET, key + 12, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, key, text, INET6_ADDRSTRLEN);
}

static void
forget_address(struct peers *peers, struct peer_address *address)
{
    if (--address->n > 0)
        return;
    struct peer_address **at = find_address(peers, address->key);
    *at = address->next;
    free(address);
}

static struct peer_address *
count_address(struct peers *peers, const uint8_t key[16])
{
    struct peer_address **at = find_address(peers, key), *address = *at;
    if (!address) {
        address = calloc(1, sizeof(*address));
        if (!address)
            abort();
        memcpy(address->key, key, 16);
        *at = address;
    }
    address->n++;
    return address;
}

static void
on_close(void *arg)
{
    struct peer *peer = arg;
    timer_stop(peer->peers->timers, &peer->watchdog);
    forget_address(peer->peers, peer->from);
    peer->peers->n--;
    *peer->at = peer->next;
    if (peer->next)
        peer->next->at = peer->at;
    free(peer);
}

/* What is under libh2o's hands is only shut down: it then sees the end and closes it itself. */
static void
shut(struct peer *peer)
{
    shutdown(peer->fd, SHUT_RDWR);
}

static void
on_watchdog(struct timer *timer)
{
    struct peer *peer = CONTAINER_OF(timer, struct peer, watchdog);
    log_info("peer_too_slow", "peer=%s", peer->address);
    shut(peer);
}

static bool
is_too_many(struct peers *peers, const struct peer_address *from)
{
    uint64_t now = clock_ms();
    if (peers->n < peers->max && from->n <= peers->max_per_address)
        return false;
    if (now - peers->refused_logged_ms >= 1000) {
        log_warn("connections_refused", "open=%zu from_there=%zu", peers->n, from->n);
        peers->refused_logged_ms = now;
    }
    return true;
}

bool
peer_accept(struct peers *peers, h2o_socket_t *sock, bool is_tls)
{
    uint8_t key[16];
    struct peer *peer = calloc(1, sizeof(*peer));
    if (!peer)
        abort();
    read_address(sock, key, peer->address);
    peer->from = count_address(peers, key);
    if (is_too_many(peers, peer->from)) {
        forget_address(peers, peer->from);
        free(peer);
        h2o_socket_close(sock);
        return false;
    }
    peer->peers = peers;
    peer->fd = h2o_socket_get_fd(sock);
    peer->is_tls = is_tls;
    peer->watchdog.fire = on_watchdog;
    peer->next = peers->list;
    peer->at = &peers->list;
    if (peer->next)
        peer->next->at = &peer->next;
    peers->list = peer;
    peers->n++;
    sock->on_close.cb = on_close;
    sock->on_close.data = peer;
    peer_idle(peer);
    return true;
}

struct peer *
peer_of(h2o_req_t *req)
{
    return compat_socket(req)->on_close.data;
}

void
peer_busy(struct peer *peer)
{
    peer->is_busy = true;
    timer_stop(peer->peers->timers, &peer->watchdog);
}

void
peer_sending(struct peer *peer)
{
    timer_start(peer->peers->timers, &peer->watchdog, peer->peers->send_timeout_ms);
}

/* Handshake, reading and idling are libh2o's to bound; this is for what it writes by itself. */
void
peer_idle(struct peer *peer)
{
    struct peers *peers = peer->peers;
    peer->is_busy = false;
    timer_start(peers->timers, &peer->watchdog,
                2 * peers->read_timeout_ms + peers->send_timeout_ms);
}

void
peers_shut(struct peers *peers, bool busy_too)
{
    for (struct peer *peer = peers->list; peer; peer = peer->next)
        if (busy_too || !peer->is_busy)
            shut(peer);
}
