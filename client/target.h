/* SPDX-License-Identifier: PostgreSQL */
/*
 * target.h - the server that a name stands for, as the platform's signed answer says, checked.
 */
#ifndef SFT_CLIENT_TARGET_H
#define SFT_CLIENT_TARGET_H

#include <json-c/json.h>

#include "fail.h"

#define TARGET_NAME_MAX 253
#define IDENTITIES_MAX 8

struct target {
    char name[TARGET_NAME_MAX + 1]; /* as asked for */
    char id[37], hostname[TARGET_NAME_MAX + 1], address[TARGET_NAME_MAX + 1];
    int port;
    char project[129], team[64];
    char host_authority[37], user_authority[37];
    int identities_n;
    char identities[IDENTITIES_MAX][32]; /* accounts there that the user may use */
};

/*
 * Reads a resolve answer for name. SFT_EXIT_NOT_FOUND when nothing or more than one server fits,
 * SFT_EXIT_DENIED when the user has no account there, SFT_EXIT_UNREACHABLE when the answer is not
 * what it should be.
 */
SFT_CHECKED int target_read(struct target *t, struct json_object *doc, const char *name,
                            const char *team, struct failure *f);

#endif
