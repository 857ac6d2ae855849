/* SPDX-License-Identifier: PostgreSQL */
/*
 * owned.h - the list of accounts and groups that sftd made on this host and may change or remove.
 *
 * A line "u <name> <id>" or "g <name> <id>" each, in <state dir>/owned; written before a thing is
 * made and struck out after it is gone, so that a crash between leaves nothing that is not on the
 * list.
 */
#ifndef SFTD_OWNED_H
#define SFTD_OWNED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

enum owned_kind { OWNED_USER = 'u', OWNED_GROUP = 'g' };

struct owned_row {
    enum owned_kind kind;
    char name[33];
    unsigned id;
};

struct owned {
    struct owned_row *rows;
    size_t n;
    bool unsaved; /* the file does not have all of it */
};

/* A missing file is an empty list; a damaged one is an error. */
SFT_CHECKED int owned_load(struct owned *o, const char *path);
SFT_CHECKED int owned_parse(struct owned *o, const char *text);
void owned_free(struct owned *o);
bool owned_has(const struct owned *o, enum owned_kind kind, const char *name, unsigned id);
/* Change list and file. A name that was there gets the new id. */
SFT_CHECKED int owned_add(struct owned *o, const char *path, enum owned_kind kind, const char *name,
                          unsigned id);
/* Puts in one more row without writing the file; owned_save does that for many. */
SFT_CHECKED int owned_put(struct owned *o, enum owned_kind kind, const char *name, unsigned id);
SFT_CHECKED int owned_save(struct owned *o, const char *path);
SFT_CHECKED int owned_drop(struct owned *o, const char *path, enum owned_kind kind,
                           const char *name);

#endif
