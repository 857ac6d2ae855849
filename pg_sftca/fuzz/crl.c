/* SPDX-License-Identifier: PostgreSQL */
/*
 * crl.c - what the vault writes as an X.509 revocation list, OpenSSL reads as the same; a list that
 * was altered is never taken for it. Lines: number, this update, next update, a byte to alter and
 * what to add to it; then "serial time reason".
 */
#include "input.h"

#include <limits.h>

#include "core/crlwrite.h"
#include "core/x509write.h"

static struct crlwrite_entry entries[LINES_MAX];

static void
fill(struct crlwrite *crl, struct lines *in)
{
    crl->number = number_of(in->line[0]);
    crl->this_update = strtoll(in->line[1], NULL, 10);
    crl->next_update = strtoll(in->line[2], NULL, 10);
    for (size_t i = 4; i < in->n; i++) {
        char *end;
        struct crlwrite_entry *entry = &entries[crl->entries_n];
        entry->serial = strtoull(in->line[i], &end, 10);
        entry->revoked_at = strtoll(end, &end, 10);
        long reason = strtol(end, NULL, 10);
        entry->reason = reason < 0 || reason > INT_MAX ? INT_MAX : (int)reason;
        if (in->line[i][0] != '\0')
            crl->entries_n++;
    }
}

static void
alter(const struct crlwrite *crl, struct sbuf *list, const char *how)
{
    char *end;
    size_t at = strtoull(how, &end, 10) % list->len;
    uint8_t add = (uint8_t)strtoull(end, NULL, 10);
    if (add == 0)
        return;
    list->p[at] = (uint8_t)(list->p[at] + add);
    promise(crlwrite_check(crl, list->p, list->len) != SFT_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static uint8_t tbs_mem[16384], mem[16384];
    struct sshkey authority;
    struct lines in;
    struct sbuf tbs, out;
    const struct key *key = authority_key(&authority);
    struct crlwrite crl = {
        .issuer = "issuer/1", .authority = &authority, .entries = entries, .entries_n = 0};
    lines_of(&in, bytes, len);
    fill(&crl, &in);
    sb_writer(&tbs, tbs_mem, crlwrite_room(crl.entries_n));
    sb_writer(&out, mem, crlwrite_room(crl.entries_n));
    crlwrite_tbs(&tbs, &crl);
    promise(sb_err(&tbs) != SFT_ENOSPACE);
    if (sb_err(&tbs) == SFT_OK) {
        promise(x509write_signed(&out, tbs.p, tbs.len, key) == SFT_OK);
        promise(crlwrite_check(&crl, out.p, out.len) == SFT_OK);
        promise(crlwrite_check(&crl, out.p, out.len - 1) != SFT_OK);
        alter(&crl, &out, in.line[3]);
    }
    free(in.text);
    return 0;
}
