/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshcert.c - reading OpenSSH certificates and checking what is in them.
 *
 * Stricter than sshd: what we would never issue is refused here, whoever signed it.
 */
#include "common/sshcert.h"

#include <string.h>

#include "common/key.h"
#include "common/names.h"
#include "common/sbuf.h"
#include "common/text.h"

#define CERT_SUFFIX "-cert-v01@openssh.com"
#define LINE_MAX_LEN 32768
#define FOREVER UINT64_MAX

/* ---- the subject's key: the fields of a public key without the name ---- */

/* The type that a certificate's algorithm name says, and how many strings its key is made of. */
static enum sshkey_type
subject_type(const char *cert_name, size_t *stringsp)
{
    static const struct {
        enum sshkey_type type;
        size_t strings;
    } shapes[] = {
        {SSHKEY_ED25519, 1},       {SSHKEY_ECDSA_P256, 2}, {SSHKEY_ECDSA_P384, 2},
        {SSHKEY_ECDSA_P521, 2},    {SSHKEY_RSA, 2},        {SSHKEY_SK_ED25519, 2},
        {SSHKEY_SK_ECDSA_P256, 3},
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        *stringsp = shapes[i].strings;
        if (strcmp(sshkey_cert_type_name(shapes[i].type), cert_name) == 0)
            return shapes[i].type;
    }
    return SSHKEY_NONE;
}

static int
read_subject(struct sbuf *b, struct sshkey *key)
{
    char name[64];
    uint8_t blob[SSHKEY_BLOB_MAX];
    size_t strings, len;
    struct sbuf w;
    sb_get_cstr(b, name, sizeof(name));
    sb_get_blob(b, &len); /* nonce */
    if (sb_err(b) != 0)
        return SFT_EFORMAT;
    enum sshkey_type type = subject_type(name, &strings);
    if (type == SSHKEY_NONE)
        return SFT_EKEYTYPE;
    if (len < 16)
        return SFT_EFORMAT;
    sb_writer(&w, blob, sizeof(blob));
    sb_cstr(&w, sshkey_type_name(type));
    for (size_t i = 0; i < strings; i++) {
        const uint8_t *field = sb_get_blob(b, &len);
        sb_blob(&w, field, len);
    }
    if (sb_err(b) != 0)
        return sb_err(b);
    return sb_err(&w) != 0 ? SFT_ETOOLONG : sshkey_from_blob(key, blob, w.len);
}

/* ---- principals ---- */

static int
read_principals(struct sbuf *b, struct sshcert *cert)
{
    size_t len;
    struct sbuf list;
    const uint8_t *mem = sb_get_blob(b, &len);
    sb_reader(&list, mem, len);
    while (sb_err(b) == 0 && sb_left(&list) > 0) {
        if (cert->principals_n == SSHCERT_PRINCIPALS_MAX)
            return SFT_ETOOLONG;
        sb_get_cstr(&list, cert->principals[cert->principals_n++], sizeof(cert->principals[0]));
    }
    if (sb_err(b) != 0)
        return sb_err(b);
    if (sb_err(&list) != 0)
        return sb_err(&list) == SFT_ETOOLONG ? SFT_EPRINCIPAL : sb_err(&list);
    return cert->principals_n > 0 ? 0 : SFT_EPRINCIPAL; /* none means everybody to some */
}

static int
check_principals(const struct sshcert *cert)
{
    for (size_t i = 0; i < cert->principals_n; i++) {
        const char *name = cert->principals[i];
        if (cert->type == SSHCERT_USER ? !name_is_principal(name) : !name_is_host(name))
            return SFT_EPRINCIPAL;
    }
    return 0;
}

/* ---- options ---- */

enum { FLAG, VALUE };

/* Options that have a meaning to sshd; other critical ones make it refuse the certificate. */
static const struct known {
    const char *name;
    int critical, form;
} known[] = {
    {"force-command", 1, VALUE},         {"source-address", 1, VALUE},
    {"verify-required", 1, FLAG},        {"no-touch-required", 0, FLAG},
    {"permit-X11-forwarding", 0, FLAG},  {"permit-agent-forwarding", 0, FLAG},
    {"permit-port-forwarding", 0, FLAG}, {"permit-pty", 0, FLAG},
    {"permit-user-rc", 0, FLAG},
};

/* One line of text. */
static int
is_value(const struct sshcert_option *option)
{
    for (size_t i = 0; i < option->len; i++)
        if (option->data[i] < ' ' || option->data[i] == 0x7f)
            return 0;
    return option->len > 0 && text_is_utf8((const char *)option->data, option->len);
}

static int
check_option(const struct sshcert_option *option, int critical)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].critical != critical || strcmp(known[i].name, option->name) != 0)
            continue;
        if (known[i].form == FLAG)
            return option->len == 0 ? 0 : SFT_EOPTION;
        return is_value(option) ? 0 : SFT_EOPTION;
    }
    return critical ? SFT_EOPTION : 0;
}

static int
read_option(struct sbuf *list, struct sshcert_option *option)
{
    size_t len;
    struct sbuf inner;
    sb_get_cstr(list, option->name, sizeof(option->name));
    const uint8_t *data = sb_get_blob(list, &len);
    if (sb_err(list) != 0)
        return sb_err(list) == SFT_ETOOLONG ? SFT_EOPTION : sb_err(list);
    option->data = data;
    option->len = 0;
    if (len == 0)
        return 0;
    sb_reader(&inner, data, len);
    option->data = sb_get_blob(&inner, &option->len);
    sb_end(&inner);
    return sb_err(&inner) != 0 ? SFT_EOPTION : 0;
}

/* Names must come in order, each once: with two of a kind it is anybody's guess which one counts.
 */
static int
read_options(struct sbuf *b, int critical, struct sshcert_option *options, size_t *np)
{
    size_t len;
    struct sbuf list;
    const uint8_t *mem = sb_get_blob(b, &len);
    sb_reader(&list, mem, len);
    while (sb_err(b) == 0 && sb_left(&list) > 0) {
        if (*np == SSHCERT_OPTIONS_MAX)
            return SFT_ETOOLONG;
        int err = read_option(&list, &options[*np]);
        if (err != 0)
            return err;
        if (options[*np].name[0] == '\0' ||
            (*np > 0 && strcmp(options[*np - 1].name, options[*np].name) >= 0))
            return SFT_EOPTION;
        err = check_option(&options[*np], critical);
        if (err != 0)
            return err;
        ++*np;
    }
    return sb_err(b);
}

/* ---- the whole ---- */

static int
check_values(const struct sshcert *cert)
{
    if (cert->type != SSHCERT_USER && cert->type != SSHCERT_HOST)
        return SFT_EFORMAT;
    if (cert->serial == 0 || cert->serial > INT64_MAX)
        return SFT_ESERIAL; /* 0 cannot be revoked */
    if (!name_is_key_id(cert->key_id))
        return SFT_EKEYID;
    if (cert->valid_after >= cert->valid_before || cert->valid_before == FOREVER)
        return SFT_EVALIDITY;
    if (cert->type == SSHCERT_HOST && cert->critical_n > 0)
        return SFT_EOPTION;
    return check_principals(cert);
}

/* The fields in the order of PROTOCOL.certkeys. */
static int
read_fields(struct sbuf *b, struct sshcert *cert)
{
    size_t len;
    int err = read_subject(b, &cert->key);
    if (err != 0)
        return err;
    cert->serial = sb_get_u64(b);
    cert->type = sb_get_u32(b);
    sb_get_cstr(b, cert->key_id, sizeof(cert->key_id));
    if (sb_err(b) == SFT_ETOOLONG)
        return SFT_EKEYID;
    err = read_principals(b, cert);
    cert->valid_after = sb_get_u64(b);
    cert->valid_before = sb_get_u64(b);
    if (err == 0)
        err = read_options(b, 1, cert->critical, &cert->critical_n);
    if (err == 0)
        err = read_options(b, 0, cert->extensions, &cert->extensions_n);
    if (err != 0)
        return err;
    sb_get_blob(b, &len);
    if (len > 0)
        sb_fail(b, SFT_EFORMAT); /* reserved */
    return sb_err(b);
}

/* checked has passed the checks of its numbers, which cost an RSA key more than its signature. */
static int
read_signer(struct sshkey *signer, const uint8_t *blob, size_t len, const struct sshkey *checked)
{
    if (checked == NULL)
        return sshkey_from_blob(signer, blob, len);
    if (checked->len != len || memcmp(checked->blob, blob, len) != 0)
        return SFT_EKEYMISMATCH;
    *signer = *checked;
    return 0;
}

struct signature {
    const uint8_t *p; /* into the caller's blob */
    size_t len;
};

static int
decode(struct sshcert *cert, const uint8_t *blob, size_t len, const struct sshkey *checked,
       struct signature *sig)
{
    size_t signer_len;
    struct sbuf b;
    sb_reader(&b, blob, len);
    int err = read_fields(&b, cert);
    if (err != 0)
        return err;
    const uint8_t *signer = sb_get_blob(&b, &signer_len);
    cert->tbs_len = b.at;
    sig->p = sb_get_blob(&b, &sig->len);
    sb_end(&b);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    err = read_signer(&cert->signer, signer, signer_len, checked);
    return err != 0 ? err : check_values(cert);
}

static int
parse(struct sshcert *cert, const uint8_t *blob, size_t len)
{
    struct signature sig;
    int err = decode(cert, blob, len, NULL, &sig);
    return err != 0 ? err : key_verify_ssh(&cert->signer, blob, cert->tbs_len, sig.p, sig.len);
}

int
sshcert_parse(struct sshcert *cert, const uint8_t *blob, size_t len)
{
    memset(cert, 0, sizeof(*cert));
    int err = len <= SSHCERT_BLOB_MAX ? parse(cert, blob, len) : SFT_ETOOLONG;
    if (err != 0)
        memset(cert, 0, sizeof(*cert));
    return err;
}

int
sshcert_decode(struct sshcert *cert, const uint8_t *blob, size_t len, const struct sshkey *signer)
{
    struct signature sig;
    memset(cert, 0, sizeof(*cert));
    int err = len <= SSHCERT_BLOB_MAX ? decode(cert, blob, len, signer, &sig) : SFT_ETOOLONG;
    if (err == 0)
        err = key_check_ssh(&cert->signer, sig.p, sig.len);
    if (err != 0)
        memset(cert, 0, sizeof(*cert));
    return err;
}

/* Whether the line's type is the one inside; the subject's key tells which that is. */
static int
check_type(const struct sshcert *cert, const char *type, size_t len)
{
    const char *want = sshkey_cert_type_name(cert->key.type);
    return strlen(want) == len && memcmp(want, type, len) == 0 ? 0 : SFT_EKEYMISMATCH;
}

int
sshcert_from_text(struct sshcert *cert, uint8_t blob[SSHCERT_BLOB_MAX], const char *s, size_t len)
{
    size_t blob_len = 0;
    memset(cert, 0, sizeof(*cert));
    if (len > LINE_MAX_LEN)
        return SFT_ETOOLONG;
    if (memchr(s, '\n', len) != NULL || memchr(s, '\0', len) != NULL)
        return SFT_ETRAILING;
    const char *data = memchr(s, ' ', len);
    if (data == NULL)
        return SFT_EFORMAT;
    size_t type_len = (size_t)(data++ - s), left = len - type_len - 1;
    const char *comment = memchr(data, ' ', left);
    size_t data_len = comment != NULL ? (size_t)(comment - data) : left;
    int err = b64_decode(blob, SSHCERT_BLOB_MAX, &blob_len, data, data_len);
    if (err == 0)
        err = sshcert_parse(cert, blob, blob_len);
    if (err == 0)
        err = check_type(cert, s, type_len);
    if (err != 0)
        memset(cert, 0, sizeof(*cert));
    return err;
}
