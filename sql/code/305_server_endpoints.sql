-- SPDX-License-Identifier: PostgreSQL
-- 305_server_endpoints.sql - servers over HTTP: lists and filters, labels, servers without an agent, and who has which account on them.

CREATE FUNCTION sft_core.sees_servers(by sft.actor) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT sft_core.has_role((by).team_id, (by).user_id, 'access_admin', 'reporting_user', 'server_admin')
$$;
COMMENT ON FUNCTION sft_core.sees_servers(sft.actor) IS 'Whether a caller sees every server of the team; others see those that they may use.';

-- The one list of servers: a team's (project_id null) or a project's. What is not asked for is no work: each filter is a constant to the plan.
CREATE FUNCTION sft_core.server_entries(req sft.request, project_id uuid) RETURNS sft_core.entry[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who   sft.actor := req.actor;
    q     jsonb := req.query;
    mine  boolean := NOT sft_core.sees_servers(req.actor) OR sft_core.query_flag(req.query, 'credentialed');
    match jsonpath := sft_core.selector_path(sft_core.selector_parse('selector', sft_core.query_text(req.query, 'selector')));
    wanted_state text := sft_core.query_one_of(req.query, 'state', 'ACTIVE', 'INACTIVE');
    with_agent boolean := CASE WHEN sft_core.query_text(req.query, 'managed') IS NOT NULL THEN sft_core.query_flag(req.query, 'managed') END;
    elsewhere boolean := sft_core.query_text(req.query, 'cloud_provider') IS NOT NULL OR sft_core.query_text(req.query, 'instance_id') IS NOT NULL;
BEGIN
    IF sft_core.query_text(q, 'project_name') IS NOT NULL THEN
        project_id := coalesce((SELECT p.id FROM sft.projects p WHERE p.team_id = who.team_id AND lower(p.name) = lower(q->>'project_name') AND p.deleted_at IS NULL
            AND (server_entries.project_id IS NULL OR p.id = server_entries.project_id)), '00000000-0000-0000-0000-000000000000');
    END IF;
    RETURN ARRAY(
        SELECT (v.hostname, v.id)::sft_core.entry
          FROM sft.servers v LEFT JOIN sft.server_reports r ON r.team_id = v.team_id AND r.server_id = v.id
         WHERE v.team_id = who.team_id AND v.deleted_at IS NULL AND (server_entries.project_id IS NULL OR v.project_id = server_entries.project_id)
           AND NOT elsewhere AND (with_agent IS NULL OR v.managed = with_agent) AND sft_core.selected(match, v.label_values)
           AND (sft_core.query_text(q, 'hostname') IS NULL OR v.hostname = lower(q->>'hostname'))
           AND (sft_core.query_text(q, 'canonical_name') IS NULL OR v.canonical_name = lower(q->>'canonical_name'))
           AND (sft_core.query_text(q, 'bastion') IS NULL OR lower(v.bastion) = lower(q->>'bastion'))
           AND (sft_core.query_text(q, 'id') IS NULL OR v.id = sft_core.uuid_of(q->>'id'))
           AND (sft_core.query_text(q, 'alt_names_contains') IS NULL OR EXISTS (SELECT FROM unnest(v.alt_names) n WHERE position(lower(q->>'alt_names_contains') IN n) > 0))
           AND sft_core.name_matches(q, v.hostname)
           AND (wanted_state IS NULL OR sft_core.server_state(v, r.reported_at) = wanted_state)
           AND (NOT mine OR EXISTS (
                   SELECT FROM sft.group_members m JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id AND pg.project_id = v.project_id
                    WHERE m.team_id = who.team_id AND m.user_id = who.user_id AND sft_core.selected(pg.servers_match, v.label_values))));
END $$;
COMMENT ON FUNCTION sft_core.server_entries(sft.request, uuid) IS 'The servers that a request lists: of the team or one project, that the caller may see, past the filters. The platform knows no server''s cloud, so filters on that find none. Refuses: selector_format, state_format, managed_format, credentialed_format.';

CREATE FUNCTION sft_core.server_page(req sft.request, page sft_core.page) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.server_json(v) AS item FROM sft.servers v WHERE v.team_id = (req.actor).team_id AND v.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_core.server_page(sft.request, sft_core.page) IS 'A page of servers.';

CREATE FUNCTION sft_api.server_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.server_page(req, sft_core.page_of(req, sft_core.server_entries(req, NULL)));
END $$;
COMMENT ON FUNCTION sft_api.server_list(sft.request) IS 'The team''s servers by hostname: all for admins and reporters, those that they may use for others and with credentialed. Refuses: selector_format, state_format, count_format, offset_format, descending_format, prev_format.';

CREATE FUNCTION sft_api.project_server_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p sft.projects := sft_core.project_seen(req.actor, req.params[2], 'server_admin');
BEGIN
    RETURN sft_core.server_page(req, sft_core.page_of(req, sft_core.server_entries(req, p.id), usual => 1000));
END $$;
COMMENT ON FUNCTION sft_api.project_server_list(sft.request) IS 'A project''s servers by hostname. Refuses: project_unknown and what the list of the team refuses.';

CREATE FUNCTION sft_core.server_of(by sft.actor, id text, project_id uuid DEFAULT NULL) RETURNS sft.servers
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v sft.servers;
BEGIN
    SELECT x.* INTO v FROM sft.servers x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(server_of.id) AND x.deleted_at IS NULL
        AND (server_of.project_id IS NULL OR x.project_id = server_of.project_id);
    IF v.id IS NULL OR NOT (sft_core.sees_servers(by) OR sft_core.may_enter(v.team_id, v.project_id, v.label_values, (by).user_id)) THEN
        PERFORM sft_core.refuse(404, 'server_unknown', 'There is no such server.');
    END IF;
    RETURN v;
END $$;
COMMENT ON FUNCTION sft_core.server_of(sft.actor, text, uuid) IS 'A server that the caller may see. Refuses: server_unknown.';

CREATE FUNCTION sft_core.project_server(req sft.request) RETURNS sft.servers
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.server_of(req.actor, req.params[3], (sft_core.project_seen(req.actor, req.params[2], 'server_admin')).id);
END $$;
COMMENT ON FUNCTION sft_core.project_server(sft.request) IS 'The server of a path with project and id. Refuses: project_unknown, server_unknown.';

CREATE FUNCTION sft_api.server_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    v sft.servers := sft_core.server_of(req.actor, req.params[2]);
BEGIN
    IF req.body ? 'labels' THEN
        PERFORM sft_core.server_labels_set(req.actor, v.team_id, v.id, sft_core.api_labels_of(req.body));
    END IF;
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.server_update(sft.request) IS 'Replaces the labels of a server that were set over the API; those of its agent stay. Refuses: server_unknown, labels_format.';

CREATE FUNCTION sft_api.project_server_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    v sft.servers := sft_core.project_server(req);
BEGIN
    IF req.body ? 'labels' THEN
        PERFORM sft_core.server_labels_set(req.actor, v.team_id, v.id, sft_core.api_labels_of(req.body));
    END IF;
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_server_update(sft.request) IS 'The same for a server named by its project. Refuses: project_unknown, server_unknown, labels_format.';

CREATE FUNCTION sft_api.project_server_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2], 'server_admin');
    made uuid := sft_core.unmanaged_server_create(req.actor, p.team_id, p.id, req.body);
BEGIN
    RETURN sft_core.reply(200, (SELECT sft_core.server_json(v) FROM sft.servers v WHERE v.team_id = p.team_id AND v.id = made));
END $$;
COMMENT ON FUNCTION sft_api.project_server_create(sft.request) IS 'Writes down a server without an agent. Refuses: project_unknown, hostname_missing, host_name_format, alt_names_format, access_address_format, ssh_port_format, ssh_host_keys_format, labels_format.';

CREATE FUNCTION sft_api.project_server_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.server_json(sft_core.project_server(req)));
END $$;
COMMENT ON FUNCTION sft_api.project_server_show(sft.request) IS 'A server. Refuses: project_unknown, server_unknown.';

CREATE FUNCTION sft_api.project_server_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    v sft.servers := sft_core.project_server(req);
BEGIN
    PERFORM sft_core.server_remove(req.actor, v.team_id, v.id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_server_delete(sft.request) IS 'Removes a server; its agent is told at once. Refuses: project_unknown, server_unknown.';

-- Server users: who has which account on a project's servers -----------------------------------
CREATE FUNCTION sft_core.server_user_json(p sft.projects, u sft.users, admin boolean) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (u).id, 'user_name', (u).name, 'server_user_name', sft_core.account_of(p, (u).server_user_name, admin),
    'windows_server_user_name', NULL, 'unix_uid', (u).unix_uid, 'unix_gid', (u).unix_uid, 'admin', admin, 'status', (u).status, 'type', (u).user_type)
    || CASE WHEN NOT (p).force_shared_ssh_users THEN '{}' ELSE (
           SELECT jsonb_build_object('unix_uid', a.unix_uid, 'unix_gid', a.unix_uid) FROM sft.shared_accounts a
            WHERE a.team_id = (p).team_id AND a.project_id = (p).id AND a.server_user_name = sft_core.account_of(p, NULL, admin)) END;
COMMENT ON FUNCTION sft_core.server_user_json(sft.projects, sft.users, boolean) IS 'A user''s account in a project as answers show it; admin: on some of its servers at least.';

CREATE FUNCTION sft_core.server_users(p sft.projects, user_id uuid DEFAULT NULL) RETURNS TABLE (id uuid, name text, item jsonb)
LANGUAGE sql STABLE AS $$
    SELECT u.id, u.name::text, sft_core.server_user_json(p, u, a.admin)
      FROM (SELECT m.user_id, bool_or(pg.server_admin) AS admin
              FROM sft.project_groups pg JOIN sft.group_members m ON m.team_id = pg.team_id AND m.group_id = pg.group_id
             WHERE pg.team_id = p.team_id AND pg.project_id = p.id AND (server_users.user_id IS NULL OR m.user_id = server_users.user_id)
             GROUP BY m.user_id) a
      JOIN sft.users u ON u.team_id = p.team_id AND u.id = a.user_id AND u.status <> 'DELETED'
$$;
COMMENT ON FUNCTION sft_core.server_users(sft.projects, uuid) IS 'The users of a project with their accounts, or one of them.';

CREATE FUNCTION sft_api.server_user_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (lower(s.name), s.id)::sft_core.entry FROM sft_core.server_users(p) s
                                         WHERE sft_core.name_matches(req.query, s.name)), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT s.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o), LATERAL sft_core.server_users(p, i.id) s ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.server_user_list(sft.request) IS 'Who has which account on a project''s servers, by user name. Refuses: project_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.server_user_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p     sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    items jsonb[];
BEGIN
    items := ARRAY(SELECT s.item FROM sft_core.server_users(p, (SELECT u.id FROM sft.users u WHERE u.team_id = p.team_id AND lower(u.name) = lower(req.params[3]))) s
                    WHERE lower(s.name) = lower(req.params[3]));
    IF cardinality(items) = 0 THEN
        PERFORM sft_core.refuse(404, 'server_user_unknown', format('%s has no account in this project.', left(req.params[3], 64)));
    END IF;
    RETURN sft_core.reply(200, jsonb_build_object('list', items[1]));
END $$;
COMMENT ON FUNCTION sft_api.server_user_show(sft.request) IS 'A user''s account on a project''s servers; the one object stands under list, as the product has it. Refuses: project_unknown, server_user_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/servers',                                     0, 'member', '{access_user,access_admin,authenticated_client,reporting_user,server_admin}', true, 'server_list'),
    ('PUT',    '/v1/teams/{team}/servers/{server_id}',                     65536, 'member', '{access_admin,server_admin}', true, 'server_update'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/servers',             0, 'member', '{access_admin,server_admin,access_user}', true, 'project_server_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/servers',         65536, 'member', '{access_admin,server_admin}', true, 'project_server_create'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/servers/{server_id}', 0, 'member', '{access_admin,server_admin,access_user}', true, 'project_server_show'),
    ('PUT',    '/v1/teams/{team}/projects/{project_name}/servers/{server_id}', 65536, 'member', '{access_admin,server_admin}', true, 'project_server_update'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/servers/{server_id}', 4096, 'member', '{access_admin,server_admin}', true, 'project_server_delete'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/server_users',        0, 'member', '{access_admin,reporting_user,access_user}', true, 'server_user_list'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/server_users/{user_name}', 0, 'member', '{access_admin,reporting_user,access_user}', true, 'server_user_show');
