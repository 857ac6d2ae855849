/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_request.c - SQL: parse_signature, verify_request, signature_base. Signed requests
 * (docs/wire.md 2).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "argument.h"
#include "common/httpsig.h"
#include "throw.h"
#include "tuple.h"
#include "varlena.h"

#define BASE_MAX 10240

PG_FUNCTION_INFO_V1(sftca_parse_signature);

Datum
sftca_parse_signature(PG_FUNCTION_ARGS)
{
    struct httpsig_params params;
    Datum values[4] = {0};
    bool nulls[4] = {true, true, true, true};

    if (!PG_ARGISNULL(0) &&
        httpsig_parse_request(text_to_cstring(PG_GETARG_TEXT_PP(0)), &params) == SFT_OK) {
        values[0] = Int64GetDatum(params.created);
        values[1] = DirectFunctionCall1(uuid_in, CStringGetDatum(params.nonce));
        values[2] = CStringGetTextDatum(params.keyid);
        values[3] = CStringGetTextDatum(params.alg);
        memset(nulls, false, sizeof nulls);
    }
    return tuple_of(fcinfo, values, nulls);
}

/* A NUL cannot be in anything that was signed as text: NULL then. */
static char *
line_of(FunctionCallInfo fcinfo, int i)
{
    bytea *b = PG_GETARG_BYTEA_PP(i);
    size_t n = varlena_len(b);
    return memchr(VARDATA_ANY(b), '\0', n) == NULL ? pnstrdup(VARDATA_ANY(b), n) : NULL;
}

static char *
text_or_null(FunctionCallInfo fcinfo, int i)
{
    return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

enum {
    ARG_KEY,
    ARG_METHOD,
    ARG_AUTHORITY,
    ARG_TARGET,
    ARG_BODY,
    ARG_DIGEST,
    ARG_INPUT,
    ARG_SIGNATURE
};

/* NULL when good, else the word for what is wrong. */
static const char *
verify(FunctionCallInfo fcinfo, const struct sshkey *key)
{
    bytea *body = PG_ARGISNULL(ARG_BODY) ? NULL : PG_GETARG_BYTEA_PP(ARG_BODY);
    size_t body_len = body == NULL ? 0 : varlena_len(body);
    const char *digest = text_or_null(fcinfo, ARG_DIGEST);
    struct httpsig_request req = {.method = text_or_null(fcinfo, ARG_METHOD),
                                  .authority = text_or_null(fcinfo, ARG_AUTHORITY),
                                  .target = line_of(fcinfo, ARG_TARGET),
                                  .body = body_len == 0 ? NULL : VARDATA_ANY(body),
                                  .body_len = body_len};
    char own[128];

    if (req.target == NULL)
        return "signature_invalid";
    if (body_len > 0 && digest != NULL &&
        (httpsig_digest(req.body, body_len, own) != SFT_OK || strcmp(own, digest) != 0))
        return "digest_mismatch";
    switch (httpsig_verify_request(key, &req, digest, text_or_null(fcinfo, ARG_INPUT),
                                   text_or_null(fcinfo, ARG_SIGNATURE))) {
    case SFT_OK:
        return NULL;
    case SFT_EFORMAT:
        return "signature_malformed";
    default:
        return "signature_invalid";
    }
}

PG_FUNCTION_INFO_V1(sftca_verify_request);

Datum
sftca_verify_request(PG_FUNCTION_ARGS)
{
    struct sshkey key;
    if (PG_ARGISNULL(ARG_INPUT) || PG_ARGISNULL(ARG_SIGNATURE))
        PG_RETURN_TEXT_P(cstring_to_text("signature_malformed"));
    if (PG_ARGISNULL(ARG_KEY) || PG_ARGISNULL(ARG_METHOD) || PG_ARGISNULL(ARG_AUTHORITY) ||
        PG_ARGISNULL(ARG_TARGET))
        PG_RETURN_TEXT_P(cstring_to_text("signature_invalid"));
    bytea *blob = PG_GETARG_BYTEA_PP(ARG_KEY);
    int r = sshkey_from_blob(&key, (const uint8_t *)VARDATA_ANY(blob), varlena_len(blob));
    if (r != SFT_OK)
        sftca_throw_key(r);
    const char *word = verify(fcinfo, &key);
    if (word == NULL)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(word));
}

PG_FUNCTION_INFO_V1(sftca_signature_base);

/* signature_base(method, authority, target, content_digest, signature_input): NULL when malformed
 */
Datum
sftca_signature_base(PG_FUNCTION_ARGS)
{
    char base[BASE_MAX];
    for (int i = 0; i < 5; i++)
        if (PG_ARGISNULL(i) && i != 3) /* a request without a body has no digest */
            PG_RETURN_NULL();
    struct httpsig_request req = {.method = text_or_null(fcinfo, 0),
                                  .authority = text_or_null(fcinfo, 1),
                                  .target = line_of(fcinfo, 2)};
    if (req.target == NULL || httpsig_request_base(&req, text_or_null(fcinfo, 3),
                                                   text_or_null(fcinfo, 4), base, sizeof base) != 0)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(base));
}
