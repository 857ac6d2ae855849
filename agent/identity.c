/* SPDX-License-Identifier: PostgreSQL */
/*
 * identity.c - who this server is to the platform, and what it pinned when it enrolled.
 */
#include "agent/identity.h"

#include <stdlib.h>
#include <string.h>

#include "common/fsx.h"
#include "common/json.h"
#include "common/names.h"
#include "common/text.h"

#define SERVER_FILE_MAX (256u << 10)
#define TOKEN_FILE_MAX 16384

static int
key_load(struct key **keyp, const char *path)
{
    char *text;
    size_t len, der_len = 0;
    uint8_t der[KEY_PRIVATE_DER_MAX];
    *keyp = NULL;
    int err = fsx_read_secret(path, TOKEN_FILE_MAX, &text, &len);
    if (err)
        return err;
    if (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    err = b64_decode(der, sizeof der, &der_len, text, len);
    if (!err)
        err = key_from_der(der, der_len, keyp);
    mem_wipe(der, sizeof der);
    mem_wipe(text, len);
    free(text);
    return err;
}

static int
key_save(const struct key *key, const char *path)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    char text[B64_LEN(KEY_PRIVATE_DER_MAX) + 2];
    size_t der_len = 0;
    int err = key_private_der(key, der, sizeof der, &der_len);
    if (!err)
        err = b64_encode(text, sizeof text - 1, der, der_len);
    if (!err) {
        size_t len = strlen(text);
        text[len] = '\n';
        err = fsx_write(path, text, len + 1, 0600);
    }
    mem_wipe(der, sizeof der);
    mem_wipe(text, sizeof text);
    return err;
}

static int
copy_member(struct json_object *doc, const char *name, char *out, size_t cap)
{
    const char *s;
    int err = json_str(doc, name, cap - 1, &s);
    if (!err)
        memcpy(out, s, strlen(s) + 1);
    return err;
}

static int
take_statement_key(struct identity *id, struct json_object *v)
{
    const char *s = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
    if (!s || id->statement_keys_n == STATEMENT_KEYS_MAX)
        return SFT_EFORMAT;
    return sshkey_from_text(&id->statement_keys[id->statement_keys_n++], s, strlen(s));
}

static int
take_tls_authority(struct identity *id, struct json_object *doc)
{
    const char *s;
    int err = json_str(doc, "tls_authority", TLS_AUTHORITY_MAX - 1, &s);
    if (err)
        return err;
    char *copy = strdup(s);
    if (!copy)
        return SFT_ENOMEM;
    free(id->tls_authority);
    id->tls_authority = copy;
    return 0;
}

static int
read_server_file(struct identity *id, struct json_object *doc)
{
    struct json_object *keys;
    int err = copy_member(doc, "server_id", id->server_id, sizeof id->server_id);
    if (!err && !text_is_uuid(id->server_id))
        err = SFT_EFORMAT;
    if (!err)
        err = copy_member(doc, "url", id->url, sizeof id->url);
    if (!err)
        err = copy_member(doc, "authority", id->authority, sizeof id->authority);
    if (!err)
        err = copy_member(doc, "team", id->team, sizeof id->team);
    if (!err)
        err = copy_member(doc, "project", id->project, sizeof id->project);
    if (!err)
        err = copy_member(doc, "project_id", id->project_id, sizeof id->project_id);
    if (!err)
        err = json_int(doc, "instance_version", 0, INT64_MAX - 1, &id->instance_version);
    if (!err)
        err = json_flag(doc, "enrolled", &id->enrolled);
    if (!err)
        err = take_tls_authority(id, doc);
    if (!err)
        err = json_arr(doc, "statement_keys", STATEMENT_KEYS_MAX, &keys);
    for (size_t i = 0; !err && i < json_object_array_length(keys); i++)
        err = take_statement_key(id, json_object_array_get_idx(keys, i));
    return !err && id->statement_keys_n == 0 ? SFT_EFORMAT : err;
}

int
identity_load(struct identity *id, const char *server_file, const char *token_file)
{
    struct json_object *doc = NULL;
    char *text;
    size_t len;
    memset(id, 0, sizeof *id);
    int err = fsx_read_secret(server_file, SERVER_FILE_MAX, &text, &len);
    if (err)
        return err;
    err = json_read(text, len, &doc);
    if (!err)
        err = read_server_file(id, doc);
    if (!err)
        err = key_load(&id->key, token_file);
    json_object_put(doc);
    free(text);
    if (err)
        identity_free(id);
    return err;
}

int
identity_new(struct identity *id)
{
    memset(id, 0, sizeof *id);
    int err = uuid_random(id->server_id);
    return err ? err : key_generate(KEY_ECDSA_P256, &id->key);
}

/* json-c fails only for want of memory; a NULL shows at the end, when the text is made. */
static struct json_object *
to_json(const struct identity *id)
{
    char key[SSHKEY_TEXT_MAX];
    struct json_object *doc = json_object_new_object(), *keys = json_object_new_array();
    for (size_t i = 0; i < id->statement_keys_n; i++)
        if (sshkey_to_text(&id->statement_keys[i], key, sizeof key) == 0)
            json_object_array_add(keys, json_object_new_string(key));
    json_object_object_add(doc, "server_id", json_object_new_string(id->server_id));
    json_object_object_add(doc, "url", json_object_new_string(id->url));
    json_object_object_add(doc, "authority", json_object_new_string(id->authority));
    json_object_object_add(doc, "team", json_object_new_string(id->team));
    json_object_object_add(doc, "project", json_object_new_string(id->project));
    json_object_object_add(doc, "project_id", json_object_new_string(id->project_id));
    json_object_object_add(doc, "instance_version", json_object_new_int64(id->instance_version));
    json_object_object_add(doc, "enrolled", json_object_new_boolean(id->enrolled));
    json_object_object_add(doc, "statement_keys", keys);
    json_object_object_add(doc, "tls_authority",
                           json_object_new_string(id->tls_authority ? id->tls_authority : ""));
    return doc;
}

int
identity_save(const struct identity *id, const char *server_file, const char *token_file)
{
    struct key *there = NULL;
    int err = key_load(&there, token_file);
    key_free(there);
    if (err)
        err = key_save(id->key, token_file);
    if (err)
        return err;
    struct json_object *doc = to_json(id);
    const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
    err = text ? fsx_write(server_file, text, strlen(text), 0600) : SFT_ENOMEM;
    json_object_put(doc);
    return err;
}

void
identity_free(struct identity *id)
{
    key_free(id->key);
    free(id->tls_authority);
    memset(id, 0, sizeof *id);
}

static int
take_keys(struct identity *id, struct json_object *doc)
{
    struct json_object *keys, *v;
    int err = json_arr(doc, "statement_keys", STATEMENT_KEYS_MAX, &keys);
    id->statement_keys_n = 0;
    for (size_t i = 0; !err && i < json_object_array_length(keys); i++)
        if (json_object_object_get_ex(json_object_array_get_idx(keys, i), "public_key", &v))
            err = take_statement_key(id, v);
        else
            err = SFT_EFORMAT;
    return !err && id->statement_keys_n == 0 ? SFT_EFORMAT : err;
}

static int
take_instance(struct identity *next, struct json_object *doc)
{
    int64_t version;
    int err = json_int(doc, "version", 0, INT64_MAX - 1, &version);
    if (!err && version < next->instance_version)
        return SFT_EVERSION;
    next->instance_version = version;
    if (!err)
        err = copy_member(doc, "url", next->url, sizeof next->url);
    if (!err && strncmp(next->url, "https://", 8) != 0)
        err = SFT_EFORMAT;
    if (!err)
        err = copy_member(doc, "authority", next->authority, sizeof next->authority);
    if (!err && !name_is_host(next->authority) && next->authority[0] != '[')
        err = SFT_EFORMAT;
    if (!err)
        err = take_keys(next, doc);
    return err;
}

int
identity_take_instance(struct identity *id, const char *body, size_t len)
{
    struct json_object *doc;
    struct identity next = *id;
    next.tls_authority = NULL;
    int err = json_read(body, len, &doc);
    if (err)
        return err;
    err = take_instance(&next, doc);
    if (!err)
        err = take_tls_authority(&next, doc);
    json_object_put(doc);
    if (err) {
        free(next.tls_authority);
        return err;
    }
    free(id->tls_authority);
    *id = next;
    return 0;
}
