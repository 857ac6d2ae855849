/* SPDX-License-Identifier: PostgreSQL */
/*
 * timer.c - timers fire in order, once, and not when stopped.
 */
#include "gateway/timer.h"
#include "common/tap.h"

#include <stdbool.h>
#include <stdlib.h>

#define MANY 1000

struct item {
    struct timer timer;
    uint64_t after_ms;
    int fired;
};

static struct timers timers;
static uint64_t last_due;
static bool in_order = true;
static struct item items[MANY];

static void
on_fire(struct timer *timer)
{
    struct item *item = CONTAINER_OF(timer, struct item, timer);
    in_order &= item->timer.due_ms >= last_due;
    last_due = item->timer.due_ms;
    item->fired++;
}

static void
on_again(struct timer *timer)
{
    on_fire(timer);
    timer_start(&timers, timer, 0);
}

static void
many(void)
{
    int wrong = 0;
    srand(1);
    for (int i = 0; i < MANY; i++) {
        items[i].timer.fire = on_fire;
        items[i].after_ms = (uint64_t)(rand() % 20);
        timer_start(&timers, &items[i].timer, 5000);
    }
    is_int(timers.n, MANY, "all are armed");
    ok(timers_wait_ms(&timers) > 4000, "the loop may sleep until the first");
    for (int i = 0; i < MANY; i++)
        timer_start(&timers, &items[i].timer, items[i].after_ms);
    is_int(timers.n, MANY, "starting again moves a timer");
    for (int i = 0; i < MANY; i += 3)
        timer_stop(&timers, &items[i].timer);
    for (int i = 0; i < MANY; i += 6)
        timer_stop(&timers, &items[i].timer);
    uint64_t end = clock_ms() + 30;
    while (clock_ms() < end)
        timers_run(&timers);
    for (int i = 0; i < MANY; i++)
        wrong += items[i].fired != (i % 3 != 0);
    is_int(wrong, 0, "each fires once, the stopped ones never");
    ok(in_order, "in the order of their deadlines");
    is_int(timers.n, 0, "nothing is left");
    is_int(timers_wait_ms(&timers), 10000, "without timers the loop sleeps long");
}

static void
again(void)
{
    struct item item = {.timer = {.fire = on_again}};
    timer_start(&timers, &item.timer, 0);
    is_int(timers_wait_ms(&timers), 0, "what is due does not let the loop sleep");
    timers_run(&timers);
    is_int(item.fired, 1, "a timer that starts itself again fires once in a turn");
    timers_run(&timers);
    is_int(item.fired, 2, "and again in the next");
    timer_stop(&timers, &item.timer);
    timer_stop(&timers, &item.timer);
    is_int(timers.n, 0, "stopping twice is fine");
}

int
main(void)
{
    many();
    last_due = 0;
    again();
    timers_free(&timers);
    return done_testing();
}
