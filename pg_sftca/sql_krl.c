/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_krl.c - SQL: krl_compose, krl_write (1.0). The bytes of an OpenSSH revocation list.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "argument.h"
#include "clock.h"
#include "common/krl.h"
#include "common_text.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define SECTION_BYTES 4096 /* framing and key of one section, generously */
#define RANGE_BYTES 64
#define KEY_BYTES (SSHKEY_BLOB_MAX + 4)
#define HASH_BYTES (KRL_SHA256_LEN + 4)

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

/* Key ids of any number; NULL for none. *bytesp is what they take. */
static char **
texts_of(FunctionCallInfo fcinfo, int i, size_t *np, size_t *bytesp)
{
    Datum *items;
    bool *nulls;
    int n;
    *np = *bytesp = 0;
    if (PG_ARGISNULL(i))
        return NULL;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
                      &n);
    char **texts = palloc(sizeof(char *) * (size_t)(n + 1));
    for (int k = 0; k < n; k++) {
        if (nulls[k])
            sftca_refuse(SFTCA_INVALID, "list_malformed", "a list has a NULL in it");
        texts[k] = TextDatumGetCString(items[k]);
        *bytesp += strlen(texts[k]) + 4;
    }
    *np = (size_t)n;
    return texts;
}

/* What goes into a list. */
struct content {
    uint64_t version, generated;
    struct sshkey *authorities, *keys;
    size_t authorities_n, keys_n, ranges_n, key_ids_n, key_ids_bytes, hashes_n;
    struct krl_range *ranges;
    char **key_ids;
    uint8_t (*hashes)[KRL_SHA256_LEN];
};

static bytea *
write_list(const struct content *c)
{
    struct sbuf out;
    uint64_t version;
    size_t cap = SECTION_BYTES + c->keys_n * KEY_BYTES + c->hashes_n * HASH_BYTES +
                 c->authorities_n * (SECTION_BYTES + c->ranges_n * RANGE_BYTES + c->key_ids_bytes);
    bytea *list = palloc_extended(VARHDRSZ + cap, MCXT_ALLOC_HUGE);
    sb_writer(&out, VARDATA(list), cap);
    krl_write_header(&out, c->version, c->generated, "sft");
    for (size_t i = 0; i < c->authorities_n; i++) {
        const struct krl_section section = {&c->authorities[i], c->ranges, c->ranges_n,
                                            (const char *const *)c->key_ids, c->key_ids_n};
        krl_write_section(&out, &section);
    }
    krl_write_keys(&out, c->keys, c->keys_n);
    krl_write_hashes(&out, (const uint8_t(*)[KRL_SHA256_LEN])c->hashes, c->hashes_n);
    int r = sb_err(&out);
    if (r == SFT_OK) /* never an empty or broken one */
        r = krl_check((uint8_t *)VARDATA(list), out.len, &version);
    if (r != SFT_OK)
        sftca_throw(r, "revocation list");
    SET_VARSIZE(list, VARHDRSZ + out.len);
    return list;
}

static void
read_content(FunctionCallInfo fcinfo, struct content *c)
{
    static const char *const names[] = {"version", "generated", "keys", "lows", "highs"};
    for (int i = 0; i < (int)lengthof(names); i++)
        argument_need(fcinfo, i, names[i]);
    struct text_list texts = argument_list(fcinfo, 2, "keys");
    *c = (struct content){.version = (uint64_t)PG_GETARG_INT64(0),
                          .generated = (uint64_t)clock_unix(PG_GETARG_TIMESTAMPTZ(1)),
                          .authorities = keys_of(&texts),
                          .authorities_n = (size_t)texts.n};
    c->ranges = ranges_of(fcinfo, 3, 4, &c->ranges_n);
}

PG_FUNCTION_INFO_V1(sftca_krl_write);

/* krl_write(version, generated, keys[], lows[], highs[]): every key gets all ranges. */
Datum
sftca_krl_write(PG_FUNCTION_ARGS)
{
    struct content c;
    read_content(fcinfo, &c);
    PG_RETURN_BYTEA_P(write_list(&c));
}

/* "SHA256:" and 43 characters */
static void
read_hashes(struct content *c, char **texts, size_t n)
{
    c->hashes = palloc(sizeof *c->hashes * (n + 1));
    c->hashes_n = n;
    for (size_t i = 0; i < n; i++) {
        char padded[B64_LEN(KRL_SHA256_LEN) + 1];
        size_t len = 0;
        if (strlen(texts[i]) != 50 || strncmp(texts[i], "SHA256:", 7) != 0)
            sftca_throw(SFT_EFORMAT, "fingerprint");
        snprintf(padded, sizeof padded, "%s=", texts[i] + 7);
        int r = b64_decode(c->hashes[i], sizeof c->hashes[i], &len, padded, strlen(padded));
        if (r != SFT_OK || len != sizeof c->hashes[i])
            sftca_throw(SFT_EFORMAT, "fingerprint");
    }
}

PG_FUNCTION_INFO_V1(sftca_krl_compose);

/* krl_compose(version, generated, keys[], lows[], highs[], key ids[], revoked keys[], hashes[]) */
Datum
sftca_krl_compose(PG_FUNCTION_ARGS)
{
    struct content c;
    size_t n, bytes;
    read_content(fcinfo, &c);
    c.key_ids = texts_of(fcinfo, 5, &c.key_ids_n, &c.key_ids_bytes);
    char **keys = texts_of(fcinfo, 6, &n, &bytes);
    c.keys = keys_of(&(struct text_list){(int)n, keys});
    c.keys_n = n;
    char **hashes = texts_of(fcinfo, 7, &n, &bytes);
    read_hashes(&c, hashes, n);
    PG_RETURN_BYTEA_P(write_list(&c));
}
