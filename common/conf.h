/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf.h - "key = value" files (client, gateway), driven by a table. "#" starts a comment line.
 */
#ifndef SFT_CONF_H
#define SFT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL };

struct conf_key {
    const char *name;
    enum conf_type type;
    void *where;      /* char ** (malloc'd), int64_t *, bool * */
    int64_t min, max; /* CONF_INT: bounds; CONF_TEXT: max is the longest length, 0 for 4096 */
    const char *help; /* one sentence; shown by --help and checked against the man page */
};

/*
 * Reads text into the table's places. On failure SFT_EFORMAT, and message (cap bytes) says
 * "line 3: unknown key \"lisen\"" or the like. keys (at most 64) ends with a NULL name. A text
 * already there (a default) is freed and replaced; the caller frees the texts in the end, after a
 * failure too.
 */
SFT_CHECKED int conf_parse(const char *text, const struct conf_key *keys, char *message,
                           size_t cap);

#endif
