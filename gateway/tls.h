/* SPDX-License-Identifier: PostgreSQL */
/*
 * tls.h - the server's TLS context, exchanged as a whole when the certificate is renewed.
 */
#ifndef SFT_GATEWAY_TLS_H
#define SFT_GATEWAY_TLS_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct tls {
    const char *certificate, *key;
    pthread_mutex_t lock;
    SSL_CTX *ctx;
    struct tls_retired
        *retired; /* libh2o holds a context without a reference until the handshake */
};

void tls_init(struct tls *tls, const char *certificate, const char *key);
/* Reads both files. false, and message says why; then what was there before stays. */
bool tls_load(struct tls *tls, char *message, size_t cap);
/* For new connections; lives a minute longer than the next load at least. */
SSL_CTX *tls_current(struct tls *tls);
void tls_free(struct tls *tls);

#endif
