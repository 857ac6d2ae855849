/* SPDX-License-Identifier: PostgreSQL */
/*
 * tls.c - TLS 1.2 and up, HTTP/1.1 only, nothing that could be resumed.
 */
#include "gateway/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/timer.h"

#define RETIRED_MS 60000

struct tls_retired {
    SSL_CTX *ctx;
    uint64_t since_ms;
    struct tls_retired *next;
};

void
tls_init(struct tls *tls, const char *certificate, const char *key)
{
    *tls = (struct tls){.certificate = certificate, .key = key};
    pthread_mutex_init(&tls->lock, NULL);
}

/* Takes http/1.1 if the client offers it; a client that offers only others goes on without ALPN. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
        unsigned int inlen, void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, outlen, http11, sizeof(http11) - 1, in, inlen) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool
set_up(SSL_CTX *ctx)
{
    static const unsigned char sid_context[] = "sft-gateway";
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* ten thousand wait at a time */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_session_id_context(ctx, sid_context, sizeof(sid_context) - 1) == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static bool
fail(const char *path, const char *what, char *message, size_t cap)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(message, cap, "%s: %s%s%s", path, what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return false;
}

static bool
is_private(const char *path, char *message, size_t cap)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        snprintf(message, cap, "%s: %s", path, strerror(errno));
        return false;
    }
    if ((st.st_mode & S_IRWXO) != 0) {
        snprintf(message, cap, "%s: must not be accessible to others (chmod o-rwx)", path);
        return false;
    }
    return true;
}

static bool
read_files(const struct tls *tls, SSL_CTX *ctx, char *message, size_t cap)
{
    if (!is_private(tls->key, message, cap))
        return false;
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->certificate) != 1)
        return fail(tls->certificate, "no certificate chain could be read", message, cap);
    if (SSL_CTX_use_PrivateKey_file(ctx, tls->key, SSL_FILETYPE_PEM) != 1)
        return fail(tls->key, "no private key for the certificate could be read", message, cap);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail(tls->key, "does not belong to the certificate", message, cap);
    return true;
}

static void
retire(struct tls *tls, SSL_CTX *ctx)
{
    struct tls_retired **at = &tls->retired, *old;
    while ((old = *at) != NULL) {
        if (clock_ms() - old->since_ms < RETIRED_MS) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        SSL_CTX_free(old->ctx);
        free(old);
    }
    if (!ctx)
        return;
    old = calloc(1, sizeof(*old));
    if (!old)
        abort();
    *old = (struct tls_retired){ctx, clock_ms(), tls->retired};
    tls->retired = old;
}

bool
tls_load(struct tls *tls, char *message, size_t cap)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx || !set_up(ctx)) {
        SSL_CTX_free(ctx);
        return fail("TLS", "could not be set up", message, cap);
    }
    if (!read_files(tls, ctx, message, cap)) {
        SSL_CTX_free(ctx);
        return false;
    }
    pthread_mutex_lock(&tls->lock);
    retire(tls, tls->ctx);
    tls->ctx = ctx;
    pthread_mutex_unlock(&tls->lock);
    return true;
}

SSL_CTX *
tls_current(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *ctx = tls->ctx;
    pthread_mutex_unlock(&tls->lock);
    return ctx;
}

void
tls_free(struct tls *tls)
{
    struct tls_retired *old;
    while ((old = tls->retired) != NULL) {
        tls->retired = old->next;
        SSL_CTX_free(old->ctx);
        free(old);
    }
    SSL_CTX_free(tls->ctx);
    tls->ctx = NULL;
}
