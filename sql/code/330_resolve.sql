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

CREATE FUNCTION sft_core.page_link(req sft.request, count bigint, after text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '<' || i.url || split_part(encode((req).target, 'escape'), '?', 1) || '?'
        || coalesce((SELECT string_agg(k || '=' || v, '&' ORDER BY k) || '&' FROM jsonb_each_text((req).query) q (k, v)
                      WHERE k NOT IN ('count', 'offset', 'prev') AND k ~ '^[a-z_]+$' AND v ~ '^[A-Za-z0-9._@-]*$'), '')
        || 'count=' || count || '&offset=' || after || E'>; rel="next"'
      FROM sft.instance i
$$;
COMMENT ON FUNCTION sft_core.page_link(sft.request, bigint, text) IS 'The Link to the next page of a list.';

CREATE FUNCTION sft_core.page(req sft.request, items jsonb[], ids text[], count bigint) RETURNS sft.response
LANGUAGE sql STABLE
RETURN CASE WHEN cardinality(items) > count
    THEN sft_core.reply(200, jsonb_build_object('list', to_jsonb(items[:count])), 'link: '
        || sft_core.page_link(req, count, ids[count]) || E'\n')
    ELSE sft_core.reply(200, jsonb_build_object('list', to_jsonb(items))) END;
COMMENT ON FUNCTION sft_core.page(sft.request, jsonb[], text[], bigint) IS 'A page of a list, from one item more than asked for; a Link only where something follows.';

CREATE FUNCTION sft_core.page_count(req sft.request) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN coalesce(sft_core.query_number((req).query, 'count', 1, 1000), 100);
COMMENT ON FUNCTION sft_core.page_count(sft.request) IS 'How many items a page has; 100 unless asked for. Refuses: count_format.';

CREATE FUNCTION sft_core.page_offset(req sft.request) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := nullif((req).query->>'offset', '');
BEGIN
    IF value IS NOT NULL AND NOT sft_core.is_uuid(value) THEN
        PERFORM sft_core.wrong('offset', 'is the id that the last page''s Link gave');
    END IF;
    RETURN value::uuid;
END $$;
COMMENT ON FUNCTION sft_core.page_offset(sft.request) IS 'The id after which a page starts, or null. Refuses: offset_format.';

CREATE FUNCTION sft_api.server_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who   sft.actor := req.actor;
    many  bigint := sft_core.page_count(req);
    after uuid := sft_core.page_offset(req);
    down  boolean := sft_core.query_flag(req.query, 'descending');
    mark  text := (SELECT v.hostname || ' ' || v.id FROM sft.servers v WHERE v.team_id = who.team_id AND v.id = after);
    items jsonb[]; ids text[];
BEGIN
    SELECT array_agg(sft_core.server_json(s.server) ORDER BY s.o), array_agg(s.id::text ORDER BY s.o) INTO items, ids
        FROM (
        SELECT v, v.id, row_number() OVER (ORDER BY CASE WHEN NOT down THEN v.hostname || ' ' || v.id END, CASE
            WHEN down THEN v.hostname || ' ' || v.id END DESC) AS o
          FROM sft.servers v JOIN sft.projects p ON p.team_id = v.team_id AND p.id = v.project_id
         WHERE v.team_id = who.team_id AND v.deleted_at IS NULL AND sft_core.may_use(v.team_id, v.project_id,
             who.user_id)
           AND (nullif(req.query->>'project_name', '') IS NULL OR lower(p.name) = lower(req.query->>'project_name'))
           AND (nullif(req.query->>'hostname', '') IS NULL OR v.hostname = lower(req.query->>'hostname'))
           AND (mark IS NULL OR CASE WHEN down THEN v.hostname || ' ' || v.id < mark ELSE v.hostname || ' '
               || v.id > mark END)
         ORDER BY 3 LIMIT many + 1) s (server, id, o);
    RETURN sft_core.page(req, coalesce(items, '{}'), ids, many);
END $$;
COMMENT ON FUNCTION sft_api.server_list(sft.request) IS 'The servers of the user''s projects by hostname. Refuses: count_format, offset_format, descending_format.';

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
    who   sft.actor := req.actor;
    many  bigint := sft_core.page_count(req);
    after uuid := sft_core.page_offset(req);
    mark  text := (SELECT lower(p.name) FROM sft.projects p WHERE p.team_id = who.team_id AND p.id = after);
    items jsonb[]; ids text[];
BEGIN
    SELECT array_agg(sft_core.project_json(s.p, s.team) ORDER BY lower(s.name)),
        array_agg(s.id::text ORDER BY lower(s.name)) INTO items, ids FROM (
        SELECT p, t.name::text AS team, p.id, p.name::text FROM sft.projects p JOIN sft.teams t ON t.id = p.team_id
         WHERE p.team_id = who.team_id AND p.deleted_at IS NULL AND sft_core.may_use(p.team_id, p.id, who.user_id)
             AND (mark IS NULL OR lower(p.name) > mark)
         ORDER BY lower(p.name) LIMIT many + 1) s;
    RETURN sft_core.page(req, coalesce(items, '{}'), ids, many);
END $$;
COMMENT ON FUNCTION sft_api.project_list(sft.request) IS 'The user''s projects by name. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_api.credential_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who   sft.actor := req.actor;
    many  bigint := sft_core.page_count(req);
    after uuid := sft_core.page_offset(req);
    mark  record;
    items jsonb[]; ids text[];
BEGIN
    SELECT c.created_at, c.request_id INTO mark FROM sft.credentials c WHERE c.team_id = who.team_id
        AND c.request_id = after;
    SELECT array_agg(sft_core.credential_json(s.c, NULL) || jsonb_build_object('created_at',
        sft_core.json_time(s.created_at), 'client_id', s.client_id) ORDER BY s.created_at DESC, s.id DESC),
           array_agg(s.id::text ORDER BY s.created_at DESC, s.id DESC) INTO items, ids FROM (
        SELECT c, c.created_at, c.client_id, c.request_id AS id FROM sft.credentials c
         WHERE c.team_id = who.team_id AND c.user_id = who.user_id AND (mark.created_at IS NULL
             OR (c.created_at, c.request_id) < (mark.created_at, mark.request_id))
         ORDER BY c.created_at DESC, c.request_id DESC LIMIT many + 1) s;
    RETURN sft_core.page(req, coalesce(items, '{}'), ids, many);
END $$;
COMMENT ON FUNCTION sft_api.credential_list(sft.request) IS 'The user''s certificates, newest first, without their bytes. Refuses: count_format, offset_format.';
