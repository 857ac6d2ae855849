-- SPDX-License-Identifier: PostgreSQL
-- 910_routes.sql - the view of the routes, from the lines that each file in code/ has put into sft_core.routes (025).
-- A view of constants and not a table: under a statement that began before a deploy, a new table is empty.

DO $$
DECLARE
    lines text;
BEGIN
    SELECT string_agg(format('(%L, %L, %s, %L::boolean, %s, %L, %L::text[], %L::boolean, %L::boolean, %L, %L::regprocedure, %L::regprocedure)', r.method, r.path,
               r.max_body, r.batch, r.wait_s, r.auth, r.roles, coalesce(r.writes, r.method <> 'GET' AND r.auth NOT IN ('none', 'self')), r.product,
               r.method || ' ' || r.path, format('sft_api.%I(sft.request)', r.proc), 'sft_core.' || quote_ident(r.proc_set) || '(sft.request[])'),
               E',\n' ORDER BY r.batch DESC, r.auth = 'server' DESC, r.roles IS NULL DESC, r.path, r.method)      -- looked through from the top: the busy ones first
      INTO lines FROM sft_core.routes r;
    EXECUTE 'CREATE VIEW sft_api.route (method, path, max_body, batch, wait_s, auth, roles, writes, product, key, proc, proc_set) AS VALUES ' || lines;
END $$;
COMMENT ON VIEW sft_api.route IS 'The routes: method, path, limits, who may call, and the function that answers; key is method and path. The gateway reads the first five columns.';
DROP TABLE sft_core.routes;
