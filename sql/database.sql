-- SPDX-License-Identifier: PostgreSQL
-- database.sql - the vault, the schema of the state and the runner's own table. Run by migrate before the state, every time.

DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO sft_gateway, sft_dba, sft_auditor', current_database());
END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Nobody but the platform takes advisory locks here (whoever held its fence would hold up every removal), or makes large objects.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
                AND (p.proname ~ '^pg_(try_)?advisory_' OR p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(int, int), pg_advisory_xact_lock_shared(int, int) TO sft_owner;

-- What the two owners make is nobody's until granted. (Functions and types are everybody's otherwise.)
ALTER DEFAULT PRIVILEGES FOR ROLE sft_owner, sft_admin_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE sft_owner, sft_admin_owner REVOKE USAGE ON TYPES FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS pg_sftca;
ALTER EXTENSION pg_sftca UPDATE;
GRANT USAGE ON SCHEMA sftca TO sft_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sftca TO sft_owner;
-- but for what moves keys in and out, or stops everything: superusers, and whom they grant it to
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'sftca'::regnamespace
                AND (p.proname ~ '(seal|import|export|token|transport|envelope|adopt|bring|certified)' OR p.proname IN ('key_note', 'krl_version_raise')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM sft_owner', one);
    END LOOP;
END $$;
GRANT SELECT ON sftca.keys, sftca.statement_keys, sftca.certificates, sftca.revocations TO sft_owner;

CREATE SCHEMA IF NOT EXISTS sft AUTHORIZATION sft_owner;
COMMENT ON SCHEMA sft IS 'State: tables, domains and types, and the few functions that constraints and row security lean on.';
SET LOCAL ROLE sft_owner;
CREATE TABLE IF NOT EXISTS sft.migrations (
    name   text        NOT NULL CONSTRAINT migration_taken PRIMARY KEY,
    digest text        NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sft.migrations IS 'The state migrations that this database has had. Written by sql/migrate alone.';
COMMENT ON COLUMN sft.migrations.digest IS 'SHA-256 of the file, in hex: a released migration is never edited.';
COMMENT ON CONSTRAINT migration_taken ON sft.migrations IS 'This migration has been run already.';
