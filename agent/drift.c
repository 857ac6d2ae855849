/* SPDX-License-Identifier: PostgreSQL */
/*
 * drift.c - the list of differences that are reported instead of repaired.
 */
#include "agent/drift.h"

#include <stdio.h>
#include <string.h>

#include "common/sbuf.h"

void
drift_clear(struct drift *d)
{
    d->n = 0;
    d->left_out = 0;
}

/* What programs say may be in any encoding; reports are JSON. */
static void
put(char *out, size_t cap, const char *text)
{
    snprintf(out, cap, "%s", text);
    for (; *out; out++)
        if (*out < ' ' || *out > '~')
            *out = '?';
}

void
drift_add(struct drift *d, const char *what, const char *reason, const char *fix)
{
    for (size_t i = 0; i < d->n; i++)
        if (strncmp(d->rows[i].what, what, sizeof d->rows[i].what - 1) == 0 &&
            strncmp(d->rows[i].reason, reason, sizeof d->rows[i].reason - 1) == 0)
            return;
    if (d->n == DRIFT_MAX) {
        d->left_out++;
        return;
    }
    struct drift_row *row = &d->rows[d->n++];
    put(row->what, sizeof row->what, what);
    put(row->reason, sizeof row->reason, reason);
    put(row->fix, sizeof row->fix, fix);
}

int
drift_pack(const struct drift *d, void *out, size_t cap, size_t *lenp)
{
    struct sbuf b;
    sb_writer(&b, out, cap);
    sb_u32(&b, (uint32_t)d->n);
    for (size_t i = 0; i < d->n; i++) {
        sb_cstr(&b, d->rows[i].what);
        sb_cstr(&b, d->rows[i].reason);
        sb_cstr(&b, d->rows[i].fix);
    }
    *lenp = b.len;
    return sb_err(&b);
}

int
drift_unpack(struct drift *d, const void *bytes, size_t len)
{
    struct sbuf b;
    drift_clear(d);
    sb_reader(&b, bytes, len);
    uint32_t n = sb_get_u32(&b);
    if (n > DRIFT_MAX)
        return SFT_ETOOLONG;
    for (uint32_t i = 0; i < n; i++) {
        sb_get_cstr(&b, d->rows[i].what, sizeof d->rows[i].what);
        sb_get_cstr(&b, d->rows[i].reason, sizeof d->rows[i].reason);
        sb_get_cstr(&b, d->rows[i].fix, sizeof d->rows[i].fix);
    }
    sb_end(&b);
    d->n = sb_err(&b) ? 0 : n;
    return sb_err(&b);
}
