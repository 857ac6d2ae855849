/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_ssh.h - SSH certificates and texts of others as SQL arguments (for sql_certificate.c and
 * sql_krl_read.c).
 */
#ifndef SFTCA_SQL_SSH_H
#define SFTCA_SQL_SSH_H

#include "fmgr.h"

#include "core/certview.h"

/* A certificate's bytes, from "type base64 comment" (one final newline is fine). NULL when it is no
 * such line. */
bytea *ssh_certificate_bytes(const text *line);
/* Whether the type that the line says is the one inside. */
bool ssh_line_says(const text *line, const char *type);
/* Seconds since 1970 as a timestamp; past PostgreSQL's calendar, infinity. */
Datum ssh_time(uint64 seconds);
Datum ssh_numeric(uint64 n);
/* UTF-8 of others as text of this database; refuses with word, naming field. */
Datum ssh_text(const uint8_t *p, size_t len, const char *word, const char *field);
Datum ssh_key_text(const struct sshkey *key);
Datum ssh_key_fingerprint(const struct sshkey *key);

#endif
