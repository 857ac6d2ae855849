-- SPDX-License-Identifier: PostgreSQL
-- rebuild.sql - takes the code away, so that state/ can change tables and code/ put today's in its place. Run by migrate in the same transaction.

DROP SCHEMA IF EXISTS sft_admin, sft_api, sft_core CASCADE;
CREATE SCHEMA sft_core AUTHORIZATION sft_owner;
CREATE SCHEMA sft_api AUTHORIZATION sft_owner;
CREATE SCHEMA sft_admin AUTHORIZATION sft_admin_owner;
COMMENT ON SCHEMA sft_core IS 'Logic: authenticate, decide, audit, converge. Rebuilt at each deploy.';
COMMENT ON SCHEMA sft_api IS 'The doors, the routes and the endpoints. Rebuilt at each deploy.';
COMMENT ON SCHEMA sft_admin IS 'The DBA''s door: views and functions to administer everything in SQL. Rebuilt at each deploy.';
