/* SPDX-License-Identifier: PostgreSQL */
/*
 * pgconn.c - libpq without blocking calls, driven by libh2o's loop.
 *
 * The loop gets a dup() of libpq's descriptor, because h2o_socket_close() closes what it was given;
 * it is told not to read (DONT_READ), or it would take libpq's bytes. While connecting, libpq may
 * change its socket at every step (several hosts, TLS), so the loop's copy is made anew each time.
 */
#include "gateway/pgconn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 5000
#define CHECK_AFTER_MS 15000 /* an idle connection is asked whether it still lives */
#define CHECK_TIMEOUT_MS 5000
#define GRACE_MS 5000 /* beyond statement_timeout, for the cancellation to arrive */
#define PARAMS_MAX 16

static void flush(struct pgconn *conn);
static void poll_connect(struct pgconn *conn);

/* One line, without libpq's line ends. Error texts hold no parameters (log_parameter_max_length).
 */
static void
log_failure(const char *event, const char *sqlstate, const char *message)
{
    char line[400];
    snprintf(line, sizeof(line), "%s", message ? message : "");
    line[strcspn(line, "\n")] = '\0';
    log_warn(event, "sqlstate=%s reason=%s", *sqlstate ? sqlstate : "none", log_q(line));
}

static void
unwatch(struct pgconn *conn)
{
    if (conn->sock)
        h2o_socket_close(conn->sock);
    conn->sock = NULL;
    conn->is_writing = false;
}

/* false when no descriptor is to be had. */
static bool
watch(struct pgconn *conn)
{
    unwatch(conn);
    int fd = fcntl(PQsocket(conn->pg), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return false;
    conn->sock = h2o_evloop_socket_create(conn->loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    conn->sock->data = conn;
    return true;
}

static uint64_t
retry_delay_ms(unsigned failures)
{
    uint32_t jitter = 0;
    uint64_t delay = RETRY_FIRST_MS << (failures < 6 ? failures : 6);
    if (delay > RETRY_LAST_MS)
        delay = RETRY_LAST_MS;
    if (getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK) < 0)
        jitter = (uint32_t)clock_ms();
    return delay / 2 + jitter % (delay / 2 + 1);
}

static void
discard_result(struct pgconn *conn)
{
    PQclear(conn->rows);
    conn->rows = NULL;
    conn->has_failed = conn->was_warned = conn->is_checking = false;
    conn->sqlstate[0] = '\0';
}

/* While the server is away every connection tries again and again: one line in a minute or so each.
 */
static bool
is_worth_a_line(const struct pgconn *conn)
{
    if (conn->is_closing)
        return false;
    return conn->state != PGCONN_CONNECTING || conn->failures % 16 == 0;
}

/* The connection is gone: says so to whoever waits for an answer, and comes back later. */
static void
go_down(struct pgconn *conn, const char *reason)
{
    enum pgconn_state was = conn->state;
    bool had_statement = was == PGCONN_BUSY && !conn->is_checking;
    char sqlstate[6];

    memcpy(sqlstate, conn->sqlstate, sizeof(sqlstate));
    if (is_worth_a_line(conn))
        log_failure(was == PGCONN_CONNECTING ? "database_unreachable" : "database_lost", sqlstate,
                    reason);
    unwatch(conn);
    discard_result(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->state = PGCONN_DOWN;
    timer_start(conn->timers, &conn->timer, retry_delay_ms(conn->failures++));
    if (had_statement) {
        struct pgconn_answer answer = {.sqlstate = sqlstate, .is_lost = true};
        conn->events->on_answer(conn, &answer);
    }
    if (conn->events->on_down && (was == PGCONN_IDLE || was == PGCONN_BUSY))
        conn->events->on_down(conn);
}

static void
go_idle(struct pgconn *conn)
{
    conn->state = PGCONN_IDLE;
    timer_start(conn->timers, &conn->timer, CHECK_AFTER_MS);
}

static void
on_writable(h2o_socket_t *sock, const char *err)
{
    struct pgconn *conn = sock->data;
    conn->is_writing = false;
    if (err || !PQconsumeInput(conn->pg))
        go_down(conn, err ? err : PQerrorMessage(conn->pg));
    else
        flush(conn);
}

static void
flush(struct pgconn *conn)
{
    int left = PQflush(conn->pg);
    if (left < 0) {
        go_down(conn, PQerrorMessage(conn->pg));
    } else if (left > 0 && !conn->is_writing) {
        conn->is_writing = true;
        h2o_socket_notify_write(conn->sock, on_writable);
    }
}

/* Keeps the rows of the statement; any error, also one after the rows (at commit), replaces them.
 */
static void
keep_result(struct pgconn *conn, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if ((status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY || status == PGRES_COMMAND_OK) &&
        !conn->rows && !conn->has_failed) {
        conn->rows = result;
        return;
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    conn->has_failed = true;
    snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s", sqlstate ? sqlstate : "");
    log_failure("database_error", conn->sqlstate, PQresultErrorMessage(result));
    PQclear(result);
}

/* ReadyForQuery has come. */
static void
statement_done(struct pgconn *conn)
{
    bool is_lost = PQstatus(conn->pg) == CONNECTION_BAD;
    bool is_odd = !is_lost && PQtransactionStatus(conn->pg) != PQTRANS_IDLE;
    bool was_checking = conn->is_checking;
    char sqlstate[6];
    PGresult *rows = conn->has_failed ? NULL : conn->rows;

    if (is_lost) {
        go_down(conn, PQerrorMessage(conn->pg));
        return;
    }
    memcpy(sqlstate, conn->sqlstate, sizeof(sqlstate));
    struct pgconn_answer answer = {rows, sqlstate, is_odd || (!rows && !*sqlstate),
                                   conn->was_warned};
    if (conn->has_failed)
        PQclear(conn->rows);
    conn->rows = NULL;
    discard_result(conn);
    go_idle(conn);
    if (is_odd)
        pgconn_drop(conn);
    if (!was_checking)
        conn->events->on_answer(conn, &answer);
    PQclear(rows);
    if (conn->state == PGCONN_IDLE)
        conn->events->on_idle(conn);
}

static void
take_notifies(struct pgconn *conn)
{
    PGnotify *notify;
    while (conn->pg && (notify = PQnotifies(conn->pg)) != NULL) {
        if (conn->events->on_notify)
            conn->events->on_notify(conn, notify->extra);
        PQfreemem(notify);
    }
}

static void
on_readable(h2o_socket_t *sock, const char *err)
{
    struct pgconn *conn = sock->data;
    if (err || !PQconsumeInput(conn->pg)) {
        take_notifies(conn);
        go_down(conn, err ? err : PQerrorMessage(conn->pg));
        return;
    }
    flush(conn);
    while (conn->state == PGCONN_BUSY && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);
        if (!result) {
            statement_done(conn);
            break;
        }
        keep_result(conn, result);
    }
    take_notifies(conn);
    if (conn->pg && conn->state == PGCONN_IDLE && PQstatus(conn->pg) == CONNECTION_BAD)
        go_down(conn, PQerrorMessage(conn->pg));
}

/* Severity WARNING means that the commit may not be what it seems (synchronous replication given
 * up). */
static void
on_notice(void *arg, const PGresult *notice)
{
    struct pgconn *conn = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    conn->was_warned = true;
    log_failure("database_warning", "", PQresultErrorMessage(notice));
}

static void
connected(struct pgconn *conn)
{
    PQsetnonblocking(conn->pg, 1);
    PQsetNoticeReceiver(conn->pg, on_notice, conn);
    if (!watch(conn)) {
        go_down(conn, "no file descriptor left");
        return;
    }
    h2o_socket_read_start(conn->sock, on_readable);
    conn->failures = 0;
    log_info("database_connected", "host=%s port=%s pid=%d", log_q(PQhost(conn->pg)),
             log_q(PQport(conn->pg)), PQbackendPID(conn->pg));
    go_idle(conn);
    conn->events->on_idle(conn);
}

static void
on_connect_step(h2o_socket_t *sock, const char *err)
{
    struct pgconn *conn = sock->data;
    (void)err; /* PQconnectPoll finds out itself */
    conn->is_writing = false;
    poll_connect(conn);
}

static void
watch_connect(struct pgconn *conn, bool for_write)
{
    if (!watch(conn)) {
        go_down(conn, "no file descriptor left");
    } else if (for_write) {
        h2o_socket_notify_write(conn->sock, on_connect_step);
    } else {
        h2o_socket_read_start(conn->sock, on_connect_step);
    }
}

static void
poll_connect(struct pgconn *conn)
{
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_OK:
        connected(conn);
        break;
    case PGRES_POLLING_READING:
        watch_connect(conn, false);
        break;
    case PGRES_POLLING_WRITING:
        watch_connect(conn, true);
        break;
    default:
        go_down(conn, PQerrorMessage(conn->pg));
    }
}

/* The options that conninfo itself gives, so that ours can be added to them. */
static void
build_options(const struct pgconn_config *config, char *out, size_t cap)
{
    PQconninfoOption *options = PQconninfoParse(config->conninfo, NULL);
    const char *given = "";
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val)
            given = o->val;
    if (config->statement_timeout_ms)
        snprintf(out, cap, "%s -c statement_timeout=%llu", given,
                 (unsigned long long)config->statement_timeout_ms);
    else
        snprintf(out, cap, "%s", given);
    PQconninfoFree(options);
}

static void
start_connect(struct pgconn *conn)
{
    char options[1024];
    build_options(conn->config, options, sizeof(options));
    const char *keywords[] = {"dbname", "fallback_application_name", "client_encoding",
                              *options ? "options" : NULL, NULL};
    const char *values[] = {conn->config->conninfo, "sft-gateway", "UTF8", options, NULL};

    conn->state = PGCONN_CONNECTING;
    timer_start(conn->timers, &conn->timer, conn->config->connect_timeout_ms);
    conn->pg = PQconnectStartParams(keywords, values, 1);
    if (!conn->pg)
        abort();
    if (PQstatus(conn->pg) == CONNECTION_BAD)
        go_down(conn, PQerrorMessage(conn->pg));
    else
        watch_connect(conn, true);
}

static bool
send_statement(struct pgconn *conn, const struct pgconn_statement *statement, bool is_checking)
{
    static const int binary[PARAMS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    uint64_t timeout_ms = conn->config->statement_timeout_ms;

    discard_result(conn);
    if (!PQsendQueryParams(conn->pg, statement->sql, statement->n, statement->types,
                           statement->values, statement->lengths, binary, 1)) {
        /* nothing is on its way to the server, so the caller may try another connection */
        go_down(conn, PQerrorMessage(conn->pg));
        return false;
    }
    conn->state = PGCONN_BUSY;
    conn->is_checking = is_checking;
    timer_start(conn->timers, &conn->timer,
                is_checking ? CHECK_TIMEOUT_MS : (timeout_ms ? timeout_ms : 60000) + GRACE_MS);
    flush(conn);
    return true;
}

bool
pgconn_send(struct pgconn *conn, const struct pgconn_statement *statement)
{
    SFT_FAULT("gateway.before_send");
    return send_statement(conn, statement, false);
}

/* An empty statement: no SELECT, no snapshot, but a round trip to the server. */
static void
check_alive(struct pgconn *conn)
{
    static const struct pgconn_statement empty = {.sql = ""};
    (void)send_statement(conn, &empty, true);
}

static void
on_timer(struct timer *timer)
{
    struct pgconn *conn = CONTAINER_OF(timer, struct pgconn, timer);
    switch (conn->state) {
    case PGCONN_DOWN:
        start_connect(conn);
        break;
    case PGCONN_IDLE:
        check_alive(conn);
        break;
    case PGCONN_CONNECTING:
    case PGCONN_BUSY:
        go_down(conn, "no answer in time");
        break;
    }
}

void
pgconn_open(struct pgconn *conn)
{
    conn->timer.fire = on_timer;
    conn->state = PGCONN_DOWN;
    timer_start(conn->timers, &conn->timer, 0);
}

void
pgconn_drop(struct pgconn *conn)
{
    if (conn->state == PGCONN_IDLE)
        go_down(conn, "unexpected answer");
}

void
pgconn_close(struct pgconn *conn)
{
    conn->is_closing = true;
    if (conn->pg)
        go_down(conn, "closing");
    timer_stop(conn->timers, &conn->timer);
}
