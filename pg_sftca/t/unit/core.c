/* SPDX-License-Identifier: PostgreSQL */
/*
 * core.c - the pure part of the vault: sealing, serials, options, DER, and certificates byte for
 * byte as ssh-keygen makes them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/sbuf.h"
#include "common/sshcert.h"
#include "common/tap.h"
#include "common/text.h"
#include "core/crlwrite.h"
#include "core/der.h"
#include "core/option.h"
#include "core/password.h"
#include "core/secret.h"
#include "core/serial.h"
#include "core/sshwrite.h"
#include "core/wrap.h"
#include "core/x509read.h"
#include "core/x509write.h"

static char folder[] = "/tmp/sftca-core-XXXXXX";

/* ---- serials ---- */

static void
test_serial(void)
{
    uint64_t s;
    is_int(serial_make(SERIAL_EPOCH_MS + 1, 0, &s), SFT_OK, "C8 the first serial");
    is_int(s, 1 << 22, "  is one millisecond");
    is_int(serial_make(SERIAL_EPOCH_MS, 7, &s), SFT_ESERIAL, "C8 serial 0 cannot come out");
    is_int(serial_make(SERIAL_EPOCH_MS - 1, 7, &s), SFT_ESERIAL, "C8 a clock before 2020");
    is_int(serial_make(INT64_MAX, 7, &s), SFT_ESERIAL, "C8 a clock past the end");
    is_int(serial_make(SERIAL_EPOCH_MS + (INT64_C(1) << 41) - 1, UINT32_MAX, &s), SFT_OK,
           "the last");
    is_int(s, INT64_MAX, "  is positive in 64 bits");
    is_int(serial_unix_ms(s), SERIAL_EPOCH_MS + (INT64_C(1) << 41) - 1, "  and tells its time");
}

/* ---- sealing ---- */

static const uint8_t kek[32] = {1, 2, 3}, nonce[12] = {9}, authority[16] = {4}, other[16] = {5};
static const struct wrap_owner owner = {authority, 1, "ed25519", "ssh_user"};

static int
opens(const uint8_t *k, const struct wrap_owner *o, const uint8_t *sealed, size_t len)
{
    uint8_t out[64];
    size_t n;
    int r = wrap_open(k, o, sealed, len, out, sizeof out, &n);
    return r == SFT_OK ? (n == 6 && memcmp(out, "secret", 6) == 0 ? 0 : 1) : r;
}

static void
test_wrap(void)
{
    uint8_t sealed[6 + WRAP_OVERHEAD], bad_kek[32] = {1, 2, 4}, check[8], bad_check[8];
    const struct wrap_owner moved[] = {{other, 1, "ed25519", "ssh_user"},
                                       {authority, 2, "ed25519", "ssh_user"},
                                       {authority, 1, "ecdsa-p256", "ssh_user"},
                                       {authority, 1, "ed25519", "ssh_host"}};
    int flipped = 0;

    is_int(wrap_seal(kek, &owner, nonce, "secret", 6, sealed), SFT_OK, "seal");
    is_int(opens(kek, &owner, sealed, sizeof sealed), SFT_OK, "open");
    ok(memmem(sealed, sizeof sealed, "secret", 6) == NULL, "the plain text is not in it");
    is_int(opens(bad_kek, &owner, sealed, sizeof sealed), SFT_ECRYPTO, "E1 another KEK");
    for (size_t i = 0; i < 4; i++)
        is_int(opens(kek, &moved[i], sealed, sizeof sealed), SFT_ECRYPTO,
               "E2 moved to another owner");
    for (size_t i = 0; i < sizeof sealed * 8; i++) {
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        flipped += opens(kek, &owner, sealed, sizeof sealed) < 0;
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    is_int(flipped, sizeof sealed * 8, "E2 every flipped bit is noticed");
    for (size_t i = 0; i < sizeof sealed; i++)
        flipped -= opens(kek, &owner, sealed, i) < 0;
    is_int(flipped, sizeof sealed * 7, "E2 every truncation is noticed");
    ok(wrap_check(kek, check) == 0 && wrap_check(bad_kek, bad_check) == 0 &&
           memcmp(check, bad_check, 8) != 0,
       "check values tell KEKs apart");
}

/* ---- options ---- */

static void
test_options(void)
{
    static const char *const good[] = {"10.0.0.0/8", "192.0.2.1/32,2001:db8::/32", "::1/128"};
    static const char *const bad[] = {"",
                                      "0.0.0.0/0",
                                      "::/0",
                                      "10.1.2.3/8",
                                      "10.0.0.0",
                                      "10.0.0.0/33",
                                      "10.0.0.0/08",
                                      "10.0.0.0/-1",
                                      "::ffff:10.0.0.1/128",
                                      "2001:0db8::/32",
                                      "10.0.0.0/8,",
                                      ",10.0.0.0/8",
                                      "10.0.0.0/8,,10.0.0.0/8",
                                      "10.0.0.0/8 ",
                                      "garbage",
                                      "!10.0.0.0/8",
                                      "010.0.0.0/8"};
    char many[2000] = "";
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ok(option_is_critical("source-address", good[i], false), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ok(!option_is_critical("source-address", bad[i], false), "C10 a bad source-address");
    for (int i = 0; i < 33; i++)
        strcat(many, i ? ",10.0.0.0/8" : "10.0.0.0/8");
    ok(!option_is_critical("source-address", many, false), "C10 33 networks");
    ok(option_is_critical("force-command", "/usr/bin/true -x", false), "force-command");
    ok(!option_is_critical("force-command", "", false), "C11 an empty command");
    ok(!option_is_critical("force-command", "a\nb", false), "C11 a newline in it");
    ok(!option_is_critical("verify-required", "", false), "C13 verify-required on a plain key");
    ok(option_is_critical("verify-required", "", true), "verify-required on a security key");
    ok(!option_is_critical("permit-pty", "", false), "an extension is not critical");
    ok(option_is_extension("permit-pty", ""), "permit-pty");
    ok(!option_is_extension("permit-pty", "x"), "a flag has no value");
    ok(!option_is_extension("no-touch-required", ""), "C13 no-touch-required");
    ok(!option_is_extension("force-command", "x"), "a critical option is no extension");
    ok(option_is_extension("project@sft", "prod"), "our own words");
    ok(!option_is_extension("project@sft", ""), "  need a value");
    ok(!option_is_extension("project@sft", "a\nb"), "  of one line");
    ok(option_is_extension("project@example.com", "x"), "somebody's word");
    ok(option_is_extension("x.Y-1@a-b.example", ""), "  which may be a flag");
    ok(!option_is_extension("touch@openssh.com", ""), "  but not OpenSSH's");
    ok(!option_is_extension("@sft", "x"), "  and a name");
    ok(!option_is_extension("a@sft@sft", "x"), "  and one name");
}

/* ---- DER ---- */

static void
test_der(void)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 4000};
    static const size_t heads[] = {2, 2, 2, 3, 3, 4, 4};
    uint8_t mem[5000], content[4000] = {0};
    struct sbuf b;
    for (size_t i = 0; i < 7; i++) {
        sb_writer(&b, mem, sizeof mem);
        der_element(&b, DER_OCTETS, content, sizes[i]);
        is_int(b.len, heads[i] + sizes[i], "the shortest form of a length");
    }
    sb_writer(&b, mem, sizeof mem);
    der_u64(&b, 0);
    der_u64(&b, 127);
    der_u64(&b, 128);
    is_mem(mem, "\x02\x01\x00\x02\x01\x7f\x02\x02\x00\x80", 10, "numbers are minimal and positive");
    sb_writer(&b, mem, sizeof mem);
    der_time(&b, 2524607999);
    der_time(&b, 2524608000);
    is_mem(mem,
           "\x17\x0d"
           "491231235959Z"
           "\x18\x0f"
           "20500101000000Z",
           32, "UTCTime until 2049");
    sb_writer(&b, mem, 4);
    der_element(&b, DER_OCTETS, content, 3);
    is_int(sb_err(&b), SFT_ENOSPACE, "too little room");
}

/* ---- SSH certificates, against ssh-keygen ---- */

static int
shell(const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s && TZ=UTC %s", folder, command);
    return system(line);
}

static char *
slurp(const char *name)
{
    char path[128], *text;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (fsx_read(path, 65536, &text, &n) != 0)
        abort();
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void
spit(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (fsx_write(path, text, strlen(text), 0600) != 0)
        abort();
}

static const char *const alice[] = {"alice"};
static const struct sshwrite_option critical[] = {{"force-command", "/bin/true"},
                                                  {"source-address", "10.0.0.0/8"}};
static const struct sshwrite_option extensions[] = {
    {"permit-port-forwarding", ""}, {"permit-pty", ""}, {"project@sft", "prod"}};

static void
fill(struct sshwrite *cert, const struct sshkey *subject, const struct sshkey *signer,
     const uint8_t *chance)
{
    *cert = (struct sshwrite){.type = SSHCERT_USER,
                              .nonce = chance,
                              .subject = subject,
                              .authority = signer,
                              .serial = 4711,
                              .key_id = "sft1:acme:prod:alice:1",
                              .principals = alice,
                              .principals_n = 1,
                              .valid_after = 1767225600,
                              .valid_before = 1767229200,
                              .critical = critical,
                              .critical_n = 2,
                              .extensions = extensions,
                              .extensions_n = 3};
}

static void
compare(enum key_alg alg, const struct key *key, const char *kind)
{
    static struct sshcert theirs;
    static uint8_t blob[SSHCERT_BLOB_MAX], mine[SSHCERT_BLOB_MAX], whole[SSHCERT_BLOB_MAX];
    char command[512];
    struct sshwrite cert;
    struct sshkey signer;
    struct sbuf r, out;
    size_t n;

    snprintf(command, sizeof command,
             "rm -f u u.pub u-cert.pub && ssh-keygen -q -t %s -N '' -f u && ssh-keygen -q -s ca "
             "-I sft1:acme:prod:alice:1 -n alice -z 4711 -V 20260101000000:20260101010000 -O clear "
             "-O permit-pty -O permit-port-forwarding -O extension:project@sft=prod "
             "-O force-command=/bin/true -O source-address=10.0.0.0/8 u.pub",
             kind);
    is_int(shell(command), 0, kind);
    char *text = slurp("u-cert.pub");
    is_int(sshcert_from_text(&theirs, blob, text, strlen(text)), SFT_OK,
           "  ssh-keygen's certificate");
    sb_reader(&r, blob, sizeof blob);
    (void)sb_get_blob(&r, &n);
    const uint8_t *chance = sb_get_blob(&r, &n);
    ok(key_public(key, &signer) == SFT_OK && n == 32, "  its nonce");

    fill(&cert, &theirs.key, &signer, chance);
    sb_writer(&out, mine, sizeof mine);
    sshwrite_tbs(&out, &cert);
    is_int(sb_err(&out), SFT_OK, "  written");
    is_int(out.len, theirs.tbs_len, "  as long");
    is_mem(mine, blob, theirs.tbs_len, "  byte for byte");
    sb_writer(&r, whole, sizeof whole);
    is_int(sshwrite_signed(&r, mine, out.len, key), SFT_OK, "  signed");
    if (alg == KEY_ED25519)
        is_mem(whole, blob, r.len, "  the signature too");
    is_int(sshcert_parse(&theirs, whole, r.len), SFT_OK, "  read and verified");
    free(text);
}

static void
test_ssh(enum key_alg alg)
{
    static const char *const kinds[] = {"ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521",
                                        "rsa -b 2048"};
    struct key *key;
    uint8_t der[KEY_PRIVATE_DER_MAX];
    char base64[B64_LEN(sizeof der) + 1];
    size_t len;
    if (key_generate(alg, &key) != 0 || key_private_der(key, der, sizeof der, &len) != 0 ||
        b64_encode(base64, sizeof base64, der, len) != 0)
        abort();
    spit("ca.der", base64);
    if (alg == KEY_ED25519) { /* ssh-keygen reads it in its own form only */
        char pem[2000];
        if (key_to_openssh(key, "ca", pem, sizeof pem) != 0)
            abort();
        spit("ca", pem);
    } else {
        is_int(shell("base64 -d ca.der | openssl pkey -inform DER >ca"), 0, "an authority");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        compare(alg, key, kinds[i]);
    key_free(key);
}

static int
tbs_err(const struct sshwrite *cert)
{
    static uint8_t mem[SSHCERT_BLOB_MAX];
    struct sbuf out;
    sb_writer(&out, mem, sizeof mem);
    sshwrite_tbs(&out, cert);
    return sb_err(&out);
}

static void
test_ssh_refusals(void)
{
    static const struct sshwrite_option twice[] = {{"permit-pty", ""}, {"permit-pty", ""}};
    static const struct sshwrite_option mixed[] = {{"b", ""}, {"a", ""}};
    static const char *const names[] = {"alice,root", "", "Alice", "root\nx", "*"};
    uint8_t chance[32] = {0};
    struct key *key;
    struct sshkey k;
    struct sshwrite good, bad;
    if (key_generate(KEY_ED25519, &key) != 0 || key_public(key, &k) != 0)
        abort();
    key_free(key);
    fill(&good, &k, &k, chance);
    is_int(tbs_err(&good), SFT_OK, "a good certificate");
#define WITH(field, value, want, what)                                                             \
    bad = good;                                                                                    \
    bad.field = value;                                                                             \
    is_int(tbs_err(&bad), want, what)
    WITH(principals_n, 0, SFT_EPRINCIPAL, "P1 no principal");
    WITH(principals_n, 65, SFT_EPRINCIPAL, "P9 too many principals");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        WITH(principals, &names[i], SFT_EPRINCIPAL, "P2 P3 P4 P6 a bad principal");
    }
    WITH(serial, 0, SFT_ESERIAL, "C8 serial 0");
    WITH(serial, UINT64_C(1) << 63, SFT_ESERIAL, "C8 serial past 63 bits");
    WITH(key_id, "x\ny", SFT_EKEYID, "C9 a newline in the key id");
    WITH(valid_before, good.valid_after, SFT_EVALIDITY, "C5 empty validity");
    WITH(valid_before, UINT64_MAX, SFT_EVALIDITY, "C5 for ever");
    WITH(type, 3, SFT_EFORMAT, "C14 type 3");
    WITH(type, SSHCERT_HOST, SFT_EOPTION, "C14 options on a host");
    bad = good;
    bad.extensions = twice;
    bad.extensions_n = 2;
    is_int(tbs_err(&bad), SFT_EOPTION, "C10 an option twice");
    bad.extensions = mixed;
    is_int(tbs_err(&bad), SFT_EOPTION, "C10 options out of order");
#undef WITH
}

/* ---- X.509, against openssl and our own reader ---- */

static void
pem_to_file(const char *name, const uint8_t *der, size_t len)
{
    char pem[8192];
    is_int(x509write_pem("CERTIFICATE", der, len, pem, sizeof pem), SFT_OK, "  PEM");
    spit(name, pem);
}

static void
sign_to_file(const char *name, struct sbuf *tbs, const struct key *key, uint8_t *der, size_t *lenp)
{
    struct sbuf out;
    is_int(sb_err(tbs), SFT_OK, "  written");
    sb_writer(&out, der, 4096);
    is_int(x509write_signed(&out, tbs->p, tbs->len, key), SFT_OK, "  signed");
    *lenp = out.len;
    pem_to_file(name, der, out.len);
}

static void
check_read(const struct x509write *want, const uint8_t *der, size_t len)
{
    static uint8_t cut[4096];
    struct x509read got;
    int survived = 0;
    is_int(x509read_leaf(&got, der, len), SFT_OK, "  read again");
    ok(got.serial == want->serial && got.valid_after == want->valid_after &&
           got.valid_before == want->valid_before,
       "  serial and validity");
    ok(strcmp(got.common_name, "alice") == 0 && strcmp(got.organization, "acme") == 0 &&
           strcmp(got.organizational_unit, "prod") == 0 && strcmp(got.issuer, "issuer/1") == 0 &&
           got.names_n == 1 && got.names[0].type == ALTNAME_URI && got.names[0].len == 21 &&
           memcmp(got.names[0].data, "sft://acme/prod/alice", 21) == 0,
       "  names");
    ok(sshkey_equal(&got.subject, want->subject) ||
           (got.subject.len == want->subject->len &&
            memcmp(got.subject.blob, want->subject->blob, got.subject.len) == 0),
       "  key");
    for (size_t i = 0; i < len; i++) {
        memcpy(cut, der, i);
        survived += x509read_leaf(&got, cut, i) == SFT_OK;
    }
    is_int(survived, 0, "  no truncation is read");
    for (size_t i = 0; i < len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(cut, der, len);
            cut[i] ^= (uint8_t)(1u << bit);
            survived += x509read_leaf(&got, cut, len) > 0; /* SAN=1 watches it */
        }
    is_int(survived, 0, "  no flipped bit does harm");
    memcpy(cut, der, len);
    cut[len] = 0;
    is_int(x509read_leaf(&got, cut, len + 1), SFT_ETRAILING, "  nothing may follow");
}

static void
test_x509(enum key_alg alg)
{
    static const enum key_alg subjects[] = {KEY_ED25519, KEY_ECDSA_P256, KEY_ECDSA_P384,
                                            KEY_ECDSA_P521, KEY_RSA};
    static uint8_t tbs_mem[4096], der[4096];
    static const struct altname uri = {ALTNAME_URI, 21, (const uint8_t *)"sft://acme/prod/alice"};
    struct key *key, *subject_key;
    struct sshkey signer, subject;
    struct sbuf tbs;
    size_t len;
    if (key_generate(alg, &key) != 0 || key_public(key, &signer) != 0)
        abort();
    struct x509write cert = {.serial = UINT64_C(912719812363048001),
                             .issuer = "issuer/1",
                             .authority = &signer,
                             .valid_after = 1700000000,
                             .valid_before = 2500000000,
                             .subject = &subject,
                             .common_name = "alice",
                             .organization = "acme",
                             .organizational_unit = "prod",
                             .usage = X509_USAGE_CLIENT,
                             .names = &uri,
                             .names_n = 1};
    sb_writer(&tbs, tbs_mem, sizeof tbs_mem);
    x509write_authority_tbs(&tbs, &cert);
    sign_to_file("ca.pem", &tbs, key, der, &len);
    is_int(shell("openssl verify -x509_strict -CAfile ca.pem ca.pem >/dev/null 2>&1"), 0,
           "openssl takes the authority");
    struct x509read none;
    is_int(x509read_leaf(&none, der, len), SFT_EFORMAT, "an authority is no client");
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (key_generate(subjects[i], &subject_key) != 0 || key_public(subject_key, &subject) != 0)
            abort();
        key_free(subject_key);
        sb_writer(&tbs, tbs_mem, sizeof tbs_mem);
        x509write_leaf_tbs(&tbs, &cert);
        sign_to_file("client.pem", &tbs, key, der, &len);
        is_int(shell("openssl verify -x509_strict -purpose sslclient -CAfile ca.pem client.pem "
                     ">/dev/null 2>&1"),
               0, "openssl takes the client");
        is_int(shell("openssl verify -x509_strict -purpose sslserver -CAfile ca.pem client.pem "
                     ">/dev/null 2>&1") != 0,
               1, "  but not as a server");
        check_read(&cert, der, len);
    }
    key_free(key);
}

/* ---- revocation lists ---- */

#define ENTRIES 2000

static int
list_err(const struct crlwrite *crl)
{
    static uint8_t mem[4096];
    struct sbuf out;
    sb_writer(&out, mem, sizeof mem);
    crlwrite_tbs(&out, crl);
    return sb_err(&out);
}

static void
test_crl(enum key_alg alg)
{
    static struct crlwrite_entry entries[ENTRIES];
    static uint8_t tbs_mem[1 << 18], der[1 << 18];
    static const size_t sizes[] = {0, 1, 3, ENTRIES};
    struct key *key;
    struct sshkey signer;
    struct sbuf tbs, out;
    if (key_generate(alg, &key) != 0 || key_public(key, &signer) != 0)
        abort();
    for (size_t i = 0; i < ENTRIES; i++)
        entries[i] = (struct crlwrite_entry){i * i + 1, 1700000000 + (int64_t)i, i % 3 == 1};
    struct crlwrite crl = {"issuer/1", NULL,       &signer,    NULL,    5,
                           7,          1700010000, 1700010001, entries, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        crl.entries_n = sizes[i];
        ok(crlwrite_room(sizes[i]) <= sizeof der, "a list");
        sb_writer(&tbs, tbs_mem, crlwrite_room(sizes[i]));
        crlwrite_tbs(&tbs, &crl);
        sb_writer(&out, der, crlwrite_room(sizes[i]));
        ok(sb_err(&tbs) == 0 && x509write_signed(&out, tbs.p, tbs.len, key) == 0, "  signed");
        is_int(crlwrite_check(&crl, der, out.len), SFT_OK, "  read again");
        is_int(crlwrite_check(&crl, der, out.len - 1), SFT_EFORMAT, "  not when it is cut");
        der[out.len - 1] ^= 1;
        is_int(crlwrite_check(&crl, der, out.len), SFT_ESIGNATURE, "  nor badly signed");
        der[out.len - 1] ^= 1;
        crl.number++;
        is_int(crlwrite_check(&crl, der, out.len), SFT_EFORMAT, "  nor with another number");
        crl.number--;
        if (sizes[i] > 0) {
            entries[sizes[i] - 1].reason ^= 4;
            is_int(crlwrite_check(&crl, der, out.len), SFT_EFORMAT, "  nor another reason");
            entries[sizes[i] - 1].reason ^= 4;
            crl.entries_n--;
            is_int(crlwrite_check(&crl, der, out.len), SFT_EFORMAT, "  nor an entry more");
        }
    }
    crl.entries_n = 2;
    crl.next_update = crl.this_update;
    is_int(list_err(&crl), SFT_EVALIDITY, "X10 next update is later");
    crl.next_update++;
    entries[1].reason = 6;
    is_int(list_err(&crl), SFT_EFORMAT, "no certificate is on hold");
    entries[1] = entries[0];
    is_int(list_err(&crl), SFT_ESERIAL, "no serial twice");
    key_free(key);
}

/* ---- secrets and passwords ---- */

static void
test_secrets(void)
{
    /* the expected values come from Python's hmac module */
    static const uint8_t vault[32] = {7};
    char a[44], b[44], mac[45];
    is_int(secret_text(vault, "token", "0d1f3c52-6f2c-4c1f-a42c-6cf1fcd0a93b", a), SFT_OK,
           "secret");
    is_str(a, "-ayh0KvZOgZrMVZzKXrqwpZ_jNM3MzBF1Kq30hNzSKI", "  its text");
    is_int(secret_text(vault, "invitation", "0d1f3c52-6f2c-4c1f-a42c-6cf1fcd0a93b", b), SFT_OK,
           "another purpose");
    ok(strcmp(a, b) != 0, "  another secret");
    is_int(secret_mac(a, "0d1f3c52-6f2c-4c1f-a42c-6cf1fcd0a93b", "ssh-ed25519 AAAA", mac), SFT_OK,
           "mac");
    is_str(mac, "x45K+9G2gqMBltzKujJ/Ilr0c+eoZ0m2ce4ODHj64WQ=", "  its text");
}

static void
test_passwords(void)
{
    static const uint8_t salt[16] = {1};
    static const char *const bad[] = {
        "",
        "$scrypt$",
        "$scrypt$ln=15,r=8,p=1$AQAAAAAAAAAAAAAAAAAAAA$",
        "$scrypt$ln=99,r=8,p=1$AQAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=30,r=8,p=1$AQAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=1,r=8,p=1$AQAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=15,r=9,p=1$AQAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    char hash[PASSWORD_TEXT_MAX];
    bool good;
    is_int(password_hash("correct horse", 13, salt, hash), SFT_OK, "hash a password");
    ok(password_verify(hash, "correct horse", 13, &good) == 0 && good, "the right one");
    ok(password_verify(hash, "correct horsf", 13, &good) == 0 && !good, "a wrong one");
    ok(password_verify(hash, "correct horse\0", 14, &good) == 0 && !good, "a longer one");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_int(password_verify(bad[i], "x", 1, &good), SFT_EFORMAT, "no password hash of ours");
    strcat(hash, "x");
    is_int(password_verify(hash, "correct horse", 13, &good), SFT_EFORMAT, "something after it");
}

int
main(void)
{
    char command[64];
    if (mkdtemp(folder) == NULL)
        return 1;
    test_serial();
    test_wrap();
    test_options();
    test_der();
    test_ssh(KEY_ED25519);
    test_ssh(KEY_ECDSA_P256);
    test_ssh(KEY_ECDSA_P384);
    test_ssh(KEY_ECDSA_P521);
    test_ssh(KEY_RSA);
    test_ssh_refusals();
    test_x509(KEY_ECDSA_P256);
    test_x509(KEY_ED25519);
    test_x509(KEY_ECDSA_P384);
    test_x509(KEY_ECDSA_P521);
    test_x509(KEY_RSA);
    test_crl(KEY_ECDSA_P256);
    test_crl(KEY_ED25519);
    test_crl(KEY_RSA);
    test_secrets();
    test_passwords();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
    return done_testing();
}
