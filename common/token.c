/* SPDX-License-Identifier: PostgreSQL */
/*
 * token.c - enrollment tokens and invitations.
 *
 * A token's JSON is read here, not by a library: one flat object of strings, none of which ever
 * needs an escape. The extension links this file and shall not drag a JSON library into the
 * database.
 */
#include "common/token.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/digest.h"
#include "common/names.h"
#include "common/sbuf.h"
#include "common/text.h"

#define TOKEN_JSON_MAX 2048
#define MAC_LEN 32
#define SECRET_LEN 43

/* ---- the JSON ---- */

static const char *
skip_space(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* A string without escapes and control characters; NULL if there is none. */
static const char *
read_string(const char *s, char *out, size_t cap)
{
    size_t len = 0;
    if (*s++ != '"')
        return NULL;
    while ((unsigned char)s[len] >= ' ' && s[len] != '"' && s[len] != '\\')
        len++;
    if (s[len] != '"' || len >= cap)
        return NULL;
    memcpy(out, s, len);
    out[len] = '\0';
    return s + len + 1;
}

/* Where the member of this name goes; NULL for one that we do not know. */
static char *
place_of(struct token *t, const char *name, size_t *capp)
{
    struct {
        const char *name;
        char *place;
        size_t cap;
    } places[] = {
        {"s", t->secret, sizeof(t->secret)},
        {"u", t->url, sizeof(t->url)},
        {"i", t->id, sizeof(t->id)},
        {"t", t->team, sizeof(t->team)},
        {"k", t->statement_hash, sizeof(t->statement_hash)},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        *capp = places[i].cap;
        if (strcmp(places[i].name, name) == 0)
            return places[i].place;
    }
    return NULL;
}

/* "name": "value"; unknown members are passed over, known ones may come once. */
static const char *
read_member(const char *s, struct token *t)
{
    char name[64], unknown[512];
    size_t cap;
    s = read_string(s, name, sizeof(name));
    if (s == NULL || *(s = skip_space(s)) != ':')
        return NULL;
    char *place = place_of(t, name, &cap);
    if (place != NULL && place[0] != '\0')
        return NULL;
    s = skip_space(s + 1);
    return place != NULL ? read_string(s, place, cap) : read_string(s, unknown, sizeof(unknown));
}

static int
read_object(const char *s, struct token *t)
{
    s = skip_space(s);
    if (*s != '{')
        return SFT_EFORMAT;
    do {
        s = read_member(skip_space(s + 1), t);
        if (s == NULL)
            return SFT_EFORMAT;
        s = skip_space(s);
    } while (*s == ',');
    if (*s != '}')
        return SFT_EFORMAT;
    return *skip_space(s + 1) == '\0' ? 0 : SFT_ETRAILING;
}

/* ---- what the members may be ---- */

static int
consists_of(const char *s, const char *allowed, size_t min)
{
    return strlen(s) >= min && s[strspn(s, allowed)] == '\0';
}

/* "https://", a host, perhaps a port; no path, no user. */
static int
is_url(const char *url)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    return strncmp(url, "https://", 8) == 0 && consists_of(url + 8, allowed, 1);
}

static int
check_members(const struct token *t)
{
    static const char base64url[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint8_t hash[SHA256_LEN];
    size_t len;
    if (strlen(t->secret) != SECRET_LEN || !consists_of(t->secret, base64url, 1) ||
        !is_url(t->url) || !text_is_uuid(t->id) || !name_is_team(t->team))
        return SFT_EFORMAT;
    if (b64url_decode(hash, sizeof(hash), &len, t->statement_hash, strlen(t->statement_hash)) !=
            0 ||
        len != SHA256_LEN)
        return SFT_EFORMAT;
    return 0;
}

int
token_parse(struct token *t, const char *text, size_t len)
{
    char json[TOKEN_JSON_MAX + 1];
    size_t json_len = 0;
    memset(t, 0, sizeof(*t));
    while (len > 0 && memchr(" \t\r\n", text[len - 1], 4) != NULL)
        len--; /* as files and pasted lines end */
    int err = b64_decode((uint8_t *)json, TOKEN_JSON_MAX, &json_len, text, len);
    json[json_len] = '\0';
    if (err == 0 && strlen(json) != json_len)
        err = SFT_EFORMAT;
    if (err == 0)
        err = read_object(json, t);
    if (err == 0)
        err = check_members(t);
    mem_wipe(json, sizeof(json));
    if (err != 0)
        token_wipe(t);
    return err;
}

void
token_wipe(struct token *t)
{
    mem_wipe(t, sizeof(*t));
}

/* ---- proofs ---- */

int
token_mac(const struct token *t, const char *subject_id, const struct sshkey *key, char *out)
{
    char text[64 + SSHKEY_TEXT_MAX], key_text[SSHKEY_TEXT_MAX];
    uint8_t mac[MAC_LEN];
    unsigned mac_len = 0;
    struct sbuf b;
    out[0] = '\0';
    if (!text_is_uuid(subject_id))
        return SFT_ENAME;
    int err = sshkey_to_text(key, key_text, sizeof(key_text));
    if (err != 0)
        return err;
    sb_writer(&b, text, sizeof(text));
    sb_text(&b, "sft1 enroll\n");
    sb_text(&b, subject_id);
    sb_u8(&b, '\n');
    sb_text(&b, key_text);
    if (sb_err(&b) != 0)
        return sb_err(&b);
    if (HMAC(EVP_sha256(), t->secret, (int)strlen(t->secret), (const uint8_t *)text, b.len, mac,
             &mac_len) == NULL)
        return SFT_ECRYPTO;
    return b64_encode(out, B64_LEN(MAC_LEN) + 1, mac, mac_len);
}

int
token_check_key(const struct token *t, const struct sshkey *statement_key)
{
    char name[44];
    int err = digest_name(statement_key->blob, statement_key->len, name);
    if (err != 0)
        return err;
    return strcmp(name, t->statement_hash) == 0 ? 0 : SFT_ESIGNATURE;
}
