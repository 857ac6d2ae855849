/* SPDX-License-Identifier: PostgreSQL */
/*
 * krl.c - OpenSSH key revocation lists (PROTOCOL.krl): write, check, ask.
 *
 * The reader is one walk over the list with a question in hand; checking is the walk with a
 * question that nothing answers. Nothing is built in memory, so a list of a million serials costs
 * nothing but its bytes.
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
put_section(struct sbuf *out, const struct krl_section *section)
{
    sb_u8(out, CERTIFICATES);
    size_t mark = sb_open(out);
    sb_blob(out, section->authority->blob, section->authority->len);
    sb_cstr(out, ""); /* reserved */
    for (size_t i = 0; i < section->ranges_n;)
        i += put_serials(out, section->ranges + i, section->ranges_n - i);
    sb_close(out, mark);
}

void
krl_write(struct sbuf *out, uint64_t version, uint64_t generated, const char *comment,
          const struct krl_section *sections, size_t sections_n)
{
    size_t written = 0;
    sb_u64(out, MAGIC);
    sb_u32(out, FORMAT);
    sb_u64(out, version);
    sb_u64(out, generated);
    sb_u64(out, 0);   /* flags */
    sb_cstr(out, ""); /* reserved */
    sb_cstr(out, comment);
    for (size_t i = 0; i < sections_n; i++) {
        if (!is_sorted(&sections[i]))
            sb_fail(out, SFT_ESERIAL);
        if (sections[i].ranges_n > 0 && sb_err(out) == 0) {
            put_section(out, &sections[i]);
            written++;
        }
    }
    if (written == 0)
        sb_fail(out, SFT_EFORMAT); /* sshd takes an empty list for "nothing is revoked" */
}

/* ---- reading ---- */

/* What is asked, and what the walk found. */
struct walk {
    const struct sshkey *authority; /* NULL: only check */
    uint64_t serial;
    uint8_t sha1[SHA_DIGEST_LENGTH], sha256[SHA256_LEN]; /* of the authority's key */
    int is_revoked;
    uint64_t entries;
};

static void
note_serials(struct walk *w, int is_ours, uint64_t lo, uint64_t hi)
{
    w->entries++;
    if (is_ours && w->serial >= lo && w->serial <= hi)
        w->is_revoked = 1;
}

static void
walk_list(struct sbuf *b, struct walk *w, int is_ours)
{
    while (sb_left(b) > 0) {
        uint64_t serial = sb_get_u64(b);
        if (serial == 0)
            sb_fail(b, SFT_EFORMAT);
        note_serials(w, is_ours, serial, serial);
    }
}

static void
walk_range(struct sbuf *b, struct walk *w, int is_ours)
{
    uint64_t lo = sb_get_u64(b), hi = sb_get_u64(b);
    if (lo == 0 || lo > hi)
        sb_fail(b, SFT_EFORMAT);
    note_serials(w, is_ours, lo, hi);
}

/* Bit i, counted from the end of the number, stands for the serial offset + i. */
static void
walk_bitmap(struct sbuf *b, struct walk *w, int is_ours)
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
    if (offset > UINT64_MAX - highest || (offset == 0 && (bits[len - 1] & 1) != 0)) {
        sb_fail(b, SFT_EFORMAT); /* past the last serial, or serial 0 */
        return;
    }
    w->entries++;
    uint64_t bit = w->serial - offset;
    if (is_ours && w->serial >= offset && bit <= highest &&
        (bits[len - 1 - bit / 8] >> (bit % 8) & 1) != 0)
        w->is_revoked = 1;
}

/* Key ids say nothing about a serial. */
static void
walk_key_ids(struct sbuf *b, struct walk *w)
{
    size_t len;
    while (sb_left(b) > 0) {
        const uint8_t *id = sb_get_blob(b, &len);
        if (id == NULL || len == 0 || memchr(id, 0, len) != NULL)
            sb_fail(b, SFT_EFORMAT);
        w->entries++;
    }
}

static void
walk_subsection(struct sbuf *b, uint8_t type, struct walk *w, int is_ours)
{
    if (type == SERIAL_LIST)
        walk_list(b, w, is_ours);
    else if (type == SERIAL_RANGE)
        walk_range(b, w, is_ours);
    else if (type == SERIAL_BITMAP)
        walk_bitmap(b, w, is_ours);
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

/* Serials count if the section names our authority, or none at all. */
static void
walk_certificates(struct sbuf *b, struct walk *w)
{
    size_t ca_len, reserved_len, len;
    const uint8_t *ca = sb_get_blob(b, &ca_len);
    sb_get_blob(b, &reserved_len);
    if (ca_len > 0 && !is_key(ca, ca_len))
        sb_fail(b, SFT_EFORMAT);
    int is_ours = w->authority != NULL && ca != NULL &&
                  (ca_len == 0 ||
                   (ca_len == w->authority->len && memcmp(ca, w->authority->blob, ca_len) == 0));
    while (sb_left(b) > 0) {
        struct sbuf sub;
        uint8_t type = sb_get_u8(b);
        const uint8_t *mem = sb_get_blob(b, &len);
        if (sb_err(b) != 0)
            return;
        sb_reader(&sub, mem, len);
        walk_subsection(&sub, type, w, is_ours);
        if (sb_err(&sub) != 0)
            sb_fail(b, SFT_EFORMAT);
    }
}

/* Keys, or hashes of keys of want bytes. One that is the authority's revokes all that it signed. */
static void
walk_keys(struct sbuf *b, struct walk *w, size_t want, const uint8_t *ours, size_t ours_len)
{
    size_t len;
    while (sb_left(b) > 0) {
        const uint8_t *key = sb_get_blob(b, &len);
        if (want > 0 ? len != want : !is_key(key, len)) {
            sb_fail(b, SFT_EFORMAT);
            return;
        }
        w->entries++;
        if (w->authority != NULL && ours != NULL && len == ours_len && memcmp(key, ours, len) == 0)
            w->is_revoked = 1;
    }
}

static void
walk_section(struct sbuf *b, uint8_t type, struct walk *w)
{
    if (type == CERTIFICATES)
        walk_certificates(b, w);
    else if (type == EXPLICIT_KEYS && w->authority != NULL)
        walk_keys(b, w, 0, w->authority->blob, w->authority->len);
    else if (type == EXPLICIT_KEYS)
        walk_keys(b, w, 0, NULL, 0);
    else if (type == FINGERPRINTS_SHA1)
        walk_keys(b, w, sizeof(w->sha1), w->sha1, sizeof(w->sha1));
    else if (type == FINGERPRINTS_SHA256)
        walk_keys(b, w, sizeof(w->sha256), w->sha256, sizeof(w->sha256));
    else
        sb_fail(b, SFT_EFORMAT); /* signed lists too: newer OpenSSH refuses them */
}

static void
walk_header(struct sbuf *b, uint64_t *versionp)
{
    size_t len;
    if (sb_get_u64(b) != MAGIC || sb_get_u32(b) != FORMAT)
        sb_fail(b, SFT_EFORMAT);
    *versionp = sb_get_u64(b);
    sb_get_u64(b);        /* when */
    sb_get_u64(b);        /* flags */
    sb_get_blob(b, &len); /* reserved */
    sb_get_blob(b, &len); /* comment */
}

static int
walk_list_of_sections(struct walk *w, const uint8_t *krl, size_t krl_len, uint64_t *versionp)
{
    struct sbuf b;
    size_t len;
    sb_reader(&b, krl, krl_len);
    walk_header(&b, versionp);
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
        sb_fail(&b, SFT_EFORMAT); /* sshd takes an empty list for "nothing is revoked" */
    return sb_err(&b);
}

int
krl_check(const uint8_t *krl, size_t len, uint64_t *versionp)
{
    struct walk w = {0};
    int err = walk_list_of_sections(&w, krl, len, versionp);
    if (err != 0)
        *versionp = 0;
    return err;
}

int
krl_revokes(const uint8_t *krl, size_t len, const struct sshkey *authority, uint64_t serial,
            bool *revokedp)
{
    struct walk w = {.authority = authority, .serial = serial};
    uint64_t version;
    *revokedp = false;
    if (serial == 0)
        return SFT_ESERIAL;
    SHA1(authority->blob, authority->len, w.sha1);
    int err = digest_sha256(authority->blob, authority->len, w.sha256);
    if (err == 0)
        err = walk_list_of_sections(&w, krl, len, &version);
    if (err == 0)
        *revokedp = w.is_revoked != 0;
    return err;
}
