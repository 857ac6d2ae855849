-- SPDX-License-Identifier: PostgreSQL
-- 310_server_state.sql - what should be true on a server: one document with a version, signed, bound to the request.

CREATE FUNCTION sft_core.trust_json(authority_id uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('authority_id', authority_id, 'version', sft_core.trust_version(authority_id),
        'keys', (SELECT coalesce(jsonb_agg(jsonb_build_object('generation', k.generation, 'state', k.state, 'public_key', k.public_key, 'canary', k.canary) ORDER BY k.generation), '[]')
                   FROM sftca.keys k WHERE k.authority_id = trust_json.authority_id
                       AND k.state IN ('next', 'active', 'retiring')),
        'krl_version', sftca.krl_version(authority_id), 'krl', translate(encode(sftca.krl(authority_id), 'base64'), E'\n', ''));
END $$;
COMMENT ON FUNCTION sft_core.trust_json(uuid) IS 'What a server is to trust: keys with their canaries, and the revocation list.';

CREATE FUNCTION sft_core.state_users(v sft.servers, team text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    locked uuid[] := ARRAY(SELECT l.subject_id FROM sft.locks l WHERE l.team_id = v.team_id AND l.lifted_at IS NULL
        AND (l.expires_at IS NULL OR l.expires_at > now()));
    closed boolean := locked && ARRAY[v.id, v.project_id, v.team_id];
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(sft_core.account_json(u, team, w.own) || jsonb_build_object('admin', a.admin AND c.usable,
                   'principals', CASE WHEN c.usable THEN jsonb_build_array(u.server_user_name, v.id || ':' || u.server_user_name) ELSE '[]' END) ORDER BY u.server_user_name), '[]')
          FROM (SELECT m.user_id, bool_or(pg.server_admin) AS admin
                  FROM sft.project_groups pg JOIN sft.group_members m ON m.team_id = pg.team_id
                      AND m.group_id = pg.group_id
                 WHERE pg.team_id = v.team_id AND pg.project_id = v.project_id AND sft_core.selected(pg.servers_match, v.label_values) GROUP BY m.user_id) a
          CROSS JOIN LATERAL (SELECT x.* FROM sft.users x WHERE x.team_id = v.team_id AND x.id = a.user_id
              AND x.status <> 'DELETED' AND x.unix_uid IS NOT NULL OFFSET 0) u
          CROSS JOIN LATERAL (SELECT jsonb_object_agg(o.name, o.value) AS own FROM sft.attributes o
              WHERE o.team_id = v.team_id AND o.user_id = a.user_id AND NOT o.conflicting) w
          CROSS JOIN LATERAL (SELECT u.status = 'ACTIVE' AND NOT closed AND u.id <> ALL (locked) AS usable) c);
END $$;
COMMENT ON FUNCTION sft_core.state_users(sft.servers, text) IS 'The accounts of a server: those of users whose groups'' selectors pick it. Who is disabled or locked keeps the account and gets no principals and no sudo.';

CREATE FUNCTION sft_core.state_shared(v sft.servers, p sft.projects, team text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    admins bool[] := ARRAY(SELECT (u->>'admin')::boolean FROM jsonb_array_elements(sft_core.state_users(v, team)) u
        WHERE u->'principals' <> '[]');
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object('user_id', s.id, 'name', s.server_user_name, 'uid', s.unix_uid, 'gid', s.unix_uid,
                   'gecos', 'sft ' || team || '/' || p.name, 'shell', '/bin/bash', 'home', '/home/' || s.server_user_name, 'admin', k.admin AND k.admin = ANY (admins),
                   'principals', CASE WHEN k.admin = ANY (admins) THEN jsonb_build_array(s.server_user_name, v.id || ':' || s.server_user_name) ELSE '[]' END)
                   ORDER BY s.server_user_name), '[]')
          FROM (VALUES (p.shared_standard_user_name::text, false), (p.shared_admin_user_name::text, true)) k (name, admin)
          JOIN sft.shared_accounts s ON s.team_id = v.team_id AND s.project_id = v.project_id AND s.server_user_name = k.name);
END $$;
COMMENT ON FUNCTION sft_core.state_shared(sft.servers, sft.projects, text) IS 'The two accounts that everybody shares on a server. One that nobody may use now has no principals.';

CREATE FUNCTION sft_core.state_groups(v sft.servers) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object('name', g.server_group_name, 'gid', g.unix_gid, 'members',
                   (SELECT coalesce(jsonb_agg(u.server_user_name ORDER BY u.server_user_name), '[]')
                       FROM sft.group_members m JOIN sft.users u ON u.team_id = m.team_id AND u.id = m.user_id
                     WHERE m.team_id = g.team_id AND m.group_id = g.id AND u.status <> 'DELETED'
                         AND u.unix_uid IS NOT NULL)) ORDER BY g.server_group_name), '[]')
          FROM sft.project_groups pg JOIN sft.groups g ON g.team_id = pg.team_id AND g.id = pg.group_id
              AND g.unix_gid IS NOT NULL
         WHERE pg.team_id = v.team_id AND pg.project_id = v.project_id AND pg.create_server_group
           AND sft_core.selected(pg.servers_match, v.label_values));
END $$;
COMMENT ON FUNCTION sft_core.state_groups(sft.servers) IS 'The groups that a project creates on its servers, with members.';

CREATE FUNCTION sft_core.state_json(v sft.servers, version bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('version', version, 'must', jsonb_build_array('v1'), 'server_id', v.id, 'team',
            t.name, 'project', p.name, 'project_id', p.id,
            'issued_at', sft_core.json_time(now()), 'trust', sft_core.trust_json(p.user_authority_id), 'host_authority_id', p.host_authority_id, 'manage_users', p.create_server_users,
            'users', u.users, 'entitlements', sft_core.state_entitlements(v, u.users, p),
            'groups', CASE WHEN p.create_server_users AND NOT p.force_shared_ssh_users THEN sft_core.state_groups(v) ELSE '[]' END,
            'removals_confirmed', CASE WHEN v.removals_confirmed_version = version THEN v.removals_confirmed ELSE 0 END, 'end_logins', jsonb_build_array())
          FROM sft.projects p JOIN sft.teams t ON t.id = p.team_id
         CROSS JOIN LATERAL (SELECT CASE WHEN p.force_shared_ssh_users THEN sft_core.state_shared(v, p, t.name) ELSE sft_core.state_users(v, t.name) END AS users OFFSET 0) u
         WHERE p.team_id = v.team_id AND p.id = v.project_id);
END $$;
COMMENT ON FUNCTION sft_core.state_json(sft.servers, bigint) IS 'The document of docs/wire.md 8.';

CREATE FUNCTION sft_core.statement(purpose text, req sft.request, bound boolean, version bigint, body bytea,
    kind text DEFAULT 'application/json', headers text DEFAULT '') RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN (200, rtrim('content-type: ' || kind || E'\n' || headers || sftca.sign_statement(purpose, 200, req.target,
        CASE WHEN bound THEN req.signature END, version, body), E'\n') || E'\n',
            body, NULL, NULL, NULL)::sft.response;
END $$;
COMMENT ON FUNCTION sft_core.statement(text, sft.request, boolean, bigint, bytea, text, text) IS 'An answer that the platform signs; bound: to the request''s signature. Its transaction has written nothing.';

CREATE FUNCTION sft_api.server_state_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who     sft.actor := req.actor;
    version bigint := sft_core.state_version(who.team_id, who.server_id);
    v       sft.servers;
BEGIN
    IF sft_core.query_number(req.query, 'after', 0, 1000000000000000) = version THEN
        RETURN (NULL, NULL, NULL, ARRAY['server/' || who.server_id, 'project/' || who.project_id, 'team/'
            || who.team_id], NULL, NULL)::sft.response;
    END IF;
    SELECT x.* INTO STRICT v FROM sft.servers x WHERE x.team_id = who.team_id AND x.id = who.server_id;
    RETURN sft_core.statement('state', req, true, version, convert_to(sft_core.state_json(v, version)::text, 'UTF8'));
END $$;
COMMENT ON FUNCTION sft_api.server_state_show(sft.request) IS 'What should be true on the server, or a wait when it has that version. The version is read before the content: content may be newer than its version, never older. Refuses: after_format.';

INSERT INTO sft_core.routes (method, path, wait_s, auth, proc) VALUES
    ('GET', '/v1/server/state', 30, 'server', 'server_state_show');
