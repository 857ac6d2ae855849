/* SPDX-License-Identifier: PostgreSQL */
/*
 * throw.h - how the vault refuses: SQLSTATE, a sentence, and the error word in the CONSTRAINT
 * field.
 */
#ifndef SFTCA_THROW_H
#define SFTCA_THROW_H

#include "common/err.h"

/* 22023: what the caller gave is wrong. */
#define SFTCA_INVALID MAKE_SQLSTATE('2', '2', '0', '2', '3')
#define SFTCA_NOT_FOUND MAKE_SQLSTATE('S', 'F', '4', '0', '4')
#define SFTCA_CONFLICT MAKE_SQLSTATE('S', 'F', '4', '0', '9')
#define SFTCA_INTERNAL MAKE_SQLSTATE('S', 'F', '5', '0', '0')
#define SFTCA_UNAVAILABLE MAKE_SQLSTATE('S', 'F', '5', '0', '3')

/* Raises. No OpenSSL handle may be alive. */
_Noreturn void sftca_refuse(int sqlstate, const char *word, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A core error about what. */
_Noreturn void sftca_throw(int err, const char *what);
/* A core error about a public key that somebody gave: public_key_malformed, _weak, ... */
_Noreturn void sftca_throw_key(int err);

#endif
