-- SPDX-License-Identifier: PostgreSQL
-- 330_resolve.sql - what a user can reach: names, lists of servers, projects and credentials.

CREATE FUNCTION sft_core.resolve_one(who sft.actor, name text, with_methods boolean) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    WITH usable AS (
        SELECT v AS server, v.id, coalesce(bool_or(pg.server_admin), false) AS admin
          FROM sft_core.servers_named(who.team_id, resolve_one.name) n
          JOIN sft.servers v ON v.team_id = who.team_id AND v.id = n
          JOIN sft.project_groups pg ON pg.team_id = v.team_id AND pg.project_id = v.project_id
          JOIN sft.group_members m ON m.team_id = pg.team_id AND m.group_id = pg.group_id AND m.user_id = who.user_id
         GROUP BY v.id, v)
    SELECT jsonb_build_object('name', resolve_one.name, 'servers',
        coalesce(jsonb_agg(sft_core.server_json(x.server) ORDER BY x.id), '[]'),
        'user_access_methods', CASE WHEN with_methods THEN coalesce(jsonb_agg(jsonb_build_object('identity', u.server_user_name,
            'access_credential', CASE WHEN x.admin THEN 'ssh-certificate-admin' ELSE 'ssh-certificate' END, 'server_id', x.id, 'brokered', false) ORDER BY x.id), '[]') ELSE '[]' END)
      FROM usable x JOIN sft.users u ON u.team_id = who.team_id AND u.id = who.user_id
$$;
COMMENT ON FUNCTION sft_core.resolve_one(sft.actor, text, boolean) IS 'The servers that a user can reach by a name, and as whom; several: ambiguous; none: not ours, or not theirs.';

CREATE FUNCTION sft_api.resolve(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    names text[];
BEGIN
    PERFORM sft_core.only_fields(req.body, 'names', 'include_user_access_methods');
    names := sft_core.maybe_texts(req.body, 'names', 16);
    IF cardinality(names) = 0 THEN
        PERFORM sft_core.refuse(400, 'names_missing', 'The field names is missing.');
    END IF;
    RETURN sft_core.statement('resolve', req, true, 0, convert_to(jsonb_build_object('results', (
        SELECT jsonb_agg(sft_core.resolve_one(req.actor, n,
            coalesce(sft_core.maybe_bool(req.body, 'include_user_access_methods'), false)) ORDER BY o)
          FROM unnest(names) WITH ORDINALITY u (n, o)))::text, 'UTF8'));
END $$;
COMMENT ON FUNCTION sft_api.resolve(sft.request) IS 'What names mean to the user: servers, and how they may be reached. Refuses: names_missing, names_format, include_user_access_methods_format.';

CREATE FUNCTION sft_api.server_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (v.hostname, v.id)::sft_core.entry
          FROM sft.servers v JOIN sft.projects p ON p.team_id = v.team_id AND p.id = v.project_id
         WHERE v.team_id = who.team_id AND v.deleted_at IS NULL AND sft_core.may_use(v.team_id, v.project_id, who.user_id)
           AND (sft_core.query_text(req.query, 'project_name') IS NULL OR lower(p.name) = lower(req.query->>'project_name'))
           AND (sft_core.query_text(req.query, 'hostname') IS NULL OR v.hostname = lower(req.query->>'hostname'))));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.server_json(v) FROM unnest(page.ids) WITH ORDINALITY i (id, o)
          JOIN sft.servers v ON v.team_id = who.team_id AND v.id = i.id::uuid ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.server_list(sft.request) IS 'The servers of the user''s projects by hostname. Refuses: count_format, offset_format, descending_format, prev_format.';

CREATE FUNCTION sft_core.project_json(p sft.projects, team text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (p).id, 'name', (p).name, 'team', team, 'deleted_at',
    sft_core.json_time((p).deleted_at), 'create_server_users', (p).create_server_users,
    'next_unix_uid', (p).next_unix_uid, 'next_unix_gid', (p).next_unix_gid, 'ssh_certificate_type', (p).ssh_certificate_type,
    'force_shared_ssh_users', false, 'shared_standard_user_name', NULL, 'shared_admin_user_name', NULL, 'require_preauth_for_creds', false, 'user_on_demand_period', NULL,
    'forward_traffic', false, 'ssh_session_recording', false, 'rdp_session_recording', false, 'host_authority_id', (p).host_authority_id,
    'user_authority_id', (p).user_authority_id, 'x509_authority_id', (p).x509_authority_id);
COMMENT ON FUNCTION sft_core.project_json(sft.projects, text) IS 'A project as answers show it; what the platform cannot do yet is off.';

CREATE FUNCTION sft_api.project_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(p.name), p.id)::sft_core.entry FROM sft.projects p
         WHERE p.team_id = who.team_id AND p.deleted_at IS NULL AND sft_core.may_use(p.team_id, p.id, who.user_id)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.project_json(p, t.name) FROM unnest(page.ids) WITH ORDINALITY i (id, o)
          JOIN sft.projects p ON p.team_id = who.team_id AND p.id = i.id::uuid JOIN sft.teams t ON t.id = p.team_id ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.project_list(sft.request) IS 'The user''s projects by name. Refuses: count_format, offset_format, descending_format, prev_format.';

CREATE FUNCTION sft_api.credential_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    mark sft_core.entry := sft_core.page_mark(req, ARRAY(SELECT (sft_core.time_key(c.created_at), c.request_id)::sft_core.entry
             FROM sft.credentials c WHERE c.team_id = (req.actor).team_id AND c.user_id = (req.actor).user_id
              AND c.request_id = CASE WHEN sft_core.is_uuid(req.query->>'offset') THEN (req.query->>'offset')::uuid END));
    page sft_core.page;
BEGIN
    -- a ledger: only as much of it is read as the page needs, and only onward
    page := sft_core.page_of(req, ARRAY(
        SELECT (sft_core.time_key(c.created_at), c.request_id)::sft_core.entry FROM sft.credentials c
         WHERE c.team_id = who.team_id AND c.user_id = who.user_id AND (mark.id IS NULL OR c.request_id = mark.id::uuid
             OR (c.created_at, c.request_id) < ((mark.key || 'Z')::timestamptz, mark.id::uuid))
         ORDER BY c.created_at DESC, c.request_id DESC LIMIT sft_core.page_count(req) + 2), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.credential_json(c, NULL) || jsonb_build_object('created_at', sft_core.json_time(c.created_at), 'client_id', c.client_id)
          FROM unnest(page.ids) WITH ORDINALITY i (id, o)
          JOIN sft.credentials c ON c.team_id = who.team_id AND c.request_id = i.id::uuid ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.credential_list(sft.request) IS 'The user''s certificates, newest first, without their bytes. Refuses: count_format, offset_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, writes, proc) VALUES
    ('POST', '/v1/resolve',               16384, 'user',   NULL, false, false, 'resolve'),
    ('GET',  '/v1/teams/{team}/servers',      0, 'member', '{access_user,access_admin,authenticated_client,reporting_user,server_admin}', true, NULL, 'server_list'),
    ('GET',  '/v1/teams/{team}/projects',     0, 'member', '{access_user,access_admin,authenticated_client,reporting_user}', true, NULL, 'project_list'),
    ('GET',  '/v1/teams/{team}/credentials',  0, 'user',   NULL, false, NULL, 'credential_list');
