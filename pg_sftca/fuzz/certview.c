/* SPDX-License-Identifier: PostgreSQL */
/*
 * certview.c - any bytes as an OpenSSH certificate to look into. What is read lies within the bytes
 * and is all there; what the strict reader takes (sshcert.h), this one takes and sees the same.
 */
#include "input.h"

#include "common/sshcert.h"
#include "core/certview.h"

static void
lies_within(const struct span *s, const uint8_t *bytes, size_t len)
{
    promise(s->len == 0 || (s->p >= bytes && s->p + s->len <= bytes + len));
}

static void
check_options(const struct span *list, size_t n)
{
    struct sbuf r;
    struct span name, data, value;
    size_t seen = 0;
    sb_reader(&r, list->p, list->len);
    while (certview_option(&r, &name, &data, &value)) {
        lies_within(&name, list->p, list->len);
        lies_within(&data, list->p, list->len);
        if (value.p != NULL)
            lies_within(&value, data.p, data.len);
        seen++;
    }
    promise(seen == n);
}

static void
check_principals(const struct certview *view)
{
    struct sbuf r;
    struct span name;
    size_t seen = 0;
    sb_reader(&r, view->principals.p, view->principals.len);
    while (certview_principal(&r, &name)) {
        lies_within(&name, view->principals.p, view->principals.len);
        seen++;
    }
    promise(seen == view->principals_n && seen <= CERTVIEW_PRINCIPALS_MAX);
}

static void
check(const struct certview *view, const uint8_t *bytes, size_t len)
{
    lies_within(&view->key_id, bytes, len);
    lies_within(&view->nonce, bytes, len);
    lies_within(&view->tbs, bytes, len);
    lies_within(&view->signature, bytes, len);
    promise(memchr(view->key_id.p, '\0', view->key_id.len) == NULL);
    promise(view->kind == CERTVIEW_USER || view->kind == CERTVIEW_HOST);
    check_principals(view);
    check_options(&view->critical, view->critical_n);
    check_options(&view->extensions, view->extensions_n);
    struct certview_question q = {.kind = CERTVIEW_USER, .principal = "alice", .at = 1767225600};
    if (certview_refusal(view, &q) == NULL)
        promise(view->kind == CERTVIEW_USER && view->valid_after <= q.at &&
                q.at < view->valid_before && view->principals_n > 0);
}

static void
check_same(const struct certview *view, const struct sshcert *cert)
{
    promise(view->kind == cert->type && view->serial == cert->serial &&
            view->valid_after == cert->valid_after && view->valid_before == cert->valid_before);
    promise(view->key_id.len == strlen(cert->key_id) &&
            memcmp(view->key_id.p, cert->key_id, view->key_id.len) == 0);
    promise(view->principals_n == cert->principals_n && view->critical_n == cert->critical_n &&
            view->extensions_n == cert->extensions_n && view->tbs.len == cert->tbs_len);
    promise(sshkey_equal(&view->key, &cert->key) && sshkey_equal(&view->authority, &cert->signer));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct certview view;
    static struct sshcert cert;
    const char *field = NULL;
    int err = certview_read(&view, bytes, len, &field);
    promise(err == SFT_OK || field != NULL);
    if (err == SFT_OK) {
        check(&view, bytes, len);
        (void)!certview_verify(&view);
    }
    if (sshcert_decode(&cert, bytes, len, NULL) == SFT_OK) {
        promise(err == SFT_OK);
        check_same(&view, &cert);
    }
    return 0;
}
