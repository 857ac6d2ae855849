/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek.c - keeping the key-encryption key, and letting go of it for good.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "common_text.h"
#include "kek.h"
#include "throw.h"

#define PAGE_LEN 4096
#define SEALED_FILE "pg_sftca.sealed" /* in the data directory; see note_sealed() */

static struct kek_source sources[KEKS] = {{.prefix = "pg_sftca.kek_"},
                                          {.prefix = "pg_sftca.previous_kek_"}};

/* In a page of its own that core dumps leave out. */
struct page {
    bool is_sealed; /* of the shared page */
    struct slot {
        bool is_loaded;
        uint8_t key[WRAP_KEK_LEN], check[WRAP_CHECK_LEN];
    } slots[KEKS];
};

/*
 * The postmaster's, when preloaded: one page that all processes share and none can write by
 * accident, so that whoever seals wipes it for all. And this process's own.
 */
static struct page *shared, *own;

/* The mark of what kek_need() has answered. */
static uint8_t needed[WRAP_CHECK_LEN];

static struct page *
page_make(int sharing)
{
    void *p = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    (void)madvise(p, PAGE_LEN, MADV_DONTDUMP);
    (void)mlock(p, PAGE_LEN); /* as far as the limits go */
    return p;
}

static void
shared_writable(bool yes)
{
    (void)mprotect(shared, PAGE_LEN, yes ? PROT_READ | PROT_WRITE : PROT_READ);
}

/* ---- sealing ---- */

/*
 * Where there is no shared page: the start time of the server that was sealed, in a file. Written
 * over, never cut short: to seal a second time must not open the vault for a moment.
 */
static void
note_sealed(void)
{
    int fd = open(SEALED_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, &PgStartTime, sizeof PgStartTime) == sizeof PgStartTime;
    const char *why = strerror(errno);
    if (fd >= 0)
        close(fd);
    if (!good)
        ereport(ERROR, (errcode_for_file_access(), errmsg("the vault cannot be sealed: %s", why)));
}

static bool
is_noted(void)
{
    TimestampTz noted = 0;
    int fd = open(SEALED_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT; /* what cannot be read may say so */
    bool good = read(fd, &noted, sizeof noted) == sizeof noted;
    close(fd);
    return good && noted == PgStartTime;
}

bool
kek_is_sealed(void)
{
    return shared != NULL ? shared->is_sealed : is_noted();
}

void
kek_check_sealed(void)
{
    if (kek_is_sealed())
        sftca_refuse(SFTCA_UNAVAILABLE, "vault_sealed",
                     "the vault is sealed until the server is started again");
}

void
kek_check_shared(void)
{
    if (shared != NULL)
        kek_check_sealed();
}

void
kek_seal(void)
{
    kek_forget();
    if (shared == NULL) {
        note_sealed();
        return;
    }
    shared_writable(true);
    shared->is_sealed = true; /* first, and never taken back: it may be sealed already */
    mem_wipe(shared->slots, sizeof shared->slots);
    shared_writable(false);
}

/* ---- reading ---- */

bool
kek_is_held(void)
{
    return own != NULL && (own->slots[KEK_CURRENT].is_loaded || own->slots[KEK_PREVIOUS].is_loaded);
}

void
kek_forget(void)
{
    if (own != NULL)
        mem_wipe(own, sizeof *own);
}

static bool
slot_read(struct slot *slot, enum kek_which which, char reason[KEK_REASON_MAX])
{
    if (!kek_source_read(&sources[which], slot->key, reason))
        return false;
    slot->is_loaded = wrap_check(slot->key, slot->check) == SFT_OK;
    if (!slot->is_loaded)
        snprintf(reason, KEK_REASON_MAX, "the cryptographic library failed");
    if (kek_is_sealed()) { /* while the source took its time */
        mem_wipe(slot, sizeof *slot);
        snprintf(reason, KEK_REASON_MAX, "the vault was sealed meanwhile");
    }
    return slot->is_loaded;
}

/* NULL: reason says why. Does not raise. */
static const struct slot *
slot_of(enum kek_which which, char reason[KEK_REASON_MAX])
{
    reason[0] = '\0';
    if (kek_is_sealed()) {
        snprintf(reason, KEK_REASON_MAX, "the vault is sealed until the server is started again");
        return NULL;
    }
    if (shared != NULL && shared->slots[which].is_loaded)
        return &shared->slots[which];
    if (own == NULL && (own = page_make(MAP_PRIVATE)) == NULL) {
        snprintf(reason, KEK_REASON_MAX, "out of memory");
        return NULL;
    }
    struct slot *slot = &own->slots[which];
    return slot->is_loaded || slot_read(slot, which, reason) ? slot : NULL;
}

bool
kek_try(char reason[KEK_REASON_MAX])
{
    return slot_of(KEK_CURRENT, reason) != NULL;
}

static const struct slot *
slot_need(enum kek_which which)
{
    char reason[KEK_REASON_MAX];
    kek_check_sealed();
    const struct slot *slot = slot_of(which, reason);
    if (slot == NULL)
        sftca_refuse(SFTCA_UNAVAILABLE, "kek_missing",
                     "the %skey-encryption key is not available: %s",
                     which == KEK_PREVIOUS ? "previous " : "", reason);
    return slot;
}

const uint8_t *
kek_need(void)
{
    const struct slot *slot = slot_need(KEK_CURRENT);
    memcpy(needed, slot->check, sizeof needed);
    return slot->key;
}

int
kek_mark(const uint8_t *kek, uint8_t mark[WRAP_CHECK_LEN])
{
    /* a byte that was wiped stays so: a key that is whole now was whole all the time */
    int r = wrap_check(kek, mark);
    return r == SFT_OK && !mem_equal(mark, needed, sizeof needed) ? SFT_EKEK : r;
}

void
kek_throw_gone(void)
{
    kek_check_sealed();
    sftca_refuse(SFTCA_UNAVAILABLE, "kek_missing",
                 "the key-encryption key was changed meanwhile; ask again");
}

const uint8_t *
kek_previous_check(void)
{
    return kek_source_is_set(&sources[KEK_PREVIOUS]) ? slot_need(KEK_PREVIOUS)->check : NULL;
}

static bool
fits(const struct slot *slot, const void *check, size_t len)
{
    return len == sizeof slot->check && mem_equal(slot->check, check, len);
}

const uint8_t *
kek_for(const void *check, size_t len)
{
    char reason[KEK_REASON_MAX];
    const struct slot *slot = slot_need(KEK_CURRENT);
    if (!fits(slot, check, len) && kek_source_is_set(&sources[KEK_PREVIOUS]))
        slot = slot_of(KEK_PREVIOUS, reason);
    return slot != NULL && fits(slot, check, len) ? slot->key : NULL;
}

/* ---- settings ---- */

/* Another place: what was read from the old one is no longer wanted. A mere reload changes nothing.
 */
static void
forget_if_new(enum kek_which which, const char *old, const char *new)
{
    if (strcmp(old != NULL ? old : "", new != NULL ? new : "") == 0)
        return;
    if (own != NULL)
        mem_wipe(&own->slots[which], sizeof own->slots[which]);
    if (shared == NULL)
        return;
    shared_writable(true);
    mem_wipe(&shared->slots[which], sizeof shared->slots[which]);
    shared_writable(false);
}

#define ASSIGN(which, field)                                                                       \
    static void assign_##which##_##field(const char *new, void *extra)                             \
    {                                                                                              \
        (void)extra;                                                                               \
        forget_if_new(which, sources[which].field, new);                                           \
    }
ASSIGN(KEK_CURRENT, file)
ASSIGN(KEK_CURRENT, command)
ASSIGN(KEK_CURRENT, token)
ASSIGN(KEK_CURRENT, wrapped_file)
ASSIGN(KEK_PREVIOUS, file)
ASSIGN(KEK_PREVIOUS, command)
ASSIGN(KEK_PREVIOUS, token)
ASSIGN(KEK_PREVIOUS, wrapped_file)

static void
define(const char *name, const char *what, char **where, GucStringAssignHook assign)
{
    DefineCustomStringVariable(name, what, NULL, where, "", PGC_SIGHUP,
                               GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, assign, NULL);
}

#define DEFINE(which, name, field, what)                                                           \
    define("pg_sftca." name, what, &sources[which].field, assign_##which##_##field)

static void
define_all(void)
{
    DEFINE(KEK_CURRENT, "kek_file", file,
           "File that holds the 32 bytes of the key-encryption key.");
    DEFINE(KEK_CURRENT, "kek_command", command,
           "Command that prints the 32 bytes of the key-encryption key.");
    DEFINE(KEK_CURRENT, "kek_token", token,
           "PKCS#11 URI of the RSA key that unwraps the key-encryption key.");
    DEFINE(KEK_CURRENT, "kek_wrapped_file", wrapped_file,
           "File that holds the key-encryption key, encrypted to the token's key.");
    DEFINE(KEK_PREVIOUS, "previous_kek_file", file,
           "As kek_file, of the key that everything is being sealed anew from.");
    DEFINE(KEK_PREVIOUS, "previous_kek_command", command,
           "As kek_command, of the key that everything is being sealed anew from.");
    DEFINE(KEK_PREVIOUS, "previous_kek_token", token,
           "As kek_token, of the key that everything is being sealed anew from.");
    DEFINE(KEK_PREVIOUS, "previous_kek_wrapped_file", wrapped_file,
           "As kek_wrapped_file, of the key that everything is being sealed anew from.");
}

static void
preload(enum kek_which which)
{
    char reason[KEK_REASON_MAX];
    if (!slot_read(&shared->slots[which], which, reason))
        ereport(WARNING, (errmsg("pg_sftca %s: %s",
                                 which == KEK_CURRENT ? "signs nothing"
                                                      : "has no previous key-encryption key",
                                 reason)));
}

void
kek_init(void)
{
    define_all();
    if (!process_shared_preload_libraries_in_progress)
        return;
    struct page *page = page_make(MAP_SHARED);
    if (page == NULL)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("pg_sftca: out of memory")));
    shared = page;
    preload(KEK_CURRENT);
    if (kek_source_is_set(&sources[KEK_PREVIOUS]))
        preload(KEK_PREVIOUS);
    shared_writable(false);
}
