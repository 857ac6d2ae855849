-- SPDX-License-Identifier: PostgreSQL
-- roles.sql - the platform's roles. They belong to the whole cluster and are not in pg_dump, so this file can be run again at any time.

DO $$
DECLARE
    wanted CONSTANT text[] := ARRAY['sft_owner NOLOGIN NOBYPASSRLS', 'sft_admin_owner NOLOGIN BYPASSRLS',
                                    'sft_gateway LOGIN NOBYPASSRLS', 'sft_dba NOLOGIN NOBYPASSRLS',
                                    'sft_auditor NOLOGIN NOBYPASSRLS'];
    line text;
BEGIN
    FOREACH line IN ARRAY wanted LOOP
        BEGIN
            EXECUTE 'CREATE ROLE ' || line || ' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION';
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;                                            -- made by an earlier run, or by one beside us
        END;
    END LOOP;
END $$;

-- The views and functions of sft_admin see every team; they use the tables through the owner's rights.
GRANT sft_owner TO sft_admin_owner;

-- Hints that a session may undo without harm: the doors decide nothing by them.
ALTER ROLE sft_gateway SET plan_cache_mode = 'force_generic_plan';
ALTER ROLE sft_gateway SET enable_seqscan = off;                -- each of its queries finds few rows by an index, on tables that were
ALTER ROLE sft_gateway SET enable_hashjoin = off;               -- empty when the plan was made and are large when it is used
ALTER ROLE sft_gateway SET enable_mergejoin = off;
ALTER ROLE sft_gateway SET jit = off;
ALTER ROLE sft_gateway SET jit = off;                        -- the costs of avoided scans would have every call compiled: 450 ms
ALTER ROLE sft_gateway SET log_parameter_max_length = 0;
ALTER ROLE sft_gateway SET log_parameter_max_length_on_error = 0;
ALTER ROLE sft_gateway SET statement_timeout = '10s';
ALTER ROLE sft_gateway SET default_transaction_isolation = 'read committed';     -- the door insists on it
ALTER ROLE sft_gateway SET lock_timeout = '5s';
ALTER ROLE sft_gateway SET idle_in_transaction_session_timeout = '10s';

COMMENT ON ROLE sft_owner IS 'Owns the platform''s state and code.';
COMMENT ON ROLE sft_admin_owner IS 'Owns sft_admin and sees every team; nobody logs in as it.';
COMMENT ON ROLE sft_gateway IS 'The HTTP gateway: may call the doors and read the routes, nothing else.';
COMMENT ON ROLE sft_dba IS 'Granted to people who administer the platform in SQL, through sft_admin only.';
COMMENT ON ROLE sft_auditor IS 'Granted to people who read the audit.';
