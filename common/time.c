/* SPDX-License-Identifier: PostgreSQL */
/*
 * time.c - RFC 3339 times in UTC, as the platform writes them (prototypes in text.h).
 *
 * Own arithmetic on the proleptic Gregorian calendar: no time zone, no locale, no year-2038
 * surprises.
 */
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define DAY 86400
#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static bool
is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January of year >= 1970. */
static int64_t
days_before_year(int64_t year)
{
    int64_t y = year - 1;
    return (year - 1970) * 365 + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* The number in n digits at s, or -1. */
static int64_t
digits(const char *s, size_t n)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

/* "", or "." and 1 to 9 digits, then "Z". */
static bool
is_end(const char *s)
{
    if (s[0] == '.') {
        size_t n = strspn(s + 1, "0123456789");
        if (n < 1 || n > 9)
            return false;
        s += 1 + n;
    }
    return strcmp(s, "Z") == 0;
}

int
time_parse(const char *s, int64_t *out)
{
    *out = 0;
    if (strnlen(s, 20) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' ||
        s[16] != ':' || !is_end(s + 19))
        return SFT_EFORMAT;
    int64_t year = digits(s, 4), month = digits(s + 5, 2), day = digits(s + 8, 2);
    int64_t hour = digits(s + 11, 2), minute = digits(s + 14, 2), second = digits(s + 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return SFT_EFORMAT;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return SFT_EFORMAT;
    int64_t days = days_before_year(year) + day - 1;
    for (int64_t m = 1; m < month; m++)
        days += days_in_month(year, m);
    *out = days * DAY + hour * 3600 + minute * 60 + second;
    return 0;
}

void
time_format(int64_t t, char *out)
{
    if (t < 0 || t > TIME_MAX)
        t = t < 0 ? 0 : TIME_MAX;
    int64_t days = t / DAY, second = t % DAY, year = 1970 + days / 366, month = 1;
    while (days_before_year(year + 1) <= days)
        year++;
    days -= days_before_year(year);
    for (; days >= days_in_month(year, month); month++)
        days -= days_in_month(year, month);
    snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(year % 10000),
             (unsigned)(month % 100), (unsigned)((days + 1) % 100), (unsigned)(second / 3600 % 100),
             (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}
