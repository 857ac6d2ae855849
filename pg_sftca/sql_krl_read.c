/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_krl_read.c - SQL: parse_krl, krl_revokes. OpenSSH revocation lists of anybody.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "common/krl.h"
#include "common_text.h"
#include "sql_ssh.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

_Noreturn static void
refuse(int err)
{
    if (err == SFT_ENOTFOUND)
        sftca_refuse(SFTCA_INVALID, "krl_empty",
                     "the revocation list has no entry: sshd would take everybody");
    if (err == SFT_EFORMAT || err == SFT_ETRAILING || err == SFT_ETOOLONG)
        sftca_refuse(SFTCA_INVALID, "krl_malformed",
                     "revocation list: %s, a signature, or a key that is none", sft_strerror(err));
    sftca_throw(err, "revocation list");
}

/* ---- parse ---- */

/* The columns of parse_krl(). */
enum {
    KRL_SECTION,
    KRL_AUTHORITY_KEY,
    KRL_SERIAL_FROM,
    KRL_SERIAL_TO,
    KRL_ID,
    KRL_PUBLIC_KEY,
    KRL_FINGERPRINT,
    KRL_VERSION,
    KRL_GENERATED,
    KRL_COMMENT,
    KRL_COLUMNS
};

/* What a walk over the list fills. */
struct rows {
    ReturnSetInfo *result;
    Datum version, generated, comment;
    MemoryContext context;
};

static const char *
section_name(enum krl_kind kind)
{
    static const char *const names[] = {[KRL_SERIALS] = "serials",
                                        [KRL_KEY_ID] = "key_id",
                                        [KRL_KEY] = "key",
                                        [KRL_SHA1] = "sha1",
                                        [KRL_SHA256] = "sha256"};
    return names[kind];
}

/* "SHA256:" and base64 without padding, or "SHA1:", as ssh-keygen prints them. */
static Datum
hash_text(const struct krl_entry *entry)
{
    char b64[B64_LEN(KRL_SHA256_LEN) + 1];
    int r = b64_encode(b64, sizeof b64, entry->data, entry->len);
    if (r != SFT_OK)
        sftca_throw(r, "fingerprint");
    b64[strcspn(b64, "=")] = '\0';
    return CStringGetTextDatum(psprintf("SHA%s:%s", entry->kind == KRL_SHA1 ? "1" : "256", b64));
}

static struct sshkey *
key_of(const uint8_t *blob, size_t len)
{
    struct sshkey *key = palloc(sizeof *key);
    int r = sshkey_from_blob(key, blob, len);
    if (r != SFT_OK)
        refuse(SFT_EFORMAT);
    return key;
}

static void
fill(const struct krl_entry *entry, Datum *v, bool *nulls)
{
    v[KRL_SECTION] = CStringGetTextDatum(section_name(entry->kind));
    nulls[KRL_SECTION] = false;
    if (entry->authority_len > 0) {
        v[KRL_AUTHORITY_KEY] = ssh_key_text(key_of(entry->authority, entry->authority_len));
        nulls[KRL_AUTHORITY_KEY] = false;
    }
    if (entry->kind == KRL_SERIALS) {
        v[KRL_SERIAL_FROM] = ssh_numeric(entry->lo);
        v[KRL_SERIAL_TO] = ssh_numeric(entry->hi);
        nulls[KRL_SERIAL_FROM] = nulls[KRL_SERIAL_TO] = false;
    } else if (entry->kind == KRL_KEY_ID) {
        v[KRL_ID] = ssh_text(entry->data, entry->len, "krl_text", "key id");
        nulls[KRL_ID] = false;
    } else if (entry->kind == KRL_KEY) {
        struct sshkey *key = key_of(entry->data, entry->len);
        v[KRL_PUBLIC_KEY] = ssh_key_text(key);
        v[KRL_FINGERPRINT] = ssh_key_fingerprint(key);
        nulls[KRL_PUBLIC_KEY] = nulls[KRL_FINGERPRINT] = false;
    } else {
        v[KRL_FINGERPRINT] = hash_text(entry);
        nulls[KRL_FINGERPRINT] = false;
    }
}

static void
put_row(const struct krl_entry *entry, void *arg)
{
    struct rows *rows = arg;
    Datum v[KRL_COLUMNS] = {0};
    bool nulls[KRL_COLUMNS];
    MemoryContext old = MemoryContextSwitchTo(rows->context);
    CHECK_FOR_INTERRUPTS();
    memset(nulls, true, sizeof nulls);
    fill(entry, v, nulls);
    v[KRL_VERSION] = rows->version;
    v[KRL_GENERATED] = rows->generated;
    v[KRL_COMMENT] = rows->comment;
    nulls[KRL_VERSION] = nulls[KRL_GENERATED] = nulls[KRL_COMMENT] = false;
    MemoryContextSwitchTo(old);
    tuplestore_putvalues(rows->result->setResult, rows->result->setDesc, v, nulls);
    MemoryContextReset(rows->context);
}

PG_FUNCTION_INFO_V1(sftca_parse_krl);

Datum
sftca_parse_krl(PG_FUNCTION_ARGS)
{
    struct krl_header header;
    bytea *list = PG_GETARG_BYTEA_PP(0);
    const uint8_t *krl = (const uint8_t *)VARDATA_ANY(list);
    size_t len = varlena_len(list);
    int r = krl_walk(krl, len, &header, NULL, NULL); /* all of it is sound before any is shown */
    if (r != SFT_OK)
        refuse(r);
    InitMaterializedSRF(fcinfo, 0);
    struct rows rows = {
        .result = (ReturnSetInfo *)fcinfo->resultinfo,
        .version = ssh_numeric(header.version),
        .generated = ssh_time(header.generated),
        .comment = ssh_text(header.comment, header.comment_len, "krl_text", "comment"),
        .context =
            AllocSetContextCreate(CurrentMemoryContext, "pg_sftca row", ALLOCSET_DEFAULT_SIZES)};
    r = krl_walk(krl, len, &header, put_row, &rows);
    if (r != SFT_OK)
        refuse(r);
    MemoryContextDelete(rows.context);
    return (Datum)0;
}

/* ---- ask ---- */

/* What was asked about, and the memory that it points into. */
struct asked {
    struct certview view;
    struct sshkey key;
    struct krl_subject subject;
};

static void
read_certificate(struct asked *asked, const text *line)
{
    const char *field = "text";
    int r = SFT_EFORMAT;
    bytea *blob = ssh_certificate_bytes(line);
    if (blob != NULL)
        r = certview_read(&asked->view, (const uint8_t *)VARDATA_ANY(blob), varlena_len(blob),
                          &field);
    if (r == SFT_OK && !ssh_line_says(line, asked->view.type))
        r = SFT_EKEYMISMATCH;
    if (r != SFT_OK)
        sftca_refuse(SFTCA_INVALID, "certificate_malformed", "certificate, %s: %s", field,
                     sft_strerror(r));
    asked->subject = (struct krl_subject){
        .key = &asked->view.key,
        .authority = &asked->view.authority,
        .key_id = pnstrdup((const char *)asked->view.key_id.p, asked->view.key_id.len),
        .serial = asked->view.serial};
}

/* A key, or a certificate. */
static void
read_subject(struct asked *asked, const text *line)
{
    int r = sshkey_from_text(&asked->key, VARDATA_ANY(line), varlena_len(line));
    if (r == SFT_EKEYCERT)
        read_certificate(asked, line);
    else if (r != SFT_OK)
        sftca_throw_key(r);
    else
        asked->subject = (struct krl_subject){.key = &asked->key};
}

PG_FUNCTION_INFO_V1(sftca_krl_revokes);

/* krl_revokes(krl, key or certificate) -> (revoked, why) */
Datum
sftca_krl_revokes(PG_FUNCTION_ARGS)
{
    static const char *const words[] = {[KRL_BY_SERIAL] = "serial",
                                        [KRL_BY_KEY_ID] = "key_id",
                                        [KRL_BY_KEY] = "key",
                                        [KRL_BY_HASH] = "fingerprint",
                                        [KRL_BY_AUTHORITY] = "authority"};
    struct asked *asked = palloc0(sizeof *asked);
    enum krl_why why;
    bytea *krl = PG_GETARG_BYTEA_PP(0);
    read_subject(asked, PG_GETARG_TEXT_PP(1));
    int r = krl_ask((const uint8_t *)VARDATA_ANY(krl), varlena_len(krl), &asked->subject, &why);
    if (r != SFT_OK)
        refuse(r);
    Datum v[2] = {BoolGetDatum(why != KRL_NOT), (Datum)0};
    bool nulls[2] = {false, why == KRL_NOT};
    if (why != KRL_NOT)
        v[1] = CStringGetTextDatum(words[why]);
    return tuple_of(fcinfo, v, nulls);
}
