/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey.c - SSH public keys: parse, check, print. The checks of the numbers are in sshkey_check.c.
 */
#include "common/sshkey.h"

#include <string.h>

#include "common/digest.h"
#include "common/sbuf.h"
#include "common/sshkey_check.h"
#include "common/text.h"

#define TEXT_IN_MAX 16384 /* a longer line is refused unread; comments may be long */
#define BLOB_IN_MAX 8192  /* room to call an oversized RSA key by its name */
#define CERT_SUFFIX "-cert-v01@openssh.com"

/* One row for each type; read reads what follows the algorithm name. */
struct kind {
    enum sshkey_type type;
    const char *name, *cert_name;
    const char *curve; /* SSH's name of the curve, NULL if the type has none */
    unsigned bits;     /* 0: as many as the modulus has */
    int (*read)(struct sbuf *b, struct sshkey *key);
};

static int read_ed25519(struct sbuf *b, struct sshkey *key);
static int read_ecdsa(struct sbuf *b, struct sshkey *key);
static int read_rsa(struct sbuf *b, struct sshkey *key);
static int read_sk_ed25519(struct sbuf *b, struct sshkey *key);
static int read_sk_ecdsa(struct sbuf *b, struct sshkey *key);

static const struct kind kinds[] = {
    {SSHKEY_ED25519, "ssh-ed25519", "ssh-ed25519" CERT_SUFFIX, NULL, 256, read_ed25519},
    {SSHKEY_ECDSA_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" CERT_SUFFIX, "nistp256", 256,
     read_ecdsa},
    {SSHKEY_ECDSA_P384, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384" CERT_SUFFIX, "nistp384", 384,
     read_ecdsa},
    {SSHKEY_ECDSA_P521, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521" CERT_SUFFIX, "nistp521", 521,
     read_ecdsa},
    {SSHKEY_RSA, "ssh-rsa", "ssh-rsa" CERT_SUFFIX, NULL, 0, read_rsa},
    {SSHKEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519" CERT_SUFFIX, NULL, 256,
     read_sk_ed25519},
    {SSHKEY_SK_ECDSA_P256, "sk-ecdsa-sha2-nistp256@openssh.com",
     "sk-ecdsa-sha2-nistp256" CERT_SUFFIX, "nistp256", 256, read_sk_ecdsa},
};
#define KINDS_N (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *
kind_of(enum sshkey_type type)
{
    for (size_t i = 0; i < KINDS_N; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* The row of this algorithm name, or NULL and why not. */
static const struct kind *
kind_named(const char *name, size_t len, int *errp)
{
    const size_t suffix = strlen(CERT_SUFFIX);
    for (size_t i = 0; i < KINDS_N; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, name, len) == 0)
            return &kinds[i];
    int is_cert = len > suffix && memcmp(name + len - suffix, CERT_SUFFIX, suffix) == 0;
    *errp = is_cert ? SFT_EKEYCERT : SFT_EKEYTYPE;
    return NULL;
}

/* ---- what each type has after its name ---- */

static int
read_ed25519(struct sbuf *b, struct sshkey *key)
{
    size_t len;
    const uint8_t *point = sb_get_blob(b, &len);
    (void)key;
    if (sb_err(b) != 0)
        return sb_err(b);
    return sshkey_check_ed25519(point, len);
}

static int
read_ecdsa(struct sbuf *b, struct sshkey *key)
{
    const struct kind *kind = kind_of(key->type);
    size_t curve_len, len;
    const uint8_t *curve = sb_get_blob(b, &curve_len);
    const uint8_t *point = sb_get_blob(b, &len);
    if (sb_err(b) != 0)
        return sb_err(b);
    if (kind == NULL || curve_len != strlen(kind->curve) ||
        memcmp(curve, kind->curve, curve_len) != 0)
        return SFT_EKEYMISMATCH;
    return sshkey_check_ecdsa(key->bits, point, len);
}

static int
read_rsa(struct sbuf *b, struct sshkey *key)
{
    size_t e_len, n_len;
    const uint8_t *e = sb_get_mpint(b, &e_len);
    const uint8_t *n = sb_get_mpint(b, &n_len);
    if (sb_err(b) != 0)
        return sb_err(b);
    if (e_len != 3 || memcmp(e, "\x01\x00\x01", 3) != 0)
        return SFT_EKEYWEAK;
    return sshkey_check_rsa(n, n_len, &key->bits);
}

/*
 * The application of a FIDO key is "ssh:" and at most 60 harmless characters. Others ("https://…")
 * are keys of web sites, for which somebody else may make signatures.
 */
static int
read_application(struct sbuf *b)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char application[65];
    sb_get_cstr(b, application, sizeof(application));
    if (sb_err(b) != 0)
        return sb_err(b);
    if (strncmp(application, "ssh:", 4) != 0 ||
        application[4 + strspn(application + 4, allowed)] != '\0')
        return SFT_EKEYTYPE;
    return 0;
}

static int
read_sk_ed25519(struct sbuf *b, struct sshkey *key)
{
    int err = read_ed25519(b, key);
    return err != 0 ? err : read_application(b);
}

static int
read_sk_ecdsa(struct sbuf *b, struct sshkey *key)
{
    int err = read_ecdsa(b, key);
    return err != 0 ? err : read_application(b);
}

/* ---- parsing ---- */

static int
parse_blob(struct sshkey *key, const uint8_t *blob, size_t len)
{
    struct sbuf b;
    size_t name_len;
    int err = SFT_EFORMAT;
    sb_reader(&b, blob, len);
    const char *name = (const char *)sb_get_blob(&b, &name_len);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    const struct kind *kind = kind_named(name, name_len, &err);
    if (kind == NULL)
        return err;
    key->type = kind->type;
    key->bits = kind->bits;
    err = kind->read(&b, key);
    if (err != 0)
        return err;
    sb_end(&b);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    if (len > sizeof(key->blob))
        return SFT_ETOOLONG;
    memcpy(key->blob, blob, len);
    key->len = len;
    return 0;
}

int
sshkey_from_blob(struct sshkey *key, const uint8_t *blob, size_t len)
{
    memset(key, 0, sizeof(*key));
    int err = len <= BLOB_IN_MAX ? parse_blob(key, blob, len) : SFT_ETOOLONG;
    if (err != 0)
        memset(key, 0, sizeof(*key));
    return err;
}

/* Bytes that make the text something else than one line: line ends and NUL. */
static int
is_one_line(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] == '\n' || s[i] == '\r' || s[i] == '\0')
            return 0;
    return 1;
}

static int
starts_with(const char *s, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

/* People paste the wrong file. Say so, and look no further into it. */
static int
is_private(const char *s, size_t len)
{
    return memmem(s, len, "PRIVATE KEY-----", 16) != NULL ||
           starts_with(s, len, "PuTTY-User-Key-File") || starts_with(s, len, "b3BlbnNzaC1rZXktdjE");
}

/* The length of the word at s, which ends at a space or at the end. */
static size_t
word_len(const char *s, size_t len)
{
    const char *space = memchr(s, ' ', len);
    return space != NULL ? (size_t)(space - s) : len;
}

/* A comment may say anything, but not hold a second key. */
static int
has_key_type(const char *s, size_t len)
{
    while (len > 0) {
        int err = 0;
        size_t n = word_len(s, len);
        if (n > 0 && (kind_named(s, n, &err) != NULL || err == SFT_EKEYCERT))
            return 1;
        s += n < len ? n + 1 : n;
        len -= n < len ? n + 1 : n;
    }
    return 0;
}

static int
check_curve(const struct sshkey *key)
{
    struct sbuf b;
    size_t len;
    if (key->type != SSHKEY_ED25519 && key->type != SSHKEY_SK_ED25519)
        return 0; /* ECDSA points have been checked */
    sb_reader(&b, key->blob, key->len);
    sb_get_blob(&b, &len);
    const uint8_t *point = sb_get_blob(&b, &len);
    return sshkey_check_ed25519_curve(point, len);
}

static int
parse_text(struct sshkey *key, const char *s, size_t len)
{
    uint8_t blob[BLOB_IN_MAX];
    size_t blob_len, type_len = word_len(s, len);
    int err = SFT_EFORMAT;
    const struct kind *kind = kind_named(s, type_len, &err);
    if (kind == NULL || type_len == len)
        return type_len == len && err != SFT_EKEYCERT ? SFT_EFORMAT : err;
    s += type_len + 1;
    len -= type_len + 1;
    size_t data_len = word_len(s, len);
    if (data_len == 0)
        return SFT_EFORMAT;
    if (has_key_type(s + data_len, len - data_len))
        return SFT_ETRAILING;
    err = b64_decode(blob, sizeof(blob), &blob_len, s, data_len);
    if (err == 0)
        err = sshkey_from_blob(key, blob, blob_len);
    if (err == 0 && key->type != kind->type)
        err = SFT_EKEYMISMATCH;
    return err != 0 ? err : check_curve(key);
}

int
sshkey_from_text(struct sshkey *key, const char *s, size_t len)
{
    int err = SFT_EFORMAT;
    memset(key, 0, sizeof(*key));
    if (len > TEXT_IN_MAX)
        err = SFT_ETOOLONG;
    else if (is_private(s, len))
        err = SFT_EKEYPRIVATE;
    else if (is_one_line(s, len))
        err = parse_text(key, s, len);
    if (err != 0)
        memset(key, 0, sizeof(*key));
    return err;
}

/* ---- printing ---- */

int
sshkey_to_text(const struct sshkey *key, char *out, size_t cap)
{
    const char *name = sshkey_type_name(key->type);
    size_t n = strlen(name);
    if (cap > 0)
        out[0] = '\0';
    if (key->type == SSHKEY_NONE)
        return SFT_EKEYTYPE;
    if (n + 1 >= cap)
        return SFT_ENOSPACE;
    int err = b64_encode(out + n + 1, cap - n - 1, key->blob, key->len);
    if (err == 0) {
        memcpy(out, name, n);
        out[n] = ' ';
    }
    return err;
}

int
sshkey_fingerprint(const struct sshkey *key, char *out)
{
    uint8_t hash[SHA256_LEN];
    char b64[B64_LEN(SHA256_LEN) + 1];
    out[0] = '\0';
    int err = digest_sha256(key->blob, key->len, hash);
    if (err == 0)
        err = b64_encode(b64, sizeof(b64), hash, sizeof(hash));
    if (err == 0) {
        memcpy(out, "SHA256:", 7);
        memcpy(out + 7, b64, 43); /* ssh-keygen prints no padding */
        out[50] = '\0';
    }
    return err;
}

const char *
sshkey_type_name(enum sshkey_type type)
{
    const struct kind *kind = kind_of(type);
    return kind != NULL ? kind->name : "none";
}

const char *
sshkey_cert_type_name(enum sshkey_type type)
{
    const struct kind *kind = kind_of(type);
    return kind != NULL ? kind->cert_name : "none";
}

int
sshkey_equal(const struct sshkey *a, const struct sshkey *b)
{
    return a->len == b->len && a->len > 0 && memcmp(a->blob, b->blob, a->len) == 0;
}

int
sshkey_raw_point(const struct sshkey *key, const uint8_t **pointp, size_t *lenp)
{
    struct sbuf b;
    size_t skipped;
    *pointp = NULL;
    *lenp = 0;
    if (key->type != SSHKEY_ED25519 && key->type != SSHKEY_ECDSA_P256)
        return SFT_EKEYTYPE;
    sb_reader(&b, key->blob, key->len);
    sb_get_blob(&b, &skipped);
    if (key->type == SSHKEY_ECDSA_P256)
        sb_get_blob(&b, &skipped);
    *pointp = sb_get_blob(&b, lenp);
    return sb_err(&b);
}

int
sshkey_device_code(const struct sshkey *key, char *out)
{
    uint8_t hash[SHA256_LEN];
    char b32[17];
    out[0] = '\0';
    int err = digest_sha256(key->blob, key->len, hash);
    if (err == 0)
        err = b32_encode(b32, sizeof(b32), hash, 10);
    for (size_t i = 0; err == 0 && i < 16; i++) {
        out[i + i / 4] = b32[i];
        out[i + i / 4 + 1] = i == 15 ? '\0' : '-';
    }
    return err;
}
