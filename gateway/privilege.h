/* SPDX-License-Identifier: PostgreSQL */
/*
 * privilege.h - becoming somebody unimportant after the sockets are open.
 */
#ifndef SFT_GATEWAY_PRIVILEGE_H
#define SFT_GATEWAY_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

/* Becomes user when we are root (user may be NULL when we are not); then nothing can be won back.
 */
bool privilege_drop(const char *user, char *message, size_t cap);
/* No core file, room for this many descriptors; false when the system allows fewer. */
bool privilege_limits(size_t descriptors);

#endif
