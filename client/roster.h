/* SPDX-License-Identifier: PostgreSQL */
/*
 * roster.h - the names of the user's servers, kept so that `ssh` to any other host is not slowed.
 *
 * `sft resolve` runs for every ssh of the user. Asking the platform about each name would be slow
 * and would tell it all hosts that the user visits; so the list of names is fetched instead.
 */
#ifndef SFT_CLIENT_ROSTER_H
#define SFT_CLIENT_ROSTER_H

#include <stdint.h>

#include <json-c/json.h>

#include "account.h"

enum roster_answer { ROSTER_NO, ROSTER_YES, ROSTER_STALE };

/* Whether name is one of ours; ROSTER_STALE: not in the list, but the list is old or missing. */
enum roster_answer roster_ask(const struct account *a, const char *name, int64_t lifetime_s);
/* Keeps the names in a list of servers. */
SFT_CHECKED int roster_save(const struct account *a, struct json_object *servers,
                            struct failure *f);
/* Nobody answered: the old list counts as new for a while. */
void roster_postpone(const struct account *a);

#endif
