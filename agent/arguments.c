/* SPDX-License-Identifier: PostgreSQL */
/*
 * arguments.c - sftd's command line.
 */
#include "agent/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"

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

int
arguments_parse(int argc, char **argv, struct arguments *args)
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
