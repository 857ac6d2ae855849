/* SPDX-License-Identifier: PostgreSQL */
/*
 * litter.c - temporary files that a killed sftd left behind (common/fsx.c names them
 * ".tmp-<name>-<hex>").
 */
#include "agent/litter.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static void
sweep(const char *dir, const char *prefix)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            unlinkat(dirfd(d), entry->d_name, 0) == 0)
            log_info("litter", "removed=%s/%s", dir, log_q(entry->d_name));
    if (d)
        closedir(d);
}

/* In folders that are not ours alone, only temporary names of files that are ours. */
static void
sweep_beside(const char *file)
{
    char dir[PATH_MAX], prefix[300];
    const char *base = strrchr(file, '/');
    snprintf(dir, sizeof dir, "%.*s", (int)(base - file), file);
    snprintf(prefix, sizeof prefix, ".tmp-%.255s-", base + 1);
    sweep(dir, prefix);
}

void
litter_remove(const struct agent *a)
{
    sweep(a->conf->state_dir, ".tmp-");
    sweep(a->paths.principals, ".tmp-");
    sweep(a->conf->sudoers_dir, ".tmp-95-sft-");
    sweep_beside(a->paths.dropin);
    sweep_beside(a->conf->sshd_config_file);
    sweep_beside(a->conf->trusted_keys_file);
    sweep_beside(a->conf->server_file);
    sweep_beside(a->conf->token_file);
}
