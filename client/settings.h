/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.h - sft.conf, what a person has set; every key has a default.
 */
#ifndef SFT_CLIENT_SETTINGS_H
#define SFT_CLIENT_SETTINGS_H

#include <stdint.h>

#include "paths.h"

struct settings {
    char *account;       /* account, or NULL */
    char *forward_proxy; /* network.forward_proxy, or NULL */
    char *ssh;           /* ssh.program */
    int64_t timeout_s;   /* network.timeout */
    int64_t names_s;     /* names.lifetime */
};

/* file is --config-file or NULL for the usual one, which need not exist. */
SFT_CHECKED int settings_load(struct settings *s, const struct paths *paths, const char *file,
                              struct failure *f);
void settings_free(struct settings *s);
/* One line per key: "name  help", for `sft help`. */
void settings_describe(void);

#endif
