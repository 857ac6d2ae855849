-- SPDX-License-Identifier: PostgreSQL
-- 420_authorities.sql - a team's authorities and the generations of their keys: prepare, activate, retire.
-- The vault knows no team: an authority is a project's.

CREATE FUNCTION sft_core.authorities_of(team_id uuid) RETURNS TABLE (authority_id uuid, purpose text, project_id uuid,
    project text)
LANGUAGE sql STABLE AS $$
    SELECT a.id, a.purpose, p.id, p.name::text
      FROM sft.projects p CROSS JOIN LATERAL (VALUES (p.user_authority_id, 'ssh_user'), (p.host_authority_id, 'ssh_host'),
               (p.x509_authority_id, 'x509')) a (id, purpose)
     WHERE p.team_id = authorities_of.team_id AND p.deleted_at IS NULL
$$;
COMMENT ON FUNCTION sft_core.authorities_of(uuid) IS 'The authorities of a team''s live projects, three of each.';

CREATE TYPE sft_core.authority AS (id uuid, purpose text, project_id uuid, project text);
COMMENT ON TYPE sft_core.authority IS 'An authority and the project that it belongs to.';

CREATE FUNCTION sft_core.authority_need(team_id uuid, wanted text) RETURNS sft_core.authority
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_one sft_core.authority;
BEGIN
    SELECT a.* INTO found_one FROM sft_core.authorities_of(team_id) a
     WHERE a.authority_id = CASE WHEN sft_core.is_uuid(wanted) THEN wanted::uuid END;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN found_one;
END $$;
COMMENT ON FUNCTION sft_core.authority_need(uuid, text) IS 'The team''s authority of an id. Refuses: authority_unknown.';

CREATE FUNCTION sft_core.authority_json(a sft_core.authority) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', a.id, 'purpose', a.purpose, 'project_id', a.project_id, 'project_name', a.project,
        'algorithm', min(k.algorithm), 'created_at', sft_core.json_time(min(k.created_at)),
        'active_generation', max(k.generation) FILTER (WHERE k.state = 'active'),
        'next_generation', max(k.generation) FILTER (WHERE k.state = 'next'),
        'trust_version', sft_core.trust_version(a.id), 'krl_version', CASE WHEN a.purpose <> 'x509' THEN sftca.krl_version(a.id) END)
      FROM sftca.keys k WHERE k.authority_id = a.id
$$;
COMMENT ON FUNCTION sft_core.authority_json(sft_core.authority) IS 'An authority as answers show it.';

CREATE FUNCTION sft_core.key_json(authority_id uuid, generation int) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('authority_id', k.authority_id, 'generation', k.generation, 'state', k.state,
        'algorithm', k.algorithm, 'public_key', k.public_key, 'fingerprint', k.fingerprint,
        'certificate', k.certificate_pem, 'created_at', sft_core.json_time(k.created_at),
        'activated_at', sft_core.json_time(k.activated_at), 'retiring_at', sft_core.json_time(k.retiring_at),
        'retired_at', sft_core.json_time(k.retired_at))
      FROM sftca.keys k WHERE k.authority_id = key_json.authority_id AND k.generation = key_json.generation
$$;
COMMENT ON FUNCTION sft_core.key_json(uuid, int) IS 'A generation of an authority as answers show it; null where there is none.';

CREATE FUNCTION sft_core.acknowledgements(team_id uuid, a sft_core.authority) RETURNS TABLE (server_id uuid, hostname text,
    trust_version bigint, reported_at timestamptz, acknowledged boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    current bigint := sft_core.trust_version(a.id);
BEGIN
    -- what servers are told and report is the trust in the user authority; the others' keys are asked for by clients
    RETURN QUERY
    SELECT v.id, v.hostname::text, r.trust_version, r.reported_at, coalesce(r.trust_version >= current, false)
      FROM sft.servers v LEFT JOIN sft.server_reports r ON r.team_id = v.team_id AND r.server_id = v.id
     WHERE v.team_id = acknowledgements.team_id AND v.project_id = a.project_id AND v.deleted_at IS NULL AND v.managed
       AND a.purpose = 'ssh_user'
     ORDER BY v.hostname, v.id;
END $$;
COMMENT ON FUNCTION sft_core.acknowledgements(uuid, sft_core.authority) IS 'Which servers trust what an authority''s trust version says now, as they report. Servers without an agent have nothing to report.';

CREATE FUNCTION sft_core.key_turn(team_id uuid, a sft_core.authority) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sft.projects p WHERE p.team_id = key_turn.team_id AND p.id = a.project_id AND p.deleted_at IS NULL
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'authority_unknown', 'There is no such authority.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.key_turn(uuid, sft_core.authority) IS 'Changes of a project''s keys come one after another. Refuses: authority_unknown.';

CREATE FUNCTION sft_core.key_prepare(by sft.actor, team_id uuid, a sft_core.authority) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    made int;
BEGIN
    PERFORM sft_core.key_turn(team_id, a);
    made := sftca.key_prepare(a.id);
    PERFORM sft_core.touch_project(team_id, a.project_id);
    PERFORM sft_core.note(by, team_id, 'authority_key.prepare', jsonb_build_object('authority_id', a.id,
        'purpose', a.purpose, 'generation', made), a.project_id);
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.key_prepare(sft.actor, uuid, sft_core.authority) IS 'Makes an authority''s next key and lets servers trust it; it signs once it is activated. Refuses: key_next_exists.';

CREATE FUNCTION sft_core.servers_waived(team_id uuid, names text[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    name text; waived uuid[] := '{}';
BEGIN
    FOREACH name IN ARRAY names LOOP
        waived := waived || sft_core.subject_of(team_id, 'server', name);
    END LOOP;
    RETURN waived;
END $$;
COMMENT ON FUNCTION sft_core.servers_waived(uuid, text[]) IS 'The servers that somebody names. Refuses: server_unknown, server_ambiguous.';

CREATE FUNCTION sft_core.key_activate(by sft.actor, team_id uuid, a sft_core.authority, generation int,
    waived text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    let_go uuid[] := sft_core.servers_waived(team_id, waived);
    behind jsonb;
BEGIN
    PERFORM sft_core.key_turn(team_id, a);
    SELECT jsonb_agg(jsonb_build_object('id', k.server_id, 'hostname', k.hostname, 'trust_version', k.trust_version,
               'last_seen', sft_core.json_time(k.reported_at))) INTO behind
      FROM sft_core.acknowledgements(team_id, a) k WHERE NOT k.acknowledged AND k.server_id <> ALL (let_go);
    IF behind IS NOT NULL AND EXISTS (SELECT FROM sftca.keys k WHERE k.authority_id = a.id
        AND k.generation = key_activate.generation AND k.state = 'next') THEN
        PERFORM sft_core.refuse(409, 'servers_behind', format('%s servers do not trust this key yet, %s among them: wait for them, or waive each by name.',
            jsonb_array_length(behind), behind->0->>'hostname'), jsonb_build_object('servers', behind));
    END IF;
    PERFORM sftca.key_activate(a.id, key_activate.generation);
    PERFORM sft_core.touch_project(team_id, a.project_id);
    PERFORM sft_core.note(by, team_id, 'authority_key.activate', jsonb_build_object('authority_id', a.id,
        'purpose', a.purpose, 'generation', key_activate.generation, 'waived', to_jsonb(let_go)), a.project_id);
END $$;
COMMENT ON FUNCTION sft_core.key_activate(sft.actor, uuid, sft_core.authority, int, text[]) IS 'Lets the next key sign and the active one retire, once every server trusts it or is waived by name. Refuses: servers_behind, generation_unknown, key_state, server_unknown.';

CREATE FUNCTION sft_core.key_needed_until(team_id uuid, a sft_core.authority, generation int) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT max(x.valid_before)
      FROM (SELECT c.request_id AS id, c.valid_before FROM sft.credentials c
             WHERE c.team_id = key_needed_until.team_id AND c.valid_before > now() AND c.authority_id = a.id
            UNION ALL
            SELECT h.request_id, h.valid_before FROM sft.servers v JOIN sft.host_certificates h
                ON h.team_id = v.team_id AND h.server_id = v.id
             WHERE v.team_id = key_needed_until.team_id AND v.project_id = a.project_id AND v.deleted_at IS NULL
               AND h.valid_before > now() AND h.authority_id = a.id) x
      CROSS JOIN LATERAL (SELECT r.generation FROM sftca.certificates r WHERE r.id = x.id OFFSET 0) r
     WHERE r.generation = key_needed_until.generation
$$;
COMMENT ON FUNCTION sft_core.key_needed_until(uuid, sft_core.authority, int) IS 'When the last certificate that a generation signed expires; null: none of them lives.';

CREATE FUNCTION sft_core.key_retire(by sft.actor, team_id uuid, a sft_core.authority, generation int, force boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    needed timestamptz;
BEGIN
    PERFORM sft_core.key_turn(team_id, a);
    needed := sft_core.key_needed_until(team_id, a, key_retire.generation);
    IF needed IS NOT NULL AND NOT force AND EXISTS (SELECT FROM sftca.keys k WHERE k.authority_id = a.id
        AND k.generation = key_retire.generation AND k.state = 'retiring') THEN
        PERFORM sft_core.refuse(409, 'key_in_use', format('Certificates of this key live until %s: wait, or say force=true to end them.',
            sft_core.json_time(needed)), jsonb_build_object('until', sft_core.json_time(needed)));
    END IF;
    PERFORM sftca.key_retire(a.id, key_retire.generation);
    PERFORM sft_core.touch_project(team_id, a.project_id);
    PERFORM sft_core.note(by, team_id, 'authority_key.retire', jsonb_build_object('authority_id', a.id,
        'purpose', a.purpose, 'generation', key_retire.generation, 'force', force), a.project_id);
END $$;
COMMENT ON FUNCTION sft_core.key_retire(sft.actor, uuid, sft_core.authority, int, boolean) IS 'Ends trust in a next or retiring key and destroys its private part; what it signed is refused from then on. Refuses: key_in_use (unless force), generation_unknown, key_state.';

CREATE FUNCTION sft_core.generation_of(req sft.request) RETURNS int
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF (req.params[3] ~ '^[1-9][0-9]{0,8}$') IS NOT TRUE THEN
        PERFORM sft_core.refuse(404, 'generation_unknown', 'The authority has no such generation.');
    END IF;
    RETURN req.params[3]::int;
END $$;
COMMENT ON FUNCTION sft_core.generation_of(sft.request) IS 'The generation in the path. Refuses: generation_unknown.';

CREATE FUNCTION sft_api.authority_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, jsonb_build_object('list', (SELECT coalesce(jsonb_agg(sft_core.authority_json(
            (a.authority_id, a.purpose, a.project_id, a.project)::sft_core.authority) ORDER BY lower(a.project), a.purpose), '[]')
        FROM sft_core.authorities_of((req.actor).team_id) a
       WHERE nullif(req.query->>'project', '') IS NULL OR lower(a.project) = lower(req.query->>'project'))));
END $$;
COMMENT ON FUNCTION sft_api.authority_list(sft.request) IS 'The team''s authorities by project; of one project with ?project=.';

CREATE FUNCTION sft_api.authority_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.authority_json(sft_core.authority_need((req.actor).team_id, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.authority_show(sft.request) IS 'An authority. Refuses: authority_unknown.';

CREATE FUNCTION sft_api.authority_key_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    a sft_core.authority := sft_core.authority_need((req.actor).team_id, req.params[2]);
BEGIN
    RETURN sft_core.reply(200, jsonb_build_object('list', (SELECT jsonb_agg(sft_core.key_json(k.authority_id, k.generation)
        ORDER BY k.generation DESC) FROM sftca.keys k WHERE k.authority_id = a.id)));
END $$;
COMMENT ON FUNCTION sft_api.authority_key_list(sft.request) IS 'The generations of an authority''s key, newest first. Refuses: authority_unknown.';

CREATE FUNCTION sft_api.acknowledgement_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    a sft_core.authority := sft_core.authority_need((req.actor).team_id, req.params[2]);
BEGIN
    RETURN sft_core.reply(200, jsonb_build_object('trust_version', sft_core.trust_version(a.id), 'list', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('server_id', k.server_id, 'hostname', k.hostname, 'trust_version', k.trust_version,
                   'acknowledged', k.acknowledged, 'last_seen', sft_core.json_time(k.reported_at)) ORDER BY k.hostname, k.server_id), '[]')
          FROM sft_core.acknowledgements((req.actor).team_id, a) k)));
END $$;
COMMENT ON FUNCTION sft_api.acknowledgement_list(sft.request) IS 'Which servers trust what an authority''s trust version says. Refuses: authority_unknown.';

CREATE FUNCTION sft_api.authority_key_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who  sft.actor := req.actor;
    a    sft_core.authority := sft_core.authority_need(who.team_id, req.params[2]);
    made int;
BEGIN
    PERFORM sft_core.only_fields(req.body, VARIADIC '{}');
    made := sft_core.key_prepare(who, who.team_id, a);
    RETURN sft_core.reply(201, sft_core.key_json(a.id, made));
END $$;
COMMENT ON FUNCTION sft_api.authority_key_create(sft.request) IS 'Prepares an authority''s next key: servers trust it, it does not sign yet. Refuses: authority_unknown, key_next_exists.';

CREATE FUNCTION sft_api.authority_key_activate(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.actor := req.actor;
    a   sft_core.authority := sft_core.authority_need(who.team_id, req.params[2]);
    generation int := sft_core.generation_of(req);
BEGIN
    PERFORM sft_core.only_fields(req.body, 'waive');
    PERFORM sft_core.key_activate(who, who.team_id, a, generation, sft_core.maybe_texts(req.body, 'waive', 1000));
    RETURN sft_core.reply(200, sft_core.key_json(a.id, generation));
END $$;
COMMENT ON FUNCTION sft_api.authority_key_activate(sft.request) IS 'Lets the next key sign; servers that do not trust it yet are waived by name in waive. Refuses: servers_behind, authority_unknown, generation_unknown, key_state, server_unknown, server_ambiguous, waive_format.';

CREATE FUNCTION sft_api.authority_key_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.actor := req.actor;
    a   sft_core.authority := sft_core.authority_need(who.team_id, req.params[2]);
BEGIN
    PERFORM sft_core.key_retire(who, who.team_id, a, sft_core.generation_of(req), sft_core.query_flag(req.query, 'force'));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.authority_key_delete(sft.request) IS 'Retires a key: next or retiring, and none of whose certificates lives unless force=true. Refuses: key_in_use, authority_unknown, generation_unknown, key_state, force_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, proc) VALUES
    ('GET',    '/v1/teams/{team}/authorities',                           0, 'member', '{access_user,access_admin,reporting_user}', 'authority_list'),
    ('GET',    '/v1/teams/{team}/authorities/{id}',                      0, 'member', '{access_user,access_admin,reporting_user}', 'authority_show'),
    ('GET',    '/v1/teams/{team}/authorities/{id}/keys',                 0, 'member', '{access_user,access_admin,reporting_user}', 'authority_key_list'),
    ('POST',   '/v1/teams/{team}/authorities/{id}/keys',              1024, 'member', '{access_admin}', 'authority_key_create'),
    ('DELETE', '/v1/teams/{team}/authorities/{id}/keys/{generation}',    0, 'member', '{access_admin}', 'authority_key_delete'),
    ('POST',   '/v1/teams/{team}/authorities/{id}/keys/{generation}/activation', 65536, 'member', '{access_admin}', 'authority_key_activate'),
    ('GET',    '/v1/teams/{team}/authorities/{id}/acknowledgements',     0, 'member', '{access_admin,reporting_user}', 'acknowledgement_list');
