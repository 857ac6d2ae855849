/* SPDX-License-Identifier: PostgreSQL */
/*
 * relay.h - standard input and output to a TCP connection and back, until both sides are done.
 */
#ifndef SFT_CLIENT_RELAY_H
#define SFT_CLIENT_RELAY_H

#include "fail.h"

/* Connects; address and port were checked. SFT_EXIT_ERROR when nobody listens. */
SFT_CHECKED int relay_connect(const char *address, int port, int *fdp, struct failure *f);
/* Moves bytes until the peer has closed, or our reader has gone. Closes fd. */
SFT_CHECKED int relay_run(int fd, struct failure *f);

#endif
