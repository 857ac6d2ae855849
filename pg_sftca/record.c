/* SPDX-License-Identifier: PostgreSQL */
/*
 * record.c - compares what is about to leave with what was recorded.
 */
#include "postgres.h"

#include "fmgr.h"

#include "clock.h"
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
subject_is(const struct record *record, const struct x509read *cert)
{
    return record->principals.n == 1 && text_is(record->principals.items[0], cert->common_name) &&
           record->critical.n == 0 && record->extensions.n == 2 &&
           option_is(record->extensions.items[0], "organization", cert->organization,
                     strlen(cert->organization)) &&
           option_is(record->extensions.items[1], "organizational_unit", cert->organizational_unit,
                     strlen(cert->organizational_unit));
}

static bool
issuer_is(const struct authority *authority, const struct x509read *cert)
{
    return cert->signer == authority->public.type && strcmp(cert->issuer, authority->name) == 0 &&
           memcmp(authority->key_id, cert->authority_key_id, sizeof authority->key_id) == 0;
}

static const char *
x509_differs(const struct record *record, const struct authority *authority, const uint8_t *der,
             size_t len)
{
    struct x509read cert;
    if (x509read_client(&cert, der, len) != SFT_OK)
        return "form";
    if (cert.tbs_len != record->tbs_len ||
        memcmp(der + cert.tbs_at, record->tbs, cert.tbs_len) != 0)
        return "tbs";
    if (cert.serial != record->serial)
        return "serial";
    if (!text_is(record->key_id, cert.uri))
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
