/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl_round.c - what is written as a revocation list is read as the same serials and key ids.
 * Lines: "gap length" of the next run of serials, or "id <key id>".
 */
#include <stdlib.h>
#include <string.h>

#include "common/krl.h"

#define MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char authority_text[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

struct wanted {
    struct krl_range ranges[MAX];
    const char *key_ids[MAX];
    size_t ranges_n, key_ids_n;
    /* how far the reading has come */
    size_t range, key_id;
    uint64_t next;
};

static void
promise(int kept)
{
    if (!kept)
        abort();
}

static void
add_line(struct wanted *want, char *line)
{
    char *end;
    uint64_t last = want->ranges_n > 0 ? want->ranges[want->ranges_n - 1].hi : 0;
    if (strncmp(line, "id ", 3) == 0) {
        if (line[3] != '\0')
            want->key_ids[want->key_ids_n++] = line + 3;
        return;
    }
    uint64_t gap = strtoull(line, &end, 10), length = strtoull(end, NULL, 10);
    if (gap == 0 || gap > UINT64_MAX - last || length > UINT64_MAX - last - gap)
        return;
    want->ranges[want->ranges_n++] = (struct krl_range){last + gap, last + gap + length};
}

/* A run may come in pieces, but in order and without a hole. */
static void
on_serials(struct wanted *want, const struct krl_entry *entry)
{
    uint64_t lo = entry->lo;
    while (lo <= entry->hi) {
        promise(want->range < want->ranges_n);
        const struct krl_range *range = &want->ranges[want->range];
        promise(lo == (want->next != 0 ? want->next : range->lo));
        uint64_t hi = entry->hi < range->hi ? entry->hi : range->hi;
        want->next = hi == range->hi ? 0 : hi + 1;
        want->range += hi == range->hi;
        if (hi == UINT64_MAX)
            break;
        lo = hi + 1;
    }
}

static void
on_entry(const struct krl_entry *entry, void *arg)
{
    struct wanted *want = arg;
    if (entry->kind == KRL_SERIALS) {
        on_serials(want, entry);
        return;
    }
    promise(entry->kind == KRL_KEY_ID && want->key_id < want->key_ids_n);
    const char *id = want->key_ids[want->key_id++];
    promise(entry->len == strlen(id) && memcmp(entry->data, id, entry->len) == 0);
}

static void
write_and_read(struct wanted *want, const struct sshkey *authority)
{
    static uint8_t mem[1 << 18];
    struct krl_section section = {.authority = authority,
                                  .ranges = want->ranges,
                                  .ranges_n = want->ranges_n,
                                  .key_ids = want->key_ids,
                                  .key_ids_n = want->key_ids_n};
    struct krl_header header;
    struct sbuf out;
    sb_writer(&out, mem, sizeof(mem));
    krl_write(&out, 7, 1767225600, "fuzz", &section, 1);
    if (sb_err(&out) != 0)
        return;
    int err = krl_walk(mem, out.len, &header, on_entry, want);
    promise(err == 0);
    promise(want->range == want->ranges_n && want->key_id == want->key_ids_n);
    promise(header.version == 7 && header.generated == 1767225600);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct sshkey authority;
    static struct wanted want;
    char *text = malloc(len + 1), *rest = text, *line;
    promise(text != NULL);
    if (authority.len == 0)
        promise(sshkey_from_text(&authority, authority_text, sizeof(authority_text) - 1) == 0);
    memset(&want, 0, sizeof(want));
    memcpy(text, bytes, len);
    text[len] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL && want.ranges_n < MAX && want.key_ids_n < MAX)
        add_line(&want, line);
    write_and_read(&want, &authority);
    free(text);
    return 0;
}
