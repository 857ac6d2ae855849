/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_key.c - SQL: parse_public_key, verify. Public keys and raw signatures.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "argument.h"
#include "common/key.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

PG_FUNCTION_INFO_V1(sftca_parse_public_key);

Datum
sftca_parse_public_key(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    char fingerprint[SSHKEY_FINGERPRINT_MAX], code[20];
    bool nulls[5] = {0};

    argument_key(fcinfo, 0, &key);
    int r = sshkey_fingerprint(&key, fingerprint);
    if (r == SFT_OK)
        r = sshkey_device_code(&key, code);
    if (r != SFT_OK)
        sftca_throw(r, "public key");
    Datum values[5] = {CStringGetTextDatum(sshkey_type_name(key.type)),
                       Int32GetDatum((int32)key.bits), CStringGetTextDatum(fingerprint),
                       bytea_of(key.blob, key.len), CStringGetTextDatum(code)};
    return tuple_of(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(sftca_verify);

Datum
sftca_verify(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    bytea *message = PG_GETARG_BYTEA_PP(1), *signature = PG_GETARG_BYTEA_PP(2);

    argument_key(fcinfo, 0, &key);
    if (varlena_len(signature) != KEY_RAW_SIG_MAX)
        PG_RETURN_BOOL(false);
    int r = key_verify_raw(&key, VARDATA_ANY(message), varlena_len(message),
                           (const uint8_t *)VARDATA_ANY(signature));
    if (r == SFT_EKEYTYPE)
        sftca_throw_key(r);
    if (r != SFT_OK && r != SFT_ESIGNATURE)
        sftca_throw(r, "signature");
    PG_RETURN_BOOL(r == SFT_OK);
}

PG_FUNCTION_INFO_V1(sftca_verify_as);

/* verify(key, message, signature, algorithm) */
Datum
sftca_verify_as(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    bytea *message = PG_GETARG_BYTEA_PP(1), *signature = PG_GETARG_BYTEA_PP(2);
    const char *algorithm = text_to_cstring(PG_GETARG_TEXT_PP(3));

    argument_key(fcinfo, 0, &key);
    int r = key_verify_as(algorithm, &key, VARDATA_ANY(message), varlena_len(message),
                          (const uint8_t *)VARDATA_ANY(signature), varlena_len(signature));
    if (r == SFT_ENOTFOUND)
        sftca_refuse(SFTCA_INVALID, "algorithm_unsupported", "no such signature algorithm");
    if (r == SFT_EKEYTYPE)
        sftca_throw_key(r);
    if (r != SFT_OK && r != SFT_ESIGNATURE)
        sftca_throw(r, "signature");
    PG_RETURN_BOOL(r == SFT_OK);
}
