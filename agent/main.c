/* SPDX-License-Identifier: PostgreSQL */
/*
 * main.c - sftd: arguments, configuration, signals, start.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/facts.h"
#include "agent/sshd.h"
#include "common/log.h"

#define CONF_FILE "/etc/sft/sftd.yaml"

enum action { RUN, CHECK, DEVICE_INFO, UNINSTALL };

struct arguments {
    const char *conf;
    enum action action;
    bool once, dry_run, debug, syslog;
};

static const char usage[] =
    "usage: sftd [option ...]\n"
    "  --conf FILE          configuration (default " CONF_FILE ")\n"
    "  --check              check the configuration and sshd's settings, then exit\n"
    "  --once               one round: enroll if needed, get the state, apply, report\n"
    "  --dry-run            one round that only prints what it would do\n"
    "  --uninstall          take sshd's settings back, so that sftd can be removed\n"
    "  --debug-device-info  print what is reported about this server, then exit\n"
    "  --debug              log everything\n"
    "  --syslog             log to syslog\n"
    "  -h, --help           this text\n"
    "  -v, --version        the version\n";

static int
parse(int argc, char **argv, struct arguments *args)
{
    static const struct option options[] = {
        {"conf", required_argument, NULL, 'f'},
        {"check", no_argument, NULL, 'c'},
        {"once", no_argument, NULL, '1'},
        {"dry-run", no_argument, NULL, 'n'},
        {"uninstall", no_argument, NULL, 'u'},
        {"debug-device-info", no_argument, NULL, 'i'},
        {"debug", no_argument, NULL, 'd'},
        {"syslog", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
        switch (c) {
        case 'f':
            args->conf = optarg;
            break;
        case 'c':
            args->action = CHECK;
            break;
        case 'n':
            args->dry_run = true;
            args->once = true;
            break;
        case '1':
            args->once = true;
            break;
        case 'u':
            args->action = UNINSTALL;
            break;
        case 'i':
            args->action = DEVICE_INFO;
            break;
        case 'd':
            args->debug = true;
            break;
        case 's':
            args->syslog = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'v':
            puts("sftd " SFTD_VERSION " (wire 1)");
            return 0;
        default:
            return 2;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "sftd: %s is no option; see sftd --help\n", argv[optind]);
    return 2;
}

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
    int err = sshd_uninstall(a, why, sizeof why);
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
    int status = parse(argc, argv, &args);
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
