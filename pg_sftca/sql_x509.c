/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_x509.c - SQL: parse_csr, csr_key, parse_certificate_x509, parse_crl, verify_x509. X.509 that
 * others made.
 *
 * The core tells everything in memory that is had before it is asked, so that nothing can raise
 * while it holds a handle.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "argument.h"
#include "clock.h"
#include "common/digest.h"
#include "core/pem.h"
#include "core/x509facts.h"
#include "core/x509verify.h"
#include "sql_ssh.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define CERTIFICATES_TEXT_MAX (1 << 20)
#define LIST_TEXT_MAX (64 << 20)

static Datum
array_of(const struct x509facts_list *list)
{
    Datum *items = palloc(sizeof(Datum) * (list->n + 1));
    for (size_t i = 0; i < list->n; i++)
        items[i] = CStringGetTextDatum(list->items[i]);
    return PointerGetDatum(construct_array(items, (int)list->n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
numeric_of(const char *decimal)
{
    return DirectFunctionCall3(numeric_in, CStringGetDatum(decimal), ObjectIdGetDatum(InvalidOid),
                               Int32GetDatum(-1));
}

static Datum
text_or_null(const char *s, bool *null)
{
    *null = s == NULL;
    return s == NULL ? (Datum)0 : CStringGetTextDatum(s);
}

static struct sbuf
arena_of(size_t n)
{
    struct sbuf arena;
    sb_writer(&arena, palloc_extended(n, MCXT_ALLOC_HUGE), n);
    return arena;
}

/* ---- requests ---- */

_Noreturn static void
refuse_request(int err)
{
    switch (err) {
    case SFT_EOPTION:
        sftca_refuse(SFTCA_INVALID, "csr_signature_algorithm",
                     "csr: it is signed by a weak or unknown algorithm");
    case SFT_ESIGNATURE:
        sftca_refuse(SFTCA_INVALID, "csr_signature", "csr: it is not signed by its own key");
    case SFT_EKEYTYPE:
    case SFT_EKEYWEAK:
    case SFT_EKEYPOINT:
        sftca_throw_key(err);
    case SFT_ENOMEM:
    case SFT_ECRYPTO:
    case SFT_EINTERNAL:
        sftca_throw(err, "csr");
    default:
        sftca_refuse(SFTCA_INVALID, "csr_malformed",
                     "csr: it is not one certification request in PEM or base64, in DER, of at "
                     "most %d bytes",
                     X509FACTS_INPUT_MAX);
    }
}

/* One request and nothing more. */
static void
read_request(FunctionCallInfo fcinfo, struct x509request *request)
{
    struct pem pem;
    size_t der_len, none;
    argument_need(fcinfo, 0, "csr");
    text *given = PG_GETARG_TEXT_PP(0);
    size_t len = varlena_len(given);
    if (len > 2 * X509FACTS_INPUT_MAX)
        refuse_request(SFT_ETOOLONG);
    uint8_t *der = palloc(len + 1), *more = palloc(len + 1);
    struct sbuf arena = arena_of(X509FACTS_ARENA(len));
    pem_begin(&pem, VARDATA_ANY(given), len);
    int r = pem_next(&pem, pem_request, der, len, &der_len);
    if (r == SFT_OK && pem_next(&pem, pem_request, more, len, &none) != SFT_ENOTFOUND)
        r = SFT_ETRAILING;
    if (r == SFT_OK)
        r = x509request_read(request, der, der_len, &arena);
    if (r != SFT_OK)
        refuse_request(r);
}

PG_FUNCTION_INFO_V1(sftca_csr_key);

Datum
sftca_csr_key(PG_FUNCTION_ARGS)
{
    struct x509request *request = palloc(sizeof *request);
    read_request(fcinfo, request);
    return ssh_key_text(&request->key);
}

PG_FUNCTION_INFO_V1(sftca_parse_csr);

Datum
sftca_parse_csr(PG_FUNCTION_ARGS)
{
    bool nulls[8] = {0};
    struct x509request *request = palloc(sizeof *request);
    read_request(fcinfo, request);
    Datum values[8] = {CStringGetTextDatum(request->subject),
                       ssh_key_text(&request->key),
                       CStringGetTextDatum(sshkey_type_name(request->key.type)),
                       Int32GetDatum((int32)request->key.bits),
                       ssh_key_fingerprint(&request->key),
                       CStringGetTextDatum(request->signature_algorithm),
                       array_of(&request->names),
                       Int32GetDatum((int32)request->attributes_n)};
    return tuple_of(fcinfo, values, nulls);
}

/* ---- certificates ---- */

static Datum
digest_text(const uint8_t *der, size_t len)
{
    uint8_t digest[32];
    char hex[65];
    int r = digest_sha256(der, len, digest);
    if (r != SFT_OK)
        sftca_throw(r, "certificate");
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return CStringGetTextDatum(hex);
}

#define FACTS_COLUMNS 21

static void
put_facts(ReturnSetInfo *result, int position, const struct x509facts *f, Datum fingerprint)
{
    bool nulls[FACTS_COLUMNS] = {0};
    Datum v[FACTS_COLUMNS] = {
        Int32GetDatum(position),
        Int32GetDatum(f->version),
        numeric_of(f->serial),
        CStringGetTextDatum(f->issuer),
        CStringGetTextDatum(f->subject),
        TimestampTzGetDatum(clock_timestamp_of(f->valid_after)),
        TimestampTzGetDatum(clock_timestamp_of(f->valid_before)),
        CStringGetTextDatum(f->key_type),
        Int32GetDatum(f->key_bits),
        f->has_key ? ssh_key_text(&f->key) : (Datum)0,
        f->has_key ? ssh_key_fingerprint(&f->key) : (Datum)0,
        text_or_null(f->subject_key_id, &nulls[11]),
        text_or_null(f->authority_key_id, &nulls[12]),
        BoolGetDatum(f->is_authority != 0),
        Int32GetDatum((int32)f->path_length),
        array_of(&f->key_usage),
        array_of(&f->extended_key_usage),
        array_of(&f->names),
        array_of(&f->unknown_critical),
        CStringGetTextDatum(f->signature_algorithm),
        fingerprint,
    };
    nulls[9] = nulls[10] = !f->has_key;
    nulls[14] = f->path_length < 0;
    tuplestore_putvalues(result->setResult, result->setDesc, v, nulls);
}

_Noreturn static void
refuse_certificate(int err, int position)
{
    if (err == SFT_ENOMEM || err == SFT_ECRYPTO || err == SFT_EINTERNAL)
        sftca_throw(err, "certificate");
    sftca_refuse(SFTCA_INVALID, "certificate_malformed",
                 "certificate: block %d is no certificate in DER of at most %d bytes", position,
                 X509FACTS_INPUT_MAX);
}

static void
put_certificate(ReturnSetInfo *result, int position, const uint8_t *der, size_t len)
{
    struct x509facts *facts = palloc(sizeof *facts);
    if (len > X509FACTS_INPUT_MAX)
        refuse_certificate(SFT_ETOOLONG, position);
    struct sbuf arena = arena_of(X509FACTS_ARENA(len));
    int r = x509facts_read(facts, der, len, &arena);
    if (r != SFT_OK)
        refuse_certificate(r, position);
    put_facts(result, position, facts, digest_text(der, len));
    pfree(arena.p);
    pfree(facts);
}

PG_FUNCTION_INFO_V1(sftca_parse_certificate_x509);

Datum
sftca_parse_certificate_x509(PG_FUNCTION_ARGS)
{
    struct pem pem;
    size_t n;
    int r, position = 0;
    argument_need(fcinfo, 0, "certificate");
    InitMaterializedSRF(fcinfo, 0);
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
    text *given = PG_GETARG_TEXT_PP(0);
    size_t len = varlena_len(given);
    if (len > CERTIFICATES_TEXT_MAX)
        refuse_certificate(SFT_ETOOLONG, 1);
    uint8_t *der = palloc(len + 1);
    pem_begin(&pem, VARDATA_ANY(given), len);
    while ((r = pem_next(&pem, pem_certificate, der, len, &n)) == SFT_OK) {
        CHECK_FOR_INTERRUPTS();
        put_certificate(result, ++position, der, n);
    }
    if (r != SFT_ENOTFOUND || position == 0)
        refuse_certificate(r, position + 1);
    return (Datum)0;
}

PG_FUNCTION_INFO_V1(sftca_parse_certificate_x509_der);

Datum
sftca_parse_certificate_x509_der(PG_FUNCTION_ARGS)
{
    argument_need(fcinfo, 0, "certificate");
    InitMaterializedSRF(fcinfo, 0);
    bytea *given = PG_GETARG_BYTEA_PP(0);
    put_certificate((ReturnSetInfo *)fcinfo->resultinfo, 1, (const uint8_t *)VARDATA_ANY(given),
                    varlena_len(given));
    return (Datum)0;
}

/* ---- lists ---- */

static const char *
reason_word(int reason)
{
    static const char *const words[] = {
        "unspecified",     "key_compromise",         "ca_compromise",    "affiliation_changed",
        "superseded",      "cessation_of_operation", "certificate_hold", "7",
        "remove_from_crl", "privilege_withdrawn",    "aa_compromise"};
    return reason >= 0 && reason < (int)lengthof(words) ? words[reason] : "unknown";
}

static Datum
time_or_null(int64_t t, bool *null)
{
    *null = t == 0;
    return TimestampTzGetDatum(clock_timestamp_of(t));
}

#define LIST_COLUMNS 9

/* entry is NULL for the one row of an empty list */
static void
put_entry(ReturnSetInfo *result, const struct x509list *list, const struct x509list_entry *entry)
{
    Datum v[LIST_COLUMNS] = {0};
    bool nulls[LIST_COLUMNS] = {0};
    v[0] = CStringGetTextDatum(list->issuer);
    nulls[1] = list->number == NULL;
    if (!nulls[1])
        v[1] = numeric_of(list->number);
    v[2] = time_or_null(list->this_update, &nulls[2]);
    v[3] = time_or_null(list->next_update, &nulls[3]);
    v[4] = text_or_null(list->authority_key_id, &nulls[4]);
    v[5] = CStringGetTextDatum(list->signature_algorithm);
    nulls[6] = nulls[7] = nulls[8] = entry == NULL;
    if (entry != NULL) {
        v[6] = numeric_of(entry->serial);
        v[7] = time_or_null(entry->revoked_at, &nulls[7]);
        v[8] = CStringGetTextDatum(reason_word(entry->reason));
    }
    tuplestore_putvalues(result->setResult, result->setDesc, v, nulls);
}

static void
put_list(ReturnSetInfo *result, const uint8_t *der, size_t len)
{
    struct x509list list = {
        .entries =
            palloc_extended(sizeof(struct x509list_entry) * x509list_most(len), MCXT_ALLOC_HUGE)};
    struct sbuf arena = arena_of(X509LIST_ARENA(len));
    int r = x509list_read(&list, der, len, &arena);
    if (r == SFT_ENOMEM || r == SFT_ECRYPTO)
        sftca_throw(r, "crl");
    if (r != SFT_OK)
        sftca_refuse(SFTCA_INVALID, "crl_malformed", "crl: it is no revocation list in DER");
    if (list.entries_n == 0)
        put_entry(result, &list, NULL);
    MemoryContext rows =
        AllocSetContextCreate(CurrentMemoryContext, "pg_sftca row", ALLOCSET_DEFAULT_SIZES);
    for (size_t i = 0; i < list.entries_n; i++) {
        MemoryContext old = MemoryContextSwitchTo(rows);
        CHECK_FOR_INTERRUPTS();
        put_entry(result, &list, &list.entries[i]);
        MemoryContextSwitchTo(old);
        MemoryContextReset(rows);
    }
    MemoryContextDelete(rows);
}

PG_FUNCTION_INFO_V1(sftca_parse_crl_der);

Datum
sftca_parse_crl_der(PG_FUNCTION_ARGS)
{
    argument_need(fcinfo, 0, "crl");
    InitMaterializedSRF(fcinfo, 0);
    bytea *given = PG_GETARG_BYTEA_PP(0);
    if (varlena_len(given) > LIST_TEXT_MAX)
        sftca_refuse(SFTCA_INVALID, "crl_malformed", "crl: more than %d bytes", LIST_TEXT_MAX);
    put_list((ReturnSetInfo *)fcinfo->resultinfo, (const uint8_t *)VARDATA_ANY(given),
             varlena_len(given));
    return (Datum)0;
}

PG_FUNCTION_INFO_V1(sftca_parse_crl);

Datum
sftca_parse_crl(PG_FUNCTION_ARGS)
{
    struct pem pem;
    size_t n;
    int r, taken = 0;
    argument_need(fcinfo, 0, "crl");
    InitMaterializedSRF(fcinfo, 0);
    text *given = PG_GETARG_TEXT_PP(0);
    size_t len = varlena_len(given);
    if (len > LIST_TEXT_MAX)
        sftca_refuse(SFTCA_INVALID, "crl_malformed", "crl: more than %d bytes", LIST_TEXT_MAX);
    uint8_t *der = palloc(len + 1);
    pem_begin(&pem, VARDATA_ANY(given), len);
    for (; (r = pem_next(&pem, pem_list, der, len, &n)) == SFT_OK; taken++)
        put_list((ReturnSetInfo *)fcinfo->resultinfo, der, n);
    if (r != SFT_ENOTFOUND || taken == 0)
        sftca_refuse(SFTCA_INVALID, "crl_malformed", "crl: block %d is no revocation list",
                     taken + 1);
    return (Datum)0;
}

/* ---- verification ---- */

static void
read_purpose(FunctionCallInfo fcinfo, struct x509verify *ask)
{
    char *word = argument_text(fcinfo, 3, "purpose");
    if (strcmp(word, "client") == 0)
        ask->purpose = X509VERIFY_CLIENT;
    else if (strcmp(word, "server") == 0)
        ask->purpose = X509VERIFY_SERVER;
    else if (strcmp(word, "any") != 0)
        sftca_refuse(SFTCA_INVALID, "purpose_invalid", "purpose is client, server or any");
}

PG_FUNCTION_INFO_V1(sftca_verify_x509);

Datum
sftca_verify_x509(PG_FUNCTION_ARGS)
{
    struct x509verify ask = {0};
    const char *word;
    argument_need(fcinfo, 0, "certificate");
    argument_need(fcinfo, 1, "trust");
    text *certificate = PG_GETARG_TEXT_PP(0), *trust = PG_GETARG_TEXT_PP(1);
    ask.certificate = VARDATA_ANY(certificate);
    ask.certificate_len = varlena_len(certificate);
    ask.trust = VARDATA_ANY(trust);
    ask.trust_len = varlena_len(trust);
    ask.at = PG_ARGISNULL(2) ? clock_now() : argument_time(fcinfo, 2, "at");
    read_purpose(fcinfo, &ask);
    if (!PG_ARGISNULL(4)) {
        text *lists = PG_GETARG_TEXT_PP(4);
        ask.lists = VARDATA_ANY(lists);
        ask.lists_len = varlena_len(lists);
    }
    if (!PG_ARGISNULL(5))
        ask.name = argument_text(fcinfo, 5, "name");
    int r = x509verify(&ask, &word);
    if (r != SFT_OK)
        sftca_throw(r, "certificate");
    if (word == NULL)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(CStringGetTextDatum(word));
}
