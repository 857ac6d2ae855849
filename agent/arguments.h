/* SPDX-License-Identifier: PostgreSQL */
/*
 * arguments.h - sftd's command line.
 */
#ifndef SFTD_ARGUMENTS_H
#define SFTD_ARGUMENTS_H

#include <stdbool.h>

#define CONF_FILE "/etc/sft/sftd.yaml"

enum action { RUN, CHECK, DEVICE_INFO, UNINSTALL };

struct arguments {
    const char *conf;
    enum action action;
    bool once, dry_run, debug, syslog;
};

/* -1 to go on, else the exit status: help and version have been printed, or a complaint. */
int arguments_parse(int argc, char **argv, struct arguments *args);

#endif
