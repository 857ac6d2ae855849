/* SPDX-License-Identifier: PostgreSQL */
/*
 * access.c - formatting access lines; nothing in them comes from a peer but its address.
 */
#include "gateway/access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1536

static const char *
known_method(struct bytes method)
{
    static const char *const known[] = {"GET",   "POST", "PUT",     "DELETE",
                                        "PATCH", "HEAD", "OPTIONS", NULL};
    for (size_t i = 0; known[i]; i++)
        if (strlen(known[i]) == method.len && memcmp(known[i], method.p, method.len) == 0)
            return known[i];
    return "-";
}

void
access_flush(struct access *access)
{
    const char *p = access->lines;
    while (access->len > 0) {
        ssize_t n = write(access->fd, p, access->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nowhere to complain; the requests go on */
        p += n;
        access->len -= (size_t)n;
    }
    access->len = 0;
}

void
access_add(struct access *access, const struct access_record *record)
{
    struct timespec now;
    struct tm tm;
    char when[32];

    if (access->fd < 0)
        return;
    if (access->len + LINE_MAX_LEN > sizeof(access->lines))
        access_flush(access);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    int n =
        snprintf(access->lines + access->len, LINE_MAX_LEN,
                 "{\"time\":\"%s.%03ldZ\",\"trace_id\":\"%s\",\"method\":\"%s\",\"route\":\"%s\","
                 "\"status\":%d,\"bytes\":%zu,\"ms\":%llu,\"peer\":\"%s\"}\n",
                 when, now.tv_nsec / 1000000, record->trace_id, known_method(record->method),
                 record->route ? record->route : "-", record->status, record->bytes,
                 (unsigned long long)record->ms, record->peer);
    if (n > 0 && n < LINE_MAX_LEN)
        access->len += (size_t)n;
}
