/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_statement.c - SQL: sign_statement. The platform signs what it tells (docs/wire.md 2).
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "argument.h"
#include "authority.h"
#include "clock.h"
#include "common/digest.h"
#include "common/httpsig.h"
#include "common_text.h"
#include "throw.h"
#include "varlena.h"

#define BASE_EXTRA 2048 /* a signature base without the target */

static void
check_purpose(const char *purpose)
{
    static const char *const purposes[] = {"state", "resolve", "instance", "trust", "krl"};
    for (size_t i = 0; i < lengthof(purposes); i++)
        if (strcmp(purpose, purposes[i]) == 0)
            return;
    sftca_refuse(SFTCA_INVALID, "statement_purpose", "unknown kind of statement");
}

/* "platform/<base64url of SHA-256 of the key blob>" */
static void
key_id_of(const struct sshkey *key, char out[64])
{
    memcpy(out, "platform/", 9);
    int r = digest_name(key->blob, key->len, out + 9);
    if (r != SFT_OK)
        sftca_throw(r, "statement key");
}

static text *
sign(const struct authority *authority, const struct httpsig_statement *st)
{
    struct httpsig_headers h = {0};
    uint8_t raw[KEY_RAW_SIG_MAX];
    char key_id[64], signature[B64_LEN(KEY_RAW_SIG_MAX) + 1];
    size_t cap = strlen(st->target) + BASE_EXTRA, len = 0;
    char *base = palloc(cap);

    key_id_of(&authority->public, key_id);
    int r = httpsig_statement_base(st, clock_now(), key_id, &h, base, cap, &len);
    if (r == SFT_OK)
        r = key_sign_raw(authority->key, base, len, raw);
    if (r == SFT_OK)
        r = b64_encode(signature, sizeof signature, raw, sizeof raw);
    if (r != SFT_OK)
        sftca_throw(r, "statement");
    return cstring_to_text(psprintf("content-digest: %s\nsft-version: %s\nsignature-input: %s\n"
                                    "signature: sft=:%s:\n",
                                    h.content_digest, st->version, h.signature_input, signature));
}

enum { ARG_PURPOSE, ARG_STATUS, ARG_TARGET, ARG_SIGNATURE, ARG_VERSION, ARG_BODY };

PG_FUNCTION_INFO_V1(sftca_sign_statement);

Datum
sftca_sign_statement(PG_FUNCTION_ARGS)
{
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
        sftca_refuse(SFTCA_INTERNAL, "transaction_has_written",
                     "a statement must not tell what is not committed yet");
    if (RecoveryInProgress())
        sftca_refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION, "standby", "a standby signs no statements");
    argument_need(fcinfo, ARG_STATUS, "status");
    argument_need(fcinfo, ARG_VERSION, "version");
    argument_need(fcinfo, ARG_BODY, "body");
    bytea *body = PG_GETARG_BYTEA_PP(ARG_BODY);
    struct httpsig_statement st = {
        .purpose = argument_text(fcinfo, ARG_PURPOSE, "purpose"),
        .status = (unsigned)PG_GETARG_INT32(ARG_STATUS),
        .target = argument_bytes_text(fcinfo, ARG_TARGET, "target"),
        .request_signature =
            PG_ARGISNULL(ARG_SIGNATURE) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_SIGNATURE)),
        .version = psprintf(INT64_FORMAT, PG_GETARG_INT64(ARG_VERSION)),
        .body = VARDATA_ANY(body),
        .body_len = varlena_len(body)};
    if (st.status < 100 || st.status > 599 || PG_GETARG_INT64(ARG_VERSION) < 0)
        sftca_refuse(SFTCA_INVALID, "statement_malformed", "status or version is out of range");
    check_purpose(st.purpose);
    SPI_connect();
    const struct authority *authority = authority_statement();
    SPI_finish();
    PG_RETURN_TEXT_P(sign(authority, &st));
}
