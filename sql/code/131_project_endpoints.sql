-- SPDX-License-Identifier: PostgreSQL
-- 131_project_endpoints.sql - projects and the groups in them, over HTTP.

CREATE FUNCTION sft_core.project_json(p sft.projects, team text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (p).id, 'name', (p).name, 'team', team, 'deleted_at', sft_core.json_time((p).deleted_at),
    'create_server_users', (p).create_server_users, 'certificate_ttl_s', (p).certificate_ttl_s, 'next_unix_uid', (p).next_unix_uid, 'next_unix_gid', (p).next_unix_gid,
    'ssh_certificate_type', (p).ssh_certificate_type, 'force_shared_ssh_users', (p).force_shared_ssh_users,
    'shared_standard_user_name', (p).shared_standard_user_name, 'shared_admin_user_name', (p).shared_admin_user_name,
    'require_preauth_for_creds', (p).require_preauth_for_creds, 'user_on_demand_period', (p).user_on_demand_period, 'forward_traffic', (p).forward_traffic,
    'ssh_session_recording', (p).ssh_session_recording, 'rdp_session_recording', (p).rdp_session_recording, 'host_authority_id', (p).host_authority_id,
    'user_authority_id', (p).user_authority_id, 'x509_authority_id', (p).x509_authority_id)
    || CASE WHEN (p).gateway_selector IS NULL THEN '{}' ELSE jsonb_build_object('gateway_selector', (p).gateway_selector) END;
COMMENT ON FUNCTION sft_core.project_json(sft.projects, text) IS 'A project as answers show it; gateway_selector only where it is set.';


CREATE FUNCTION sft_core.project_seen(by sft.actor, name text, VARIADIC also text[] DEFAULT '{}') RETURNS sft.projects
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p sft.projects;
BEGIN
    SELECT x.* INTO p FROM sft.projects x WHERE x.team_id = (by).team_id AND lower(x.name) = lower(project_seen.name) AND x.deleted_at IS NULL;
    IF p.id IS NULL OR NOT (sft_core.sees_all(by) OR sft_core.has_role((by).team_id, (by).user_id, VARIADIC also)
        OR sft_core.may_use((by).team_id, p.id, (by).user_id)) THEN
        PERFORM sft_core.refuse(404, 'project_unknown', format('There is no project named %s.', left(project_seen.name, 64)));
    END IF;
    RETURN p;
END $$;
COMMENT ON FUNCTION sft_core.project_seen(sft.actor, text, text[]) IS 'The project of a name, for who may see it: admins and reporters, further roles that are named, and users of their own projects. Refuses: project_unknown.';

CREATE FUNCTION sft_api.project_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    mine boolean := sft_core.query_flag(req.query, 'self') OR NOT sft_core.sees_all(req.actor);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(p.name), p.id)::sft_core.entry FROM sft.projects p
         WHERE p.team_id = who.team_id AND p.deleted_at IS NULL AND sft_core.name_matches(req.query, p.name)
           AND (NOT mine OR sft_core.may_use(p.team_id, p.id, who.user_id))));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.project_json(p, req.params[1]) AS item FROM sft.projects p WHERE p.team_id = who.team_id AND p.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.project_list(sft.request) IS 'Projects by name: the team''s for admins and reporters, the own ones for others and with self. Refuses: count_format, offset_format, descending_format, prev_format, self_format.';

CREATE FUNCTION sft_api.project_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who  sft.actor := req.actor;
    made uuid := sft_core.project_create(who, who.team_id, sft_core.need_text(req.body, 'name'), req.body - 'name');
BEGIN
    RETURN sft_core.reply(201, (SELECT sft_core.project_json(p, req.params[1]) FROM sft.projects p WHERE p.team_id = who.team_id AND p.id = made));
END $$;
COMMENT ON FUNCTION sft_api.project_create(sft.request) IS 'Makes a project; what the request leaves out is off. Refuses: name_missing, project_name_format, project_name_taken, <field>_format, ssh_certificate_type_unknown, shared_user_names_missing, shared_user_names_same, shared_user_name_taken, server_user_name_format, server_user_name_reserved.';

CREATE FUNCTION sft_api.project_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.project_json(sft_core.project_seen(req.actor, req.params[2]), req.params[1]));
END $$;
COMMENT ON FUNCTION sft_api.project_show(sft.request) IS 'A project. Refuses: project_unknown.';

CREATE FUNCTION sft_api.project_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p sft.projects := sft_core.project_seen(req.actor, req.params[2]);
BEGIN
    PERFORM sft_core.project_update(req.actor, p.team_id, p.id, req.body - 'name');
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_update(sft.request) IS 'Changes the settings that the request names; never the name. Refuses: project_unknown, ssh_certificate_type_fixed and what making one refuses.';

CREATE FUNCTION sft_api.project_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.project_delete(req.actor, (req.actor).team_id, (sft_core.project_seen(req.actor, req.params[2])).id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_delete(sft.request) IS 'Ends a project with all that is in it. Refuses: project_unknown.';

-- Groups of a project ---------------------------------------------------------------------------
CREATE FUNCTION sft_core.project_group_json(pg sft.project_groups) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', '', 'group', g.name, 'name', g.name, 'group_id', g.id, 'project', p.name, 'server_access', pg.server_access,
               'server_admin', pg.server_admin, 'create_server_group', pg.create_server_group, 'servers_selector', pg.servers_selector,
               'server_group_name', CASE WHEN pg.create_server_group THEN g.server_group_name END, 'unix_gid', CASE WHEN pg.create_server_group THEN g.unix_gid END,
               'profile_attributes', jsonb_build_object('unix_gid', g.unix_gid, 'unix_group_name', g.server_group_name, 'windows_group_name', NULL),
               'deleted_at', NULL, 'removed_at', NULL)
      FROM sft.groups g JOIN sft.projects p ON p.team_id = g.team_id AND p.id = pg.project_id
     WHERE g.team_id = pg.team_id AND g.id = pg.group_id
$$;
COMMENT ON FUNCTION sft_core.project_group_json(sft.project_groups) IS 'A group in a project as answers show it.';

CREATE FUNCTION sft_api.project_group_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(g.name), g.id)::sft_core.entry
          FROM sft.project_groups pg JOIN sft.groups g ON g.team_id = pg.team_id AND g.id = pg.group_id
         WHERE pg.team_id = p.team_id AND pg.project_id = p.id AND sft_core.name_matches(req.query, g.name)
           AND (NOT sft_core.query_flag(req.query, 'create_server_group') OR pg.create_server_group)
           AND (NOT sft_core.query_flag(req.query, 'has_selectors') OR pg.servers_selector IS NOT NULL)
           AND (NOT sft_core.query_flag(req.query, 'has_no_selectors') OR pg.servers_selector IS NULL)
           AND NOT sft_core.query_flag(req.query, 'disconnected_mode_on_only')), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.project_group_json(pg) AS item FROM sft.project_groups pg WHERE pg.team_id = p.team_id AND pg.project_id = p.id AND pg.group_id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.project_group_list(sft.request) IS 'The groups of a project by name. Refuses: project_unknown, <filter>_format, count_format, offset_format.';

CREATE FUNCTION sft_core.project_group_of(by sft.actor, project text, name text) RETURNS sft.project_groups
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p     sft.projects := sft_core.project_seen(by, project);
    pg    sft.project_groups;
BEGIN
    SELECT x.* INTO pg FROM sft.project_groups x JOIN sft.groups g ON g.team_id = x.team_id AND g.id = x.group_id
     WHERE x.team_id = p.team_id AND x.project_id = p.id AND lower(g.name) = lower(project_group_of.name) AND g.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_group_unknown', format('There is no group named %s in this project.', left(project_group_of.name, 64)));
    END IF;
    RETURN pg;
END $$;
COMMENT ON FUNCTION sft_core.project_group_of(sft.actor, text, text) IS 'A group in a project. Refuses: project_unknown, project_group_unknown.';

CREATE FUNCTION sft_core.project_group_put(by sft.actor, team_id uuid, project_id uuid, group_id uuid, b jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old sft.project_groups;
BEGIN
    PERFORM sft_core.fence(team_id);
    SELECT pg.* INTO old FROM sft.project_groups pg WHERE pg.team_id = project_group_put.team_id AND pg.project_id = project_group_put.project_id
        AND pg.group_id = project_group_put.group_id;
    PERFORM sft_core.project_group_set(by, team_id, project_id, group_id,
        coalesce(sft_core.maybe_bool(b, 'server_access'), old.server_access, false), coalesce(sft_core.maybe_bool(b, 'server_admin'), old.server_admin, false),
        coalesce(sft_core.maybe_bool(b, 'create_server_group'), old.create_server_group, false),
        CASE WHEN b ? 'servers_selector' THEN sft_core.maybe_selector(b, 'servers_selector') ELSE old.servers_selector END);
END $$;
COMMENT ON FUNCTION sft_core.project_group_put(sft.actor, uuid, uuid, uuid, jsonb) IS 'Puts a group into a project or changes it there; what the request leaves out stays. Refuses: <field>_format, project_group_rights_missing, servers_selector_format.';

CREATE FUNCTION sft_api.project_group_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p     sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    group_name text := coalesce(nullif(sft_core.maybe_text(req.body, 'group'), ''), sft_core.need_text(req.body, 'name'));
BEGIN
    PERFORM sft_core.project_group_put(req.actor, p.team_id, p.id, sft_core.group_id(p.team_id, group_name), req.body);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_group_create(sft.request) IS 'Puts a group into a project; again: changes it. Refuses: project_unknown, group_unknown, name_missing, <field>_format, project_group_rights_missing, servers_selector_format.';

CREATE FUNCTION sft_api.project_group_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.project_group_json(sft_core.project_group_of(req.actor, req.params[2], req.params[3])));
END $$;
COMMENT ON FUNCTION sft_api.project_group_show(sft.request) IS 'A group in a project. Refuses: project_unknown, project_group_unknown.';

CREATE FUNCTION sft_api.project_group_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    pg sft.project_groups := sft_core.project_group_of(req.actor, req.params[2], req.params[3]);
BEGIN
    PERFORM sft_core.project_group_put(req.actor, pg.team_id, pg.project_id, pg.group_id, req.body);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_group_update(sft.request) IS 'Changes how a group is in a project. Refuses: project_unknown, project_group_unknown, <field>_format, project_group_rights_missing, servers_selector_format.';

CREATE FUNCTION sft_api.project_group_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    pg sft.project_groups := sft_core.project_group_of(req.actor, req.params[2], req.params[3]);
BEGIN
    PERFORM sft_core.project_group_remove(req.actor, pg.team_id, pg.project_id, pg.group_id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.project_group_delete(sft.request) IS 'Takes a group out of a project. Refuses: project_unknown, project_group_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/projects',                                0, 'member', '{access_user,access_admin,authenticated_client,reporting_user}', true, 'project_list'),
    ('POST',   '/v1/teams/{team}/projects',                            16384, 'member', '{access_admin}', true, 'project_create'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}',                 0, 'member', '{access_user,access_admin,authenticated_client,reporting_user}', true, 'project_show'),
    ('PUT',    '/v1/teams/{team}/projects/{project_name}',             16384, 'member', '{access_admin}', true, 'project_update'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}',              4096, 'member', '{access_admin}', true, 'project_delete'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/groups',          0, 'member', '{access_user,access_admin,reporting_user}', true, 'project_group_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/groups',      16384, 'member', '{access_admin}', true, 'project_group_create'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/groups/{group_name}', 0, 'member', '{access_user,access_admin,reporting_user}', true, 'project_group_show'),
    ('PUT',    '/v1/teams/{team}/projects/{project_name}/groups/{group_name}', 16384, 'member', '{access_admin}', true, 'project_group_update'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/groups/{group_name}', 4096, 'member', '{access_admin}', true, 'project_group_delete');
