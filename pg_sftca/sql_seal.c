/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_seal.c - SQL: seal, is_sealed, kek_previous, reseal_bytes. Letting go of the key-encryption
 * key, and changing it.
 */
#include "postgres.h"

#include <signal.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/procsignal.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "argument.h"
#include "authority.h"
#include "common/fault.h"
#include "common/key.h"
#include "common_text.h"
#include "kek.h"
#include "query.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

/*
 * Backends that wait for their client wake up, run an empty transaction, and wipe what they have at
 * its end (authority.c); those in a transaction do so when it ends. None of them signs meanwhile.
 */
static void
wake_others(void)
{
    static struct query query = {
        "SELECT pg_catalog.array_agg(a.pid) FROM pg_catalog.pg_stat_get_activity(NULL) a"
        " WHERE a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()"
        "   AND a.backend_type OPERATOR(pg_catalog.=) 'client backend'",
        0,
        {0},
        NULL};
    SPI_connect();
    if (query_run(&query, NULL, NULL) == 1 && !query_is_null(0)) {
        int n;
        Datum *pids;
        bool *nulls;
        deconstruct_array(DatumGetArrayTypeP(query_datum(0)), INT4OID, 4, true, TYPALIGN_INT, &pids,
                          &nulls, &n);
        for (int i = 0; i < n; i++)
            (void)SendProcSignal(DatumGetInt32(pids[i]), PROCSIG_CATCHUP_INTERRUPT, -1);
    }
    SPI_finish();
}

PG_FUNCTION_INFO_V1(sftca_seal);

Datum
sftca_seal(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    kek_seal();
    authority_wipe();
    ereport(LOG, (errmsg("pg_sftca: sealed by role %s until the server is started again",
                         GetUserNameFromId(GetSessionUserId(), true))));
    wake_others();
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(sftca_is_sealed);

Datum
sftca_is_sealed(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    PG_RETURN_BOOL(kek_is_sealed());
}

PG_FUNCTION_INFO_V1(sftca_kek_previous);

/* kek_previous(): how rows that are sealed under the previous key are marked */
Datum
sftca_kek_previous(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    kek_check_sealed();
    const uint8_t *check = kek_previous_check();
    if (check == NULL)
        PG_RETURN_NULL();
    return bytea_of(check, WRAP_CHECK_LEN);
}

/* ---- sealing anew ---- */

enum { ARG_AUTHORITY, ARG_GENERATION, ARG_ALGORITHM, ARG_PURPOSE, ARG_SEALED, ARG_CHECK };

/* Opens under the key that fits and seals under the current one; must not raise once it is open. */
static int
reseal(const struct wrap_owner *owner, const bytea *sealed, const uint8_t *old, const uint8_t *new,
       bytea *out)
{
    uint8_t plain[KEY_PRIVATE_DER_MAX], nonce[WRAP_NONCE_LEN];
    size_t len = 0;
    if (!pg_strong_random(nonce, sizeof nonce))
        return SFT_ECRYPTO;
    int r = wrap_open(old, owner, (const uint8_t *)VARDATA_ANY(sealed), varlena_len(sealed), plain,
                      sizeof plain, &len);
    SFT_FAULT("vault.reseal");
    if (r == SFT_OK)
        r = wrap_seal(new, owner, nonce, plain, len, (uint8_t *)VARDATA(out));
    mem_wipe(plain, sizeof plain);
    return r;
}

PG_FUNCTION_INFO_V1(sftca_reseal_bytes);

/* reseal_bytes(authority, generation, algorithm, purpose, sealed, mark) → (resealed, new_mark) */
Datum
sftca_reseal_bytes(PG_FUNCTION_ARGS)
{
    bytea *sealed = PG_GETARG_BYTEA_PP(ARG_SEALED), *check = PG_GETARG_BYTEA_PP(ARG_CHECK);
    uint8_t mine[WRAP_CHECK_LEN];
    const struct wrap_owner owner = {argument_uuid(fcinfo, ARG_AUTHORITY, "authority")->data,
                                     (uint32_t)PG_GETARG_INT32(ARG_GENERATION),
                                     argument_text(fcinfo, ARG_ALGORITHM, "algorithm"),
                                     argument_text(fcinfo, ARG_PURPOSE, "purpose")};
    const uint8_t *old = kek_for(VARDATA_ANY(check), varlena_len(check)), *new = kek_need();
    bytea *out = palloc(VARHDRSZ + varlena_len(sealed));
    bool nulls[2] = {0};

    if (old == NULL)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_wrong",
                     "a key is sealed under neither the current nor the previous "
                     "key-encryption key");
    int r = reseal(&owner, sealed, old, new, out);
    if (r == SFT_OK)
        r = kek_mark(new, mine);
    if (r == SFT_EKEK)
        kek_throw_gone();
    if (r == SFT_ENOMEM)
        sftca_throw(r, "sealed key");
    if (r != SFT_OK) {
        kek_check_sealed();
        sftca_refuse(SFTCA_INTERNAL, "key_damaged", "a sealed key is damaged");
    }
    SET_VARSIZE(out, VARHDRSZ + varlena_len(sealed));
    Datum values[2] = {PointerGetDatum(out), bytea_of(mine, sizeof mine)};
    return tuple_of(fcinfo, values, nulls);
}
