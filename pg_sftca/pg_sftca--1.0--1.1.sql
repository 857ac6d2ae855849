-- SPDX-License-Identifier: PostgreSQL
-- pg_sftca--1.0--1.1.sql - from the vault's first release to its second. Version 1.0 is never edited again.
-- Complain if this is sourced in psql rather than by ALTER or CREATE EXTENSION.
\echo Use "ALTER EXTENSION pg_sftca UPDATE TO '1.1'" to load this file. \quit

-- == authorities and generations ==

-- == keys and the key-encryption key ==

-- == SSH ==

-- == X.509 ==

-- == verification ==

-- == keeping house ==

-- == rights ==

REVOKE ALL ON ALL TABLES IN SCHEMA sftca FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sftca FROM PUBLIC;
