/* SPDX-License-Identifier: PostgreSQL */
/*
 * log.h - one line of key=value per event, to stderr or syslog.
 *
 * Control characters in values are escaped, lines are cut at 2000 bytes: no input can forge a line.
 */
#ifndef SFT_LOG_H
#define SFT_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_form { LOG_FORM_TEXT, LOG_FORM_JSON, LOG_FORM_SYSLOG };

void log_open(const char *program, enum log_form form, enum log_level level);
void log_level_set(enum log_level level);
/* event is a short fixed word; fmt gives "key=value key=value" with values quoted by log_q if
 * needed. */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* s quoted and escaped for a log value, in one of eight rotating buffers. */
const char *log_q(const char *s);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
