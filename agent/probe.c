/* SPDX-License-Identifier: PostgreSQL */
/*
 * probe.c - a private sshd, spoken to through a pipe, tries the files that the real one is about to
 * use.
 *
 * "sshd -t" is content with garbage in place of trusted keys and with a missing or empty revocation
 * list. So one login is made with a certificate of a throw-away authority that stands beside the
 * real keys, and one tried with each canary: the first has to be accepted, the others refused
 * because they are revoked. The session runs /bin/true as a user without rights; no port is opened
 * and the real sshd is not touched.
 */
#include "agent/sshd.h"

#include <dirent.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run.h"
#include "common/fsx.h"
#include "common/log.h"
#include "common/sshcert.h"

#define LOG_MAX 8192
#define PROBE_MS 15000

struct trial {
    const struct agent *agent;
    char *why;
    size_t cap;
    const char *user;
};

static void
path_of(const struct trial *t, const char *file, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.3800s/%s", t->agent->paths.probe, file);
}

static int
put(const struct trial *t, const char *file, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    path_of(t, file, path);
    int err = fsx_write(path, text, strlen(text), mode);
    if (err)
        snprintf(t->why, t->cap, "%.200s cannot be written", path);
    return err;
}

static void
clear_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(path);
}

/* Keys of its own: an authority, a user, a host; the user's certificate for the name "probe". */
static int
make_keys(const struct trial *t)
{
    static const char *const names[] = {"ca", "user", "host"};
    char path[PATH_MAX], ca[PATH_MAX];
    int err = 0;
    for (size_t i = 0; i < 3 && !err; i++) {
        path_of(t, names[i], path);
        err = run_ok((const char *const[]){"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                                           "probe", "-f", path, NULL},
                     t->why, t->cap);
    }
    path_of(t, "ca", ca);
    path_of(t, "user.pub", path);
    return err ? err
               : run_ok((const char *const[]){"ssh-keygen", "-q", "-s", ca, "-I", "probe", "-z",
                                              "1", "-n", "probe", "-V", "-5m:+5m", path, NULL},
                        t->why, t->cap);
}

/* The real trusted keys and the probe's own. */
static int
make_trust(const struct trial *t)
{
    char path[PATH_MAX], *real, *own = NULL;
    size_t real_len, own_len = 0;
    int err = fsx_read(t->agent->conf->trusted_keys_file, 1 << 20, &real, &real_len);
    path_of(t, "ca.pub", path);
    if (!err)
        err = fsx_read(path, 4096, &own, &own_len);
    char *both = err ? NULL : malloc(real_len + own_len + 1);
    if (both) {
        memcpy(both, real, real_len);
        memcpy(both + real_len, own, own_len + 1);
        err = put(t, "trust", both, 0644);
    } else {
        snprintf(t->why, t->cap, "%.200s cannot be read", t->agent->conf->trusted_keys_file);
        err = err ? err : SFT_ENOMEM;
    }
    free(both);
    free(own);
    free(real);
    return err;
}

static int
make_config(const struct trial *t)
{
    char text[4 * PATH_MAX];
    const char *dir = t->agent->paths.probe;
    snprintf(text, sizeof text,
             "HostKey %.3800s/host\nTrustedUserCAKeys %.3800s/trust\n"
             "AuthorizedPrincipalsFile %.3800s/principals\nRevokedKeys %.3800s\n"
             "AuthorizedKeysFile none\nUsePAM no\nPasswordAuthentication no\n"
             "KbdInteractiveAuthentication no\nPermitRootLogin yes\nPermitUserRC no\n"
             "DisableForwarding yes\nPermitTTY no\nForceCommand /bin/true\nLogLevel VERBOSE\n"
             "PidFile none\n",
             dir, dir, dir, t->agent->paths.krl);
    int err = put(t, "config", text, 0600);
    return err ? err : put(t, "principals", "probe\n", 0644);
}

/* An account that sshd does not take for locked (without PAM it looks at the password field). */
static const char *
probe_user(void)
{
    static const char *const candidates[] = {"nobody", "daemon", "bin", "root"};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        const struct spwd *sp = getspnam(candidates[i]);
        if (sp && sp->sp_pwdp && sp->sp_pwdp[0] != '!')
            return candidates[i];
    }
    return NULL;
}

/* One login with the key and certificate of this name; log is what both programs said. */
static int
login(const struct trial *t, const char *name, char log[LOG_MAX])
{
    char proxy[2 * PATH_MAX], key[PATH_MAX], cert[PATH_MAX + 32];
    struct run r = {.out = log, .cap = LOG_MAX};
    path_of(t, name, key);
    snprintf(cert, sizeof cert, "CertificateFile=%.4000s-cert.pub", key);
    snprintf(proxy, sizeof proxy, "ProxyCommand=%s -i -e -f %.3800s/config", SSHD,
             t->agent->paths.probe);
    log[0] = '\0';
    return run((const char *const[]){"ssh",       "-F",
                                     "/dev/null", "-T",
                                     "-o",        proxy,
                                     "-o",        "StrictHostKeyChecking=no",
                                     "-o",        "UserKnownHostsFile=/dev/null",
                                     "-o",        "GlobalKnownHostsFile=/dev/null",
                                     "-o",        "IdentitiesOnly=yes",
                                     "-o",        "IdentityAgent=none",
                                     "-o",        "BatchMode=yes",
                                     "-o",        "PreferredAuthentications=publickey",
                                     "-o",        cert,
                                     "-i",        key,
                                     "-l",        t->user,
                                     "probe",     NULL},
               &r, PROBE_MS);
}

static int
expect(const struct trial *t, const char *name, const char *wanted, const char *complaint)
{
    static char log[LOG_MAX];
    int err = login(t, name, log);
    if (!err && strstr(log, wanted))
        return 0;
    snprintf(t->why, t->cap, "%s", err ? "the private sshd could not be tried" : complaint);
    log_debug("probe", "name=%s log=%s", name, log_q(log));
    return err ? err : SFT_EREFUSED;
}

/* Only the public half: sshd says what it thinks of a key before it asks for a signature. */
static int
try_canary(const struct trial *t, size_t i)
{
    static struct sshcert cert;
    static uint8_t blob[SSHCERT_BLOB_MAX];
    const char *text = t->agent->desired.keys[i].canary;
    char key[SSHKEY_TEXT_MAX], name[32], file[64];
    int err = sshcert_from_text(&cert, blob, text, strlen(text));
    if (!err)
        err = sshkey_to_text(&cert.key, key, sizeof key);
    if (err) {
        snprintf(t->why, t->cap, "canary: %s", sft_strerror(err));
        return err;
    }
    snprintf(name, sizeof name, "canary%zu", i);
    snprintf(file, sizeof file, "%s.pub", name);
    err = put(t, file, key, 0600);
    snprintf(file, sizeof file, "%s-cert.pub", name);
    if (!err)
        err = put(t, file, text, 0600);
    return err ? err
               : expect(t, name, " revoked by file ",
                        "a private sshd does not refuse the canary as revoked");
}

static int
try_all(const struct trial *t)
{
    int err = make_keys(t);
    if (!err)
        err = make_trust(t);
    if (!err)
        err = make_config(t);
    if (!err)
        err = expect(t, "user", "Accepted publickey for",
                     "a private sshd does not accept a good certificate with the new files");
    for (size_t i = 0; i < t->agent->desired.keys_n && !err; i++)
        err = try_canary(t, i);
    return err;
}

int
probe(const struct agent *a, char *why, size_t cap)
{
    struct trial t = {a, why, cap, probe_user()};
    const char *dir = a->paths.probe;
    if (!t.user) {
        snprintf(why, cap, "no account that a private sshd could be tried with");
        return SFT_ENOTFOUND;
    }
    clear_folder(dir);
    int err = fsx_private_dir(dir, 0711);
    if (err)
        snprintf(why, cap, "%.200s cannot be made", dir);
    else
        err = try_all(&t);
    clear_folder(dir);
    return err;
}
