/* SPDX-License-Identifier: PostgreSQL */
/*
 * identity.h - who this server is to the platform, and what it pinned when it enrolled.
 *
 * The server's private key is in TokenFile (PKCS#8 DER in base64, 0600), the rest in ServerFile
 * (JSON, 0600). Both are written before the platform is asked, so that a repeat after a crash is
 * the same server with the same key; "enrolled" is set by its answer.
 */
#ifndef SFTD_IDENTITY_H
#define SFTD_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/key.h"
#include "common/sshkey.h"
#include "common/token.h"

#define TLS_AUTHORITY_MAX 65536
#define STATEMENT_KEYS_MAX 4

struct identity {
    struct key *key;
    char server_id[37];
    char url[512], authority[300];
    char team[64], project[129], project_id[37];
    struct sshkey statement_keys[STATEMENT_KEYS_MAX]; /* pinned; announced ones are added */
    size_t statement_keys_n;
    char *tls_authority; /* PEM */
    int64_t instance_version;
    bool enrolled;
};

/* SFT_ENOTFOUND when this server has no identity yet. */
SFT_CHECKED int identity_load(struct identity *id, const char *server_file, const char *token_file);
/* A fresh one: key and uuid. */
SFT_CHECKED int identity_new(struct identity *id);
/* Writes the key (only when it is not there) and the rest. */
SFT_CHECKED int identity_save(const struct identity *id, const char *server_file,
                              const char *token_file);
void identity_free(struct identity *id);

/*
 * Takes what a verified instance statement says: URL, authority, TLS authority, statement keys. An
 * older version is SFT_EVERSION. Nothing changes after a failure.
 */
SFT_CHECKED int identity_take_instance(struct identity *id, const char *body, size_t len);

#endif
