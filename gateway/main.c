/* SPDX-License-Identifier: PostgreSQL */
/*
 * main.c - sft-gateway: HTTPS in front of the platform's database. Arguments only; see gateway.c.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/h2o_compat.h"
#include "gateway/settings.h"

static void
usage(void)
{
    printf(
        "Usage: sft-gateway --config FILE [--check] | --help | --version\n\n"
        "Serves the platform's HTTP API from PostgreSQL.\n"
        "  --check    read the configuration and the certificate, say what is wrong, and stop\n\n"
        "Keys of the configuration file (\"key = value\"):\n");
    settings_describe();
}

static int
misused(const char *what)
{
    fprintf(stderr, "sft-gateway: %s (try --help)\n", what);
    return 2;
}

int
main(int argc, char **argv)
{
    const char *path = NULL;
    bool only_check = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            only_check = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage();
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("sft-gateway %s (libh2o %s, libpq %d)\n", GATEWAY_VERSION, H2O_VERSION,
                   PQlibVersion());
            return 0;
        } else {
            return misused("unknown or incomplete option");
        }
    }
    return path ? gateway_run(path, only_check) : misused("--config FILE is needed");
}
