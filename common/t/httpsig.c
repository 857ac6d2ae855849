/* SPDX-License-Identifier: PostgreSQL */
/*
 * httpsig.c - the bytes that docs/wire.md section 2 says are signed, and that nothing else
 * verifies.
 */
#include <string.h>

#include "common/digest.h"
#include "common/httpsig.h"
#include "common/tap.h"
#include "common/text.h"

#define NONCE "0b7a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e"
#define CLIENT "client/7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e"
#define BODY "{\"kind\":\"ssh_user\"}"

static struct key *ed_key, *p256_key;
static struct sshkey ed_pub, p256_pub;

static const struct httpsig_request post = {
    .method = "POST",
    .authority = "sft.example.com:8443",
    .target = "/v1/teams/acme/credentials?a=1&b=%2F",
    .body = BODY,
    .body_len = sizeof(BODY) - 1,
    .created = 1763900000,
    .nonce = NONCE,
    .keyid = CLIENT,
};

static void
make_keys(void)
{
    ok(key_generate(KEY_ED25519, &ed_key) == 0 && key_public(ed_key, &ed_pub) == 0,
       "an Ed25519 key");
    ok(key_generate(KEY_ECDSA_P256, &p256_key) == 0 && key_public(p256_key, &p256_pub) == 0,
       "a P-256 key");
}

static void
signature_of(const char *header, uint8_t sig[64])
{
    size_t len;
    if (strlen(header) != 94 || b64_decode(sig, 64, &len, header + 5, 88) != 0)
        printf("Bail out! not a signature: %s\n", header);
}

/* ---- the base, byte by byte ---- */

static void
test_request_base(void)
{
    struct httpsig_headers h;
    uint8_t sig[64];
    static const char params[] =
        "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")"
        ";created=1763900000;nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"ed25519\";tag=\"sft1\"";
    char base[2048];
    is_int(httpsig_sign_request(ed_key, &post, &h), 0, "signed");
    is_str(h.content_digest, "sha-256=:Ta/yknGd72Kri7LlmfLQ8HU7ZOdbA1ukv2dqa59yYXs=:",
           "the digest of the body, as openssl makes it");
    ok(strncmp(h.signature_input, "sft=", 4) == 0 && strcmp(h.signature_input + 4, params) == 0,
       "Signature-Input as documented");
    snprintf(base, sizeof(base),
             "\"@method\": POST\n"
             "\"@authority\": sft.example.com:8443\n"
             "\"@path\": /v1/teams/acme/credentials\n"
             "\"@query\": ?a=1&b=%%2F\n"
             "\"content-digest\": %s\n"
             "\"@signature-params\": %s",
             h.content_digest, params);
    signature_of(h.signature, sig);
    is_int(key_verify_raw(&ed_pub, base, strlen(base), sig), 0,
           "the documented base is what is signed");
}

static void
test_request_base_without_body(void)
{
    struct httpsig_request get = post;
    struct httpsig_headers h;
    uint8_t sig[64];
    char base[2048];
    get.method = "GET";
    get.target = "/v1/instance";
    get.body_len = 0;
    is_int(httpsig_sign_request(p256_key, &get, &h), 0, "signed without a body");
    is_str(h.content_digest, "", "no digest");
    snprintf(base, sizeof(base),
             "\"@method\": GET\n\"@authority\": sft.example.com:8443\n\"@path\": /v1/instance\n"
             "\"@query\": ?\n\"@signature-params\": %s",
             h.signature_input + 4);
    ok(strstr(h.signature_input, "(\"@method\" \"@authority\" \"@path\" \"@query\");created=") !=
               NULL &&
           strstr(h.signature_input, "alg=\"ecdsa-p256-sha256\"") != NULL,
       "shorter list, other algorithm");
    signature_of(h.signature, sig);
    is_int(key_verify_raw(&p256_pub, base, strlen(base), sig), 0, "the documented base is signed");
    is_int(httpsig_verify_request(&p256_pub, &get, NULL, h.signature_input, h.signature), 0,
           "and verifies");
}

/* ---- requests ---- */

static void
test_round_trip(const struct key *key, const struct sshkey *pub, const struct sshkey *other)
{
    struct httpsig_headers h;
    struct httpsig_params p;
    is_int(httpsig_sign_request(key, &post, &h), 0, "signed");
    is_int(httpsig_verify_request(pub, &post, h.content_digest, h.signature_input, h.signature), 0,
           "verifies");
    ok(httpsig_parse_request(h.signature_input, &p) == 0 && p.created == post.created &&
           !strcmp(p.nonce, NONCE) && !strcmp(p.keyid, CLIENT) && p.has_digest,
       "the parameters are read");
    is_int(httpsig_verify_request(other, &post, h.content_digest, h.signature_input, h.signature),
           SFT_EKEYMISMATCH, "a key of the other algorithm");
}

static void
test_another_key(void)
{
    struct httpsig_headers h;
    struct key *key = NULL;
    struct sshkey pub;
    ok(key_generate(KEY_ED25519, &key) == 0 && key_public(key, &pub) == 0, "another key");
    is_int(httpsig_sign_request(ed_key, &post, &h), 0, "signed");
    is_int(httpsig_verify_request(&pub, &post, h.content_digest, h.signature_input, h.signature),
           SFT_ESIGNATURE, "T2 another key of the same algorithm");
    key_free(key);
}

/* T2: each part of a signed request changed on its way. */
static void
test_transplant(void)
{
    struct httpsig_headers h;
    const struct httpsig_request *p = &post;
    is_int(httpsig_sign_request(ed_key, p, &h), 0, "signed");
    struct {
        const char *what;
        struct httpsig_request req;
        int err;
    } rows[] = {
        {"T2 method", post, SFT_ESIGNATURE},
        {"T2 authority", post, SFT_ESIGNATURE},
        {"T2 path", post, SFT_ESIGNATURE},
        {"T2 trailing slash", post, SFT_ESIGNATURE},
        {"T2 query", post, SFT_ESIGNATURE},
        {"T2 no query", post, SFT_ESIGNATURE},
        {"T2 escape in lower case", post, SFT_ESIGNATURE},
        {"T2 body", post, SFT_EDIGEST},
        {"T2 body cut", post, SFT_EDIGEST},
        {"T2 body gone", post, SFT_EFORMAT},
    };
    rows[0].req.method = "PUT";
    rows[1].req.authority = "sft.example.com";
    rows[2].req.target = "/v1/teams/acme/credential?a=1&b=%2F";
    rows[3].req.target = "/v1/teams/acme/credentials/?a=1&b=%2F";
    rows[4].req.target = "/v1/teams/acme/credentials?b=%2F&a=1";
    rows[5].req.target = "/v1/teams/acme/credentials";
    rows[6].req.target = "/v1/teams/acme/credentials?a=1&b=%2f";
    rows[7].req.body = "{\"kind\":\"ssh_host\"}";
    rows[8].req.body_len--;
    rows[9].req.body_len = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_int(httpsig_verify_request(&ed_pub, &rows[i].req, h.content_digest, h.signature_input,
                                      h.signature),
               rows[i].err, rows[i].what);
    is_int(httpsig_verify_request(&ed_pub, p, NULL, h.signature_input, h.signature), SFT_EFORMAT,
           "T2 digest header gone");
    is_int(httpsig_verify_request(&ed_pub, p, "sha-256=:AAAA:", h.signature_input, h.signature),
           SFT_EDIGEST, "T2 another digest");
}

/* A body added to a request that was signed without one. */
static void
test_body_added(void)
{
    struct httpsig_request req = post;
    struct httpsig_headers h;
    char digest[80];
    req.body_len = 0;
    is_int(httpsig_sign_request(ed_key, &req, &h), 0, "signed without a body");
    is_int(httpsig_digest(BODY, strlen(BODY), digest), 0, "a digest of its own");
    is_int(httpsig_verify_request(&ed_pub, &post, digest, h.signature_input, h.signature),
           SFT_EFORMAT, "T2 a body added");
    is_int(httpsig_verify_request(&ed_pub, &req, digest, h.signature_input, h.signature),
           SFT_EFORMAT, "T2 a digest added");
}

/* Each parameter changed in Signature-Input: the base changes with it. */
static void
test_parameters_changed(void)
{
    static const char *const swaps[][2] = {
        {"1763900000", "1763900001"},
        {"0b7a2d9c", "1b7a2d9c"},
        {"client/", "server/"},
        {"client/7a", "client/8a"},
    };
    struct httpsig_headers h;
    is_int(httpsig_sign_request(ed_key, &post, &h), 0, "signed");
    for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
        struct httpsig_headers c = h;
        memcpy(strstr(c.signature_input, swaps[i][0]), swaps[i][1], strlen(swaps[i][1]));
        is_int(httpsig_verify_request(&ed_pub, &post, c.content_digest, c.signature_input,
                                      c.signature),
               SFT_ESIGNATURE, "T1 T2 a parameter changed");
    }
    for (size_t i = 0; i < 88; i++) {
        struct httpsig_headers c = h;
        c.signature[5 + i] = c.signature[5 + i] == 'A' ? 'B' : 'A';
        if (httpsig_verify_request(&ed_pub, &post, c.content_digest, c.signature_input,
                                   c.signature) == 0)
            ok(0, "C16 a changed signature");
    }
}

#define LIST "sft=(\"@method\" \"@authority\" \"@path\" \"@query\")"
#define REST ";nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"ed25519\";tag=\"sft1\""

static void
test_input_grammar(void)
{
    static const char *const bad[] = {
        "",
        "sft",
        "sig1=(\"@method\" \"@authority\" \"@path\" \"@query\");created=1" REST,
        " " LIST ";created=1" REST,
        LIST ";created=1" REST " ",
        LIST ";created=1" REST ";x",
        LIST ";created=1" REST ", sig2=()",
        LIST "; created=1" REST,
        LIST ";created=" REST,
        LIST ";created=-1" REST,
        LIST ";created=01" REST,
        LIST ";created=1.5" REST,
        LIST ";created=253402300800" REST,
        LIST ";created=99999999999999999999" REST,
        LIST REST,
        LIST ";created=1;expires=2" REST,
        LIST REST ";created=1",
        "sft=(\"@authority\" \"@method\" \"@path\" \"@query\");created=1" REST,
        "sft=(\"@method\" \"@authority\" \"@path\");created=1" REST,
        "sft=(\"@method\" \"@authority\" \"@path\" \"@query\" \"date\");created=1" REST,
        "sft=(\"@method\" \"@authority\" \"@path\" \"@query\" );created=1" REST,
        "sft=(\"@method\"  \"@authority\" \"@path\" \"@query\");created=1" REST,
        "sft=(\"@method\";req \"@authority\" \"@path\" \"@query\");created=1" REST,
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"ed25519\";tag=\"sft2\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"ed25519\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"none\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"" CLIENT "\";alg=\"hmac-sha256\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"\";alg=\"ed25519\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"platform/x\";alg=\"ed25519\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"" NONCE "\";keyid=\"client/../x\";alg=\"ed25519\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"\";keyid=\"" CLIENT "\";alg=\"ed25519\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"0B7A2D9C-6f0c-4b84-9c0a-2f8f6a7a1d3e\";keyid=\"" CLIENT
             "\";alg=\"ed25519\";tag=\"sft1\"",
        LIST ";created=1;nonce=\"" NONCE NONCE "\";keyid=\"" CLIENT
             "\";alg=\"ed25519\";tag=\"sft1\"",
    };
    struct httpsig_params p;
    is_int(httpsig_parse_request(LIST ";created=1" REST, &p), 0, "the form itself");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!ok(httpsig_parse_request(bad[i], &p) == SFT_EFORMAT && p.keyid[0] == '\0',
                "no other form is accepted"))
            printf("#   %s\n", bad[i]);
}

static void
test_signature_grammar(void)
{
    struct httpsig_headers h;
    char bad[256];
    is_int(httpsig_sign_request(ed_key, &post, &h), 0, "signed");
    static const struct {
        const char *before, *after;
        size_t from, len;
    } rows[] = {
        {"", "", 0, 93},     {"", " ", 0, 94},      {" ", "", 0, 94},         {"sig=:", "", 5, 89},
        {"sft=", "", 5, 88}, {"sft=:", ":", 5, 84}, {"sft=:AAAA", "", 5, 89}, {"", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(bad, sizeof(bad), "%s%.*s%s", rows[i].before, (int)rows[i].len,
                 h.signature + rows[i].from, rows[i].after);
        is_int(httpsig_verify_request(&ed_pub, &post, h.content_digest, h.signature_input, bad),
               SFT_EFORMAT, "Signature has one form");
    }
}

/* What could end a line of the base is refused before anything is signed or verified. */
static void
test_fields(void)
{
    static char long_target[9000];
    struct httpsig_headers h, good;
    memset(long_target, 'a', sizeof(long_target) - 1);
    long_target[0] = '/';
    struct {
        struct httpsig_request req;
        int err;
    } rows[] = {{post, SFT_ENAME}, {post, SFT_ENAME}, {post, SFT_ENAME},   {post, SFT_ENAME},
                {post, SFT_ENAME}, {post, SFT_ENAME}, {post, SFT_ENAME},   {post, SFT_ENAME},
                {post, SFT_ENAME}, {post, SFT_ENAME}, {post, SFT_ETOOLONG}};
    rows[0].req.target = "/v1\n\"@query\": ?";
    rows[1].req.target = "v1";
    rows[2].req.target = "";
    rows[3].req.target = "/v1 HTTP/1.1";
    rows[4].req.target = "/v1#x";
    rows[5].req.target = "/\xc3\xa9";
    rows[6].req.method = "POST\n";
    rows[7].req.method = "post";
    rows[8].req.authority = "Sft.example.com";
    rows[9].req.authority = "";
    rows[10].req.target = long_target;
    is_int(httpsig_sign_request(ed_key, &post, &good), 0, "signed");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(httpsig_sign_request(ed_key, &rows[i].req, &h) == rows[i].err && h.signature[0] == '\0',
           "a field that is not one is not signed");
        is_int(httpsig_verify_request(&ed_pub, &rows[i].req, good.content_digest,
                                      good.signature_input, good.signature),
               rows[i].err, "nor verified");
    }
    struct httpsig_request req = post;
    req.nonce = "x\";keyid=\"y";
    is_int(httpsig_sign_request(ed_key, &req, &h), SFT_ENAME, "a nonce that is no uuid");
    req = post;
    req.keyid = "client/x";
    is_int(httpsig_sign_request(ed_key, &req, &h), SFT_ENAME, "a keyid that is none");
    req = post;
    req.created = -1;
    is_int(httpsig_sign_request(ed_key, &req, &h), SFT_ENAME, "a time before 1970");
    long_target[8000] = '\0';
    req = post;
    req.target = long_target;
    ok(httpsig_sign_request(ed_key, &req, &h) == 0 &&
           httpsig_verify_request(&ed_pub, &req, h.content_digest, h.signature_input,
                                  h.signature) == 0,
       "the longest target");
}

/* ---- statements ---- */

#define REQUEST_SIG                                                                                \
    "sft=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=" \
    "=:"

static const struct httpsig_statement state = {
    .purpose = "state",
    .status = 200,
    .target = "/v1/server/state?after=41",
    .request_signature = REQUEST_SIG,
    .version = "42",
    .body = BODY,
    .body_len = sizeof(BODY) - 1,
};

/* Fills the header fields of st as the platform would. */
static struct httpsig_statement
signed_by(const struct key *key, const struct httpsig_statement *st, struct httpsig_headers *h)
{
    struct httpsig_statement out = *st;
    struct sshkey pub;
    char name[44], keyid[64], base[4096], b64[B64_LEN(64) + 1];
    uint8_t sig[64];
    size_t len;
    int err = key_public(key, &pub) | digest_name(pub.blob, pub.len, name);
    snprintf(keyid, sizeof(keyid), "platform/%s", name);
    err |= httpsig_statement_base(st, 1763900000, keyid, h, base, sizeof(base), &len);
    err |= key_sign_raw(key, base, len, sig) | b64_encode(b64, sizeof(b64), sig, 64);
    snprintf(h->signature, sizeof(h->signature), "sft=:%s:", b64);
    out.content_digest = h->content_digest;
    out.signature_input = h->signature_input;
    out.signature = h->signature;
    is_int(err, 0, "a statement is signed");
    return out;
}

static void
test_statement_base(void)
{
    struct httpsig_headers h;
    struct httpsig_statement st = state;
    char base[4096], want[4096], keyid[] = "platform/0123456789012345678901234567890123456789abc";
    size_t len;
    is_int(httpsig_statement_base(&st, 1763900000, keyid, &h, base, sizeof(base), &len), 0, "base");
    snprintf(want, sizeof(want),
             "\"@status\": 200\n"
             "\"content-digest\": %s\n"
             "\"sft-version\": 42\n"
             "\"@path\";req: /v1/server/state\n"
             "\"@query\";req: ?after=41\n"
             "\"signature\";req;key=\"sft\": %s\n"
             "\"@signature-params\": (\"@status\" \"content-digest\" \"sft-version\" \"@path\";req "
             "\"@query\";req \"signature\";req;key=\"sft\");created=1763900000;keyid=\"%s\";"
             "alg=\"ed25519\";tag=\"sft1-state\"",
             h.content_digest, REQUEST_SIG + 4, keyid);
    ok(len == strlen(want) && memcmp(base, want, len) == 0, "the documented base, bound");
    st.request_signature = NULL;
    st.purpose = "krl";
    is_int(httpsig_statement_base(&st, 1763900000, keyid, &h, base, sizeof(base), &len), 0, "base");
    ok(strstr(h.signature_input, "\"@query\";req);created=") != NULL &&
           strstr(h.signature_input, "tag=\"sft1-krl\"") != NULL &&
           memmem(base, len, "\"signature\"", 11) == NULL,
       "public material is not bound");
    is_int(httpsig_statement_base(&st, 1763900000, keyid, &h, base, len - 1, &len), SFT_ENOSPACE,
           "a base that does not fit");
}

static void
test_statement(void)
{
    struct httpsig_headers h;
    struct httpsig_statement st = signed_by(ed_key, &state, &h), c;
    struct sshkey other;
    struct key *other_key = NULL;
    int64_t created;
    ok(httpsig_verify_statement(&ed_pub, &st, &created) == 0 && created == 1763900000, "verifies");
    ok(key_generate(KEY_ED25519, &other_key) == 0 && key_public(other_key, &other) == 0,
       "another key");
    ok(httpsig_verify_statement(&other, &st, &created) == SFT_ESIGNATURE && created == 0,
       "by the pinned key only");
    is_int(httpsig_verify_statement(&p256_pub, &st, &created), SFT_EKEYTYPE, "which is Ed25519");
    key_free(other_key);
#define CHANGED(field, value, err)                                                                 \
    (c = st, c.field = value, is_int(httpsig_verify_statement(&ed_pub, &c, &created), err, #field))
    CHANGED(status, 201, SFT_ESIGNATURE);
    CHANGED(target, "/v1/server/state?after=40", SFT_ESIGNATURE);
    CHANGED(target, "/v1/server/state", SFT_ESIGNATURE);
    CHANGED(version, "41", SFT_ESIGNATURE);
    CHANGED(version, "042", SFT_EFORMAT);
    CHANGED(version, "", SFT_EFORMAT);
    CHANGED(version, NULL, SFT_EFORMAT);
    CHANGED(body, "{\"kind\":\"ssh_host\"}", SFT_ESIGNATURE);
    CHANGED(body_len, 0, SFT_ESIGNATURE);
    CHANGED(purpose, "resolve", SFT_ESIGNATURE);
    CHANGED(purpose, "x", SFT_ENAME);
    CHANGED(request_signature, NULL, SFT_ESIGNATURE);
    CHANGED(
        request_signature,
        "sft=:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+"
        "Pw==:",
        SFT_ESIGNATURE);
    CHANGED(content_digest, NULL, SFT_EFORMAT);
    CHANGED(signature_input, NULL, SFT_EFORMAT);
    CHANGED(signature, NULL, SFT_EFORMAT);
    CHANGED(signature, "sft=::", SFT_EFORMAT);
    CHANGED(signature_input, "sft=()", SFT_EFORMAT);
}

/* A public statement cannot stand in for a bound one, nor one key's name for another's. */
static void
test_statement_transplant(void)
{
    struct httpsig_headers h;
    struct httpsig_statement public = state, st;
    int64_t created;
    public.request_signature = NULL;
    st = signed_by(ed_key, &public, &h);
    is_int(httpsig_verify_statement(&ed_pub, &st, &created), 0, "public material verifies");
    st.request_signature = REQUEST_SIG;
    is_int(httpsig_verify_statement(&ed_pub, &st, &created), SFT_ESIGNATURE,
           "not as a bound answer");
    st = signed_by(ed_key, &state, &h);
    char *name = strstr(h.signature_input, "platform/") + 9;
    name[0] = name[0] == 'A' ? 'B' : 'A';
    is_int(httpsig_verify_statement(&ed_pub, &st, &created), SFT_ESIGNATURE, "another key's name");
}

int
main(void)
{
    make_keys();
    test_request_base();
    test_request_base_without_body();
    test_round_trip(ed_key, &ed_pub, &p256_pub);
    test_round_trip(p256_key, &p256_pub, &ed_pub);
    test_another_key();
    test_transplant();
    test_body_added();
    test_parameters_changed();
    test_input_grammar();
    test_signature_grammar();
    test_fields();
    test_statement_base();
    test_statement();
    test_statement_transplant();
    key_free(ed_key);
    key_free(p256_key);
    return done_testing();
}
