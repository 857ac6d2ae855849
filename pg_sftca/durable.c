/* SPDX-License-Identifier: PostgreSQL */
/*
 * durable.c - the commit callback behind "record first".
 *
 * A caller may lower synchronous_commit after any check in SQL, right up to COMMIT; a record that
 * looked committed could then be lost in a crash after its certificate was given out. So the check
 * is made where no caller can get behind it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "common/fault.h"
#include "durable.h"
#include "throw.h"

static bool is_armed;

static bool
needs_standbys(void)
{
    return SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0';
}

static void
check_level(void)
{
    if (synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
        sftca_refuse(
            SFTCA_UNAVAILABLE, "not_durable",
            "synchronous_commit is too low: the standbys must have what the vault records");
}

static void
before_commit(void)
{
    SFT_FAULT("vault.before_commit");
    if (needs_standbys())
        check_level();
    ForceSyncCommit();
}

static void
on_xact(XactEvent event, void *arg)
{
    (void)arg;
    if (!is_armed)
        return;
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
        before_commit();
        break;
    case XACT_EVENT_PRE_PREPARE:
        /* COMMIT PREPARED would be as durable as its own session likes */
        sftca_refuse(
            SFTCA_UNAVAILABLE, "not_durable",
            "a transaction that records a certificate cannot be prepared for two-phase commit");
    default:
        is_armed = false;
    }
}

void
durable_init(void)
{
    RegisterXactCallback(on_xact, NULL);
}

void
durable_arm(void)
{
    is_armed = true;
}

static bool
standbys_have(XLogRecPtr lsn)
{
    LWLockAcquire(SyncRepLock, LW_SHARED);
    bool have = lsn <= WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH];
    LWLockRelease(SyncRepLock);
    return have;
}

void
durable_wait(void)
{
    if (!needs_standbys())
        return;
    check_level();
    XLogRecPtr lsn = GetFlushRecPtr(NULL);
    HOLD_INTERRUPTS();
    SyncRepWaitForLSN(lsn, true); /* a cancel ends it with no more than a warning */
    RESUME_INTERRUPTS();
    if (!standbys_have(lsn))
        sftca_refuse(SFTCA_UNAVAILABLE, "not_durable",
                     "the standbys do not have this certificate's record yet");
}

PG_FUNCTION_INFO_V1(sftca_commit_durably);

Datum
sftca_commit_durably(PG_FUNCTION_ARGS)
{
    (void)fcinfo;
    durable_arm();
    PG_RETURN_VOID();
}
