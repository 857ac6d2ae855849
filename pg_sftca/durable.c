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
#include "replication/syncrep.h"

#include "common/fault.h"
#include "durable.h"
#include "throw.h"

static bool is_armed;

static void
before_commit(void)
{
    SFT_FAULT("vault.before_commit");
    bool need_standby = SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0';
    if (need_standby && synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
        sftca_refuse(
            SFTCA_UNAVAILABLE, "not_durable",
            "a certificate's record must reach the standbys: synchronous_commit is too low");
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
