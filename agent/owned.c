/* SPDX-License-Identifier: PostgreSQL */
/*
 * owned.c - the list of accounts and groups that sftd made on this host.
 */
#include "agent/owned.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fsx.h"
#include "common/names.h"
#include "common/text.h"

#define FILE_MAX (4u << 20)
#define LINE_MAX_LEN 64

static int
grow(struct owned *o)
{
    if (o->n % 64 != 0)
        return 0;
    struct owned_row *rows = realloc(o->rows, (o->n + 64) * sizeof *rows);
    if (!rows)
        return SFT_ENOMEM;
    o->rows = rows;
    return 0;
}

static struct owned_row *
find(const struct owned *o, enum owned_kind kind, const char *name)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->rows[i].kind == kind && strcmp(o->rows[i].name, name) == 0)
            return &o->rows[i];
    return NULL;
}

static int
append(struct owned *o, enum owned_kind kind, const char *name, unsigned id)
{
    int err = grow(o);
    if (err)
        return err;
    struct owned_row *row = &o->rows[o->n++];
    row->kind = kind;
    row->id = id;
    snprintf(row->name, sizeof row->name, "%s", name);
    return 0;
}

static int
parse_line(struct owned *o, const char *line)
{
    char kind, name[33], id[16];
    int end = 0;
    uint64_t n;
    if (sscanf(line, "%c %32[a-z0-9_-] %15[0-9]%n", &kind, name, id, &end) != 3 || line[end])
        return SFT_EFORMAT;
    if ((kind != OWNED_USER && kind != OWNED_GROUP) || !name_is_server_user(name) ||
        text_u64(id, UINT32_MAX, &n) != 0 || n < 1000)
        return SFT_EFORMAT;
    return append(o, (enum owned_kind)kind, name, (unsigned)n);
}

int
owned_parse(struct owned *o, const char *text)
{
    char line[LINE_MAX_LEN];
    memset(o, 0, sizeof *o);
    while (*text) {
        size_t len = strcspn(text, "\n");
        int err = len < sizeof line && text[len] == '\n' ? 0 : SFT_EFORMAT;
        if (!err) {
            memcpy(line, text, len);
            line[len] = '\0';
            err = parse_line(o, line);
        }
        if (err) {
            owned_free(o);
            return err;
        }
        text += len + 1;
    }
    return 0;
}

int
owned_load(struct owned *o, const char *path)
{
    char *text;
    memset(o, 0, sizeof *o);
    int err = fsx_read_secret(path, FILE_MAX, &text, NULL);
    if (err)
        return err == SFT_ENOTFOUND ? 0 : err;
    err = owned_parse(o, text);
    free(text);
    return err;
}

void
owned_free(struct owned *o)
{
    free(o->rows);
    memset(o, 0, sizeof *o);
}

bool
owned_has(const struct owned *o, enum owned_kind kind, const char *name, unsigned id)
{
    const struct owned_row *row = find(o, kind, name);
    return row && row->id == id;
}

int
owned_save(struct owned *o, const char *path)
{
    char *text = malloc(o->n * LINE_MAX_LEN + 1);
    size_t len = 0;
    if (!text)
        return SFT_ENOMEM;
    for (size_t i = 0; i < o->n; i++)
        len += (size_t)snprintf(text + len, LINE_MAX_LEN, "%c %s %u\n", o->rows[i].kind,
                                o->rows[i].name, o->rows[i].id);
    int err = fsx_write(path, text, len, 0600);
    o->unsaved = err != 0;
    free(text);
    return err;
}

int
owned_put(struct owned *o, enum owned_kind kind, const char *name, unsigned id)
{
    struct owned_row *row = find(o, kind, name);
    o->unsaved = true;
    if (!row)
        return append(o, kind, name, id);
    row->id = id;
    return 0;
}

int
owned_add(struct owned *o, const char *path, enum owned_kind kind, const char *name, unsigned id)
{
    if (owned_has(o, kind, name, id) && !o->unsaved)
        return 0;
    int err = owned_put(o, kind, name, id);
    return err ? err : owned_save(o, path);
}

int
owned_drop(struct owned *o, const char *path, enum owned_kind kind, const char *name)
{
    struct owned_row *row = find(o, kind, name);
    if (!row)
        return 0;
    o->n--;
    memmove(row, row + 1, (size_t)(&o->rows[o->n] - row) * sizeof *row);
    return owned_save(o, path);
}
