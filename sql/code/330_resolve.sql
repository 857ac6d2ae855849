-- SPDX-License-Identifier: PostgreSQL
-- 330_resolve.sql - how a user reaches what a name means: servers, bastions before them, as whom; and the user's certificates.

CREATE FUNCTION sft_core.reachable(who sft.actor, name text) RETURNS SETOF sft.servers
LANGUAGE sql STABLE ROWS 2 AS $$
    SELECT (f.found).* FROM sft_core.servers_named(who.team_id, reachable.name) n
     CROSS JOIN LATERAL (SELECT y AS found FROM sft.servers y WHERE y.team_id = who.team_id AND y.id = n OFFSET 0) f
     CROSS JOIN LATERAL (SELECT (f.found).*) v
     CROSS JOIN LATERAL (SELECT sft_core.server_name_of(reachable.name) AS key) k
     WHERE sft_core.may_enter(v.team_id, v.project_id, v.label_values, who.user_id)
     ORDER BY CASE WHEN v.id::text = k.key OR sft_core.server_name_of(v.canonical_name) = k.key THEN 1
                   WHEN sft_core.server_name_of(v.hostname) = k.key THEN 2
                   WHEN k.key = ANY (SELECT sft_core.server_name_of(x) FROM unnest(v.alt_names) x) THEN 3 ELSE 4 END, v.id
$$;
COMMENT ON FUNCTION sft_core.reachable(sft.actor, text) IS 'The servers that a user may use and that a name means, best first: by id or canonical name, hostname, alternative name, address.';

CREATE FUNCTION sft_core.bastions_of(who sft.actor, target sft.servers, OUT hops sft.servers[], OUT error text, OUT message text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    here sft.servers := target; seen uuid[] := ARRAY[target.id]; next sft.servers;
BEGIN
    hops := '{}';
    WHILE here.bastion IS NOT NULL LOOP
        SELECT * INTO next FROM sft_core.reachable(who, here.bastion) LIMIT 1;
        IF next.id IS NULL THEN
            error := 'bastion_unknown';
            message := format('%s is reached through %s, and you can reach no server of that name.', here.hostname, here.bastion);
        ELSIF next.id = ANY (seen) OR cardinality(seen) > 8 THEN
            error := 'bastion_loop';
            message := format('The bastions of %s lead in a circle, or are more than 8.', target.hostname);
        END IF;
        EXIT WHEN error IS NOT NULL;
        hops := next || hops; seen := seen || next.id; here := next;
    END LOOP;
END $$;
COMMENT ON FUNCTION sft_core.bastions_of(sft.actor, sft.servers) IS 'The servers through which a server is reached, the first hop first; each is one that the user may use. In the row: bastion_unknown, bastion_loop.';

CREATE FUNCTION sft_core.access_methods(who sft.actor, v sft.servers) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(jsonb_build_object('identity', sft_core.account_of(p, u.server_user_name, x.admin),
               'access_credential', CASE WHEN x.admin THEN 'ssh-certificate-admin' ELSE 'ssh-certificate' END, 'brokered', false,
               'short_text', CASE WHEN x.admin THEN 'admin' ELSE 'standard' END, 'server_id', v.id, 'server_host_name', v.hostname,
               'conditionals', CASE WHEN p.forward_traffic OR p.ssh_session_recording THEN jsonb_build_array(jsonb_build_object('condition_is_met', false,
                   'type', CASE WHEN p.ssh_session_recording THEN 'gateway_with_session_recording' ELSE 'gateway' END,
                   'description', 'Connections go through a gateway, and this platform has none.')) ELSE '[]' END))
      FROM sft.projects p JOIN sft.users u ON u.team_id = p.team_id AND u.id = who.user_id
     CROSS JOIN LATERAL (
         SELECT coalesce(bool_or(pg.server_admin), false) AS admin FROM sft.group_members m
           JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id AND pg.project_id = p.id
          WHERE m.team_id = p.team_id AND m.user_id = u.id AND sft_core.selected(pg.servers_match, v.label_values)) x
     WHERE p.team_id = v.team_id AND p.id = v.project_id
$$;
COMMENT ON FUNCTION sft_core.access_methods(sft.actor, sft.servers) IS 'As whom a user may use a server.';

CREATE FUNCTION sft_core.resolve_one(who sft.actor, name text, with_methods boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    candidates sft.servers[] := ARRAY(SELECT v FROM sft_core.reachable(who, name) v);
    result     jsonb := jsonb_build_object('name', name, 'servers', jsonb_build_array(), 'user_access_methods', jsonb_build_array());
    way        record;
BEGIN
    IF cardinality(candidates) <> 1 THEN
        RETURN result || jsonb_build_object('ambiguous', cardinality(candidates) > 1,
            'servers', (SELECT coalesce(jsonb_agg(sft_core.server_json(c) ORDER BY (c).id), '[]') FROM unnest(candidates) c));
    END IF;
    SELECT * INTO way FROM sft_core.bastions_of(who, candidates[1]);
    IF way.error IS NOT NULL THEN
        RETURN result || jsonb_build_object('ambiguous', false, 'error', way.error, 'message', way.message);
    END IF;
    RETURN result || jsonb_build_object('ambiguous', false,
        'servers', (SELECT coalesce(jsonb_agg(sft_core.server_json(way.hops[i]) ORDER BY i), '[]') FROM generate_subscripts(way.hops, 1) i)
                   || sft_core.server_json(candidates[1]),
        'client_config_options', (SELECT coalesce(jsonb_object_agg(c.config_key, c.config_value), '{}') FROM sft.client_config_options c
                                   WHERE c.team_id = who.team_id AND c.project_id = (candidates[1]).project_id),
        'user_access_methods', CASE WHEN with_methods THEN sft_core.access_methods(who, candidates[1]) ELSE '[]' END);
END $$;
COMMENT ON FUNCTION sft_core.resolve_one(sft.actor, text, boolean) IS 'How a user reaches a server by a name: the bastions and then the server; several that have the name: ambiguous; none: not ours, or not theirs.';

CREATE FUNCTION sft_api.resolve(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    names text[] := sft_core.maybe_texts(req.body, 'names', 16);
    with_methods boolean := coalesce(sft_core.maybe_bool(req.body, 'include_user_access_methods'), false);
BEGIN
    IF cardinality(names) = 0 THEN
        PERFORM sft_core.refuse(400, 'names_missing', 'The field names is missing.');
    END IF;
    RETURN sft_core.statement('resolve', req, true, 0, convert_to(jsonb_build_object('results', (
        SELECT jsonb_agg(sft_core.resolve_one(req.actor, n, with_methods) ORDER BY o)
          FROM unnest(names) WITH ORDINALITY u (n, o)))::text, 'UTF8'));
END $$;
COMMENT ON FUNCTION sft_api.resolve(sft.request) IS 'What names mean to the user: servers, and how they may be reached. Fields that the product has and we do not are ignored. Refuses: names_missing, names_format, include_user_access_methods_format.';

CREATE FUNCTION sft_api.credential_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    mark sft_core.entry := sft_core.page_mark(req, ARRAY(SELECT (sft_core.time_key(c.created_at), c.request_id)::sft_core.entry
             FROM sft.credentials c WHERE c.team_id = (req.actor).team_id AND c.user_id = (req.actor).user_id
              AND c.request_id = CASE WHEN sft_core.is_uuid(req.query->>'offset') THEN (req.query->>'offset')::uuid END));
    page sft_core.page; last_at timestamptz; last_id uuid;
BEGIN
    last_at := sft_core.maybe_time(jsonb_build_object('offset', mark.key || 'Z'), 'offset');      -- a cursor is what anybody may write
    last_id := sft_core.uuid_of(mark.id);
    IF mark.id IS NOT NULL AND (last_at IS NULL OR last_id IS NULL) THEN
        PERFORM sft_core.wrong('offset', 'is what the last page''s Link gave, or the id of an item of the list');
    END IF;
    -- a ledger: only as much of it is read as the page needs, and only onward
    page := sft_core.page_of(req, ARRAY(
        SELECT (sft_core.time_key(c.created_at), c.request_id)::sft_core.entry FROM sft.credentials c
         WHERE c.team_id = who.team_id AND c.user_id = who.user_id AND (last_id IS NULL OR c.request_id = last_id
             OR (c.created_at, c.request_id) < (last_at, last_id))
         ORDER BY c.created_at DESC, c.request_id DESC LIMIT sft_core.page_count(req) + 2), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.credential_json(c::sft.credentials, NULL) || jsonb_build_object('created_at', sft_core.json_time(c.created_at), 'client_id', c.client_id)
          FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT x.* FROM sft.credentials x WHERE x.team_id = who.team_id AND x.request_id = i.id OFFSET 0) c ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.credential_list(sft.request) IS 'The user''s certificates, newest first, without their bytes. Refuses: count_format, offset_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, writes, proc) VALUES
    ('POST', '/v1/resolve',              16384, 'user', false, 'resolve'),
    ('GET',  '/v1/teams/{team}/credentials', 0, 'user', NULL,  'credential_list');
