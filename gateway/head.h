/* SPDX-License-Identifier: PostgreSQL */
/*
 * head.h - a second, strict look at a request's raw head.
 *
 * libh2o 2.2.5 takes the first of two Content-Length headers, the last of two Host headers, drops a
 * length next to Transfer-Encoding and tells a handler none of it. Whatever two readers could
 * understand differently is refused here, and the connection closed.
 */
#ifndef SFT_GATEWAY_HEAD_H
#define SFT_GATEWAY_HEAD_H

#include <stddef.h>

#include "gateway/status.h"

#define HEAD_MAX 32768      /* bytes of request line and headers */
#define HEAD_VALUE_MAX 8192 /* bytes of one value */
#define HEAD_CREDENTIAL_MAX 4096

/*
 * p: the connection's input, which starts with a head that libh2o could parse and may go on with a
 * body and further requests. NULL when it is clean.
 */
const struct refusal *head_check(const char *p, size_t len);

#endif
