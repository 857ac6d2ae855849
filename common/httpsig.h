/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig.h - HTTP message signatures (RFC 9421) with Content-Digest (RFC 9530), in the one form
 * that sft uses. docs/wire.md section 2 gives both forms byte by byte.
 *
 * Only this exact form is produced and accepted: parameters in this order, no other components.
 */
#ifndef SFT_HTTPSIG_H
#define SFT_HTTPSIG_H

#include <stddef.h>
#include <stdint.h>

#include "common/key.h"

#define HTTPSIG_VALUE_MAX 512

struct httpsig_request {
    const char *method;    /* "POST" */
    const char *authority; /* "sft.example.com" or "sft.example.com:8443", lower case */
    const char *target;    /* as sent: "/v1/x?after=3" */
    const void *body;      /* NULL or length 0: no digest */
    size_t body_len;
    int64_t created;   /* seconds since 1970 */
    const char *nonce; /* a uuid: the request_id */
    const char *keyid; /* "client/<uuid>" or "server/<uuid>" */
};

struct httpsig_headers {
    char content_digest[80]; /* empty without a body */
    char signature_input[HTTPSIG_VALUE_MAX];
    char signature[160];
};

/* Fills the three header values. SFT_ENAME when a field has a character that could break a line. */
SFT_CHECKED int httpsig_sign_request(const struct key *key, const struct httpsig_request *req,
                                     struct httpsig_headers *out);

/* The parameters of a request's Signature-Input, parsed by the exact grammar of docs/wire.md 2. */
struct httpsig_params {
    int64_t created;
    char nonce[37];
    char keyid[48];
    char alg[32]; /* "ecdsa-p256-sha256" or "ed25519" */
    int has_digest;
};

SFT_CHECKED int httpsig_parse_request(const char *signature_input, struct httpsig_params *out);

/*
 * Verifies a request as its receiver: digest against body, then the signature by pub. req->created,
 * nonce and keyid are ignored, they come from signature_input. content_digest is NULL without a
 * body. Returns SFT_EFORMAT (a header), SFT_ENAME (method, authority or target), SFT_EDIGEST (the
 * body is not what content_digest says), SFT_EKEYMISMATCH (alg is not pub's), SFT_ESIGNATURE.
 */
SFT_CHECKED int httpsig_verify_request(const struct sshkey *pub, const struct httpsig_request *req,
                                       const char *content_digest, const char *signature_input,
                                       const char *signature);

/*
 * The text that such a signature is over, to explain a refusal: final NUL; cap of 10240 is enough.
 * Of req only method, authority and target are looked at. SFT_EFORMAT, SFT_ENAME, SFT_ENOSPACE.
 */
SFT_CHECKED int httpsig_request_base(const struct httpsig_request *req, const char *content_digest,
                                     const char *signature_input, char *out, size_t cap);

/* "sha-256=:...:" ; out has 80 bytes. */
SFT_CHECKED int httpsig_digest(const void *body, size_t len, char *out);

/* What a signed answer of the platform is checked against. */
struct httpsig_statement {
    const char *purpose; /* "state", "resolve", "trust", "krl", "instance" */
    unsigned status;     /* HTTP status received */
    const char *target;  /* path and query as requested */
    const char
        *request_signature; /* the Signature header that was sent; NULL for public material */
    const char *version;    /* the Sft-Version header received */
    const void *body;
    size_t body_len;
    const char *content_digest, *signature_input,
        *signature; /* headers received; NULL if missing */
};

/*
 * The platform's side: fills digest and Signature-Input of a statement and writes the signature
 * base (the bytes to sign, no final NUL counted) to base. keyid is "platform/<base64url SHA-256 of
 * the key blob>". The signature header is then "sft=:" base64 ":".
 */
SFT_CHECKED int httpsig_statement_base(const struct httpsig_statement *st, int64_t created,
                                       const char *keyid, struct httpsig_headers *headers,
                                       char *base, size_t cap, size_t *lenp);

/*
 * Verifies a platform statement by its Ed25519 statement key. On success *createdp is when it was
 * made. Returns SFT_ESIGNATURE if anything does not match, SFT_EFORMAT if a header is malformed.
 */
SFT_CHECKED int httpsig_verify_statement(const struct sshkey *statement_key,
                                         const struct httpsig_statement *st, int64_t *createdp);

#endif
