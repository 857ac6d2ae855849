/* SPDX-License-Identifier: PostgreSQL */
/*
 * timer.c - a binary heap of deadlines.
 */
#include "gateway/timer.h"

#include <stdlib.h>
#include <time.h>

#define SLEEP_MAX_MS 10000

uint64_t
clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
place(struct timers *timers, struct timer *timer, size_t slot)
{
    timers->heap[slot] = timer;
    timer->slot = slot;
}

static void
sift_up(struct timers *timers, struct timer *timer, size_t slot)
{
    while (slot > 1 && timers->heap[slot / 2]->due_ms > timer->due_ms) {
        place(timers, timers->heap[slot / 2], slot);
        slot /= 2;
    }
    place(timers, timer, slot);
}

static void
sift_down(struct timers *timers, struct timer *timer, size_t slot)
{
    for (size_t child = 2 * slot; child <= timers->n; child = 2 * slot) {
        if (child < timers->n && timers->heap[child + 1]->due_ms < timers->heap[child]->due_ms)
            child++;
        if (timers->heap[child]->due_ms >= timer->due_ms)
            break;
        place(timers, timers->heap[child], slot);
        slot = child;
    }
    place(timers, timer, slot);
}

static void
grow(struct timers *timers)
{
    if (timers->n + 2 <= timers->cap)
        return;
    timers->cap = timers->cap ? timers->cap * 2 : 64;
    timers->heap = realloc(timers->heap, timers->cap * sizeof(timers->heap[0]));
    if (!timers->heap)
        abort();
}

void
timer_stop(struct timers *timers, struct timer *timer)
{
    size_t slot = timer->slot;
    if (slot == 0)
        return;
    struct timer *last = timers->heap[timers->n--];
    timer->slot = 0;
    if (last == timer)
        return;
    if (slot > 1 && timers->heap[slot / 2]->due_ms > last->due_ms)
        sift_up(timers, last, slot);
    else
        sift_down(timers, last, slot);
}

void
timer_start(struct timers *timers, struct timer *timer, uint64_t after_ms)
{
    timer_stop(timers, timer);
    if (timers->now_ms == 0)
        timers->now_ms = clock_ms();
    grow(timers);
    timer->due_ms = timers->now_ms + after_ms;
    sift_up(timers, timer, ++timers->n);
}

int32_t
timers_wait_ms(struct timers *timers)
{
    if (timers->n == 0)
        return SLEEP_MAX_MS;
    uint64_t now = clock_ms(), due = timers->heap[1]->due_ms;
    if (due <= now)
        return 0;
    return due - now < SLEEP_MAX_MS ? (int32_t)(due - now) : SLEEP_MAX_MS;
}

void
timers_run(struct timers *timers)
{
    uint64_t now = timers->now_ms = clock_ms();
    size_t most = timers->n;
    while (timers->n > 0 && timers->heap[1]->due_ms <= now && most-- > 0) {
        struct timer *timer = timers->heap[1];
        timer_stop(timers, timer);
        timer->fire(timer);
    }
}

void
timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}
