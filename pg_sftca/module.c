/* SPDX-License-Identifier: PostgreSQL */
/*
 * module.c - pg_sftca, the vault: what happens when PostgreSQL loads it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "storage/ipc.h"

#include "authority.h"
#include "durable.h"
#include "kek.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
    kek_init();
    durable_init();
    authority_init();
}
