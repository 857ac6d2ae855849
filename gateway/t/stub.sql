-- SPDX-License-Identifier: PostgreSQL
-- stub.sql - doors that do what a test asks for, so that the gateway can be tried without the platform.
--
-- The same contract as the real ones (docs/doors.md). What a call does is in its route and body.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
DROP SCHEMA IF EXISTS sft_api CASCADE;
CREATE SCHEMA IF NOT EXISTS stub;
CREATE SCHEMA sft_api;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sft_gateway') THEN
        CREATE ROLE sft_gateway LOGIN;
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS stub.calls (trace_id text, route text, rows int, xid xid8 DEFAULT pg_current_xact_id(), at timestamptz DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS stub.records (id uuid PRIMARY KEY, body bytea, xid xid8 DEFAULT pg_current_xact_id());
CREATE TABLE IF NOT EXISTS stub.versions (topic text PRIMARY KEY, version int NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS stub.finishes (n int);
CREATE TABLE IF NOT EXISTS stub.routes (method text, path text, max_body int, batch boolean, wait_s int);
CREATE SEQUENCE IF NOT EXISTS stub.tries;
TRUNCATE stub.routes;
INSERT INTO stub.routes VALUES
    ('POST',   '/v1/echo',                 65536, true,  0),
    ('PUT',    '/v1/echo',                 65536, true,  0),
    ('GET',    '/v1/echo',                 0,     true,  0),
    ('GET',    '/v1/items/{name}',         0,     true,  0),
    ('DELETE', '/v1/items/{name}',         0,     true,  0),
    ('GET',    '/v1/items/fixed',          0,     true,  0),
    ('GET',    '/v1/teams/{team}/things/{thing}', 0, true, 0),
    ('POST',   '/v1/single',               1000,  false, 0),
    ('POST',   '/v1/sign',                 1000,  true,  0),
    ('GET',    '/v1/state/{topic}',        0,     true,  3),
    ('GET',    '/v1/nowait/{topic}',       0,     true,  0),
    ('GET',    '/v1/sleep/{seconds}',      0,     false, 0),
    ('POST',   '/v1/raise',                1000,  true,  0),
    ('POST',   '/v1/answer',               1000,  true,  0),
    ('GET',    '/v1/big/{bytes}',          0,     false, 0);

CREATE VIEW sft_api.route AS SELECT method, path, max_body, batch, wait_s, 'stub'::text AS proc FROM stub.routes;

CREATE FUNCTION sft_api.handle(routes text[], params bytea[], methods text[], targets bytea[], authorities bytea[],
        headers_in bytea[], bodies bytea[], peers text[], trace_ids text[])
    RETURNS TABLE (trace_id text, status int, headers text, body bytea, wait text[], continue_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    n int := cardinality(routes);
    word text;
    seen int;
BEGIN
    FOR i IN REVERSE n..1 LOOP    -- any order will do
        trace_id := trace_ids[i]; status := 200; headers := ''; body := NULL; wait := NULL; continue_id := NULL;
        INSERT INTO stub.calls VALUES (trace_id, routes[i], n);
        word := encode(bodies[i], 'escape');
        CASE
        WHEN routes[i] LIKE '% /v1/echo' OR routes[i] LIKE '% /v1/items/%' OR routes[i] LIKE '% /v1/teams/%' OR routes[i] = 'POST /v1/single' THEN
            IF word = 'wait-a-little' THEN PERFORM pg_sleep(0.3); END IF;
            body := convert_to(jsonb_build_object('trace_id', trace_id, 'route', routes[i], 'params', encode(params[i], 'escape'),
                'method', methods[i], 'target', encode(targets[i], 'escape'), 'authority', encode(authorities[i], 'escape'),
                'headers', encode(headers_in[i], 'escape'), 'body', word, 'peer', peers[i], 'rows', n)::text, 'UTF8');
        WHEN routes[i] = 'POST /v1/sign' THEN
            continue_id := md5(bodies[i])::uuid;
            INSERT INTO stub.records (id, body) VALUES (continue_id, bodies[i]) ON CONFLICT DO NOTHING;
            status := NULL;
        WHEN routes[i] LIKE 'GET /v1/state/%' OR routes[i] LIKE 'GET /v1/nowait/%' THEN
            SELECT v.version INTO seen FROM stub.versions v WHERE v.topic = encode(params[i], 'escape');
            IF encode(targets[i], 'escape') LIKE '%slow%' THEN PERFORM pg_sleep(1); END IF;
            IF encode(targets[i], 'escape') LIKE '%after=' || coalesce(seen, 0) || '%' THEN
                wait := ARRAY['server/' || encode(params[i], 'escape'), 'project/p', 'team/t'];
            ELSE
                body := convert_to(jsonb_build_object('version', seen)::text, 'UTF8');
            END IF;
        WHEN routes[i] LIKE 'GET /v1/sleep/%' THEN
            PERFORM pg_sleep(encode(params[i], 'escape')::float);
            body := '{"slept":true}';
        WHEN routes[i] = 'POST /v1/raise' AND word = 'warning' THEN
            RAISE WARNING 'canceling wait for synchronous replication due to user request';
            body := '{}';
        WHEN routes[i] = 'POST /v1/raise' AND word LIKE 'once %' THEN
            -- a sequence is not rolled back, so it can count tries
            IF nextval('stub.tries') % 2 = 1 THEN
                RAISE EXCEPTION 'first try of secret-canary' USING ERRCODE = substr(word, 6);
            END IF;
            body := '{"tried":"twice"}';
        WHEN routes[i] = 'POST /v1/raise' AND word = 'terminate' THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        WHEN routes[i] = 'POST /v1/raise' AND word <> 'fine' THEN
            RAISE EXCEPTION 'secret-canary in table stub.secret' USING ERRCODE = word;
        WHEN routes[i] = 'POST /v1/raise' THEN
            body := '{"fine":true}';
        WHEN routes[i] = 'POST /v1/answer' AND word = 'none' THEN
            CONTINUE;
        WHEN routes[i] = 'POST /v1/answer' AND word = 'stranger' THEN
            trace_id := 'somebody else';
        WHEN routes[i] = 'POST /v1/answer' AND word = 'null' THEN
            status := NULL;
        WHEN routes[i] = 'POST /v1/answer' AND word = '204' THEN
            status := 204;
        WHEN routes[i] = 'POST /v1/answer' AND word = '304' THEN
            status := 304; headers := E'etag: "x"\n';
        WHEN routes[i] = 'POST /v1/answer' AND word = 'headers' THEN
            headers := E'content-type: text/plain\nlink: <https://x/>; rel="next"\nset-cookie: a=1\nset-cookie: b=2\ncache-control: max-age=60\n'
                       'connection: upgrade\ncontent-length: 3\nX-Bad: upper\nbad value: x\nx-ok: fine';
            body := 'plain';
        WHEN routes[i] LIKE 'GET /v1/big/%' THEN
            headers := E'content-type: text/plain\n';
            body := convert_to(repeat('x', encode(params[i], 'escape')::int), 'UTF8');
        END CASE;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION sft_api.finish(ids uuid[]) RETURNS TABLE (id uuid, status int, headers text, body bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO stub.finishes VALUES (cardinality(ids));
    RETURN QUERY SELECT r.id, 201, NULL::text,
            convert_to(jsonb_build_object('id', r.id, 'body', encode(r.body, 'escape'),
                'committed', pg_xact_status(r.xid) = 'committed')::text, 'UTF8')
        FROM stub.records r WHERE r.id = ANY (ids) ORDER BY r.id;
END $$;

CREATE OR REPLACE FUNCTION stub.change(topic text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stub.versions VALUES (topic, 1) ON CONFLICT ON CONSTRAINT versions_pkey DO UPDATE SET version = versions.version + 1;
    SELECT pg_notify('sft_changes', 'server/' || topic);
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sft_api FROM PUBLIC;
GRANT USAGE ON SCHEMA sft_api TO sft_gateway;
GRANT SELECT ON sft_api.route TO sft_gateway;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sft_api TO sft_gateway;
COMMIT;
