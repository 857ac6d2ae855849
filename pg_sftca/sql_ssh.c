/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_ssh.c - what SSH certificates and lists of others are made of, as datums.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "common_text.h"
#include "sql_ssh.h"
#include "throw.h"
#include "varlena.h"

/* The calendar of PostgreSQL ends in the year 294276. */
#define LAST_SECOND INT64CONST(9224318015999)

/* Length without one line end. */
static size_t
line_len(const text *line)
{
    size_t n = varlena_len(line);
    const char *p = VARDATA_ANY(line);
    return n > 0 && p[n - 1] == '\n' ? n - 1 : n;
}

bytea *
ssh_certificate_bytes(const text *line)
{
    const char *p = VARDATA_ANY(line), *end = p + line_len(line);
    const char *data = end > p ? memchr(p, ' ', (size_t)(end - p)) : NULL;
    size_t len = 0;
    if (data == NULL || memchr(p, '\n', (size_t)(end - p)) != NULL)
        return NULL;
    data++;
    const char *stop = end > data ? memchr(data, ' ', (size_t)(end - data)) : NULL;
    size_t n = (size_t)((stop != NULL ? stop : end) - data);
    if (n > B64_LEN(CERTVIEW_BLOB_MAX))
        return NULL;
    bytea *blob = palloc(VARHDRSZ + n);
    if (b64_decode((uint8_t *)VARDATA(blob), n, &len, data, n) != SFT_OK)
        return NULL;
    SET_VARSIZE(blob, VARHDRSZ + len);
    return blob;
}

bool
ssh_line_says(const text *line, const char *type)
{
    size_t n = strlen(type);
    return line_len(line) > n && memcmp(VARDATA_ANY(line), type, n) == 0 &&
           ((const char *)VARDATA_ANY(line))[n] == ' ';
}

Datum
ssh_time(uint64 seconds)
{
    TimestampTz t;
    if (seconds > (uint64)LAST_SECOND)
        TIMESTAMP_NOEND(t);
    else
        t = clock_timestamp_of((int64)seconds);
    return TimestampTzGetDatum(t);
}

Datum
ssh_numeric(uint64 n)
{
    char digits[24];
    snprintf(digits, sizeof digits, UINT64_FORMAT, n);
    return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
                               Int32GetDatum(-1));
}

Datum
ssh_text(const uint8_t *p, size_t len, const char *word, const char *field)
{
    const char *s = len > 0 ? (const char *)p : "";
    if (!text_is_utf8(s, len))
        sftca_refuse(SFTCA_INVALID, word, "the %s is not UTF-8", field);
    char *copy = pnstrdup(s, len);
    char *ours = pg_any_to_server(copy, (int)len, PG_UTF8);
    return CStringGetTextDatum(ours);
}

Datum
ssh_key_text(const struct sshkey *key)
{
    char line[SSHKEY_TEXT_MAX];
    int r = sshkey_to_text(key, line, sizeof line);
    if (r != SFT_OK)
        sftca_throw(r, "public key");
    return CStringGetTextDatum(line);
}

Datum
ssh_key_fingerprint(const struct sshkey *key)
{
    char print[SSHKEY_FINGERPRINT_MAX];
    int r = sshkey_fingerprint(key, print);
    if (r != SFT_OK)
        sftca_throw(r, "public key");
    return CStringGetTextDatum(print);
}
