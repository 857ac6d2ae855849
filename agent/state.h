/* SPDX-License-Identifier: PostgreSQL */
/*
 * state.h - the desired state: what the platform says should be true on this host.
 *
 * state_read takes a document whose statement signature has been verified and believes it only
 * inside local limits: a document that breaks one rule is refused whole, and the message names
 * field and rule.
 */
#ifndef SFTD_STATE_H
#define SFTD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/json.h"
#include "common/sshkey.h"

#define STATE_KEYS_MAX 8
#define STATE_USERS_MAX 20000
#define STATE_GROUPS_MAX 2000
#define STATE_PRINCIPALS_MAX 4
#define STATE_KRL_MAX (2u << 20)
#define ID_MAX_LOCAL 2147483647

struct trust_key {
    int64_t generation;
    struct sshkey key;
    const char *canary; /* a certificate that the revocation list has to refuse */
};

struct wanted_user {
    const char *user_id, *name, *gecos, *shell, *home;
    uid_t uid;
    gid_t gid;
    bool admin;
    const char *principals[STATE_PRINCIPALS_MAX];
    size_t principals_n;
};

struct wanted_group {
    const char *name;
    gid_t gid;
    const char **members;
    size_t members_n;
};

struct state {
    int64_t version, trust_version, krl_version, removals_confirmed;
    const char *server_id, *team, *project, *project_id, *authority_id, *host_authority_id;
    struct trust_key keys[STATE_KEYS_MAX];
    size_t keys_n;
    uint8_t *krl;
    size_t krl_len;
    bool manage_users;
    struct wanted_user *users; /* sorted by name */
    size_t users_n;
    struct wanted_group *groups; /* sorted by name */
    size_t groups_n;
    const char *
        *end_logins; /* names of users whose live logins are to be ended, once per version */
    size_t end_logins_n;
    struct json_object *doc; /* owns the texts */
};

struct state_limits {
    const char *server_id; /* whom the document must be for */
    const char *home_root;
    int64_t min_uid;
};

/* Free with state_free; after a failure there is nothing to free. */
SFT_CHECKED int state_read(struct state *state, const char *text, size_t len,
                           const struct state_limits *limits, char *message, size_t cap);
void state_free(struct state *state);
const struct wanted_user *state_user(const struct state *state, const char *name); /* or NULL */
const struct wanted_group *state_group(const struct state *state, const char *name);
const struct wanted_group *state_group_by_gid(const struct state *state, gid_t gid);

#endif
