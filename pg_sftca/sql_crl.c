/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_crl.c - SQL: crl_sign. An X.509 revocation list of one generation.
 *
 * Revocations are ranges of serials; the list names each recorded certificate in them. Serials that
 * nobody has recorded need no entry: finish() signs none of a revoked range.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "argument.h"
#include "authority.h"
#include "clock.h"
#include "core/crlwrite.h"
#include "core/serial.h"
#include "core/x509write.h"
#include "query.h"
#include "revocation.h"
#include "throw.h"

#define DAY_S 86400
#define NEXT_UPDATE_S (7 * DAY_S) /* an overdue list makes verifiers refuse everybody */
#define PAST_S (40 * DAY_S)       /* a certificate with an older serial is dead for a week */

/* Recorded certificates of this generation, by serial, until a day after their end. */
#define OURS                                                                                       \
    " AND c.authority_id OPERATOR(pg_catalog.=) $1 AND c.generation OPERATOR(pg_catalog.=) $2"     \
    " AND c.serial OPERATOR(pg_catalog.>=) $3"                                                     \
    " AND r.expires_at OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()"                        \
    " AND c.valid_before OPERATOR(pg_catalog.+) interval '1 day'"                                  \
    "     OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()"
#define BY_SERIAL                                                                                  \
    "SELECT c.serial, r.revoked_at, r.reason"                                                      \
    "  FROM sftca.revocations r JOIN sftca.certificates c"                                         \
    "    ON c.serial OPERATOR(pg_catalog.>=) r.serial_from"                                        \
    "   AND c.serial OPERATOR(pg_catalog.<=) r.serial_to"                                          \
    " WHERE r.authority_id OPERATOR(pg_catalog.=) $1"                                              \
    "   AND r.serial_to OPERATOR(pg_catalog.>=) $3" OURS
#define BY_NAME                                                                                    \
    "SELECT c.serial, r.revoked_at, r.reason FROM sftca.name_revocations r"                        \
    "  JOIN sftca.certificates c ON c.key_id OPERATOR(pg_catalog.=) r.key_id"                      \
    " WHERE r.authority_id OPERATOR(pg_catalog.=) $1" OURS " UNION ALL "                           \
    "SELECT c.serial, r.revoked_at, r.reason FROM sftca.name_revocations r"                        \
    "  JOIN sftca.certificates c ON c.fingerprint OPERATOR(pg_catalog.=) r.fingerprint"            \
    " WHERE true" OURS
#define REVOKED(from)                                                                              \
    "SELECT pg_catalog.array_agg(e.serial), pg_catalog.array_agg(e.revoked_at),"                   \
    "       pg_catalog.array_agg(e.reason)"                                                        \
    "  FROM (SELECT DISTINCT ON (u.serial) u.serial, u.revoked_at, sftca.crl_reason(u.reason)"     \
    "          FROM (" from ") u ORDER BY u.serial, u.revoked_at) e (serial, revoked_at, reason)"

static struct query revoked = {REVOKED(BY_SERIAL), 3, {UUIDOID, INT4OID, INT8OID}, NULL};
static struct query revoked_names = {
    REVOKED(BY_SERIAL " UNION ALL " BY_NAME), 3, {UUIDOID, INT4OID, INT8OID}, NULL};

/* A column of the query: n values that are passed by value. */
static Datum *
values_of(int column, Oid type, int16 width, char align, int *np)
{
    Datum *values;
    bool *nulls;
    deconstruct_array(DatumGetArrayTypeP(query_datum(column)), type, width, true, align, &values,
                      &nulls, np);
    return values;
}

static uint64
oldest_serial(int64 now)
{
    uint64_t serial;
    return serial_make((now - PAST_S) * 1000, 0, &serial) == SFT_OK ? serial : 1;
}

static struct crlwrite_entry *
entries_of(const struct authority_id *id, int64 now, size_t *np)
{
    int n = 0;
    Datum args[] = {UUIDPGetDatum(&id->uuid), Int32GetDatum(id->generation),
                    Int64GetDatum((int64)oldest_serial(now))};
    *np = 0;
    struct query *query = revocation_has_names() ? &revoked_names : &revoked;
    if (query_run(query, args, NULL) != 1 || query_is_null(0))
        return NULL;
    Datum *serials = values_of(0, INT8OID, 8, TYPALIGN_DOUBLE, &n);
    Datum *times = values_of(1, TIMESTAMPTZOID, 8, TYPALIGN_DOUBLE, &n);
    Datum *reasons = values_of(2, INT4OID, 4, TYPALIGN_INT, &n);
    struct crlwrite_entry *entries = palloc(sizeof *entries * (size_t)n);
    for (int i = 0; i < n; i++)
        entries[i] = (struct crlwrite_entry){(uint64)DatumGetInt64(serials[i]),
                                             clock_unix(DatumGetTimestampTz(times[i])),
                                             DatumGetInt32(reasons[i])};
    *np = (size_t)n;
    return entries;
}

/* Must not raise: returns an error code. */
static int
write_list(const struct crlwrite *crl, const struct key *key, uint8_t *tbs_memory, struct sbuf *out)
{
    struct sbuf tbs;
    sb_writer(&tbs, tbs_memory, crlwrite_room(crl->entries_n));
    crlwrite_tbs(&tbs, crl);
    int r = sb_err(&tbs);
    if (r == SFT_OK)
        r = x509write_signed(out, tbs.p, tbs.len, key);
    return r == SFT_OK ? crlwrite_check(crl, out->p, out->len) : r;
}

static const struct authority *
signer(const struct authority_id *id)
{
    const struct authority *authority = authority_live(id, authority_call());
    if (authority != NULL && authority->purpose == PURPOSE_X509)
        return authority;
    if (authority != NULL)
        sftca_refuse(SFTCA_INVALID, "authority_purpose", "the authority has another purpose");
    sftca_refuse(SFTCA_CONFLICT, "key_retired", "a retired generation signs no list");
}

/*
 * The upper half of the number grows with each revocation, so that a list that knows more never has
 * a lower number than one that knew less, whatever the clock does (the lower half). In a database
 * that is still at version 1.0 there is no such row.
 */
static uint64
epoch_of(const struct authority_id *id, bool is_numbered)
{
    static struct query query = {"SELECT v.version FROM sftca.crl_versions v"
                                 " WHERE v.authority_id OPERATOR(pg_catalog.=) $1",
                                 1,
                                 {UUIDOID},
                                 NULL};
    Datum args[] = {UUIDPGetDatum(&id->uuid)};
    if (!is_numbered || query_run(&query, args, NULL) != 1)
        return 0;
    return (uint64)DatumGetInt64(query_datum(0));
}

static bytea *
make(const struct authority_id *id, bool is_numbered)
{
    struct sbuf out;
    int64 now = clock_now();
    struct crlwrite crl = {.this_update = now,
                           .next_update = now + NEXT_UPDATE_S,
                           .number = (uint64)(GetCurrentTimestamp() + CLOCK_EPOCH_US)};
    crl.epoch = epoch_of(id, is_numbered); /* before the entries: rather too low than too high */
    crl.entries = entries_of(id, now, &crl.entries_n);
    const struct authority *authority = signer(id);
    crl.issuer = authority->name;
    crl.issuer_name = &authority->issuer;
    crl.authority = &authority->public;
    crl.authority_key_id = &authority->key_id;
    size_t room = crlwrite_room(crl.entries_n);
    bytea *list = SPI_palloc(VARHDRSZ + room);
    sb_writer(&out, VARDATA(list), room);
    int r = write_list(&crl, authority->key, palloc(room), &out);
    if (r != SFT_OK)
        sftca_throw(r, "revocation list");
    SET_VARSIZE(list, VARHDRSZ + out.len);
    return list;
}

PG_FUNCTION_INFO_V1(sftca_crl_sign);

Datum
sftca_crl_sign(PG_FUNCTION_ARGS)
{
    struct authority_id id = {.uuid = *argument_uuid(fcinfo, 0, "authority")};
    argument_need(fcinfo, 1, "generation");
    id.generation = PG_GETARG_INT32(1);
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
        sftca_refuse(SFTCA_INTERNAL, "transaction_has_written",
                     "a revocation list must not tell what is not committed yet");
    if (RecoveryInProgress())
        sftca_refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION, "standby",
                     "a standby signs no revocation lists");
    SPI_connect();
    bytea *list = make(&id, PG_NARGS() > 2);
    SPI_finish();
    PG_RETURN_BYTEA_P(list);
}
