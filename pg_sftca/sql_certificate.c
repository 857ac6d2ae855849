/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_certificate.c - SQL: parse_certificate, verify_certificate. SSH certificates of anybody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "argument.h"
#include "clock.h"
#include "common/krl.h"
#include "common_text.h"
#include "sql_ssh.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

/* ---- parse ---- */

_Noreturn static void
refuse(int err, const char *field)
{
    const char *word = err == SFT_EKEYTYPE    ? "certificate_key_type"
                       : err == SFT_EKEYWEAK  ? "certificate_key_weak"
                       : err == SFT_EKEYPOINT ? "certificate_key_point"
                       : err == SFT_EKEYCERT  ? "certificate_chained"
                                              : "certificate_malformed";
    if (err == SFT_ENOMEM || err == SFT_ECRYPTO || err == SFT_EINTERNAL)
        sftca_throw(err, "certificate");
    sftca_refuse(SFTCA_INVALID, word, "certificate, %s: %s", field, sft_strerror(err));
}

/* NULL when it was verified to be false; true; or is_null: an algorithm that counts for nothing. */
static bool
is_signed(const struct certview *view, bool *is_null)
{
    int r = certview_verify(view);
    *is_null = r == SFT_EKEYTYPE;
    if (r == SFT_ESIGNATURE || r == SFT_EFORMAT || r == SFT_ETRAILING || r == SFT_ETOOLONG)
        sftca_refuse(SFTCA_INVALID, "certificate_signature_invalid",
                     "certificate, signature: it is not its authority's");
    if (r != SFT_OK && r != SFT_EKEYTYPE)
        sftca_throw(r, "certificate");
    return r == SFT_OK;
}

static Datum
principals_of(const struct certview *view)
{
    Datum *items = palloc(sizeof(Datum) * (view->principals_n + 1));
    struct sbuf r;
    struct span name;
    int n = 0;
    sb_reader(&r, view->principals.p, view->principals.len);
    while (certview_principal(&r, &name))
        items[n++] = ssh_text(name.p, name.len, "certificate_text", "principal");
    return PointerGetDatum(construct_array(items, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
push_string(JsonbParseState **state, JsonbIteratorToken token, Datum string)
{
    text *t = DatumGetTextPP(string);
    JsonbValue v = {.type = jbvString};
    v.val.string.val = VARDATA_ANY(t);
    v.val.string.len = (int)varlena_len(t);
    (void)pushJsonbValue(state, token, &v);
}

/* What is no text inside a string is shown as {"hex": "…"}. */
static void
push_value(JsonbParseState **state, const struct span *data, const struct span *value)
{
    static const char digits[] = "0123456789abcdef";
    if (data->len == 0) {
        push_string(state, WJB_VALUE, CStringGetTextDatum(""));
    } else if (value->p != NULL && text_is_utf8((const char *)value->p, value->len)) {
        push_string(state, WJB_VALUE,
                    ssh_text(value->p, value->len, "certificate_text", "option's value"));
    } else {
        char *hex = palloc(data->len * 2 + 1);
        for (size_t i = 0; i < data->len; i++) {
            hex[2 * i] = digits[data->p[i] >> 4];
            hex[2 * i + 1] = digits[data->p[i] & 15];
        }
        hex[data->len * 2] = '\0';
        (void)pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
        push_string(state, WJB_KEY, CStringGetTextDatum("hex"));
        push_string(state, WJB_VALUE, CStringGetTextDatum(hex));
        (void)pushJsonbValue(state, WJB_END_OBJECT, NULL);
    }
}

static Datum
options_of(const struct span *list, size_t n)
{
    JsonbParseState *state = NULL;
    struct sbuf r;
    struct span name, data, value;
    (void)pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
    sb_reader(&r, list->p, list->len);
    while (certview_option(&r, &name, &data, &value)) {
        push_string(&state, WJB_KEY,
                    ssh_text(name.p, name.len, "certificate_text", "option's name"));
        push_value(&state, &data, &value);
    }
    JsonbValue *object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
    if ((size_t)object->val.object.nPairs != n) /* jsonb keeps one of each name */
        sftca_refuse(SFTCA_INVALID, "certificate_option_repeated",
                     "certificate: an option stands there twice");
    return JsonbPGetDatum(JsonbValueToJsonb(object));
}

/* The columns of parse_certificate(). */
enum {
    CERT_TYPE,
    CERT_KIND,
    CERT_SERIAL,
    CERT_KEY_ID,
    CERT_PRINCIPALS,
    CERT_AFTER,
    CERT_BEFORE,
    CERT_CRITICAL,
    CERT_EXTENSIONS,
    CERT_KEY,
    CERT_FINGERPRINT,
    CERT_AUTHORITY_KEY,
    CERT_AUTHORITY_FINGERPRINT,
    CERT_SIGNATURE_ALGORITHM,
    CERT_IS_VERIFIED,
    CERT_NONCE,
    CERT_COLUMNS
};

static Datum
certificate_row(FunctionCallInfo fcinfo, const struct certview *view)
{
    Datum v[CERT_COLUMNS];
    bool nulls[CERT_COLUMNS] = {0};
    TimestampTz ever;
    v[CERT_IS_VERIFIED] = BoolGetDatum(is_signed(view, &nulls[CERT_IS_VERIFIED]));
    TIMESTAMP_NOBEGIN(ever);
    v[CERT_TYPE] = CStringGetTextDatum(view->type);
    v[CERT_KIND] = CStringGetTextDatum(view->kind == CERTVIEW_USER ? "user" : "host");
    v[CERT_SERIAL] = ssh_numeric(view->serial);
    v[CERT_KEY_ID] = ssh_text(view->key_id.p, view->key_id.len, "certificate_text", "key id");
    v[CERT_PRINCIPALS] = principals_of(view);
    v[CERT_AFTER] =
        view->valid_after == 0 ? TimestampTzGetDatum(ever) : ssh_time(view->valid_after);
    v[CERT_BEFORE] = ssh_time(view->valid_before);
    v[CERT_CRITICAL] = options_of(&view->critical, view->critical_n);
    v[CERT_EXTENSIONS] = options_of(&view->extensions, view->extensions_n);
    v[CERT_KEY] = ssh_key_text(&view->key);
    v[CERT_FINGERPRINT] = ssh_key_fingerprint(&view->key);
    v[CERT_AUTHORITY_KEY] = ssh_key_text(&view->authority);
    v[CERT_AUTHORITY_FINGERPRINT] = ssh_key_fingerprint(&view->authority);
    v[CERT_SIGNATURE_ALGORITHM] =
        ssh_text((const uint8_t *)view->signature_algorithm, strlen(view->signature_algorithm),
                 "certificate_text", "signature algorithm");
    v[CERT_NONCE] = bytea_of(view->nonce.p, view->nonce.len);
    return tuple_of(fcinfo, v, nulls);
}

static void
read_bytes(struct certview *view, const bytea *blob)
{
    const char *field;
    int r = certview_read(view, (const uint8_t *)VARDATA_ANY(blob), varlena_len(blob), &field);
    if (r != SFT_OK)
        refuse(r, field);
}

PG_FUNCTION_INFO_V1(sftca_parse_certificate);

Datum
sftca_parse_certificate(PG_FUNCTION_ARGS)
{
    struct certview view;
    text *line = PG_GETARG_TEXT_PP(0);
    bytea *blob = ssh_certificate_bytes(line);
    if (blob == NULL)
        refuse(SFT_EFORMAT, "text");
    read_bytes(&view, blob);
    if (!ssh_line_says(line, view.type))
        refuse(SFT_EKEYMISMATCH, "text");
    return certificate_row(fcinfo, &view);
}

PG_FUNCTION_INFO_V1(sftca_parse_certificate_bytes);

Datum
sftca_parse_certificate_bytes(PG_FUNCTION_ARGS)
{
    struct certview view;
    read_bytes(&view, PG_GETARG_BYTEA_PP(0));
    return certificate_row(fcinfo, &view);
}

/* ---- verify ---- */

static bool
is_trusted(const struct certview *view, const struct text_list *authorities)
{
    bool found = false;
    for (int i = 0; i < authorities->n; i++) {
        struct sshkey key;
        int r = sshkey_from_text(&key, authorities->items[i], strlen(authorities->items[i]));
        if (r != SFT_OK)
            sftca_throw_key(r);
        found = found || sshkey_equal(&key, &view->authority);
    }
    return found;
}

static const char *
refuse_revoked(const struct certview *view, const bytea *krl)
{
    enum krl_why why;
    char *key_id = pnstrdup((const char *)view->key_id.p, view->key_id.len);
    const struct krl_subject subject = {&view->key, &view->authority, key_id, view->serial};
    int r = krl_ask((const uint8_t *)VARDATA_ANY(krl), varlena_len(krl), &subject, &why);
    if (r == SFT_ECRYPTO)
        sftca_throw(r, "revocation list");
    if (r != SFT_OK)
        return r == SFT_ENOTFOUND ? "krl_empty" : "krl_malformed";
    return why == KRL_NOT ? NULL : "revoked";
}

/* Which of the signature's faults it is; NULL for none. */
static const char *
refuse_signature(const struct certview *view)
{
    int r = certview_verify(view);
    if (r == SFT_ENOMEM || r == SFT_ECRYPTO)
        sftca_throw(r, "certificate");
    if (r == SFT_EKEYTYPE)
        return "signature_algorithm";
    return r == SFT_OK ? NULL : "signature_invalid";
}

enum { ARG_CERT, ARG_AUTHORITIES, ARG_KIND, ARG_PRINCIPAL, ARG_AT, ARG_KRL, ARG_ADDRESS, ARG_WILD };

static void
read_question(FunctionCallInfo fcinfo, struct certview_question *q)
{
    const char *kind = argument_text(fcinfo, ARG_KIND, "kind");
    int64 at = argument_time(fcinfo, ARG_AT, "at");
    *q = (struct certview_question){
        .kind = strcmp(kind, "user") == 0 ? CERTVIEW_USER : CERTVIEW_HOST,
        .principal =
            PG_ARGISNULL(ARG_PRINCIPAL) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_PRINCIPAL)),
        .at = at < 0 ? 0 : (uint64)at,
        .is_wildcard_fine = !PG_ARGISNULL(ARG_WILD) && PG_GETARG_BOOL(ARG_WILD),
        .address =
            PG_ARGISNULL(ARG_ADDRESS) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_ADDRESS)),
    };
    if (strcmp(kind, "user") != 0 && strcmp(kind, "host") != 0)
        sftca_refuse(SFTCA_INVALID, "certificate_kind", "kind is user or host");
}

static const char *
verify(FunctionCallInfo fcinfo, const struct text_list *authorities,
       const struct certview_question *q)
{
    struct certview view;
    const char *field;
    text *line = PG_GETARG_TEXT_PP(ARG_CERT);
    bytea *blob = ssh_certificate_bytes(line);
    if (blob == NULL || certview_read(&view, (const uint8_t *)VARDATA_ANY(blob), varlena_len(blob),
                                      &field) != SFT_OK)
        return "certificate_malformed";
    if (!ssh_line_says(line, view.type))
        return "certificate_malformed";
    const char *word = is_trusted(&view, authorities) ? refuse_signature(&view) : "not_trusted";
    if (word == NULL && !PG_ARGISNULL(ARG_KRL))
        word = refuse_revoked(&view, PG_GETARG_BYTEA_PP(ARG_KRL));
    return word != NULL ? word : certview_refusal(&view, q);
}

PG_FUNCTION_INFO_V1(sftca_certificate_refusal);

/* certificate_refusal(certificate, authorities[], kind, principal, at, krl, address, wildcard) */
Datum
sftca_certificate_refusal(PG_FUNCTION_ARGS)
{
    struct certview_question q;
    argument_need(fcinfo, ARG_CERT, "certificate");
    struct text_list authorities = argument_list(fcinfo, ARG_AUTHORITIES, "authorities");
    read_question(fcinfo, &q);
    const char *word = verify(fcinfo, &authorities, &q);
    if (word == NULL)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(word));
}
