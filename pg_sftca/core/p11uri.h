/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11uri.h - which key in which token: the part of PKCS#11 URIs (RFC 7512) that we understand.
 *
 * Path attributes token, serial, object, id and type=private, each at most once; object or id must
 * be there. Anything else, a query with a PIN or a module in it above all, is refused.
 */
#ifndef SFTCA_P11URI_H
#define SFTCA_P11URI_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define P11URI_MAX 512
#define P11URI_TEXT_MAX 128

struct p11uri {
    char token[33], serial[17]; /* "" when not given; as long as tokens can have them */
    char object[P11URI_TEXT_MAX];
    uint8_t id[64];
    size_t id_len;
};

/* SFT_EFORMAT, SFT_ETOOLONG */
SFT_CHECKED int p11uri_parse(struct p11uri *out, const char *text);

#endif
