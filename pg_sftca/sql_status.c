/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_status.c - SQL: kek_status. Whether the key-encryption key is there and fits, without showing
 * it.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "authority.h"
#include "common_text.h"
#include "kek.h"
#include "throw.h"
#include "tuple.h"

PG_FUNCTION_INFO_V1(sftca_kek_status);

/* kek_status(OUT reason, OUT kek_check, OUT cached_keys, OUT in_recovery) */
Datum
sftca_kek_status(PG_FUNCTION_ARGS)
{
    char reason[KEK_REASON_MAX];
    uint8_t check[WRAP_CHECK_LEN];
    Datum values[4] = {0};
    bool nulls[4] = {0};

    nulls[0] = kek_try(reason);
    nulls[1] = !nulls[0];
    if (!nulls[0]) {
        values[0] = CStringGetTextDatum(reason);
    } else {
        int r = wrap_check(kek_need(), check);
        if (r != SFT_OK)
            sftca_throw(r, "key-encryption key");
        values[1] = bytea_of(check, sizeof check);
    }
    values[2] = Int32GetDatum(authority_cached());
    values[3] = BoolGetDatum(RecoveryInProgress());
    return tuple_of(fcinfo, values, nulls);
}
