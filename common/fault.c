/* SPDX-License-Identifier: PostgreSQL */
/*
 * fault.c - named points at which tests make code fail; empty unless built with FAULTS=1.
 */
#include "common/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef SFT_FAULTS

/* Does what action says; true for "error". An unknown action aborts, so that no test passes by a
 * typo. */
static int
strike(const char *action, size_t len)
{
    if (len == 4 && memcmp(action, "kill", len) == 0)
        kill(getpid(), SIGKILL);
    else if (len == 4 && memcmp(action, "stop", len) == 0)
        kill(getpid(), SIGSTOP);
    else if (len == 5 && memcmp(action, "sleep", len) == 0)
        nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    else if (len == 5 && memcmp(action, "error", len) == 0)
        return 1;
    else
        abort();
    return 0;
}

int
sft_fault(const char *name)
{
    static atomic_long passages;
    const char *spec = getenv("SFT_FAULT");
    size_t len = strlen(name);
    if (spec == NULL || strncmp(spec, name, len) != 0 || spec[len] != ':')
        return 0;
    const char *action = spec + len + 1;
    size_t action_len = strcspn(action, ":");
    long wanted = action[action_len] == ':' ? strtol(action + action_len + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passages, 1) + 1 != wanted)
        return 0;
    return strike(action, action_len);
}

#endif
