-- SPDX-License-Identifier: PostgreSQL
-- 990_grants.sql - who may what: the gateway calls the doors and reads the routes. sft_admin grants in its own files.

GRANT USAGE ON SCHEMA sft_api TO sft_gateway;
GRANT SELECT ON sft_api.route TO sft_gateway;
GRANT EXECUTE ON FUNCTION sft_api.handle(text[], bytea[], text[], bytea[], bytea[], bytea[], bytea[], text[], text[]), sft_api.finish(uuid[]) TO sft_gateway;
