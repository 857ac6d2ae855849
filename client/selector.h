/* SPDX-License-Identifier: PostgreSQL */
/*
 * selector.h - "a=b,c!=d,e in (x,y),f notin (z),g,!h" over the members and labels of rows.
 */
#ifndef SFT_CLIENT_SELECTOR_H
#define SFT_CLIENT_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "fail.h"

#define SELECTOR_TERMS_MAX 16
#define SELECTOR_VALUES_MAX 16
#define SELECTOR_TEXT_MAX 1024

struct selector_term {
    const char *key;
    bool is_negative; /* !=, notin, !key */
    size_t values_n;  /* 0: the key is there */
    const char *values[SELECTOR_VALUES_MAX];
};

struct selector {
    size_t n;
    struct selector_term terms[SELECTOR_TERMS_MAX];
    char text[SELECTOR_TEXT_MAX]; /* what the terms point into */
};

/* SFT_EXIT_USAGE when the text is no selector. */
SFT_CHECKED int selector_read(struct selector *s, const char *text, struct failure *f);
/*
 * A row's own member wins over a label of that name; a label's name without its source means any
 * source; what is missing is not equal to anything.
 */
bool selector_fits(const struct selector *s, struct json_object *row);
/* Replaces *listp by the rows that fit. */
SFT_CHECKED int selector_apply(const struct selector *s, struct json_object **listp,
                               struct failure *f);
/* Both at once; text may be NULL. */
SFT_CHECKED int selector_only(struct json_object **listp, const char *text, struct failure *f);

#endif
