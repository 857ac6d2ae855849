/* SPDX-License-Identifier: PostgreSQL */
/*
 * session_key.c - the one key pair that ssh logs in with, in the runtime folder.
 *
 * The public half is written first, the private half is renamed into place second, both under a
 * lock: whoever sees "key" finds the "key.pub" that belongs to it. Without the lock parallel first
 * logins failed with keys and certificates that did not match.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/key.h"
#include "common/text.h"
#include "session_key.h"
#include "tree.h"

#define KEY_FILE_MAX 4096

static int
pub_load(struct session_key *k, const char *pub_path)
{
    char *text;
    size_t len;
    struct stat st;
    /* ssh reads the private half; here it only has to be there, ours and closed to others. */
    if (lstat(k->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077) != 0)
        return SFT_ENOTFOUND;
    int err = fsx_read_secret(pub_path, KEY_FILE_MAX, &text, &len);
    if (err)
        return err;
    len = strcspn(text, "\n");
    err = sshkey_from_text(&k->pub, text, len);
    free(text);
    return err;
}

static int
pair_write(const struct key *key, const struct session_key *k, const char *pub_path)
{
    char pub[SSHKEY_TEXT_MAX + 1], private_text[KEY_FILE_MAX];
    int err = sshkey_to_text(&k->pub, pub, sizeof pub - 1);
    if (!err)
        err = key_to_openssh(key, "sft", private_text, sizeof private_text);
    if (!err)
        err = fsx_remove(k->path); /* an older one must never stand beside the new public half */
    if (!err) {
        size_t len = strlen(pub);
        memcpy(pub + len, "\n", 2);
        err = fsx_write(pub_path, pub, len + 1, 0600);
    }
    if (!err)
        err = fsx_write(k->path, private_text, strlen(private_text), 0600);
    mem_wipe(private_text, sizeof private_text);
    return err;
}

static int
pair_make(struct session_key *k, const char *pub_path)
{
    struct key *key = NULL;
    int err = key_generate(KEY_ED25519, &key);
    if (!err)
        err = key_public(key, &k->pub);
    if (!err)
        err = pair_write(key, k, pub_path);
    key_free(key);
    return err;
}

static int
get_locked(struct session_key *k, const char *pub_path)
{
    int err = pub_load(k, pub_path);
    return err ? pair_make(k, pub_path) : 0;
}

int
session_key_get(struct session_key *k, const struct account *a, struct failure *f)
{
    char pub_path[PATH_CAP], lock_path[PATH_CAP];
    memset(k, 0, sizeof *k);
    int code = path_private(a->run, f);
    if (!code)
        code = path_join(k->path, a->run, "key", f);
    if (!code)
        code = path_join(pub_path, a->run, "key.pub", f);
    if (!code)
        code = path_join(lock_path, a->run, "key.lock", f);
    if (code)
        return code;
    int lock = fsx_lock(lock_path, true);
    if (lock < 0)
        return fail_err(f, lock, lock_path);
    int err = get_locked(k, pub_path);
    close(lock);
    return err ? fail_err(f, err, k->path) : 0;
}

int
session_key_forget(const struct account *a, struct failure *f)
{
    int err = tree_remove(a->run);
    return err ? fail_err(f, err, a->run) : 0;
}
