/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11.c - the PKCS#11 module of this process.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#include "common_text.h"
#include "p11.h"
#include "secretfile.h"

#define SLOTS_MAX 64
#define PIN_MAX 255

static char *token_module, *token_pin_file;

static CK_FUNCTION_LIST *functions; /* NULL until the module is loaded */

static bool
say(char reason[P11_REASON_MAX], const char *what, const char *fault)
{
    snprintf(reason, P11_REASON_MAX, "%s%s", what, fault);
    return false;
}

bool
p11_good(CK_RV rv, const char *call, char reason[P11_REASON_MAX])
{
    if (rv != CKR_OK)
        snprintf(reason, P11_REASON_MAX, "the token has failed: %s says 0x%lx", call, rv);
    return rv == CKR_OK;
}

/* Before exit(): modules have destructors that trip over a library which is gone by then. */
static void
finalize(int code, Datum arg)
{
    (void)code;
    (void)arg;
    if (functions != NULL)
        (void)functions->C_Finalize(NULL);
    functions = NULL;
}

static bool
start(CK_FUNCTION_LIST *f, char reason[P11_REASON_MAX])
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS};
    CK_RV rv = f->C_Initialize(&args);
    if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED && !p11_good(rv, "C_Initialize", reason))
        return false;
    functions = f;
    if (IsUnderPostmaster)
        on_proc_exit(finalize, 0);
    return true;
}

static bool
load(char reason[P11_REASON_MAX])
{
    CK_FUNCTION_LIST *f = NULL;
    if (functions != NULL)
        return true;
    if (token_module == NULL || token_module[0] == '\0')
        return say(reason, "pg_sftca.token_module", " is not set");
    if (token_module[0] != '/')
        return say(reason, "pg_sftca.token_module", " is not an absolute path");
    void *module = dlopen(token_module, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL)
        return say(reason, "the library of pg_sftca.token_module", " cannot be loaded");
    CK_C_GetFunctionList get_list;
    *(void **)&get_list = dlsym(module, "C_GetFunctionList");
    if (get_list == NULL || get_list(&f) != CKR_OK || f == NULL || f->version.major != 2)
        return say(reason, "the library of pg_sftca.token_module", " is not a PKCS#11 module");
    return start(f, reason);
}

/* A token's names are padded with blanks. */
static bool
is_named(const unsigned char *padded, size_t len, const char *name)
{
    size_t n = strlen(name);
    if (n == 0)
        return true;
    if (n > len || memcmp(padded, name, n) != 0)
        return false;
    for (; n < len; n++)
        if (padded[n] != ' ')
            return false;
    return true;
}

static bool
find_slot(const struct p11uri *uri, CK_SLOT_ID *slotp, CK_TOKEN_INFO *infop,
          char reason[P11_REASON_MAX])
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX, found = 0;
    CK_TOKEN_INFO info;

    if (!p11_good(functions->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList", reason))
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        if (functions->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            !(info.flags & CKF_TOKEN_INITIALIZED) ||
            !is_named(info.label, sizeof info.label, uri->token) ||
            !is_named(info.serialNumber, sizeof info.serialNumber, uri->serial))
            continue;
        found++;
        *slotp = slots[i];
        *infop = info;
    }
    if (found == 1)
        return true;
    return say(reason, found == 0 ? "there is no such token: " : "there is more than one token: ",
               uri->token);
}

/* Backends come and go, and each would try a wrong PIN anew until the token locks itself. */
static const char *
login_fault(const CK_TOKEN_INFO *info)
{
    if (info->flags & CKF_USER_PIN_LOCKED)
        return "the token's PIN is locked";
    if (info->flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY))
        return "the token has seen a wrong PIN: log in to it once by other means first";
    return NULL;
}

static bool
login_by_file(const struct p11_session *s, char reason[P11_REASON_MAX])
{
    unsigned char pin[PIN_MAX + 2];
    size_t n = 0;
    struct secretfile file = {"the file of pg_sftca.token_pin_file", AT_FDCWD, token_pin_file,
                              false};
    bool good = secretfile_read(&file, pin, sizeof pin, &n, reason);
    if (n > 0 && pin[n - 1] == '\n')
        n--;
    if (good && (n == 0 || n > PIN_MAX))
        good = say(reason, file.what, " does not hold a PIN");
    CK_RV rv = good ? s->f->C_Login(s->handle, CKU_USER, pin, n) : CKR_OK;
    mem_wipe(pin, sizeof pin);
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID)
        return say(reason, "the token", " refuses the PIN");
    return good && (rv == CKR_USER_ALREADY_LOGGED_IN || p11_good(rv, "C_Login", reason));
}

static bool
login(const struct p11_session *s, const CK_TOKEN_INFO *info, char reason[P11_REASON_MAX])
{
    CK_SESSION_INFO now;
    if (!p11_good(s->f->C_GetSessionInfo(s->handle, &now), "C_GetSessionInfo", reason))
        return false;
    if (!(info->flags & CKF_LOGIN_REQUIRED) || now.state == CKS_RO_USER_FUNCTIONS ||
        now.state == CKS_RW_USER_FUNCTIONS)
        return true;
    if (login_fault(info) != NULL)
        return say(reason, "", login_fault(info));
    if (token_pin_file == NULL || token_pin_file[0] == '\0')
        return say(reason, "pg_sftca.token_pin_file", " is not set");
    return login_by_file(s, reason);
}

bool
p11_open(struct p11_session *session, const struct p11uri *uri, bool writes,
         char reason[P11_REASON_MAX])
{
    CK_SLOT_ID slot = 0;
    CK_TOKEN_INFO info = {0};
    CK_FLAGS flags = CKF_SERIAL_SESSION | (writes ? CKF_RW_SESSION : 0);

    if (!load(reason) || !find_slot(uri, &slot, &info, reason))
        return false;
    *session = (struct p11_session){.f = functions};
    if (!p11_good(functions->C_OpenSession(slot, flags, NULL, NULL, &session->handle),
                  "C_OpenSession", reason))
        return false;
    if (login(session, &info, reason))
        return true;
    p11_close(session);
    return false;
}

void
p11_close(struct p11_session *session)
{
    if (functions != NULL && session->f != NULL)
        (void)functions->C_CloseSession(session->handle);
    session->f = NULL;
}

int
p11_count(const struct p11_session *session, CK_OBJECT_CLASS class, const struct p11uri *uri,
          CK_OBJECT_HANDLE *firstp, char reason[P11_REASON_MAX])
{
    CK_ATTRIBUTE want[3] = {{CKA_CLASS, &class, sizeof class}};
    CK_OBJECT_HANDLE objects[2];
    CK_ULONG n = 1, found = 0;

    if (uri->object[0] != '\0')
        want[n++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)uri->object, strlen(uri->object)};
    if (uri->id_len > 0)
        want[n++] = (CK_ATTRIBUTE){CKA_ID, (void *)uri->id, uri->id_len};
    if (!p11_good(session->f->C_FindObjectsInit(session->handle, want, n), "C_FindObjectsInit",
                  reason))
        return -1;
    CK_RV rv = session->f->C_FindObjects(session->handle, objects, lengthof(objects), &found);
    (void)session->f->C_FindObjectsFinal(session->handle);
    if (!p11_good(rv, "C_FindObjects", reason))
        return -1;
    *firstp = objects[0];
    return (int)found;
}

bool
p11_find(const struct p11_session *session, CK_OBJECT_CLASS class, const struct p11uri *uri,
         CK_OBJECT_HANDLE *objectp, char reason[P11_REASON_MAX])
{
    int n = p11_count(session, class, uri, objectp, reason);
    if (n == 0 || n == 2)
        return say(reason, n == 0 ? "the token has no" : "the token has more than one",
                   " key of this name");
    return n == 1;
}

static void
define(const char *name, const char *what, char **where)
{
    DefineCustomStringVariable(name, what, NULL, where, "", PGC_SIGHUP,
                               GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

void
p11_init(void)
{
    define("pg_sftca.token_module", "Library of the PKCS#11 token, an absolute path.",
           &token_module);
    define("pg_sftca.token_pin_file", "File that holds the PIN of the PKCS#11 token.",
           &token_pin_file);
}
