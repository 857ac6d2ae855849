/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.c - OpenSSH key revocation lists (PROTOCOL.krl): write, check, ask.
 *
 * The reader is one walk over the list that shows each entry to a visitor; checking is the walk
 * without one, a question is a visitor. Nothing is built in memory, so a list of a million serials
 * costs nothing but its bytes.
 */
#include "common/krl.h"

#include <string.h>

#include <openssl/sha.h>

#include "common/digest.h"
#include "common/err.h"

#define MAGIC UINT64_C(0x5353484b524c0a00) /* "SSHKRL\n" and NUL */
#define FORMAT 1
#define BITMAP_MAX                                                                                 \
    2048 /* bytes; sshd reads no longer number, though ssh-keygen 9.2 writes them                  \
          */

enum section {
    CERTIFICATES = 1,
    EXPLICIT_KEYS = 2,
    FINGERPRINTS_SHA1 = 3,
    FINGERPRINTS_SHA256 = 5,
};

enum subsection {
    SERIAL_LIST = 0x20,
    SERIAL_RANGE = 0x21,
    SERIAL_BITMAP = 0x22,
    KEY_IDS = 0x23,
};

/* ---- writing ---- */

static int
is_sorted(const struct krl_section *section)
{
    for (size_t i = 0; i < section->ranges_n; i++) {
        const struct krl_range *r = &section->ranges[i];
        if (r->lo == 0 || r->lo > r->hi || (i > 0 && r->lo <= r[-1].hi))
            return 0;
    }
    return 1;
}

/* Single serials that follow each other share a list; the others are ranges. Returns how many. */
static size_t
put_serials(struct sbuf *out, const struct krl_range *ranges, size_t n)
{
    int is_range = ranges[0].lo != ranges[0].hi;
    size_t used = 0;
    sb_u8(out, is_range ? SERIAL_RANGE : SERIAL_LIST);
    size_t mark = sb_open(out);
    if (is_range) {
        sb_u64(out, ranges[0].lo);
        sb_u64(out, ranges[0].hi);
        used = 1;
    }
    for (; !is_range && used < n && ranges[used].lo == ranges[used].hi; used++)
        sb_u64(out, ranges[used].lo);
    sb_close(out, mark);
    return used;
}

static void
put_key_ids(struct sbuf *out, const char *const *ids, size_t n)
{
    if (n == 0)
        return;
    sb_u8(out, KEY_IDS);
    size_t mark = sb_open(out);
    for (size_t i = 0; i < n; i++) {
        if (ids[i][0] == '\0')
            sb_fail(out, SFT_EKEYID);
        sb_cstr(out, ids[i]);
    }
    sb_close(out, mark);
}

static void
put_section(struct sbuf *out, const struct krl_section *section)
{
    sb_u8(out, CERTIFICATES);
    size_t mark = sb_open(out);
    sb_blob(out, section->authority->blob, section->authority->len);
    sb_cstr(out, ""); /* reserved */
    for (size_t i = 0; i < section->ranges_n;)
        i += put_serials(out, section->ranges + i, section->ranges_n - i);
    put_key_ids(out, section->key_ids, section->key_ids_n);
    sb_close(out, mark);
}

void
krl_write_header(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment)
{
    sb_u64(out, MAGIC);
    sb_u32(out, FORMAT);
    sb_u64(out, version);
    sb_u64(out, generated);
    sb_u64(out, 0);   /* flags */
    sb_cstr(out, ""); /* reserved */
    sb_cstr(out, comment);
}

void
krl_write_section(struct sbuf *out, const struct krl_section *section)
{
    if (!is_sorted(section))
        sb_fail(out, SFT_ESERIAL);
    if (section->ranges_n + section->key_ids_n > 0 && sb_err(out) == 0)
        put_section(out, section);
}

void
krl_write_keys(struct sbuf *out, const struct sshkey *keys, size_t n)
{
    if (n == 0)
        return;
    sb_u8(out, EXPLICIT_KEYS);
    size_t mark = sb_open(out);
    for (size_t i = 0; i < n; i++)
        sb_blob(out, keys[i].blob, keys[i].len);
    sb_close(out, mark);
}

void
krl_write_hashes(struct sbuf *out, const uint8_t (*hashes)[KRL_SHA256_LEN], size_t n)
{
    if (n == 0)
        return;
    sb_u8(out, FINGERPRINTS_SHA256);
    size_t mark = sb_open(out);
    for (size_t i = 0; i < n; i++)
        sb_blob(out, hashes[i], KRL_SHA256_LEN);
    sb_close(out, mark);
}

void
krl_write(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment,
          const struct krl_section *sections, size_t sections_n)
{
    krl_write_header(out, version, generated, comment);
    size_t empty = out->len;
    for (size_t i = 0; i < sections_n; i++)
        krl_write_section(out, &sections[i]);
    if (out->len == empty)
        sb_fail(out, SFT_EFORMAT); /* sshd takes an empty list for "nothing is revoked" */
}

/* ---- reading ---- */

/* A walk: who looks, and at what it is. */
struct walk {
    krl_visit visit; /* NULL: only check */
    void *arg;
    struct krl_entry entry; /* its authority is that of the section */
    uint64_t entries;
};

static void
show_serials(struct walk *w, uint64_t lo, uint64_t hi)
{
    w->entries++;
    w->entry.kind = KRL_SERIALS;
    w->entry.lo = lo;
    w->entry.hi = hi;
    if (w->visit != NULL)
        w->visit(&w->entry, w->arg);
}

static void
show_bytes(struct walk *w, enum krl_kind kind, const uint8_t *data, size_t len)
{
    w->entries++;
    w->entry.kind = kind;
    w->entry.data = data;
    w->entry.len = len;
    if (w->visit != NULL)
        w->visit(&w->entry, w->arg);
}

static void
walk_list(struct sbuf *b, struct walk *w)
{
    while (sb_left(b) > 0) {
        uint64_t serial = sb_get_u64(b);
        if (serial == 0)
            sb_fail(b, SFT_EFORMAT);
        if (sb_err(b) == 0)
            show_serials(w, serial, serial);
    }
}

static void
walk_range(struct sbuf *b, struct walk *w)
{
    uint64_t lo = sb_get_u64(b), hi = sb_get_u64(b);
    if (lo == 0 || lo > hi)
        sb_fail(b, SFT_EFORMAT);
    if (sb_err(b) == 0)
        show_serials(w, lo, hi);
}

/* Runs of ones. Bit i, counted from the end of the number, stands for the serial offset + i. */
static void
show_bits(struct walk *w, uint64_t offset, const uint8_t *bits, size_t len)
{
    uint64_t n = (uint64_t)len * 8, first = n;
    for (uint64_t i = 0; i <= n; i++) {
        int is_set = i < n && (bits[len - 1 - i / 8] >> (i % 8) & 1) != 0;
        if (is_set && first == n)
            first = i;
        if (!is_set && first < n) {
            show_serials(w, offset + first, offset + i - 1);
            first = n;
        }
    }
}

static void
walk_bitmap(struct sbuf *b, struct walk *w)
{
    size_t len;
    uint64_t offset = sb_get_u64(b);
    const uint8_t *bits = sb_get_mpint(b, &len);
    if (len > BITMAP_MAX)
        sb_fail(b, SFT_EFORMAT);
    if (sb_err(b) != 0)
        return;
    uint64_t highest = (uint64_t)len * 8 - 1;
    while ((bits[0] >> (highest % 8) & 1) == 0)
        highest--; /* a minimal mpint has a bit in its first byte */
    if (offset > UINT64_MAX - highest || (offset == 0 && (bits[len - 1] & 1) != 0))
        sb_fail(b, SFT_EFORMAT); /* past the last serial, or serial 0 */
    else
        show_bits(w, offset, bits, len);
}

static void
walk_key_ids(struct sbuf *b, struct walk *w)
{
    size_t len;
    while (sb_left(b) > 0) {
        const uint8_t *id = sb_get_blob(b, &len);
        if (id == NULL || len == 0 || memchr(id, 0, len) != NULL)
            sb_fail(b, SFT_EFORMAT);
        else
            show_bytes(w, KRL_KEY_ID, id, len);
    }
}

static void
walk_subsection(struct sbuf *b, uint8_t type, struct walk *w)
{
    if (type == SERIAL_LIST)
        walk_list(b, w);
    else if (type == SERIAL_RANGE)
        walk_range(b, w);
    else if (type == SERIAL_BITMAP)
        walk_bitmap(b, w);
    else if (type == KEY_IDS)
        walk_key_ids(b, w);
    else
        sb_fail(b, SFT_EFORMAT);
    sb_end(b);
}

static int
is_key(const uint8_t *blob, size_t len)
{
    struct sshkey key;
    return blob != NULL && sshkey_from_blob(&key, blob, len) == 0;
}

static void
walk_certificates(struct sbuf *b, struct walk *w)
{
    size_t ca_len, reserved_len, len;
    const uint8_t *ca = sb_get_blob(b, &ca_len);
    sb_get_blob(b, &reserved_len);
    if (ca_len > 0 && !is_key(ca, ca_len))
        sb_fail(b, SFT_EFORMAT);
    w->entry = (struct krl_entry){.authority = ca, .authority_len = ca_len};
    while (sb_left(b) > 0) {
        struct sbuf sub;
        uint8_t type = sb_get_u8(b);
        const uint8_t *mem = sb_get_blob(b, &len);
        if (sb_err(b) != 0)
            return;
        sb_reader(&sub, mem, len);
        walk_subsection(&sub, type, w);
        if (sb_err(&sub) != 0)
            sb_fail(b, SFT_EFORMAT);
    }
}

/* Keys, or hashes of keys of want bytes. */
static void
walk_keys(struct sbuf *b, struct walk *w, enum krl_kind kind, size_t want)
{
    size_t len;
    w->entry = (struct krl_entry){0};
    while (sb_left(b) > 0) {
        const uint8_t *key = sb_get_blob(b, &len);
        if (want > 0 ? len != want : !is_key(key, len)) {
            sb_fail(b, SFT_EFORMAT);
            return;
        }
        show_bytes(w, kind, key, len);
    }
}

static void
walk_section(struct sbuf *b, uint8_t type, struct walk *w)
{
    if (type == CERTIFICATES)
        walk_certificates(b, w);
    else if (type == EXPLICIT_KEYS)
        walk_keys(b, w, KRL_KEY, 0);
    else if (type == FINGERPRINTS_SHA1)
        walk_keys(b, w, KRL_SHA1, SHA_DIGEST_LENGTH);
    else if (type == FINGERPRINTS_SHA256)
        walk_keys(b, w, KRL_SHA256, SHA256_LEN);
    else
        sb_fail(b, SFT_EFORMAT); /* signed lists too: newer OpenSSH refuses them */
}

static void
walk_header(struct sbuf *b, struct krl_header *header)
{
    size_t len;
    if (sb_get_u64(b) != MAGIC || sb_get_u32(b) != FORMAT)
        sb_fail(b, SFT_EFORMAT);
    header->version = sb_get_u64(b);
    header->generated = sb_get_u64(b);
    sb_get_u64(b);        /* flags */
    sb_get_blob(b, &len); /* reserved */
    header->comment = sb_get_blob(b, &header->comment_len);
    if (header->comment_len > 0 && memchr(header->comment, 0, header->comment_len) != NULL)
        sb_fail(b, SFT_EFORMAT);
}

static int
walk_all(struct walk *w, const uint8_t *krl, size_t krl_len, struct krl_header *header)
{
    struct sbuf b;
    size_t len;
    sb_reader(&b, krl, krl_len);
    walk_header(&b, header);
    while (sb_left(&b) > 0) {
        struct sbuf section;
        uint8_t type = sb_get_u8(&b);
        const uint8_t *mem = sb_get_blob(&b, &len);
        if (sb_err(&b) != 0)
            break;
        sb_reader(&section, mem, len);
        walk_section(&section, type, w);
        if (sb_err(&section) != 0)
            sb_fail(&b, SFT_EFORMAT);
    }
    if (sb_err(&b) == 0 && w->entries == 0)
        sb_fail(&b, SFT_ENOTFOUND); /* sshd takes an empty list for "nothing is revoked" */
    if (sb_err(&b) != 0)
        *header = (struct krl_header){0};
    return sb_err(&b);
}

int
krl_walk(const uint8_t *krl, size_t len, struct krl_header *header, krl_visit visit, void *arg)
{
    struct walk w = {.visit = visit, .arg = arg};
    *header = (struct krl_header){0};
    return walk_all(&w, krl, len, header);
}

int
krl_check(const uint8_t *krl, size_t len, uint64_t *versionp)
{
    struct krl_header header;
    int err = krl_walk(krl, len, &header, NULL, NULL);
    *versionp = header.version;
    return err == SFT_ENOTFOUND ? SFT_EFORMAT : err;
}

/* ---- asking ---- */

struct question {
    const struct krl_subject *subject;
    uint8_t sha1[2][SHA_DIGEST_LENGTH], sha256[2][SHA256_LEN]; /* of the key, of the authority's */
    enum krl_why why;
};

static int
is_blob(const struct sshkey *key, const uint8_t *blob, size_t len)
{
    return key != NULL && key->len == len && memcmp(key->blob, blob, len) == 0;
}

/* Which of the subject's two keys this names: 0, 1, or -1 for neither. */
static int
key_named(const struct question *q, const struct krl_entry *e)
{
    const struct sshkey *keys[2] = {q->subject->key, q->subject->authority};
    for (int i = 0; i < 2; i++) {
        if (keys[i] == NULL)
            continue;
        if ((e->kind == KRL_KEY && is_blob(keys[i], e->data, e->len)) ||
            (e->kind == KRL_SHA1 && memcmp(q->sha1[i], e->data, e->len) == 0) ||
            (e->kind == KRL_SHA256 && memcmp(q->sha256[i], e->data, e->len) == 0))
            return i;
    }
    return -1;
}

/* Serials and key ids count if the section names our authority, or none at all. */
static enum krl_why
why_certificate(const struct krl_subject *s, const struct krl_entry *e)
{
    if (s->authority == NULL ||
        (e->authority_len > 0 && !is_blob(s->authority, e->authority, e->authority_len)))
        return KRL_NOT;
    if (e->kind == KRL_SERIALS) /* serial 0 is none to OpenSSH */
        return s->serial != 0 && s->serial >= e->lo && s->serial <= e->hi ? KRL_BY_SERIAL : KRL_NOT;
    int is_id =
        s->key_id != NULL && strlen(s->key_id) == e->len && memcmp(s->key_id, e->data, e->len) == 0;
    return is_id ? KRL_BY_KEY_ID : KRL_NOT;
}

static void
ask(const struct krl_entry *e, void *arg)
{
    struct question *q = arg;
    if (q->why != KRL_NOT)
        return;
    if (e->kind == KRL_SERIALS || e->kind == KRL_KEY_ID) {
        q->why = why_certificate(q->subject, e);
        return;
    }
    int which = key_named(q, e);
    if (which >= 0)
        q->why = which == 1 ? KRL_BY_AUTHORITY : e->kind == KRL_KEY ? KRL_BY_KEY : KRL_BY_HASH;
}

int
krl_ask(const uint8_t *krl, size_t len, const struct krl_subject *subject, enum krl_why *whyp)
{
    struct question q = {.subject = subject};
    const struct sshkey *keys[2] = {subject->key, subject->authority};
    struct krl_header header;
    int err = 0;
    *whyp = KRL_NOT;
    for (int i = 0; i < 2 && err == 0; i++) {
        if (keys[i] == NULL)
            continue;
        SHA1(keys[i]->blob, keys[i]->len, q.sha1[i]);
        err = digest_sha256(keys[i]->blob, keys[i]->len, q.sha256[i]);
    }
    if (err == 0)
        err = krl_walk(krl, len, &header, ask, &q);
    if (err == 0)
        *whyp = q.why;
    return err;
}

int
krl_revokes(const uint8_t *krl, size_t len, const struct sshkey *authority, uint64_t serial,
            bool *revokedp)
{
    const struct krl_subject subject = {.authority = authority, .serial = serial};
    enum krl_why why;
    *revokedp = false;
    if (serial == 0)
        return SFT_ESERIAL;
    int err = krl_ask(krl, len, &subject, &why);
    *revokedp = err == 0 && why != KRL_NOT;
    return err == SFT_ENOTFOUND ? SFT_EFORMAT : err;
}
