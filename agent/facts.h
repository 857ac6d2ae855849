/* SPDX-License-Identifier: PostgreSQL */
/*
 * facts.h - what the child tells the platform about this host; everything in it is world-readable.
 */
#ifndef SFTD_FACTS_H
#define SFTD_FACTS_H

#include <json-c/json.h>

#include "agent/conf.h"

/* The "facts" of a report; caller puts. NULL: out of memory. */
struct json_object *facts_report(const struct conf *conf);
/* The body of an enrollment, still without id, key and token. */
struct json_object *facts_enroll(const struct conf *conf);

#endif
