/* SPDX-License-Identifier: PostgreSQL */
/*
 * listen.h - the sockets that clients connect to.
 */
#ifndef SFT_GATEWAY_LISTEN_H
#define SFT_GATEWAY_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_MAX 16

struct listen {
    size_t n;
    struct {
        int fd;
        bool is_tls;
    } sockets[LISTEN_MAX];
};

/*
 * Binds every address of a list "host:port, [v6]:port". plain: only loopback addresses are let
 * through. false, and message says which one and why.
 */
bool listen_open(struct listen *sockets, const char *list, bool is_tls, char *message, size_t cap);
void listen_close(struct listen *sockets);

#endif
