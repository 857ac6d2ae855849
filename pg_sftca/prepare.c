/* SPDX-License-Identifier: PostgreSQL */
/*
 * prepare.c - SQL: prepare_ssh_user, prepare_ssh_host, and what prepare_x509.c shares with them.
 * Record first.
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
#include "core/sshwrite.h"
#include "durable.h"
#include "option_list.h"
#include "order.h"
#include "query.h"
#include "throw.h"
#include "varlena.h"

#define TBS_MAX SSHCERT_BLOB_MAX
#define SERIAL_TRIES 16
#define SECONDS_A_DAY 86400

/* What is asked for of an SSH certificate alone. */
struct ssh_order {
    struct text_list principals;
    struct option_list critical, extensions;
};

static void
check_validity(const struct order *order)
{
    int64 now = clock_now();
    if (order->valid_after >= order->valid_before)
        sftca_refuse(SFTCA_INVALID, "validity_reversed", "valid_after is not before valid_before");
    if (order->valid_before <= now)
        sftca_refuse(SFTCA_INVALID, "validity_past", "valid_before is in the past");
    if (order->valid_after < 0 ||
        order->valid_before - now > (int64)order->life_days * SECONDS_A_DAY)
        sftca_refuse(SFTCA_INVALID, "validity_too_long",
                     "a certificate of this kind lives at most %d days", order->life_days);
}

static void
check_principals(const struct text_list *principals, enum purpose purpose)
{
    if (principals->n == 0)
        sftca_refuse(SFTCA_INVALID, "principal_missing", "a certificate must have a principal");
    if (principals->n > SSHCERT_PRINCIPALS_MAX)
        sftca_refuse(SFTCA_INVALID, "principal_too_many", "more than %d principals",
                     SSHCERT_PRINCIPALS_MAX);
    for (int i = 0; i < principals->n; i++) {
        const char *name = principals->items[i];
        if (name[0] == '\0')
            sftca_refuse(SFTCA_INVALID, "principal_empty", "principal %d is empty", i + 1);
        if (purpose == PURPOSE_SSH_HOST ? !name_is_host(name) : !name_is_principal(name))
            sftca_refuse(SFTCA_INVALID, "principal_invalid", "principal %d is not %s", i + 1,
                         purpose == PURPOSE_SSH_HOST
                             ? "a host's name: letters, digits and .-_: , at most 253"
                             : "^[a-z_][a-z0-9_-]{0,30}$, nor a uuid, a colon and such a name");
    }
}

/* A name that stands there twice is said once, where it stood first. */
static void
drop_repeated(struct text_list *principals)
{
    int kept = 0;
    for (int i = 0; i < principals->n; i++) {
        int k = 0;
        while (k < kept && strcmp(principals->items[k], principals->items[i]) != 0)
            k++;
        if (k == kept)
            principals->items[kept++] = principals->items[i];
    }
    principals->n = kept;
}

static void
check_key_id(const char *key_id)
{
    if (!name_is_key_id(key_id))
        sftca_refuse(SFTCA_INVALID, "key_id_invalid",
                     "key_id is not sft1: and 1 to 395 of letters, digits and ._:@+-");
}

static void
write_ssh(struct sbuf *out, const struct order *order, uint64 serial, const uint8_t *nonce)
{
    const struct ssh_order *ssh = order->more;
    struct sshwrite cert = {
        .type = order->purpose == PURPOSE_SSH_USER ? SSHCERT_USER : SSHCERT_HOST,
        .nonce = nonce,
        .subject = &order->subject,
        .authority = &order->authority->public,
        .serial = serial,
        .key_id = order->key_id,
        .principals = (const char *const *)ssh->principals.items,
        .principals_n = (size_t)ssh->principals.n,
        .valid_after = (uint64)order->valid_after,
        .valid_before = (uint64)order->valid_before,
        .critical = ssh->critical.items,
        .critical_n = ssh->critical.n,
        .extensions = ssh->extensions.items,
        .extensions_n = ssh->extensions.n,
    };
    sshwrite_tbs(out, &cert);
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
    order->write(tbs, order, serial, chance.nonce);
    if (sb_err(tbs) != SFT_OK)
        sftca_throw(sb_err(tbs), "certificate");
    return serial;
}

Datum
order_list(const struct text_list *list)
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
                    order->principals,
                    order->critical,
                    order->extensions,
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

/*
 * An authority that is certified by somebody may end before it is retired here; it may have been
 * certified anew since this backend learnt when.
 */
static void
check_authority(struct order *order)
{
    if (order->purpose != PURPOSE_X509 || order->valid_before <= order->authority->expires_at)
        return;
    const struct authority_id id = order->authority->id;
    order->authority = authority_any(&id);
    if (order->valid_before > order->authority->expires_at)
        sftca_refuse(SFTCA_INVALID, "validity_beyond_authority",
                     "valid_before is after the end of the authority's own certificate");
}

Datum
order_place(struct order *order, const pg_uuid_t *authority)
{
    check_validity(order);
    int r = sshkey_fingerprint(&order->subject, order->fingerprint);
    if (r != SFT_OK)
        sftca_throw(r, "fingerprint");
    durable_arm();
    SPI_connect();
    order->authority = authority_active(authority, order->purpose, order->fingerprint);
    check_authority(order);
    uint64 serial = record(order);
    SPI_finish();
    return Int64GetDatum((int64)serial);
}

static void
read_ssh(FunctionCallInfo fcinfo, struct order *order, struct ssh_order *ssh)
{
    order->id = argument_uuid(fcinfo, 0, "id");
    argument_need(fcinfo, 1, "authority");
    argument_key(fcinfo, 2, &order->subject);
    order->key_id = argument_text(fcinfo, 3, "key_id");
    ssh->principals = argument_list(fcinfo, 4, "principals");
    order->valid_after = argument_time(fcinfo, 5, "valid_after");
    order->valid_before = argument_time(fcinfo, 6, "valid_before");
    check_key_id(order->key_id);
    check_principals(&ssh->principals, order->purpose);
    drop_repeated(&ssh->principals);
    order->write = write_ssh;
    order->more = ssh;
}

static Datum
place_ssh(struct order *order, const struct ssh_order *ssh, const pg_uuid_t *authority)
{
    order->principals = order_list(&ssh->principals);
    order->critical = option_list_array(&ssh->critical);
    order->extensions = option_list_array(&ssh->extensions);
    return order_place(order, authority);
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
    struct order order = {.purpose = PURPOSE_SSH_USER, .kind = "ssh_user", .life_days = 2};
    struct ssh_order ssh = {0};
    read_ssh(fcinfo, &order, &ssh);
    if (!PG_ARGISNULL(7))
        option_list_read(&ssh.critical, PG_GETARG_DATUM(7),
                         is_sk(&order.subject) ? OPTION_CRITICAL_SK : OPTION_CRITICAL);
    if (!PG_ARGISNULL(8))
        option_list_read(&ssh.extensions, PG_GETARG_DATUM(8), OPTION_EXTENSION);
    return place_ssh(&order, &ssh, PG_GETARG_UUID_P(1));
}

PG_FUNCTION_INFO_V1(sftca_prepare_ssh_host);

Datum
sftca_prepare_ssh_host(PG_FUNCTION_ARGS)
{
    struct order order = {.purpose = PURPOSE_SSH_HOST, .kind = "ssh_host", .life_days = 32};
    struct ssh_order ssh = {0};
    read_ssh(fcinfo, &order, &ssh);
    if (is_sk(&order.subject))
        sftca_throw_key(SFT_EKEYTYPE);
    return place_ssh(&order, &ssh, PG_GETARG_UUID_P(1));
}
