/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_krl.c - SQL: krl_write. The bytes of an OpenSSH revocation list.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "argument.h"
#include "clock.h"
#include "common/krl.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define SECTION_BYTES 4096 /* framing and key of one section, generously */
#define RANGE_BYTES 64

static struct krl_range *
ranges_of(FunctionCallInfo fcinfo, int lows, int highs, size_t *np)
{
    Datum *lo, *hi;
    bool *lo_null, *hi_null;
    int n, m;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(lows), INT8OID, 8, true, TYPALIGN_DOUBLE, &lo, &lo_null,
                      &n);
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(highs), INT8OID, 8, true, TYPALIGN_DOUBLE, &hi,
                      &hi_null, &m);
    if (n != m)
        sftca_refuse(SFTCA_INVALID, "list_malformed", "as many lows as highs are expected");
    struct krl_range *ranges = palloc(sizeof *ranges * (size_t)(n + 1));
    for (int i = 0; i < n; i++)
        ranges[i] =
            (struct krl_range){(uint64_t)DatumGetInt64(lo[i]), (uint64_t)DatumGetInt64(hi[i])};
    *np = (size_t)n;
    return ranges;
}

static struct sshkey *
keys_of(const struct text_list *texts)
{
    struct sshkey *keys = palloc(sizeof *keys * (size_t)(texts->n + 1));
    for (int i = 0; i < texts->n; i++) {
        int r = sshkey_from_text(&keys[i], texts->items[i], strlen(texts->items[i]));
        if (r != SFT_OK)
            sftca_throw_key(r);
    }
    return keys;
}

PG_FUNCTION_INFO_V1(sftca_krl_write);

/* krl_write(version, generated, keys[], lows[], highs[]): every key gets all ranges. */
Datum
sftca_krl_write(PG_FUNCTION_ARGS)
{
    size_t n;
    struct sbuf out;
    struct text_list texts = argument_list(fcinfo, 2, "keys");
    struct krl_range *ranges = ranges_of(fcinfo, 3, 4, &n);
    struct sshkey *keys = keys_of(&texts);
    size_t count = (size_t)texts.n, cap = SECTION_BYTES + count * (SECTION_BYTES + n * RANGE_BYTES);
    struct krl_section *sections = palloc(sizeof *sections * (count + 1));
    uint64_t version;

    for (size_t i = 0; i < count; i++)
        sections[i] = (struct krl_section){.authority = &keys[i], .ranges = ranges, .ranges_n = n};
    bytea *list = palloc_extended(VARHDRSZ + cap, MCXT_ALLOC_HUGE);
    sb_writer(&out, VARDATA(list), cap);
    krl_write(&out, (uint64)PG_GETARG_INT64(0), (uint64)clock_unix(PG_GETARG_TIMESTAMPTZ(1)), "sft",
              sections, count);
    int r = sb_err(&out);
    if (r == SFT_OK)
        r = krl_check((uint8_t *)VARDATA(list), out.len,
                      &version); /* never an empty or broken one */
    if (r != SFT_OK)
        sftca_throw(r, "revocation list");
    SET_VARSIZE(list, VARHDRSZ + out.len);
    PG_RETURN_BYTEA_P(list);
}
