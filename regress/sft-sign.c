/* SPDX-License-Identifier: PostgreSQL */
/*
 * sft-sign.c - signs requests and checks answers by hand, for tests and for curl.
 *
 *   sft-sign headers --key K --keyid client/UUID --authority A --method GET --target /v1/x |
 *       curl -H @- https://A/v1/x
 *
 * A test tool: it links common/ only, so what it accepts is what client and agent accept.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fsx.h"
#include "common/httpsig.h"
#include "common/key.h"
#include "common/krl.h"
#include "common/sshcert.h"
#include "common/text.h"
#include "common/token.h"

#define FILE_MAX (16 << 20)

struct options {
    const char *key, *keyid, *authority, *method, *target, *body, *created, *nonce, *token,
        *subject;
    const char *statement_key, *purpose, *status, *version, *request_signature, *headers, *serial;
    const char *arg; /* what follows the options, up to two words */
    const char *arg2;
};

static _Noreturn void
die(const char *what, int err)
{
    fprintf(stderr, "sft-sign: %s: %s%s%s\n", what, sft_strerror(err),
            err == SFT_ESYSTEM ? ": " : "", err == SFT_ESYSTEM ? strerror(errno) : "");
    exit(1);
}

static void
check(const char *what, int err)
{
    if (err != 0)
        die(what, err);
}

/* The value of an option that must be there. */
static const char *
need(const char *value, const char *name)
{
    if (value == NULL) {
        fprintf(stderr, "sft-sign: --%s is missing\n", name);
        exit(2);
    }
    return value;
}

static char *
read_file(const char *path, size_t *lenp)
{
    char *text = NULL;
    check(path, fsx_read(path, FILE_MAX, &text, lenp));
    return text;
}

/* The file's text without the line end that editors and shells add. */
static char *
read_line(const char *path)
{
    size_t len;
    char *text = read_file(path, &len);
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

static struct key *
read_key(const char *path)
{
    char *der = NULL;
    size_t len;
    struct key *key = NULL;
    check(path, fsx_read_secret(path, KEY_PRIVATE_DER_MAX, &der, &len));
    int err = key_from_der((const uint8_t *)der, len, &key);
    mem_wipe(der, len);
    free(der);
    check(path, err);
    return key;
}

static uint64_t
number(const char *text, const char *name)
{
    uint64_t v;
    check(name, text_u64(text, INT64_MAX, &v));
    return v;
}

static void
print_public(const struct key *key)
{
    struct sshkey pub;
    char text[SSHKEY_TEXT_MAX];
    check("public key", key_public(key, &pub));
    check("public key", sshkey_to_text(&pub, text, sizeof(text)));
    puts(text);
}

static void
public_from_text(const char *what, const char *text, struct sshkey *key)
{
    check(what, sshkey_from_text(key, text, strlen(text)));
}

/* ---- commands ---- */

static int
cmd_keygen(const struct options *o)
{
    enum key_alg alg = strcmp(need(o->arg, "algorithm"), "p256") == 0 ? KEY_ECDSA_P256
                       : strcmp(o->arg, "ed25519") == 0               ? KEY_ED25519
                                                                      : KEY_NONE;
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len;
    struct key *key = NULL;
    check(o->arg, key_generate(alg, &key));
    check(o->arg, key_private_der(key, der, sizeof(der), &len));
    int err = fsx_write(need(o->arg2, "file"), der, len, 0600);
    mem_wipe(der, sizeof(der));
    check(o->arg2, err);
    print_public(key);
    key_free(key);
    return 0;
}

static int
cmd_pub(const struct options *o)
{
    struct key *key = read_key(need(o->arg, "file"));
    print_public(key);
    key_free(key);
    return 0;
}

static int
cmd_headers(const struct options *o)
{
    char nonce[UUID_TEXT_LEN + 1];
    char *body = NULL;
    struct key *key = read_key(need(o->key, "key"));
    struct httpsig_headers h;
    check("nonce", uuid_random(nonce));
    struct httpsig_request req = {
        .method = need(o->method, "method"),
        .authority = need(o->authority, "authority"),
        .target = need(o->target, "target"),
        .created = o->created != NULL ? (int64_t)number(o->created, "created") : time(NULL),
        .nonce = o->nonce != NULL ? o->nonce : nonce,
        .keyid = need(o->keyid, "keyid"),
    };
    if (o->body != NULL)
        req.body = body = read_file(o->body, &req.body_len);
    check("request", httpsig_sign_request(key, &req, &h));
    if (h.content_digest[0] != '\0')
        printf("Content-Digest: %s\n", h.content_digest);
    printf("Signature-Input: %s\nSignature: %s\n", h.signature_input, h.signature);
    free(body);
    key_free(key);
    return 0;
}

static int
cmd_mac(const struct options *o)
{
    struct token token;
    struct sshkey pub;
    char mac[64];
    struct key *key = read_key(need(o->key, "key"));
    char *text = read_line(need(o->token, "token"));
    check(o->token, token_parse(&token, text, strlen(text)));
    check(o->key, key_public(key, &pub));
    check("mac", token_mac(&token, need(o->subject, "subject"), &pub, mac));
    printf("%s\n", mac);
    token_wipe(&token);
    mem_wipe(text, strlen(text));
    free(text);
    key_free(key);
    return 0;
}

static int
cmd_token(const struct options *o)
{
    struct token token;
    char *text = read_line(need(o->arg, "file"));
    check(o->arg, token_parse(&token, text, strlen(text)));
    printf("id=%s\nteam=%s\nurl=%s\nstatement=%s\n", token.id, token.team, token.url,
           token.statement_hash);
    token_wipe(&token);
    free(text);
    return 0;
}

/* The value of a header in what curl -D wrote, or NULL; the last answer wins. Caller frees. */
static char *
header(const char *text, const char *name)
{
    char *value = NULL;
    size_t len = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *start = line + len + 1 + strspn(line + len + 1, " \t");
            free(value);
            value = strndup(start, strcspn(start, "\r\n"));
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return value;
}

static int
cmd_verify(const struct options *o)
{
    struct sshkey key;
    int64_t created = 0;
    size_t len;
    public_from_text("statement key", need(o->statement_key, "statement-key"), &key);
    char *headers = read_file(need(o->headers, "headers"), &len);
    char *version = header(headers, "sft-version"), *digest = header(headers, "content-digest");
    char *input = header(headers, "signature-input"), *signature = header(headers, "signature");
    struct httpsig_statement st = {
        .purpose = need(o->purpose, "purpose"),
        .status = (unsigned)number(need(o->status, "status"), "status"),
        .target = need(o->target, "target"),
        .request_signature = o->request_signature,
        .version = o->version != NULL ? o->version : version,
        .content_digest = digest,
        .signature_input = input,
        .signature = signature,
    };
    char *body = read_file(need(o->body, "body"), &st.body_len);
    st.body = body;
    check("statement", httpsig_verify_statement(&key, &st, &created));
    printf("good version=%s created=%" PRId64 "\n", st.version, created);
    free(headers);
    free(version);
    free(digest);
    free(input);
    free(signature);
    free(body);
    return 0;
}

static void
print_options(const char *kind, const struct sshcert_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s=%s %.*s\n", kind, options[i].name, (int)options[i].len,
               options[i].len > 0 ? (const char *)options[i].data : "");
}

/* sft-sign certcheck FILE [--authority KEYLINE]: reads a certificate as the client would. */
static int
cmd_certcheck(const struct options *o)
{
    static struct sshcert cert;
    static uint8_t blob[SSHCERT_BLOB_MAX];
    struct sshkey authority;
    char after[24], before[24], fingerprint[SSHKEY_FINGERPRINT_MAX];
    char *line = read_line(need(o->arg, "file"));
    check(o->arg, sshcert_from_text(&cert, blob, line, strlen(line)));
    if (o->authority != NULL) {
        public_from_text("authority", o->authority, &authority);
        check("authority", sshkey_equal(&authority, &cert.signer) ? 0 : SFT_ESIGNATURE);
    }
    check("key", sshkey_fingerprint(&cert.key, fingerprint));
    time_format((int64_t)cert.valid_after, after);
    time_format((int64_t)cert.valid_before, before);
    printf("type=%s\nserial=%" PRIu64 "\nkey_id=%s\nkey=%s\nvalid_after=%s\nvalid_before=%s\n",
           cert.type == SSHCERT_USER ? "user" : "host", cert.serial, cert.key_id, fingerprint,
           after, before);
    for (size_t i = 0; i < cert.principals_n; i++)
        printf("principal=%s\n", cert.principals[i]);
    print_options("critical", cert.critical, cert.critical_n);
    print_options("extension", cert.extensions, cert.extensions_n);
    free(line);
    return 0;
}

/* sft-sign krlcheck FILE --authority KEYLINE --serial N: exit 0 if revoked, 3 if not. */
static int
cmd_krlcheck(const struct options *o)
{
    struct sshkey authority;
    uint64_t version;
    size_t len;
    bool revoked = false;
    char *krl = read_file(need(o->arg, "file"), &len);
    check(o->arg, krl_check((const uint8_t *)krl, len, &version));
    public_from_text("authority", need(o->authority, "authority"), &authority);
    check("krl", krl_revokes((const uint8_t *)krl, len, &authority,
                             number(need(o->serial, "serial"), "serial"), &revoked));
    printf("version=%" PRIu64 " %s\n", version, revoked ? "revoked" : "not revoked");
    free(krl);
    return revoked ? 0 : 3;
}

/* ---- command line ---- */

static const struct command {
    const char *name;
    int (*run)(const struct options *o);
    const char *usage;
} commands[] = {
    {"keygen", cmd_keygen, "keygen p256|ed25519 FILE"},
    {"pub", cmd_pub, "pub FILE"},
    {"headers", cmd_headers,
     "headers --key FILE --keyid client/UUID --authority A --method M --target T [--body FILE] "
     "[--created N] [--nonce UUID]"},
    {"mac", cmd_mac, "mac --token FILE --subject UUID --key FILE"},
    {"token", cmd_token, "token FILE"},
    {"verify", cmd_verify,
     "verify --statement-key \"ssh-ed25519 ...\" --purpose P --status N --target T [--version V] "
     "[--request-signature S] --body FILE --headers FILE"},
    {"certcheck", cmd_certcheck, "certcheck FILE [--authority \"ssh-ed25519 ...\"]"},
    {"krlcheck", cmd_krlcheck, "krlcheck FILE --authority \"ssh-ed25519 ...\" --serial N"},
};
#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

static _Noreturn void
usage(void)
{
    for (size_t i = 0; i < COMMANDS_N; i++)
        fprintf(stderr, "%s sft-sign %s\n", i == 0 ? "usage:" : "      ", commands[i].usage);
    exit(2);
}

static void
read_options(struct options *o, int argc, char **argv)
{
    const struct {
        const char *name, **place;
    } known[] = {
        {"key", &o->key},
        {"keyid", &o->keyid},
        {"authority", &o->authority},
        {"method", &o->method},
        {"target", &o->target},
        {"body", &o->body},
        {"created", &o->created},
        {"nonce", &o->nonce},
        {"token", &o->token},
        {"subject", &o->subject},
        {"statement-key", &o->statement_key},
        {"purpose", &o->purpose},
        {"status", &o->status},
        {"version", &o->version},
        {"request-signature", &o->request_signature},
        {"headers", &o->headers},
        {"serial", &o->serial},
    };
    struct option table[sizeof(known) / sizeof(known[0]) + 1] = {0};
    int at, c;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        table[i] = (struct option){.name = known[i].name, .has_arg = required_argument};
    while ((c = getopt_long(argc, argv, "", table, &at)) == 0)
        *known[at].place = optarg;
    if (c != -1 || argc - optind > 2)
        usage();
    o->arg = argc > optind ? argv[optind] : NULL;
    o->arg2 = argc > optind + 1 ? argv[optind + 1] : NULL;
}

int
main(int argc, char **argv)
{
    struct options o = {0};
    if (argc < 2)
        usage();
    read_options(&o, argc - 1, argv + 1);
    for (size_t i = 0; i < COMMANDS_N; i++)
        if (strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(&o);
    usage();
}
