/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_password.c - SQL: hash_password, verify_password, random_text.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "common_text.h"
#include "core/password.h"
#include "throw.h"
#include "varlena.h"

#define RANDOM_TEXT_MIN 8
#define RANDOM_TEXT_MAX 128

PG_FUNCTION_INFO_V1(sftca_hash_password);

Datum
sftca_hash_password(PG_FUNCTION_ARGS)
{
    bytea *password = PG_GETARG_BYTEA_PP(0);
    uint8_t salt[PASSWORD_SALT_LEN];
    char hash[PASSWORD_TEXT_MAX];
    size_t n = varlena_len(password);

    if (n == 0 || n > PASSWORD_MAX || memchr(VARDATA_ANY(password), '\0', n) != NULL)
        sftca_refuse(SFTCA_INVALID, "password_invalid",
                     "a password has 1 to %d bytes, none of them NUL", PASSWORD_MAX);
    if (!pg_strong_random(salt, sizeof salt))
        sftca_refuse(SFTCA_INTERNAL, "random_failed", "no random bytes");
    int r = password_hash(VARDATA_ANY(password), n, salt, hash);
    if (r != SFT_OK)
        sftca_throw(r, "password");
    PG_RETURN_TEXT_P(cstring_to_text(hash));
}

PG_FUNCTION_INFO_V1(sftca_verify_password);

Datum
sftca_verify_password(PG_FUNCTION_ARGS)
{
    char *hash = text_to_cstring(PG_GETARG_TEXT_PP(0));
    bytea *password = PG_GETARG_BYTEA_PP(1);
    bool good;

    int r = password_verify(hash, VARDATA_ANY(password), varlena_len(password), &good);
    if (r == SFT_EFORMAT)
        sftca_refuse(SFTCA_INVALID, "password_hash_malformed", "this is no password hash");
    if (r != SFT_OK)
        sftca_throw(r, "password");
    PG_RETURN_BOOL(good);
}

PG_FUNCTION_INFO_V1(sftca_random_text);

/* No 0, 1, i, l: a person types it. */
Datum
sftca_random_text(PG_FUNCTION_ARGS)
{
    static const char letters[] = "23456789abcdefghjkmnopqrstuvwxyz";
    char out[RANDOM_TEXT_MAX];
    uint8_t chance[RANDOM_TEXT_MAX];
    int n = PG_GETARG_INT32(0);

    if (n < RANDOM_TEXT_MIN || n > RANDOM_TEXT_MAX)
        sftca_refuse(SFTCA_INVALID, "length_invalid", "length must be %d to %d", RANDOM_TEXT_MIN,
                     RANDOM_TEXT_MAX);
    if (!pg_strong_random(chance, (size_t)n))
        sftca_refuse(SFTCA_INTERNAL, "random_failed", "no random bytes");
    StaticAssertStmt(sizeof letters - 1 == 32, "a byte must fall evenly on the letters");
    for (int i = 0; i < n; i++)
        out[i] = letters[chance[i] % 32];
    text *t = cstring_to_text_with_len(out, n);
    mem_wipe(out, sizeof out);
    mem_wipe(chance, sizeof chance);
    PG_RETURN_TEXT_P(t);
}
