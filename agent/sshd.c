/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshd.c - what sshd really does.
 *
 * sshd takes the first value that it reads for an option, so what our file says and what holds can
 * differ: only "sshd -T" is believed.
 */
#include "agent/sshd.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run.h"
#include "common/digest.h"
#include "common/fsx.h"
#include "common/log.h"

#define SETTINGS_MAX 65536

#define VERIFY_USERS_MAX 64
#define CERT_MAX 16384

static void
take(char *out, size_t cap, const char *value)
{
    snprintf(out, cap, "%s", strcmp(value, "none") == 0 ? "" : value);
}

static void
take_line(struct sshd_settings *s, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *out;
        size_t cap;
    } single[] = {
        {"trustedusercakeys", s->trusted_keys, sizeof s->trusted_keys},
        {"authorizedprincipalsfile", s->principals_file, sizeof s->principals_file},
        {"authorizedprincipalscommand", s->principals_command, sizeof s->principals_command},
        {"revokedkeys", s->revoked_keys, sizeof s->revoked_keys},
        {"pidfile", s->pid_file, sizeof s->pid_file},
        {"pubkeyauthentication", s->pubkey, sizeof s->pubkey},
    };
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        if (strcmp(name, single[i].name) == 0)
            take(single[i].out, single[i].cap, value);
    if (strcmp(name, "hostkey") == 0 && s->host_keys_n < SSHD_LIST_MAX)
        take(s->host_keys[s->host_keys_n++], sizeof s->host_keys[0], value);
    if (strcmp(name, "hostcertificate") == 0 && s->host_certs_n < SSHD_LIST_MAX)
        take(s->host_certs[s->host_certs_n++], sizeof s->host_certs[0], value);
}

static void
parse_settings(struct sshd_settings *s, char *text)
{
    char *save = NULL;
    memset(s, 0, sizeof *s);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, ' ');
        if (!value)
            continue;
        *value = '\0';
        take_line(s, line, value + 1);
    }
}

/* A stopped sshd may lack its folder for privilege separation (in /run), and then does not even
 * answer. */
static bool
make_missing_folder(const char *said)
{
    static const char complaint[] = "Missing privilege separation directory: ";
    char path[256];
    const char *at = strstr(said, complaint);
    if (!at)
        return false;
    at += strlen(complaint);
    snprintf(path, sizeof path, "%.*s", (int)strcspn(at, "\r\n"), at);
    return path[0] == '/' && mkdir(path, 0755) == 0;
}

int
sshd_settings(const struct agent *a, const char *user, struct sshd_settings *out, char *why,
              size_t cap)
{
    char *text = malloc(SETTINGS_MAX), spec[128];
    struct run r = {.out = text, .cap = SETTINGS_MAX};
    if (!text)
        return SFT_ENOMEM;
    if (access(SSHD, X_OK) != 0) {
        free(text);
        return SFT_ENOTFOUND;
    }
    snprintf(spec, sizeof spec, "user=%s,host=sft.invalid,addr=192.0.2.1", user ? user : "");
    const char *argv[] = {SSHD, "-T", "-f", a->conf->sshd_config_file, user ? "-C" : NULL,
                          spec, NULL};
    int err = run(argv, &r, 20000);
    if (!err && r.status != 0 && make_missing_folder(text))
        err = run(argv, &r, 20000);
    if (!err && r.status != 0) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(why, cap, "sshd -T: %.200s", text);
        err = SFT_EREFUSED;
    }
    if (!err)
        parse_settings(out, text);
    free(text);
    return err;
}

bool
sshd_is_ours(const struct agent *a, const struct sshd_settings *s)
{
    return strcmp(s->trusted_keys, a->conf->trusted_keys_file) == 0 &&
           strcmp(s->principals_file, a->conf->principals_file) == 0 &&
           strcmp(s->revoked_keys, a->paths.krl) == 0 && s->principals_command[0] == '\0' &&
           strcmp(s->pubkey, "yes") == 0;
}

/* What a running sshd has read of ours: the drop-in and the host certificates that it names. */
static int
loaded_digest(const struct agent *a, char digest[48])
{
    static char all[HOST_KEYS_MAX * CERT_MAX];
    char *text, *cert;
    size_t len, cert_len;
    int err = fsx_read(a->paths.dropin, CERT_MAX, &text, &len);
    if (err)
        return err;
    memcpy(all, text, len);
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "HostCertificate ", 16) != 0 ||
            fsx_read(line + 16, CERT_MAX, &cert, &cert_len) != 0)
            continue;
        if (len + cert_len <= sizeof all) {
            memcpy(all + len, cert, cert_len);
            len += cert_len;
        }
        free(cert);
    }
    free(text);
    return digest_name(all, len, digest);
}

bool
sshd_is_loaded(const struct agent *a)
{
    char now[48], *then;
    if (loaded_digest(a, now) != 0 || fsx_read(a->paths.loaded, 64, &then, NULL) != 0)
        return false;
    bool same = strcmp(now, then) == 0;
    free(then);
    return same;
}

int
sshd_note_loaded(const struct agent *a)
{
    char now[48];
    int err = loaded_digest(a, now);
    return err ? err : fsx_write(a->paths.loaded, now, strlen(now), 0600);
}

/* One user's view; false when "sshd -T" itself fails. */
static bool
verify_user(struct agent *a, const char *user)
{
    static struct sshd_settings s;
    char why[300] = "", what[80];
    int err = sshd_settings(a, user, &s, why, sizeof why);
    if (err) {
        drift_add(&a->drift, "sshd:settings", why[0] ? why : sft_strerror(err),
                  "repair sshd's configuration");
        return false;
    }
    snprintf(what, sizeof what, "sshd:user=%s", user);
    if (!sshd_is_ours(a, &s))
        drift_add(&a->drift, what, "another setting of sshd hides ours for this user",
                  "look at \"sshd -T -C user=...\", at Match blocks and at other drop-ins");
    return true;
}

/* Whether a line of the file treats some connections otherwise, or includes what we do not look
 * into. */
static bool
file_has_match(const char *path, const char *our_folder)
{
    char *text, *save = NULL;
    bool has = false;
    if (fsx_read(path, 1 << 20, &text, NULL) != 0)
        return true;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        line += strspn(line, " \t\"");
        has |= strncasecmp(line, "Match", 5) == 0 ||
               (strncasecmp(line, "Include", 7) == 0 && !strstr(line, our_folder));
    }
    free(text);
    return has;
}

static bool
has_match(const struct agent *a)
{
    char folder[PATH_MAX], pattern[PATH_MAX + 8];
    glob_t g;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(a->paths.dropin, '/') - a->paths.dropin),
             a->paths.dropin);
    snprintf(pattern, sizeof pattern, "%s/*.conf", folder);
    bool has = file_has_match(a->conf->sshd_config_file, folder);
    if (has || glob(pattern, 0, NULL, &g) != 0)
        return has;
    for (size_t i = 0; i < g.gl_pathc && !has; i++)
        has = file_has_match(g.gl_pathv[i], folder);
    globfree(&g);
    return has;
}

/* "sshd -T" takes its time: users are asked for one by one only when the configuration tells them
 * apart. */
void
sshd_verify(struct agent *a)
{
    size_t n = a->desired.users_n < VERIFY_USERS_MAX ? a->desired.users_n : VERIFY_USERS_MAX;
    if (n == 0 || !has_match(a)) {
        (void)verify_user(a, n == 0 ? "sft" : a->desired.users[0].name);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!verify_user(a, a->desired.users[i].name))
            return;
}
