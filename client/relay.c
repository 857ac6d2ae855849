/* SPDX-License-Identifier: PostgreSQL */
/*
 * relay.c - standard input and output to a TCP connection and back, until both sides are done.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

#define CHUNK 65536

/* One direction: what was read from `from` and not yet written to `to`. */
struct way {
    int from, to;
    size_t at, len;
    bool has_ended; /* nothing more comes */
    char bytes[CHUNK];
};

int
relay_connect(const char *address, int port, int *fdp, struct failure *f)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int fd = -1, on = 1, saved = 0;
    *fdp = -1;
    (void)snprintf(service, sizeof service, "%d", port);
    int gai = getaddrinfo(address, service, &hints, &list);
    if (gai)
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: %s.", address, gai_strerror(gai));
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            saved = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        return fail(f, SFT_EXIT_ERROR, NULL, "%s port %d: %s.", address, port, strerror(saved));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *fdp = fd;
    return 0;
}

/* Reads or writes once, as far as poll said; false when the way is broken. */
static bool
way_move(struct way *w, short readable, short writable)
{
    if (w->len == 0 && readable && !w->has_ended) {
        ssize_t n = read(w->from, w->bytes, CHUNK);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        w->has_ended = n == 0;
        w->at = 0;
        w->len = n > 0 ? (size_t)n : 0;
    } else if (w->len > 0 && writable) {
        ssize_t n = write(w->to, w->bytes + w->at, w->len);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        w->at += n > 0 ? (size_t)n : 0;
        w->len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static short
way_reads(const struct way *w)
{
    return w->len == 0 && !w->has_ended ? POLLIN : 0;
}

static short
way_writes(const struct way *w)
{
    return w->len > 0 ? POLLOUT : 0;
}

static void
poll_watch(struct pollfd *p, int fd, short events)
{
    p->fd = events ? fd : -1;
    p->events = events;
    p->revents = 0;
}

int
relay_run(int fd, struct failure *f)
{
    static struct way up, down;
    bool is_shut = false, is_broken = false;
    up = (struct way){.from = STDIN_FILENO, .to = fd};
    down = (struct way){.from = fd, .to = STDOUT_FILENO};
    (void)signal(SIGPIPE, SIG_IGN);
    while (!is_broken && !(down.has_ended && down.len == 0)) {
        struct pollfd p[4];
        poll_watch(&p[0], up.from, way_reads(&up));
        poll_watch(&p[1], up.to, way_writes(&up));
        poll_watch(&p[2], down.from, way_reads(&down));
        poll_watch(&p[3], down.to, way_writes(&down));
        if (poll(p, 4, -1) < 0 && errno != EINTR)
            break;
        is_broken = !way_move(&up, p[0].revents, p[1].revents) ||
                    !way_move(&down, p[2].revents, p[3].revents);
        if (up.has_ended && up.len == 0 && !is_shut) {
            is_shut = true;
            (void)shutdown(fd, SHUT_WR);
        }
    }
    int saved = errno;
    close(fd);
    errno = saved;
    /* A reader that has gone is how ssh ends a ProxyCommand. */
    return is_broken && errno != EPIPE ? fail_err(f, SFT_ESYSTEM, "connection") : 0;
}
