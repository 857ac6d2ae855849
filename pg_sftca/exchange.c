/* SPDX-License-Identifier: PostgreSQL */
/*
 * exchange.c - files by name out of pg_sftca.key_directory.
 */
#include "postgres.h"

#include <unistd.h>

#include "utils/guc.h"

#include "exchange.h"
#include "secretfile.h"
#include "throw.h"

static char *key_directory;

static bool
is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 0 && n <= 128 && name[n] == '\0' && name[0] != '.' && name[0] != '-';
}

void
exchange_read(const char *what, const char *name, bool is_public, char *buf, size_t cap,
              size_t *lenp)
{
    char reason[SECRETFILE_REASON_MAX];
    if (key_directory == NULL || key_directory[0] != '/')
        sftca_refuse(SFTCA_CONFLICT, "key_directory", "pg_sftca.key_directory is not set");
    if (!is_name(name))
        sftca_refuse(SFTCA_INVALID, "file_name",
                     "%s is named by up to 128 letters, digits, dots, - and _, without a folder",
                     what);
    int folder = secretfile_folder("pg_sftca.key_directory", key_directory, reason);
    if (folder < 0)
        sftca_refuse(SFTCA_CONFLICT, "key_directory", "%s", reason);
    struct secretfile file = {what, folder, name, is_public};
    bool good = secretfile_read(&file, buf, cap, lenp, reason);
    close(folder);
    if (good && *lenp == cap) {
        snprintf(reason, sizeof reason, "%s is too long", what);
        good = false;
    }
    if (!good)
        sftca_refuse(SFTCA_INVALID, "file_refused", "%s", reason);
}

void
exchange_init(void)
{
    DefineCustomStringVariable(
        "pg_sftca.key_directory", "Folder from whose files keys may be imported.", NULL,
        &key_directory, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}
