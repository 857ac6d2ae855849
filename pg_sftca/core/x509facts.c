/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509facts.c - reads certificates, requests and lists by OpenSSL and tells them as text.
 */
#include "core/x509facts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "core/pem.h"
#include "core/x509lib.h"

/* ---- texts in the arena ---- */

static const char *
keep(struct sbuf *arena, const char *text)
{
    char *start = (char *)arena->p + arena->len;
    sb_raw(arena, text, strlen(text) + 1);
    return sb_err(arena) == SFT_OK ? start : "";
}

/* prefix and bytes; what is not printable becomes \XX */
static const char *
keep_bytes(struct sbuf *arena, const char *prefix, const uint8_t *p, size_t n)
{
    char *start = (char *)arena->p + arena->len;
    char hex[4];
    sb_text(arena, prefix);
    for (size_t i = 0; i < n; i++)
        if (p[i] > ' ' && p[i] < 0x7f && p[i] != '\\') {
            sb_u8(arena, p[i]);
        } else {
            snprintf(hex, sizeof hex, "\\%02X", p[i]);
            sb_text(arena, hex);
        }
    sb_u8(arena, 0);
    return sb_err(arena) == SFT_OK ? start : "";
}

static const char *
keep_hex(struct sbuf *arena, const ASN1_OCTET_STRING *bytes)
{
    char hex[3];
    if (bytes == NULL)
        return NULL;
    char *start = (char *)arena->p + arena->len;
    const uint8_t *p = ASN1_STRING_get0_data(bytes);
    for (int i = 0; i < ASN1_STRING_length(bytes); i++) {
        snprintf(hex, sizeof hex, "%02x", p[i]);
        sb_text(arena, hex);
    }
    sb_u8(arena, 0);
    return sb_err(arena) == SFT_OK ? start : "";
}

static const char *
keep_integer(struct sbuf *arena, const ASN1_INTEGER *integer)
{
    BIGNUM *n = integer == NULL || ASN1_STRING_length(integer) > 64
                    ? NULL
                    : ASN1_INTEGER_to_BN(integer, NULL);
    char *decimal = n == NULL ? NULL : BN_bn2dec(n);
    const char *kept = decimal == NULL ? NULL : keep(arena, decimal);
    OPENSSL_free(decimal);
    BN_free(n);
    return kept;
}

static const char *
keep_name(struct sbuf *arena, const char *prefix, const X509_NAME *name)
{
    char text[X509LIB_NAME_MAX];
    int r = x509lib_name(name, text);
    if (r != SFT_OK) {
        sb_fail(arena, r);
        return "";
    }
    char *start = (char *)arena->p + arena->len;
    sb_text(arena, prefix);
    (void)keep(arena, text);
    return sb_err(arena) == SFT_OK ? start : "";
}

static const char *
keep_object(struct sbuf *arena, const char *prefix, const ASN1_OBJECT *object)
{
    char text[160];
    int nid = OBJ_obj2nid(object);
    if (prefix[0] == '\0' && nid != NID_undef)
        return keep(arena, OBJ_nid2ln(nid));
    size_t n = (size_t)snprintf(text, sizeof text, "%s", prefix);
    OBJ_obj2txt(text + n, (int)(sizeof text - n), object, 1);
    return keep(arena, text);
}

static void
add(struct sbuf *arena, struct x509facts_list *list, const char *text)
{
    if (list->n == X509FACTS_NAMES_MAX)
        sb_fail(arena, SFT_ETOOLONG);
    else
        list->items[list->n++] = text;
}

/* ---- names ---- */

static const char *
keep_address(struct sbuf *arena, const ASN1_OCTET_STRING *bytes)
{
    char text[INET6_ADDRSTRLEN + 4] = "IP:";
    const uint8_t *p = ASN1_STRING_get0_data(bytes);
    int n = ASN1_STRING_length(bytes);
    if ((n != 4 && n != 16) ||
        inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text + 3, sizeof text - 3) == NULL)
        return keep_bytes(arena, "IP:", p, (size_t)n);
    return keep(arena, text);
}

static const char *
keep_general_name(struct sbuf *arena, const GENERAL_NAME *name)
{
    int type;
    const void *value = GENERAL_NAME_get0_value(name, &type);
    switch (type) {
    case GEN_DNS:
    case GEN_URI:
    case GEN_EMAIL:
        return keep_bytes(arena,
                          type == GEN_DNS   ? "DNS:"
                          : type == GEN_URI ? "URI:"
                                            : "email:",
                          ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    case GEN_IPADD:
        return keep_address(arena, value);
    case GEN_DIRNAME:
        return keep_name(arena, "DirName:", value);
    case GEN_RID:
        return keep_object(arena, "RID:", value);
    default:
        return keep(arena, "other:");
    }
}

/* Takes over names. */
static void
add_names(struct sbuf *arena, struct x509facts_list *list, GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add(arena, list, keep_general_name(arena, sk_GENERAL_NAME_value(names, i)));
    GENERAL_NAMES_free(names);
}

/* ---- keys ---- */

/* What kind of key it is, also when it is none that SSH knows. */
static const char *
keep_key_type(struct sbuf *arena, X509_PUBKEY *spki, int *bitsp)
{
    ASN1_OBJECT *object = NULL;
    EVP_PKEY *pkey = X509_PUBKEY_get0(spki);
    char group[64];
    size_t n;
    X509_PUBKEY_get0_param(&object, NULL, NULL, NULL, spki);
    *bitsp = pkey == NULL ? 0 : EVP_PKEY_get_bits(pkey);
    if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1)
        return keep(arena, group);
    return keep_object(arena, "", object);
}

static const char *
keep_signature(struct sbuf *arena, const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return keep_object(arena, "", object);
}

/* ---- certificates ---- */

static void
add_usage(struct sbuf *arena, struct x509facts *facts, X509 *cert)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = {{KU_DIGITAL_SIGNATURE, "digitalSignature"},
                 {KU_NON_REPUDIATION, "nonRepudiation"},
                 {KU_KEY_ENCIPHERMENT, "keyEncipherment"},
                 {KU_DATA_ENCIPHERMENT, "dataEncipherment"},
                 {KU_KEY_AGREEMENT, "keyAgreement"},
                 {KU_KEY_CERT_SIGN, "keyCertSign"},
                 {KU_CRL_SIGN, "cRLSign"},
                 {KU_ENCIPHER_ONLY, "encipherOnly"},
                 {KU_DECIPHER_ONLY, "decipherOnly"}};
    uint32_t usage = X509_get_key_usage(cert);
    EXTENDED_KEY_USAGE *extended = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    for (size_t i = 0; usage != UINT32_MAX && i < sizeof words / sizeof *words; i++)
        if ((usage & words[i].bit) != 0)
            add(arena, &facts->key_usage, words[i].word);
    for (int i = 0; i < sk_ASN1_OBJECT_num(extended); i++) {
        const ASN1_OBJECT *object = sk_ASN1_OBJECT_value(extended, i);
        int nid = OBJ_obj2nid(object);
        add(arena, &facts->extended_key_usage,
            nid == NID_undef ? keep_object(arena, "", object) : keep(arena, OBJ_nid2sn(nid)));
    }
    EXTENDED_KEY_USAGE_free(extended);
}

static void
add_unknown(struct sbuf *arena, struct x509facts *facts, const X509 *cert)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        char oid[128];
        if (X509_EXTENSION_get_critical(extension) != 1 || X509_supported_extension(extension) == 1)
            continue;
        OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(extension), 1);
        add(arena, &facts->unknown_critical, keep(arena, oid));
    }
}

static void
tell(struct x509facts *facts, X509 *cert, struct sbuf *arena)
{
    const X509_ALGOR *algorithm;
    X509_PUBKEY *spki = X509_get_X509_PUBKEY(cert);
    X509_get0_signature(NULL, &algorithm, cert);
    facts->version = (int)X509_get_version(cert) + 1;
    facts->serial = keep_integer(arena, X509_get0_serialNumber(cert));
    facts->issuer = keep_name(arena, "", X509_get_issuer_name(cert));
    facts->subject = keep_name(arena, "", X509_get_subject_name(cert));
    facts->valid_after = x509lib_time(X509_get0_notBefore(cert));
    facts->valid_before = x509lib_time(X509_get0_notAfter(cert)) + 1; /* it is inclusive */
    facts->signature_algorithm = keep_signature(arena, algorithm);
    facts->key_type = keep_key_type(arena, spki, &facts->key_bits);
    facts->has_key = x509lib_key(spki, &facts->key) == SFT_OK;
    facts->is_authority = (X509_get_extension_flags(cert) & EXFLAG_CA) != 0;
    facts->path_length = X509_get_pathlen(cert);
    facts->subject_key_id = keep_hex(arena, X509_get0_subject_key_id(cert));
    facts->authority_key_id = keep_hex(arena, X509_get0_authority_key_id(cert));
    add_usage(arena, facts, cert);
    add_names(arena, &facts->names, X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL));
    add_unknown(arena, facts, cert);
}

int
x509facts_read(struct x509facts *facts, const uint8_t *der, size_t len, struct sbuf *arena)
{
    memset(facts, 0, sizeof *facts);
    if (len > X509FACTS_INPUT_MAX)
        return SFT_ETOOLONG;
    X509 *cert = der_check(der, len) == SFT_OK ? x509lib_certificate(der, len) : NULL;
    if (cert == NULL || (X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0)
        sb_fail(arena, SFT_EFORMAT);
    else
        tell(facts, cert, arena);
    if (facts->serial == NULL)
        sb_fail(arena, SFT_EFORMAT);
    X509_free(cert);
    ERR_clear_error();
    return sb_err(arena);
}

/* ---- requests ---- */

static int
check_request(struct x509request *request, X509_REQ *req)
{
    const X509_ALGOR *algorithm;
    X509_REQ_get0_signature(req, NULL, &algorithm);
    int r = X509_REQ_get_version(req) != X509_REQ_VERSION_1
                ? SFT_EFORMAT
                : x509lib_key(X509_REQ_get_X509_PUBKEY(req), &request->key);
    if (r == SFT_OK && x509lib_signature(algorithm) == NULL)
        r = SFT_EOPTION;
    if (r == SFT_OK && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
        r = SFT_ESIGNATURE;
    return r;
}

static void
tell_request(struct x509request *request, X509_REQ *req, struct sbuf *arena)
{
    const X509_ALGOR *algorithm;
    int bits;
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    X509_REQ_get0_signature(req, NULL, &algorithm);
    request->subject = keep_name(arena, "", X509_REQ_get_subject_name(req));
    request->signature_algorithm = keep_signature(arena, algorithm);
    request->key_type = keep_key_type(arena, X509_REQ_get_X509_PUBKEY(req), &bits);
    request->attributes_n = (size_t)X509_REQ_get_attr_count(req);
    if (extensions != NULL)
        add_names(arena, &request->names,
                  X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL));
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

int
x509request_read(struct x509request *request, const uint8_t *der, size_t len, struct sbuf *arena)
{
    const uint8_t *end = der;
    memset(request, 0, sizeof *request);
    if (len > X509FACTS_INPUT_MAX)
        return SFT_ETOOLONG;
    X509_REQ *req = der_check(der, len) == SFT_OK ? d2i_X509_REQ(NULL, &end, (long)len) : NULL;
    int r = req == NULL || end != der + len ? SFT_EFORMAT : check_request(request, req);
    if (r == SFT_OK) {
        tell_request(request, req, arena);
        r = sb_err(arena);
    }
    X509_REQ_free(req);
    ERR_clear_error();
    return r;
}

/* ---- lists ---- */

size_t
x509list_most(size_t len)
{
    return len / 16 + 1; /* SEQUENCE, INTEGER of a byte, UTCTime */
}

static void
tell_entry(struct x509list_entry *to, const X509_REVOKED *entry, struct sbuf *arena)
{
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    to->serial = keep_integer(arena, X509_REVOKED_get0_serialNumber(entry));
    to->revoked_at = x509lib_time(X509_REVOKED_get0_revocationDate(entry));
    to->reason = reason == NULL ? 0 : (int)ASN1_ENUMERATED_get(reason);
    if (to->serial == NULL)
        sb_fail(arena, SFT_EFORMAT);
    ASN1_ENUMERATED_free(reason);
}

static void
tell_list(struct x509list *list, X509_CRL *crl, size_t most, struct sbuf *arena)
{
    const X509_ALGOR *algorithm;
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    AUTHORITY_KEYID *id = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
    int n = sk_X509_REVOKED_num(entries); /* -1 for none */
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    list->issuer = keep_name(arena, "", X509_CRL_get_issuer(crl));
    list->number = keep_integer(arena, number);
    list->signature_algorithm = keep_signature(arena, algorithm);
    list->authority_key_id = id == NULL ? NULL : keep_hex(arena, id->keyid);
    list->this_update = x509lib_time(X509_CRL_get0_lastUpdate(crl));
    list->next_update = x509lib_time(X509_CRL_get0_nextUpdate(crl));
    if (n > 0 && (size_t)n > most)
        sb_fail(arena, SFT_ETOOLONG);
    for (int i = 0; sb_err(arena) == SFT_OK && i < n; i++)
        tell_entry(&list->entries[list->entries_n++], sk_X509_REVOKED_value(entries, i), arena);
    ASN1_INTEGER_free(number);
    AUTHORITY_KEYID_free(id);
}

int
x509list_read(struct x509list *list, const uint8_t *der, size_t len, struct sbuf *arena)
{
    const uint8_t *end = der;
    X509_CRL *crl = der_check(der, len) == SFT_OK ? d2i_X509_CRL(NULL, &end, (long)len) : NULL;
    list->entries_n = 0;
    if (crl == NULL || end != der + len)
        sb_fail(arena, SFT_EFORMAT);
    else
        tell_list(list, crl, x509list_most(len), arena);
    X509_CRL_free(crl);
    ERR_clear_error();
    return sb_err(arena);
}
