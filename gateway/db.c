/* SPDX-License-Identifier: PostgreSQL */
/*
 * db.c - queues, batches, and what becomes of a batch that failed.
 *
 * Rows are told apart by trace_id (handle) and id (finish), never by their order. An ErrorResponse
 * means that the whole statement was rolled back, so it may be tried again: at once when a deploy
 * or another transaction was in the way, else one by one, so that only the culprit suffers.
 */
#include "gateway/db.h"

#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/log.h"

#define TRIES_MAX 3
#define STALL_MS 100 /* waiting longer than this opens further connections to batches */
#define HANDLE_PARAMS 9
#define LOOK_MAX 512 /* how far into a queue a batch looks for its like */

static const char handle_sql[] = "SELECT trace_id, status, headers, body, wait, continue_id"
                                 " FROM sft_api.handle($1, $2, $3, $4, $5, $6, $7, $8, $9)";
static const Oid handle_types[HANDLE_PARAMS] = {PG_TEXT_ARRAY,  PG_BYTEA_ARRAY, PG_TEXT_ARRAY,
                                                PG_BYTEA_ARRAY, PG_BYTEA_ARRAY, PG_BYTEA_ARRAY,
                                                PG_BYTEA_ARRAY, PG_TEXT_ARRAY,  PG_TEXT_ARRAY};
static const Oid handle_columns[] = {PG_TEXT,       PG_INT4, PG_TEXT, PG_BYTEA,
                                     PG_TEXT_ARRAY, PG_UUID, 0};
enum { H_TRACE, H_STATUS, H_HEADERS, H_BODY, H_WAIT, H_CONTINUE };

static const char finish_sql[] = "SELECT id, status, headers, body FROM sft_api.finish($1)";
static const Oid finish_types[] = {PG_UUID_ARRAY};
static const Oid finish_columns[] = {PG_UUID, PG_INT4, PG_TEXT, PG_BYTEA, 0};
enum { F_ID, F_STATUS, F_HEADERS, F_BODY };

/* queues */

static void
list_append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    job->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = job;
    list->last = job;
    list->n++;
}

static void
list_prepend(struct job_list *list, struct job *job)
{
    job->prev = NULL;
    job->next = list->first;
    *(list->first ? &list->first->prev : &list->last) = job;
    list->first = job;
    list->n++;
}

static void
list_remove(struct job_list *list, struct job *job)
{
    *(job->prev ? &job->prev->next : &list->first) = job->next;
    *(job->next ? &job->next->prev : &list->last) = job->prev;
    list->n--;
}

static enum job_queue
queue_of(const struct job *job)
{
    if (job->queue == QUEUE_FINISH)
        return QUEUE_FINISH;
    return job->may_batch && !job->goes_alone ? QUEUE_BATCH : QUEUE_SINGLE;
}

/* Back to the head of its queue: it has waited already. */
static void
requeue(struct db *db, struct job *job)
{
    job->stage = JOB_QUEUED;
    job->queue = queue_of(job);
    list_prepend(&db->queues[job->queue], job);
}

static void
job_done(struct job *job, const struct door_answer *answer)
{
    job->stage = JOB_DONE;
    job->done(job, answer);
}

static void
job_refuse(struct job *job, const struct refusal *refusal)
{
    struct door_answer answer = {.refusal = refusal};
    job_done(job, &answer);
}

bool
db_is_up(const struct db *db)
{
    for (size_t i = 0; i < db->conns_n; i++)
        if (db->conns[i].pg.state == PGCONN_IDLE || db->conns[i].pg.state == PGCONN_BUSY)
            return true;
    return false;
}

const struct refusal *
db_submit(struct db *db, struct job *job)
{
    if (db->queues[QUEUE_BATCH].n + db->queues[QUEUE_SINGLE].n >= db->queue_max)
        return &refusal_overloaded;
    job->queued_ms = clock_ms();
    if (!db_is_up(db) && job->queued_ms - db->last_up_ms > db->patience_ms)
        return &refusal_database;
    job->stage = JOB_QUEUED;
    job->queue = job->may_batch ? QUEUE_BATCH : QUEUE_SINGLE;
    list_append(&db->queues[job->queue], job);
    return NULL;
}

void
db_drop(struct db *db, struct job *job)
{
    if (job->stage == JOB_QUEUED)
        list_remove(&db->queues[job->queue], job);
    else if (job->stage == JOB_RUNNING)
        *job->place = NULL;
    job->stage = JOB_DONE;
}

/* sending */

static bool
send_handle(struct db_conn *conn)
{
    struct db *db = conn->db;
    struct batch *batch = &conn->batch;
    const char *values[HANDLE_PARAMS];
    int lengths[HANDLE_PARAMS];

    for (size_t i = 0; i < HANDLE_PARAMS; i++)
        pgarray_begin(&db->params[i], handle_types[i] == PG_TEXT_ARRAY ? PG_TEXT : PG_BYTEA,
                      batch->n);
    for (size_t i = 0; i < batch->n; i++) {
        const struct job *job = batch->jobs[i];
        const struct door_args *a = &job->args;
        const struct bytes trace = {job->trace_id, TRACE_ID_LEN};
        const struct bytes *row[HANDLE_PARAMS] = {&a->route,  &a->params,    &a->method,
                                                  &a->target, &a->authority, &a->headers,
                                                  &a->body,   &a->peer,      &trace};
        for (size_t k = 0; k < HANDLE_PARAMS; k++)
            pgarray_add(&db->params[k], row[k]->p, row[k]->len);
    }
    for (size_t i = 0; i < HANDLE_PARAMS; i++) {
        values[i] = (const char *)db->params[i].p;
        lengths[i] = (int)db->params[i].len;
    }
    struct pgconn_statement statement = {handle_sql, HANDLE_PARAMS, handle_types, values, lengths};
    bool sent = pgconn_send(&conn->pg, &statement);
    for (size_t i = 0; i < HANDLE_PARAMS; i++)
        pgarray_clear(&db->params[i]);
    return sent;
}

static bool
send_finish(struct db_conn *conn)
{
    struct pgarray *ids = &conn->db->params[0];
    pgarray_begin(ids, PG_UUID, conn->batch.n);
    for (size_t i = 0; i < conn->batch.n; i++)
        pgarray_add(ids, conn->batch.jobs[i]->continue_id, 16);
    const char *value = (const char *)ids->p;
    int length = (int)ids->len;
    struct pgconn_statement statement = {finish_sql, 1, finish_types, &value, &length};
    return pgconn_send(&conn->pg, &statement);
}

static bool
is_same_route(const struct job *a, const struct job *b)
{
    return a->args.route.len == b->args.route.len &&
           memcmp(a->args.route.p, b->args.route.p, a->args.route.len) == 0;
}

static void
take_job(struct db *db, struct batch *batch, struct job *job)
{
    list_remove(&db->queues[batch->queue], job);
    job->place = &batch->jobs[batch->n];
    batch->jobs[batch->n++] = job;
    job->stage = JOB_RUNNING;
    job->tries++;
    if (batch->queue != QUEUE_FINISH)
        job->changes_seen = *db->changes;
}

/*
 * The first that waits, and others after it: of the same route, because the database answers one
 * route's requests as sets. One only from the single queue.
 */
static void
fill_batch(struct db *db, struct batch *batch, enum job_queue queue)
{
    const struct job *first = db->queues[queue].first;
    size_t most = queue == QUEUE_SINGLE ? 1 : DB_BATCH_MAX, looked = 0;
    batch->queue = queue;
    batch->n = 0;
    for (struct job *job = db->queues[queue].first, *next;
         job && batch->n < most && looked < LOOK_MAX; job = next, looked++) {
        next = job->next;
        if (queue == QUEUE_FINISH || is_same_route(first, job))
            take_job(db, batch, job);
    }
}

static void
send_batch(struct db_conn *conn, enum job_queue queue)
{
    struct batch *batch = &conn->batch;
    fill_batch(conn->db, batch, queue);
    if (queue == QUEUE_FINISH ? send_finish(conn) : send_handle(conn))
        return;
    /* not sent: nothing happened, the next connection takes it */
    for (size_t i = batch->n; i-- > 0;) {
        if (batch->jobs[i]) {
            batch->jobs[i]->tries--;
            requeue(conn->db, batch->jobs[i]);
        }
    }
    batch->n = 0;
}

static size_t
batches_running(const struct db *db)
{
    size_t n = 0;
    for (size_t i = 0; i < db->conns_n; i++)
        n += db->conns[i].pg.state == PGCONN_BUSY && db->conns[i].batch.n > 0 &&
             db->conns[i].batch.queue == QUEUE_BATCH;
    return n;
}

/*
 * The queue whose turn it is, or QUEUES_N. Batches keep to few connections, so that they grow
 * instead of spreading thin, unless something holds those connections up.
 */
static enum job_queue
next_queue(struct db *db)
{
    const struct job *batch = db->queues[QUEUE_BATCH].first;
    const struct job *single = db->queues[QUEUE_SINGLE].first;
    uint64_t now = clock_ms();
    if (db->queues[QUEUE_FINISH].first)
        return QUEUE_FINISH;
    if (batch && batches_running(db) >= db->batch_conns_max) {
        uint64_t waited = now - batch->queued_ms;
        if (waited < STALL_MS) {
            timer_start(db->timers, &db->stall, STALL_MS - waited);
            batch = NULL;
        }
    }
    if (batch && (!single || batch->queued_ms <= single->queued_ms))
        return QUEUE_BATCH;
    return single ? QUEUE_SINGLE : QUEUES_N;
}

void
db_dispatch(struct db *db)
{
    for (size_t i = 0; i < db->conns_n && !db->is_closing; i++) {
        struct db_conn *conn = &db->conns[i];
        if (conn->pg.state != PGCONN_IDLE)
            continue;
        enum job_queue queue = next_queue(db);
        if (queue == QUEUES_N)
            return;
        send_batch(conn, queue);
    }
}

/* The loop has been woken; db_dispatch runs at the end of its turn. */
static void
on_stall(struct timer *timer)
{
    (void)timer;
}

/* answers */

static struct bytes
cell(const PGresult *rows, int row, int column)
{
    return (struct bytes){PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

/* Whether the rows have the columns that the contract names, in binary. */
static bool
has_columns(const PGresult *rows, const Oid *columns)
{
    int n = 0;
    for (; columns[n]; n++)
        if (n >= PQnfields(rows) || PQftype(rows, n) != columns[n] || PQfformat(rows, n) != 1)
            return false;
    return PQnfields(rows) == n;
}

static void
continue_job(struct db *db, struct job *job, struct bytes id)
{
    memcpy(job->continue_id, id.p, 16);
    job->tries = 0;
    job->goes_alone = false;
    job->stage = JOB_QUEUED;
    job->queue = QUEUE_FINISH;
    list_append(&db->queues[QUEUE_FINISH], job);
}

static void
take_handled(struct db *db, struct job *job, const PGresult *rows, int row)
{
    struct door_answer answer = {0};
    struct bytes id = cell(rows, row, H_CONTINUE), wait = cell(rows, row, H_WAIT);
    if (!PQgetisnull(rows, row, H_CONTINUE) && id.len == 16) {
        continue_job(db, job, id);
        return;
    }
    if (!PQgetisnull(rows, row, H_WAIT)) {
        answer.is_wait = pgarray_open(&answer.topics, PG_TEXT, wait.p, wait.len);
    } else if (!PQgetisnull(rows, row, H_STATUS)) {
        answer.status = (int)pg_u32(PQgetvalue(rows, row, H_STATUS));
        answer.headers = cell(rows, row, H_HEADERS);
        answer.body = cell(rows, row, H_BODY);
    }
    if (!answer.is_wait && (answer.status < 200 || answer.status > 599)) {
        log_error("door_answer_odd", "trace_id=%s status=%d", job->trace_id, answer.status);
        answer = (struct door_answer){.refusal = &refusal_internal};
    }
    job_done(job, &answer);
}

static void
take_finished(struct job *job, const PGresult *rows, int row)
{
    struct door_answer answer = {.status = (int)pg_u32(PQgetvalue(rows, row, F_STATUS)),
                                 .headers = cell(rows, row, F_HEADERS),
                                 .body = cell(rows, row, F_BODY)};
    if (PQgetisnull(rows, row, F_STATUS) || answer.status < 200 || answer.status > 599) {
        log_error("door_answer_odd", "trace_id=%s status=%d", job->trace_id, answer.status);
        answer = (struct door_answer){.refusal = &refusal_internal};
    }
    job_done(job, &answer);
}

/* The row of this job: usually the one at its own place. -1 when there is none. */
static int
find_row(const PGresult *rows, int guess, const void *key, size_t len)
{
    int n = PQntuples(rows);
    for (int i = 0; i < n; i++) {
        int row = (guess + i) % n;
        if ((size_t)PQgetlength(rows, row, 0) == len &&
            memcmp(PQgetvalue(rows, row, 0), key, len) == 0)
            return row;
    }
    return -1;
}

static void
take_rows(struct db *db, struct batch *batch, const PGresult *rows)
{
    bool is_finish = batch->queue == QUEUE_FINISH;
    for (size_t i = 0; i < batch->n; i++) {
        struct job *job = batch->jobs[i];
        if (!job)
            continue;
        batch->jobs[i] = NULL;
        int row = is_finish ? find_row(rows, (int)i, job->continue_id, 16)
                            : find_row(rows, (int)i, job->trace_id, TRACE_ID_LEN);
        if (row < 0) {
            log_error("door_row_missing", "trace_id=%s door=%s", job->trace_id,
                      is_finish ? "finish" : "handle");
            job_refuse(job, &refusal_internal);
        } else if (is_finish) {
            take_finished(job, rows, row);
        } else {
            take_handled(db, job, rows, row);
        }
    }
}

/* Whether this failure of a job may be followed by another try, and how. */
static bool
try_again(struct db *db, struct job *job, const struct batch *batch, struct verdict verdict)
{
    bool was_batch = batch->n > 1;
    if (job->tries >= TRIES_MAX || db->is_closing)
        return false;
    if (verdict.retry && job->tries < 2) {
        requeue(db, job);
        return true;
    }
    if (!was_batch || batch->queue == QUEUE_FINISH)
        return false;
    if (!verdict.is_of_one && (verdict.refusal->status == 503 || verdict.refusal->status == 504))
        return false;
    job->goes_alone = true;
    requeue(db, job);
    return true;
}

static struct verdict
verdict_of(const struct batch *batch, const struct pgconn_answer *answer)
{
    struct verdict unknown = {batch->queue == QUEUE_FINISH, &refusal_outcome_unknown, false};
    if (answer->is_lost || (answer->was_warned && (answer->rows || !*answer->sqlstate)))
        return unknown; /* finish() signs the same bytes again, so it may be asked twice */
    return status_of_sqlstate(answer->sqlstate);
}

static void
take_failure(struct db *db, struct batch *batch, struct verdict verdict)
{
    for (size_t i = batch->n; i-- > 0;) { /* backwards: requeue puts each before the last */
        struct job *job = batch->jobs[i];
        batch->jobs[i] = NULL;
        if (job && !try_again(db, job, batch, verdict))
            job_refuse(job, verdict.refusal);
    }
}

static void
on_answer(struct pgconn *pg, const struct pgconn_answer *answer)
{
    struct db_conn *conn = CONTAINER_OF(pg, struct db_conn, pg);
    struct batch *batch = &conn->batch;
    bool is_finish = batch->queue == QUEUE_FINISH;

    SFT_FAULT("gateway.after_commit");
    if (!answer->rows || answer->is_lost || answer->was_warned) {
        take_failure(conn->db, batch, verdict_of(batch, answer));
    } else if (!has_columns(answer->rows, is_finish ? finish_columns : handle_columns)) {
        log_error("door_columns_odd", "door=%s", is_finish ? "finish" : "handle");
        take_failure(conn->db, batch, (struct verdict){false, &refusal_internal, false});
    } else {
        take_rows(conn->db, batch, answer->rows);
    }
    batch->n = 0;
    if (strcmp(answer->sqlstate, "25006") == 0)
        pgconn_drop(pg); /* a standby now: connecting again finds the primary */
}

/* db_dispatch finds idle connections itself, at the end of the loop's turn. */
static void
on_idle(struct pgconn *pg)
{
    CONTAINER_OF(pg, struct db_conn, pg)->db->last_up_ms = clock_ms();
}

static void
on_down(struct pgconn *pg)
{
    on_idle(pg); /* it was up until now */
}

static const struct pgconn_events events = {on_idle, on_down, on_answer, NULL};

void
db_open(struct db *db)
{
    db->conns = calloc(db->conns_n, sizeof(db->conns[0]));
    if (!db->conns)
        abort();
    db->stall.fire = on_stall;
    db->last_up_ms = clock_ms();
    for (size_t i = 0; i < db->conns_n; i++) {
        struct db_conn *conn = &db->conns[i];
        conn->db = db;
        conn->pg.config = &db->config;
        conn->pg.events = &events;
        conn->pg.loop = db->loop;
        conn->pg.timers = db->timers;
        pgconn_open(&conn->pg);
    }
}

void
db_close(struct db *db)
{
    db->is_closing = true;
    for (size_t i = 0; i < db->conns_n; i++)
        pgconn_close(&db->conns[i].pg);
    for (size_t queue = 0; queue < QUEUES_N; queue++) {
        struct job *job;
        while ((job = db->queues[queue].first) != NULL) {
            list_remove(&db->queues[queue], job);
            job_refuse(job, &refusal_stopping);
        }
    }
    timer_stop(db->timers, &db->stall);
    for (size_t i = 0; i < HANDLE_PARAMS; i++)
        pgarray_free(&db->params[i]);
    free(db->conns);
    db->conns = NULL;
    db->conns_n = 0;
}
