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
#include "utils/timestamp.h"

#include "authority.h"
#include "common_text.h"
#include "core/p11uri.h"
#include "core/wrap.h"
#include "kek.h"
#include "query.h"
#include "revocation.h"
#include "secure.h"
#include "throw.h"
#include "p11key.h"
#include "varlena.h"

#define CACHE_MAX 1024
#define PROOF_US USECS_PER_SEC /* docs/adr/0005 */

static HTAB *cache;

/* What the tables say of a generation's private key. */
struct sealed {
    char *purpose, *algorithm;
    bytea *bytes, *check;
};

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

void
authority_wipe(void)
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
    authority_wipe();
    kek_forget();
}

/* The vault was sealed elsewhere: what is unsealed here goes as soon as no statement uses it. */
static void
on_xact_end(XactEvent event, void *arg)
{
    (void)arg;
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
        return;
    if (((cache != NULL && hash_get_num_entries(cache) > 0) || kek_is_held()) && kek_is_sealed()) {
        authority_wipe();
        kek_forget();
    }
}

static void
cache_make(void)
{
    HASHCTL ctl = {.keysize = sizeof(struct authority_id), .entrysize = sizeof(struct authority)};
    if (cache != NULL)
        return;
    cache = hash_create("pg_sftca unsealed keys", 64, &ctl, HASH_ELEM | HASH_BLOBS);
    secure_heap_need();
    on_proc_exit(on_exit_wipe, 0); /* here, not at load: the postmaster's list is not inherited */
}

int
authority_cached(void)
{
    HASH_SEQ_STATUS scan;
    struct authority *a;
    int n = 0;
    if (cache == NULL)
        return 0;
    hash_seq_init(&scan, cache);
    while ((a = hash_seq_search(&scan)) != NULL)
        n += a->key != NULL;
    return n;
}

/* PKCS#8, which begins with a SEQUENCE, or the URI of a key that is in a token. */
static int
open_private(const uint8_t *der, size_t len, struct key **keyp)
{
    char uri[P11URI_MAX];
    if (len < 7 || memcmp(der, "pkcs11:", 7) != 0)
        return key_from_der(der, len, keyp);
    if (len >= sizeof uri)
        return SFT_ETOOLONG;
    memcpy(uri, der, len);
    uri[len] = '\0';
    return p11key_open(uri, keyp);
}

/* Unseals into *keyp, or says by the code what is wrong. Raises only kek_missing, vault_sealed. */
static int
unseal(const struct authority_id *id, const struct sealed *sealed, struct key **keyp)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len = 0;
    const uint8_t *kek = kek_for(VARDATA_ANY(sealed->check), varlena_len(sealed->check));
    const struct wrap_owner owner = {id->uuid.data, (uint32_t)id->generation, sealed->algorithm,
                                     sealed->purpose};

    if (kek == NULL)
        return SFT_EKEK;
    int r = wrap_open(kek, &owner, (const uint8_t *)VARDATA_ANY(sealed->bytes),
                      varlena_len(sealed->bytes), der, sizeof der, &len);
    if (r == SFT_OK)
        r = open_private(der, len, keyp);
    mem_wipe(der, sizeof der);
    if (r == SFT_ECRYPTO)
        kek_check_sealed(); /* it may have been wiped under our hands: no damage then */
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

bool
authority_may_come_back(int fault)
{
    return fault == SFT_EKEK || fault == SFT_ETOKEN;
}

void
authority_throw(int fault, const char *name)
{
    if (fault == SFT_ENOMEM)
        sftca_throw(fault, "signing key");
    if (fault == SFT_EKEK)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_wrong",
                     "the key of authority %s is sealed under another key-encryption key", name);
    if (fault == SFT_ETOKEN)
        sftca_refuse(SFTCA_UNAVAILABLE, "token_missing",
                     "the key of authority %s cannot be used: %s", name, p11key_reason());
    if (fault == SFT_ENOTFOUND)
        sftca_refuse(SFTCA_CONFLICT, "key_retired", "the key of authority %s is retired", name);
    sftca_refuse(SFTCA_INTERNAL, "key_damaged", "the sealed key of authority %s is damaged", name);
}

/* Fills the entry from the row that the query has left in SPI. */
static int
fill(struct authority *a)
{
    char *public = query_text(2);
    struct sealed sealed = {.purpose = query_text(0),
                            .algorithm = query_text(1),
                            .bytes = query_bytea(3),
                            .check = query_bytea(4)};

    authority_name(&a->id, a->name);
    a->purpose = purpose_from(sealed.purpose);
    if (sealed.bytes == NULL || sealed.check == NULL)
        return SFT_ENOTFOUND;
    int r = sshkey_from_text(&a->public, public, strlen(public));
    if (r == SFT_OK)
        r = unseal(&a->id, &sealed, &a->key);
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
    }
    return r;
}

static void
drop_key(struct authority *a)
{
    key_free(a->key);
    a->key = NULL;
    a->proven_at = 0;
}

/* What the outside's certificate of a generation says; the columns came with version 1.1. */
static int
load_certificate(struct authority *a)
{
    static struct query query = {
        "SELECT pg_catalog.decode(r.j OPERATOR(pg_catalog.->>) 'key_identifier', 'hex'),"
        "       pg_catalog.floor(EXTRACT(epoch FROM coalesce((r.j OPERATOR(pg_catalog.->>)"
        "           'certificate_expires_at')::pg_catalog.timestamptz,"
        "           r.created_at OPERATOR(pg_catalog.+) interval '3652 days')))::pg_catalog.int8,"
        "       pg_catalog.decode(r.j OPERATOR(pg_catalog.->>) 'issuer_name', 'hex')"
        "  FROM (SELECT pg_catalog.to_jsonb(k) AS j, k.created_at FROM sftca.authority_keys k"
        "         WHERE k.authority_id OPERATOR(pg_catalog.=) $1"
        "           AND k.generation OPERATOR(pg_catalog.=) $2) r",
        2,
        {UUIDOID, INT4OID},
        NULL};
    Datum args[] = {UUIDPGetDatum(&a->id.uuid), Int32GetDatum(a->id.generation)};
    if (query_run(&query, args, NULL) != 1)
        return SFT_ENOTFOUND;
    bytea *key_id = query_bytea(0);
    if (key_id != NULL && varlena_len(key_id) <= X509_KEY_ID_MAX) {
        a->key_id.len = varlena_len(key_id);
        memcpy(a->key_id.bytes, VARDATA_ANY(key_id), a->key_id.len);
    }
    a->expires_at = DatumGetInt64(query_datum(1));
    bytea *issuer = query_bytea(2);
    a->issuer.len = issuer == NULL ? 0 : varlena_len(issuer);
    if (a->issuer.len > sizeof a->issuer.der)
        return SFT_ETOOLONG;
    if (issuer != NULL)
        memcpy(a->issuer.der, VARDATA_ANY(issuer), a->issuer.len);
    return SFT_OK;
}

static int
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
    int r = fill(a);
    if (r == SFT_OK && a->purpose == PURPOSE_X509)
        r = load_certificate(a);
    if (r != SFT_OK)
        drop_key(a);
    return r;
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
    if (hash_get_num_entries(cache) >= CACHE_MAX &&
        hash_search(cache, &key, HASH_FIND, NULL) == NULL)
        authority_wipe();
    struct authority *a = hash_search(cache, &key, HASH_ENTER, &found);
    if (!found)
        memset((char *)a + sizeof key, 0, sizeof *a - sizeof key);
    return a;
}

/* The key of this fingerprint; unsealed anew when the cache has another. */
static int
refresh(struct authority *a, const char *fingerprint)
{
    kek_check_sealed();
    if (a->key != NULL && strcmp(a->fingerprint, fingerprint) != 0)
        drop_key(a);
    return a->key != NULL ? SFT_OK : load(a);
}

/* The generation that has the key of this fingerprint. */
static const struct authority *
get(const struct authority_id *id, const char *fingerprint)
{
    struct authority *a = entry(id);
    int r = refresh(a, fingerprint);
    if (r != SFT_OK)
        authority_throw(r, a->name);
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
    kek_check_sealed();
    drop_key(a);
    int r = load(a);
    if (r != SFT_OK)
        authority_throw(r, a->name);
    return a;
}

void
authority_forget(const struct authority_id *id)
{
    struct authority *a = entry(id);
    drop_key(a);
    a->live_in = 0; /* whoever asks again in the same call unseals it again */
}

bool
authority_needs_proof(const struct authority *authority)
{
    TimestampTz now = GetCurrentTimestamp();
    return now < authority->proven_at || now - authority->proven_at >= PROOF_US;
}

void
authority_proven(const struct authority *authority)
{
    entry(&authority->id)->proven_at = GetCurrentTimestamp();
}

uint64
authority_call(void)
{
    static uint64 calls;
    return ++calls;
}

const struct authority *
authority_ask(const struct authority_id *id, uint64 call)
{
    struct authority *a = entry(id);
    if (a->live_in == call) {
        kek_check_shared(); /* a call of many ids stops, too */
        return a->is_live ? a : NULL;
    }
    const char *fingerprint = ask_live(a);
    a->fault = SFT_OK;
    if (fingerprint != NULL)
        a->fault = refresh(a, fingerprint);
    else
        drop_key(a);
    a->is_live = fingerprint != NULL;
    a->live_in = call;
    return a->is_live ? a : NULL;
}

const struct authority *
authority_live(const struct authority_id *id, uint64 call)
{
    const struct authority *a = authority_ask(id, call);
    if (a != NULL && a->fault != SFT_OK)
        authority_throw(a->fault, a->name);
    return a;
}

void
authority_fail(const struct authority *authority, int fault)
{
    struct authority *a = entry(&authority->id);
    drop_key(a);
    a->fault = fault;
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

/* Renewed, the same key's certificate may end sooner, which was for another backend to see. */
static void
renew(const struct authority_id *id, const char *version)
{
    struct authority *a = entry(id);
    if (strcmp(a->version, version) == 0)
        return;
    int r = load_certificate(a);
    if (r != SFT_OK)
        authority_throw(r, a->name);
    strlcpy(a->version, version, sizeof a->version);
}

const struct authority *
authority_active(const pg_uuid_t *uuid, enum purpose purpose, const char *subject)
{
    static struct query query = {
        "SELECT k.generation, a.purpose, k.fingerprint,"
        "       EXISTS (SELECT FROM sftca.authority_keys o WHERE o.fingerprint "
        "OPERATOR(pg_catalog.=) $2),"
        "       pg_catalog.concat(k.xmin, ' ', k.ctid)"
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
    const char *version = query_text(4);
    const struct authority *authority = get(&id, query_text(2));
    if (purpose == PURPOSE_X509)
        renew(&id, version);
    return authority;
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
    RegisterXactCallback(on_xact_end, NULL);
}
