/* SPDX-License-Identifier: PostgreSQL */
/*
 * db.h - the pool of connections and the two doors (docs/doors.md).
 *
 * A job waits in a queue until a connection is free. That connection takes everything that waits
 * for routes which may share a call, up to 64: a lone request goes at once, under load batches form
 * by themselves. After its handle() a job may have to go through finish() as well; those go first.
 */
#ifndef SFT_GATEWAY_DB_H
#define SFT_GATEWAY_DB_H

#include "gateway/pgarray.h"
#include "gateway/pgconn.h"
#include "gateway/status.h"
#include "gateway/trace.h"

#define DB_BATCH_MAX 64
#define DB_CONNECTIONS_MAX 64

struct bytes {
    const char *p;
    size_t len;
};

/* What handle() is told about one request. */
struct door_args {
    struct bytes route, params, method, target, authority, headers, body, peer;
};

struct door_answer {
    const struct refusal *refusal; /* the doors could not answer; nothing below is set */
    int status;
    struct bytes headers, body; /* valid during the callback */
    bool is_wait;
    struct pgarray_reader topics; /* of a wait */
};

enum job_stage { JOB_NEW, JOB_QUEUED, JOB_RUNNING, JOB_DONE };
enum job_queue { QUEUE_FINISH, QUEUE_BATCH, QUEUE_SINGLE, QUEUES_N };

/* Embedded in its owner; args must stay valid until done is called or the job is dropped. */
struct job {
    struct door_args args;
    char trace_id[TRACE_ID_LEN + 1];
    bool may_batch;
    void (*done)(struct job *job, const struct door_answer *answer);
    /* db.c's own */
    enum job_stage stage;
    enum job_queue queue;
    struct job *next, *prev;
    struct job **place; /* in the batch that is running */
    uint64_t queued_ms;
    uint64_t changes_seen; /* notify sequence when handle() was sent; for waiting */
    unsigned tries;
    bool goes_alone; /* its batch failed: find out whose fault it was */
    uint8_t continue_id[16];
};

struct batch {
    enum job_queue queue;
    size_t n;
    struct job *jobs[DB_BATCH_MAX]; /* NULL where the owner has lost interest */
};

struct db;

struct db_conn {
    struct pgconn pg;
    struct db *db;
    struct batch batch;
};

struct job_list {
    struct job *first, *last;
    size_t n;
};

struct db {
    struct pgconn_config config;
    h2o_loop_t *loop;
    struct timers *timers;
    size_t conns_n, batch_conns_max, queue_max;
    uint64_t patience_ms;    /* how long requests wait for a database that is away */
    const uint64_t *changes; /* the listener's sequence number */
    /* db.c's own */
    struct db_conn *conns;
    struct job_list queues[QUEUES_N];
    struct timer stall;
    uint64_t last_up_ms;
    struct pgarray params[9];
    bool is_closing;
};

void db_open(struct db *db);
void db_close(struct db *db);
/* NULL, or why the job was not taken; done is not called then. */
const struct refusal *db_submit(struct db *db, struct job *job);
/* The owner wants no answer any more. What runs goes on; what waits is taken out. */
void db_drop(struct db *db, struct job *job);
/* Gives free connections what waits; called once in each turn of the loop, so that batches can
 * form. */
void db_dispatch(struct db *db);
/* Whether a connection is up. */
bool db_is_up(const struct db *db);

#endif
