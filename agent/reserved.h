/* SPDX-License-Identifier: PostgreSQL */
/*
 * reserved.h - names that belong to the operating system and its packages.
 */
#ifndef SFTD_RESERVED_H
#define SFTD_RESERVED_H

#include <stdbool.h>

/*
 * Whether an account or group of this name has, or gets when its package is installed, rights of
 * its own. Those that are on the host are never ours anyway; these are the ones that are not there
 * yet.
 */
bool name_is_reserved(const char *name);

#endif
