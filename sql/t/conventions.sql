-- SPDX-License-Identifier: PostgreSQL
-- conventions.sql - the house rules for SQL, asked of the catalogue: what a machine can check is checked.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET search_path = pg_catalog, tap;
BEGIN;
SELECT * FROM tap.no_plan();

-- What is ours. The vault's own objects follow the same rules where they are about safety.
CREATE TEMP VIEW ours AS
    SELECT n.oid, n.nspname FROM pg_namespace n WHERE n.nspname IN ('sft', 'sft_core', 'sft_api', 'sft_admin');
CREATE TEMP VIEW our_function AS
    SELECT p.*, n.nspname, p.oid::regprocedure::text AS name
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN (SELECT nspname FROM ours) OR n.nspname = 'sftca';
CREATE TEMP VIEW our_relation AS
    SELECT c.*, n.nspname, c.oid::regclass::text AS name
      FROM pg_class c JOIN ours n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f');
CREATE TEMP VIEW our_constraint AS
    SELECT k.*, coalesce(k.conrelid::regclass::text, k.contypid::regtype::text) AS place
      FROM pg_constraint k JOIN ours n ON n.oid = k.connamespace;

SELECT tap.ok(count(*) = 4, 'the four schemas of the platform are there') FROM ours;
SELECT tap.ok(count(*) > 10, 'there are tables to look at') FROM our_relation WHERE relkind = 'r';
SELECT tap.ok(count(*) > 30, 'there are functions to look at') FROM our_function WHERE nspname <> 'sftca';

-- Comments: \d+ and \df+ read as a manual -------------------------------------------------------
SELECT tap.is_empty($$SELECT nspname FROM ours WHERE obj_description(oid, 'pg_namespace') IS NULL$$, 'every schema has a comment');
SELECT tap.is_empty($$SELECT name FROM our_relation WHERE relkind <> 'S' AND obj_description(oid, 'pg_class') IS NULL$$, 'every table and view has a comment');
SELECT tap.is_empty($$SELECT name FROM our_function WHERE obj_description(oid, 'pg_proc') IS NULL$$, 'every function has a comment');
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint WHERE obj_description(oid, 'pg_constraint') IS NULL$$, 'every constraint has a comment: the sentence people read');
SELECT tap.is_empty($$SELECT p.polrelid::regclass, p.polname FROM pg_policy p JOIN our_relation r ON r.oid = p.polrelid
    WHERE obj_description(p.oid, 'pg_policy') IS NULL$$, 'every policy has a comment');
SELECT tap.is_empty($$SELECT t.oid::regtype FROM pg_type t JOIN ours n ON n.oid = t.typnamespace
    WHERE (t.typtype IN ('d', 'e') OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND obj_description(t.oid, 'pg_type') IS NULL AND coalesce(obj_description(t.typrelid, 'pg_class'), '') = ''$$, 'every type and domain has a comment');

-- Rights ----------------------------------------------------------------------------------------
SELECT tap.is_empty($$SELECT name FROM our_function f WHERE proacl IS NULL
    OR EXISTS (SELECT FROM aclexplode(f.proacl) a WHERE a.grantee = 0)$$, 'no function is executable by PUBLIC');
SELECT tap.is_empty($$SELECT nspname, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
    WHERE a.grantee = 0 AND (nspname LIKE 'sft%' OR nspname = 'public' AND a.privilege_type = 'CREATE')$$, 'PUBLIC has nothing on our schemas');
SELECT tap.is_empty($$SELECT name, a.privilege_type FROM our_relation r, aclexplode(r.relacl) a WHERE a.grantee = 0$$, 'PUBLIC has nothing on our tables and views');
SELECT tap.is_empty($$SELECT t.oid::regtype FROM pg_type t JOIN ours n ON n.oid = t.typnamespace, aclexplode(t.typacl) a
    WHERE a.grantee = 0 AND t.typtype = 'd'$$, 'PUBLIC has nothing more on our domains than the default');
SELECT tap.is_empty($$SELECT d.datname, a.privilege_type FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type IN ('TEMPORARY', 'CREATE')$$, 'PUBLIC makes no temporary objects in the database');
SELECT tap.is_empty($$SELECT name, a.grantee::regrole, a.privilege_type FROM our_relation r, aclexplode(r.relacl) a
    WHERE a.grantee::regrole::text = 'sft_gateway' AND NOT (name = 'sft_api.route' AND a.privilege_type = 'SELECT')$$, 'the gateway reads the routes and no other relation');
SELECT tap.set_eq($$SELECT proname::text FROM our_function f, aclexplode(f.proacl) a WHERE a.grantee::regrole::text = 'sft_gateway' AND nspname LIKE 'sft%'$$,
    ARRAY['handle', 'finish'], 'the gateway calls the two doors and no other function');
SELECT tap.is_empty($$SELECT name, a.grantee::regrole, a.privilege_type FROM our_relation r, aclexplode(r.relacl) a
    WHERE a.grantee::regrole::text = 'sft_dba' AND NOT (nspname = 'sft_admin' AND relkind = 'v' AND a.privilege_type = 'SELECT')$$, 'the DBA reads views of sft_admin and no table');
SELECT tap.is_empty($$SELECT name FROM our_function f, aclexplode(f.proacl) a WHERE a.grantee::regrole::text = 'sft_dba' AND nspname <> 'sft_admin'$$, 'the DBA calls functions of sft_admin alone');
SELECT tap.is_empty($$SELECT r.rolname FROM pg_roles r WHERE r.rolname LIKE 'sft\_%' AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin AND rolname <> 'sft_gateway')$$,
    'no role of the platform has a power over the cluster, only the gateway logs in');
SELECT tap.is_empty($$SELECT r.rolname FROM pg_roles r WHERE r.rolname IN ('sft_gateway', 'sft_dba', 'sft_auditor', 'sft_owner') AND rolbypassrls$$, 'the roles that people and programs have do not bypass row security');
SELECT tap.is_empty($$SELECT m.member::regrole, m.roleid::regrole FROM pg_auth_members m WHERE m.member::regrole::text IN ('sft_gateway', 'sft_dba', 'sft_auditor')$$, 'gateway, DBA and auditor are members of nothing');

-- Functions -------------------------------------------------------------------------------------
SELECT tap.is_empty($$SELECT name, proconfig FROM our_function WHERE prosecdef
    AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(proconfig, '{}'))$$, 'S2 every definer function pins search_path to pg_catalog, pg_temp');
SELECT tap.is_empty($$SELECT name, proowner::regrole FROM our_function JOIN pg_roles r ON r.oid = proowner WHERE prosecdef AND nspname <> 'sftca' AND (rolsuper OR rolcanlogin)$$,
    'no definer function of the platform belongs to a superuser or to a login');
SELECT tap.is_empty($$SELECT name FROM our_function WHERE proleakproof$$, 'no function is leakproof');
SELECT tap.is_empty($$SELECT name FROM our_function WHERE proparallel <> 'u' AND nspname IN ('sft_core', 'sft_api', 'sft_admin') AND provolatile = 'v'$$, 'nothing that writes is parallel safe');
-- what signs, what calls what signs, and so on
CREATE TEMP TABLE call AS
    SELECT DISTINCT f.oid AS caller, g.oid AS callee FROM our_function f
     CROSS JOIN LATERAL regexp_matches(coalesce(f.prosrc, '') || coalesce(pg_get_function_sqlbody(f.oid), ''), '(sftca|sft_core|sft_api|sft_admin|sft)\.(\w+)\s*\(', 'g') m
      JOIN our_function g ON g.nspname = m[1] AND g.proname = m[2];
CREATE TEMP TABLE signing AS
    WITH RECURSIVE s (oid) AS (
        SELECT oid FROM our_function WHERE nspname = 'sftca' AND proname ~ '^(finish|prepare_|sign_)'
        UNION SELECT caller FROM call JOIN s ON s.oid = callee)
    SELECT oid FROM s;
SELECT tap.ok(count(*) >= 5, 'there are functions that sign') FROM signing;
SELECT tap.is_empty($$SELECT name, provolatile, proparallel FROM our_function f JOIN signing USING (oid)
    WHERE provolatile <> 'v' OR proparallel <> 'u'$$, 'S9 nothing that signs is STABLE, IMMUTABLE or PARALLEL SAFE');
SELECT tap.is_empty($$SELECT name FROM our_function JOIN pg_language l ON l.oid = prolang WHERE lanname = 'sql' AND provolatile = 'v' AND nspname <> 'sftca'
    AND coalesce(prosrc, '') || coalesce(pg_get_function_sqlbody(our_function.oid), '') ~* '\m(insert into|update sft|delete from)\M'$$, 'functions that write are PL/pgSQL');

-- Routes ----------------------------------------------------------------------------------------
SELECT tap.is_empty($$SELECT method, path FROM sft_api.route r WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = r.proc::oid)$$, 'every route has its function');
SELECT tap.is_empty($$SELECT f.name FROM our_function f WHERE nspname = 'sft_api' AND proname NOT IN ('handle', 'finish')
    AND NOT EXISTS (SELECT FROM sft_api.route r WHERE r.proc::oid = f.oid)$$, 'every function in sft_api but the doors is routed');
SELECT tap.is_empty($$SELECT method, path, count(*) FROM sft_api.route GROUP BY 1, 2 HAVING count(*) > 1$$, 'no route is there twice');
SELECT tap.is_empty($$SELECT method, path FROM sft_api.route WHERE method NOT IN ('GET', 'POST', 'PUT', 'DELETE') OR path !~ '^/[A-Za-z0-9_{}/.]+$'
    OR max_body < 0 OR max_body > 1048576 OR batch IS NULL OR wait_s NOT BETWEEN 0 AND 60 OR method = 'GET' AND max_body > 0$$, 'routes are well-formed');

SELECT tap.is_empty($$SELECT method, path FROM sft_api.route r WHERE NOT CASE auth WHEN 'member' THEN coalesce(cardinality(roles), 0) > 0
    WHEN 'client' THEN roles IS NULL OR cardinality(roles) > 0 ELSE roles IS NULL END OR path LIKE '/v1/teams/%' AND auth = 'none' AND proc::oid::regproc::text <> 'sft_api.service_token_create'$$,
    'every route says who may call: members by their roles; nothing of a team is open to everybody');
SELECT tap.is_empty($$SELECT f.name, f.prorettype::regtype FROM our_function f WHERE nspname = 'sft_api' AND proname NOT IN ('handle', 'finish')
    AND NOT (f.proargtypes = format('%s', 'sft.request'::regtype::oid)::oidvector AND f.prorettype = 'sft.response'::regtype AND NOT f.prosecdef)$$, 'an endpoint takes a request and returns a response');
SELECT tap.is_empty($$SELECT f.name FROM sft_api.route r JOIN our_function f ON f.oid = r.proc::oid WHERE r.method = 'GET' AND f.provolatile = 'v'
    AND f.prosrc !~ 'sft_core\.(statement|cached|credential_again|refusal)|sftca\.(crl|krl|secret)|token_text|token_json'$$, 'GET changes nothing: its function is STABLE, unless it signs or shows a secret');
SELECT tap.is_empty($$SELECT r.method, r.path FROM sft_api.route r WHERE r.method <> 'GET' AND r.auth NOT IN ('none', 'self') AND NOT r.writes
    AND NOT (r.path IN ('/v1/resolve', '/v1/teams/{team}/credentials'))$$, 'whatever is signed and writes keeps its request_id');
SELECT tap.is_empty($$SELECT f.name, obj_description(f.oid, 'pg_proc') FROM sft_api.route r JOIN our_function f ON f.oid = r.proc::oid
    WHERE r.path ~ '[{](?!team)' AND obj_description(f.oid, 'pg_proc') !~ 'Refuses: '$$, 'what can be asked for and not be there says in its comment what it refuses');
SELECT tap.is_empty($$SELECT c.name, g.name FROM call JOIN our_function c ON c.oid = caller JOIN our_function g ON g.oid = callee
    WHERE c.nspname = 'sft_core' AND g.nspname IN ('sft_api', 'sft_admin') OR c.nspname IN ('sft_core', 'sft_api') AND g.nspname = 'sft_admin' OR c.nspname = 'sft' AND g.nspname <> 'sft' AND g.nspname LIKE 'sft%'$$,
    'calls lead sft_api, sft_admin -> sft_core -> sft, sftca');
SELECT tap.is_empty($$SELECT f.name, m[1] FROM our_function f, regexp_matches(coalesce(f.prosrc, '') || coalesce(pg_get_function_sqlbody(f.oid), ''), '\m(?:FROM|JOIN|INTO|UPDATE)\s+(sft\.(?!teams|instance|nonces|refusals|changes|migrations)\w+)', 'g') m
    WHERE nspname IN ('sft_core', 'sft_api') AND proname <> 'finish' AND coalesce(f.prosrc, '') || coalesce(pg_get_function_sqlbody(f.oid), '') !~ 'team_id'$$, 'whatever reads or writes a tenant''s table says team_id');

-- State -----------------------------------------------------------------------------------------
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint WHERE conname ~ '_(key|check|fkey|pkey|excl|not_null)\d*$'$$, 'every constraint has a name that is an error code');
SELECT tap.is_empty($$SELECT conname, array_agg(place) FROM our_constraint WHERE contype IN ('c', 'u', 'x') AND conrelid <> 0 GROUP BY 1 HAVING count(DISTINCT obj_description(oid, 'pg_constraint')) > 1$$,
    'constraints of one name say one thing');
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint WHERE condeferrable$$, 'no constraint is deferrable: it would fail after the answer was formed');
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint WHERE NOT convalidated$$, 'every constraint is validated');
SELECT tap.is_empty($$SELECT tgrelid::regclass, tgname FROM pg_trigger JOIN our_relation r ON r.oid = tgrelid WHERE NOT tgisinternal$$, 'there is no trigger');
SELECT tap.is_empty($$SELECT name FROM our_relation r WHERE relkind IN ('r', 'p') AND nspname = 'sft' AND name <> 'sft.actor_keys'
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attname = 'team_id' AND NOT a.attisdropped)
    AND NOT (relrowsecurity AND relforcerowsecurity)$$, 'S6 every table with a team_id has row security, forced');
SELECT tap.is_empty($$SELECT name FROM our_relation r WHERE relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = r.oid)$$, 'every table with row security has a policy');
SELECT tap.is_empty($$SELECT name, attname FROM our_relation r JOIN pg_attribute a ON a.attrelid = r.oid
    WHERE attnum > 0 AND NOT attisdropped AND atttypid IN ('timestamp'::regtype, 'time'::regtype, 'timetz'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'money'::regtype, 'json'::regtype)$$,
    'no timestamp without time zone, varchar, char, money, json');
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint k WHERE contype = 'f' AND NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = k.conrelid
       AND (SELECT array_agg(x ORDER BY x) FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) x) = (SELECT array_agg(x ORDER BY x) FROM unnest(k.conkey) x))$$,
    'every foreign key has an index on the referencing side');
SELECT tap.is_empty($$SELECT place, conname FROM our_constraint k WHERE contype = 'f'
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = k.conrelid AND attname = 'team_id' AND NOT attisdropped)
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = k.confrelid AND attname = 'team_id' AND NOT attisdropped)
    AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = k.conrelid AND attname = 'team_id' AND attnum = ANY (k.conkey))$$,
    'S5 every foreign key between rows of teams carries the team');
SELECT tap.is_empty($$SELECT name FROM our_relation r WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = r.oid AND contype = 'p')$$, 'every table has a primary key');
SELECT tap.is_empty($$SELECT name, relowner::regrole FROM our_relation WHERE nspname IN ('sft', 'sft_core', 'sft_api') AND relowner::regrole::text <> 'sft_owner'$$, 'state and code belong to sft_owner');
SELECT tap.is_empty($$SELECT c.oid FROM pg_class c WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace$$, 'there is nothing in public');
SELECT tap.is_empty($$SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text IN ('sft.audit_events', 'sft.credentials')
    AND conrelid = 'sft.audit_events'::regclass$$, 'the audit outlives its subjects: no foreign keys');
SELECT tap.is_empty($$SELECT name, a.privilege_type FROM our_relation r, aclexplode(r.relacl) a
    WHERE name = 'sft.audit_events' AND a.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE') AND a.grantee <> r.relowner$$, 'nobody but its owner could change audit');
SELECT tap.is_empty($$SELECT attname FROM pg_attribute WHERE attrelid = 'sftca.certificates'::regclass AND attname = 'recorded_in' AND (atttypid <> 'xid8'::regtype OR NOT attnotnull)$$, 'certificates.recorded_in is an xid8, always there');
SELECT tap.is_empty($$SELECT a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'sftca.certificates'::regclass
    AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'$$, 'the vault''s records are written by nobody who is not the vault');

SELECT * FROM tap.finish();
ROLLBACK;
