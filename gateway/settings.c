/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.c - the table of configuration keys, and what must fit together.
 */
#include "gateway/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536
#define KEYS_N 25

static const struct settings defaults = {
    .threads = 1,
    .connections = 8,
    .batch_connections = 2,
    .max_connections = 10000,
    .queue = 10000,
    .max_body = 262144,
    .read_timeout_s = 10,
    .send_timeout_s = 30,
    .queue_timeout_s = 5,
    .request_timeout_s = 30,
    .statement_timeout_s = 20,
    .connect_timeout_s = 5,
    .stop_timeout_s = 20,
};

static void
build_keys(struct settings *s, struct conf_key keys[KEYS_N])
{
    const struct conf_key table[KEYS_N] = {
        {"listen", CONF_TEXT, &s->listen, 0, 0, "Addresses for HTTPS, host:port, comma between."},
        {"listen_plain", CONF_TEXT, &s->listen_plain, 0, 0,
         "Loopback addresses for HTTP without TLS (a proxy on this machine)."},
        {"tls_certificate", CONF_TEXT, &s->tls_certificate, 0, 0,
         "Certificate chain, PEM; read again on SIGHUP."},
        {"tls_key", CONF_TEXT, &s->tls_key, 0, 0, "Its private key, PEM; not readable by others."},
        {"database", CONF_TEXT, &s->database, 0, 0,
         "libpq connection string; with several hosts add target_session_attrs=read-write."},
        {"listen_database", CONF_TEXT, &s->listen_database, 0, 0,
         "A direct connection for LISTEN when database goes through pgbouncer (default: "
         "database)."},
        {"user", CONF_TEXT, &s->user, 0, 32, "Account to become when started as root."},
        {"log", CONF_TEXT, &s->log, 0, 10,
         "text, json (both to stderr) or syslog (default: text)."},
        {"log_level", CONF_TEXT, &s->log_level, 0, 10,
         "error, warn, info or debug (default: info)."},
        {"access_log", CONF_TEXT, &s->access_log, 0, 0,
         "File for access lines (JSON), \"-\" for stdout, \"none\" (default: -)."},
        {"threads", CONF_INT, &s->threads, 1, 32, "Event loops, each with its own connections."},
        {"connections", CONF_INT, &s->connections, 1, 64, "Database connections per thread."},
        {"batch_connections", CONF_INT, &s->batch_connections, 1, 64,
         "How many of them batches use at a time; few make large batches."},
        {"max_connections", CONF_INT, &s->max_connections, 1, 1000000,
         "Client connections in all."},
        {"connections_per_peer", CONF_INT, &s->connections_per_peer, 1, 1000000,
         "Client connections from one address (default: half of max_connections)."},
        {"queue", CONF_INT, &s->queue, 1, 1000000,
         "Requests that may wait for the database, per thread."},
        {"max_body", CONF_INT, &s->max_body, 1024, 33554432,
         "Bytes of a body, whatever a route allows."},
        {"read_timeout_s", CONF_INT, &s->read_timeout_s, 1, 600,
         "For the TLS handshake, for a whole request, and for an idle connection."},
        {"send_timeout_s", CONF_INT, &s->send_timeout_s, 1, 600,
         "For a client to take its answer."},
        {"queue_timeout_s", CONF_INT, &s->queue_timeout_s, 1, 600,
         "How long a request waits for a database connection before it gets 503."},
        {"request_timeout_s", CONF_INT, &s->request_timeout_s, 1, 600,
         "How long a request may take in all before it gets 504 (waiting calls have their own "
         "time)."},
        {"statement_timeout_s", CONF_INT, &s->statement_timeout_s, 0, 600,
         "Set at the server; 0 sets none (pgbouncer: use ALTER ROLE)."},
        {"connect_timeout_s", CONF_INT, &s->connect_timeout_s, 1, 60, "For a database connection."},
        {"stop_timeout_s", CONF_INT, &s->stop_timeout_s, 0, 600,
         "How long requests under way may take to end after SIGTERM."},
        {NULL, CONF_TEXT, NULL, 0, 0, NULL},
    };
    memcpy(keys, table, sizeof(table));
}

/* The whole file with a final NUL; NULL with errno (EFBIG, EILSEQ for a NUL inside). */
static char *
read_file(const char *path, mode_t *modep)
{
    struct stat st;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && (st.st_size <= FILE_MAX || (errno = EFBIG, false))) {
        text = calloc(1, (size_t)st.st_size + 1);
        ssize_t n = text ? read(fd, text, (size_t)st.st_size) : -1;
        if (n < 0 || memchr(text, '\0', (size_t)n)) {
            errno = n < 0 ? errno : EILSEQ;
            free(text);
            text = NULL;
        }
        *modep = st.st_mode;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return text;
}

static bool
pick_word(const char *key, const char *given, const char *const *words, int *out, char *message,
          size_t cap)
{
    for (int i = 0; given && words[i]; i++) {
        if (strcmp(given, words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    if (given)
        snprintf(message, cap, "%s: unknown word \"%s\"", key, given);
    return !given;
}

static bool
pick_words(struct settings *s, char *message, size_t cap)
{
    static const char *const forms[] = {"text", "json", "syslog", NULL};
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    int form = LOG_FORM_TEXT, level = LOG_LEVEL_INFO;
    if (!pick_word("log", s->log, forms, &form, message, cap) ||
        !pick_word("log_level", s->log_level, levels, &level, message, cap))
        return false;
    s->log_form = (enum log_form)form;
    s->level = (enum log_level)level;
    return true;
}

static bool
check_together(struct settings *s, mode_t mode, char *message, size_t cap)
{
    const char *what = NULL;
    if (!s->listen && !s->listen_plain)
        what = "listen is missing";
    else if (s->listen && (!s->tls_certificate || !s->tls_key))
        what = "listen needs tls_certificate and tls_key";
    else if (!s->database)
        what = "database is missing";
    else if (strstr(s->database, "password") && (mode & S_IROTH))
        what = "the file holds a password and must not be readable by everybody (chmod o-r)";
    else if (s->batch_connections > s->connections)
        what = "batch_connections is more than connections";
    else if (geteuid() == 0 && !s->user)
        what = "started as root: user must name the account to become";
    if (what)
        snprintf(message, cap, "%s", what);
    if (s->connections_per_peer == 0)
        s->connections_per_peer = (s->max_connections + 1) / 2;
    return !what;
}

bool
settings_load(struct settings *settings, const char *path, char *message, size_t cap)
{
    struct conf_key keys[KEYS_N];
    mode_t mode = 0;
    *settings = defaults;
    char *text = read_file(path, &mode);
    if (!text) {
        snprintf(message, cap, "cannot be read: %s", strerror(errno));
        return false;
    }
    build_keys(settings, keys);
    bool good = conf_parse(text, keys, message, cap) == 0 && pick_words(settings, message, cap) &&
                check_together(settings, mode, message, cap);
    free(text);
    return good;
}

void
settings_free(struct settings *settings)
{
    struct conf_key keys[KEYS_N];
    build_keys(settings, keys);
    for (size_t i = 0; keys[i].name; i++)
        if (keys[i].type == CONF_TEXT)
            free(*(char **)keys[i].where);
    *settings = (struct settings){0};
}

void
settings_describe(void)
{
    struct settings s = defaults;
    struct conf_key keys[KEYS_N];
    build_keys(&s, keys);
    for (size_t i = 0; keys[i].name; i++) {
        printf("  %-21s %s", keys[i].name, keys[i].help);
        if (keys[i].type == CONF_INT && *(int64_t *)keys[i].where > 0)
            printf(" (default: %lld)", (long long)*(int64_t *)keys[i].where);
        printf("\n");
    }
}
