/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_authority.c - SQL: request_sign, chain_check. X.509 authorities that somebody outside
 * certifies.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "argument.h"
#include "authority.h"
#include "clock.h"
#include "common_text.h"
#include "core/x509chain.h"
#include "core/x509facts.h"
#include "core/x509write.h"
#include "exchange.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define REQUEST_MAX 4096 /* key and signature of RSA 8192, and what else there is */

/* Must not raise: returns an error code. */
static int
write_request(const struct authority *authority, struct sbuf *out)
{
    uint8_t memory[REQUEST_MAX];
    struct sbuf info;
    struct x509write request = {.issuer = authority->name, .authority = &authority->public};
    sb_writer(&info, memory, sizeof memory);
    x509write_request_tbs(&info, &request);
    if (sb_err(&info) != SFT_OK)
        return sb_err(&info);
    return x509write_signed(out, info.p, info.len, authority->key);
}

/* Reads it again as others will; the signature must be good. */
static int
check_request(const struct sbuf *request)
{
    struct x509request *read = palloc(sizeof *read);
    size_t room = X509FACTS_ARENA(request->len);
    struct sbuf arena;
    sb_writer(&arena, palloc(room), room);
    return x509request_read(read, request->p, request->len, &arena);
}

PG_FUNCTION_INFO_V1(sftca_request_sign);

Datum
sftca_request_sign(PG_FUNCTION_ARGS)
{
    uint8_t der[REQUEST_MAX];
    char pem[X509_PEM_MAX(REQUEST_MAX)];
    struct sbuf out;
    struct authority_id id = {.uuid = *argument_uuid(fcinfo, 0, "authority")};
    argument_need(fcinfo, 1, "generation");
    id.generation = PG_GETARG_INT32(1);
    if (RecoveryInProgress())
        sftca_refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION, "standby", "a standby signs no requests");
    sb_writer(&out, der, sizeof der);
    SPI_connect();
    int r = write_request(authority_any(&id), &out);
    authority_forget(&id); /* its certificate is still to come */
    SPI_finish();
    if (r == SFT_OK)
        r = check_request(&out);
    if (r == SFT_OK)
        r = x509write_pem("CERTIFICATE REQUEST", der, out.len, pem, sizeof pem);
    if (r != SFT_OK)
        sftca_throw(r, "certification request");
    return CStringGetTextDatum(pem);
}

/* Hexadecimal, by hand: PostgreSQL and common/ both have a hex_encode. */
static Datum
hex_text(const uint8_t *bytes, size_t len)
{
    char hex[2 * X509_NAME_DER_MAX + 1] = "";
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return CStringGetTextDatum(hex);
}

/* As chain_check, of a certificate that comes with its key: its subject may be anything. */
PG_FUNCTION_INFO_V1(sftca_chain_adopt);

Datum
sftca_chain_adopt(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    struct x509chain chain;
    bool nulls[5] = {0};
    size_t len = 0, cap = 2 * X509CHAIN_TEXT_MAX + 4096;
    char *text = palloc(X509CHAIN_TEXT_MAX + 1), *own = palloc(cap), *above = palloc(cap);
    exchange_read("the certificate's file", argument_text(fcinfo, 0, "certificate_file"), true,
                  text, X509CHAIN_TEXT_MAX + 1, &len);
    argument_key(fcinfo, 1, &key);
    const char *word = x509chain_check(&chain, text, len, &key, NULL, clock_now(), own, above, cap);
    if (word != NULL)
        sftca_refuse(SFTCA_INVALID, word, "%s", chain.reason);
    nulls[1] = above[0] == '\0';
    Datum values[5] = {CStringGetTextDatum(own), CStringGetTextDatum(above),
                       hex_text(chain.key_id.bytes, chain.key_id.len),
                       TimestampTzGetDatum(clock_timestamp_of(chain.expires_at)),
                       hex_text(chain.subject.der, chain.subject.len)};
    return tuple_of(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(sftca_chain_check);

Datum
sftca_chain_check(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    struct x509chain chain;
    bool nulls[4] = {0};
    argument_need(fcinfo, 0, "chain");
    text *given = PG_GETARG_TEXT_PP(0);
    argument_key(fcinfo, 1, &key);
    char *name = argument_text(fcinfo, 2, "common_name");
    int64 at = argument_time(fcinfo, 3, "at");
    size_t len = varlena_len(given), cap = 2 * len + 4096;
    char *own = palloc(cap), *above = palloc(cap);

    const char *word =
        x509chain_check(&chain, VARDATA_ANY(given), len, &key, name, at, own, above, cap);
    if (word != NULL)
        sftca_refuse(SFTCA_INVALID, word, "%s", chain.reason);
    Datum values[4] = {CStringGetTextDatum(own), CStringGetTextDatum(above),
                       hex_text(chain.key_id.bytes, chain.key_id.len),
                       TimestampTzGetDatum(clock_timestamp_of(chain.expires_at))};
    return tuple_of(fcinfo, values, nulls);
}
