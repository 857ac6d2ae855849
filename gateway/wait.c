/* SPDX-License-Identifier: PostgreSQL */
/*
 * wait.c - parking by topic.
 *
 * One change may wake ten thousand, and all of them will ask again: they are let go in portions, so
 * that the answers and what follows them do not fill the queue at one stroke.
 */
#include "gateway/wait.h"

#include <stdlib.h>

#define PORTION 256
#define PACE_MS 20

static void
let_go(struct waiter *waiter)
{
    wait_leave(waiter);
    waiter->done(waiter);
}

static void
on_pace(struct timer *timer)
{
    struct waits *waits = CONTAINER_OF(timer, struct waits, pace);
    for (int i = 0; i < PORTION && waits->due; i++)
        let_go(waits->due);
    if (waits->due)
        timer_start(waits->timers, &waits->pace, PACE_MS);
}

static void
on_deadline(struct timer *timer)
{
    let_go(CONTAINER_OF(timer, struct waiter, timer));
}

void
waits_init(struct waits *waits)
{
    waits->pace.fire = on_pace;
    waits->due_last = &waits->due;
}

static void
wake(struct waits *waits, struct waiter *waiter)
{
    if (waiter->at_due)
        return;
    waiter->next_due = NULL;
    waiter->at_due = waits->due_last;
    *waits->due_last = waiter;
    waits->due_last = &waiter->next_due;
    if (!waits->pace.slot)
        timer_start(waits->timers, &waits->pace, 0);
}

static void
enter(struct waits *waits, struct wait_entry *entry)
{
    struct wait_entry **bucket = &waits->buckets[entry->hash % WAIT_BUCKETS];
    entry->next = *bucket;
    entry->at = bucket;
    if (*bucket)
        (*bucket)->at = &entry->next;
    *bucket = entry;
}

static void
leave(struct wait_entry *entry)
{
    *entry->at = entry->next;
    if (entry->next)
        entry->next->at = entry->at;
}

bool
wait_park(struct waits *waits, struct waiter *waiter, struct pgarray_reader topics, uint64_t seen,
          uint64_t wait_ms)
{
    uint64_t hashes[WAIT_TOPICS_MAX];
    const char *topic;
    size_t n = 0, len;

    if (topics.n > WAIT_TOPICS_MAX || waits->n >= waits->max)
        return false;
    while (pgarray_next(&topics, &topic, &len))
        hashes[n++] = notify_hash(topic, len);
    if (n == 0)
        hashes[n++] = 0; /* no topic: only time, or everything, wakes it */
    if (notify_missed(waits->notify, seen, hashes, n))
        return false;
    waiter->entries = calloc(n, sizeof(waiter->entries[0]));
    if (!waiter->entries)
        abort();
    waiter->waits = waits;
    waiter->entries_n = n;
    waiter->at_due = NULL;
    for (size_t i = 0; i < n; i++) {
        waiter->entries[i].hash = hashes[i];
        waiter->entries[i].waiter = waiter;
        enter(waits, &waiter->entries[i]);
    }
    waiter->timer.fire = on_deadline;
    timer_start(waits->timers, &waiter->timer, wait_ms);
    waits->n++;
    return true;
}

void
wait_leave(struct waiter *waiter)
{
    struct waits *waits = waiter->waits;
    if (!waiter->entries)
        return;
    for (size_t i = 0; i < waiter->entries_n; i++)
        leave(&waiter->entries[i]);
    free(waiter->entries);
    waiter->entries = NULL;
    timer_stop(waits->timers, &waiter->timer);
    waits->n--;
    if (!waiter->at_due)
        return;
    *waiter->at_due = waiter->next_due;
    if (waiter->next_due)
        waiter->next_due->at_due = waiter->at_due;
    else
        waits->due_last = waiter->at_due;
    waiter->at_due = NULL;
}

void
waits_wake_topic(struct waits *waits, const char *topic, size_t len)
{
    uint64_t hash = notify_hash(topic, len);
    for (struct wait_entry *e = waits->buckets[hash % WAIT_BUCKETS]; e; e = e->next)
        if (e->hash == hash)
            wake(waits, e->waiter);
}

void
waits_wake_all(struct waits *waits)
{
    for (size_t i = 0; i < WAIT_BUCKETS; i++)
        for (struct wait_entry *e = waits->buckets[i]; e; e = e->next)
            wake(waits, e->waiter);
}
