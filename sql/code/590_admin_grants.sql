-- SPDX-License-Identifier: PostgreSQL
-- 590_admin_grants.sql - the DBA's door is open to sft_dba; its audit to sft_auditor. Nothing else is granted to either.

GRANT USAGE ON SCHEMA sft_admin TO sft_dba, sft_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA sft_admin TO sft_dba;
GRANT SELECT ON sft_admin.audit, sft_admin.refusals TO sft_auditor;

-- The definer functions are the door; the others only serve them.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'sft_admin'::regnamespace AND p.prosecdef LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO sft_dba', one);
    END LOOP;
END $$;
