/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.c - sft.conf, what a person has set; every key has a default.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/fsx.h"
#include "settings.h"

#define KEYS_N 6
#define FILE_MAX 65536

static void
keys_of(struct settings *s, struct conf_key keys[KEYS_N])
{
    const struct conf_key rows[KEYS_N] = {
        {"account", CONF_TEXT, &s->account, 0, 255,
         "The account to use, as list-accounts shows it."},
        {"network.forward_proxy", CONF_TEXT, &s->forward_proxy, 0, 255,
         "HTTP proxy for calls to the platform, as http://host:port."},
        {"network.timeout", CONF_INT, &s->timeout_s, 1, 300,
         "Seconds that a call to the platform may take (20)."},
        {"names.lifetime", CONF_INT, &s->names_s, 0, 86400,
         "Seconds after which `sft resolve` asks again which servers are yours (60)."},
        {"ssh.program", CONF_TEXT, &s->ssh, 0, 512, "The OpenSSH client (/usr/bin/ssh)."},
        {NULL, CONF_TEXT, NULL, 0, 0, NULL},
    };
    memcpy(keys, rows, sizeof rows);
}

/* Whoever can write this file chooses the program that gets our keys. */
static int
file_check(const char *path, struct failure *f)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 0; /* reading says what is wrong */
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
        return fail(f, SFT_EXIT_ERROR, "Make it writable for you alone: chmod go-w.",
                    "%s: others may write to it.", path);
    return 0;
}

static int
settings_read(struct settings *s, const char *path, bool must_exist, struct failure *f)
{
    struct conf_key keys[KEYS_N];
    char message[300], *text = NULL;
    size_t len = 0;
    int err = fsx_read(path, FILE_MAX, &text, &len);
    if (err == SFT_ENOTFOUND && !must_exist)
        return 0;
    if (err)
        return fail_err(f, err, path);
    keys_of(s, keys);
    int code = file_check(path, f);
    if (!code && strlen(text) != len)
        code = fail(f, SFT_EXIT_ERROR, NULL, "%s: has a NUL byte.", path);
    else if (!code && conf_parse(text, keys, message, sizeof message) != 0)
        code = fail(f, SFT_EXIT_ERROR, NULL, "%s: %s.", path, message);
    free(text);
    return code;
}

static int
settings_check(const struct settings *s, struct failure *f)
{
    if (s->ssh && s->ssh[0] != '/')
        return fail(f, SFT_EXIT_ERROR, NULL, "ssh.program: %s: not an absolute path.", s->ssh);
    if (s->forward_proxy && strncmp(s->forward_proxy, "http://", 7) != 0)
        return fail(f, SFT_EXIT_ERROR, NULL, "network.forward_proxy: %s: not http://host:port.",
                    s->forward_proxy);
    return 0;
}

int
settings_load(struct settings *s, const struct paths *paths, const char *file, struct failure *f)
{
    char usual[PATH_CAP];
    memset(s, 0, sizeof *s);
    s->timeout_s = 20;
    s->names_s = 60;
    int code = path_join(usual, paths->config, "sft.conf", f);
    if (!code)
        code = settings_read(s, file ? file : usual, file != NULL, f);
    if (!code)
        code = settings_check(s, f);
    if (!code && !s->ssh && !(s->ssh = strdup("/usr/bin/ssh")))
        code = fail_err(f, SFT_ENOMEM, "sft.conf");
    return code;
}

void
settings_free(struct settings *s)
{
    free(s->account);
    free(s->forward_proxy);
    free(s->ssh);
    memset(s, 0, sizeof *s);
}

void
settings_describe(void)
{
    struct settings s;
    struct conf_key keys[KEYS_N];
    keys_of(&s, keys);
    for (const struct conf_key *k = keys; k->name; k++)
        printf("  %-22s %s\n", k->name, k->help);
}
