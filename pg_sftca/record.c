/* SPDX-License-Identifier: PostgreSQL */
/*
 * record.c - compares what is about to leave with what was recorded.
 */
#include "postgres.h"

#include "fmgr.h"

#include "clock.h"
#include "common/key.h"
#include "common/sbuf.h"
#include "common/sshcert.h"
#include "core/x509read.h"
#include "record.h"
#include "varlena.h"

static bool
text_is(Datum datum, const char *s)
{
    const text *t = (const text *)DatumGetPointer(datum);
    size_t n = varlena_len(t);
    return strlen(s) == n && memcmp(VARDATA_ANY(t), s, n) == 0;
}

/* "name", or "name=value" */
static bool
option_is(Datum datum, const char *name, const void *value, size_t len)
{
    const text *t = (const text *)DatumGetPointer(datum);
    const char *p = VARDATA_ANY(t);
    size_t n = varlena_len(t), name_len = strlen(name);
    if (len == 0)
        return n == name_len && memcmp(p, name, n) == 0;
    return n == name_len + 1 + len && memcmp(p, name, name_len) == 0 && p[name_len] == '=' &&
           memcmp(p + name_len + 1, value, len) == 0;
}

static bool
options_are(const struct datum_list *list, const struct sshcert_option *options, size_t n)
{
    if ((size_t)list->n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!option_is(list->items[i], options[i].name, options[i].data, options[i].len))
            return false;
    return true;
}

static bool
principals_are(const struct datum_list *list, const struct sshcert *cert)
{
    if ((size_t)list->n != cert->principals_n)
        return false;
    for (size_t i = 0; i < cert->principals_n; i++)
        if (!text_is(list->items[i], cert->principals[i]))
            return false;
    return true;
}

static bool
key_is(Datum fingerprint, const struct sshkey *key)
{
    char own[SSHKEY_FINGERPRINT_MAX];
    return sshkey_fingerprint(key, own) == SFT_OK && text_is(fingerprint, own);
}

static const char *
ssh_differs(const struct record *record, const struct authority *authority, const uint8_t *blob,
            size_t len)
{
    static struct sshcert cert; /* 20 kB; a backend signs one at a time */
    uint32_t type = record->purpose == PURPOSE_SSH_USER ? SSHCERT_USER : SSHCERT_HOST;

    int r = sshcert_decode(&cert, blob, len, &authority->public);
    if (r != SFT_OK)
        return r == SFT_EKEYMISMATCH ? "authority" : "form";
    if (cert.tbs_len != record->tbs_len || memcmp(blob, record->tbs, cert.tbs_len) != 0)
        return "tbs";
    if (cert.type != type)
        return "type";
    if (cert.serial != record->serial)
        return "serial";
    if (!text_is(record->key_id, cert.key_id))
        return "key_id";
    if (!principals_are(&record->principals, &cert))
        return "principals";
    if (cert.valid_after != (uint64)clock_unix(record->valid_after) ||
        cert.valid_before != (uint64)clock_unix(record->valid_before))
        return "validity";
    if (!options_are(&record->critical, cert.critical, cert.critical_n))
        return "critical_options";
    if (!options_are(&record->extensions, cert.extensions, cert.extensions_n))
        return "extensions";
    return key_is(record->fingerprint, &cert.key) ? NULL : "public_key";
}

static bool
is_server(const struct record *record)
{
    return text_is(record->kind, "x509_server");
}

/* The common name: a client's principal; of a server an option that need not be there. */
static bool
common_name_is(const struct record *record, const struct x509read *cert, int *at)
{
    if (!is_server(record))
        return record->principals.n == 1 && text_is(record->principals.items[0], cert->common_name);
    if (cert->common_name[0] == '\0')
        return true;
    return *at < record->extensions.n && option_is(record->extensions.items[(*at)++], "common_name",
                                                   cert->common_name, strlen(cert->common_name));
}

/* A server's principals are its DNS names and addresses, in their order. */
static bool
principal_is(const struct record *record, const struct altname *name, const char *text, int *at)
{
    if (!is_server(record) || (name->type != ALTNAME_DNS && name->type != ALTNAME_IP))
        return true;
    return *at < record->principals.n &&
           text_is(record->principals.items[(*at)++], strchr(text, ':') + 1);
}

/* Every name but the URI that is the key id, from extension at on; and nothing else. */
static bool
names_are(const struct record *record, const struct x509read *cert, int at)
{
    char text[ALTNAME_TEXT_MAX];
    int principal = 0;
    size_t first = text_is(record->key_id, "") ? 0 : 1;
    for (size_t i = first; i < cert->names_n; i++)
        if (altname_text(&cert->names[i], text) != SFT_OK ||
            !principal_is(record, &cert->names[i], text, &principal) ||
            at >= record->extensions.n ||
            !option_is(record->extensions.items[at++], "subject_alt_name", text, strlen(text)))
            return false;
    return at == record->extensions.n && (!is_server(record) || principal == record->principals.n);
}

static bool
key_id_is(const struct record *record, const struct x509read *cert)
{
    char text[ALTNAME_TEXT_MAX];
    return text_is(record->key_id, "") ||
           (altname_text(&cert->names[0], text) == SFT_OK && strncmp(text, "URI:", 4) == 0 &&
            text_is(record->key_id, text + 4));
}

static bool
subject_is(const struct record *record, const struct x509read *cert)
{
    int at = 2;
    return record->critical.n == 0 && record->extensions.n >= 2 &&
           option_is(record->extensions.items[0], "organization", cert->organization,
                     strlen(cert->organization)) &&
           option_is(record->extensions.items[1], "organizational_unit", cert->organizational_unit,
                     strlen(cert->organizational_unit)) &&
           common_name_is(record, cert, &at) && names_are(record, cert, at);
}

static bool
issuer_is(const struct authority *authority, const struct x509read *cert)
{
    return cert->signer == authority->public.type &&
           (authority->issuer.len > 0 || strcmp(cert->issuer, authority->name) == 0) &&
           cert->authority_key_id.len == authority->key_id.len &&
           memcmp(authority->key_id.bytes, cert->authority_key_id.bytes, authority->key_id.len) ==
               0;
}

static const char *
x509_differs(const struct record *record, const struct authority *authority, const uint8_t *der,
             size_t len)
{
    static struct x509read cert; /* 4 kB; a backend signs one at a time */
    if (x509read_leaf_of(&cert, &authority->issuer, der, len) != SFT_OK)
        return "form";
    if (cert.tbs_len != record->tbs_len ||
        memcmp(der + cert.tbs_at, record->tbs, cert.tbs_len) != 0)
        return "tbs";
    if (cert.usage != (is_server(record) ? X509_USAGE_SERVER : X509_USAGE_CLIENT))
        return "kind";
    if (cert.serial != record->serial)
        return "serial";
    if (!key_id_is(record, &cert))
        return "uri";
    if (!subject_is(record, &cert))
        return "subject";
    if (cert.valid_after != (uint64)clock_unix(record->valid_after) ||
        cert.valid_before != (uint64)clock_unix(record->valid_before))
        return "validity";
    if (!key_is(record->fingerprint, &cert.subject))
        return "public_key";
    return issuer_is(authority, &cert) ? NULL : "authority";
}

const char *
record_differs(const struct record *record, const struct authority *authority, const uint8_t *cert,
               size_t len)
{
    if (record->purpose != authority->purpose)
        return "purpose";
    if (record->purpose == PURPOSE_X509)
        return x509_differs(record, authority, cert, len);
    return ssh_differs(record, authority, cert, len);
}

static bool
ssh_is_signed(const struct record *record, const struct authority *authority, const uint8_t *blob,
              size_t len)
{
    struct sbuf r;
    size_t n;
    sb_reader(&r, blob + record->tbs_len, len - record->tbs_len);
    const uint8_t *signature = sb_get_blob(&r, &n);
    sb_end(&r);
    return sb_err(&r) == SFT_OK &&
           key_verify_ssh(&authority->public, blob, record->tbs_len, signature, n) == SFT_OK;
}

bool
record_is_signed(const struct record *record, const struct authority *authority,
                 const uint8_t *cert, size_t len)
{
    static struct x509read x509;
    if (record->purpose != PURPOSE_X509)
        return ssh_is_signed(record, authority, cert, len);
    return x509read_leaf_of(&x509, &authority->issuer, cert, len) == SFT_OK &&
           key_verify(&authority->public, cert + x509.tbs_at, x509.tbs_len,
                      cert + x509.signature_at, x509.signature_len) == SFT_OK;
}
