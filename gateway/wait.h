/* SPDX-License-Identifier: PostgreSQL */
/*
 * wait.h - requests that are parked until one of their topics changes or their time is up.
 */
#ifndef SFT_GATEWAY_WAIT_H
#define SFT_GATEWAY_WAIT_H

#include <stdbool.h>

#include "gateway/notify.h"
#include "gateway/pgarray.h"
#include "gateway/timer.h"

#define WAIT_TOPICS_MAX 64
#define WAIT_BUCKETS 16384

struct waiter;

struct wait_entry {
    uint64_t hash;
    struct wait_entry *next, **at;
    struct waiter *waiter;
};

/* Embedded in its owner. */
struct waiter {
    void (*done)(struct waiter *waiter);
    /* wait.c's own */
    struct waits *waits;
    struct timer timer;
    struct wait_entry *entries; /* NULL when not parked */
    size_t entries_n;
    struct waiter *next_due, **at_due; /* at_due: woken, about to be answered */
};

struct waits {
    struct timers *timers;
    const struct notify *notify;
    size_t n, max;
    /* wait.c's own */
    struct wait_entry *buckets[WAIT_BUCKETS];
    struct waiter *due, **due_last;
    struct timer pace;
};

void waits_init(struct waits *waits);
/*
 * Parks until a topic is notified or wait_ms is over; done is then called once, never from in here.
 * false: no need or no room; a topic was notified since the sequence number seen, so answer at
 * once.
 */
bool wait_park(struct waits *waits, struct waiter *waiter, struct pgarray_reader topics,
               uint64_t seen, uint64_t wait_ms);
/* The owner goes; takes a waiter that is not parked. */
void wait_leave(struct waiter *waiter);
void waits_wake_topic(struct waits *waits, const char *topic, size_t len);
void waits_wake_all(struct waits *waits);

#endif
