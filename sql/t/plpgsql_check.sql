-- SPDX-License-Identifier: PostgreSQL
-- plpgsql_check.sql - every PL/pgSQL function is read by plpgsql_check, with the narrow search_path
-- under which it will run: a name that is not qualified is an error here.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
LOAD 'plpgsql_check';                                -- before the session's first PL/pgSQL, it insists since 2.8
SET search_path = pg_catalog, tap;
BEGIN;
SELECT * FROM tap.no_plan();
CREATE TEMP TABLE checked AS
    SELECT p.oid::regprocedure AS name FROM pg_proc p
     WHERE p.pronamespace::regnamespace::text IN ('sft', 'sft_core', 'sft_api', 'sft_admin')
       AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql');
SELECT tap.cmp_ok(count(*), '>', 20::bigint, 'there are functions to check') FROM checked;
SELECT tap.is_empty(format($$SELECT lineno, level, sqlstate, message, query FROM tap.plpgsql_check_function_tb(%L::regprocedure, security_warnings => true, fatal_errors => false)
    WHERE level IN ('error', 'security') AND message !~ '^record ".*" is not assigned yet' OR level = 'warning' AND sqlstate <> '42804' AND message !~ '^(unused parameter|parameter .* is overlapped|cannot determinate a result of dynamic SQL)' $$, name), 'plpgsql_check ' || name::text)
  FROM checked ORDER BY name::text;
SELECT * FROM tap.finish();
ROLLBACK;
