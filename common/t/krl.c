/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.c - our lists as ssh-keygen -Q reads them, ssh-keygen's lists as we read them, and lists that
 * a crash or an enemy made.
 */
#include <inttypes.h>
#include <string.h>

#include "common/digest.h"
#include "common/krl.h"
#include "common/tap.h"
#include "common/text.h"
#include "mkcert.h"
#include "tmp.h"

static struct key *ca_key, *other_key;
static struct sshkey ca, other, subject;

static void
write_public(const char *name, const struct sshkey *key)
{
    char text[SSHKEY_TEXT_MAX];
    if (sshkey_to_text(key, text, sizeof(text)) != 0)
        printf("Bail out! no text\n");
    tmp_write(name, text, strlen(text));
}

static void
make_keys(void)
{
    struct key *user = NULL;
    ok(key_generate(KEY_ED25519, &ca_key) == 0 && key_public(ca_key, &ca) == 0, "an authority");
    ok(key_generate(KEY_ECDSA_P256, &other_key) == 0 && key_public(other_key, &other) == 0,
       "another");
    ok(key_generate(KEY_ED25519, &user) == 0 && key_public(user, &subject) == 0, "a subject");
    write_public("ca.pub", &ca);
    write_public("other.pub", &other);
    write_public("user.pub", &subject);
    key_free(user);
}

static void
write_cert(const struct key *authority, uint64_t serial, const char *name)
{
    static uint8_t blob[4096];
    char text[8192] = "ssh-ed25519-cert-v01@openssh.com ";
    struct recipe r = recipe(authority, &subject);
    struct sbuf b;
    r.serial = serial;
    sb_writer(&b, blob, sizeof(blob));
    mkcert(&b, &r);
    if (sb_err(&b) != 0 || b64_encode(text + strlen(text), 6000, blob, b.len) != 0)
        printf("Bail out! no certificate\n");
    tmp_write(name, text, strlen(text));
}

/* ---- the serials that both sides are asked about ---- */

static const uint64_t asked[] = {
    1,
    2,
    3,
    4,
    5,
    10,
    11,
    49,
    50,
    51,
    89,
    90,
    91,
    98,
    99,
    100,
    101,
    150,
    199,
    200,
    201,
    299,
    300,
    499,
    500,
    510,
    511,
    998,
    999,
    1000,
    1001,
    1005,
    1006,
    2000,
    2047,
    2048,
    65535,
    65536,
    99999,
    100000,
    4294967295,
    4294967296,
    1234567890123,
    1234567890124,
    INT64_MAX - 1,
    INT64_MAX,
};
#define ASKED_N (sizeof(asked) / sizeof(asked[0]))

static void
write_certs(void)
{
    tmp_must("mkdir certs");
    for (size_t i = 0; i < ASKED_N; i++) {
        char name[64];
        snprintf(name, sizeof(name), "certs/%02zu-cert.pub", i);
        write_cert(ca_key, asked[i], name);
    }
    write_cert(other_key, 4, "other-cert.pub");
}

/* What ssh-keygen says about each certificate: '1' revoked, '0' not; -1 if it cannot read the list.
 */
static int
keygen_says(const char *krl, char *out)
{
    char text[16384];
    int status = tmp_run("ssh-keygen -Q -f %s certs/*-cert.pub >q.out 2>&1", krl);
    tmp_read("q.out", text, sizeof(text));
    size_t n = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strncmp(line, "certs/", 6) == 0 && n < ASKED_N)
            out[n++] = strstr(line, "REVOKED") != NULL ? '1' : '0';
    out[n] = '\0';
    return n == ASKED_N && (status == 0 || status == 1) ? 0 : -1;
}

static int
we_say(const uint8_t *krl, size_t len, const struct sshkey *authority, char *out)
{
    uint64_t version;
    int err = krl_check(krl, len, &version);
    for (size_t i = 0; err == 0 && i < ASKED_N; i++) {
        bool revoked;
        err = krl_revokes(krl, len, authority, asked[i], &revoked);
        out[i] = revoked ? '1' : '0';
        out[i + 1] = '\0';
    }
    return err;
}

/* ---- V1: the list that ssh-keygen writes ---- */

static void
compare_with_keygen(const char *what, const char *spec)
{
    static uint8_t krl[1 << 20];
    char theirs[ASKED_N + 1], ours[ASKED_N + 1] = "";
    tmp_write("spec", spec, strlen(spec));
    tmp_must("ssh-keygen -q -k -f krl -s ca.pub -z 7 spec >/dev/null");
    size_t len = tmp_read("krl", krl, sizeof(krl));
    is_int(keygen_says("krl", theirs), 0, what);
    is_int(we_say(krl, len, &ca, ours), 0, "V1 we read it");
    is_str(ours, theirs, "V1 and say the same of every certificate");
}

static void
test_reading(void)
{
    static char many[200000];
    size_t n = 0;
    for (uint64_t s = 1; s < 15000; s += 3 + s % 5)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "serial: %" PRIu64 "\n", s);
    compare_with_keygen("a list", "serial: 1\nserial: 90\nserial: 100000\n");
    compare_with_keygen("a range", "serial: 50-200\n");
    compare_with_keygen("a bitmap",
                        "serial: 1\nserial: 3\nserial: 4\nserial: 10\nserial: 11\nserial: 49\n");
    compare_with_keygen(
        "the pattern of OpenSSH's krl.sh",
        "serial: 1\nserial: 4\nserial: 10\nserial: 50\nserial: 90\nserial: 500-510\n"
        "serial: 99\nserial: 98\nserial: 100-150\nserial: 1001\nserial: 999-1005\n"
        "serial: 4294967295\nserial: 1234567890123\nserial: 9223372036854775807\n");
    compare_with_keygen("thousands", many);
    compare_with_keygen("key ids only", "id: sft1:somebody\nid: someone else\n");
    compare_with_keygen("key ids and serials", "id: sft1:somebody\nserial: 300\n");
}

/* ssh-keygen 9.2 writes a bitmap that neither it nor sshd reads: with it nobody could log in. */
static void
test_oversized_bitmap(void)
{
    static char many[200000];
    static uint8_t krl[16384];
    char theirs[ASKED_N + 1];
    uint64_t version;
    size_t n = 0;
    for (uint64_t s = 1; s < 20000; s += 3 + s % 5)
        n += (size_t)snprintf(many + n, sizeof(many) - n, "serial: %" PRIu64 "\n", s);
    tmp_write("spec", many, n);
    tmp_must("ssh-keygen -q -k -f krl -s ca.pub spec >/dev/null");
    size_t len = tmp_read("krl", krl, sizeof(krl));
    if (keygen_says("krl", theirs) != 0)
        is_int(krl_check(krl, len, &version), SFT_EFORMAT, "V2 a bitmap too long for sshd");
    else
        is_int(krl_check(krl, len, &version), 0, "this ssh-keygen writes shorter bitmaps");
}

/* Lists of keys and hashes: they revoke whatever the revoked key has signed. */
static void
test_reading_keys(void)
{
    static uint8_t krl[8192];
    static const struct {
        const char *what, *args;
        bool revoked;
    } rows[] = {
        {"another key", "other.pub", false},
        {"the authority's key", "ca.pub", true},
        {"its hash", "hashes", true},
        {"its SHA-1 hash", "sha1", true},
        {"another's hash", "other.hashes", false},
    };
    tmp_must(
        "printf 'sha256: ' >sha1; printf 'hash: %%s\\n' $(ssh-keygen -lf ca.pub | cut -d' ' -f2) "
        ">hashes; printf 'hash: %%s\\n' $(ssh-keygen -lf other.pub | cut -d' ' -f2) >other.hashes; "
        "{ printf 'sha1: '; cat ca.pub; } >sha1");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char theirs[ASKED_N + 1], ours[ASKED_N + 1] = "";
        tmp_must("rm -f krl; ssh-keygen -q -k -f krl %s >/dev/null", rows[i].args);
        size_t len = tmp_read("krl", krl, sizeof(krl));
        ok(keygen_says("krl", theirs) == 0 && we_say(krl, len, &ca, ours) == 0, rows[i].what);
        ok(ours[0] == (rows[i].revoked ? '1' : '0') && strcmp(ours, theirs) == 0,
           "V1 the same answer as ssh-keygen");
    }
}

/* ---- V1: the list that we write ---- */

static size_t
write_list(uint8_t *out, size_t cap, const struct krl_range *ranges, size_t n)
{
    struct krl_section section = {.authority = &ca, .ranges = ranges, .ranges_n = n};
    struct sbuf b;
    sb_writer(&b, out, cap);
    krl_write(&b, 5, 1763900000, "sft", &section, 1);
    return sb_err(&b) == 0 ? b.len : 0;
}

static void
test_writing(void)
{
    static const struct krl_range mixed[] = {{1, 1},
                                             {4, 4},
                                             {10, 10},
                                             {50, 90},
                                             {99, 99},
                                             {100, 150},
                                             {200, 200},
                                             {999, 1005},
                                             {4294967295, 4294967295},
                                             {INT64_MAX, INT64_MAX}};
    static uint8_t krl[4096];
    char theirs[ASKED_N + 1], ours[ASKED_N + 1] = "", want[ASKED_N + 1] = "";
    uint64_t version;
    size_t len = write_list(krl, sizeof(krl), mixed, sizeof(mixed) / sizeof(mixed[0]));
    ok(len > 0, "a mixed list is written");
    tmp_write("ours", krl, len);
    for (size_t i = 0; i < ASKED_N; i++) {
        want[i] = '0';
        for (size_t r = 0; r < sizeof(mixed) / sizeof(mixed[0]); r++)
            if (asked[i] >= mixed[r].lo && asked[i] <= mixed[r].hi)
                want[i] = '1';
    }
    is_int(keygen_says("ours", theirs), 0, "ssh-keygen reads it");
    is_str(theirs, want, "V1 and sees what is revoked");
    ok(we_say(krl, len, &ca, ours) == 0 && strcmp(ours, want) == 0, "so do we");
    ok(krl_check(krl, len, &version) == 0 && version == 5, "the version is read");
    is_int(tmp_run("ssh-keygen -Ql -f ours | grep -q 'KRL version 5'"), 0, "by ssh-keygen, too");
    is_int(tmp_run("ssh-keygen -Q -f ours other-cert.pub >/dev/null"), 0,
           "V2 another authority's not");
    ok(we_say(krl, len, &other, ours) == 0 && strchr(ours, '1') == NULL, "nor by our reading");
}

static void
test_writing_many(void)
{
    static struct krl_range ranges[100000];
    static uint8_t krl[2 << 20];
    char theirs[ASKED_N + 1], ours[ASKED_N + 1] = "";
    for (size_t i = 0; i < 100000; i++)
        ranges[i] = (struct krl_range){i * 7 + 1, i * 7 + 1 + (i % 3 == 0 ? 2 : 0)};
    size_t len = write_list(krl, sizeof(krl), ranges, 100000);
    tmp_write("ours", krl, len);
    ok(len > 0 && keygen_says("ours", theirs) == 0 && we_say(krl, len, &ca, ours) == 0,
       "V1 100,000 entries");
    is_str(ours, theirs, "V1 the same answers");
}

static void
test_two_authorities(void)
{
    static const struct krl_range first[] = {{4, 4}}, second[] = {{5, 6}};
    struct krl_section sections[] = {
        {&ca, first, 1, NULL, 0}, {&other, second, 1, NULL, 0}, {&subject, NULL, 0, NULL, 0}};
    uint8_t krl[1024];
    char ours[ASKED_N + 1];
    struct sbuf b;
    bool revoked;
    sb_writer(&b, krl, sizeof(krl));
    krl_write(&b, 1, 0, "", sections, 3);
    is_int(sb_err(&b), 0, "two authorities, and one with nothing");
    tmp_write("two", krl, b.len);
    ok(keygen_says("two", ours) == 0 && ours[3] == '1' && ours[4] == '0', "ssh-keygen knows whose");
    ok(krl_revokes(krl, b.len, &ca, 4, &revoked) == 0 && revoked, "the first's serial");
    ok(krl_revokes(krl, b.len, &ca, 5, &revoked) == 0 && !revoked, "is not the second's");
    ok(krl_revokes(krl, b.len, &other, 6, &revoked) == 0 && revoked, "the second's");
    is_int(krl_revokes(krl, b.len, &ca, 0, &revoked), SFT_ESERIAL,
           "V8 serial 0 cannot be asked about");
}

static void
test_writing_refused(void)
{
    static const struct {
        const char *what;
        struct krl_range ranges[2];
        size_t n;
        int err;
    } rows[] = {
        {"V8 serial 0", {{0, 0}}, 1, SFT_ESERIAL},
        {"V8 a range from 0", {{0, 5}}, 1, SFT_ESERIAL},
        {"reversed", {{5, 4}}, 1, SFT_ESERIAL},
        {"not sorted", {{5, 5}, {4, 4}}, 2, SFT_ESERIAL},
        {"overlapping", {{5, 9}, {9, 9}}, 2, SFT_ESERIAL},
        {"V2 nothing revoked", {{1, 1}}, 0, SFT_EFORMAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct krl_section section = {&ca, rows[i].ranges, rows[i].n, NULL, 0};
        uint8_t krl[512];
        struct sbuf b;
        sb_writer(&b, krl, sizeof(krl));
        krl_write(&b, 1, 0, "", &section, 1);
        is_int(sb_err(&b), rows[i].err, rows[i].what);
    }
}

/* ---- V2: lists that must never be installed ---- */

static void
test_damage(void)
{
    static const struct krl_range ranges[] = {{1, 1}, {4, 4}, {50, 90}};
    uint8_t krl[512], copy[512] = {0};
    uint64_t version;
    size_t len = write_list(krl, sizeof(krl), ranges, 3), cuts = 0, zeroed = 0;
    is_int(krl_check(krl, len, &version), 0, "a good list");
    is_int(krl_check(krl, 0, &version), SFT_EFORMAT, "V2 an empty file");
    is_int(krl_check(copy, len, &version), SFT_EFORMAT, "V2 zeros of the right length");
    is_int(krl_check(krl, 44 + 3, &version), SFT_EFORMAT, "V2 the header only");
    for (size_t n = 0; n < len; n++)
        cuts += krl_check(krl, n, &version) != 0;
    is_int(cuts, len, "V2 every truncation is refused");
    for (size_t n = 0; n < len; n++) {
        memset(copy, 0, sizeof(copy));
        memcpy(copy, krl, n);
        zeroed += krl_check(copy, len, &version) != 0 || memcmp(copy, krl, len) == 0;
    }
    ok(zeroed >= len - 8, "V2 so is every tail of zeros that is not inside the last number");
    memcpy(copy, krl, len);
    copy[len] = 0;
    is_int(krl_check(copy, len + 1, &version), SFT_EFORMAT, "V2 a byte more");
    is_int(version, 0, "and there is no version");
}

/* V2: for every flipped bit: what ssh-keygen refuses, we refuse. (One bit in each byte.) */
static void
test_flips(void)
{
    static const char spec[] =
        "serial: 1\nserial: 3\nserial: 4\nserial: 50-90\nid: x\nserial: 9999999\n";
    uint8_t krl[1024];
    size_t lenient = 0;
    uint64_t version;
    tmp_write("spec", spec, strlen(spec));
    tmp_must("rm -f krl; ssh-keygen -q -k -f krl -s ca.pub spec >/dev/null");
    size_t len = tmp_read("krl", krl, sizeof(krl));
    for (size_t i = 0; i < len; i++) {
        krl[i] ^= (uint8_t)(1 << i % 8);
        if (krl_check(krl, len, &version) == 0) {
            tmp_write("flipped", krl, len);
            int status = tmp_run("ssh-keygen -Ql -f flipped >/dev/null 2>&1");
            if (status != 0)
                printf("# byte %zu: ssh-keygen refuses\n", i);
            lenient += status != 0;
        }
        krl[i] ^= (uint8_t)(1 << i % 8);
    }
    is_int(lenient, 0, "V2 nothing passes that ssh-keygen refuses");
}

/* Sections by hand that ssh-keygen would not write. */
static void
test_sections_by_hand(void)
{
    static const struct {
        const char *what, *sub;
        size_t len;
        int err;
    } rows[] = {
        {"a list", WIRE("\x20\0\0\0\x08\0\0\0\0\0\0\0\1"), 0},
        {"V8 serial 0 in a list", WIRE("\x20\0\0\0\x08\0\0\0\0\0\0\0\0"), SFT_EFORMAT},
        {"half a serial", WIRE("\x20\0\0\0\x04\0\0\0\1"), SFT_EFORMAT},
        {"an empty list", WIRE("\x20\0\0\0\0"), SFT_EFORMAT},
        {"a range from 0", WIRE("\x21\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"), SFT_EFORMAT},
        {"a range reversed", WIRE("\x21\0\0\0\x10\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\2"), SFT_EFORMAT},
        {"a range and a byte", WIRE("\x21\0\0\0\x11\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0"),
         SFT_EFORMAT},
        {"a bitmap", WIRE("\x22\0\0\0\x0d\0\0\0\0\0\0\0\1\0\0\0\1\5"), 0},
        {"a bitmap with serial 0", WIRE("\x22\0\0\0\x0d\0\0\0\0\0\0\0\0\0\0\0\1\5"), SFT_EFORMAT},
        {"a bitmap past the end", WIRE("\x22\0\0\0\x0d\377\377\377\377\377\377\377\377\0\0\0\1\5"),
         SFT_EFORMAT},
        {"a bitmap to the very end",
         WIRE("\x22\0\0\0\x0d\377\377\377\377\377\377\377\375\0\0\0\1\5"), 0},
        {"an empty bitmap", WIRE("\x22\0\0\0\x0c\0\0\0\0\0\0\0\1\0\0\0\0"), SFT_EFORMAT},
        {"a negative bitmap", WIRE("\x22\0\0\0\x0d\0\0\0\0\0\0\0\1\0\0\0\1\205"), SFT_EFORMAT},
        {"an empty key id", WIRE("\x23\0\0\0\x04\0\0\0\0"), SFT_EFORMAT},
        {"an unknown subsection", WIRE("\x39\0\0\0\x04\0\0\0\0"), SFT_EFORMAT},
        {"K3 a huge length", WIRE("\x20\377\377\377\377\0\0\0\0\0\0\0\1"), SFT_EFORMAT},
        {"nothing", WIRE(""), SFT_EFORMAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t krl[512];
        struct sbuf b;
        uint64_t version;
        sb_writer(&b, krl, sizeof(krl));
        sb_raw(&b, "SSHKRL\n\0\0\0\0\1\0\0\0\0\0\0\0\1", 20);
        sb_raw(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
        sb_u8(&b, 1);
        size_t mark = sb_open(&b);
        sb_blob(&b, ca.blob, ca.len);
        sb_cstr(&b, "");
        sb_raw(&b, rows[i].sub, rows[i].len);
        sb_close(&b, mark);
        is_int(krl_check(krl, b.len, &version), rows[i].err, rows[i].what);
        if (rows[i].err == 0) {
            tmp_write("hand", krl, b.len);
            is_int(tmp_run("ssh-keygen -Ql -f hand >/dev/null"), 0, "ssh-keygen reads it too");
        }
    }
}

/* ---- key ids, keys and fingerprints ---- */

static enum krl_why
why(const uint8_t *krl, size_t len, const struct krl_subject *about)
{
    enum krl_why answer;
    return krl_ask(krl, len, about, &answer) == 0 ? answer : (enum krl_why) - 1;
}

struct seen {
    int kinds[KRL_SHA256 + 1], ours;
};

static void
see(const struct krl_entry *entry, void *arg)
{
    struct seen *seen = arg;
    seen->kinds[entry->kind]++;
    seen->ours += entry->authority_len == ca.len && memcmp(entry->authority, ca.blob, ca.len) == 0;
}

static void
test_names(void)
{
    static const char *const ids[] = {"sft1:gone", "sft1:lost"};
    const struct krl_section section = {&ca, NULL, 0, ids, 2}, empty = {&ca, NULL, 0, NULL, 0};
    uint8_t krl[2048], hash[1][KRL_SHA256_LEN];
    struct krl_header header;
    struct seen seen = {0};
    struct sbuf b;
    sb_writer(&b, krl, sizeof(krl));
    krl_write_header(&b, 9, 1763900000, "by name");
    krl_write_section(&b, &empty);
    krl_write_section(&b, &section);
    krl_write_keys(&b, &subject, 1);
    is_int(digest_sha256(other.blob, other.len, hash[0]), 0, "a hash");
    krl_write_hashes(&b, (const uint8_t(*)[KRL_SHA256_LEN])hash, 1);
    krl_write_hashes(&b, NULL, 0);
    is_int(sb_err(&b), 0, "a list of names is written");
    tmp_write("names", krl, b.len);
    is_int(tmp_run("ssh-keygen -Q -f names user.pub >/dev/null"), 1, "ssh-keygen: a key");
    is_int(tmp_run("ssh-keygen -Q -f names other.pub >/dev/null"), 1, "ssh-keygen: a hash");
    is_int(tmp_run("ssh-keygen -Q -f names ca.pub >/dev/null"), 0, "ssh-keygen: no other");
    ok(krl_walk(krl, b.len, &header, see, &seen) == 0 && header.version == 9 &&
           header.generated == 1763900000 && header.comment_len == 7,
       "the head is read");
    ok(seen.kinds[KRL_KEY_ID] == 2 && seen.kinds[KRL_KEY] == 1 && seen.kinds[KRL_SHA256] == 1 &&
           seen.ours == 2,
       "and every entry shown");
    const struct {
        struct krl_subject about;
        enum krl_why because;
        const char *what;
    } rows[] = {
        {{NULL, &ca, "sft1:lost", 1}, KRL_BY_KEY_ID, "a key id"},
        {{NULL, &ca, "sft1:lost", 0}, KRL_BY_KEY_ID, "without a serial"},
        {{NULL, &ca, "sft1:los", 1}, KRL_NOT, "its beginning"},
        {{NULL, &subject, "x", 1}, KRL_BY_AUTHORITY, "an authority's key"},
        {{&subject, &ca, "x", 1}, KRL_BY_KEY, "a certificate's key"},
        {{&subject, NULL, NULL, 0}, KRL_BY_KEY, "a plain key"},
        {{&other, NULL, NULL, 0}, KRL_BY_HASH, "its hash"},
        {{&ca, NULL, "sft1:lost", 0}, KRL_NOT, "an id without an authority"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_int(why(krl, b.len, &rows[i].about), rows[i].because, rows[i].what);
    for (size_t n = 0; n < b.len; n++)
        if (why(krl, n, &rows[0].about) == KRL_BY_KEY_ID && n < b.len - 200)
            ok(0, "V2 a part of the list is no list");
    static const char *const none[] = {""};
    const struct krl_section bad = {&ca, NULL, 0, none, 1};
    sb_writer(&b, krl, sizeof(krl));
    krl_write_header(&b, 1, 1, "");
    krl_write_section(&b, &bad);
    is_int(sb_err(&b), SFT_EKEYID, "an empty key id is not written");
}

int
main(void)
{
    tmp_enter();
    make_keys();
    write_certs();
    test_reading();
    test_oversized_bitmap();
    test_reading_keys();
    test_writing();
    test_writing_many();
    test_two_authorities();
    test_writing_refused();
    test_damage();
    test_flips();
    test_sections_by_hand();
    test_names();
    key_free(ca_key);
    key_free(other_key);
    return done_testing();
}
