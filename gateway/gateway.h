/* SPDX-License-Identifier: PostgreSQL */
/*
 * gateway.h - the program as a whole: settings, sockets, privileges, TLS, threads, signals.
 */
#ifndef SFT_GATEWAY_GATEWAY_H
#define SFT_GATEWAY_GATEWAY_H

#include <stdbool.h>

#define GATEWAY_VERSION "1.0"

/*
 * Serves until SIGTERM or SIGINT; SIGHUP reads the certificate and opens the access log anew.
 * only_check: looks at the configuration and the certificate, and stops. Returns the exit status:
 * 0, 1 failed, 2 bad configuration.
 */
int gateway_run(const char *path, bool only_check);

#endif
