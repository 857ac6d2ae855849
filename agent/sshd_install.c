/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshd_install.c - the drop-in for sshd, with all checks around it, and its way out.
 *
 * A bad configuration at a reload ends sshd, so nothing is reloaded that "sshd -t", "sshd -T" and a
 * private sshd have not accepted; what was there before comes back when they do not.
 */
#include "agent/sshd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run.h"
#include "common/fault.h"
#include "common/fsx.h"
#include "common/log.h"

#define CONFIG_MAX (1u << 20)
#define MARK "# sftd put this line and the next here; \"sftd --uninstall\" removes them.\n"

/* Our values would hide those of an administrator: then nothing is done until a person decides. */
static int
check_unclaimed(const struct agent *a, const struct sshd_settings *s, char *why, size_t cap)
{
    const char *other = NULL;
    if (s->trusted_keys[0] && strcmp(s->trusted_keys, a->conf->trusted_keys_file) != 0)
        other = "TrustedUserCAKeys";
    else if (s->principals_file[0] && strcmp(s->principals_file, a->conf->principals_file) != 0)
        other = "AuthorizedPrincipalsFile";
    else if (s->principals_command[0])
        other = "AuthorizedPrincipalsCommand";
    else if (s->revoked_keys[0] && strcmp(s->revoked_keys, a->paths.krl) != 0)
        other = "RevokedKeys";
    if (!other)
        return 0;
    snprintf(why, cap, "sshd has a %s of somebody else's", other);
    return SFT_EREFUSED;
}

static int
file_put(const char *path, const char *text, size_t len, char *why, size_t cap)
{
    struct stat st;
    mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;
    int err = fsx_write(path, text, len, mode);
    if (err)
        snprintf(why, cap, "%.200s: %s", path,
                 err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
    return err;
}

static int
include_line(const struct agent *a, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%sInclude %s\n", MARK, a->paths.dropin);
    return n < 0 || (size_t)n >= cap ? SFT_ETOOLONG : 0;
}

/* Some distributions' sshd_config includes nothing: one marked line at its top does. */
static int
include_add(const struct agent *a, char *why, size_t cap)
{
    char line[PATH_MAX + 128], *old;
    size_t old_len;
    int err = include_line(a, line, sizeof line);
    if (!err)
        err = fsx_read(a->conf->sshd_config_file, CONFIG_MAX, &old, &old_len);
    if (err) {
        snprintf(why, cap, "%.200s: %s", a->conf->sshd_config_file, sft_strerror(err));
        return err;
    }
    size_t len = strlen(line);
    char *text = strstr(old, line) ? NULL : malloc(len + old_len);
    if (text) {
        memcpy(text, line, len);
        memcpy(text + len, old, old_len);
        err = file_put(a->conf->sshd_config_file, text, len + old_len, why, cap);
    }
    free(text);
    free(old);
    return err;
}

static int
include_remove(const struct agent *a, char *why, size_t cap)
{
    char line[PATH_MAX + 128], *text;
    size_t text_len;
    int err = include_line(a, line, sizeof line);
    if (!err)
        err = fsx_read(a->conf->sshd_config_file, CONFIG_MAX, &text, &text_len);
    if (err)
        return err == SFT_ENOTFOUND ? 0 : err;
    size_t len = strlen(line);
    char *at = strstr(text, line);
    if (at) {
        memmove(at, at + len, text_len - (size_t)(at - text) - len + 1);
        err = file_put(a->conf->sshd_config_file, text, text_len - len, why, cap);
    }
    free(text);
    return err;
}

/* Whether the configuration as it is on disk is good and its effective values are ours. */
static int
check_written(const struct agent *a, char *why, size_t cap)
{
    static struct sshd_settings s;
    int err =
        run_ok((const char *const[]){SSHD, "-t", "-f", a->conf->sshd_config_file, NULL}, why, cap);
    if (!err)
        err = sshd_settings(a, NULL, &s, why, cap);
    if (!err && !sshd_is_ours(a, &s)) {
        snprintf(why, cap, "another setting of sshd hides ours");
        err = SFT_EREFUSED;
    }
    return err;
}

static int
write_and_check(const struct agent *a, const struct blob *text, char *why, size_t cap)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(a->paths.dropin, '/') - a->paths.dropin),
             a->paths.dropin);
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        snprintf(why, cap, "%.200s: %s", dir, strerror(errno));
        return SFT_ESYSTEM;
    }
    int err = file_put(a->paths.dropin, text->p, text->len, why, cap);
    SFT_FAULT("sshd.after_write");
    if (!err)
        err = check_written(a, why, cap);
    if (err != SFT_EREFUSED)
        return err;
    err = include_add(a, why, cap);
    return err ? err : check_written(a, why, cap);
}

static void
roll_back(const struct agent *a, const struct blob *old, bool had_include)
{
    char why[256] = "";
    int err = old->p ? file_put(a->paths.dropin, old->p, old->len, why, sizeof why)
                     : fsx_remove(a->paths.dropin);
    if (!err && !had_include)
        err = include_remove(a, why, sizeof why);
    if (err)
        log_error("sshd_roll_back", "reason=%s", log_q(why[0] ? why : sft_strerror(err)));
}

static bool
has_include(const struct agent *a)
{
    char line[PATH_MAX + 128], *text;
    if (include_line(a, line, sizeof line) != 0 ||
        fsx_read(a->conf->sshd_config_file, CONFIG_MAX, &text, NULL) != 0)
        return false;
    bool has = strstr(text, line) != NULL;
    free(text);
    return has;
}

static int
reload(const struct agent *a, char *why, size_t cap)
{
    static struct sshd_settings s;
    int err = sshd_settings(a, NULL, &s, why, cap);
    if (err)
        return err;
    SFT_FAULT("sshd.before_reload");
    err = a->os->sshd_reload(s.pid_file, why, cap);
    /* an sshd that is not running reads everything when it starts */
    return err == SFT_ENOTFOUND ? 0 : err;
}

static int
install(struct agent *a, const struct blob *text, const struct blob *old, char *why, size_t cap)
{
    static struct sshd_settings s;
    int err = old->p ? 0 : sshd_settings(a, NULL, &s, why, cap);
    if (!err && !old->p)
        err = check_unclaimed(a, &s, why, cap);
    if (!err)
        err = probe(a, why, cap);
    if (err)
        return err;
    bool had_include = has_include(a);
    err = write_and_check(a, text, why, cap);
    if (err) {
        roll_back(a, old, had_include);
        return err;
    }
    err = reload(a, why, cap);
    return err ? err : sshd_note_loaded(a);
}

int
sshd_install(struct agent *a, const struct blob *text, char *why, size_t cap)
{
    struct blob old = {NULL, 0};
    int err = fsx_read(a->paths.dropin, CONFIG_MAX, &old.p, &old.len);
    if (err && err != SFT_ENOTFOUND) {
        snprintf(why, cap, "%.200s: %s", a->paths.dropin, sft_strerror(err));
        return err;
    }
    err = install(a, text, &old, why, cap);
    free(old.p);
    return err;
}

/* The other way round than installing: sshd must never be told of files that are gone. */
int
sshd_uninstall(struct agent *a, char *why, size_t cap)
{
    int err = fsx_remove(a->paths.dropin);
    if (!err)
        err = include_remove(a, why, cap);
    if (!err)
        err = fsx_remove(a->paths.loaded);
    return err ? err : reload(a, why, cap);
}
