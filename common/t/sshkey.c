/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey.c - public keys that ssh-keygen writes are read; the catalogue's K rows are refused by
 * name.
 */
#include <string.h>

#include <openssl/bn.h>

#include "common/key.h"
#include "common/sbuf.h"
#include "common/sshkey.h"
#include "common/sshkey_check.h"
#include "common/tap.h"
#include "common/text.h"
#include "tmp.h"

static int
from_text(const char *s)
{
    struct sshkey key;
    return sshkey_from_text(&key, s, strlen(s));
}

/* ---- keys that are good ---- */

static void
test_keygen(void)
{
    static const struct {
        const char *args;
        enum sshkey_type type;
        unsigned bits;
    } rows[] = {
        {"-t ed25519", SSHKEY_ED25519, 256},         {"-t ecdsa -b 256", SSHKEY_ECDSA_P256, 256},
        {"-t ecdsa -b 384", SSHKEY_ECDSA_P384, 384}, {"-t ecdsa -b 521", SSHKEY_ECDSA_P521, 521},
        {"-t rsa -b 2048", SSHKEY_RSA, 2048},        {"-t rsa -b 3072", SSHKEY_RSA, 3072},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[4096], text[SSHKEY_TEXT_MAX], print[128], fingerprint[SSHKEY_FINGERPRINT_MAX];
        struct sshkey key, again;
        tmp_must("rm -f k k.pub && ssh-keygen -q -N '' -C 'me@here' %s -f k && "
                 "ssh-keygen -lf k.pub | cut -d' ' -f2 >print",
                 rows[i].args);
        tmp_line("k.pub", line, sizeof(line));
        tmp_line("print", print, sizeof(print));
        is_int(sshkey_from_text(&key, line, strlen(line)), 0, rows[i].args);
        ok(key.type == rows[i].type && key.bits == rows[i].bits, "type and bits");
        is_int(sshkey_to_text(&key, text, sizeof(text)), 0, "printed");
        ok(strncmp(text, line, strlen(text)) == 0 && line[strlen(text)] == ' ',
           "without its comment");
        ok(sshkey_fingerprint(&key, fingerprint) == 0 && strcmp(fingerprint, print) == 0,
           "fingerprint as ssh-keygen -l prints it");
        ok(sshkey_from_text(&again, text, strlen(text)) == 0 && sshkey_equal(&key, &again),
           "again");
        is_int(sshkey_to_text(&key, text, strlen(text)), SFT_ENOSPACE, "no room for the NUL");
    }
}

/* base32(SHA-256(blob)[0..9]) by other programs. */
static void
test_device_code(void)
{
    char line[512], want[32], code[20];
    struct sshkey key;
    tmp_must(
        "rm -f k k.pub && ssh-keygen -q -N '' -t ed25519 -f k && cut -d' ' -f2 k.pub | base64 -d "
        "| openssl dgst -sha256 -binary | head -c 10 | base32 | sed 's/\\(....\\)/\\1-/g; s/-$//' "
        ">code");
    tmp_line("k.pub", line, sizeof(line));
    tmp_line("code", want, sizeof(want));
    is_int(sshkey_from_text(&key, line, strlen(line)), 0, "a key");
    is_int(sshkey_device_code(&key, code), 0, "its code");
    is_str(code, want, "is what other programs compute");
}

/* ---- blobs made by hand ---- */

static const uint8_t ed_point[32] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static int
ed25519(const uint8_t *point, size_t len)
{
    uint8_t blob[128];
    struct sbuf b;
    struct sshkey key;
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "ssh-ed25519");
    sb_blob(&b, point, len);
    return sshkey_from_blob(&key, blob, b.len);
}

static void
test_ed25519_points(void)
{
    static const char *const bad[] = {
        /* the eight points of low order */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        /* not canonical: sign of zero, p, p + 1, p + 3, 2^255 - 1 */
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    uint8_t point[33] = {0};
    size_t len;
    is_int(ed25519(ed_point, 32), 0, "an honest point");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (hex_decode(point, 32, &len, bad[i], 64) != 0 ||
            !ok(ed25519(point, 32) == SFT_EKEYPOINT, "K10 low order or not canonical"))
            printf("#   %s\n", bad[i]);
    }
    memcpy(point, ed_point, 32);
    is_int(ed25519(point, 31), SFT_EKEYPOINT, "K10 31 bytes");
    is_int(ed25519(point, 33), SFT_EKEYPOINT, "K10 33 bytes");
    is_int(ed25519(point, 0), SFT_EKEYPOINT, "K1 no bytes");
}

/* 1 if y is on the curve, reckoned the long way: (y^2 - 1)(d y^2 + 1) has a root modulo 2^255 - 19.
 */
static int
has_root(const uint8_t point[32])
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = NULL, *d = NULL, *t = BN_new(), *y = BN_lebin2bn(point, 32, NULL);
    BN_hex2bn(&p, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
    BN_hex2bn(&d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");
    BN_clear_bit(y, 255);
    BN_mod_sqr(y, y, p, ctx);
    BN_mod_mul(t, y, d, p, ctx);
    BN_add_word(t, 1);
    BN_sub_word(y, 1);
    BN_mod_mul(t, t, y, p, ctx);
    int root = BN_kronecker(t, p, ctx);
    BN_free(p);
    BN_free(d);
    BN_free(t);
    BN_free(y);
    BN_CTX_free(ctx);
    return root == 1;
}

static void
test_ed25519_curve(void)
{
    static const char on_curve[] =
        "01111001100011101101011111111011"; /* y = 2 .. 33, by another program */
    uint8_t point[32] = {0};
    int small = 1, points = 0, same = 1;
    for (uint8_t y = 2; y < 34; y++) {
        point[0] = y;
        small &= (sshkey_check_ed25519_curve(point, 32) == 0) == (on_curve[y - 2] == '1');
    }
    ok(small, "K10 which small numbers are points");
    for (int i = 0; i < 3000; i++) {
        if (getentropy(point, sizeof(point)) != 0)
            printf("Bail out! no random bytes\n");
        if (i % 3 == 0) /* limbs full of ones find lost carries */
            memset(point + i % 20, 0xff, 12);
        int err = sshkey_check_ed25519_curve(point, 32);
        points += err == 0;
        same &= err == (has_root(point) ? 0 : SFT_EKEYPOINT);
    }
    ok(same, "K10 and which of 3000 others");
    ok(points > 1200 && points < 1800, "about half are");
    is_int(sshkey_check_ed25519_curve(point, 31), SFT_EKEYPOINT, "31 bytes are not");
    is_int(from_text(
               "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
           SFT_EKEYPOINT, "K10 as a line");
}

static int
ecdsa(const char *name, const char *curve, const uint8_t *point, size_t len)
{
    uint8_t blob[256];
    struct sbuf b;
    struct sshkey key;
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, name);
    sb_cstr(&b, curve);
    sb_blob(&b, point, len);
    return sshkey_from_blob(&key, blob, b.len);
}
#define P256(point, len) ecdsa("ecdsa-sha2-nistp256", "nistp256", point, len)

static void
test_ecdsa_points(void)
{
    uint8_t point[97] = {4}, other[97];
    struct sshkey key;
    struct key *p384 = NULL;
    size_t len;
    ok(hex_decode(point + 1, 64, &len,
                  "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                  "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
                  128) == 0,
       "a point");
    is_int(P256(point, 65), 0, "K9 an honest point");
    is_int(P256((const uint8_t *)"\0", 1), SFT_EKEYPOINT, "K9 infinity");
    is_int(P256((const uint8_t *)"", 0), SFT_EKEYPOINT, "K9 empty");
    memcpy(other, point, 65);
    other[0] = 3;
    is_int(P256(other, 33), SFT_EKEYPOINT, "K9 compressed");
    other[0] = 7;
    is_int(P256(other, 65), SFT_EKEYPOINT, "K9 hybrid");
    other[0] = 4;
    other[64] ^= 1;
    is_int(P256(other, 65), SFT_EKEYPOINT, "K9 not on the curve");
    memset(other + 1, 0, 64);
    is_int(P256(other, 65), SFT_EKEYPOINT, "K9 zero coordinates");
    memset(other + 1, 0xff, 64);
    is_int(P256(other, 65), SFT_EKEYPOINT, "K9 coordinates beyond the field");
    is_int(P256(point, 64), SFT_EKEYPOINT, "K9 a byte short");
    is_int(P256(point, 66), SFT_EKEYPOINT, "K9 a byte long");
    is_int(ecdsa("ecdsa-sha2-nistp256", "nistp384", point, 65), SFT_EKEYMISMATCH, "K9 other curve");
    is_int(ecdsa("ecdsa-sha2-nistp384", "nistp256", point, 65), SFT_EKEYMISMATCH, "K9 other name");
    is_int(ecdsa("ecdsa-sha2-nistp256", "", point, 65), SFT_EKEYMISMATCH, "K9 no curve");
    ok(key_generate(KEY_ECDSA_P384, &p384) == 0 && key_public(p384, &key) == 0, "a P-384 key");
    is_int(P256(key.blob + key.len - 97, 97), SFT_EKEYPOINT, "K9 a P-384 point under P-256");
    key_free(p384);
}

/* ---- RSA ---- */

static int
rsa_bytes(const uint8_t *e, size_t e_len, const uint8_t *n, size_t n_len)
{
    uint8_t blob[4096];
    struct sbuf b;
    struct sshkey key;
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "ssh-rsa");
    sb_blob(&b, e, e_len);
    sb_blob(&b, n, n_len);
    return sshkey_from_blob(&key, blob, b.len);
}

static int
rsa(const BIGNUM *n)
{
    uint8_t be[2100] = {0};
    int len = BN_num_bytes(n);
    BN_bn2bin(n, be + 1);
    int sign = BN_num_bits(n) % 8 == 0;
    return rsa_bytes((const uint8_t *)"\1\0\1", 3, be + !sign, (size_t)(len + sign));
}

/* With its top two bits set, so that a product has the sum of the bits. */
static BIGNUM *
prime(int bits)
{
    BIGNUM *p = BN_new();
    BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL);
    return p;
}

/* p times q, and p is set free. */
static BIGNUM *
times(BIGNUM *p, const BIGNUM *q)
{
    BN_CTX *ctx = BN_CTX_new();
    BN_mul(p, p, q, ctx);
    BN_CTX_free(ctx);
    return p;
}

static void
refuse(BIGNUM *n, const char *what)
{
    is_int(rsa(n), SFT_EKEYWEAK, what);
    BN_free(n);
}

static void
test_rsa_numbers(void)
{
    BIGNUM *p = prime(1024), *q = prime(1024), *n = times(BN_dup(p), q), *m;
    is_int(rsa(n), 0, "an honest modulus");
    m = BN_dup(n);
    BN_add_word(m, 1);
    refuse(m, "K8 even");
    m = BN_new();
    BN_rshift(m, n, 1);
    BN_set_bit(m, 0);
    refuse(m, "K6 2047 bits");
    refuse(prime(1024), "K6 1024 bits");
    for (BN_ULONG d = 3; d < 752; d += 748) { /* 3 and 751 */
        m = prime(2046);
        BN_mul_word(m, d);
        refuse(m, "K8 a small factor");
    }
    refuse(times(BN_dup(p), p), "K8 a square");
    m = BN_dup(p);
    do
        BN_add_word(m, 2);
    while (BN_check_prime(m, NULL, NULL) != 1);
    refuse(times(m, p), "K8 neighbouring primes");
    m = BN_new();
    BN_set_bit(m, 8192);
    BN_add(m, m, n);
    refuse(m, "K6 8193 bits");
    m = BN_new();
    BN_set_bit(m, 16384);
    BN_add(m, m, n);
    refuse(m, "K6 16385 bits");
    BN_free(p);
    BN_free(q);
    BN_free(n);
}

/* p = q + 2^500, q has 1024 bits: far apart to the eye, and Fermat finds it at once. */
static void
test_rsa_close(void)
{
    BIGNUM *q = prime(1024), *p = BN_dup(q), *d = BN_new();
    BN_set_bit(d, 500);
    BN_add(p, p, d);
    while (BN_check_prime(p, NULL, NULL) != 1)
        BN_add_word(p, 2);
    refuse(times(p, q), "K8 primes that differ in their lower half only");
    BN_free(q);
    BN_free(d);
}

/* A modulus that is a power of 65537 modulo the small primes of the ROCA fingerprint. */
static void
test_rsa_roca(void)
{
    static const BN_ULONG primes[] = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                      79, 97, 103, 107, 109, 127, 151, 157};
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = BN_new(), *k = BN_new(), *a = BN_new(), *n = BN_new(), *e = BN_new();
    int has_factor = 1, good = 0;
    BN_one(m);
    for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
        BN_mul_word(m, primes[i]);
    BN_set_word(a, 65537);
    BN_set_word(e, 12345);
    BN_mod_exp(a, a, e, m, ctx);
    while (has_factor) {
        BN_rand(k, 2048 - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
        BN_mul(n, k, m, ctx);
        BN_add(n, n, a);
        has_factor = !BN_is_odd(n) || BN_num_bits(n) != 2048;
        for (BN_ULONG p = 3; p < 752; p += 2)
            has_factor |= BN_mod_word(n, p) == 0;
    }
    is_int(rsa(n), SFT_EKEYWEAK, "K8 the ROCA fingerprint");
    for (int i = 0; i < 40 && !good; i++) { /* its neighbours are not weak */
        BN_add_word(n, 2);
        good = rsa(n) == 0;
    }
    ok(good, "and only the fingerprint is refused");
    BN_free(m), BN_free(k), BN_free(a), BN_free(n), BN_free(e);
    BN_CTX_free(ctx);
}

static void
test_rsa_exponent(void)
{
    static const struct {
        const char *e;
        size_t len;
        int err;
        const char *what;
    } rows[] = {
        {"\1\0\1", 3, 0, "65537"},
        {"\1", 1, SFT_EKEYWEAK, "1"},
        {"\2", 1, SFT_EKEYWEAK, "2"},
        {"\3", 1, SFT_EKEYWEAK, "3"},
        {"\2\0\0\0\0", 5, SFT_EKEYWEAK, "2^33"},
        {"\1\0\0\0\1", 5, SFT_EKEYWEAK, "2^32+1"},
        {"", 0, SFT_EFORMAT, "0"},
        {"\0", 1, SFT_EFORMAT, "0 in one byte"},
        {"\0\1\0\1", 4, SFT_EFORMAT, "not minimal"},
        {"\xff\0\1", 3, SFT_EFORMAT, "negative"},
    };
    uint8_t n[257] = {0};
    BIGNUM *p = prime(1024), *q = prime(1024), *m = times(p, q);
    BN_bn2bin(m, n + 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!ok(rsa_bytes((const uint8_t *)rows[i].e, rows[i].len, n, 257) == rows[i].err,
                "K7 exponent"))
            printf("#   e = %s\n", rows[i].what);
    is_int(rsa_bytes((const uint8_t *)"\1\0\1", 3, n + 1, 256), SFT_EFORMAT, "K7 negative modulus");
    is_int(rsa_bytes((const uint8_t *)"\1\0\1", 3, n, 0), SFT_EFORMAT, "K7 no modulus");
    BN_free(m);
    BN_free(q);
}

/* ---- FIDO keys ---- */

static int
sk(const void *application, size_t len)
{
    uint8_t blob[70000];
    struct sbuf b;
    struct sshkey key;
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "sk-ssh-ed25519@openssh.com");
    sb_blob(&b, ed_point, 32);
    sb_blob(&b, application, len);
    return sshkey_from_blob(&key, blob, b.len);
}

static void
test_sk(void)
{
    static char big[65536] = "ssh:";
    memset(big + 4, 'a', sizeof(big) - 4);
    is_int(sk("ssh:", 4), 0, "K14 ssh:");
    is_int(sk("ssh:work.laptop_1-a", 19), 0, "K14 ssh:name");
    is_int(sk(big, 64), 0, "K14 64 bytes");
    ok(sk(big, 65) != 0, "K14 65 bytes");
    is_int(sk(big, sizeof(big)), SFT_ETOOLONG, "K14 64 KiB");
    is_int(sk("", 0), SFT_EKEYTYPE, "K14 empty");
    is_int(sk("https://example.com", 19), SFT_EKEYTYPE, "K14 a web site");
    is_int(sk("ssh:\0evil", 9), SFT_EFORMAT, "K14 NUL");
    is_int(sk("ssh:a b", 7), SFT_EKEYTYPE, "K14 space");
    is_int(sk("ssh:a\n", 6), SFT_EKEYTYPE, "K14 newline");
    is_int(sk("ssh", 3), SFT_EKEYTYPE, "K14 no colon");
    is_int(from_text("webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA"), SFT_EKEYTYPE,
           "K15 a signature's name");
}

/* ssh-keygen agrees that what we take for a FIDO key is one. */
static void
test_sk_text(void)
{
    uint8_t blob[256];
    char text[SSHKEY_TEXT_MAX], print[SSHKEY_FINGERPRINT_MAX], got[128];
    struct sbuf b;
    struct sshkey key, p256;
    struct key *pair = NULL;
    ok(key_generate(KEY_ECDSA_P256, &pair) == 0 && key_public(pair, &p256) == 0, "a P-256 key");
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "sk-ecdsa-sha2-nistp256@openssh.com");
    sb_cstr(&b, "nistp256");
    sb_blob(&b, p256.blob + p256.len - 65, 65);
    sb_cstr(&b, "ssh:");
    is_int(sshkey_from_blob(&key, blob, b.len), 0, "is a FIDO key with an application");
    ok(sshkey_to_text(&key, text, sizeof(text)) == 0 && sshkey_fingerprint(&key, print) == 0,
       "print");
    tmp_write("sk.pub", text, strlen(text));
    tmp_must("ssh-keygen -lf sk.pub | cut -d' ' -f2 >sk.print");
    tmp_line("sk.print", got, sizeof(got));
    is_str(got, print, "ssh-keygen reads the same");
    key_free(pair);
}

/* ---- lines ---- */

#define ED "AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
#define ED_LINE "ssh-ed25519 " ED

static void
test_lines(void)
{
    static const struct {
        const char *what, *line;
        int err;
    } rows[] = {
        {"a key", ED_LINE, 0},
        {"a comment", ED_LINE " me@here, and more", 0},
        {"K19 ANSI escapes in the comment", ED_LINE " \033[31mred\033[0m", 0},
        {"K1 empty", "", SFT_EFORMAT},
        {"K1 only a type", "ssh-ed25519", SFT_EFORMAT},
        {"K1 a type and a space", "ssh-ed25519 ", SFT_EFORMAT},
        {"K1 a type and two spaces", "ssh-ed25519  " ED, SFT_EFORMAT},
        {"K1 no bytes", "ssh-ed25519 ====", SFT_EBASE64},
        {"no type", ED, SFT_EFORMAT},
        {"a space first", " " ED_LINE, SFT_EKEYTYPE},
        {"a tab between", "ssh-ed25519\t" ED, SFT_EFORMAT},
        {"options before", "command=\"id\" " ED_LINE, SFT_EKEYTYPE},
        {"K4 a newline at the end", ED_LINE "\n", SFT_EFORMAT},
        {"K4 a newline in the comment", ED_LINE " me\nroot", SFT_EFORMAT},
        {"K4 a carriage return", ED_LINE " me\r", SFT_EFORMAT},
        {"K4 two keys on a line", ED_LINE " " ED_LINE, SFT_ETRAILING},
        {"K4 a certificate in the comment", ED_LINE " x ssh-rsa-cert-v01@openssh.com",
         SFT_ETRAILING},
        {"K4 bytes after the key",
         "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1EaAAAA",
         SFT_ETRAILING},
        {"K5 the wrong type", "ecdsa-sha2-nistp256 " ED, SFT_EKEYMISMATCH},
        {"K5 the wrong type, rsa", "ssh-rsa " ED, SFT_EKEYMISMATCH},
        {"K11 DSA", "ssh-dss AAAAB3NzaC1kc3M=", SFT_EKEYTYPE},
        {"K11 rsa1", "ssh-rsa1 AAAA", SFT_EKEYTYPE},
        {"K11 a bare modulus", "2048 65537 1234567", SFT_EKEYTYPE},
        {"K11 unknown", "foo@bar AAAA", SFT_EKEYTYPE},
        {"K11 a longer name", "ssh-ed25519x " ED, SFT_EKEYTYPE},
        {"K11 upper case", "SSH-ED25519 " ED, SFT_EKEYTYPE},
        {"K12 a certificate", "ssh-ed25519-cert-v01@openssh.com AAAA", SFT_EKEYCERT},
        {"K12 a certificate's blob", "ssh-ed25519 AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t",
         SFT_EKEYCERT},
        {"K13 a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", SFT_EKEYPRIVATE},
        {"K13 a PKCS#8 key", "-----BEGIN PRIVATE KEY-----\nMC4C\n", SFT_EKEYPRIVATE},
        {"K13 a key on one line", "-----BEGIN EC PRIVATE KEY----- MHcC", SFT_EKEYPRIVATE},
        {"K13 a private key after blanks", "  \n-----BEGIN RSA PRIVATE KEY-----", SFT_EKEYPRIVATE},
        {"K13 a PuTTY key", "PuTTY-User-Key-File-3: ssh-ed25519", SFT_EKEYPRIVATE},
        {"K13 the inside of a private key", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU", SFT_EKEYPRIVATE},
        {"K13 a public PEM", "-----BEGIN PUBLIC KEY-----", SFT_EKEYTYPE},
        {"K18 missing padding",
         "ssh-ed25519 "
         "AAAAC3NzaC1lZDI1NTE5AAA",
         SFT_EBASE64},
        {"K18 URL alphabet",
         "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv-08lkBzoO4XLz2qYjJa8CGmj3B1Ea",
         SFT_EBASE64},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_int(from_text(rows[i].line), rows[i].err, rows[i].what);
}

static void
test_sizes(void)
{
    static char line[1 << 20];
    struct sshkey key;
    memset(line, 'A', sizeof(line));
    memcpy(line, ED_LINE " ", strlen(ED_LINE) + 1);
    is_int(sshkey_from_text(&key, line, sizeof(line)), SFT_ETOOLONG, "K17 a line of 1 MiB");
    is_int(sshkey_from_text(&key, line, 10240), 0, "K19 a comment of 10 KiB");
    is_int(sshkey_from_text(&key, ED_LINE "\0x", strlen(ED_LINE) + 2), SFT_EFORMAT, "NUL");
    is_int(sshkey_from_blob(&key, (const uint8_t *)line, 65536), SFT_ETOOLONG, "K17 a huge blob");
    ok(key.type == SSHKEY_NONE && key.len == 0, "nothing is left of a refused key");
    is_int(sshkey_to_text(&key, line, 100), SFT_EKEYTYPE, "no key has no text");
    ok(!sshkey_equal(&key, &key), "and equals nothing");
}

/* K2, K3: OpenSSH's test_fuzz set: cut everywhere, flip every bit, set every length. */
static void
test_damage(const char *args)
{
    char line[4096];
    uint8_t mem[SSHKEY_BLOB_MAX];
    struct sshkey key, other;
    int cut = 0, flips = 1, lengths = 1;
    tmp_must("rm -f k k.pub && ssh-keygen -q -N '' -C '' %s -f k", args);
    tmp_line("k.pub", line, sizeof(line));
    line[strcspn(line, " ") + 1 + strcspn(strchr(line, ' ') + 1, " ")] = '\0';
    ok(sshkey_from_text(&key, line, strlen(line)) == 0, args);
    for (size_t n = 0; n < key.len; n++)
        cut += sshkey_from_blob(&other, key.blob, n) != 0;
    is_int(cut, key.len, "K2 every truncation is refused");
    for (size_t bit = 0; bit < key.len * 8; bit++) {
        memcpy(mem, key.blob, key.len);
        mem[bit / 8] ^= (uint8_t)(1 << bit % 8);
        flips &= sshkey_from_blob(&other, mem, key.len) != 0 || !sshkey_equal(&key, &other);
    }
    ok(flips, "K2 every flipped bit is refused or gives another key");
    for (size_t at = 0; at + 4 <= key.len; at++)
        for (uint32_t top = 0x7f; top <= 0xff; top += 0x80) {
            memcpy(mem, key.blob, key.len);
            memset(mem + at, 0xff, 4);
            mem[at] = (uint8_t)top;
            lengths &= sshkey_from_blob(&other, mem, key.len) != 0 || !sshkey_equal(&key, &other);
        }
    ok(lengths, "K3 huge lengths are refused");
}

int
main(void)
{
    tmp_enter();
    test_keygen();
    test_device_code();
    test_ed25519_points();
    test_ed25519_curve();
    test_ecdsa_points();
    test_rsa_numbers();
    test_rsa_close();
    test_rsa_roca();
    test_rsa_exponent();
    test_sk();
    test_sk_text();
    test_lines();
    test_sizes();
    test_damage("-t ed25519");
    test_damage("-t ecdsa");
    test_damage("-t rsa -b 2048");
    return done_testing();
}
