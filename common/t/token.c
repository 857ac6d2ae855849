/* SPDX-License-Identifier: PostgreSQL */
/*
 * token.c - tokens are read as PostgreSQL and others write them; what is not one is refused.
 */
#include <string.h>

#include "common/digest.h"
#include "common/key.h"
#include "common/tap.h"
#include "common/text.h"
#include "common/token.h"
#include "tmp.h"

#define SECRET "0123456789012345678901234567890123456789_-z"
#define ID "7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e"
#define HASH "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
#define GOOD                                                                                       \
    "{\"s\":\"" SECRET "\",\"u\":\"https://127.0.0.1:8443\",\"i\":\"" ID                           \
    "\",\"t\":\"acme\",\"k\":\"" HASH "\"}"

static int
parse(const char *json, struct token *t)
{
    char b64[4096];
    int err = b64_encode(b64, sizeof(b64), json, strlen(json));
    return err != 0 ? err : token_parse(t, b64, strlen(b64));
}

static void
test_good(void)
{
    struct token t;
    is_int(parse(GOOD, &t), 0, "a token");
    is_str(t.secret, SECRET, "s");
    is_str(t.url, "https://127.0.0.1:8443", "u");
    is_str(t.id, ID, "i");
    is_str(t.team, "acme", "t");
    is_str(t.statement_hash, HASH, "k");
    is_int(parse(" { \"i\" : \"" ID "\", \"k\": \"" HASH "\", \"s\": \"" SECRET
                 "\", \"t\": \"acme\",\n\"u\": \"https://sft.example.com\", \"x\": \"new\" } ",
                 &t),
           0, "spaces, another order, a member of the future");
    is_str(t.url, "https://sft.example.com", "its url");
    char text[1024];
    ok(b64_encode(text, sizeof(text), GOOD, strlen(GOOD)) == 0 && strcat(text, "\r\n") != NULL &&
           token_parse(&t, text, strlen(text)) == 0,
       "a line end after it");
    token_wipe(&t);
    ok(t.secret[0] == '\0' && t.secret[20] == '\0', "wiped");
}

/* GOOD with one value replaced. */
static int
with(const char *from, const char *to)
{
    struct token t;
    char json[4096];
    const char *at = strstr(GOOD, from);
    snprintf(json, sizeof(json), "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
    int err = parse(json, &t);
    if (err != 0 && t.secret[0] != '\0')
        return 1; /* a refused token must leave no secret behind */
    return err;
}

static void
test_members(void)
{
    static const char *const rows[][2] = {
        {SECRET, ""},
        {SECRET, "short"},
        {SECRET, "0123456789012345678901234567890123456789_-zz"},
        {SECRET, "0123456789012345678901234567890123456789+/z"},
        {SECRET, "012345678901234567890123456789\\n0123456789012"},
        {"https://127.0.0.1:8443", "http://127.0.0.1:8443"},
        {"https://127.0.0.1:8443", "https://"},
        {"https://127.0.0.1:8443", "https://a@b"},
        {"https://127.0.0.1:8443", "https://a/b"},
        {"https://127.0.0.1:8443", "https://a b"},
        {"https://127.0.0.1:8443", "file:///etc/passwd"},
        {"https://127.0.0.1:8443", "javascript:x"},
        {ID, "7A9A2D9C-6f0c-4b84-9c0a-2f8f6a7a1d3e"},
        {ID, "1"},
        {"acme", "../acme"},
        {"acme", ""},
        {"acme", "\xc3\xa9"},
        {HASH, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV"},
        {HASH, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"},
        {HASH, "AAAA"},
        {"\"t\":", "\"T\":"},
        {"\"k\":", "\"s\":"},
        {"\"acme\"", "null"},
        {"\"acme\"", "1"},
        {"\"acme\"", "[\"acme\"]"},
        {"\"acme\"", "\"ac\\u006de\""},
        {"\"acme\"", "'acme'"},
        {"\"acme\",", "\"acme\",,"},
        {"\"acme\",", "\"acme\" "},
        {"{", ""},
        {"{", "{,"},
        {"{", "["},
        {"\"}", "\""},
        {"\"}", "\",}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!ok(with(rows[i][0], rows[i][1]) == SFT_EFORMAT, "T3 not a token"))
            printf("#   %s for %s\n", rows[i][1], rows[i][0]);
    is_int(with("\"}", "\"}x"), SFT_ETRAILING, "T3 more after it");
}

static void
test_text(void)
{
    struct token t;
    char b64[2048], big[8192];
    ok(b64_encode(b64, sizeof(b64), GOOD, strlen(GOOD)) == 0, "base64");
    size_t len = strlen(b64), refused = 0;
    for (size_t n = 0; n < len; n++)
        refused += token_parse(&t, b64, n) != 0;
    is_int(refused, len, "T3 every truncation is refused");
    is_int(token_parse(&t, "!", 1), SFT_EBASE64, "not base64");
    is_int(token_parse(&t, "", 0), SFT_EFORMAT, "nothing");
    is_int(token_parse(&t, "bnVsbA==", 8), SFT_EFORMAT, "null");
    is_int(token_parse(&t, "eyJzIjoiYQBiIn0=", 16), SFT_EFORMAT, "a NUL inside");
    memset(big, 'A', sizeof(big));
    is_int(token_parse(&t, big, sizeof(big)), SFT_ETOOLONG, "too long");
}

/* The proof, as another program computes it. */
static void
test_mac(void)
{
    struct token t;
    struct key *key = NULL;
    struct sshkey pub, other;
    char text[SSHKEY_TEXT_MAX], mac[45], want[64], again[45];
    is_int(parse(GOOD, &t), 0, "a token");
    ok(key_generate(KEY_ECDSA_P256, &key) == 0 && key_public(key, &pub) == 0 &&
           sshkey_to_text(&pub, text, sizeof(text)) == 0,
       "a key");
    is_int(token_mac(&t, ID, &pub, mac), 0, "a proof");
    tmp_must("printf 'sft1 enroll\\n" ID "\\n%%s' '%s' | openssl dgst -sha256 -hmac '" SECRET
             "' -binary | base64 >mac",
             text);
    tmp_line("mac", want, sizeof(want));
    is_str(mac, want, "is the HMAC of docs/wire.md 4");
    is_int(token_mac(&t, "8a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e", &pub, again), 0, "for another id");
    ok(!mem_equal(mac, again, 44), "another proof");
    key_free(key);
    ok(key_generate(KEY_ECDSA_P256, &key) == 0 && key_public(key, &other) == 0 &&
           token_mac(&t, ID, &other, again) == 0 && !mem_equal(mac, again, 44),
       "another key, another proof");
    is_int(token_mac(&t, "x\ny", &pub, mac), SFT_ENAME, "an id that is no uuid");
    is_str(mac, "", "gives none");
    key_free(key);
}

static void
test_statement_key(void)
{
    struct token t;
    struct key *key = NULL;
    struct sshkey pub;
    is_int(parse(GOOD, &t), 0, "a token");
    ok(key_generate(KEY_ED25519, &key) == 0 && key_public(key, &pub) == 0, "a key");
    is_int(token_check_key(&t, &pub), SFT_ESIGNATURE, "is not the one in the token");
    ok(digest_name(pub.blob, pub.len, t.statement_hash) == 0 && token_check_key(&t, &pub) == 0,
       "unless its hash is");
    key_free(key);
}

int
main(void)
{
    tmp_enter();
    test_good();
    test_members();
    test_text();
    test_mac();
    test_statement_key();
    return done_testing();
}
