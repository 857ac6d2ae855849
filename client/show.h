/* SPDX-License-Identifier: PostgreSQL */
/*
 * show.h - what people and programs read on standard output: tables, descriptions, JSON.
 *
 * All that others wrote is cleaned before it reaches a terminal: control characters, escape
 * sequences and characters that reorder text become "?". JSON carries values as they are, escaped.
 */
#ifndef SFT_CLIENT_SHOW_H
#define SFT_CLIENT_SHOW_H

#include <stddef.h>

#include <json-c/json.h>

#include "fail.h"

/* Copies s, at most cap - 1 bytes and whole characters, with everything that is unsafe as "?". */
void show_clean(char *out, size_t cap, const char *s);

enum show_form { SHOW_TABLE, SHOW_JSON, SHOW_DESCRIBE };

struct show {
    enum show_form form;
    const char *columns; /* "hostname,id" as the command line named them, or NULL */
};

/* Reads -o's value. Fails with SFT_EXIT_USAGE. */
SFT_CHECKED int show_form_read(const char *text, enum show_form *out, struct failure *f);
/*
 * An array of objects as one table, one JSON array, or blocks of "name value". defaults are the
 * table's columns when the command line names none.
 */
SFT_CHECKED int show_list(const struct show *show, const char *defaults, struct json_object *list,
                          struct failure *f);
/* One object: "name value" lines, or JSON. */
SFT_CHECKED int show_object(const struct show *show, struct json_object *object, struct failure *f);

#endif
