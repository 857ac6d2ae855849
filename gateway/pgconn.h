/* SPDX-License-Identifier: PostgreSQL */
/*
 * pgconn.h - one connection to PostgreSQL on the event loop: connects, connects again, runs one
 * statement at a time, and never blocks (but for name resolution, which libpq does itself).
 *
 * Statements are unnamed (pgbouncer, deploys). A result is handed on only after ReadyForQuery:
 * until then the commit may still fail.
 */
#ifndef SFT_GATEWAY_PGCONN_H
#define SFT_GATEWAY_PGCONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/h2o_compat.h"
#include "gateway/timer.h"

enum pgconn_state { PGCONN_DOWN, PGCONN_CONNECTING, PGCONN_IDLE, PGCONN_BUSY };

struct pgconn;

struct pgconn_answer {
    const PGresult *rows; /* NULL unless the statement succeeded; valid during the callback */
    const char *sqlstate; /* of the error, or "" */
    bool is_lost;         /* the connection went away: done or not, nobody knows */
    bool was_warned;      /* a WARNING came: at commit that means "outcome unknown" */
};

struct pgconn_events {
    void (*on_idle)(
        struct pgconn *conn); /* just connected, or just done: may be given a statement */
    void (*on_down)(struct pgconn *conn); /* NULL is fine */
    void (*on_answer)(struct pgconn *conn, const struct pgconn_answer *answer);
    void (*on_notify)(struct pgconn *conn, const char *payload); /* NULL is fine */
};

struct pgconn_config {
    const char *conninfo;
    uint64_t connect_timeout_ms, statement_timeout_ms; /* 0: none set at the server */
};

struct pgconn {
    const struct pgconn_config *config;
    const struct pgconn_events *events;
    h2o_loop_t *loop;
    struct timers *timers;
    /* below: pgconn.c's own, but state may be read */
    enum pgconn_state state;
    PGconn *pg;
    h2o_socket_t *sock;
    struct timer
        timer; /* by state: reconnect, connect deadline, check when idle, statement deadline */
    unsigned failures;
    bool is_writing, is_checking, is_closing;
    PGresult *rows;
    bool has_failed, was_warned;
    char sqlstate[6];
};

struct pgconn_statement {
    const char *sql;
    int n;
    const Oid *types;
    const char *const *values; /* binary */
    const int *lengths;
};

void pgconn_open(struct pgconn *conn);
/* Only when state is PGCONN_IDLE. false: not sent, the connection is on its way down. */
bool pgconn_send(struct pgconn *conn, const struct pgconn_statement *statement);
/* After a surprise in the protocol's content: do not trust this connection again. */
void pgconn_drop(struct pgconn *conn);
void pgconn_close(struct pgconn *conn);

#endif
