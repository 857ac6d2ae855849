/* SPDX-License-Identifier: PostgreSQL */
/*
 * access.h - everything that a login to one server needs, made ready: the main job of sft.
 */
#ifndef SFT_CLIENT_ACCESS_H
#define SFT_CLIENT_ACCESS_H

#include "api.h"
#include "cmd.h"
#include "sshopts.h"
#include "target.h"

struct access {
    struct target target;
    char user[32]; /* the account on the server */
    char key_path[PATH_CAP], certificate_path[PATH_CAP];
    char certificate[CERTIFICATE_TEXT_MAX]; /* access_get_for only */
    int64_t valid_before;
    bool is_cached; /* the certificate was there already */
    struct sshopts options;
};

/* The server that a name stands for, from a recent answer or a new one. */
SFT_CHECKED int access_target(struct ctx *ctx, const char *name, struct target *out);
/* Target, session key, certificate and known-hosts lines on disk, and ssh's options for them. */
SFT_CHECKED int access_get(struct ctx *ctx, const char *name, struct access *out);
/* The same for a key that is not on disk: nothing is written but known-hosts lines, no options
 * made. */
SFT_CHECKED int access_get_for(struct ctx *ctx, const char *name, const struct sshkey *key,
                               struct access *out);
/* ssh's options for the files of access_get, or for an agent that has key and certificate. */
SFT_CHECKED int access_options(struct ctx *ctx, struct access *a, const char *agent_path);
/* Whether name is a server of ours, asking the platform for the list only when it is old. */
SFT_CHECKED int access_is_ours(struct ctx *ctx, const char *name, bool *oursp);

#endif
