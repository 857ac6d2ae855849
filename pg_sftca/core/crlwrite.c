/* SPDX-License-Identifier: PostgreSQL */
/*
 * crlwrite.c - TBSCertList of RFC 5280, in the order of its ASN.1. Reading it is in crlcheck.c.
 */
#include "core/crlwrite.h"

#include <string.h>

#include "core/der.h"
#include "core/x509oid.h"
#include "core/x509part.h"

#define HEAD_ROOM 4096 /* names, extensions and the longest signature */
#define ENTRY_ROOM 64

size_t
crlwrite_room(size_t entries_n)
{
    return HEAD_ROOM + entries_n * ENTRY_ROOM;
}

/* 6 (hold) can be taken back, 8 is for delta lists, 7 means nothing. */
static int
is_reason(int reason)
{
    return (reason >= 0 && reason <= 5) || reason == 9 || reason == 10;
}

void
crlwrite_number(const struct crlwrite *crl, uint8_t be[16])
{
    for (size_t i = 0; i < 8; i++) {
        be[i] = (uint8_t)(crl->epoch >> (8 * (7 - i)));
        be[8 + i] = (uint8_t)(crl->number >> (8 * (7 - i)));
    }
}

static int
check(const struct crlwrite *crl)
{
    if (crl->number == 0 || crl->number > INT64_MAX || crl->epoch > INT64_MAX)
        return SFT_ESERIAL;
    if (crl->this_update >= crl->next_update)
        return SFT_EVALIDITY;
    for (size_t i = 0; i < crl->entries_n; i++) {
        const struct crlwrite_entry *entry = &crl->entries[i];
        if (entry->serial == 0 || entry->serial > INT64_MAX ||
            (i > 0 && entry[-1].serial >= entry->serial))
            return SFT_ESERIAL;
        if (!is_reason(entry->reason))
            return SFT_EFORMAT;
    }
    return SFT_OK;
}

static void
put_reason(struct sbuf *out, int reason)
{
    uint8_t byte = (uint8_t)reason;
    size_t list = der_open(out, DER_SEQUENCE);
    struct x509part_extension e = x509part_extension_open(out, &oid_crl_reason, 0);
    der_element(out, DER_ENUMERATED, &byte, 1);
    x509part_extension_close(out, e);
    der_close(out, list);
}

static void
put_entry(struct sbuf *out, const struct crlwrite_entry *entry)
{
    size_t mark = der_open(out, DER_SEQUENCE);
    der_u64(out, entry->serial);
    der_time(out, entry->revoked_at);
    if (entry->reason != 0) /* RFC 5280 5.3.1: rather absent than unspecified */
        put_reason(out, entry->reason);
    der_close(out, mark);
}

static void
put_entries(struct sbuf *out, const struct crlwrite *crl)
{
    if (crl->entries_n == 0)
        return; /* RFC 5280 5.1.2.6: absent, not empty */
    size_t mark = der_open(out, DER_SEQUENCE);
    for (size_t i = 0; i < crl->entries_n; i++)
        put_entry(out, &crl->entries[i]);
    der_close(out, mark);
}

static void
put_number(struct sbuf *out, const struct crlwrite *crl)
{
    uint8_t be[16];
    crlwrite_number(crl, be);
    der_unsigned(out, be, sizeof be);
}

static void
put_extensions(struct sbuf *out, const struct crlwrite *crl)
{
    size_t tagged = der_open(out, 0xa0);
    size_t list = der_open(out, DER_SEQUENCE);
    x509part_authority_key_id(out, crl->authority, crl->authority_key_id);
    struct x509part_extension e = x509part_extension_open(out, &oid_crl_number, 0);
    put_number(out, crl);
    x509part_extension_close(out, e);
    der_close(out, list);
    der_close(out, tagged);
}

void
crlwrite_tbs(struct sbuf *out, const struct crlwrite *crl)
{
    int r = check(crl);
    if (r != SFT_OK) {
        sb_fail(out, r);
        return;
    }
    size_t tbs = der_open(out, DER_SEQUENCE);
    der_u64(out, 1); /* v2 */
    x509part_signature_algorithm(out, crl->authority->type);
    x509part_issuer(out, crl->issuer, crl->issuer_name);
    der_time(out, crl->this_update);
    der_time(out, crl->next_update);
    put_entries(out, crl);
    put_extensions(out, crl);
    der_close(out, tbs);
}
