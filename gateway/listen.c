/* SPDX-License-Identifier: PostgreSQL */
/*
 * listen.c - from "host:port" to a listening socket. All threads accept from the same ones; there
 * is no SO_REUSEPORT, so that a port in use is noticed.
 */
#include "gateway/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static bool
is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* A listening socket, or -1 with errno. */
static int
open_one(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (info->ai_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Cuts "[v6]:port" or "host:port" in place. */
static bool
cut_port(char *text, char **hostp, char **portp)
{
    char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return false;
    *colon = '\0';
    *portp = colon + 1;
    *hostp = text;
    size_t len = strlen(text);
    if (text[0] == '[' && len > 2 && text[len - 1] == ']') {
        text[len - 1] = '\0';
        (*hostp)++;
        return true;
    }
    return len > 0 && !strchr(text, ':');
}

static bool
open_infos(struct listen *sockets, const struct addrinfo *info, bool is_tls, const char **whyp)
{
    for (; info; info = info->ai_next) {
        if (sockets->n == LISTEN_MAX) {
            *whyp = "too many addresses";
            return false;
        }
        if (!is_tls && !is_loopback(info->ai_addr)) {
            *whyp = "without TLS only loopback addresses are allowed";
            return false;
        }
        int fd = open_one(info);
        if (fd < 0) {
            *whyp = strerror(errno);
            return false;
        }
        sockets->sockets[sockets->n].fd = fd;
        sockets->sockets[sockets->n++].is_tls = is_tls;
    }
    return true;
}

static bool
open_text(struct listen *sockets, const char *text, bool is_tls, char *message, size_t cap)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *infos = NULL;
    char copy[300], *host, *port;
    const char *why = "expected host:port";
    bool good = false;

    snprintf(copy, sizeof(copy), "%s", text);
    if (cut_port(copy, &host, &port)) {
        int err = getaddrinfo(host, port, &hints, &infos);
        if (err)
            why = gai_strerror(err);
        else
            good = open_infos(sockets, infos, is_tls, &why);
    }
    if (!good)
        snprintf(message, cap, "cannot listen on %s: %s", text, why);
    if (infos)
        freeaddrinfo(infos);
    return good;
}

bool
listen_open(struct listen *sockets, const char *list, bool is_tls, char *message, size_t cap)
{
    for (const char *p = list; *p;) {
        char text[260];
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ", \t");
        if (len == 0)
            continue;
        if (len >= sizeof(text)) {
            snprintf(message, cap, "an address to listen on is too long");
            return false;
        }
        memcpy(text, p, len);
        text[len] = '\0';
        if (!open_text(sockets, text, is_tls, message, cap))
            return false;
        p += len;
    }
    return true;
}

void
listen_close(struct listen *sockets)
{
    for (size_t i = 0; i < sockets->n; i++)
        close(sockets->sockets[i].fd);
    sockets->n = 0;
}
