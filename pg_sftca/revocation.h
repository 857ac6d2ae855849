/* SPDX-License-Identifier: PostgreSQL */
/*
 * revocation.h - revocations by name: of a key id, of a subject's key (sftca.name_revocations).
 */
#ifndef SFTCA_REVOCATION_H
#define SFTCA_REVOCATION_H

#include "record.h"

/* Whether this database's vault has the table: a library may be newer than its SQL (1.0). */
bool revocation_has_names(void);
/*
 * Whether a record's key id or key is revoked. A revocation that has expired still counts for what
 * was recorded before it did: the list no longer names it, so it must never be signed.
 */
bool revocation_names(const struct record *record);

#endif
