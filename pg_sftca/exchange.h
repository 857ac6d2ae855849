/* SPDX-License-Identifier: PostgreSQL */
/*
 * exchange.h - the one folder from which keys come in: pg_sftca.key_directory.
 */
#ifndef SFTCA_EXCHANGE_H
#define SFTCA_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

/* Defines the setting. */
void exchange_init(void);
/*
 * Reads a file of that folder by its mere name (secretfile.h says whose it must be) into buf, which
 * has room for cap bytes; the caller wipes. Raises key_directory, file_name, file_refused.
 */
void exchange_read(const char *what, const char *name, bool is_public, char *buf, size_t cap,
                   size_t *lenp);

#endif
