/* SPDX-License-Identifier: PostgreSQL */
/*
 * prepare.c - SQL: prepare_ssh_user, prepare_ssh_host, prepare_x509_client. Record first.
 *
 * Everything that somebody decides about a certificate is checked and written to sftca.certificates
 * here, to the last byte that will be signed. Nothing is signed here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "argument.h"
#include "authority.h"
#include "clock.h"
#include "common/fault.h"
#include "common/names.h"
#include "core/serial.h"
#include "core/x509write.h"
#include "durable.h"
#include "option_list.h"
#include "query.h"
#include "throw.h"
#include "varlena.h"

#define TBS_MAX SSHCERT_BLOB_MAX
#define SERIAL_TRIES 16
#define SECONDS_A_DAY 86400

/* What is asked for. */
struct order {
    pg_uuid_t *id;
    enum purpose purpose;
    const char *kind;
    const struct authority *authority;
    struct sshkey subject;
    char fingerprint[SSHKEY_FINGERPRINT_MAX];
    const char *key_id;                      /* X.509: the URI */
    struct text_list principals;             /* X.509: the common name */
    struct option_list critical, extensions; /* X.509: extensions holds organization and unit */
    int64 valid_after, valid_before;
};

/* The longest that a certificate may live; sftca.revoke() counts on it (pg_sftca--1.0.sql). */
static int64
longest_life(enum purpose purpose)
{
    return (purpose == PURPOSE_SSH_HOST ? 32 : 2) * SECONDS_A_DAY;
}

static void
check_validity(const struct order *order)
{
    int64 now = clock_now();
    if (order->valid_after >= order->valid_before)
        sftca_refuse(SFTCA_INVALID, "validity_reversed", "valid_after is not before valid_before");
    if (order->valid_before <= now)
        sftca_refuse(SFTCA_INVALID, "validity_past", "valid_before is in the past");
    if (order->valid_after < 0 || order->valid_before - now > longest_life(order->purpose))
        sftca_refuse(SFTCA_INVALID, "validity_too_long",
                     "a certificate of this kind lives at most %d days",
                     (int)(longest_life(order->purpose) / SECONDS_A_DAY));
}

static void
check_principals(const struct order *order)
{
    if (order->principals.n == 0)
        sftca_refuse(SFTCA_INVALID, "principal_missing", "a certificate must have a principal");
    if (order->principals.n > SSHCERT_PRINCIPALS_MAX)
        sftca_refuse(SFTCA_INVALID, "principal_too_many", "more than %d principals",
                     SSHCERT_PRINCIPALS_MAX);
    for (int i = 0; i < order->principals.n; i++) {
        const char *name = order->principals.items[i];
        if (name[0] == '\0')
            sftca_refuse(SFTCA_INVALID, "principal_empty", "principal %d is empty", i + 1);
        if (order->purpose == PURPOSE_SSH_HOST ? !name_is_host(name) : !name_is_principal(name))
            sftca_refuse(SFTCA_INVALID, "principal_invalid", "principal %d breaks the name rule",
                         i + 1);
    }
}

static void
check_key_id(const char *key_id)
{
    if (!name_is_key_id(key_id))
        sftca_refuse(SFTCA_INVALID, "key_id_invalid", "key_id breaks its rule");
}

static bool
is_uri(const char *s)
{
    size_t n = strlen(s);
    return n <= KEY_ID_MAX && strncmp(s, "sft://", 6) == 0 && n > 6 &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                     "-._~:/@!$&'()*+;=%") == n;
}

static void
check_subject(const char *common_name, const char *organization, const char *unit, const char *uri)
{
    if (!name_is_server_user(common_name))
        sftca_refuse(SFTCA_INVALID, "common_name_invalid", "common_name breaks its rule");
    if (!name_is_team(organization))
        sftca_refuse(SFTCA_INVALID, "organization_invalid", "organization breaks its rule");
    if (!name_is_object(unit))
        sftca_refuse(SFTCA_INVALID, "organizational_unit_invalid",
                     "organizational_unit breaks its rule");
    if (!is_uri(uri))
        sftca_refuse(SFTCA_INVALID, "uri_invalid", "uri must be a plain sft:// URI");
}

static void
write_ssh(struct sbuf *out, const struct order *order, uint64 serial, const uint8_t *nonce)
{
    struct sshwrite cert = {
        .type = order->purpose == PURPOSE_SSH_USER ? SSHCERT_USER : SSHCERT_HOST,
        .nonce = nonce,
        .subject = &order->subject,
        .authority = &order->authority->public,
        .serial = serial,
        .key_id = order->key_id,
        .principals = (const char *const *)order->principals.items,
        .principals_n = (size_t)order->principals.n,
        .valid_after = (uint64)order->valid_after,
        .valid_before = (uint64)order->valid_before,
        .critical = order->critical.items,
        .critical_n = order->critical.n,
        .extensions = order->extensions.items,
        .extensions_n = order->extensions.n,
    };
    sshwrite_tbs(out, &cert);
}

static void
write_x509(struct sbuf *out, const struct order *order, uint64 serial)
{
    struct x509write cert = {
        .serial = serial,
        .issuer = order->authority->name,
        .authority = &order->authority->public,
        .valid_after = (uint64)order->valid_after,
        .valid_before = (uint64)order->valid_before,
        .subject = &order->subject,
        .common_name = order->principals.items[0],
        .organization = order->extensions.items[0].value,
        .organizational_unit = order->extensions.items[1].value,
        .uri = order->key_id,
    };
    x509write_client_tbs(out, &cert);
}

/* Draws a serial and a nonce and writes the bytes to be signed. */
static uint64
draw(const struct order *order, struct sbuf *tbs)
{
    struct {
        uint8_t nonce[SSHWRITE_NONCE_LEN];
        uint32_t serial;
    } chance;
    uint64_t serial;

    if (!pg_strong_random(&chance, sizeof chance))
        sftca_refuse(SFTCA_INTERNAL, "random_failed", "no random bytes");
    int r = serial_make(clock_now_ms(), chance.serial, &serial);
    if (r != SFT_OK)
        sftca_throw(r, "serial");
    if (order->purpose == PURPOSE_X509)
        write_x509(tbs, order, serial);
    else
        write_ssh(tbs, order, serial, chance.nonce);
    if (sb_err(tbs) != SFT_OK)
        sftca_throw(sb_err(tbs), "certificate");
    return serial;
}

static Datum
list_array(const struct text_list *list)
{
    Datum *items = palloc(sizeof(Datum) * (size_t)list->n);
    for (int i = 0; i < list->n; i++)
        items[i] = CStringGetTextDatum(list->items[i]);
    return PointerGetDatum(construct_array(items, list->n, TEXTOID, -1, false, TYPALIGN_INT));
}

static bool
insert(const struct order *order, uint64 serial, const struct sbuf *tbs)
{
    /* recorded_in is never named: its default is the truth */
    static struct query query = {
        "INSERT INTO sftca.certificates (id, serial, authority_id, generation, kind, tbs, key_id,"
        " principals, critical_options, extensions, fingerprint, valid_after, valid_before)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " ON CONFLICT ON CONSTRAINT certificate_serial_taken DO NOTHING",
        13,
        {UUIDOID, INT8OID, UUIDOID, INT4OID, TEXTOID, BYTEAOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID,
         TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
        NULL};
    bytea *bytes = palloc(VARHDRSZ + tbs->len);
    SET_VARSIZE(bytes, VARHDRSZ + tbs->len);
    memcpy(VARDATA(bytes), tbs->p, tbs->len);

    Datum args[] = {UUIDPGetDatum(order->id),
                    Int64GetDatum((int64)serial),
                    UUIDPGetDatum(&order->authority->id.uuid),
                    Int32GetDatum(order->authority->id.generation),
                    CStringGetTextDatum(order->kind),
                    PointerGetDatum(bytes),
                    CStringGetTextDatum(order->key_id),
                    list_array(&order->principals),
                    option_list_array(&order->critical),
                    option_list_array(&order->extensions),
                    CStringGetTextDatum(order->fingerprint),
                    TimestampTzGetDatum(clock_timestamp_of(order->valid_after)),
                    TimestampTzGetDatum(clock_timestamp_of(order->valid_before))};
    return query_write(&query, args, NULL) == 1;
}

/* Writes the record; another serial when chance gave one that is taken. */
static uint64
record(const struct order *order)
{
    uint8_t *memory = palloc(TBS_MAX);
    for (int i = 0; i < SERIAL_TRIES; i++) {
        struct sbuf tbs;
        sb_writer(&tbs, memory, TBS_MAX);
        uint64 serial = draw(order, &tbs);
        SFT_FAULT("vault.before_record");
        if (insert(order, serial, &tbs)) {
            SFT_FAULT("vault.after_record");
            return serial;
        }
    }
    sftca_refuse(SFTCA_UNAVAILABLE, "serial_exhausted", "no free serial in %d tries", SERIAL_TRIES);
}

static Datum
place(struct order *order, const pg_uuid_t *authority)
{
    check_validity(order);
    int r = sshkey_fingerprint(&order->subject, order->fingerprint);
    if (r != SFT_OK)
        sftca_throw(r, "fingerprint");
    durable_arm();
    SPI_connect();
    order->authority = authority_active(authority, order->purpose, order->fingerprint);
    uint64 serial = record(order);
    SPI_finish();
    return Int64GetDatum((int64)serial);
}

static void
read_ssh(FunctionCallInfo fcinfo, struct order *order)
{
    order->id = argument_uuid(fcinfo, 0, "id");
    argument_need(fcinfo, 1, "authority");
    argument_key(fcinfo, 2, &order->subject);
    order->key_id = argument_text(fcinfo, 3, "key_id");
    order->principals = argument_list(fcinfo, 4, "principals");
    order->valid_after = argument_time(fcinfo, 5, "valid_after");
    order->valid_before = argument_time(fcinfo, 6, "valid_before");
    check_key_id(order->key_id);
    check_principals(order);
}

static bool
is_sk(const struct sshkey *key)
{
    return key->type == SSHKEY_SK_ED25519 || key->type == SSHKEY_SK_ECDSA_P256;
}

PG_FUNCTION_INFO_V1(sftca_prepare_ssh_user);

Datum
sftca_prepare_ssh_user(PG_FUNCTION_ARGS)
{
    struct order order = {.purpose = PURPOSE_SSH_USER, .kind = "ssh_user"};
    read_ssh(fcinfo, &order);
    if (!PG_ARGISNULL(7))
        option_list_read(&order.critical, PG_GETARG_DATUM(7),
                         is_sk(&order.subject) ? OPTION_CRITICAL_SK : OPTION_CRITICAL);
    if (!PG_ARGISNULL(8))
        option_list_read(&order.extensions, PG_GETARG_DATUM(8), OPTION_EXTENSION);
    return place(&order, PG_GETARG_UUID_P(1));
}

PG_FUNCTION_INFO_V1(sftca_prepare_ssh_host);

Datum
sftca_prepare_ssh_host(PG_FUNCTION_ARGS)
{
    struct order order = {.purpose = PURPOSE_SSH_HOST, .kind = "ssh_host"};
    read_ssh(fcinfo, &order);
    if (is_sk(&order.subject))
        sftca_throw_key(SFT_EKEYTYPE);
    return place(&order, PG_GETARG_UUID_P(1));
}

PG_FUNCTION_INFO_V1(sftca_prepare_x509_client);

Datum
sftca_prepare_x509_client(PG_FUNCTION_ARGS)
{
    struct order order = {.purpose = PURPOSE_X509, .kind = "x509_client"};
    order.id = argument_uuid(fcinfo, 0, "id");
    argument_need(fcinfo, 1, "authority");
    argument_key(fcinfo, 2, &order.subject);
    char *common_name = argument_text(fcinfo, 3, "common_name");
    char *organization = argument_text(fcinfo, 4, "organization");
    char *unit = argument_text(fcinfo, 5, "organizational_unit");
    order.key_id = argument_text(fcinfo, 6, "uri");
    order.valid_after = argument_time(fcinfo, 7, "valid_after");
    order.valid_before = argument_time(fcinfo, 8, "valid_before");
    check_subject(common_name, organization, unit, order.key_id);
    order.principals = (struct text_list){1, &common_name};
    order.extensions.n = 2;
    order.extensions.items[0] = (struct sshwrite_option){"organization", organization};
    order.extensions.items[1] = (struct sshwrite_option){"organizational_unit", unit};
    return place(&order, PG_GETARG_UUID_P(1));
}
