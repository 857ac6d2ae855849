/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.h - what the configuration file says. Read once at start; read-only afterwards.
 */
#ifndef SFT_GATEWAY_SETTINGS_H
#define SFT_GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/log.h"

struct settings {
    char *listen, *listen_plain;
    char *tls_certificate, *tls_key;
    char *database, *listen_database;
    char *user, *log, *log_level, *access_log;
    int64_t threads, connections, batch_connections;
    int64_t max_connections, connections_per_peer, queue, max_body;
    int64_t read_timeout_s, send_timeout_s, queue_timeout_s, request_timeout_s;
    int64_t statement_timeout_s, connect_timeout_s, stop_timeout_s;
    enum log_form log_form;
    enum log_level level;
};

/* false, and message (cap bytes) says why. settings_free in any case. */
bool settings_load(struct settings *settings, const char *path, char *message, size_t cap);
void settings_free(struct settings *settings);
/* One line per key: name, default, meaning. */
void settings_describe(void);

#endif
