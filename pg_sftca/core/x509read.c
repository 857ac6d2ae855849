/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509read.c - a strict DER reader for one profile. Shares no code with x509write.c but the list of
 * object identifiers.
 */
#include "core/x509read.h"

#include <string.h>

#include "common/digest.h"
#include "common/sbuf.h"
#include "common/text.h"
#include "core/x509oid.h"

/* The next element, which must have this tag; its content becomes the reader in. */
static void
enter(struct sbuf *r, uint8_t tag, struct sbuf *in)
{
    size_t n = 0;
    if (sb_get_u8(r) != tag)
        sb_fail(r, SFT_EFORMAT);
    uint8_t first = sb_get_u8(r);
    if (first < 0x80) {
        n = first;
    } else if (first == 0x81) {
        n = sb_get_u8(r);
        if (n < 0x80)
            sb_fail(r, SFT_EFORMAT); /* not the shortest form */
    } else if (first == 0x82) {
        n = (size_t)sb_get_u8(r) << 8;
        n |= sb_get_u8(r);
        if (n < 0x100)
            sb_fail(r, SFT_EFORMAT);
    } else {
        sb_fail(r, SFT_EFORMAT);
    }
    const uint8_t *p = sb_get_raw(r, sb_err(r) == SFT_OK ? n : 0);
    sb_reader(in, p, sb_err(r) == SFT_OK ? n : 0);
    if (sb_err(r) != SFT_OK)
        sb_fail(in, sb_err(r));
}

/* All of in was read; its failure becomes r's. */
static void
leave(struct sbuf *r, struct sbuf *in)
{
    sb_end(in);
    if (sb_err(in) != SFT_OK)
        sb_fail(r, sb_err(in));
}

static const uint8_t *
rest(struct sbuf *in, size_t *lenp)
{
    *lenp = sb_left(in);
    return sb_get_raw(in, *lenp);
}

static void
expect(struct sbuf *r, uint8_t tag, const void *content, size_t len)
{
    struct sbuf in;
    size_t n;
    enter(r, tag, &in);
    const uint8_t *p = rest(&in, &n);
    if (sb_err(&in) != SFT_OK || n != len || memcmp(p, content, len) != 0)
        sb_fail(r, SFT_EFORMAT);
}

static void
expect_oid(struct sbuf *r, const struct der_oid *oid)
{
    expect(r, DER_OID, oid->bytes, oid->len);
}

static void
get_text(struct sbuf *r, uint8_t tag, char *out, size_t cap)
{
    struct sbuf in;
    size_t n;
    enter(r, tag, &in);
    const uint8_t *p = rest(&in, &n);
    out[0] = '\0';
    if (sb_err(&in) != SFT_OK || n >= cap || !text_is_utf8((const char *)p, n)) {
        sb_fail(r, SFT_EFORMAT);
        return;
    }
    memcpy(out, p, n);
    out[n] = '\0';
}

static uint64_t
get_u64(struct sbuf *r)
{
    struct sbuf in;
    size_t n;
    uint64_t v = 0;
    enter(r, DER_INTEGER, &in);
    const uint8_t *p = rest(&in, &n);
    if (sb_err(&in) != SFT_OK || n == 0 || n > 8 || p[0] >= 0x80 ||
        (n > 1 && p[0] == 0 && p[1] < 0x80)) {
        sb_fail(r, SFT_EFORMAT);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void
get_attribute(struct sbuf *name, const struct der_oid *oid, char *out, size_t cap)
{
    struct sbuf set, pair;
    enter(name, DER_SET, &set);
    enter(&set, DER_SEQUENCE, &pair);
    expect_oid(&pair, oid);
    get_text(&pair, DER_UTF8, out, cap);
    leave(&set, &pair);
    leave(name, &set);
}

static void
get_issuer(struct sbuf *r, struct x509read *cert)
{
    struct sbuf name;
    char organization[8];
    if (cert->brought != NULL && cert->brought->len > 0) {
        const uint8_t *p = sb_get_raw(r, cert->brought->len);
        if (sb_err(r) == SFT_OK && memcmp(p, cert->brought->der, cert->brought->len) != 0)
            sb_fail(r, SFT_EFORMAT);
        return;
    }
    enter(r, DER_SEQUENCE, &name);
    get_attribute(&name, &oid_organization, organization, sizeof organization);
    get_attribute(&name, &oid_common_name, cert->issuer, sizeof cert->issuer);
    leave(r, &name);
    if (strcmp(organization, "sft") != 0)
        sb_fail(r, SFT_EFORMAT);
}

static void
get_subject(struct sbuf *r, struct x509read *cert)
{
    struct sbuf name;
    enter(r, DER_SEQUENCE, &name);
    get_attribute(&name, &oid_organization, cert->organization, sizeof cert->organization);
    get_attribute(&name, &oid_organizational_unit, cert->organizational_unit,
                  sizeof cert->organizational_unit);
    if (sb_left(&name) > 0) {
        get_attribute(&name, &oid_common_name, cert->common_name, sizeof cert->common_name);
        if (cert->common_name[0] == '\0')
            sb_fail(r, SFT_EFORMAT);
    }
    leave(r, &name);
}

static int
two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Days since 1970 of a day of the years 1950 to 2049, in which every fourth is a leap year. */
static int
days_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leaps = (year - 1949) / 4 - 5 + (year % 4 == 0 && month > 2);
    return (year - 1970) * 365 + leaps + before[month - 1] + day - 1;
}

static int
is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && year % 4 == 0);
}

/* "YYMMDDHHMMSSZ", a moment that exists; 50 to 99 is 1950 to 1999 (RFC 5280 4.1.2.5.1). */
static uint64_t
get_time(struct sbuf *r)
{
    char s[16];
    get_text(r, DER_UTC_TIME, s, sizeof s);
    if (strlen(s) != 13 || strspn(s, "0123456789") != 12 || s[12] != 'Z') {
        sb_fail(r, SFT_EFORMAT);
        return 0;
    }
    int year = two_digits(s) + (two_digits(s) < 50 ? 2000 : 1900);
    int month = two_digits(s + 2), day = two_digits(s + 4);
    int hour = two_digits(s + 6), minute = two_digits(s + 8), second = two_digits(s + 10);
    if (year < 1970 || !is_day(year, month, day) || hour > 23 || minute > 59 || second > 59) {
        sb_fail(r, SFT_EFORMAT);
        return 0;
    }
    return (uint64_t)days_of(year, month, day) * 86400 +
           (uint64_t)(hour * 3600 + minute * 60 + second);
}

static void
get_validity(struct sbuf *r, struct x509read *cert)
{
    struct sbuf in;
    enter(r, DER_SEQUENCE, &in);
    cert->valid_after = get_time(&in);
    cert->valid_before = get_time(&in) + 1;
    leave(r, &in);
}

static void
blob_of_rsa(struct sbuf *r, struct sbuf *bits, struct sbuf *blob)
{
    struct sbuf pair, n, e;
    size_t n_len, e_len;
    enter(bits, DER_SEQUENCE, &pair);
    enter(&pair, DER_INTEGER, &n);
    enter(&pair, DER_INTEGER, &e);
    leave(bits, &pair);
    leave(r, bits);
    const uint8_t *np = rest(&n, &n_len), *ep = rest(&e, &e_len);
    if (sb_err(r) != SFT_OK)
        return;
    sb_cstr(blob, "ssh-rsa");
    sb_blob(blob, ep, e_len); /* an mpint is an INTEGER's content */
    sb_blob(blob, np, n_len);
}

static void
blob_of_ec(struct sbuf *r, struct sbuf *algorithm, struct sbuf *bits, struct sbuf *blob)
{
    static const struct {
        const struct der_oid *oid;
        const char *name, *curve;
    } curves[] = {{&oid_p256, "ecdsa-sha2-nistp256", "nistp256"},
                  {&oid_p384, "ecdsa-sha2-nistp384", "nistp384"},
                  {&oid_p521, "ecdsa-sha2-nistp521", "nistp521"}};
    struct sbuf oid;
    size_t oid_len, n;
    enter(algorithm, DER_OID, &oid);
    const uint8_t *oid_bytes = rest(&oid, &oid_len), *point = rest(bits, &n);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (sb_err(algorithm) == SFT_OK && sb_err(bits) == SFT_OK &&
            oid_len == curves[i].oid->len &&
            memcmp(oid_bytes, curves[i].oid->bytes, oid_len) == 0) {
            sb_cstr(blob, curves[i].name);
            sb_cstr(blob, curves[i].curve);
            sb_blob(blob, point, n);
            return;
        }
    sb_fail(r, SFT_EFORMAT);
}

static void
blob_of_ed25519(struct sbuf *bits, struct sbuf *blob)
{
    size_t n;
    const uint8_t *point = rest(bits, &n);
    sb_cstr(blob, "ssh-ed25519");
    sb_blob(blob, point, sb_err(bits) == SFT_OK ? n : 0);
}

/* SubjectPublicKeyInfo back to the SSH blob that it was made from. */
static void
get_key(struct sbuf *r, struct sshkey *key)
{
    struct sbuf spki, algorithm, oid, bits, blob;
    size_t n;
    sb_writer(&blob, key->blob, sizeof key->blob);
    enter(r, DER_SEQUENCE, &spki);
    enter(&spki, DER_SEQUENCE, &algorithm);
    enter(&algorithm, DER_OID, &oid);
    enter(&spki, DER_BITS, &bits);
    leave(r, &spki);
    if (sb_get_u8(&bits) != 0)
        sb_fail(r, SFT_EFORMAT); /* unused bits */
    const uint8_t *p = rest(&oid, &n);
    if (sb_err(r) != SFT_OK || sb_err(&oid) != SFT_OK) {
        sb_fail(r, SFT_EFORMAT);
    } else if (n == oid_ec_key.len && memcmp(p, oid_ec_key.bytes, n) == 0) {
        blob_of_ec(r, &algorithm, &bits, &blob);
    } else if (n == oid_rsa_key.len && memcmp(p, oid_rsa_key.bytes, n) == 0) {
        expect(&algorithm, DER_NULL, "", 0);
        blob_of_rsa(r, &bits, &blob);
    } else if (n == oid_ed25519.len && memcmp(p, oid_ed25519.bytes, n) == 0) {
        blob_of_ed25519(&bits, &blob);
    } else {
        sb_fail(r, SFT_EFORMAT);
    }
    leave(r, &algorithm);
    if (sb_err(&blob) != SFT_OK)
        sb_fail(r, sb_err(&blob));
    key->len = blob.len;
}

/* The key, and the identifier that follows from it (RFC 7093 2, method 4). */
static void
get_subject_key(struct sbuf *r, struct x509read *cert, uint8_t id[32])
{
    size_t begin = r->at;
    get_key(r, &cert->subject);
    if (sb_err(r) == SFT_OK && digest_sha256(r->r + begin, r->at - begin, id) != SFT_OK)
        sb_fail(r, SFT_ECRYPTO);
}

/* Enters the next extension, which must be this one, as far as its value. */
static void
enter_extension(struct sbuf *r, const struct der_oid *oid, int critical, struct sbuf *value)
{
    struct sbuf whole;
    enter(r, DER_SEQUENCE, &whole);
    expect_oid(&whole, oid);
    if (critical)
        expect(&whole, DER_BOOLEAN, "\xff", 1);
    enter(&whole, DER_OCTETS, value);
    leave(r, &whole);
}

static void
get_authority_key_id(struct sbuf *r, struct x509read *cert)
{
    struct sbuf value, sequence, id;
    size_t n;
    enter_extension(r, &oid_authority_key_id, 0, &value);
    enter(&value, DER_SEQUENCE, &sequence);
    enter(&sequence, 0x80, &id);
    const uint8_t *p = rest(&id, &n);
    leave(&value, &sequence);
    leave(r, &value);
    if (sb_err(r) != SFT_OK || n == 0 || n > sizeof cert->authority_key_id.bytes) {
        sb_fail(r, SFT_EFORMAT);
        return;
    }
    cert->authority_key_id.len = n;
    memcpy(cert->authority_key_id.bytes, p, n);
}

/* The kind of the next name by its tag, which is the length byte's neighbour. */
static uint8_t
peek_tag(const struct sbuf *r)
{
    struct sbuf copy = *r;
    return sb_get_u8(&copy);
}

static void
get_names(struct sbuf *r, struct x509read *cert)
{
    struct sbuf value, names, name;
    enter_extension(r, &oid_alt_name, 0, &value);
    enter(&value, DER_SEQUENCE, &names);
    while (sb_err(&names) == SFT_OK && sb_left(&names) > 0) {
        uint8_t tag = peek_tag(&names);
        if (cert->names_n == ALTNAME_MAX ||
            (tag != (0x80 | ALTNAME_EMAIL) && tag != (0x80 | ALTNAME_DNS) &&
             tag != (0x80 | ALTNAME_URI) && tag != (0x80 | ALTNAME_IP))) {
            sb_fail(r, SFT_EFORMAT);
            return;
        }
        struct altname *one = &cert->names[cert->names_n++];
        enter(&names, tag, &name);
        one->type = (enum altname_type)(tag & 0x1f);
        one->data = rest(&name, &one->len);
        leave(&names, &name);
    }
    leave(&value, &names);
    leave(r, &value);
    if (cert->names_n == 0)
        sb_fail(r, SFT_EFORMAT);
}

static void
get_subject_key_id(struct sbuf *r, const uint8_t *want)
{
    struct sbuf value;
    enter_extension(r, &oid_subject_key_id, 0, &value);
    expect(&value, DER_OCTETS, want, 20);
    leave(r, &value);
}

static void
get_usage(struct sbuf *r, struct x509read *cert)
{
    struct sbuf value, usages, oid;
    size_t n;
    enter_extension(r, &oid_extended_key_usage, 0, &value);
    enter(&value, DER_SEQUENCE, &usages);
    enter(&usages, DER_OID, &oid);
    const uint8_t *p = rest(&oid, &n);
    if (sb_err(&oid) == SFT_OK && n == oid_client_auth.len &&
        memcmp(p, oid_client_auth.bytes, n) == 0)
        cert->usage = X509_USAGE_CLIENT;
    else if (sb_err(&oid) == SFT_OK && n == oid_server_auth.len &&
             memcmp(p, oid_server_auth.bytes, n) == 0)
        cert->usage = X509_USAGE_SERVER;
    else
        sb_fail(r, SFT_EFORMAT);
    leave(&value, &usages);
    leave(r, &value);
}

/* Exactly these extensions, in this order; no authority, no usage beyond signing in. */
static void
get_extensions(struct sbuf *tbs, struct x509read *cert, const uint8_t *key_id)
{
    struct sbuf tagged, list, value;
    enter(tbs, 0xa3, &tagged);
    enter(&tagged, DER_SEQUENCE, &list);
    enter_extension(&list, &oid_basic_constraints, 1, &value);
    expect(&value, DER_SEQUENCE, "", 0);
    leave(&list, &value);
    enter_extension(&list, &oid_key_usage, 1, &value);
    expect(&value, DER_BITS, "\x07\x80", 2);
    leave(&list, &value);
    get_usage(&list, cert);
    get_subject_key_id(&list, key_id);
    get_authority_key_id(&list, cert);
    get_names(&list, cert);
    leave(&tagged, &list);
    leave(tbs, &tagged);
}

/* AlgorithmIdentifier of a signature: the key that makes such ones. */
static enum sshkey_type
get_signer(struct sbuf *r)
{
    static const struct {
        const struct der_oid *oid;
        enum sshkey_type type;
    } known[] = {{&oid_ed25519, SSHKEY_ED25519},
                 {&oid_ecdsa_sha256, SSHKEY_ECDSA_P256},
                 {&oid_ecdsa_sha384, SSHKEY_ECDSA_P384},
                 {&oid_ecdsa_sha512, SSHKEY_ECDSA_P521},
                 {&oid_rsa_sha512, SSHKEY_RSA}};
    struct sbuf algorithm, oid;
    size_t n;
    enum sshkey_type type = SSHKEY_NONE;
    enter(r, DER_SEQUENCE, &algorithm);
    enter(&algorithm, DER_OID, &oid);
    const uint8_t *p = rest(&oid, &n);
    for (size_t i = 0; sb_err(&oid) == SFT_OK && i < sizeof known / sizeof *known; i++)
        if (n == known[i].oid->len && memcmp(p, known[i].oid->bytes, n) == 0)
            type = known[i].type;
    if (type == SSHKEY_RSA)
        expect(&algorithm, DER_NULL, "", 0);
    if (type == SSHKEY_NONE)
        sb_fail(r, SFT_EFORMAT);
    leave(r, &algorithm);
    return type;
}

/* A bit string of whole bytes, as long as such a signature can be; it ends where the DER does. */
static void
get_signature(struct sbuf *r, enum sshkey_type signer, size_t *lenp)
{
    struct sbuf bits;
    enter(r, DER_BITS, &bits);
    uint8_t unused = sb_get_u8(&bits);
    size_t n = sb_left(&bits);
    if (sb_err(&bits) != SFT_OK || unused != 0 || n < 8 || (signer == SSHKEY_ED25519 && n != 64) ||
        (signer == SSHKEY_RSA && n < SSHKEY_RSA_MIN_BITS / 8))
        sb_fail(r, SFT_EFORMAT);
    *lenp = n;
}

static void
get_tbs(struct sbuf *tbs, struct x509read *cert)
{
    struct sbuf version;
    uint8_t key_id[32] = {0};
    enter(tbs, 0xa0, &version);
    if (get_u64(&version) != 2)
        sb_fail(tbs, SFT_EFORMAT);
    leave(tbs, &version);
    cert->serial = get_u64(tbs);
    cert->signer = get_signer(tbs);
    get_issuer(tbs, cert);
    get_validity(tbs, cert);
    get_subject(tbs, cert);
    get_subject_key(tbs, cert, key_id);
    get_extensions(tbs, cert, key_id);
}

int
x509read_leaf(struct x509read *cert, const uint8_t *der, size_t len)
{
    return x509read_leaf_of(cert, NULL, der, len);
}

int
x509read_leaf_of(struct x509read *cert, const struct x509_name *brought, const uint8_t *der,
                 size_t len)
{
    struct sbuf r, whole, tbs;
    memset(cert, 0, sizeof *cert);
    cert->brought = brought;
    sb_reader(&r, der, len);
    enter(&r, DER_SEQUENCE, &whole);
    cert->tbs_at = len - sb_left(&whole); /* the outer element ends where the DER does */
    enter(&whole, DER_SEQUENCE, &tbs);
    cert->tbs_len = len - cert->tbs_at - sb_left(&whole);
    get_tbs(&tbs, cert);
    leave(&whole, &tbs);
    if (get_signer(&whole) != cert->signer)
        sb_fail(&whole, SFT_EFORMAT); /* RFC 5280 4.1.1.2: both the same */
    get_signature(&whole, cert->signer, &cert->signature_len);
    cert->signature_at = len - cert->signature_len;
    leave(&r, &whole);
    sb_end(&r);
    return sb_err(&r);
}

int
x509read_spki(struct sshkey *key, const uint8_t *der, size_t len)
{
    struct sbuf r;
    memset(key, 0, sizeof *key);
    sb_reader(&r, der, len);
    get_key(&r, key);
    sb_end(&r);
    return sb_err(&r);
}
