/* SPDX-License-Identifier: PostgreSQL */
/*
 * time.c - RFC 3339 times there and back, against the C library's calendar.
 */
#include <string.h>
#include <time.h>

#include "common/tap.h"
#include "common/text.h"

static void
test_known(void)
{
    static const struct {
        const char *text;
        int64_t t;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},          {"2000-02-29T23:59:59Z", 951868799},
        {"2026-11-23T14:00:00Z", 1795442400}, {"2038-01-19T03:14:08Z", 2147483648},
        {"2100-03-01T00:00:00Z", 4107542400}, {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[21];
        int64_t t;
        ok(time_parse(rows[i].text, &t) == 0 && t == rows[i].t, rows[i].text);
        time_format(rows[i].t, out);
        is_str(out, rows[i].text, "and back");
    }
}

/* Some hundred thousand moments of four centuries, each as gmtime sees it. */
static void
test_calendar(void)
{
    int same = 1, back = 1;
    for (int64_t t = 0; t < INT64_C(13000000000); t += 65437) {
        char ours[21], theirs[32];
        int64_t again;
        time_t c = (time_t)t;
        struct tm tm;
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&c, &tm));
        time_format(t, ours);
        same &= strcmp(ours, theirs) == 0;
        back &= time_parse(ours, &again) == 0 && again == t;
    }
    ok(same, "the calendar is the C library's");
    ok(back, "every time is read again");
}

static void
test_fraction_and_limits(void)
{
    int64_t t;
    char out[21];
    ok(time_parse("1970-01-01T00:00:01.5Z", &t) == 0 && t == 1, "a fraction is cut off");
    ok(time_parse("1970-01-01T00:00:01.999999Z", &t) == 0 && t == 1, "and not rounded");
    time_format(-5, out);
    is_str(out, "1970-01-01T00:00:00Z", "before the epoch");
    time_format(INT64_MAX, out);
    is_str(out, "9999-12-31T23:59:59Z", "after the calendar");
}

static void
test_refused(void)
{
    static const char *const rows[] = {
        "",
        "2026-11-23",
        "2026-11-23T14:00:00",
        "2026-11-23 14:00:00Z",
        "2026-11-23t14:00:00z",
        "2026-11-23T14:00:00+00:00",
        "2026-11-23T14:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "+026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00Z ",
        "2026-01-01T-1:00:00Z",
    };
    int64_t t;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!ok(time_parse(rows[i], &t) == SFT_EFORMAT && t == 0, "not a time"))
            printf("#   %s\n", rows[i]);
}

int
main(void)
{
    test_known();
    test_calendar();
    test_fraction_and_limits();
    test_refused();
    return done_testing();
}
