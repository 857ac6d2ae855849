/* SPDX-License-Identifier: PostgreSQL */
/*
 * gateway.c - from a configuration file to running threads, and their signals.
 */
#include "gateway/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/call.h"
#include "gateway/early.h"
#include "gateway/privilege.h"
#include "gateway/worker.h"

#define MESSAGE_MAX 512
#define SPARE_DESCRIPTORS 64

struct gateway {
    struct settings settings;
    struct listen listen;
    struct tls tls;
    h2o_globalconf_t config;
    int access_fd;
    atomic_size_t ready_n;
    size_t workers_n;
    struct worker *workers[32];
};

static int
fail(const char *what, const char *message)
{
    fprintf(stderr, "sft-gateway: %s%s%s\n", what, *what ? ": " : "", message);
    return 1;
}

/* The file for access lines; replaces fd in place when there is one already. */
static bool
open_access_log(const char *path, int *fdp)
{
    if (path && strcmp(path, "none") == 0)
        return true;
    int fd = path && strcmp(path, "-") != 0
                 ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)
                 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return false;
    if (*fdp < 0) {
        *fdp = fd;
        return true;
    }
    bool done = dup3(fd, *fdp, O_CLOEXEC) >= 0;
    close(fd);
    return done;
}

static void
configure_h2o(struct gateway *gateway)
{
    const struct settings *s = &gateway->settings;
    h2o_config_init(&gateway->config);
    compat_config_limits(&gateway->config, (size_t)s->max_body, (uint64_t)s->read_timeout_s * 1000);
    gateway->config.server_name = h2o_iovec_init(H2O_STRLIT("sft"));
    h2o_hostconf_t *host =
        h2o_config_register_host(&gateway->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    call_register(h2o_config_register_path(host, "/", 0));
    early_register(&host->fallback_path);
}

/* Everything that can fail, before the first thread. */
static int
prepare(struct gateway *gateway)
{
    const struct settings *s = &gateway->settings;
    size_t databases = (size_t)(s->threads * (s->connections + 4));
    char message[MESSAGE_MAX];

    if (!privilege_limits((size_t)s->max_connections + databases + SPARE_DESCRIPTORS))
        return fail("", "max_connections is more than the system's limit of open files allows");
    if ((s->listen && !listen_open(&gateway->listen, s->listen, true, message, MESSAGE_MAX)) ||
        (s->listen_plain &&
         !listen_open(&gateway->listen, s->listen_plain, false, message, MESSAGE_MAX)) ||
        !privilege_drop(s->user, message, MESSAGE_MAX) ||
        (s->listen && !tls_load(&gateway->tls, message, MESSAGE_MAX)))
        return fail("", message);
    if (!open_access_log(s->access_log, &gateway->access_fd))
        return fail(s->access_log ? s->access_log : "stdout", strerror(errno));
    return 0;
}

static void
reload(struct gateway *gateway)
{
    char message[MESSAGE_MAX];
    if (gateway->settings.listen && !tls_load(&gateway->tls, message, MESSAGE_MAX))
        log_error("reload_failed", "reason=%s", log_q(message));
    else
        log_info("reloaded", "certificate=%s", log_q(gateway->settings.tls_certificate));
    if (!open_access_log(gateway->settings.access_log, &gateway->access_fd))
        log_error("access_log_failed", "reason=%s", log_q(strerror(errno)));
    for (size_t i = 0; i < gateway->workers_n; i++)
        worker_order_reload(gateway->workers[i]);
}

static bool
start_workers(struct gateway *gateway)
{
    for (; gateway->workers_n < (size_t)gateway->settings.threads; gateway->workers_n++) {
        struct worker *worker = worker_new();
        worker->settings = &gateway->settings;
        worker->config = &gateway->config;
        worker->tls = &gateway->tls;
        worker->listen = &gateway->listen;
        worker->access.fd = gateway->access_fd;
        worker->ready_n = &gateway->ready_n;
        gateway->workers[gateway->workers_n] = worker;
        if (!worker_start(worker))
            return false;
    }
    return true;
}

static void
stop_workers(struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->workers_n; i++)
        worker_order_stop(gateway->workers[i]);
    for (size_t i = 0; i < gateway->workers_n; i++)
        worker_join(gateway->workers[i]);
}

/* The threads inherit the blocked signals; this thread waits for them. */
static int
serve(struct gateway *gateway)
{
    sigset_t signals;
    int signo = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    configure_h2o(gateway);
    if (!start_workers(gateway))
        return fail("thread", strerror(errno));
    log_info("started", "version=%s threads=%zu", GATEWAY_VERSION, gateway->workers_n);
    while (sigwait(&signals, &signo) == 0 && signo == SIGHUP)
        reload(gateway);
    log_info("stopping", "signal=%d", signo);
    listen_close(&gateway->listen);
    stop_workers(gateway);
    log_info("stopped", "%s", "");
    return 0;
}

static int
check(struct gateway *gateway)
{
    char message[MESSAGE_MAX];
    if (gateway->settings.listen && !tls_load(&gateway->tls, message, MESSAGE_MAX))
        return fail("", message);
    printf("sft-gateway: the configuration is fine\n");
    return 0;
}

int
gateway_run(const char *path, bool only_check)
{
    static struct gateway gateway = {.access_fd = -1};
    char message[MESSAGE_MAX];
    int status;

    if (!settings_load(&gateway.settings, path, message, sizeof(message))) {
        fail(path, message);
        settings_free(&gateway.settings);
        return 2;
    }
    log_open("sft-gateway", gateway.settings.log_form, gateway.settings.level);
    tls_init(&gateway.tls, gateway.settings.tls_certificate, gateway.settings.tls_key);
    if (only_check)
        status = check(&gateway);
    else if ((status = prepare(&gateway)) == 0)
        status = serve(&gateway);
    tls_free(&gateway.tls);
    settings_free(&gateway.settings);
    return status;
}
