/* SPDX-License-Identifier: PostgreSQL */
/*
 * addresses.h - the address lists of sshd ("source-address"), read as sshd reads them.
 *
 * What may be written into a certificate is narrower: option.h.
 */
#ifndef SFTCA_ADDRESSES_H
#define SFTCA_ADDRESSES_H

#include <stddef.h>

enum addresses { ADDRESSES_MALFORMED = -1, ADDRESSES_OUTSIDE, ADDRESSES_INSIDE };

/*
 * Whether address is in one of the list's networks. NULL asks for the list's form only, and is
 * inside any that is well formed.
 */
enum addresses addresses_match(const char *list, size_t len, const char *address);

#endif
