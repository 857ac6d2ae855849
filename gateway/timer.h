/* SPDX-License-Identifier: PostgreSQL */
/*
 * timer.h - deadlines of one event loop: a heap of embedded timers.
 *
 * The loop sleeps until the nearest one (timers_wait_ms), then timers_run fires what is due. A
 * timer is embedded in its owner, may be started again while armed, and must be stopped before it
 * is freed.
 */
#ifndef SFT_GATEWAY_TIMER_H
#define SFT_GATEWAY_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct timer {
    uint64_t due_ms;
    size_t slot; /* place in the heap, from 1; 0 when not armed */
    void (*fire)(struct timer *timer);
};

struct timers {
    struct timer **heap; /* heap[0] is unused */
    size_t n, cap;
    uint64_t now_ms;
};

/* Milliseconds of a clock that never goes back. */
uint64_t clock_ms(void);

void timers_free(struct timers *timers);
void timer_start(struct timers *timers, struct timer *timer, uint64_t after_ms);
void timer_stop(struct timers *timers, struct timer *timer);
/* How long the loop may sleep; at most ten seconds. */
int32_t timers_wait_ms(struct timers *timers);
/*
 * Reads the clock and fires what is due, at most as many timers as there were: one that starts
 * itself again without delay waits for the next turn of the loop.
 */
void timers_run(struct timers *timers);

#endif
