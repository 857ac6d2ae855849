/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshcert.c - certificates that ssh-keygen signs are read right; damaged or too wide ones are
 * refused.
 */
#include <string.h>

#include "common/sshcert.h"
#include "common/tap.h"
#include "common/text.h"
#include "mkcert.h"
#include "tmp.h"

static struct sshcert cert; /* 20 KB: not for the stack */
static uint8_t blob[SSHCERT_BLOB_MAX];
static struct key *ca;
static struct sshkey ca_pub, subject;

static void
make_keys(void)
{
    char line[512];
    ok(key_generate(KEY_ED25519, &ca) == 0 && key_public(ca, &ca_pub) == 0, "an authority");
    tmp_must("ssh-keygen -q -t ed25519 -N '' -C '' -f subject");
    tmp_line("subject.pub", line, sizeof(line));
    line[strcspn(line, " ") + 1 + 68] = '\0';
    is_int(sshkey_from_text(&subject, line, strlen(line)), 0, "a subject");
}

static int
parse_line(const char *name)
{
    char line[SSHCERT_BLOB_MAX];
    size_t len = tmp_line(name, line, sizeof(line));
    return sshcert_from_text(&cert, blob, line, len);
}

/* ---- what ssh-keygen signs ---- */

static void
test_every_authority(void)
{
    static const char *const rows[][3] = {
        {"-t ed25519", "", "-t ed25519"},
        {"-t ecdsa -b 256", "", "-t ecdsa -b 256"},
        {"-t ecdsa -b 384", "", "-t ecdsa -b 384"},
        {"-t ecdsa -b 521", "", "-t ecdsa -b 521"},
        {"-t rsa -b 2048", "-t rsa-sha2-512", "-t rsa -b 2048"},
        {"-t rsa -b 3072", "-t rsa-sha2-256", "-t ed25519"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[4096], text[SSHKEY_TEXT_MAX];
        tmp_must(
            "rm -f ca* u*; ssh-keygen -q %s -N '' -C '' -f ca; ssh-keygen -q %s -N '' -C '' -f u; "
            "ssh-keygen -q -s ca %s -I sft1:acme:prod:alice:r -n alice,bob -z 1234567890123 "
            "-V 20260101000000Z:20260101000500Z -O clear -O permit-pty u.pub",
            rows[i][0], rows[i][2], rows[i][1]);
        is_int(parse_line("u-cert.pub"), 0, rows[i][0]);
        ok(cert.serial == 1234567890123 && cert.type == SSHCERT_USER &&
               !strcmp(cert.key_id, "sft1:acme:prod:alice:r"),
           "serial, type, key id");
        ok(cert.principals_n == 2 && !strcmp(cert.principals[0], "alice") &&
               !strcmp(cert.principals[1], "bob"),
           "principals");
        ok(cert.valid_before - cert.valid_after == 300 && cert.critical_n == 0 &&
               cert.extensions_n == 1 && !strcmp(cert.extensions[0].name, "permit-pty"),
           "validity, options");
        tmp_line("u.pub", line, sizeof(line));
        ok(sshkey_to_text(&cert.key, text, sizeof(text)) == 0 && !strncmp(text, line, strlen(text)),
           "the subject's key");
        tmp_line("ca.pub", line, sizeof(line));
        ok(sshkey_to_text(&cert.signer, text, sizeof(text)) == 0 &&
               !strncmp(text, line, strlen(text)),
           "the authority's key");
    }
}

static void
test_host_and_options(void)
{
    tmp_must(
        "rm -f ca* u*; ssh-keygen -q -t ed25519 -N '' -f ca; ssh-keygen -q -t ed25519 -N '' -f u; "
        "ssh-keygen -q -s ca -h -I sft1:acme:prod:web01:r -z 9 -V +1h "
        "-n 7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e,web01.example.com,10.0.0.1 u.pub");
    is_int(parse_line("u-cert.pub"), 0, "a host certificate");
    ok(cert.type == SSHCERT_HOST && cert.principals_n == 3 && cert.extensions_n == 0, "is one");
    tmp_must("ssh-keygen -q -s ca -I sft1:a -z 9 -V +1h -n alice -O force-command='echo \"x\"' "
             "-O source-address=10.0.0.0/8,::1/128 -O extension:project@sft=prod u.pub");
    is_int(parse_line("u-cert.pub"), 0, "options with values");
    ok(cert.critical_n == 2 && !strcmp(cert.critical[0].name, "force-command") &&
           cert.critical[0].len == 8 && !memcmp(cert.critical[0].data, "echo \"x\"", 8),
       "force-command unwrapped");
    ok(!strcmp(cert.critical[1].name, "source-address") &&
           !memcmp(cert.critical[1].data, "10.0.0.0/8,::1/128", cert.critical[1].len),
       "source-address unwrapped");
    ok(!strcmp(cert.extensions[cert.extensions_n - 1].name, "project@sft") &&
           cert.extensions[cert.extensions_n - 1].len == 4,
       "an extension of ours");
    tmp_must("ssh-keygen -q -s ca -I sft1:a -z 9 -V +1h -n alice -O verify-required u.pub");
    is_int(parse_line("u-cert.pub"), 0, "verify-required");
}

/* What ssh-keygen signs without a murmur, and we do not take. */
static void
test_too_wide(void)
{
    static const struct {
        const char *args, *what;
        int err;
    } rows[] = {
        {"-I sft1:a -z 9 -V +1h", "P1 no principals", SFT_EPRINCIPAL},
        {"-I sft1:a -z 9 -V +1h -n 'a*'", "P6 a pattern", SFT_EPRINCIPAL},
        {"-I sft1:a -z 9 -V +1h -n Alice", "P10 upper case", SFT_EPRINCIPAL},
        {"-I sft1:a -z 9 -V +1h -n 'x y'", "P11 a space", SFT_EPRINCIPAL},
        {"-h -I sft1:a -z 9 -V +1h -n '*.example.com'", "C15 a pattern of hosts", SFT_EPRINCIPAL},
        {"-I sft1:a -z 9 -n alice", "C5 forever", SFT_EVALIDITY},
        {"-I sft1:a -V +1h -n alice", "C8 serial 0", SFT_ESERIAL},
        {"-I sft1:a -V +1h -n alice -z 9223372036854775808", "C8 serial 2^63", SFT_ESERIAL},
        {"-I other -z 9 -V +1h -n alice", "C9 key id", SFT_EKEYID},
        {"-I 'sft1:a\" (serial 9) CA' -z 9 -V +1h -n alice", "C9 key id with a tail", SFT_EKEYID},
        {"-I sft1:a -z 9 -V +1h -n alice -O critical:x@y=z", "C10 unknown", SFT_EOPTION},
    };
    tmp_must(
        "rm -f ca* u*; ssh-keygen -q -t ed25519 -N '' -f ca; ssh-keygen -q -t ed25519 -N '' -f u");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tmp_must("ssh-keygen -q -s ca %s u.pub", rows[i].args);
        is_int(parse_line("u-cert.pub"), rows[i].err, rows[i].what);
        ok(cert.serial == 0 && cert.principals_n == 0, "and nothing is left of it");
    }
}

/* C20: ssh-keygen still signs with SHA-1 when asked to. */
static void
test_sha1(void)
{
    tmp_must("rm -f ca* u*; ssh-keygen -q -t rsa -b 2048 -N '' -f ca; ssh-keygen -q -t ed25519 -N "
             "'' -f u;"
             "ssh-keygen -q -s ca -t ssh-rsa -I sft1:a -z 9 -V +1h -n alice u.pub");
    is_int(parse_line("u-cert.pub"), SFT_EKEYTYPE, "C20 an RSA signature with SHA-1");
}

/* ---- certificates made by hand ---- */

static size_t
make(const struct recipe *r)
{
    struct sbuf b;
    sb_writer(&b, blob, sizeof(blob));
    mkcert(&b, r);
    if (sb_err(&b) != 0)
        printf("Bail out! a certificate that cannot be made\n");
    return b.len;
}

static void
refused(const struct recipe *r, int err, const char *what)
{
    size_t len = make(r);
    is_int(sshcert_parse(&cert, blob, len), err, what);
}

static void
test_made_by_hand(void)
{
    struct recipe r = recipe(ca, &subject);
    struct key *p256 = NULL;
    char b64[SSHCERT_BLOB_MAX], line[SSHCERT_BLOB_MAX + 64];
    size_t len = make(&r);
    is_int(sshcert_parse(&cert, blob, len), 0, "a certificate by hand");
    ok(sshkey_equal(&cert.signer, &ca_pub) && sshkey_equal(&cert.key, &subject), "its keys");
    ok(b64_encode(b64, sizeof(b64), blob, len) == 0, "its text");
    snprintf(line, sizeof(line), "ssh-ed25519-cert-v01@openssh.com %s", b64);
    tmp_write("hand-cert.pub", line, strlen(line));
    is_int(tmp_run("ssh-keygen -Lf hand-cert.pub | grep -q 'Serial: 77'"), 0,
           "ssh-keygen reads it");
    is_int(sshcert_from_text(&cert, blob, line, strlen(line)), 0, "so do we");
    is_int(sshcert_from_text(&cert, blob, line + 4, strlen(line) - 4), SFT_EKEYMISMATCH,
           "K5 its type");
    strcat(line, "\n");
    is_int(sshcert_from_text(&cert, blob, line, strlen(line)), SFT_ETRAILING, "a line end");
    is_int(sshcert_from_text(&cert, blob, "x", 1), SFT_EFORMAT, "one word");
    is_int(sshcert_from_text(&cert, blob, "x y", 3), SFT_EBASE64, "two words");
    ok(key_generate(KEY_ECDSA_P256, &p256) == 0, "a P-256 authority");
    r.ca = p256;
    refused(&r, 0, "signs by hand, too");
    key_free(p256);
}

static void
test_principals(void)
{
    static char many[66 * 5], big[70000] = "\0\1\0\0";
    static const struct {
        const char *what, *wire;
        size_t len;
        int err;
    } rows[] = {
        {"P1 none", WIRE(""), SFT_EPRINCIPAL},
        {"P2 empty", WIRE("\0\0\0\0"), SFT_EPRINCIPAL},
        {"P2 one of two empty", WIRE("\0\0\0\5alice\0\0\0\0"), SFT_EPRINCIPAL},
        {"P3 a list in one", WIRE("\0\0\0\013deploy,root"), SFT_EPRINCIPAL},
        {"P4 newline", WIRE("\0\0\0\6x\nroot"), SFT_EPRINCIPAL},
        {"P4 escape", WIRE("\0\0\0\2x\033"), SFT_EPRINCIPAL},
        {"P5 NUL", WIRE("\0\0\0\6root\0x"), SFT_EFORMAT},
        {"P8 not ASCII", WIRE("\0\0\0\2\xc3\xa9"), SFT_EPRINCIPAL},
        {"a length that lies", WIRE("\0\0\0\6alice"), SFT_EFORMAT},
        {"K3 a huge length", WIRE("\377\377\377\377alice"), SFT_EFORMAT},
        {"two", WIRE("\0\0\0\5alice\0\0\0\3bob"), 0},
        {"one server only", WIRE("\0\0\0\0527a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e:alice"), 0},
    };
    struct recipe r = recipe(ca, &subject);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r.principals = rows[i].wire;
        r.principals_len = rows[i].len;
        refused(&r, rows[i].err, rows[i].what);
    }
    for (size_t i = 0; i < sizeof(many); i += 5)
        memcpy(many + i, "\0\0\0\1a", 5);
    r.principals = many;
    r.principals_len = 64 * 5;
    refused(&r, 0, "P9 64 principals");
    r.principals_len = 65 * 5;
    refused(&r, SFT_ETOOLONG, "P9 65 principals");
    memset(big + 4, 'a', sizeof(big) - 4);
    memcpy(big, "\0\0\x20\0", 4);
    r.principals = big;
    r.principals_len = 4 + 8192;
    refused(&r, SFT_EPRINCIPAL, "P9 one of 8 KiB");
}

static void
test_values(void)
{
    struct recipe usual = recipe(ca, &subject), r;
#define WITH(what, err, ...) (r = usual, __VA_ARGS__, refused(&r, err, what))
    WITH("C5 reversed", SFT_EVALIDITY, r.after = r.before + 1);
    WITH("C5 empty", SFT_EVALIDITY, r.after = r.before);
    WITH("C5 both 0", SFT_EVALIDITY, r.after = r.before = 0);
    WITH("C5 forever", SFT_EVALIDITY, r.before = UINT64_MAX);
    WITH("a second of 1970", 0, (r.after = 1, r.before = 2));
    WITH("C8 serial 0", SFT_ESERIAL, r.serial = 0);
    WITH("C8 serial 2^64-1", SFT_ESERIAL, r.serial = UINT64_MAX);
    WITH("C8 serial 2^63-1", 0, r.serial = INT64_MAX);
    WITH("C14 type 0", SFT_EFORMAT, r.type = 0);
    WITH("C14 type 3", SFT_EFORMAT, r.type = 3);
    WITH("C9 no key id", SFT_EKEYID, r.key_id_len = 0);
    WITH("C9 a newline", SFT_EKEYID, (r.key_id = "sft1:a\nb", r.key_id_len = 8));
    WITH("C9 NUL", SFT_EFORMAT, (r.key_id = "sft1:a\0b", r.key_id_len = 8));
    WITH("reserved bytes", SFT_EFORMAT, (r.reserved = "x", r.reserved_len = 1));
    WITH("C19 a certificate as authority", SFT_EKEYCERT,
         (r.signer = "\0\0\0\040ssh-ed25519-cert-v01@openssh.com", r.signer_len = 36));
    WITH("C19 nothing as authority", SFT_EFORMAT, (r.signer = "", r.signer_len = 0));
    WITH("C16 another authority", SFT_ESIGNATURE,
         (r.signer = subject.blob, r.signer_len = subject.len));
    WITH("C16 the signature's type", SFT_EKEYTYPE, r.sig_name = "ecdsa-sha2-nistp256");
    WITH("K11 not a certificate's name", SFT_EKEYTYPE, r.name = "ssh-ed25519");
    WITH("K5 another type's name", SFT_EKEYTYPE, r.name = "sk-ssh-ed25519-cert-v01@openssh.com");
    (void)usual;
}

static void
test_options(void)
{
    static const struct {
        const char *what, *wire;
        size_t len;
        int critical, err;
    } rows[] = {
        {"C10 unknown critical", WIRE("\0\0\0\1x\0\0\0\0"), 1, SFT_EOPTION},
        {"C10 empty source-address", WIRE("\0\0\0\016source-address\0\0\0\0"), 1, SFT_EOPTION},
        {"C10 empty force-command", WIRE("\0\0\0\015force-command\0\0\0\4\0\0\0\0"), 1,
         SFT_EOPTION},
        {"C10 twice",
         WIRE("\0\0\0\015force-command\0\0\0\5\0\0\0\1a\0\0\0\015force-command\0\0\0\5\0\0\0\1b"),
         1, SFT_EOPTION},
        {"C10 out of order",
         WIRE("\0\0\0\017verify-required\0\0\0\0\0\0\0\015force-command\0\0\0\5\0\0\0\1b"), 1,
         SFT_EOPTION},
        {"C10 a value not wrapped", WIRE("\0\0\0\015force-command\0\0\0\1a"), 1, SFT_EOPTION},
        {"C10 bytes after the value", WIRE("\0\0\0\015force-command\0\0\0\6\0\0\0\1ab"), 1,
         SFT_EOPTION},
        {"C11 NUL in a command", WIRE("\0\0\0\015force-command\0\0\0\7\0\0\0\3a\0b"), 1,
         SFT_EOPTION},
        {"C11 newline in a command", WIRE("\0\0\0\015force-command\0\0\0\7\0\0\0\3a\nb"), 1,
         SFT_EOPTION},
        {"C12 an extension as critical", WIRE("\0\0\0\012permit-pty\0\0\0\0"), 1, SFT_EOPTION},
        {"a flag with a value", WIRE("\0\0\0\012permit-pty\0\0\0\5\0\0\0\1a"), 0, SFT_EOPTION},
        {"no name", WIRE("\0\0\0\0\0\0\0\0"), 0, SFT_EOPTION},
        {"NUL in a name", WIRE("\0\0\0\3a\0b\0\0\0\0"), 0, SFT_EFORMAT},
        {"a name of one letter and no data", WIRE("\0\0\0\1x"), 0, SFT_EFORMAT},
        {"twice the same extension", WIRE("\0\0\0\1x\0\0\0\0\0\0\0\1x\0\0\0\0"), 0, SFT_EOPTION},
        {"an unknown extension", WIRE("\0\0\0\3x@y\0\0\0\5\0\0\0\1a"), 0, 0},
        {"none", WIRE(""), 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recipe r = recipe(ca, &subject);
        if (rows[i].critical) {
            r.critical = rows[i].wire;
            r.critical_len = rows[i].len;
        } else {
            r.extensions = rows[i].wire;
            r.extensions_len = rows[i].len;
        }
        refused(&r, rows[i].err, rows[i].what);
    }
    struct recipe host = recipe(ca, &subject);
    host.type = SSHCERT_HOST;
    host.critical = "\0\0\0\015force-command\0\0\0\5\0\0\0\1a";
    host.critical_len = 26;
    refused(&host, SFT_EOPTION, "a critical option of a host");
}

/* C16: whatever single bit is flipped, the certificate is refused. K2: so is every truncation. */
static void
test_damage(void)
{
    struct recipe r = recipe(ca, &subject);
    size_t len = make(&r), refusals = 0, cuts = 0;
    static uint8_t copy[SSHCERT_BLOB_MAX];
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(copy, blob, len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refusals += sshcert_parse(&cert, copy, len) != 0;
    }
    is_int(refusals, len * 8, "C16 every flipped bit is refused");
    for (size_t n = 0; n < len; n++)
        cuts += sshcert_parse(&cert, blob, n) != 0;
    is_int(cuts, len, "K2 every truncation is refused");
    blob[len] = 0;
    is_int(sshcert_parse(&cert, blob, len + 1), SFT_ETRAILING, "K4 a byte more");
    is_int(sshcert_parse(&cert, blob, SSHCERT_BLOB_MAX + 1), SFT_ETOOLONG, "K17 too long");
}

/* C16: the signature of one certificate under another. */
static void
test_swapped_signature(void)
{
    struct recipe r = recipe(ca, &subject);
    static uint8_t first[SSHCERT_BLOB_MAX];
    size_t len = make(&r);
    memcpy(first, blob, len);
    r.serial++;
    ok(make(&r) == len, "two certificates");
    memcpy(blob + len - 64, first + len - 64, 64);
    is_int(sshcert_parse(&cert, blob, len), SFT_ESIGNATURE, "C16 the signature of the other");
}

int
main(void)
{
    tmp_enter();
    make_keys();
    test_every_authority();
    test_host_and_options();
    test_too_wide();
    test_sha1();
    test_made_by_hand();
    test_principals();
    test_values();
    test_options();
    test_damage();
    test_swapped_signature();
    key_free(ca);
    return done_testing();
}
