/* SPDX-License-Identifier: PostgreSQL */
/*
 * main.c - sftd: configuration, signals, start.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/arguments.h"
#include "agent/facts.h"
#include "agent/observe.h"
#include "agent/sshd.h"
#include "common/fsx.h"
#include "common/log.h"

static void
on_signal(int sig)
{
    (void)sig;
    agent_stop = 1;
}

/* Signals are let in only where the parent waits; a broken pipe is an error value. */
static void
set_signals(void)
{
    const struct sigaction stop = {.sa_handler = on_signal};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

static enum log_level
level_of(const struct arguments *args, const struct conf *conf)
{
    if (args->debug || getenv("SFT_DEBUG") || strcmp(conf->log_level, "DEBUG") == 0)
        return LOG_LEVEL_DEBUG;
    return strcmp(conf->log_level, "WARN") == 0 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

static int
device_info(const struct conf *conf)
{
    struct json_object *doc = facts_report(conf);
    const char *text = doc ? json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE)
                           : NULL;
    fprintf(stderr, "%s\n", text ? text : "out of memory");
    json_object_put(doc);
    return text ? 0 : 1;
}

static int
check(struct agent *a)
{
    struct sshd_settings s;
    char why[300] = "";
    int err = sshd_settings(a, NULL, &s, why, sizeof why);
    if (err) {
        printf("sshd: %s\n", why[0] ? why : "there is no sshd on this server");
        return 1;
    }
    bool ours = sshd_is_ours(a, &s);
    printf("configuration: good\nsshd: %s\n",
           ours ? "trusts the platform's certificates" : "does not have sftd's settings (yet)");
    return 0;
}

static int
uninstall(struct agent *a)
{
    char why[300] = "";
    if (fsx_lock(a->paths.lock, false) < 0) {
        fprintf(stderr, "sftd: stop the running sftd first\n");
        return 1;
    }
    int err = sshd_uninstall(a, why, sizeof why);
    if (!err)
        err = observe_sudoers_remove(a);
    if (err)
        fprintf(stderr, "sftd: %s\n", why[0] ? why : sft_strerror(err));
    return err ? 1 : 0;
}

static int
act(struct agent *a, const struct arguments *args)
{
    if (args->action == DEVICE_INFO)
        return device_info(a->conf);
    if (args->action == CHECK)
        return check(a);
    if (geteuid() != 0) {
        fprintf(stderr, "sftd: must run as root\n");
        return 1;
    }
    return args->action == UNINSTALL ? uninstall(a) : agent_run(a);
}

int
main(int argc, char **argv)
{
    static struct agent agent;
    struct arguments args = {.conf = CONF_FILE};
    struct conf conf;
    char message[300];
    int status = arguments_parse(argc, argv, &args);
    if (status >= 0)
        return status;
    umask(022);
    set_signals();
    if (conf_load(&conf, args.conf, strcmp(args.conf, CONF_FILE) != 0, message, sizeof message)) {
        fprintf(stderr, "sftd: %s: %s\n", args.conf, message);
        return 1;
    }
    log_open("sftd", args.syslog ? LOG_FORM_SYSLOG : LOG_FORM_TEXT, level_of(&args, &conf));
    agent.conf = &conf;
    agent.os = &os_linux;
    agent.once = args.once;
    agent.dry_run = args.dry_run;
    status = paths_make(&agent.paths, &conf) == 0 ? act(&agent, &args) : 1;
    conf_free(&conf);
    return status;
}
