/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_transport.c - SQL: transport_make, envelope_seal, envelope_open. A generation's private key
 * on its way from one vault to another: sealed under the key-encryption key here and there, and to
 * the other vault's transport key in between.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "argument.h"
#include "authority.h"
#include "common_text.h"
#include "core/envelope.h"
#include "core/wrap.h"
#include "kek.h"
#include "secure.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define FACTS_MAX 300000 /* a chain of certificates, as JSON */
#define PAYLOAD_MAX (FACTS_MAX + KEY_PRIVATE_DER_MAX + 256)

static const char recipient_word[] = "sft-transport-v1:", envelope_word[] = "sft-sealed-key-v1:";

static struct wrap_owner
transport_owner(const pg_uuid_t *id)
{
    return (struct wrap_owner){id->data, 0, "x25519", "transport"};
}

/* ---- transport keys ---- */

/* Makes a pair and seals it; must not raise. */
static int
make_transport(const pg_uuid_t *id, const uint8_t *kek, uint8_t public[ENVELOPE_KEY_LEN],
               uint8_t sealed[ENVELOPE_KEY_LEN + WRAP_OVERHEAD], uint8_t check[WRAP_CHECK_LEN])
{
    uint8_t private[ENVELOPE_KEY_LEN], nonce[WRAP_NONCE_LEN];
    struct wrap_owner owner = transport_owner(id);
    if (!pg_strong_random(private, sizeof private) || !pg_strong_random(nonce, sizeof nonce))
        return SFT_ECRYPTO;
    int r = envelope_public(private, public);
    if (r == SFT_OK)
        r = wrap_seal(kek, &owner, nonce, private, sizeof private, sealed);
    if (r == SFT_OK)
        r = kek_mark(kek, check);
    mem_wipe(private, sizeof private);
    return r;
}

PG_FUNCTION_INFO_V1(sftca_transport_make);

/* transport_make(id) → (public_key, sealed, mark) */
Datum
sftca_transport_make(PG_FUNCTION_ARGS)
{
    uint8_t public[ENVELOPE_KEY_LEN], sealed[ENVELOPE_KEY_LEN + WRAP_OVERHEAD],
        check[WRAP_CHECK_LEN];
    char text[B64_LEN(ENVELOPE_KEY_LEN) + 1];
    bool nulls[3] = {0};
    int r = make_transport(argument_uuid(fcinfo, 0, "id"), kek_need(), public, sealed, check);
    if (r == SFT_EKEK)
        kek_throw_gone();
    if (r == SFT_OK)
        r = b64_encode(text, sizeof text, public, sizeof public);
    if (r != SFT_OK)
        sftca_throw(r, "transport key");
    Datum values[3] = {CStringGetTextDatum(psprintf("%s%s", recipient_word, text)),
                       bytea_of(sealed, sizeof sealed), bytea_of(check, sizeof check)};
    return tuple_of(fcinfo, values, nulls);
}

/* The bytes behind the word; NULL when the text is not of this form. */
static uint8_t *
bytes_of(const char *text, const char *word, size_t *lenp)
{
    size_t head = strlen(word), n = strlen(text);
    if (strncmp(text, word, head) != 0)
        return NULL;
    uint8_t *bytes = palloc(n + 4);
    return b64_decode(bytes, n + 4, lenp, text + head, n - head) == SFT_OK ? bytes : NULL;
}

/* ---- sealing ---- */

static int
write_payload(struct sbuf *out, const struct authority *authority, const char *algorithm,
              const char *purpose, const char *facts)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len = 0;
    int r = key_private_der(authority->key, der, sizeof der, &len);
    sb_raw(out, authority->id.uuid.data, UUID_LEN);
    sb_u32(out, (uint32_t)authority->id.generation);
    sb_cstr(out, algorithm);
    sb_cstr(out, purpose);
    sb_cstr(out, facts);
    sb_blob(out, der, len);
    mem_wipe(der, sizeof der);
    return r != SFT_OK ? r : sb_err(out);
}

/* Must not raise: plain is wiped at its end. */
static int
seal(const struct authority *authority, const char *algorithm, const char *purpose,
     const char *facts, const uint8_t *recipient, uint8_t *plain, uint8_t *out, size_t *lenp)
{
    uint8_t once[ENVELOPE_KEY_LEN];
    struct sbuf payload;
    sb_writer(&payload, plain, PAYLOAD_MAX);
    int r = write_payload(&payload, authority, algorithm, purpose, facts);
    if (r == SFT_OK && !pg_strong_random(once, sizeof once))
        r = SFT_ECRYPTO;
    if (r == SFT_OK)
        r = envelope_seal(once, recipient, plain, payload.len, out);
    *lenp = payload.len + ENVELOPE_OVERHEAD;
    mem_wipe(once, sizeof once);
    mem_wipe(plain, PAYLOAD_MAX);
    return r;
}

static const struct authority *
signer(FunctionCallInfo fcinfo)
{
    struct authority_id id = {.uuid = *argument_uuid(fcinfo, 0, "authority")};
    argument_need(fcinfo, 1, "generation");
    id.generation = PG_GETARG_INT32(1);
    const struct authority *authority = authority_live(&id, authority_call());
    if (authority == NULL)
        sftca_refuse(SFTCA_CONFLICT, "key_retired", "this generation is retired");
    return authority;
}

PG_FUNCTION_INFO_V1(sftca_envelope_seal);

/* envelope_seal(authority, generation, algorithm, purpose, facts, recipient) */
Datum
sftca_envelope_seal(PG_FUNCTION_ARGS)
{
    size_t n = 0, len = 0;
    const char *algorithm = argument_text(fcinfo, 2, "algorithm");
    const char *purpose = argument_text(fcinfo, 3, "purpose");
    const char *facts = argument_text(fcinfo, 4, "facts");
    uint8_t *recipient = bytes_of(argument_text(fcinfo, 5, "recipient"), recipient_word, &n);
    uint8_t *plain = palloc(PAYLOAD_MAX), *out = palloc(PAYLOAD_MAX + ENVELOPE_OVERHEAD);
    size_t head = strlen(envelope_word), room = head + B64_LEN(PAYLOAD_MAX + ENVELOPE_OVERHEAD) + 1;
    char *text = palloc(room);

    if (recipient == NULL || n != ENVELOPE_KEY_LEN)
        sftca_refuse(SFTCA_INVALID, "transport_key_malformed",
                     "recipient: it is not what transport_key_create() returns");
    SPI_connect();
    const struct authority *authority = signer(fcinfo);
    /* the row that tells of it goes when the caller rolls back; the envelope stays */
    ereport(LOG, (errmsg("pg_sftca: the key of authority %s is exported by role %s",
                         authority->name, GetUserNameFromId(GetSessionUserId(), true))));
    int r = seal(authority, algorithm, purpose, facts, recipient, plain, out, &len);
    SPI_finish();
    if (r == SFT_EKEYTYPE)
        sftca_refuse(SFTCA_CONFLICT, "key_in_token", "this key never leaves its token");
    if (r == SFT_EKEYPOINT)
        sftca_refuse(SFTCA_INVALID, "transport_key_malformed", "recipient: it is no public key");
    memcpy(text, envelope_word, head);
    if (r == SFT_OK)
        r = b64_encode(text + head, room - head, out, len);
    if (r != SFT_OK)
        sftca_throw(r, "sealed key");
    return CStringGetTextDatum(text);
}

/* ---- opening ---- */

struct contents {
    struct authority_id id;
    char algorithm[16], purpose[16];
    const uint8_t *facts, *der;
    size_t facts_len, der_len, sealed_len;
    struct sshkey public;
    uint8_t check[WRAP_CHECK_LEN], sealed[KEY_PRIVATE_DER_MAX + WRAP_OVERHEAD];
};

static int
read_payload(struct contents *c, const uint8_t *plain, size_t len)
{
    struct sbuf in;
    sb_reader(&in, plain, len);
    const uint8_t *uuid = sb_get_raw(&in, UUID_LEN);
    c->id.generation = (int32)sb_get_u32(&in);
    sb_get_cstr(&in, c->algorithm, sizeof c->algorithm);
    sb_get_cstr(&in, c->purpose, sizeof c->purpose);
    c->facts = sb_get_blob(&in, &c->facts_len);
    c->der = sb_get_blob(&in, &c->der_len);
    sb_end(&in);
    if (sb_err(&in) != SFT_OK || c->der_len > KEY_PRIVATE_DER_MAX)
        return SFT_EFORMAT;
    memcpy(c->id.uuid.data, uuid, UUID_LEN);
    return SFT_OK;
}

/* The private key under the key-encryption key of this vault; and its public half. */
static int
take_over(struct contents *c, const uint8_t *kek)
{
    uint8_t nonce[WRAP_NONCE_LEN];
    struct key *key = NULL;
    struct wrap_owner owner = {c->id.uuid.data, (uint32_t)c->id.generation, c->algorithm,
                               c->purpose};
    int r = key_from_der(c->der, c->der_len, &key);
    if (r == SFT_OK)
        r = key_public(key, &c->public);
    key_free(key);
    if (r == SFT_OK && !pg_strong_random(nonce, sizeof nonce))
        r = SFT_ECRYPTO;
    if (r == SFT_OK)
        r = wrap_seal(kek, &owner, nonce, c->der, c->der_len, c->sealed);
    if (r == SFT_OK)
        r = kek_mark(kek, c->check);
    c->sealed_len = c->der_len + WRAP_OVERHEAD;
    return r;
}

/* With the transport key that is sealed here. Must not raise; plain is the caller's to wipe. */
static int
unpack(struct contents *c, const pg_uuid_t *id, const bytea *sealed, const uint8_t *old,
       const uint8_t *kek, const uint8_t *envelope, size_t len, uint8_t *plain)
{
    uint8_t private[ENVELOPE_KEY_LEN];
    size_t n = 0;
    struct wrap_owner owner = transport_owner(id);
    int r = wrap_open(old, &owner, (const uint8_t *)VARDATA_ANY(sealed), varlena_len(sealed),
                      private, sizeof private, &n);
    if (r != SFT_OK || n != sizeof private)
        return SFT_EKEK;
    r = envelope_open(private, envelope, len, plain, &n);
    mem_wipe(private, sizeof private);
    if (r == SFT_OK)
        r = read_payload(c, plain, n);
    return r == SFT_OK ? take_over(c, kek) : r;
}

static void
columns(const struct contents *c, const char *facts, Datum values[8])
{
    char public[SSHKEY_TEXT_MAX], fingerprint[SSHKEY_FINGERPRINT_MAX];
    pg_uuid_t *uuid = palloc(sizeof *uuid);
    *uuid = c->id.uuid;
    int r = sshkey_to_text(&c->public, public, sizeof public);
    if (r == SFT_OK)
        r = sshkey_fingerprint(&c->public, fingerprint);
    if (r != SFT_OK)
        sftca_throw(r, "sealed key");
    values[0] = UUIDPGetDatum(uuid);
    values[1] = Int32GetDatum(c->id.generation);
    values[2] = CStringGetTextDatum(c->algorithm);
    values[3] = CStringGetTextDatum(c->purpose);
    values[4] = CStringGetTextDatum(public);
    values[5] = CStringGetTextDatum(facts);
    values[6] = bytea_of(c->sealed, c->sealed_len);
    values[7] = bytea_of(c->check, sizeof c->check);
}

PG_FUNCTION_INFO_V1(sftca_envelope_open);

/* envelope_open(id, sealed, mark, envelope) → (authority, generation, algorithm, purpose,
 * public_key, facts, resealed, new_mark) */
Datum
sftca_envelope_open(PG_FUNCTION_ARGS)
{
    struct contents c = {0};
    Datum values[8] = {0};
    bool nulls[8] = {0};
    size_t len = 0;
    char *facts = NULL;
    bytea *sealed = PG_GETARG_BYTEA_PP(1), *check = PG_GETARG_BYTEA_PP(2);
    uint8_t *envelope = bytes_of(argument_text(fcinfo, 3, "envelope"), envelope_word, &len);

    if (envelope == NULL || len > PAYLOAD_MAX + ENVELOPE_OVERHEAD)
        sftca_refuse(SFTCA_INVALID, "envelope_malformed",
                     "envelope: it is not what key_export() returns");
    const uint8_t *kek = kek_need(), *old = kek_for(VARDATA_ANY(check), varlena_len(check));
    uint8_t *plain = palloc(len + 1);
    secure_heap_need();
    int r = old == NULL ? SFT_EKEK
                        : unpack(&c, argument_uuid(fcinfo, 0, "id"), sealed, old, kek, envelope,
                                 len, plain);
    if (r == SFT_OK)
        facts = pnstrdup((const char *)c.facts, c.facts_len);
    mem_wipe(plain, len);
    if (r == SFT_EKEK)
        kek_check_sealed();
    if (r == SFT_EKEK)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_wrong",
                     "the transport key is sealed under another key-encryption key");
    if (r != SFT_OK || !pg_verifymbstr(facts, (int)strlen(facts), true))
        sftca_refuse(SFTCA_INVALID, "envelope_malformed",
                     "envelope: it was not sealed for this transport key, or is damaged");
    columns(&c, facts, values);
    return tuple_of(fcinfo, values, nulls);
}
