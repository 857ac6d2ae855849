/* SPDX-License-Identifier: PostgreSQL */
/*
 * key.c - private keys: vectors of RFC 8032 and RFC 6979, openssl and ssh-keygen as the other side.
 */
#include <string.h>

#include "common/key.h"
#include "common/sbuf.h"
#include "common/tap.h"
#include "common/text.h"
#include "tmp.h"

static void
unhex(uint8_t *out, size_t cap, const char *hex)
{
    size_t len;
    if (hex_decode(out, cap, &len, hex, strlen(hex)) != 0 || len != cap)
        printf("Bail out! bad hex in a test\n");
}

/* The PKCS#8 form of an Ed25519 seed (RFC 8410 section 10.3). */
static struct key *
ed25519_key(const char *seed)
{
    uint8_t der[48];
    struct key *key = NULL;
    unhex(der, 16, "302e020100300506032b657004220420");
    unhex(der + 16, 32, seed);
    return key_from_der(der, sizeof(der), &key) == 0 ? key : NULL;
}

static void
test_rfc8032(void)
{
    static const struct {
        const char *seed, *pub, *msg, *sig;
    } rows[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "c"
         "f9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
         "0"
         "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t pub[32], want[64], sig[64], msg[4];
        struct key *key = ed25519_key(rows[i].seed);
        struct sshkey ssh;
        const uint8_t *point;
        size_t len, msg_len = strlen(rows[i].msg) / 2;
        unhex(pub, 32, rows[i].pub);
        unhex(want, 64, rows[i].sig);
        unhex(msg, msg_len, rows[i].msg);
        ok(key != NULL && key_algorithm(key) == KEY_ED25519, "the seed is read");
        ok(key_public(key, &ssh) == 0 && sshkey_raw_point(&ssh, &point, &len) == 0 && len == 32 &&
               memcmp(point, pub, 32) == 0,
           "RFC 8032 public key");
        ok(key_sign_raw(key, msg, msg_len, sig) == 0 && memcmp(sig, want, 64) == 0,
           "RFC 8032 signature");
        is_int(key_verify_raw(&ssh, msg, msg_len, sig), 0, "verifies");
        key_free(key);
    }
}

/* The P-256 key of RFC 6979 A.2.5 and its signature of "sample". */
static void
test_rfc6979(void)
{
    uint8_t blob[104], sig[64], point[65] = {4};
    struct sbuf b;
    struct sshkey pub;
    unhex(point + 1, 64,
          "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
          "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    unhex(sig, 64,
          "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
          "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "ecdsa-sha2-nistp256");
    sb_cstr(&b, "nistp256");
    sb_blob(&b, point, sizeof(point));
    is_int(sshkey_from_blob(&pub, blob, b.len), 0, "the public key is read");
    is_int(key_verify_raw(&pub, "sample", 6, sig), 0, "RFC 6979 signature verifies");
    is_int(key_verify_raw(&pub, "samplf", 6, sig), SFT_ESIGNATURE, "not for another message");
    memset(sig, 0, 32);
    is_int(key_verify_raw(&pub, "sample", 6, sig), SFT_ESIGNATURE, "r = 0");
    memset(sig, 0xff, 64);
    is_int(key_verify_raw(&pub, "sample", 6, sig), SFT_ESIGNATURE, "r and s beyond the order");
    memset(sig, 0, 64);
    is_int(key_verify_raw(&pub, "sample", 6, sig), SFT_ESIGNATURE, "all zero");
}

static const struct {
    enum key_alg alg;
    enum sshkey_type type;
    unsigned bits;
    const char *name, *digest; /* of openssl pkeyutl */
} algorithms[] = {
    {KEY_ED25519, SSHKEY_ED25519, 256, "ed25519", ""},
    {KEY_ECDSA_P256, SSHKEY_ECDSA_P256, 256, "p256", "-digest sha256"},
    {KEY_ECDSA_P384, SSHKEY_ECDSA_P384, 384, "p384", "-digest sha384"},
    {KEY_ECDSA_P521, SSHKEY_ECDSA_P521, 521, "p521", "-digest sha512"},
    {KEY_RSA, SSHKEY_RSA, 3072, "rsa", "-digest sha512"},
};

static void
check_der(const struct key *key, const struct sshkey *pub)
{
    uint8_t der[KEY_PRIVATE_DER_MAX + 1] = {0};
    size_t len, none;
    struct key *again = NULL;
    struct sshkey pub_again;
    is_int(key_private_der(key, der, KEY_PRIVATE_DER_MAX, &len), 0, "to DER");
    ok(key_from_der(der, len, &again) == 0 && key_public(again, &pub_again) == 0 &&
           sshkey_equal(pub, &pub_again),
       "and back");
    key_free(again);
    tmp_write("key.der", der, len);
    is_int(tmp_run("openssl pkey -inform DER -in key.der -noout -check >/dev/null 2>&1"), 0,
           "openssl reads it");
    is_int(key_private_der(key, der, len - 1, &none), SFT_ENOSPACE, "one byte too little room");
    is_int(key_from_der(der, len + 1, &again), SFT_ETRAILING, "one byte more");
    ok(again == NULL, "gives no key");
    is_int(key_from_der(der, len - 1, &again), SFT_EFORMAT, "one byte less");
}

static void
check_raw_signature(const struct key *key, const struct sshkey *pub)
{
    uint8_t sig[64];
    int flips = 0;
    is_int(key_sign_raw(key, "message", 7, sig), 0, "signs");
    is_int(key_verify_raw(pub, "message", 7, sig), 0, "verifies");
    is_int(key_verify_raw(pub, "massage", 7, sig), SFT_ESIGNATURE, "another message does not");
    is_int(key_verify_raw(pub, "message", 6, sig), SFT_ESIGNATURE, "a shorter one does not");
    for (size_t bit = 0; bit < 512; bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        flips += key_verify_raw(pub, "message", 7, sig) == SFT_ESIGNATURE;
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    is_int(flips, 512, "C16 no flipped bit of the signature verifies");
}

static void
check_openssh(const struct key *key, const struct sshkey *pub)
{
    char pem[4096], want[SSHKEY_TEXT_MAX], got[SSHKEY_TEXT_MAX];
    is_int(key_to_openssh(key, "a comment", pem, sizeof(pem)), 0, "to an OpenSSH key file");
    remove("id");
    tmp_write("id", pem, strlen(pem));
    tmp_must("chmod 600 id && ssh-keygen -y -f id >id.out");
    tmp_line("id.out", got, sizeof(got));
    is_int(sshkey_to_text(pub, want, sizeof(want)), 0, "public text");
    ok(strncmp(got, want, strlen(want)) == 0 && strcmp(got + strlen(want), " a comment") == 0,
       "ssh-keygen reads it, comment too");
    is_int(key_to_openssh(key, "a comment", pem, strlen(pem)), SFT_ENOSPACE, "no room for the NUL");
    ok(pem[0] == '\0', "and nothing is left of it");
}

static int
checks(const struct sshkey *pub, const struct sbuf *sig)
{
    return key_check_ssh(pub, sig->p, sig->len);
}

static int
verifies(const struct sshkey *pub, const struct sbuf *sig)
{
    return key_verify_ssh(pub, "message", 7, sig->p, sig->len);
}

/* As an SSH signature and as X.509 has it; openssl is the judge of the second. */
static void
check_signature(const struct key *key, const struct sshkey *pub, const char *pkeyopt)
{
    uint8_t blob[2048], sig[KEY_SIG_MAX], der[KEY_PRIVATE_DER_MAX];
    struct sbuf b;
    size_t len, der_len;
    int flips = 0;
    for (int i = 0; i < 64; i++) { /* short numbers and sign bytes come up now and then */
        sb_writer(&b, blob, sizeof(blob));
        flips += key_sign_ssh(key, "message", 7, &b) != 0 || verifies(pub, &b) != 0 ||
                 checks(pub, &b) != 0;
        i += pub->type == SSHKEY_RSA ? 31 : 0; /* has none of them, and is slow */
    }
    is_int(flips, 0, "an SSH signature verifies each time");
    is_int(key_verify_ssh(pub, "massage", 7, b.p, b.len), SFT_ESIGNATURE, "not another message");
    for (size_t i = 0; i < b.len; i += 3) {
        blob[i] ^= 0x10;
        flips += verifies(pub, &b) == 0;
        blob[i] ^= 0x10;
    }
    is_int(flips, 0, "C16 no flipped bit of it verifies");
    b.len--;
    ok(verifies(pub, &b) != 0 && checks(pub, &b) != 0, "nor one byte less");
    is_int(key_sign(key, "message", 7, sig, &len), 0, "signs as for X.509");
    is_int(key_verify(pub, "message", 7, sig, len), 0, "  which verifies");
    is_int(key_verify(pub, "massage", 7, sig, len), SFT_ESIGNATURE, "  not another message");
    for (size_t i = 0; i < len; i += 3) {
        sig[i] ^= 0x10;
        flips += key_verify(pub, "message", 7, sig, len) == 0;
        sig[i] ^= 0x10;
    }
    is_int(flips, 0, "  no flipped bit of it verifies");
    ok(key_verify(pub, "message", 7, sig, len - 1) != 0, "  nor one byte less");
    is_int(key_private_der(key, der, sizeof(der), &der_len), 0, "its DER");
    tmp_write("k.der", der, der_len);
    tmp_write("sig", sig, len);
    tmp_write("msg", "message", 7);
    is_int(
        tmp_run("openssl pkey -inform DER -in k.der -pubout -out k.pub && openssl pkeyutl -verify "
                "-rawin %s -pubin -inkey k.pub -in msg -sigfile sig >/dev/null 2>&1",
                pkeyopt),
        0, "openssl verifies it");
}

/* C20: an RSA key signs with SHA-512 and nothing else, and SHA-1 is not even looked at. */
static void
test_rsa(void)
{
    static const unsigned sizes[] = {2048, 2056, 3072};
    static const uint8_t filler[384];
    uint8_t blob[2048];
    struct sbuf b;
    struct sshkey pub;
    struct key *key = NULL;
    is_int(key_generate_rsa(2047, &key), SFT_EKEYWEAK, "RSA of 2047 bits");
    is_int(key_generate_rsa(2049, &key), SFT_EKEYWEAK, "RSA of 2049 bits");
    is_int(key_generate_rsa(8200, &key), SFT_EKEYWEAK, "RSA of 8200 bits");
    ok(key == NULL, "gives no key");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        is_int(key_generate_rsa(sizes[i], &key), 0, "RSA generated");
        ok(key_public(key, &pub) == 0 && pub.bits == sizes[i], "of the size that was asked");
        check_signature(key, &pub, "-digest sha512");
        sb_writer(&b, blob, sizeof(blob));
        is_int(key_sign_ssh(key, "message", 7, &b), 0, "signs");
        ok(b.len > 16 && memcmp(b.p + 4, "rsa-sha2-512", 12) == 0, "C20 rsa-sha2-512");
        memcpy(b.p + 4, "rsa-sha2-256", 12);
        is_int(verifies(&pub, &b), SFT_ESIGNATURE, "is no rsa-sha2-256");
        key_free(key);
    }
    sb_writer(&b, blob, sizeof(blob));
    sb_cstr(&b, "ssh-rsa");
    sb_blob(&b, filler, sizeof(filler));
    is_int(checks(&pub, &b), SFT_EKEYTYPE, "C20 ssh-rsa is refused");
    is_int(verifies(&pub, &b), SFT_EKEYTYPE, "C20 ssh-rsa is not verified");
}

/* Our own signatures by the names of their algorithms; openssl's are in pg_sftca/t. */
static void
test_named(void)
{
    static const struct {
        enum key_alg alg;
        const char *name, *wrong;
    } rows[] = {{KEY_ED25519, "ed25519", "ecdsa-p256-sha256"},
                {KEY_ECDSA_P256, "ecdsa-p256-sha256-der", "ecdsa-p384-sha384-der"},
                {KEY_ECDSA_P384, "ecdsa-p384-sha384-der", "rsa-v1_5-sha256"},
                {KEY_ECDSA_P521, "ecdsa-p521-sha512-der", "ed25519"},
                {KEY_RSA, "rsa-v1_5-sha512", "ecdsa-p521-sha512"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct key *key = NULL;
        struct sshkey pub;
        uint8_t sig[KEY_SIG_MAX], ssh[2048];
        size_t len = 0;
        struct sbuf b;
        sb_writer(&b, ssh, sizeof(ssh));
        is_int(key_generate(rows[i].alg, &key), 0, rows[i].name);
        ok(key_public(key, &pub) == 0 && key_sign(key, "m", 1, sig, &len) == 0, "signs");
        is_int(key_verify_as(rows[i].name, &pub, "m", 1, sig, len), 0, "verifies");
        is_int(key_verify_as(rows[i].name, &pub, "n", 1, sig, len), SFT_ESIGNATURE, "no other");
        is_int(key_verify_as(rows[i].name, &pub, "m", 1, sig, len - 1), SFT_ESIGNATURE, "cut");
        is_int(key_verify_as(rows[i].name, &pub, "m", 1, sig, 0), SFT_ESIGNATURE, "nothing");
        is_int(key_verify_as(rows[i].wrong, &pub, "m", 1, sig, len), SFT_EKEYTYPE, "wrong key");
        is_int(key_verify_as("none", &pub, "m", 1, sig, len), SFT_ENOTFOUND, "none");
        is_int(key_sign_ssh(key, "m", 1, &b), 0, "signs for SSH");
        is_int(key_verify_as("ssh", &pub, "m", 1, ssh, b.len), 0, "verifies");
        is_int(key_verify_as("ssh", &pub, "m", 1, ssh, b.len - 1), SFT_ESIGNATURE, "cut");
        key_free(key);
    }
}

static void
test_every_algorithm(void)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        struct key *key = NULL;
        struct sshkey pub;
        uint8_t sig[64];
        char pem[64];
        printf("# %s\n", algorithms[i].name);
        is_int(key_generate(algorithms[i].alg, &key), 0, "generated");
        ok(key_public(key, &pub) == 0 && pub.type == algorithms[i].type &&
               pub.bits == algorithms[i].bits,
           "public key");
        check_der(key, &pub);
        check_signature(key, &pub, algorithms[i].digest);
        if (i < 2) {
            check_raw_signature(key, &pub);
            check_openssh(key, &pub);
        } else {
            is_int(key_sign_raw(key, "m", 1, sig), SFT_EKEYTYPE, "does not sign requests");
            is_int(key_verify_raw(&pub, "m", 1, sig), SFT_EKEYTYPE, "nor verify them");
            is_int(key_to_openssh(key, "", pem, sizeof(pem)), SFT_EKEYTYPE, "nor go to a file");
        }
        key_free(key);
    }
}

/* Keys that openssl makes and we shall not take. */
static void
test_refused_private_keys(void)
{
    static const struct {
        const char *how;
        int err;
    } rows[] = {
        {"-algorithm RSA -pkeyopt rsa_keygen_bits:1024", SFT_EKEYWEAK},
        {"-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", SFT_EKEYTYPE},
        {"-algorithm X25519", SFT_EKEYTYPE},
        {"-algorithm ED448", SFT_EKEYTYPE},
    };
    uint8_t der[KEY_PRIVATE_DER_MAX + 1];
    struct key *key = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tmp_must("openssl genpkey %s 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -outform DER "
                 "-out bad.der",
                 rows[i].how);
        size_t len = tmp_read("bad.der", der, sizeof(der));
        ok(key_from_der(der, len, &key) == rows[i].err && key == NULL, rows[i].how);
    }
    is_int(key_from_der(der, 0, &key), SFT_EFORMAT, "nothing");
    is_int(key_from_der((const uint8_t *)"-----BEGIN PRIVATE KEY-----", 27, &key), SFT_EFORMAT,
           "PEM");
    is_int(key_from_der(der, KEY_PRIVATE_DER_MAX + 1, &key), SFT_ETOOLONG, "too long");
    is_int(key_generate(KEY_NONE, &key), SFT_EKEYTYPE, "no algorithm");
    key_free(NULL);
}

/* openssl verifies what we sign, so that both do not share a mistake. */
static void
test_openssl_verifies(void)
{
    struct key *key = NULL;
    uint8_t der[KEY_PRIVATE_DER_MAX], sig[64];
    size_t len;
    is_int(key_generate(KEY_ED25519, &key), 0, "a key");
    is_int(key_private_der(key, der, sizeof(der), &len), 0, "its DER");
    is_int(key_sign_raw(key, "hello", 5, sig), 0, "a signature");
    tmp_write("k.der", der, len);
    tmp_write("sig", sig, sizeof(sig));
    tmp_write("msg", "hello", 5);
    is_int(
        tmp_run("openssl pkey -inform DER -in k.der -pubout -out k.pub && openssl pkeyutl -verify "
                "-rawin -pubin -inkey k.pub -in msg -sigfile sig >/dev/null 2>&1"),
        0, "openssl verifies our Ed25519 signature");
    key_free(key);
}

int
main(void)
{
    tmp_enter();
    test_rfc8032();
    test_rfc6979();
    test_named();
    test_every_algorithm();
    test_rsa();
    test_refused_private_keys();
    test_openssl_verifies();
    return done_testing();
}
