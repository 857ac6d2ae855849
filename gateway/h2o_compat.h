/* SPDX-License-Identifier: PostgreSQL */
/*
 * h2o_compat.h - the one door to libh2o: event loop variant, and what differs between releases.
 *
 * Debian 12 ships 2.2.5; `make H2O_PREFIX=/opt/h2o` takes another build (upstream's newer timer API
 * is no matter here: timer.c keeps our own deadlines and only asks the loop to sleep no longer).
 * The headers default to libuv's struct layout, so the variant must be named before they are read.
 */
#ifndef SFT_GATEWAY_H2O_COMPAT_H
#define SFT_GATEWAY_H2O_COMPAT_H

#ifndef H2O_USE_EPOLL
#define H2O_USE_EPOLL 1
#endif
#ifndef H2O_USE_LIBUV
#define H2O_USE_LIBUV 0
#endif
#include <h2o.h>
#include <h2o/http1.h>

/* The socket under a request. HTTP/1 keeps the request's raw head at the start of its input. */
static inline h2o_socket_t *
compat_socket(h2o_req_t *req)
{
    return req->conn->callbacks->get_socket(req->conn);
}

/* Answers this request, then closes the connection. */
static inline void
compat_close_after(h2o_req_t *req)
{
    req->http1_is_persistent = 0;
}

#if defined(H2O_VERSION_MAJOR) && (H2O_VERSION_MAJOR > 2 || H2O_VERSION_MINOR > 2)
#define COMPAT_HAS_H2O_TIMER 1
#endif

static inline void
compat_config_limits(h2o_globalconf_t *config, size_t max_body, uint64_t read_timeout_ms)
{
    config->max_request_entity_size = max_body;
    config->handshake_timeout = read_timeout_ms;
    config->http1.req_timeout = read_timeout_ms;
#ifdef COMPAT_HAS_H2O_TIMER
    config->http1.req_io_timeout = read_timeout_ms;
#endif
    config->http1.upgrade_to_http2 = 0;
}

#endif
