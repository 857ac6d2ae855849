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
#include <h2o/version.h>

#if H2O_VERSION_MAJOR > 2 || H2O_VERSION_MINOR > 2
#define COMPAT_IS_UPSTREAM 1
#else
#define COMPAT_IS_UPSTREAM 0
#endif

/* The socket under a request. */
static inline h2o_socket_t *
compat_socket(h2o_req_t *req)
{
#if COMPAT_IS_UPSTREAM
    /* no callback tells it any more; of HTTP/1 connections (there are no others) it is the next
     * member */
    const struct compat_http1_conn {
        h2o_conn_t super;
        h2o_socket_t *sock;
    } *conn = (const struct compat_http1_conn *)req->conn;
    return conn->sock;
#else
    return req->conn->callbacks->get_socket(req->conn);
#endif
}

/*
 * The connection's input, which starts with the request's raw head. NULL where the library has
 * dropped it already: upstream does before it reads a body.
 */
static inline const char *
compat_raw_head(h2o_req_t *req, size_t *len)
{
    h2o_socket_t *sock = compat_socket(req);
    *len = sock->input->size;
    return COMPAT_IS_UPSTREAM && req->entity.base ? NULL : sock->input->bytes;
}

static inline char *
compat_alloc(h2o_mem_pool_t *pool, size_t n)
{
#if COMPAT_IS_UPSTREAM
    return h2o_mem_alloc_pool(pool, char, n);
#else
    return h2o_mem_alloc_pool(pool, n);
#endif
}

static inline h2o_ostream_t *
compat_add_ostream(h2o_req_t *req, size_t n, h2o_ostream_t **slot)
{
#if COMPAT_IS_UPSTREAM
    return h2o_add_ostream(req, sizeof(void *), n, slot);
#else
    return h2o_add_ostream(req, n, slot);
#endif
}

/* Answers this request, then closes the connection. */
static inline void
compat_close_after(h2o_req_t *req)
{
    req->http1_is_persistent = 0;
}

static inline void
compat_config_limits(h2o_globalconf_t *config, size_t max_body, uint64_t read_timeout_ms)
{
    config->max_request_entity_size = max_body;
    config->handshake_timeout = read_timeout_ms;
    config->http1.req_timeout = read_timeout_ms;
#if COMPAT_IS_UPSTREAM
    config->http1.req_io_timeout = read_timeout_ms;
#endif
    config->http1.upgrade_to_http2 = 0;
}

#endif
