/* SPDX-License-Identifier: PostgreSQL */
/*
 * notify.h - tells systemd that the service is ready, when systemd asked to be told.
 */
#ifndef SFTD_NOTIFY_H
#define SFTD_NOTIFY_H

void notify_ready(void);

#endif
