/* SPDX-License-Identifier: PostgreSQL */
/*
 * net.h - the unprivileged child: HTTPS and JSON, on behalf of the parent.
 */
#ifndef SFTD_NET_H
#define SFTD_NET_H

#include "agent/conf.h"

/* Answers the parent's messages on fd until it closes; the child's exit status. */
int net_serve(int fd, const struct conf *conf);

#endif
