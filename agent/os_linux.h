/* SPDX-License-Identifier: PostgreSQL */
/*
 * os_linux.h - the parts of the Linux file that have a file of their own.
 */
#ifndef SFTD_OS_LINUX_H
#define SFTD_OS_LINUX_H

#include <sys/types.h>

#include "agent/os.h"

SFT_CHECKED int linux_observe(struct actual *a, const struct state *desired);
SFT_CHECKED int linux_home_create(const struct wanted_user *u, char *why, size_t cap);
SFT_CHECKED int linux_logins_end(const char *name, uid_t uid, char *why, size_t cap);
SFT_CHECKED int linux_sshd_reload(const char *pid_file, char *why, size_t cap);

#endif
