/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshopts.h - the options that make OpenSSH log in with our key and certificate, and believe only
 * the project's host authority; written as a file for its Include, or put on its command line.
 */
#ifndef SFT_CLIENT_SSHOPTS_H
#define SFT_CLIENT_SSHOPTS_H

#include "paths.h"

#define SSHOPTS_N 15
#define SSHOPT_VALUE_MAX 2200

struct sshopts_from {
    const char *address, *user, *alias; /* alias: the server's uuid */
    int port;
    const char *key_path, *certificate_path; /* either these files */
    const char *agent_path;                  /* or this agent, which has both */
    const char *self; /* this program with its options, quoted for ssh_config */
};

struct sshopts {
    size_t n;
    struct {
        const char *name;
        char value[SSHOPT_VALUE_MAX];
    } rows[SSHOPTS_N];
};

SFT_CHECKED int sshopts_make(struct sshopts *o, const struct sshopts_from *from, struct failure *f);
/* Writes them for `Host name` to hosts/<name>.conf below state, if the text is not there already.
 */
SFT_CHECKED int sshopts_write(const struct sshopts *o, const struct paths *paths, const char *name,
                              struct failure *f);

#endif
