/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_secret.c - SQL: secret, verify_mac, secret_seal. Secrets computed from the vault secret.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "argument.h"
#include "common_text.h"
#include "core/secret.h"
#include "core/wrap.h"
#include "durable.h"
#include "kek.h"
#include "query.h"
#include "throw.h"
#include "varlena.h"

#define PURPOSE_WORD_MAX 32

/* The vault secret belongs to no authority. */
static const uint8_t nobody[16];
static const struct wrap_owner owner = {nobody, 0, "hmac-sha256", "vault_secret"};

/* Opens the sealed secret that the query left. */
static int
open_secret(const bytea *sealed, const bytea *check, uint8_t out[SECRET_KEY_LEN])
{
    size_t n;
    const uint8_t *kek = kek_for(VARDATA_ANY(check), varlena_len(check));
    if (kek == NULL)
        return SFT_EKEK;
    int r = wrap_open(kek, &owner, (const uint8_t *)VARDATA_ANY(sealed), varlena_len(sealed), out,
                      SECRET_KEY_LEN, &n);
    return r == SFT_OK && n != SECRET_KEY_LEN ? SFT_EFORMAT : r;
}

/* False when none was ever made. Inside SPI. Caller wipes out. */
static bool
load_secret(uint8_t out[SECRET_KEY_LEN])
{
    static struct query query = {
        "SELECT s.sealed, s.kek_check FROM sftca.vault_secret s", 0, {0}, NULL};
    (void)kek_need();
    if (query_run(&query, NULL, NULL) == 0)
        return false;
    int r = open_secret(query_bytea(0), query_bytea(1), out);
    if (r == SFT_EKEK)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_wrong",
                     "the vault secret is sealed under another key-encryption key");
    if (r != SFT_OK) {
        kek_check_sealed(); /* under our hands: no damage then */
        sftca_refuse(SFTCA_INTERNAL, "key_damaged", "the sealed vault secret is damaged");
    }
    return true;
}

/* Makes the secret; when two make one at a time, the first to commit wins. Inside SPI. */
static void
make_secret(void)
{
    static struct query query = {
        "INSERT INTO sftca.vault_secret (sealed, kek_check) VALUES ($1, $2)"
        " ON CONFLICT ON CONSTRAINT vault_secret_exists DO NOTHING",
        2,
        {BYTEAOID, BYTEAOID},
        NULL};
    uint8_t secret[SECRET_KEY_LEN], nonce[WRAP_NONCE_LEN];
    durable_arm(); /* tokens will be made from it */
    bytea *sealed = palloc(VARHDRSZ + sizeof secret + WRAP_OVERHEAD);
    bytea *check = palloc(VARHDRSZ + WRAP_CHECK_LEN);
    const uint8_t *kek = kek_need();

    int r = pg_strong_random(secret, sizeof secret) && pg_strong_random(nonce, sizeof nonce)
                ? wrap_seal(kek, &owner, nonce, secret, sizeof secret, (uint8_t *)VARDATA(sealed))
                : SFT_ECRYPTO;
    mem_wipe(secret, sizeof secret);
    if (r == SFT_OK)
        r = kek_mark(kek, (uint8_t *)VARDATA(check));
    if (r == SFT_EKEK)
        kek_throw_gone();
    if (r != SFT_OK)
        sftca_throw(r, "vault secret");
    SET_VARSIZE(sealed, VARHDRSZ + sizeof secret + WRAP_OVERHEAD);
    SET_VARSIZE(check, VARHDRSZ + WRAP_CHECK_LEN);
    Datum args[] = {PointerGetDatum(sealed), PointerGetDatum(check)};
    (void)query_write(&query, args, NULL);
}

static void
check_purpose(const char *purpose)
{
    size_t n = strspn(purpose, "abcdefghijklmnopqrstuvwxyz_");
    if (n == 0 || purpose[n] != '\0' || n > PURPOSE_WORD_MAX)
        sftca_refuse(SFTCA_INVALID, "purpose_invalid", "purpose must be a lower-case word");
}

/* False when there is no vault secret yet and make is false. Caller wipes out. */
static bool
secret_of(FunctionCallInfo fcinfo, bool make, char out[SECRET_TEXT_LEN + 1])
{
    uint8_t vault[SECRET_KEY_LEN];
    const char *purpose = argument_text(fcinfo, 0, "purpose");
    const char *id = DatumGetCString(
        DirectFunctionCall1(uuid_out, UUIDPGetDatum(argument_uuid(fcinfo, 1, "id"))));

    check_purpose(purpose);
    SPI_connect();
    bool found = load_secret(vault);
    if (!found && make) {
        make_secret();
        CommandCounterIncrement();
        found = load_secret(vault);
    }
    SPI_finish();
    if (!found)
        return false;
    int r = secret_text(vault, purpose, id, out);
    mem_wipe(vault, sizeof vault);
    if (r != SFT_OK)
        sftca_throw(r, "secret");
    return true;
}

PG_FUNCTION_INFO_V1(sftca_secret);

Datum
sftca_secret(PG_FUNCTION_ARGS)
{
    char secret[SECRET_TEXT_LEN + 1];
    if (!secret_of(fcinfo, true, secret))
        sftca_refuse(SFTCA_UNAVAILABLE, "vault_secret_missing",
                     "the vault secret could not be made");
    text *t = cstring_to_text_with_len(secret, SECRET_TEXT_LEN);
    mem_wipe(secret, sizeof secret);
    PG_RETURN_TEXT_P(t);
}

/* The key as "type base64", as it must be written in what the mac is over; false when it is no key.
 */
static bool
key_text(FunctionCallInfo fcinfo, int i, char out[SSHKEY_TEXT_MAX])
{
    struct sshkey key;
    argument_need(fcinfo, i, "public_key");
    text *t = PG_GETARG_TEXT_PP(i);
    return sshkey_from_text(&key, VARDATA_ANY(t), varlena_len(t)) == SFT_OK &&
           sshkey_to_text(&key, out, SSHKEY_TEXT_MAX) == SFT_OK;
}

PG_FUNCTION_INFO_V1(sftca_verify_mac);

Datum
sftca_verify_mac(PG_FUNCTION_ARGS)
{
    char secret[SECRET_TEXT_LEN + 1], public_key[SSHKEY_TEXT_MAX], own[45];
    const char *subject = DatumGetCString(
        DirectFunctionCall1(uuid_out, UUIDPGetDatum(argument_uuid(fcinfo, 2, "subject_id"))));
    const char *mac = argument_text(fcinfo, 4, "mac");

    if (!key_text(fcinfo, 3, public_key) || !secret_of(fcinfo, false, secret))
        PG_RETURN_BOOL(false);
    int r = secret_mac(secret, subject, public_key, own);
    mem_wipe(secret, sizeof secret);
    if (r != SFT_OK)
        sftca_throw(r, "mac");
    bool good = strlen(mac) == strlen(own) && mem_equal(mac, own, strlen(own));
    mem_wipe(own, sizeof own);
    PG_RETURN_BOOL(good);
}
