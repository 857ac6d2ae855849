/* SPDX-License-Identifier: PostgreSQL */
/*
 * log.c - no value can forge, break or colour a log line (H19).
 */
#include "common/log.h"
#include "common/tap.h"

#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

static char got[8192];

/* What fn writes to stderr. */
static const char *
capture(void (*fn)(void))
{
    int saved = dup(STDERR_FILENO), ends[2];
    if (saved < 0 || pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        abort();
    close(ends[1]);
    fn();
    dup2(saved, STDERR_FILENO);
    close(saved);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], got + len, sizeof(got) - 1 - len)) > 0)
        len += (size_t)n;
    close(ends[0]);
    got[len] = '\0';
    return got;
}

static int
matches(const char *s, const char *pattern)
{
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
    int found = regexec(&re, s, 0, NULL, 0) == 0;
    regfree(&re);
    if (!found)
        printf("# got %s\n", s);
    return found;
}

static void
one_line(void)
{
    log_info("started", "port=%d name=%s", 8443, log_q("a b"));
}

static void
hostile_quoted(void)
{
    log_info("request", "path=%s",
             log_q("/x\n2026 fake \"line\" \x1b[31m \x7f \xff \\ \xc3\xbc \xf0\x9f\x98\x80"));
}

static void
hostile_bare(void)
{
    log_info("request", "path=%s", "/x\nfake \x1b[31m \xe2\x80\xae");
}

static void
long_value(void)
{
    char big[5000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    log_info("request", "path=%s a=1 b=%s", log_q(big), big);
}

static void
hidden(void)
{
    log_debug("request", "a=1");
}

static void
many_types(void)
{
    log_warn("slow", "n=12 zero=0 minus=-3 lead=007 yes=true word=abc empty=%s rest of it",
             log_q(""));
}

static void
text_form(void)
{
    log_open("demo", LOG_FORM_TEXT, LOG_LEVEL_INFO);
    ok(matches(capture(one_line),
               "^20[0-9-]+T[0-9:.]+Z demo info started port=8443 name=\"a b\"\n$"),
       "a text line");
    ok(matches(capture(hostile_quoted),
               "path=\"/x\\\\n2026 fake \\\\\"line\\\\\" \\\\u001b\\[31m \\\\u007f \\\\ufffd "
               "\\\\\\\\ \\\\u00fc \\\\ud83d\\\\ude00\"\n$"),
       "a quoted value is escaped and stays one line");
    ok(matches(capture(hostile_bare), "path=/x\\\\nfake \\\\u001b\\[31m \\\\u202e\n$"),
       "so is a value that somebody forgot to quote");
    ok(strlen(capture(long_value)) <= 2001, "a line is cut at 2000 bytes");
    ok(matches(got, "x\\.\\.\\.\" a=1"),
       "a long value is cut on its own, the next one is still there");
    is_str(capture(hidden), "", "a level below the one asked for is silent");
    log_level_set(LOG_LEVEL_DEBUG);
    ok(matches(capture(hidden), "debug request a=1\n$"), "until the level is raised");
}

static void
json_form(void)
{
    log_open("demo", LOG_FORM_JSON, LOG_LEVEL_INFO);
    ok(matches(capture(one_line), "^\\{\"time\":\"[^\"]+\",\"level\":\"info\",\"program\":\"demo\","
                                  "\"event\":\"started\",\"port\":8443,\"name\":\"a b\"\\}\n$"),
       "a JSON line");
    ok(matches(capture(many_types),
               "\"n\":12,\"zero\":0,\"minus\":-3,\"lead\":\"007\",\"yes\":true,\"word\":\"abc\","
               "\"empty\":\"\",\"message\":\"rest of it\"\\}\n$"),
       "numbers, booleans, words and loose text");
    ok(matches(capture(hostile_quoted), "\"path\":\"/x\\\\n2026 fake \\\\\"line"),
       "quotes stay inside");
    capture(long_value);
    ok(strlen(got) <= 2001 && matches(got, "\"a\":1\\}\n$"), "a cut line is still JSON");
}

int
main(void)
{
    text_form();
    json_form();
    return done_testing();
}
