/* SPDX-License-Identifier: PostgreSQL */
/*
 * certview.c - any OpenSSH certificate (PROTOCOL.certkeys), and sshd's rules for one.
 */
#include "core/certview.h"

#include <string.h>

#include "common/key.h"
#include "core/addresses.h"

/* ---- reading ---- */

static struct span
get_span(struct sbuf *b)
{
    struct span s;
    s.p = sb_get_blob(b, &s.len);
    return s;
}

/* The type that a certificate's algorithm name says, and how many strings its key is made of. */
static enum sshkey_type
type_named(const struct span *name, size_t *stringsp)
{
    static const struct {
        enum sshkey_type type;
        size_t strings;
    } shapes[] = {
        {SSHKEY_ED25519, 1},       {SSHKEY_ECDSA_P256, 2}, {SSHKEY_ECDSA_P384, 2},
        {SSHKEY_ECDSA_P521, 2},    {SSHKEY_RSA, 2},        {SSHKEY_SK_ED25519, 2},
        {SSHKEY_SK_ECDSA_P256, 3},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *type = sshkey_cert_type_name(shapes[i].type);
        *stringsp = shapes[i].strings;
        if (strlen(type) == name->len && memcmp(type, name->p, name->len) == 0)
            return shapes[i].type;
    }
    return SSHKEY_NONE;
}

/* The subject's key, put together again as a key's own blob has it. */
static int
read_subject(struct sbuf *b, struct certview *view)
{
    uint8_t blob[SSHKEY_BLOB_MAX];
    struct sbuf w;
    size_t strings;
    struct span name = get_span(b);
    view->nonce = get_span(b);
    if (sb_err(b) != SFT_OK)
        return SFT_EFORMAT;
    enum sshkey_type type = type_named(&name, &strings);
    if (type == SSHKEY_NONE)
        return SFT_EKEYTYPE;
    view->type = sshkey_cert_type_name(type);
    sb_writer(&w, blob, sizeof blob);
    sb_cstr(&w, sshkey_type_name(type));
    for (size_t i = 0; i < strings; i++) {
        struct span field = get_span(b);
        sb_blob(&w, field.p, field.len);
    }
    if (sb_err(b) != SFT_OK)
        return SFT_EFORMAT;
    return sb_err(&w) != SFT_OK ? SFT_ETOOLONG : sshkey_from_blob(&view->key, blob, w.len);
}

static bool
has_nul(const struct span *s)
{
    return s->len > 0 && memchr(s->p, 0, s->len) != NULL;
}

bool
certview_principal(struct sbuf *r, struct span *name)
{
    if (sb_left(r) == 0)
        return false;
    *name = get_span(r);
    return sb_err(r) == SFT_OK;
}

bool
certview_option(struct sbuf *r, struct span *name, struct span *data, struct span *value)
{
    struct sbuf inner;
    if (sb_left(r) == 0)
        return false;
    *name = get_span(r);
    *data = get_span(r);
    if (sb_err(r) != SFT_OK)
        return false;
    sb_reader(&inner, data->p, data->len);
    *value = get_span(&inner);
    sb_end(&inner);
    if (sb_err(&inner) != SFT_OK)
        value->p = NULL;
    return true;
}

static int
count_principals(struct certview *view)
{
    struct sbuf r;
    struct span name;
    sb_reader(&r, view->principals.p, view->principals.len);
    for (; certview_principal(&r, &name); view->principals_n++)
        if (has_nul(&name) || view->principals_n == CERTVIEW_PRINCIPALS_MAX)
            return SFT_EFORMAT;
    return sb_err(&r) == SFT_OK ? SFT_OK : SFT_EFORMAT;
}

static int
count_options(const struct span *list, size_t *np)
{
    struct sbuf r;
    struct span name, data, value;
    sb_reader(&r, list->p, list->len);
    while (certview_option(&r, &name, &data, &value))
        ++*np;
    return sb_err(&r) == SFT_OK ? SFT_OK : SFT_EFORMAT;
}

static int
read_signature(struct certview *view)
{
    struct sbuf r;
    sb_reader(&r, view->signature.p, view->signature.len);
    sb_get_cstr(&r, view->signature_algorithm, sizeof view->signature_algorithm);
    return sb_err(&r) == SFT_OK ? SFT_OK : SFT_EFORMAT;
}

/* The fields in the order of PROTOCOL.certkeys; *fieldp is the one that is being read. */
static int
read_fields(struct sbuf *b, struct certview *view, struct span *authority, const char **fieldp)
{
    static const char *const names[] = {
        "serial",     "type",     "key id",        "principals", "validity", "critical options",
        "extensions", "reserved", "authority key", "signature",  NULL};
    size_t i = 0;
    int err = read_subject(b, view);
    if (err != SFT_OK) {
        *fieldp = "public key";
        return err;
    }
    /* one step for each name, so that the first to fail is known */
    for (; names[i] != NULL && sb_err(b) == SFT_OK; i++) {
        *fieldp = names[i];
        switch (i) {
        case 0:
            view->serial = sb_get_u64(b);
            break;
        case 1:
            view->kind = sb_get_u32(b);
            break;
        case 2:
            view->key_id = get_span(b);
            break;
        case 3:
            view->principals = get_span(b);
            break;
        case 4:
            view->valid_after = sb_get_u64(b);
            view->valid_before = sb_get_u64(b);
            break;
        case 5:
            view->critical = get_span(b);
            break;
        case 6:
            view->extensions = get_span(b);
            break;
        case 7:
            (void)get_span(b);
            break;
        case 8:
            *authority = get_span(b);
            view->tbs.len = b->at;
            break;
        default:
            view->signature = get_span(b);
            break;
        }
    }
    return sb_err(b) == SFT_OK ? SFT_OK : SFT_EFORMAT;
}

/* Each field by itself, once all are there. */
static int
check_fields(struct certview *view, const struct span *authority, const char **fieldp)
{
    *fieldp = "type";
    if (view->kind != CERTVIEW_USER && view->kind != CERTVIEW_HOST)
        return SFT_EFORMAT;
    *fieldp = "key id";
    if (has_nul(&view->key_id))
        return SFT_EFORMAT;
    *fieldp = "principals";
    if (count_principals(view) != SFT_OK)
        return SFT_EFORMAT;
    *fieldp = "critical options";
    if (count_options(&view->critical, &view->critical_n) != SFT_OK)
        return SFT_EFORMAT;
    *fieldp = "extensions";
    if (count_options(&view->extensions, &view->extensions_n) != SFT_OK)
        return SFT_EFORMAT;
    *fieldp = "authority key";
    int err = sshkey_from_blob(&view->authority, authority->p, authority->len);
    if (err != SFT_OK)
        return err;
    *fieldp = "signature";
    return read_signature(view);
}

int
certview_read(struct certview *view, const uint8_t *blob, size_t len, const char **fieldp)
{
    struct sbuf b;
    struct span authority = {0};
    *view = (struct certview){.tbs = {blob, 0}};
    *fieldp = "length";
    if (len > CERTVIEW_BLOB_MAX)
        return SFT_ETOOLONG;
    sb_reader(&b, blob, len);
    int err = read_fields(&b, view, &authority, fieldp);
    if (err != SFT_OK)
        return err;
    if (sb_left(&b) > 0) {
        *fieldp = "end";
        return SFT_ETRAILING;
    }
    return check_fields(view, &authority, fieldp);
}

int
certview_verify(const struct certview *view)
{
    uint8_t flags; /* sshd does not ask who touched the authority's key */
    const struct sshkey *by = &view->authority;
    if (by->type == SSHKEY_SK_ED25519 || by->type == SSHKEY_SK_ECDSA_P256)
        return key_verify_sk(by, view->tbs.p, view->tbs.len, view->signature.p, view->signature.len,
                             &flags);
    return key_verify_ssh(by, view->tbs.p, view->tbs.len, view->signature.p, view->signature.len);
}

/* ---- sshd's rules ---- */

static bool
span_is(const struct span *s, const char *text)
{
    return strlen(text) == s->len && (s->len == 0 || memcmp(s->p, text, s->len) == 0);
}

static const char *
refuse_principal(const struct certview *view, const struct certview_question *q)
{
    struct sbuf r;
    struct span name;
    if (view->principals_n == 0)
        return q->is_wildcard_fine ? NULL : "principal_missing";
    if (q->principal == NULL)
        return NULL;
    sb_reader(&r, view->principals.p, view->principals.len);
    while (certview_principal(&r, &name))
        if (span_is(&name, q->principal))
            return NULL;
    return "principal_not_listed";
}

enum { FORCE_COMMAND = 1, SOURCE_ADDRESS = 2 };

/* A text option: once, one string without NUL. seen remembers. */
static bool
is_text_once(const struct span *data, const struct span *value, int option, int *seen)
{
    bool is_first = (*seen & option) == 0;
    *seen |= option;
    return is_first && value->p != NULL && data->len > 0 && !has_nul(value);
}

/* Whether the peer may be where it is. */
static const char *
refuse_address(const struct span *list, const char *address)
{
    switch (addresses_match((const char *)list->p, list->len, address)) {
    case ADDRESSES_MALFORMED:
        return "critical_option_invalid";
    case ADDRESSES_OUTSIDE:
        return "address_not_allowed";
    default:
        return NULL;
    }
}

static const char *
refuse_critical(const struct certview *view, const char *address)
{
    struct sbuf r;
    struct span name, data, value;
    int seen = 0;
    const char *word = NULL;
    sb_reader(&r, view->critical.p, view->critical.len);
    while (word == NULL && certview_option(&r, &name, &data, &value)) {
        if (span_is(&name, "verify-required"))
            word = data.len == 0 ? NULL : "critical_option_invalid";
        else if (span_is(&name, "force-command"))
            word = is_text_once(&data, &value, FORCE_COMMAND, &seen) ? NULL
                                                                     : "critical_option_invalid";
        else if (span_is(&name, "source-address"))
            word = is_text_once(&data, &value, SOURCE_ADDRESS, &seen)
                       ? refuse_address(&value, address)
                       : "critical_option_invalid";
        else
            word = has_nul(&name) ? "critical_option_invalid" : "critical_option_unknown";
    }
    return word;
}

/* What sshd knows is a flag; the rest it passes over, but for a name that is none. */
static const char *
refuse_extensions(const struct certview *view)
{
    static const char *const flags[] = {"no-touch-required",
                                        "permit-X11-forwarding",
                                        "permit-agent-forwarding",
                                        "permit-port-forwarding",
                                        "permit-pty",
                                        "permit-user-rc"};
    struct sbuf r;
    struct span name, data, value;
    sb_reader(&r, view->extensions.p, view->extensions.len);
    while (certview_option(&r, &name, &data, &value)) {
        if (has_nul(&name))
            return "extension_invalid";
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (span_is(&name, flags[i]) && data.len > 0)
                return "extension_invalid";
    }
    return NULL;
}

const char *
certview_refusal(const struct certview *view, const struct certview_question *q)
{
    if (view->kind != q->kind)
        return "certificate_type";
    if (q->at < view->valid_after)
        return "not_yet_valid";
    if (q->at >= view->valid_before)
        return "expired";
    const char *word = refuse_principal(view, q);
    if (word != NULL)
        return word;
    if (view->kind == CERTVIEW_HOST) /* ssh knows none for hosts */
        return view->critical_n > 0 ? "critical_option_unknown" : NULL;
    word = refuse_critical(view, q->address);
    return word != NULL ? word : refuse_extensions(view);
}
