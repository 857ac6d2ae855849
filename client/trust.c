/* SPDX-License-Identifier: PostgreSQL */
/*
 * trust.c - the keys that an authority signs with, as the platform states them, kept on disk.
 *
 * The file is "sft-trust 1 <version> <etag or ->", a newline, and the statement's text; its time is
 * when the platform last confirmed it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "api.h"
#include "common/fsx.h"
#include "common/text.h"
#include "trust.h"

#define FILE_MAX 65536
#define ETAG_MAX 200
#define HEAD_MAX 300

struct stored {
    bool is_there;
    int64_t confirmed_at;
    char etag[ETAG_MAX];
    struct trust trust;
};

bool
trust_has(const struct trust *t, const struct sshkey *key)
{
    for (size_t i = 0; i < t->keys_n; i++)
        if (sshkey_equal(&t->keys[i], key))
            return true;
    return false;
}

static bool
state_is_trusted(const char *state)
{
    return strcmp(state, "active") == 0 || strcmp(state, "next") == 0 ||
           strcmp(state, "retiring") == 0;
}

/* "type base64 uuid/generation state", exactly one space between. */
static int
line_parse(struct trust *t, const char *line, size_t len)
{
    char copy[SSHKEY_TEXT_MAX + 100], *rest;
    if (len >= sizeof copy || memchr(line, '\0', len))
        return SFT_EFORMAT;
    memcpy(copy, line, len);
    copy[len] = '\0';
    char *state = strrchr(copy, ' ');
    if (!state)
        return SFT_EFORMAT;
    *state++ = '\0';
    char *name = strrchr(copy, ' ');
    if (!name || name == copy)
        return SFT_EFORMAT;
    *name++ = '\0';
    rest = strchr(name, '/');
    uint64_t generation;
    if (!rest || (size_t)(rest - name) != UUID_TEXT_LEN ||
        strncmp(name, t->authority, UUID_TEXT_LEN) != 0 ||
        text_u64(rest + 1, INT32_MAX, &generation) != 0 || !state_is_trusted(state))
        return SFT_EFORMAT;
    if (t->keys_n == TRUST_KEYS_MAX)
        return SFT_ETOOLONG;
    if (name[-2] == ' ')
        return SFT_EFORMAT; /* the key's line reader would take it for an empty comment */
    int err = sshkey_from_text(&t->keys[t->keys_n], copy, strlen(copy));
    if (!err)
        t->keys_n++;
    return err;
}

int
trust_parse(struct trust *out, const char *authority_id, const char *text, size_t len)
{
    int64_t version = out->version;
    memset(out, 0, sizeof *out);
    out->version = version;
    (void)snprintf(out->authority, sizeof out->authority, "%s", authority_id);
    for (const char *at = text, *end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = newline ? (size_t)(newline - at) : (size_t)(end - at);
        int err = line_parse(out, at, line_len);
        if (err) {
            out->keys_n = 0;
            return err;
        }
        at += line_len + 1;
    }
    return out->keys_n ? 0 : SFT_EFORMAT;
}

/* A file that cannot be read is as good as none, but never a reason to accept an older version. */
static int
stored_parse(struct stored *s, const char *authority_id, const char *text)
{
    char version[24], etag[ETAG_MAX];
    uint64_t number;
    const char *body = strchr(text, '\n');
    if (!body || sscanf(text, "sft-trust 1 %23s %199s", version, etag) != 2 ||
        text_u64(version, INT64_MAX - 1, &number) != 0)
        return SFT_EFORMAT;
    s->trust.version = (int64_t)number;
    (void)snprintf(s->etag, sizeof s->etag, "%s", strcmp(etag, "-") == 0 ? "" : etag);
    return trust_parse(&s->trust, authority_id, body + 1, strlen(body + 1));
}

static int
stored_load(struct stored *s, const char *path, const char *authority_id, struct failure *f)
{
    struct stat st;
    char *text;
    size_t len;
    memset(s, 0, sizeof *s);
    int err = fsx_read_secret(path, FILE_MAX, &text, &len);
    if (err == SFT_ENOTFOUND)
        return 0;
    if (err)
        return fail_err(f, err, path);
    err = strlen(text) == len ? stored_parse(s, authority_id, text) : SFT_EFORMAT;
    free(text);
    if (err)
        return fail(f, SFT_EXIT_ERROR, "Remove the file to read it anew.", "%s: %s.", path,
                    sft_strerror(err));
    s->is_there = true;
    s->confirmed_at = stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec : 0;
    return 0;
}

static bool
etag_is_storable(const char *etag)
{
    if (!etag || !*etag || strlen(etag) >= ETAG_MAX)
        return false;
    for (const char *c = etag; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return true;
}

static int
stored_save(const char *path, const struct http_answer *answer, int64_t version, struct failure *f)
{
    const char *etag = etag_is_storable(answer->etag) ? answer->etag : "-";
    char *text = malloc(HEAD_MAX + answer->body_len);
    if (!text)
        return fail_err(f, SFT_ENOMEM, path);
    int n = snprintf(text, HEAD_MAX, "sft-trust 1 %lld %s\n", (long long)version, etag);
    memcpy(text + n, answer->body, answer->body_len);
    int err = fsx_write(path, text, (size_t)n + answer->body_len, 0600);
    free(text);
    return err ? fail_err(f, err, path) : 0;
}

static int
refresh(struct platform *p, const char *path, struct stored *s, const char *id, struct failure *f)
{
    struct http_answer answer;
    int64_t version;
    int code = api_trust(p, id, s->etag[0] ? s->etag : NULL, &answer, f);
    if (code)
        return code;
    if (answer.status == 304) {
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* only means asking again sooner */
        http_answer_free(&answer);
        return 0;
    }
    if (platform_version(&answer, &version) != 0)
        code = fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the list of keys has no version.", id);
    else if (s->is_there && version < s->trust.version)
        code =
            fail(f, SFT_EXIT_UNREACHABLE, "It is not used; somebody may be in between.",
                 "%s: the platform showed an older list of keys (%lld) than the one seen (%lld).",
                 id, (long long)version, (long long)s->trust.version);
    else if (trust_parse(&s->trust, id, answer.body, answer.body_len) != 0)
        code = fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the list of keys is not understood.", id);
    else
        code = stored_save(path, &answer, version, f);
    s->trust.version = version;
    http_answer_free(&answer);
    return code;
}

int
trust_get(struct platform *p, const char *authority_id, int64_t max_age_s, struct trust *out,
          struct failure *f)
{
    char dir[PATH_CAP], path[PATH_CAP];
    static struct stored s;
    int code = path_join(dir, p->account->dir, "trust", f);
    if (!code)
        code = path_private(dir, f);
    if (!code)
        code = path_join(path, dir, authority_id, f);
    if (!code)
        code = stored_load(&s, path, authority_id, f);
    if (code)
        return code;
    int64_t age = (int64_t)time(NULL) - s.confirmed_at;
    if (!s.is_there || age < 0 || age >= max_age_s) {
        struct failure refusal;
        code = refresh(p, path, &s, authority_id, &refusal);
        /* Away is not the same as wrong: only when nobody answered does the old list stand in. */
        if (code == SFT_EXIT_UNREACHABLE && s.is_there && p->last_was_away)
            code = 0;
        if (code)
            *f = refusal;
    }
    if (!code)
        *out = s.trust;
    return code;
}
