/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig_statement.c - signatures of what the platform tells (prototypes in httpsig.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/digest.h"
#include "common/httpsig.h"
#include "common/httpsig_text.h"
#include "common/text.h"

#define COMPONENTS                                                                                 \
    "sft=(\"@status\" \"content-digest\" \"sft-version\" \"@path\";req \"@query\";req"
#define BOUND_COMPONENT " \"signature\";req;key=\"sft\""
#define NAME_LEN 43 /* base64url of SHA-256 */

static int
is_purpose(const char *s)
{
    static const char *const purposes[] = {"state", "resolve", "instance", "trust", "krl"};
    for (size_t i = 0; s != NULL && i < sizeof(purposes) / sizeof(purposes[0]); i++)
        if (strcmp(s, purposes[i]) == 0)
            return 1;
    return 0;
}

static int
is_platform_keyid(const char *s)
{
    return strncmp(s, "platform/", 9) == 0 && strlen(s + 9) == NAME_LEN &&
           strspn(s + 9, ALLOWED_B64URL) == NAME_LEN;
}

/* The fields that come from the question and from the answer's head. */
static int
check_fields(const struct httpsig_statement *st)
{
    uint64_t version;
    uint8_t sig[HTTPSIG_SIG_LEN];
    if (!is_purpose(st->purpose) || st->status < 100 || st->status > 599)
        return SFT_ENAME;
    if (st->version == NULL || text_u64(st->version, INT64_MAX, &version) != 0)
        return SFT_EFORMAT;
    if (st->request_signature != NULL && httpsig_signature_bytes(st->request_signature, sig) != 0)
        return SFT_EFORMAT;
    return httpsig_check_target(st->target);
}

static void
put_base(struct sbuf *b, const struct httpsig_statement *st, const char *digest,
         const char *signature_input)
{
    char status[16];
    snprintf(status, sizeof(status), "%u", st->status);
    base_line(b, "\"@status\"", status);
    base_line(b, "\"content-digest\"", digest);
    base_line(b, "\"sft-version\"", st->version);
    base_target(b, ";req", st->target);
    if (st->request_signature != NULL)
        base_line(b, "\"signature\";req;key=\"sft\"", st->request_signature + strlen("sft="));
    sb_text(b, "\"@signature-params\": ");
    sb_text(b, signature_input + strlen("sft="));
}

int
httpsig_statement_base(const struct httpsig_statement *st, int64_t created, const char *keyid,
                       struct httpsig_headers *headers, char *base, size_t cap, size_t *lenp)
{
    struct sbuf b;
    int err = check_fields(st);
    memset(headers, 0, sizeof(*headers));
    *lenp = 0;
    if (err == 0 && (created < 0 || !is_platform_keyid(keyid)))
        err = SFT_ENAME;
    if (err == 0)
        err = httpsig_digest(st->body, st->body_len, headers->content_digest);
    if (err != 0)
        return err;
    snprintf(headers->signature_input, sizeof(headers->signature_input),
             COMPONENTS "%s);created=%" PRId64 ";keyid=\"%s\";alg=\"ed25519\";tag=\"sft1-%s\"",
             st->request_signature != NULL ? BOUND_COMPONENT : "", created, keyid, st->purpose);
    sb_writer(&b, base, cap);
    put_base(&b, st, headers->content_digest, headers->signature_input);
    *lenp = sb_err(&b) == 0 ? b.len : 0;
    return sb_err(&b);
}

/* What a Signature-Input of a statement says. */
struct params {
    int is_bound;
    int64_t created;
    char keyid[64], purpose[32];
};

static int
parse_input(const char *signature_input, struct params *out)
{
    struct cursor c = {.at = signature_input};
    cursor_lit(&c, COMPONENTS);
    out->is_bound = cursor_opt(&c, BOUND_COMPONENT);
    cursor_lit(&c, ");created=");
    cursor_u64(&c, &out->created);
    cursor_lit(&c, ";keyid=\"");
    cursor_span(&c, ALLOWED_B64URL "/", out->keyid, sizeof(out->keyid));
    cursor_lit(&c, "\";alg=\"ed25519\";tag=\"sft1-");
    cursor_span(&c, ALLOWED_WORD, out->purpose, sizeof(out->purpose));
    cursor_lit(&c, "\"");
    cursor_end(&c);
    return c.err;
}

/* Whether the answer claims what was asked for, by the key that is pinned, over this body. */
static int
check_claims(const struct sshkey *statement_key, const struct httpsig_statement *st,
             const struct params *params)
{
    char name[NAME_LEN + 1], digest[80];
    int err = digest_name(statement_key->blob, statement_key->len, name);
    if (err == 0)
        err = httpsig_digest(st->body, st->body_len, digest);
    if (err != 0)
        return err;
    if (params->is_bound != (st->request_signature != NULL) ||
        strcmp(params->purpose, st->purpose) != 0 || !is_platform_keyid(params->keyid) ||
        strcmp(params->keyid + strlen("platform/"), name) != 0 ||
        strcmp(digest, st->content_digest) != 0)
        return SFT_ESIGNATURE;
    return 0;
}

int
httpsig_verify_statement(const struct sshkey *statement_key, const struct httpsig_statement *st,
                         int64_t *createdp)
{
    uint8_t base[HTTPSIG_BASE_MAX], sig[HTTPSIG_SIG_LEN];
    struct params params = {0};
    struct sbuf b;
    *createdp = 0;
    if (st->content_digest == NULL || st->signature_input == NULL || st->signature == NULL)
        return SFT_EFORMAT;
    if (statement_key->type != SSHKEY_ED25519)
        return SFT_EKEYTYPE;
    int err = check_fields(st);
    if (err == 0)
        err = parse_input(st->signature_input, &params);
    if (err == 0)
        err = httpsig_signature_bytes(st->signature, sig);
    if (err == 0)
        err = check_claims(statement_key, st, &params);
    if (err != 0)
        return err;
    sb_writer(&b, base, sizeof(base));
    put_base(&b, st, st->content_digest, st->signature_input);
    err = sb_err(&b) != 0 ? sb_err(&b) : key_verify_raw(statement_key, base, b.len, sig);
    if (err == 0)
        *createdp = params.created;
    return err;
}
