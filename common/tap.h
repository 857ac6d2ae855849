/* SPDX-License-Identifier: PostgreSQL */
/*
 * tap.h - C tests speak TAP: ok(), is_int(), is_str(), is_mem(), done_testing().
 */
#ifndef SFT_TAP_H
#define SFT_TAP_H

#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

static inline int
tap_result(int good, const char *file, int line, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tap_n, what);
    if (!good) {
        tap_failed++;
        printf("#   failed at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

static inline int
tap_is_int(long long got, long long want, const char *file, int line, const char *what)
{
    int good = tap_result(got == want, file, line, what);
    if (!good)
        printf("#   got %lld, want %lld\n", got, want);
    return good;
}

static inline int
tap_is_str(const char *got, const char *want, const char *file, int line, const char *what)
{
    int good = tap_result(got && want && strcmp(got, want) == 0, file, line, what);
    if (!good)
        printf("#   got \"%s\", want \"%s\"\n", got ? got : "(null)", want ? want : "(null)");
    return good;
}

#define ok(cond, what) tap_result(!!(cond), __FILE__, __LINE__, what)
#define is_int(got, want, what)                                                                    \
    tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, what)
#define is_str(got, want, what) tap_is_str(got, want, __FILE__, __LINE__, what)
#define is_mem(got, want, len, what)                                                               \
    tap_result(memcmp(got, want, len) == 0, __FILE__, __LINE__, what)

static inline int
done_testing(void)
{
    printf("1..%d\n", tap_n);
    return tap_failed != 0;
}

#endif
