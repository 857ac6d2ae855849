/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509facts.c - any bytes as a certificate, a request and a revocation list of somebody. What is
 * said is said in ASCII; what our strict reader takes, this one takes and says the same of.
 */
#include "input.h"

#include "common/sbuf.h"
#include "core/pem.h"
#include "core/x509facts.h"
#include "core/x509read.h"

/* Exactly as much as is said to be enough. */
static struct sbuf
arena_of(size_t n)
{
    struct sbuf arena;
    void *memory = malloc(n);
    promise(memory != NULL);
    sb_writer(&arena, memory, n);
    return arena;
}

static void
is_ascii(const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        promise(*s >= ' ' && *s <= '~');
}

static void
are_ascii(const struct x509facts_list *list)
{
    promise(list->n <= X509FACTS_NAMES_MAX);
    for (size_t i = 0; i < list->n; i++)
        is_ascii(list->items[i]);
}

static void
try_certificate(const uint8_t *bytes, size_t len)
{
    static struct x509facts facts;
    struct x509read leaf;
    struct sbuf arena = arena_of(X509FACTS_ARENA(len));
    int err = x509facts_read(&facts, bytes, len, &arena);
    int strict = x509read_leaf(&leaf, bytes, len);
    if (err == SFT_OK) {
        is_ascii(facts.serial);
        is_ascii(facts.issuer);
        is_ascii(facts.subject);
        is_ascii(facts.signature_algorithm);
        is_ascii(facts.key_type);
        are_ascii(&facts.names);
        are_ascii(&facts.key_usage);
        are_ascii(&facts.extended_key_usage);
        are_ascii(&facts.unknown_critical);
    }
    promise(err != SFT_ENOSPACE);
    if (strict != SFT_OK)
        goto out;
    promise(err == SFT_OK && (uint64_t)facts.valid_after == leaf.valid_after &&
            (uint64_t)facts.valid_before == leaf.valid_before && !facts.is_authority);
    promise(number_of(facts.serial) == leaf.serial && facts.unknown_critical.n == 0 &&
            facts.names.n == leaf.names_n);
out:
    free(arena.p);
}

static void
try_request(const uint8_t *bytes, size_t len)
{
    static struct x509request request;
    struct sbuf arena = arena_of(X509FACTS_ARENA(len));
    struct sshkey again;
    int err = x509request_read(&request, bytes, len, &arena);
    promise(err != SFT_ENOSPACE);
    if (err == SFT_OK) {
        is_ascii(request.subject);
        are_ascii(&request.names);
        /* the key is as good as one that came as text */
        promise(sshkey_from_blob(&again, request.key.blob, request.key.len) == SFT_OK);
    }
    free(arena.p);
}

static void
try_list(const uint8_t *bytes, size_t len)
{
    struct x509list list = {.entries = calloc(x509list_most(len), sizeof *list.entries)};
    struct sbuf arena = arena_of(X509LIST_ARENA(len));
    promise(list.entries != NULL);
    int err = x509list_read(&list, bytes, len, &arena);
    promise(err != SFT_ENOSPACE);
    if (err == SFT_OK) {
        promise(list.entries_n <= x509list_most(len));
        is_ascii(list.issuer);
        is_ascii(list.number);
        for (size_t i = 0; i < list.entries_n; i++)
            is_ascii(list.entries[i].serial);
    }
    free(arena.p);
    free(list.entries);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    /* so do the functions of SQL: what is no DER is refused before anything reads it */
    if (der_check(bytes, len) != SFT_OK) {
        struct x509read leaf;
        promise(x509read_leaf(&leaf, bytes, len) != SFT_OK);
        return 0;
    }
    try_certificate(bytes, len);
    try_request(bytes, len);
    try_list(bytes, len);
    return 0;
}
