-- SPDX-License-Identifier: PostgreSQL
-- 025_routes.sql - what can be called over HTTP. Each noun's file adds its own lines to this table; 910 makes the view sft_api.route of them and drops it.

CREATE TABLE sft_core.routes (
    method   text    NOT NULL,
    path     text    NOT NULL,
    max_body int     NOT NULL DEFAULT 0,
    batch    boolean NOT NULL DEFAULT false,
    wait_s   int     NOT NULL DEFAULT 0,
    auth     text    NOT NULL CONSTRAINT route_auth_unknown CHECK (auth IN ('none', 'self', 'client', 'user', 'member', 'server')),
    roles    text[]  CONSTRAINT route_role_unknown
             CHECK (roles <@ ARRAY['access_admin', 'access_user', 'reporting_user', 'server_admin', 'owners', 'everyone', 'authenticated_client']),
    writes   boolean,
    product  boolean NOT NULL DEFAULT false,
    proc     text    NOT NULL,
    proc_set text,
    CONSTRAINT route_taken PRIMARY KEY (method, path),
    CONSTRAINT route_roles_missing CHECK (CASE auth WHEN 'member' THEN roles IS NOT NULL AND roles <> '{}' WHEN 'client' THEN roles <> '{}' ELSE roles IS NULL END)
);
COMMENT ON TABLE sft_core.routes IS 'The routes: limits, who may call, and the function that answers. Filled by the files of the nouns.';
COMMENT ON COLUMN sft_core.routes.path IS 'With {name} segments; what they hold comes as req.params, in order. Of two paths that fit, the one with more literal segments counts.';
COMMENT ON COLUMN sft_core.routes.max_body IS 'Bytes; 0: no body.';
COMMENT ON COLUMN sft_core.routes.batch IS 'Several requests of this route may share one call; proc_set answers them.';
COMMENT ON COLUMN sft_core.routes.auth IS 'none; self: signed by the key in the body; client; user: a client with a live session; member: a user, or a service user with a bearer token; server.';
COMMENT ON COLUMN sft_core.routes.roles IS 'Who of the team''s members may call: any one of these. owners: members of that group; everyone: any member; authenticated_client: any who signs with a client. On a route for clients: a service user with one of them may call as well.';
COMMENT ON COLUMN sft_core.routes.writes IS 'The request_id is kept, so that a repeat is refused. Null: everything but GET that is signed.';
COMMENT ON COLUMN sft_core.routes.product IS 'Published by the product: its clients send unknown fields, other content types and repeated query values.';
COMMENT ON COLUMN sft_core.routes.proc IS 'The function in sft_api that answers.';
COMMENT ON COLUMN sft_core.routes.proc_set IS 'The function in sft_core that answers several requests.';
COMMENT ON CONSTRAINT route_taken ON sft_core.routes IS 'This route is there already.';
COMMENT ON CONSTRAINT route_auth_unknown ON sft_core.routes IS 'A route''s auth is none, self, client, user, member or server.';
COMMENT ON CONSTRAINT route_role_unknown ON sft_core.routes IS 'A route names roles that exist.';
COMMENT ON CONSTRAINT route_roles_missing ON sft_core.routes IS 'A route for members says which roles; one for clients may; no other does.';
