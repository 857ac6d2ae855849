/* SPDX-License-Identifier: PostgreSQL */
/*
 * log.c - one event, one line: text for people, JSON for collectors, or syslog.
 *
 * What leaves here is printable ASCII only: everything else is written as \uXXXX, in all three
 * forms, so neither a terminal nor a log reader can be fooled by what a peer sent.
 */
#include "common/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 2000
#define QUOTED_MAX_LEN 1000
#define QUOTED_BUFFERS 8

static struct {
    char program[32];
    enum log_form form;
    enum log_level level;
} state = {"sft", LOG_FORM_TEXT, LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const int level_priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

struct line {
    char p[LINE_MAX_LEN + 2];
    size_t len;
};

void
log_open(const char *program, enum log_form form, enum log_level level)
{
    snprintf(state.program, sizeof(state.program), "%s", program);
    state.form = form;
    state.level = level;
    if (form == LOG_FORM_SYSLOG)
        openlog(state.program, LOG_PID, LOG_DAEMON);
}

void
log_level_set(enum log_level level)
{
    state.level = level;
}

/* Length of the UTF-8 sequence at s and its code point, or 1 and U+FFFD. */
static size_t
utf8_next(const unsigned char *s, uint32_t *codep)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    *codep = 0xfffd;
    if (n == 0 || s[0] > 0xf4)
        return 1;
    uint32_t code = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 1;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 1;
    *codep = code;
    return n;
}

/* One UTF-16 unit as \uXXXX. */
static size_t
escape_unit(char *out, uint32_t unit)
{
    static const char digits[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = digits[(unit >> (12 - 4 * i)) & 0xf];
    return 6;
}

/* Writes the character at *s as it may appear inside a JSON string; returns its length in out. */
static size_t
escape_next(const unsigned char **s, char out[12], bool in_quotes)
{
    unsigned char c = **s;
    uint32_t code = c;
    if (c >= 0x20 && c < 0x7f && !(in_quotes && (c == '"' || c == '\\'))) {
        out[0] = (char)c;
        (*s)++;
        return 1;
    }
    if (c == '"' || c == '\\' || c == '\n') {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : (char)c;
        (*s)++;
        return 2;
    }
    *s += c < 0x80 ? 1 : utf8_next(*s, &code);
    if (code < 0x10000)
        return escape_unit(out, code);
    size_t n = escape_unit(out, 0xd800 + ((code - 0x10000) >> 10));
    return n + escape_unit(out + n, 0xdc00 + (code & 0x3ff));
}

const char *
log_q(const char *s)
{
    static _Thread_local char buffers[QUOTED_BUFFERS][QUOTED_MAX_LEN];
    static _Thread_local unsigned next;
    char *out = buffers[next++ % QUOTED_BUFFERS];
    size_t len = 0;
    const unsigned char *p = (const unsigned char *)(s ? s : "");

    out[len++] = '"';
    while (*p) {
        char one[12];
        size_t n = escape_next(&p, one, true);
        if (len + n + 5 > QUOTED_MAX_LEN) {
            memcpy(out + len, "...", 3);
            len += 3;
            break;
        }
        memcpy(out + len, one, n);
        len += n;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}

/* Appends what fits, whole characters only. */
static void
line_add(struct line *line, const char *s, size_t n)
{
    if (line->len + n <= LINE_MAX_LEN) {
        memcpy(line->p + line->len, s, n);
        line->len += n;
    }
}

static void
line_text(struct line *line, const char *s)
{
    line_add(line, s, strlen(s));
}

/* The caller's text with anything unprintable escaped; quotes and backslashes are log_q's already.
 */
static void
line_escaped(struct line *line, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        char one[12] = "";
        line_add(line, one, escape_next(&p, one, false));
    }
}

static bool
is_json_number(const char *s, size_t len)
{
    size_t i = len > 1 && s[0] == '-' ? 1 : 0;
    if (len == 0 || len - i > 15 || (s[i] == '0' && len - i > 1))
        return false;
    for (; i < len; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return true;
}

/* Length of the quoted string at s, both quotes included; 0 when it is cut off. */
static size_t
quoted_len(const char *s)
{
    for (size_t i = 1; s[i]; i++) {
        if (s[i] == '\\' && s[i + 1])
            i++;
        else if (s[i] == '"')
            return i + 1;
    }
    return 0;
}

static void
json_value(struct line *line, const char *s, size_t len)
{
    if (s[0] == '"' || is_json_number(s, len) || (len == 4 && memcmp(s, "true", 4) == 0) ||
        (len == 5 && memcmp(s, "false", 5) == 0)) {
        line_add(line, s, len);
        return;
    }
    char bare[QUOTED_MAX_LEN];
    snprintf(bare, sizeof(bare), "%.*s", (int)len, s);
    line_text(line, log_q(bare));
}

/* One member; nothing at all when the line has no room for it, so that it stays valid JSON. */
static void
json_member(struct line *line, const char *name, size_t name_len, const char *value, size_t len)
{
    char key[64];
    if (line->len + name_len + 2 * len + 8 > LINE_MAX_LEN)
        return;
    snprintf(key, sizeof(key), "%.*s", (int)name_len, name);
    if (line->len > 1)
        line_text(line, ",");
    line_text(line, log_q(key));
    line_text(line, ":");
    json_value(line, value, len);
}

/* "key=value key=\"quoted value\" words" to members; words without "=" go together as "message". */
static void
json_members(struct line *line, const char *s)
{
    while (*s) {
        size_t name_len = strcspn(s, "= ");
        if (s[name_len] != '=') {
            json_member(line, "message", 7, s, strlen(s));
            return;
        }
        const char *value = s + name_len + 1;
        size_t len = *value == '"' ? quoted_len(value) : strcspn(value, " ");
        if (len == 0 && *value == '"')
            return;
        json_member(line, s, name_len, value, len);
        s = value + len;
        s += strspn(s, " ");
    }
}

static void
time_text(char out[32])
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static void
line_json(struct line *line, enum log_level level, const char *event, const char *text)
{
    char when[32];
    struct line plain = {.len = 0};
    time_text(when);
    line_escaped(&plain, text);
    plain.p[plain.len] = '\0';
    line_text(line, "{");
    json_member(line, "time", 4, when, strlen(when));
    json_member(line, "level", 5, level_names[level], strlen(level_names[level]));
    json_member(line, "program", 7, state.program, strlen(state.program));
    json_member(line, "event", 5, event, strlen(event));
    json_members(line, plain.p);
    line_text(line, "}");
}

static void
line_plain(struct line *line, enum log_level level, const char *event, const char *text)
{
    char when[32];
    if (state.form == LOG_FORM_TEXT) {
        time_text(when);
        line_text(line, when);
        line_text(line, " ");
        line_text(line, state.program);
        line_text(line, " ");
        line_text(line, level_names[level]);
        line_text(line, " ");
    }
    line_escaped(line, event);
    if (*text) {
        line_text(line, " ");
        line_escaped(line, text);
    }
}

/* One write per line, so that lines of several threads and processes do not mix. */
static void
line_write(struct line *line)
{
    line->p[line->len++] = '\n';
    while (write(STDERR_FILENO, line->p, line->len) < 0 && errno == EINTR)
        continue;
}

void
log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    char text[2 * LINE_MAX_LEN];
    struct line line = {.len = 0};
    va_list ap;
    int saved_errno = errno;

    if (level > state.level)
        return;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    if (state.form == LOG_FORM_JSON)
        line_json(&line, level, event, text);
    else
        line_plain(&line, level, event, text);
    line.p[line.len] = '\0';
    if (state.form == LOG_FORM_SYSLOG)
        syslog(level_priorities[level], "%s", line.p);
    else
        line_write(&line);
    errno = saved_errno;
}
