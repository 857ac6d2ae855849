/* SPDX-License-Identifier: PostgreSQL */
/*
 * keystore.c - where the device key lives: a PKCS#8 file that only its owner can read.
 */
#include <stdlib.h>

#include "common/fsx.h"
#include "common/text.h"
#include "keystore.h"

static int
file_load(const char *path, struct key **keyp)
{
    char *der;
    size_t len;
    *keyp = NULL;
    int err = fsx_read_secret(path, KEY_PRIVATE_DER_MAX, &der, &len);
    if (err)
        return err;
    err = key_from_der((const uint8_t *)der, len, keyp);
    mem_wipe(der, len);
    free(der);
    return err;
}

static int
file_make(const char *path, struct key **keyp)
{
    uint8_t der[KEY_PRIVATE_DER_MAX];
    size_t len = 0;
    int err = key_generate(KEY_ECDSA_P256, keyp);
    if (!err)
        err = key_private_der(*keyp, der, sizeof der, &len);
    if (!err)
        err = fsx_write(path, der, len, 0600);
    mem_wipe(der, sizeof der);
    if (err) {
        key_free(*keyp);
        *keyp = NULL;
    }
    return err;
}

int
key_store_load(const struct account *a, struct key **keyp, struct failure *f)
{
    char path[PATH_CAP];
    *keyp = NULL;
    int code = path_join(path, a->dir, "device.key", f);
    if (code)
        return code;
    int err = file_load(path, keyp);
    if (err == SFT_ENOTFOUND)
        return fail(f, SFT_EXIT_NOT_ENROLLED, "Enroll again: sft enroll --force --token-file FILE",
                    "%s: this device's key is gone.", a->name);
    return err ? fail_err(f, err, path) : 0;
}

int
key_store_make(const struct account *a, struct key **keyp, struct failure *f)
{
    char path[PATH_CAP];
    *keyp = NULL;
    int code = path_private(a->dir, f);
    if (!code)
        code = path_join(path, a->dir, "device.key", f);
    if (code)
        return code;
    int err = file_load(path, keyp);
    if (err == SFT_ENOTFOUND)
        err = file_make(path, keyp);
    return err ? fail_err(f, err, path) : 0;
}
