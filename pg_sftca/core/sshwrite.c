/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshwrite.c - the body and the signature of an OpenSSH certificate, in the order of the format.
 */
#include "core/sshwrite.h"

#include <string.h>

#include "common/names.h"
#include "common/sshcert.h"

static int
check_principals(const struct sshwrite *cert)
{
    if (cert->principals_n == 0 || cert->principals_n > SSHCERT_PRINCIPALS_MAX)
        return SFT_EPRINCIPAL;
    for (size_t i = 0; i < cert->principals_n; i++) {
        const char *name = cert->principals[i];
        if (cert->type == SSHCERT_USER ? !name_is_principal(name) : !name_is_host(name))
            return SFT_EPRINCIPAL;
    }
    return SFT_OK;
}

/* sshd refuses options out of order or twice; so does the second decoder. */
static int
check_options(const struct sshwrite_option *options, size_t n)
{
    if (n > SSHCERT_OPTIONS_MAX)
        return SFT_EOPTION;
    for (size_t i = 0; i < n; i++) {
        if (options[i].name[0] == '\0')
            return SFT_EOPTION;
        if (i > 0 && strcmp(options[i - 1].name, options[i].name) >= 0)
            return SFT_EOPTION;
    }
    return SFT_OK;
}

static int
check(const struct sshwrite *cert)
{
    if (cert->type != SSHCERT_USER && cert->type != SSHCERT_HOST)
        return SFT_EFORMAT;
    if (cert->serial == 0 || cert->serial > INT64_MAX)
        return SFT_ESERIAL;
    if (!name_is_key_id(cert->key_id))
        return SFT_EKEYID;
    if (cert->valid_after >= cert->valid_before || cert->valid_before > INT64_MAX)
        return SFT_EVALIDITY;
    if (cert->type == SSHCERT_HOST && cert->critical_n + cert->extensions_n > 0)
        return SFT_EOPTION;
    int r = check_options(cert->critical, cert->critical_n);
    if (r == SFT_OK)
        r = check_options(cert->extensions, cert->extensions_n);
    return r == SFT_OK ? check_principals(cert) : r;
}

/* The subject's key as its own blob has it, without the algorithm name that the nonce replaces. */
static void
put_subject(struct sbuf *out, const struct sshkey *subject)
{
    struct sbuf r;
    size_t n;
    sb_reader(&r, subject->blob, subject->len);
    (void)sb_get_blob(&r, &n);
    n = sb_left(&r);
    const uint8_t *rest = sb_get_raw(&r, n);
    if (sb_err(&r) != SFT_OK)
        sb_fail(out, sb_err(&r));
    else
        sb_raw(out, rest, n);
}

static void
put_principals(struct sbuf *out, const struct sshwrite *cert)
{
    size_t mark = sb_open(out);
    for (size_t i = 0; i < cert->principals_n; i++)
        sb_cstr(out, cert->principals[i]);
    sb_close(out, mark);
}

/* A value is a string inside a string; a flag's outer string is empty. */
static void
put_options(struct sbuf *out, const struct sshwrite_option *options, size_t n)
{
    size_t mark = sb_open(out);
    for (size_t i = 0; i < n; i++) {
        sb_cstr(out, options[i].name);
        size_t data = sb_open(out);
        if (options[i].value[0] != '\0')
            sb_cstr(out, options[i].value);
        sb_close(out, data);
    }
    sb_close(out, mark);
}

void
sshwrite_tbs(struct sbuf *out, const struct sshwrite *cert)
{
    int r = check(cert);
    if (r != SFT_OK) {
        sb_fail(out, r);
        return;
    }
    sb_cstr(out, sshkey_cert_type_name(cert->subject->type));
    sb_blob(out, cert->nonce, SSHWRITE_NONCE_LEN);
    put_subject(out, cert->subject);
    sb_u64(out, cert->serial);
    sb_u32(out, cert->type);
    sb_cstr(out, cert->key_id);
    put_principals(out, cert);
    sb_u64(out, cert->valid_after);
    sb_u64(out, cert->valid_before);
    put_options(out, cert->critical, cert->critical_n);
    put_options(out, cert->extensions, cert->extensions_n);
    sb_blob(out, NULL, 0); /* reserved */
    sb_blob(out, cert->authority->blob, cert->authority->len);
}

int
sshwrite_signed(struct sbuf *out, const uint8_t *tbs, size_t len, const struct key *key)
{
    sb_raw(out, tbs, len);
    size_t mark = sb_open(out);
    int r = key_sign_ssh(key, tbs, len, out);
    sb_close(out, mark);
    return r != SFT_OK ? r : sb_err(out);
}
