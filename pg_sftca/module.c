/* SPDX-License-Identifier: PostgreSQL */
/*
 * module.c - pg_sftca, the vault: what happens when PostgreSQL loads it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "authority.h"
#include "durable.h"
#include "exchange.h"
#include "kek.h"
#include "p11.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
    p11_init(); /* kek_init may need it */
    kek_init();
    exchange_init();
    MarkGUCPrefixReserved("pg_sftca");
    durable_init();
    authority_init();
}
