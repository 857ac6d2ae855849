/* SPDX-License-Identifier: PostgreSQL */
/*
 * authority.c - loads, unseals, caches and wipes signing keys.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "authority.h"
#include "common_text.h"
#include "core/wrap.h"
#include "kek.h"
#include "query.h"
#include "revocation.h"
#include "throw.h"
#include "varlena.h"

#define CACHE_MAX 1024

static HTAB *cache;

enum purpose
purpose_from(const char *word)
{
    static const char *const words[] = {"", "ssh_user", "ssh_host", "x509", "statement"};
    for (size_t i = 1; i < lengthof(words); i++)
        if (strcmp(word, words[i]) == 0)
            return (enum purpose)i;
    return PURPOSE_NONE;
}

/* "rsa-2048" to "rsa-8192", whole bytes */
static enum key_alg
rsa_from(const char *word, unsigned *bitsp)
{
    if (strncmp(word, "rsa-", 4) != 0 || strlen(word) != 8 || strspn(word + 4, "0123456789") != 4)
        return KEY_NONE;
    unsigned bits = (unsigned)strtoul(word + 4, NULL, 10);
    if (bits < SSHKEY_RSA_MIN_BITS || bits > SSHKEY_RSA_MAX_BITS || bits % 8 != 0)
        return KEY_NONE;
    *bitsp = bits;
    return KEY_RSA;
}

enum key_alg
algorithm_from(const char *word, unsigned *bitsp)
{
    static const struct {
        const char *word;
        enum key_alg alg;
    } words[] = {{"ed25519", KEY_ED25519},
                 {"ecdsa-p256", KEY_ECDSA_P256},
                 {"ecdsa-p384", KEY_ECDSA_P384},
                 {"ecdsa-p521", KEY_ECDSA_P521}};
    *bitsp = 0;
    for (size_t i = 0; i < lengthof(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].alg;
    return rsa_from(word, bitsp);
}

void
authority_name(const struct authority_id *id, char out[AUTHORITY_NAME_MAX])
{
    const unsigned char *u = id->uuid.data;
    snprintf(out, AUTHORITY_NAME_MAX,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x/%d", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15], id->generation);
}

static void
cache_wipe(void)
{
    HASH_SEQ_STATUS scan;
    struct authority *a;
    if (cache == NULL)
        return;
    hash_seq_init(&scan, cache);
    while ((a = hash_seq_search(&scan)) != NULL) {
        key_free(a->key);
        hash_search(cache, &a->id, HASH_REMOVE, NULL);
    }
}

static void
on_exit_wipe(int code, Datum arg)
{
    (void)code;
    (void)arg;
    cache_wipe();
    kek_forget();
}

static void
cache_make(void)
{
    HASHCTL ctl = {.keysize = sizeof(struct authority_id), .entrysize = sizeof(struct authority)};
    if (cache != NULL)
        return;
    cache = hash_create("pg_sftca unsealed keys", 64, &ctl, HASH_ELEM | HASH_BLOBS);
    on_proc_exit(on_exit_wipe, 0); /* here, not at load: the postmaster's list is not inherited */
}

int
authority_cached(void)
{
    return cache == NULL ? 0 : (int)hash_get_num_entries(cache);
}

/* Unseals into *keyp, or says by the code what is wrong. Raises only kek_missing. */
static int
unseal(const struct authority_id *id, const char *algorithm, const char *purpose,
       const bytea *sealed, const bytea *check, struct key **keyp)
{
    uint8_t mine[WRAP_CHECK_LEN], der[KEY_PRIVATE_DER_MAX];
    size_t len = 0;
    const uint8_t *kek = kek_need();
    const struct wrap_owner owner = {id->uuid.data, (uint32_t)id->generation, algorithm, purpose};

    int r = wrap_check(kek, mine);
    if (r != SFT_OK)
        return r;
    if (varlena_len(check) != sizeof mine || !mem_equal(VARDATA_ANY(check), mine, sizeof mine))
        return SFT_EKEK;
    r = wrap_open(kek, &owner, (const uint8_t *)VARDATA_ANY(sealed), varlena_len(sealed), der,
                  sizeof der, &len);
    if (r == SFT_OK)
        r = key_from_der(der, len, keyp);
    mem_wipe(der, sizeof der);
    return r;
}

/* The stored public key must be the private key's own: a swapped column would misname us. */
static int
check_pair(const struct key *key, const struct sshkey *stored)
{
    struct sshkey own;
    int r = key_public(key, &own);
    if (r == SFT_OK && !sshkey_equal(&own, stored))
        r = SFT_EKEYMISMATCH;
    return r;
}

static void
throw_unseal(int err, const struct authority *a)
{
    if (err == SFT_ENOMEM)
        sftca_throw(err, "signing key");
    if (err == SFT_EKEK)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_wrong",
                     "the key of authority %s is sealed under another key-encryption key", a->name);
    sftca_refuse(SFTCA_INTERNAL, "key_damaged", "the sealed key of authority %s is damaged",
                 a->name);
}

/* Fills the entry from the row that the query has left in SPI. */
static void
fill(struct authority *a)
{
    char *purpose = query_text(0), *algorithm = query_text(1), *public = query_text(2);
    bytea *sealed = query_bytea(3), *check = query_bytea(4);

    authority_name(&a->id, a->name);
    a->purpose = purpose_from(purpose);
    if (sealed == NULL || check == NULL)
        sftca_refuse(SFTCA_CONFLICT, "key_retired", "the key of authority %s is retired", a->name);
    int r = sshkey_from_text(&a->public, public, strlen(public));
    if (r == SFT_OK)
        r = unseal(&a->id, algorithm, purpose, sealed, check, &a->key);
    if (r == SFT_OK)
        r = check_pair(a->key, &a->public);
    if (r == SFT_OK)
        r = x509write_key_id(&a->public, a->key_id.bytes);
    a->key_id.len = X509_KEY_ID_LEN;
    if (r == SFT_OK)
        r = sshkey_fingerprint(&a->public, a->fingerprint);
    if (r != SFT_OK) {
        key_free(a->key);
        a->key = NULL;
        throw_unseal(r, a);
    }
}

/* What the outside's certificate of a generation says; the columns came with version 1.1. */
static void
load_certificate(struct authority *a)
{
    static struct query query = {
        "SELECT pg_catalog.decode(r.j OPERATOR(pg_catalog.->>) 'key_identifier', 'hex'),"
        "       pg_catalog.floor(EXTRACT(epoch FROM coalesce((r.j OPERATOR(pg_catalog.->>)"
        "           'certificate_expires_at')::pg_catalog.timestamptz,"
        "           r.created_at OPERATOR(pg_catalog.+) interval '3652 days')))::pg_catalog.int8"
        "  FROM (SELECT pg_catalog.to_jsonb(k) AS j, k.created_at FROM sftca.authority_keys k"
        "         WHERE k.authority_id OPERATOR(pg_catalog.=) $1"
        "           AND k.generation OPERATOR(pg_catalog.=) $2) r",
        2,
        {UUIDOID, INT4OID},
        NULL};
    Datum args[] = {UUIDPGetDatum(&a->id.uuid), Int32GetDatum(a->id.generation)};
    if (query_run(&query, args, NULL) != 1)
        return;
    bytea *key_id = query_bytea(0);
    if (key_id != NULL && varlena_len(key_id) <= X509_KEY_ID_MAX) {
        a->key_id.len = varlena_len(key_id);
        memcpy(a->key_id.bytes, VARDATA_ANY(key_id), a->key_id.len);
    }
    a->expires_at = DatumGetInt64(query_datum(1));
}

static void
load(struct authority *a)
{
    static struct query query = {
        "SELECT a.purpose, a.algorithm, k.public_key, s.sealed, s.kek_check"
        "  FROM sftca.authority_keys k"
        "  JOIN sftca.authorities a ON a.id OPERATOR(pg_catalog.=) k.authority_id"
        "  LEFT JOIN sftca.sealed_keys s ON s.authority_id OPERATOR(pg_catalog.=) k.authority_id"
        "   AND s.generation OPERATOR(pg_catalog.=) k.generation"
        " WHERE k.authority_id OPERATOR(pg_catalog.=) $1 AND k.generation OPERATOR(pg_catalog.=) "
        "$2",
        2,
        {UUIDOID, INT4OID},
        NULL};
    Datum args[] = {UUIDPGetDatum(&a->id.uuid), Int32GetDatum(a->id.generation)};

    if (query_run(&query, args, NULL) != 1)
        sftca_refuse(SFTCA_NOT_FOUND, "authority_unknown", "there is no such authority");
    fill(a);
    if (a->purpose == PURPOSE_X509)
        load_certificate(a);
}

/* The cache's entry, made empty if it is not there. */
static struct authority *
entry(const struct authority_id *id)
{
    struct authority_id key;
    bool found;

    cache_make();
    memset(&key, 0, sizeof key); /* the hash is over every byte */
    memcpy(&key.uuid, &id->uuid, sizeof key.uuid);
    key.generation = id->generation;
    if (authority_cached() >= CACHE_MAX && hash_search(cache, &key, HASH_FIND, NULL) == NULL)
        cache_wipe();
    struct authority *a = hash_search(cache, &key, HASH_ENTER, &found);
    if (!found)
        memset((char *)a + sizeof key, 0, sizeof *a - sizeof key);
    return a;
}

static void
drop_key(struct authority *a)
{
    key_free(a->key);
    a->key = NULL;
}

/* The generation that has the key of this fingerprint; unsealed anew when the cache has another. */
static const struct authority *
get(const struct authority_id *id, const char *fingerprint)
{
    struct authority *a = entry(id);
    if (a->key != NULL && strcmp(a->fingerprint, fingerprint) != 0)
        drop_key(a);
    if (a->key == NULL)
        load(a);
    return a;
}

#define LIVE(names)                                                                                \
    "SELECT k.fingerprint, (SELECT pg_catalog.max(r.serial_to) FROM sftca.revocations r"           \
    "                        WHERE r.authority_id OPERATOR(pg_catalog.=) $1), " names              \
    "  FROM sftca.authority_keys k"                                                                \
    " WHERE k.authority_id OPERATOR(pg_catalog.=) $1 AND k.generation OPERATOR(pg_catalog.=) $2"   \
    "   AND k.state OPERATOR(pg_catalog.<>) 'retired'"
#define NAMES                                                                                      \
    "EXISTS (SELECT FROM sftca.name_revocations r"                                                 \
    "         WHERE r.authority_id OPERATOR(pg_catalog.=) $1 OR r.authority_id IS NULL)"

/*
 * The fingerprint of a generation that is not retired, or NULL, how far revocations reach, and
 * whether there are any by name.
 */
static const char *
ask_live(struct authority *a)
{
    static struct query query = {LIVE("false"), 2, {UUIDOID, INT4OID}, NULL};
    static struct query query_names = {LIVE(NAMES), 2, {UUIDOID, INT4OID}, NULL};
    Datum args[] = {UUIDPGetDatum(&a->id.uuid), Int32GetDatum(a->id.generation)};
    if (query_run(revocation_has_names() ? &query_names : &query, args, NULL) != 1)
        return NULL;
    a->revoked_to = query_is_null(1) ? 0 : (uint64)DatumGetInt64(query_datum(1));
    a->has_names = DatumGetBool(query_datum(2));
    return query_text(0);
}

const struct authority *
authority_any(const struct authority_id *id)
{
    struct authority *a = entry(id);
    drop_key(a);
    load(a);
    return a;
}

void
authority_forget(const struct authority_id *id)
{
    drop_key(entry(id));
}

uint64
authority_call(void)
{
    static uint64 calls;
    return ++calls;
}

const struct authority *
authority_live(const struct authority_id *id, uint64 call)
{
    struct authority *a = entry(id);
    if (a->live_in == call)
        return a->is_live ? a : NULL;
    const char *fingerprint = ask_live(a);
    if (fingerprint != NULL)
        (void)get(id, fingerprint);
    else
        drop_key(a);
    a->is_live = fingerprint != NULL;
    a->live_in = call;
    return a->is_live ? a : NULL;
}

/*
 * New certificates have the highest serials of all, so the one number spares nearly every one of
 * them a query of its own.
 */
bool
authority_revokes(const struct authority *authority, uint64 serial)
{
    static struct query query = {"SELECT 1 FROM sftca.revocations r"
                                 " WHERE r.authority_id OPERATOR(pg_catalog.=) $1"
                                 "   AND r.serial_to OPERATOR(pg_catalog.>=) $2"
                                 "   AND r.serial_from OPERATOR(pg_catalog.<=) $2"
                                 " LIMIT 1",
                                 2,
                                 {UUIDOID, INT8OID},
                                 NULL};
    Datum args[] = {UUIDPGetDatum(&authority->id.uuid), Int64GetDatum((int64)serial)};
    return serial <= authority->revoked_to && query_run(&query, args, NULL) != 0;
}

const struct authority *
authority_active(const pg_uuid_t *uuid, enum purpose purpose, const char *subject)
{
    static struct query query = {
        "SELECT k.generation, a.purpose, k.fingerprint,"
        "       EXISTS (SELECT FROM sftca.authority_keys o WHERE o.fingerprint "
        "OPERATOR(pg_catalog.=) $2)"
        "  FROM sftca.authorities a"
        "  LEFT JOIN sftca.authority_keys k ON k.authority_id OPERATOR(pg_catalog.=) a.id"
        "   AND k.state OPERATOR(pg_catalog.=) 'active'"
        " WHERE a.id OPERATOR(pg_catalog.=) $1",
        2,
        {UUIDOID, TEXTOID},
        NULL};
    struct authority_id id = {.uuid = *uuid};
    Datum args[] = {UUIDPGetDatum(uuid), CStringGetTextDatum(subject)};

    if (query_run(&query, args, NULL) != 1)
        sftca_refuse(SFTCA_NOT_FOUND, "authority_unknown", "there is no such authority");
    if (purpose_from(query_text(1)) != purpose)
        sftca_refuse(SFTCA_INVALID, "authority_purpose", "the authority has another purpose");
    if (query_is_null(0))
        sftca_refuse(SFTCA_CONFLICT, "key_not_active", "the authority has no active key");
    if (DatumGetBool(query_datum(3)))
        sftca_refuse(SFTCA_INVALID, "public_key_is_authority",
                     "public key: it is an authority's own");
    id.generation = query_int(0);
    return get(&id, query_text(2));
}

const struct authority *
authority_statement(void)
{
    static struct query query = {
        "SELECT a.id, k.generation, k.fingerprint FROM sftca.authorities a"
        "  JOIN sftca.authority_keys k ON k.authority_id OPERATOR(pg_catalog.=) a.id"
        " WHERE a.purpose OPERATOR(pg_catalog.=) 'statement'"
        "   AND k.state OPERATOR(pg_catalog.=) 'active'",
        0,
        {0},
        NULL};
    struct authority_id id;

    if (query_run(&query, NULL, NULL) != 1)
        sftca_refuse(SFTCA_UNAVAILABLE, "statement_key_missing", "there is no statement key");
    id.uuid = *DatumGetUUIDP(query_datum(0));
    id.generation = query_int(1);
    return get(&id, query_text(2));
}

void
authority_init(void)
{
    Assert(sizeof(struct authority_id) == 20);
}
