/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek.c - reading the key-encryption key from a file or a command, and refusing one that others
 * could have read.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "common_text.h"
#include "kek.h"
#include "throw.h"

static char *kek_file, *kek_command;

/* In a page of its own that core dumps leave out; inherited by backends when preloaded. */
static struct kek_page {
    bool is_loaded;
    uint8_t key[WRAP_KEK_LEN];
} * page;

static bool
page_make(void)
{
    if (page != NULL)
        return true;
    void *p = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    (void)madvise(p, sizeof *page, MADV_DONTDUMP);
    page = p;
    return true;
}

void
kek_forget(void)
{
    if (page != NULL)
        mem_wipe(page, sizeof *page);
}

/* Why this file is not fit to hold the key, or NULL. */
static const char *
file_fault(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is not a regular file";
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return "belongs to neither root nor the server's user";
    if (st->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
        return "is open to others";
    /* root may hand it to the server's own group; the server's own file needs no group */
    if ((st->st_mode & S_IRGRP) && (st->st_uid != 0 || st->st_gid != getegid()))
        return "is readable by a group";
    if (st->st_size != WRAP_KEK_LEN)
        return "does not hold exactly 32 bytes";
    return NULL;
}

static bool
read_open_file(int fd, char *reason, size_t cap)
{
    struct stat st;
    uint8_t buf[WRAP_KEK_LEN + 1];

    const char *fault = fstat(fd, &st) != 0 ? "cannot be examined" : file_fault(&st);
    if (fault == NULL && read(fd, buf, sizeof buf) != WRAP_KEK_LEN)
        fault = "does not hold exactly 32 bytes";
    if (fault == NULL)
        memcpy(page->key, buf, WRAP_KEK_LEN);
    else
        snprintf(reason, cap, "the file of pg_sftca.kek_file %s", fault);
    mem_wipe(buf, sizeof buf);
    return fault == NULL;
}

static bool
read_file(char *reason, size_t cap)
{
    /* O_NONBLOCK: a FIFO must not hang the server; O_NOFOLLOW: nobody may redirect us */
    int fd = open(kek_file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        if (errno == ELOOP)
            snprintf(reason, cap, "the file of pg_sftca.kek_file is a symbolic link");
        else
            snprintf(reason, cap, "the file of pg_sftca.kek_file cannot be opened: %s",
                     strerror(errno));
        return false;
    }
    bool good = read_open_file(fd, reason, cap);
    close(fd);
    return good;
}

static bool
read_command(char *reason, size_t cap)
{
    uint8_t buf[WRAP_KEK_LEN + 1];
    FILE *pipe = OpenPipeStream(kek_command, "r");
    if (pipe == NULL) {
        snprintf(reason, cap, "pg_sftca.kek_command cannot be run: %s", strerror(errno));
        return false;
    }
    setvbuf(pipe, NULL, _IONBF, 0); /* no copy of the key in a buffer that we do not wipe */
    size_t n = fread(buf, 1, sizeof buf, pipe);
    int status = ClosePipeStream(pipe);
    bool good = n == WRAP_KEK_LEN && status == 0;
    if (good)
        memcpy(page->key, buf, WRAP_KEK_LEN);
    else if (status != 0 && n <= WRAP_KEK_LEN)
        snprintf(reason, cap, "pg_sftca.kek_command failed");
    else
        snprintf(reason, cap, "pg_sftca.kek_command did not print exactly 32 bytes");
    mem_wipe(buf, sizeof buf);
    return good;
}

static bool
is_set(const char *setting)
{
    return setting != NULL && setting[0] != '\0';
}

bool
kek_try(char *reason, size_t cap)
{
    reason[0] = '\0';
    if (page != NULL && page->is_loaded)
        return true;
    if (!page_make())
        snprintf(reason, cap, "out of memory");
    else if (is_set(kek_file) && is_set(kek_command))
        snprintf(reason, cap, "pg_sftca.kek_file and pg_sftca.kek_command are both set");
    else if (is_set(kek_file))
        page->is_loaded = read_file(reason, cap);
    else if (is_set(kek_command))
        page->is_loaded = read_command(reason, cap);
    else
        snprintf(reason, cap, "neither pg_sftca.kek_file nor pg_sftca.kek_command is set");
    return page != NULL && page->is_loaded;
}

const uint8_t *
kek_need(void)
{
    char reason[KEK_REASON_MAX];
    if (!kek_try(reason, sizeof reason))
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_missing",
                     "the key-encryption key is not available: %s", reason);
    return page->key;
}

/* Another place: what was read from the old one is no longer wanted. A mere reload changes nothing.
 */
static void
forget_if_new(const char *old, const char *new)
{
    if (strcmp(old != NULL ? old : "", new != NULL ? new : "") != 0)
        kek_forget();
}

static void
assign_file(const char *new, void *extra)
{
    (void)extra;
    forget_if_new(kek_file, new);
}

static void
assign_command(const char *new, void *extra)
{
    (void)extra;
    forget_if_new(kek_command, new);
}

static void
define(const char *name, const char *what, char **where, GucStringAssignHook assign)
{
    DefineCustomStringVariable(name, what, NULL, where, "", PGC_SIGHUP,
                               GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, assign, NULL);
}

void
kek_init(void)
{
    char reason[KEK_REASON_MAX];
    define("pg_sftca.kek_file", "File that holds the 32 bytes of the key-encryption key.",
           &kek_file, assign_file);
    define("pg_sftca.kek_command", "Command that prints the 32 bytes of the key-encryption key.",
           &kek_command, assign_command);
    MarkGUCPrefixReserved("pg_sftca");
    if (process_shared_preload_libraries_in_progress && !kek_try(reason, sizeof reason))
        ereport(WARNING, (errmsg("pg_sftca signs nothing: %s", reason)));
}
