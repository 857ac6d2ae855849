/* SPDX-License-Identifier: PostgreSQL */
/*
 * birth.c - seals a new generation's private key and makes what is signed with it at once.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "argument.h"
#include "birth.h"
#include "clock.h"
#include "common/fault.h"
#include "common/sshcert.h"
#include "common_text.h"
#include "core/serial.h"
#include "core/sshwrite.h"
#include "core/x509write.h"
#include "kek.h"
#include "throw.h"
#include "tuple.h"

#define AUTHORITY_YEARS 10

/* PKCS#8, or the URI of a key that is in a token. */
static int
private_bytes(const struct birth *b, const struct key *key, uint8_t out[KEY_PRIVATE_DER_MAX],
              size_t *lenp)
{
    if (b->token == NULL)
        return key_private_der(key, out, KEY_PRIVATE_DER_MAX, lenp);
    *lenp = strlen(b->token);
    memcpy(out, b->token, *lenp); /* far shorter, or it would not have been understood */
    return SFT_OK;
}

static int
seal(struct birth *b, const uint8_t *kek, const struct key *key)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len = 0;
    const struct wrap_owner owner = {b->id.uuid.data, (uint32_t)b->id.generation, b->algorithm_word,
                                     b->purpose_word};
    int r = private_bytes(b, key, der, &len);
    SFT_FAULT("vault.before_wrap");
    if (r == SFT_OK)
        r = wrap_seal(kek, &owner, b->nonces[0], der, len, b->sealed);
    mem_wipe(der, sizeof der);
    if (r == SFT_OK)
        r = kek_mark(kek, b->check); /* to make the key may have taken half a minute */
    b->sealed_len = len + WRAP_OVERHEAD;
    return r;
}

/*
 * A certificate on a key that nobody keeps, good for one second of 1970, its serial always revoked:
 * whoever installs a revocation list can see whether it works.
 */
static int
write_canary(struct birth *b, const struct key *key)
{
    struct key *nobody = NULL;
    struct sshkey subject;
    uint8_t tbs_bytes[BIRTH_DER_MAX];
    struct sbuf tbs, cert;
    static const char *const principal = "canary";
    bool is_user = b->purpose == PURPOSE_SSH_USER;

    int r = key_generate(KEY_ED25519, &nobody);
    if (r == SFT_OK)
        r = key_public(nobody, &subject);
    key_free(nobody);
    if (r != SFT_OK)
        return r;
    struct sshwrite canary = {.type = is_user ? SSHCERT_USER : SSHCERT_HOST,
                              .nonce = b->nonces[1],
                              .subject = &subject,
                              .authority = &b->public,
                              .serial = b->serial,
                              .key_id = "sft1:canary",
                              .principals = &principal,
                              .principals_n = 1,
                              .valid_after = 1,
                              .valid_before = 2};
    sb_writer(&tbs, tbs_bytes, sizeof tbs_bytes);
    sb_writer(&cert, b->cert, sizeof b->cert);
    sshwrite_tbs(&tbs, &canary);
    r = sb_err(&tbs);
    if (r == SFT_OK)
        r = sshwrite_signed(&cert, tbs_bytes, tbs.len, key);
    b->cert_len = cert.len;
    return r;
}

static int
write_own_certificate(struct birth *b, const struct key *key)
{
    uint8_t tbs_bytes[BIRTH_DER_MAX];
    struct sbuf tbs, cert;
    struct x509write own = {.serial = b->serial,
                            .issuer = b->name,
                            .authority = &b->public,
                            .valid_after = (uint64)(b->now - 3600),
                            .valid_before =
                                (uint64)(b->now + AUTHORITY_YEARS * INT64CONST(31557600))};
    sb_writer(&tbs, tbs_bytes, sizeof tbs_bytes);
    sb_writer(&cert, b->cert, sizeof b->cert);
    x509write_authority_tbs(&tbs, &own);
    int r = sb_err(&tbs);
    if (r == SFT_OK)
        r = x509write_signed(&cert, tbs_bytes, tbs.len, key);
    b->cert_len = cert.len;
    return r;
}

/* A signature that verifies by the public half: a token can show the wrong one. */
static int
prove(const struct birth *b, const struct key *key)
{
    uint8_t memory[KEY_SIG_MAX + 64];
    struct sbuf sig;
    sb_writer(&sig, memory, sizeof memory);
    int r = key_sign_ssh(key, b->nonces[1], sizeof b->nonces[1], &sig);
    if (r == SFT_OK)
        r = key_verify_ssh(&b->public, b->nonces[1], sizeof b->nonces[1], sig.p, sig.len);
    return r == SFT_ESIGNATURE ? SFT_EKEYMISMATCH : r;
}

int
birth_finish(struct birth *b, const uint8_t *kek, const struct key *key)
{
    int r = key_public(key, &b->public);
    if (r == SFT_OK)
        r = prove(b, key);
    if (r == SFT_OK)
        r = seal(b, kek, key);
    if (r == SFT_OK && b->purpose == PURPOSE_X509)
        r = write_own_certificate(b, key);
    else if (r == SFT_OK && b->purpose != PURPOSE_STATEMENT)
        r = write_canary(b, key);
    return r;
}

void
birth_begin(FunctionCallInfo fcinfo, struct birth *b)
{
    uint32_t chance;

    b->id.uuid = *argument_uuid(fcinfo, 0, "authority");
    argument_need(fcinfo, 1, "generation");
    b->id.generation = PG_GETARG_INT32(1);
    b->purpose_word = argument_text(fcinfo, 2, "purpose");
    b->purpose = purpose_from(b->purpose_word);
    if (b->purpose == PURPOSE_NONE)
        sftca_refuse(SFTCA_INVALID, "authority_purpose", "unknown purpose");
    authority_name(&b->id, b->name);
    b->now = clock_now();
    if (!pg_strong_random(b->nonces, sizeof b->nonces) || !pg_strong_random(&chance, sizeof chance))
        sftca_refuse(SFTCA_INTERNAL, "random_failed", "no random bytes");
    int r = serial_make(clock_now_ms(), chance, &b->serial);
    if (r != SFT_OK)
        sftca_throw(r, "serial");
}

static Datum
canary_text(const struct birth *b)
{
    static const char type[] = "ssh-ed25519-cert-v01@openssh.com ";
    char base64[B64_LEN(BIRTH_DER_MAX) + 1];
    int r = b64_encode(base64, sizeof base64, b->cert, b->cert_len);
    if (r != SFT_OK)
        sftca_throw(r, "canary");
    return CStringGetTextDatum(psprintf("%s%s", type, base64));
}

static Datum
pem_text(const struct birth *b)
{
    char pem[X509_PEM_MAX(BIRTH_DER_MAX)];
    int r = x509write_pem("CERTIFICATE", b->cert, b->cert_len, pem, sizeof pem);
    if (r != SFT_OK)
        sftca_throw(r, "certificate");
    return CStringGetTextDatum(pem);
}

void
birth_columns(const struct birth *b, Datum values[BIRTH_COLUMNS], bool nulls[BIRTH_COLUMNS])
{
    char public[SSHKEY_TEXT_MAX], fingerprint[SSHKEY_FINGERPRINT_MAX];
    int r = sshkey_to_text(&b->public, public, sizeof public);
    if (r == SFT_OK)
        r = sshkey_fingerprint(&b->public, fingerprint);
    if (r != SFT_OK)
        sftca_throw(r, "new key");

    memset(nulls, 0, BIRTH_COLUMNS * sizeof *nulls);
    values[0] = CStringGetTextDatum(public);
    values[1] = CStringGetTextDatum(fingerprint);
    values[2] = bytea_of(b->sealed, b->sealed_len);
    values[3] = bytea_of(b->check, sizeof b->check);
    nulls[4] = b->purpose != PURPOSE_X509;
    nulls[5] = nulls[6] = b->purpose == PURPOSE_X509 || b->purpose == PURPOSE_STATEMENT;
    if (!nulls[4])
        values[4] = pem_text(b);
    if (!nulls[5])
        values[5] = canary_text(b);
    values[6] = Int64GetDatum((int64)b->serial);
}
