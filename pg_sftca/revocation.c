/* SPDX-License-Identifier: PostgreSQL */
/*
 * revocation.c - asks whether a record is revoked by name.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"

#include "query.h"
#include "revocation.h"

bool
revocation_has_names(void)
{
    Oid schema = get_namespace_oid("sftca", true);
    return OidIsValid(schema) && OidIsValid(get_relname_relid("name_revocations", schema));
}

bool
revocation_names(const struct record *record)
{
    static struct query query = {
        "SELECT 1 FROM sftca.name_revocations r"
        " WHERE r.fingerprint OPERATOR(pg_catalog.=) $3 AND r.expires_at OPERATOR(pg_catalog.>) $4"
        " UNION ALL "
        "SELECT 1 FROM sftca.name_revocations r"
        " WHERE r.authority_id OPERATOR(pg_catalog.=) $1 AND r.key_id OPERATOR(pg_catalog.=) $2"
        "   AND r.expires_at OPERATOR(pg_catalog.>) $4"
        " LIMIT 1",
        4,
        {UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
        NULL};
    Datum args[] = {UUIDPGetDatum(&record->authority.uuid), record->key_id, record->fingerprint,
                    TimestampTzGetDatum(record->recorded_at)};
    return query_run(&query, args, NULL) != 0;
}
