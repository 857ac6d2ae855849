/* SPDX-License-Identifier: PostgreSQL */
/*
 * body.h - writing a request's JSON. Its memory is wiped: passwords pass through here.
 *
 * The error is sticky: write all members, then ask body_err() once.
 */
#ifndef SFT_CLIENT_BODY_H
#define SFT_CLIENT_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define BODY_MAX 65536

struct body {
    size_t len;
    int err;
    char text[BODY_MAX];
};

void body_open(struct body *b);                                       /* "{" */
void body_str(struct body *b, const char *name, const char *value);   /* skipped when NULL */
void body_names(struct body *b, const char *name, const char *value); /* "name":["value"] */
void body_bool(struct body *b, const char *name, bool value);
void body_int(struct body *b, const char *name, long long value);
void body_begin(struct body *b, const char *name); /* an object as a member */
void body_end(struct body *b);                     /* closes the last object */
/* SFT_EFORMAT when a value is not UTF-8, SFT_ETOOLONG. */
SFT_CHECKED int body_err(const struct body *b);
void body_wipe(struct body *b);

#endif
