/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509facts.c - any bytes as what others bring: PEM, certificates, requests, lists, chains, names.
 * The first byte says as what. Whatever is told of them is printable ASCII.
 */
#include "core/altname.h"
#include "core/pem.h"
#include "core/x509chain.h"
#include "core/x509facts.h"
#include "core/x509verify.h"
#include "input.h"

static void
is_text(const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        promise(*s >= ' ' && *s < 0x7f);
}

static void
are_texts(const struct x509facts_list *list)
{
    promise(list->n <= X509FACTS_NAMES_MAX);
    for (size_t i = 0; i < list->n; i++)
        is_text(list->items[i]);
}

static struct sbuf
arena_for(size_t len)
{
    struct sbuf arena;
    sb_writer(&arena, malloc(X509FACTS_ARENA(len)), X509FACTS_ARENA(len));
    promise(arena.p != NULL);
    return arena;
}

static void
certificate(const uint8_t *der, size_t len)
{
    static struct x509facts facts;
    struct sbuf arena = arena_for(len);
    if (x509facts_read(&facts, der, len, &arena) == SFT_OK) {
        is_text(facts.serial);
        is_text(facts.issuer);
        is_text(facts.subject);
        is_text(facts.signature_algorithm);
        is_text(facts.key_type);
        are_texts(&facts.names);
        are_texts(&facts.key_usage);
        are_texts(&facts.extended_key_usage);
        are_texts(&facts.unknown_critical);
        promise(der_check(der, len) == SFT_OK);
    }
    free(arena.p);
}

static void
request(const uint8_t *der, size_t len)
{
    static struct x509request read;
    struct sbuf arena = arena_for(len);
    if (x509request_read(&read, der, len, &arena) == SFT_OK) {
        is_text(read.subject);
        are_texts(&read.names);
        promise(read.key.len > 0 && der_check(der, len) == SFT_OK);
    }
    free(arena.p);
}

static void
list(const uint8_t *der, size_t len)
{
    struct sbuf arena = arena_for(len);
    struct x509list read = {.entries = calloc(x509list_most(len), sizeof *read.entries)};
    promise(read.entries != NULL);
    if (x509list_read(&read, der, len, &arena) == SFT_OK) {
        is_text(read.issuer);
        is_text(read.number);
        for (size_t i = 0; i < read.entries_n; i++)
            is_text(read.entries[i].serial);
    }
    free(read.entries);
    free(arena.p);
}

static void
blocks(const char *text, size_t len)
{
    struct pem pem;
    size_t n;
    uint8_t *der = malloc(len + 1);
    promise(der != NULL);
    pem_begin(&pem, text, len);
    while (pem_next(&pem, pem_certificate, der, len, &n) == SFT_OK) {
        promise(n <= len);
        certificate(der, n);
    }
    free(der);
}

static void
chain(const char *text, size_t len)
{
    static struct sshkey key;
    struct x509chain out;
    size_t cap = 2 * len + 4096;
    char *own = malloc(cap), *above = malloc(cap);
    const struct x509verify ask = {.certificate = text,
                                   .certificate_len = len,
                                   .trust = text,
                                   .trust_len = len,
                                   .lists = len % 2 ? text : NULL,
                                   .lists_len = len % 2 ? len : 0,
                                   .at = 1800000000};
    const char *word;
    promise(own != NULL && above != NULL);
    (void)authority_key(&key);
    promise(x509chain_check(&out, text, len, &key, "nobody/1", 1800000000, own, above, cap) !=
            NULL);
    is_text(out.reason);
    promise(x509verify(&ask, &word) == SFT_OK);
    free(own);
    free(above);
}

static void
names(const uint8_t *bytes, size_t len)
{
    struct lines in;
    lines_of(&in, bytes, len);
    const char *s = in.line[0];
    char text[ALTNAME_TEXT_MAX];
    const struct altname name = {ALTNAME_DNS, strlen(s), (const uint8_t *)s};
    if (altname_is_dns(s, true) || altname_is_email(s) || altname_is_uri(s)) {
        is_text(s);
        promise(altname_text(&name, text) == SFT_OK && strcmp(text + 4, s) == 0);
    }
    promise(!altname_is_dns(s, false) || altname_is_dns(s, true));
    free(in.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    bytes++;
    len--;
    switch (bytes[-1] % 7) {
    case 0:
        blocks((const char *)bytes, len);
        break;
    case 1:
        certificate(bytes, len);
        break;
    case 2:
        request(bytes, len);
        break;
    case 3:
        list(bytes, len);
        break;
    case 4:
        chain((const char *)bytes, len);
        break;
    case 5:
        names(bytes, len);
        break;
    default:
        (void)!der_check(bytes, len);
    }
    return 0;
}
