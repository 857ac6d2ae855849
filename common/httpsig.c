/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig.c - signatures of requests; those of the platform's statements are in
 * httpsig_statement.c.
 */
#include "common/httpsig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/httpsig_text.h"
#include "common/text.h"

#define COMPONENTS "sft=(\"@method\" \"@authority\" \"@path\" \"@query\""
#define DIGEST_COMPONENT " \"content-digest\""

static const char *
alg_name(enum sshkey_type type)
{
    return type == SSHKEY_ED25519      ? "ed25519"
           : type == SSHKEY_ECDSA_P256 ? "ecdsa-p256-sha256"
                                       : NULL;
}

static int
is_keyid(const char *s)
{
    int known = strncmp(s, "client/", 7) == 0 || strncmp(s, "server/", 7) == 0;
    return known && text_is_uuid(s + 7);
}

/* Whether s is 1 to max of the allowed characters. */
static int
consists_of(const char *s, const char *allowed, size_t max)
{
    size_t len = s != NULL ? strspn(s, allowed) : 0;
    return len > 0 && len <= max && s[len] == '\0';
}

/* Nothing in these may end a line of the base, or the base would say two things at once. */
static int
check_fields(const struct httpsig_request *req)
{
    if (!consists_of(req->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 16) ||
        !consists_of(req->authority, "abcdefghijklmnopqrstuvwxyz0123456789.:[]_-", 262))
        return SFT_ENAME;
    return httpsig_check_target(req->target);
}

/* signature_input is the header's value; digest is NULL without a body. */
static void
put_base(struct sbuf *b, const struct httpsig_request *req, const char *digest,
         const char *signature_input)
{
    base_line(b, "\"@method\"", req->method);
    base_line(b, "\"@authority\"", req->authority);
    base_target(b, "", req->target);
    if (digest != NULL)
        base_line(b, "\"content-digest\"", digest);
    sb_text(b, "\"@signature-params\": ");
    sb_text(b, signature_input + strlen("sft="));
}

/* ---- signing ---- */

static int
put_input(const struct httpsig_request *req, const char *alg, int has_digest, char *out)
{
    int len = snprintf(
        out, HTTPSIG_VALUE_MAX,
        COMPONENTS "%s);created=%" PRId64 ";nonce=\"%s\";keyid=\"%s\";alg=\"%s\";tag=\"sft1\"",
        has_digest ? DIGEST_COMPONENT : "", req->created, req->nonce, req->keyid, alg);
    return len > 0 && len < HTTPSIG_VALUE_MAX ? 0 : SFT_ETOOLONG;
}

static int
sign_base(const struct key *key, const struct httpsig_request *req, struct httpsig_headers *out)
{
    uint8_t base[HTTPSIG_BASE_MAX], sig[KEY_RAW_SIG_MAX];
    struct sbuf b;
    sb_writer(&b, base, sizeof(base));
    put_base(&b, req, req->body_len > 0 ? out->content_digest : NULL, out->signature_input);
    int err = sb_err(&b);
    if (err == 0)
        err = key_sign_raw(key, base, b.len, sig);
    return err != 0 ? err : httpsig_signature_text(sig, out->signature, sizeof(out->signature));
}

int
httpsig_sign_request(const struct key *key, const struct httpsig_request *req,
                     struct httpsig_headers *out)
{
    const char *alg = key_algorithm(key) == KEY_ED25519      ? alg_name(SSHKEY_ED25519)
                      : key_algorithm(key) == KEY_ECDSA_P256 ? alg_name(SSHKEY_ECDSA_P256)
                                                             : NULL;
    int err = check_fields(req);
    memset(out, 0, sizeof(*out));
    if (err == 0 && alg == NULL)
        err = SFT_EKEYTYPE;
    if (err == 0 && (req->created < 0 || !text_is_uuid(req->nonce) || !is_keyid(req->keyid)))
        err = SFT_ENAME;
    if (err == 0 && req->body_len > 0)
        err = httpsig_digest(req->body, req->body_len, out->content_digest);
    if (err == 0)
        err = put_input(req, alg, req->body_len > 0, out->signature_input);
    if (err == 0)
        err = sign_base(key, req, out);
    if (err != 0)
        memset(out, 0, sizeof(*out));
    return err;
}

/* ---- verifying ---- */

int
httpsig_parse_request(const char *signature_input, struct httpsig_params *out)
{
    struct cursor c = {.at = signature_input};
    memset(out, 0, sizeof(*out));
    cursor_lit(&c, COMPONENTS);
    out->has_digest = cursor_opt(&c, DIGEST_COMPONENT);
    cursor_lit(&c, ");created=");
    cursor_u64(&c, &out->created);
    cursor_lit(&c, ";nonce=\"");
    cursor_span(&c, ALLOWED_HEX, out->nonce, sizeof(out->nonce));
    cursor_lit(&c, "\";keyid=\"");
    cursor_span(&c, ALLOWED_WORD "/", out->keyid, sizeof(out->keyid));
    cursor_lit(&c, "\";alg=\"");
    cursor_span(&c, ALLOWED_WORD, out->alg, sizeof(out->alg));
    cursor_lit(&c, "\";tag=\"sft1\"");
    cursor_end(&c);
    if (c.err == 0 && (!text_is_uuid(out->nonce) || !is_keyid(out->keyid)))
        c.err = SFT_EFORMAT;
    if (c.err == 0 && strcmp(out->alg, alg_name(SSHKEY_ED25519)) != 0 &&
        strcmp(out->alg, alg_name(SSHKEY_ECDSA_P256)) != 0)
        c.err = SFT_EFORMAT;
    if (c.err != 0)
        memset(out, 0, sizeof(*out));
    return c.err;
}

/* A body without a signed digest, or a digest without a body, is as bad as a wrong digest. */
static int
check_digest(const struct httpsig_request *req, const struct httpsig_params *params,
             const char *content_digest)
{
    char digest[80];
    int has_body = req->body_len > 0;
    if (has_body != params->has_digest || has_body != (content_digest != NULL))
        return SFT_EFORMAT;
    if (!has_body)
        return 0;
    int err = httpsig_digest(req->body, req->body_len, digest);
    if (err == 0 && strcmp(digest, content_digest) != 0)
        err = SFT_EDIGEST;
    return err;
}

int
httpsig_verify_request(const struct sshkey *pub, const struct httpsig_request *req,
                       const char *content_digest, const char *signature_input,
                       const char *signature)
{
    uint8_t base[HTTPSIG_BASE_MAX], sig[HTTPSIG_SIG_LEN];
    struct httpsig_params params;
    struct sbuf b;
    int err = httpsig_parse_request(signature_input, &params);
    if (err == 0)
        err = httpsig_signature_bytes(signature, sig);
    if (err == 0)
        err = check_fields(req);
    if (err == 0)
        err = check_digest(req, &params, content_digest);
    if (err == 0 && (alg_name(pub->type) == NULL || strcmp(params.alg, alg_name(pub->type)) != 0))
        err = SFT_EKEYMISMATCH;
    if (err != 0)
        return err;
    sb_writer(&b, base, sizeof(base));
    put_base(&b, req, content_digest, signature_input);
    return sb_err(&b) != 0 ? sb_err(&b) : key_verify_raw(pub, base, b.len, sig);
}

int
httpsig_request_base(const struct httpsig_request *req, const char *content_digest,
                     const char *signature_input, char *out, size_t cap)
{
    struct httpsig_params params;
    struct sbuf b;
    int err = httpsig_parse_request(signature_input, &params);
    if (err == 0)
        err = check_fields(req);
    if (err == 0 && (content_digest != NULL) != params.has_digest)
        err = SFT_EFORMAT;
    if (err == 0 && content_digest != NULL && strpbrk(content_digest, "\r\n") != NULL)
        err = SFT_EFORMAT;
    sb_writer(&b, out, cap);
    if (err == 0) {
        put_base(&b, req, content_digest, signature_input);
        sb_u8(&b, '\0');
        err = sb_err(&b);
    }
    if (err != 0 && cap > 0)
        out[0] = '\0';
    return err;
}
