/* SPDX-License-Identifier: PostgreSQL */
/*
 * finish.c - SQL: finish(ids). Sign after.
 *
 * The only place that signs certificates for anybody. It needs no identity: it signs what is
 * recorded, committed, alive and not revoked, and the same bytes each time it is asked.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/xid8.h"

#include "clock.h"
#include "common/fault.h"
#include "common/sshcert.h"
#include "common_text.h"
#include "core/sshwrite.h"
#include "core/x509write.h"
#include "durable.h"
#include "query.h"
#include "record.h"
#include "revocation.h"
#include "throw.h"
#include "p11key.h"
#include "varlena.h"

#define CERT_MAX SSHCERT_BLOB_MAX

/* The columns of the query below, in its order. */
enum {
    COL_ID,
    COL_SERIAL,
    COL_AUTHORITY,
    COL_GENERATION,
    COL_KIND,
    COL_TBS,
    COL_KEY_ID,
    COL_PRINCIPALS,
    COL_CRITICAL,
    COL_EXTENSIONS,
    COL_FINGERPRINT,
    COL_VALID_AFTER,
    COL_VALID_BEFORE,
    COL_RECORDED_IN,
    COL_RECORDED_AT,
    COLS
};

/* One row for each distinct id. */
static struct query records = {
    "SELECT u.id, c.serial, c.authority_id, c.generation, c.kind, c.tbs, c.key_id, c.principals,"
    " c.critical_options, c.extensions, c.fingerprint, c.valid_after, c.valid_before, "
    "c.recorded_in,"
    " c.recorded_at"
    "  FROM (SELECT DISTINCT i.id FROM pg_catalog.unnest($1) AS i (id)"
    "         WHERE i.id IS NOT NULL) u"
    "  LEFT JOIN sftca.certificates c ON c.id OPERATOR(pg_catalog.=) u.id",
    1,
    {UUIDARRAYOID},
    NULL};

/* What is remembered from one row to the next, within one call. */
struct call {
    uint64 number;
    FullTransactionId committed; /* a transaction known to be committed */
    bool is_durable;             /* what the query saw is where it must be */
    bool has_signed;             /* anything */
    int fault;                   /* of a key that could not be had, and whose: */
    char name[AUTHORITY_NAME_MAX];
};

static struct datum_list
list_of(Datum array)
{
    struct datum_list list;
    bool *nulls;
    deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &list.items,
                      &nulls, &list.n);
    return list;
}

static enum purpose
purpose_of_kind(Datum kind)
{
    const char *word = TextDatumGetCString(kind);
    return purpose_from(strncmp(word, "x509_", 5) == 0 ? "x509" : word);
}

static void
read_record(struct record *record, const Datum *v)
{
    const bytea *tbs = DatumGetByteaPP(v[COL_TBS]);
    *record = (struct record){
        .serial = (uint64)DatumGetInt64(v[COL_SERIAL]),
        .authority = {.uuid = *DatumGetUUIDP(v[COL_AUTHORITY]),
                      .generation = DatumGetInt32(v[COL_GENERATION])},
        .purpose = purpose_of_kind(v[COL_KIND]),
        .kind = v[COL_KIND],
        .tbs = (const uint8_t *)VARDATA_ANY(tbs),
        .tbs_len = varlena_len(tbs),
        .key_id = v[COL_KEY_ID],
        .fingerprint = v[COL_FINGERPRINT],
        .principals = list_of(v[COL_PRINCIPALS]),
        .critical = list_of(v[COL_CRITICAL]),
        .extensions = list_of(v[COL_EXTENSIONS]),
        .valid_after = DatumGetTimestampTz(v[COL_VALID_AFTER]),
        .valid_before = DatumGetTimestampTz(v[COL_VALID_BEFORE]),
        .recorded_in = DatumGetFullTransactionId(v[COL_RECORDED_IN]),
        .recorded_at = DatumGetTimestampTz(v[COL_RECORDED_AT]),
    };
}

/*
 * Whether the transaction that recorded it is committed, by PostgreSQL's own word. Unknown, in
 * progress, aborted, and (after a restore) not yet reached by this cluster all mean no.
 */
static bool
is_committed(FullTransactionId xid)
{
    LOCAL_FCINFO(call, 1);
    if (!FullTransactionIdPrecedes(xid, ReadNextFullTransactionId()))
        return false;
    InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
    call->args[0].value = FullTransactionIdGetDatum(xid);
    call->args[0].isnull = false;
    Datum status = pg_xact_status(call);
    return !call->isnull && strcmp(TextDatumGetCString(status), "committed") == 0;
}

/* Rows of one batch were often recorded together. Committed stays committed; the rest is asked
 * anew. */
static bool
is_committed_again(FullTransactionId xid, struct call *call)
{
    if (!FullTransactionIdEquals(xid, call->committed)) {
        if (!is_committed(xid))
            return false;
        call->committed = xid;
    }
    return true;
}

/* The one call of the signer for certificates that somebody asked for. */
static int
sign(const struct record *record, const struct authority *authority, struct sbuf *out)
{
    int r;
    SFT_FAULT("vault.before_sign");
    if (record->purpose == PURPOSE_X509)
        r = x509write_signed(out, record->tbs, record->tbs_len, authority->key);
    else
        r = sshwrite_signed(out, record->tbs, record->tbs_len, authority->key);
    SFT_FAULT("vault.after_sign");
    return r;
}

static Datum
ssh_text(const struct record *record, const struct sbuf *cert)
{
    /* the type's name is the first string of the certificate itself */
    struct sbuf r;
    size_t n;
    sb_reader(&r, record->tbs, record->tbs_len);
    const uint8_t *name = sb_get_blob(&r, &n);
    text *t = palloc(VARHDRSZ + n + 1 + B64_LEN(cert->len) + 1);
    char *p = VARDATA(t);
    memcpy(p, name, n);
    p[n] = ' ';
    int err = b64_encode(p + n + 1, B64_LEN(cert->len) + 1, cert->p, cert->len);
    if (err != SFT_OK)
        sftca_throw(err, "certificate");
    SET_VARSIZE(t, VARHDRSZ + n + 1 + B64_LEN(cert->len));
    return PointerGetDatum(t);
}

static Datum
pem_text(const struct sbuf *cert)
{
    char *pem = palloc(X509_PEM_MAX(cert->len));
    int err = x509write_pem("CERTIFICATE", cert->p, cert->len, pem, X509_PEM_MAX(cert->len));
    if (err != SFT_OK)
        sftca_throw(err, "certificate");
    return CStringGetTextDatum(pem);
}

/* The key cannot be had: the word for its rows. The log tells of it once in a call. */
static const char *
failed(struct call *call, const struct authority *authority)
{
    int fault = authority->fault;
    bool may_come_back = authority_may_come_back(fault);
    if (fault == SFT_ENOMEM)
        sftca_throw(fault, "signing key");
    if (call->fault != fault || strcmp(call->name, authority->name) != 0)
        ereport(LOG,
                (errmsg("pg_sftca: the key of authority %s cannot be used: %s", authority->name,
                        fault == SFT_ETOKEN ? p11key_reason() : sft_strerror(fault))));
    if (call->fault == SFT_OK || may_come_back) {
        call->fault = fault;
        strlcpy(call->name, authority->name, sizeof call->name);
    }
    return may_come_back ? "unavailable" : "damaged";
}

/*
 * Verifies the signature: NULL, or "signature". A key that signs badly is unsealed anew for the
 * next certificate. Not done for each: it costs more than to sign (docs/adr/0005).
 */
static const char *
prove(const struct record *record, const struct authority *authority, struct sbuf *cert)
{
    if (SFT_FAULT_ERR("vault.bad_signature"))
        cert->p[cert->len - 1] ^= 1;
    if (record_is_signed(record, authority, cert->p, cert->len)) {
        authority_proven(authority);
        return NULL;
    }
    authority_forget(&record->authority);
    return "signature";
}

/* Signs, reads again, compares; the word for it. What is not "signed" must not leave. */
static const char *
make(const struct record *record, const struct authority *authority, struct call *call,
     struct sbuf *cert)
{
    const char *field = "length";
    int r = sign(record, authority, cert);
    if (r == SFT_ETOKEN) {
        authority_fail(authority, r);
        return failed(call, authority);
    }
    if (r == SFT_OK)
        field = record_differs(record, authority, cert->p, cert->len);
    else if (r != SFT_ENOSPACE)
        sftca_throw(r, "signature");
    if (field == NULL && authority_needs_proof(authority))
        field = prove(record, authority, cert);
    if (field == NULL) {
        call->has_signed = true;
        return "signed";
    }
    ereport(LOG, (errmsg("pg_sftca: certificate %llu differs from its record in %s; not released",
                         (unsigned long long)record->serial, field)));
    return "damaged";
}

/*
 * The word for what becomes of a record; *authorityp is who signs, when it is "signed". A retired
 * key signs nothing: what it was to sign counts as revoked.
 */
static const char *
outcome(const struct record *record, struct call *call, const struct authority **authorityp)
{
    *authorityp = NULL;
    if (!is_committed_again(record->recorded_in, call))
        return "not_committed";
    if (record->valid_before <= GetCurrentTimestamp())
        return "expired";
    if (!call->is_durable)
        durable_wait();
    call->is_durable = true;
    const struct authority *authority = authority_ask(&record->authority, call->number);
    if (authority == NULL || authority_revokes(authority, record->serial) ||
        (authority->has_names && revocation_names(record)))
        return "revoked";
    if (authority->fault != SFT_OK)
        return failed(call, authority);
    *authorityp = authority;
    return "signed";
}

/* The columns of finish() itself. */
enum { OUT_ID, OUT_SERIAL, OUT_KIND, OUT_OUTCOME, OUT_CERTIFICATE, OUT_AFTER, OUT_BEFORE, OUTS };

static void
answer(const Datum *v, const bool *is_null, struct call *call, Datum *out, bool *out_null)
{
    struct record record;
    const struct authority *authority;
    struct sbuf cert;

    memset(out_null, true, OUTS * sizeof *out_null);
    out[OUT_ID] = v[COL_ID];
    out_null[OUT_ID] = out_null[OUT_OUTCOME] = false;
    if (is_null[COL_SERIAL]) {
        out[OUT_OUTCOME] = CStringGetTextDatum("unknown");
        return;
    }
    read_record(&record, v);
    const char *word = outcome(&record, call, &authority);
    out[OUT_SERIAL] = v[COL_SERIAL];
    out[OUT_KIND] = v[COL_KIND];
    out[OUT_OUTCOME] = CStringGetTextDatum(word);
    out[OUT_AFTER] = v[COL_VALID_AFTER];
    out[OUT_BEFORE] = v[COL_VALID_BEFORE];
    out_null[OUT_SERIAL] = out_null[OUT_KIND] = out_null[OUT_AFTER] = out_null[OUT_BEFORE] = false;
    if (authority == NULL)
        return;
    sb_writer(&cert, palloc(CERT_MAX), CERT_MAX);
    word = make(&record, authority, call, &cert);
    if (strcmp(word, "signed") != 0) {
        out[OUT_OUTCOME] = CStringGetTextDatum(word);
        return;
    }
    out[OUT_CERTIFICATE] =
        record.purpose == PURPOSE_X509 ? pem_text(&cert) : ssh_text(&record, &cert);
    out_null[OUT_CERTIFICATE] = false;
}

static void
answer_all(SPITupleTable *rows, ReturnSetInfo *result)
{
    struct call call = {.number = authority_call()};
    MemoryContext row_context =
        AllocSetContextCreate(CurrentMemoryContext, "pg_sftca row", ALLOCSET_DEFAULT_SIZES);
    for (uint64 i = 0; i < rows->numvals; i++) {
        Datum v[COLS], out[OUTS];
        bool is_null[COLS], out_null[OUTS];
        MemoryContext old = MemoryContextSwitchTo(row_context);
        CHECK_FOR_INTERRUPTS();
        heap_deform_tuple(rows->vals[i], rows->tupdesc, v, is_null);
        answer(v, is_null, &call, out, out_null);
        MemoryContextSwitchTo(old);
        tuplestore_putvalues(result->setResult, result->setDesc, out, out_null);
        MemoryContextReset(row_context);
    }
    MemoryContextDelete(row_context);
    /* nobody is helped by a list of nothing: a key-encryption key or a token is to be brought back
     */
    if (!call.has_signed && authority_may_come_back(call.fault))
        authority_throw(call.fault, call.name);
}

PG_FUNCTION_INFO_V1(sftca_finish);

Datum
sftca_finish(PG_FUNCTION_ARGS)
{
    if (RecoveryInProgress())
        sftca_refuse(ERRCODE_READ_ONLY_SQL_TRANSACTION, "standby",
                     "a standby signs no certificates");
    InitMaterializedSRF(fcinfo, 0);
    SPI_connect();
    Datum args[] = {PG_GETARG_DATUM(0)};
    (void)query_run(&records, args, NULL);
    answer_all(SPI_tuptable, (ReturnSetInfo *)fcinfo->resultinfo);
    SPI_finish();
    return (Datum)0;
}
