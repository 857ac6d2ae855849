/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshd.h - what sshd really does: its effective settings, and our drop-in with all checks around
 * it.
 */
#ifndef SFTD_SSHD_H
#define SFTD_SSHD_H

#include "agent/agent.h"

#define SSHD_LIST_MAX 8
#define SSHD "/usr/sbin/sshd" /* it insists on an absolute path */

/* The lines of "sshd -T" that matter here; "none" is "". */
struct sshd_settings {
    char trusted_keys[256], principals_file[256], principals_command[256], revoked_keys[256];
    char pid_file[256], pubkey[16];
    char host_keys[SSHD_LIST_MAX][256], host_certs[SSHD_LIST_MAX][256];
    size_t host_keys_n, host_certs_n;
};

/* For a connection as user (NULL: in general). SFT_ENOTFOUND: no sshd on this server. */
SFT_CHECKED int sshd_settings(const struct agent *a, const char *user, struct sshd_settings *out,
                              char *why, size_t cap);
/* Whether these settings are ours. */
bool sshd_is_ours(const struct agent *a, const struct sshd_settings *s);
/* Puts the drop-in in place: probe, write, verify, reload; rolls back when it does not work. */
SFT_CHECKED int sshd_install(struct agent *a, const struct blob *text, char *why, size_t cap);
/* Settings that differ for single users (Match blocks, other drop-ins) go to drift. */
void sshd_verify(struct agent *a);
/* Takes drop-in and Include line away and reloads; before files it names are removed. */
SFT_CHECKED int sshd_uninstall(struct agent *a, char *why, size_t cap);
/* Whether the running sshd has been told of the drop-in and host certificates as they are now. */
bool sshd_is_loaded(const struct agent *a);
SFT_CHECKED int sshd_note_loaded(const struct agent *a);

/* probe.c: a private sshd with these files accepts a good certificate and refuses the canaries. */
SFT_CHECKED int probe(const struct agent *a, char *why, size_t cap);

#endif
