/* SPDX-License-Identifier: PostgreSQL */
/*
 * json.h - typed, bounded access to answers of the platform (json-c, strict).
 *
 * For client and agent only. Depth at most 16; trailing bytes, invalid UTF-8, duplicate or
 * NUL-bearing keys are errors. Unknown members are ignored. Strings point into the document.
 */
#ifndef SFT_JSON_H
#define SFT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "common/err.h"

SFT_CHECKED int json_read(const char *text, size_t len, struct json_object **docp);

/* SFT_ENOTFOUND when absent or null, SFT_EFORMAT when of another type or outside the bounds. */
SFT_CHECKED int json_str(struct json_object *obj, const char *name, size_t max, const char **out);
SFT_CHECKED int json_int(struct json_object *obj, const char *name, int64_t min, int64_t max,
                         int64_t *out);
SFT_CHECKED int json_flag(struct json_object *obj, const char *name,
                          bool *out); /* a boolean; json_bool is json-c's */
SFT_CHECKED int json_arr(struct json_object *obj, const char *name, size_t max,
                         struct json_object **out);
SFT_CHECKED int json_obj(struct json_object *obj, const char *name, struct json_object **out);
SFT_CHECKED int json_time(struct json_object *obj, const char *name, int64_t *out); /* RFC 3339 */

#endif
