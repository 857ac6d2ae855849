/* SPDX-License-Identifier: PostgreSQL */
/*
 * instance.c - what the instance says about itself: statement keys and TLS authority to pin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "common/json.h"
#include "common/text.h"
#include "instance.h"

#define PEM_MAX 131072
#define AUTHORITY_CHARS "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]"

static int
bad(const struct account *a, const char *member, struct failure *f)
{
    return fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the instance's answer has a bad \"%s\".",
                a->url, member);
}

/* All keys that are not retired; the document is signed, so it may name the next one. */
static int
keys_read(struct account *a, struct json_object *doc)
{
    struct json_object *list;
    const char *text, *state;
    int err = json_arr(doc, "statement_keys", STATEMENT_KEYS_MAX, &list);
    size_t n = 0, rows = err ? 0 : json_object_array_length(list);
    for (size_t i = 0; !err && i < rows; i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        err = json_str(row, "public_key", SSHKEY_TEXT_MAX, &text);
        if (!err && json_str(row, "state", 16, &state) == 0 && strcmp(state, "retired") == 0)
            continue;
        if (!err)
            err = sshkey_from_text(&a->statement_keys[n++], text, strlen(text));
    }
    a->statement_keys_n = n;
    return err ? err : n ? 0 : SFT_EFORMAT;
}

static bool
is_pem(const char *text)
{
    return strncmp(text, "-----BEGIN CERTIFICATE-----\n", 28) == 0;
}

/* Fills a with what the document says; a may be half filled after a failure. */
static int
apply(struct account *a, struct json_object *doc, int64_t version, struct failure *f)
{
    const char *name, *authority, *pem;
    if (json_str(doc, "authority", sizeof a->authority - 1, &authority) != 0 || !*authority ||
        strspn(authority, AUTHORITY_CHARS) != strlen(authority))
        return bad(a, "authority", f);
    if (json_str(doc, "name", sizeof a->instance - 1, &name) != 0)
        return bad(a, "name", f);
    if (json_str(doc, "tls_authority", PEM_MAX, &pem) != 0 || !is_pem(pem))
        return bad(a, "tls_authority", f);
    if (keys_read(a, doc) != 0)
        return bad(a, "statement_keys", f);
    char *copy = strdup(pem);
    if (!copy)
        return fail_err(f, SFT_ENOMEM, a->url);
    free(a->tls_authority);
    a->tls_authority = copy;
    (void)snprintf(a->authority, sizeof a->authority, "%s", authority);
    (void)snprintf(a->instance, sizeof a->instance, "%s", name);
    a->instance_version = version;
    return 0;
}

/* The key of the document that the token names; the document is not believed before that. */
static int
token_key(struct json_object *doc, const struct token *t, struct sshkey *out)
{
    struct json_object *list;
    const char *text;
    int err = json_arr(doc, "statement_keys", STATEMENT_KEYS_MAX, &list);
    for (size_t i = 0; !err && i < json_object_array_length(list); i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        if (json_str(row, "public_key", SSHKEY_TEXT_MAX, &text) == 0 &&
            sshkey_from_text(out, text, strlen(text)) == 0 && token_check_key(t, out) == 0)
            return 0;
    }
    return SFT_ESIGNATURE;
}

static int
wire_check(const struct account *a, struct json_object *doc, struct failure *f)
{
    struct json_object *list;
    if (json_arr(doc, "wire", 16, &list) != 0)
        return bad(a, "wire", f);
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (strcmp(json_object_to_json_string(json_object_array_get_idx(list, i)), WIRE_VERSION) ==
            0)
            return 0;
    return fail(f, SFT_EXIT_TOO_OLD, "Install another sft.",
                "%s: the instance does not speak wire version " WIRE_VERSION ".", a->url);
}

int
instance_pin(struct account *a, const struct token *t, const struct settings *s, struct failure *f)
{
    struct platform p;
    struct sshkey key;
    struct json_object *doc;
    struct http_answer answer;
    struct call call = api_instance_call;
    int64_t version = 0;

    platform_init(&p, a, false, s);
    p.peer.tls_authority = NULL;
    call.purpose = NULL; /* verified below: the key to verify by comes with the answer */
    int code = platform_json(&p, &call, &doc, &answer, f);
    if (code)
        return code;
    call.purpose = api_instance_call.purpose;
    if (token_key(doc, t, &key) != 0 || platform_statement(&key, &call, &answer) != 0)
        code = fail(f, SFT_EXIT_UNREACHABLE,
                    "Nothing was sent to it. Check the invitation, or who is in between.",
                    "%s: it is not the platform that the invitation names.", a->url);
    else if (platform_version(&answer, &version) != 0)
        code = bad(a, "version", f);
    if (!code)
        code = wire_check(a, doc, f);
    if (!code)
        code = apply(a, doc, version, f);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

static int
renew_by(struct account *a, struct platform *p, struct failure *f)
{
    struct json_object *doc;
    struct http_answer answer;
    int64_t version = 0;
    int code = api_instance(p, &doc, &answer, f);
    if (code)
        return code;
    if (platform_version(&answer, &version) != 0)
        code = bad(a, "version", f);
    else if (version < a->instance_version)
        code = fail(f, SFT_EXIT_UNREACHABLE, "It is not used; somebody may be in between.",
                    "%s: the instance showed an older description of itself (%lld) than the one "
                    "seen (%lld).",
                    a->url, (long long)version, (long long)a->instance_version);
    else if (version > a->instance_version && !(code = apply(a, doc, version, f)))
        code = account_save(a, f);
    json_object_put(doc);
    http_answer_free(&answer);
    return code;
}

int
instance_renew(struct account *a, const struct settings *s, struct failure *f)
{
    struct platform p;
    platform_init(&p, a, false, s);
    int code = renew_by(a, &p, f);
    if (code == SFT_EXIT_UNREACHABLE && p.last_was_untrusted) {
        p.peer.tls_authority = NULL;
        code = renew_by(a, &p, f);
    }
    return code;
}
