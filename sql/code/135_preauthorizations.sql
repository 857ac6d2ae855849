-- SPDX-License-Identifier: PostgreSQL
-- 135_preauthorizations.sql - grants for a time: where a project asks for one, a user without gets no certificate.

CREATE FUNCTION sft_core.preauthorized_until(team_id uuid, project_id uuid, user_id uuid) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT max(coalesce(a.expires_at, 'infinity'))
      FROM sft.preauthorizations a
      JOIN sft.preauthorization_projects p ON p.team_id = a.team_id AND p.preauthorization_id = a.id AND p.project_id = preauthorized_until.project_id
     WHERE a.team_id = preauthorized_until.team_id AND a.user_id = preauthorized_until.user_id AND NOT a.disabled
       AND (a.expires_at IS NULL OR a.expires_at > now())
$$;
COMMENT ON FUNCTION sft_core.preauthorized_until(uuid, uuid, uuid) IS 'How long a user is preauthorized for a project: the end of the longest grant, infinity where it has none, null where there is none.';

CREATE FUNCTION sft_core.preauthorization_json(a sft.preauthorizations) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (a).id, 'user_name', (SELECT u.name FROM sft.users u WHERE u.team_id = (a).team_id AND u.id = (a).user_id),
    'projects', (SELECT coalesce(jsonb_agg(p.name ORDER BY lower(p.name)), '[]') FROM sft.preauthorization_projects x
                   JOIN sft.projects p ON p.team_id = x.team_id AND p.id = x.project_id WHERE x.team_id = (a).team_id AND x.preauthorization_id = (a).id),
    'servers', NULL, 'expires_at', sft_core.json_time((a).expires_at), 'disabled', (a).disabled);
COMMENT ON FUNCTION sft_core.preauthorization_json(sft.preauthorizations) IS 'A preauthorization as answers show it.';

-- What a grant no longer covers is revoked: who is shut out is out at once.
CREATE FUNCTION sft_core.preauthorization_close(team_id uuid, user_id uuid, projects uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT c.authority_id, c.serial, c.project_id FROM sft.credentials c
                 JOIN sft.projects p ON p.team_id = c.team_id AND p.id = c.project_id AND p.require_preauth_for_creds
                WHERE c.team_id = preauthorization_close.team_id AND c.user_id = preauthorization_close.user_id AND c.project_id = ANY (projects)
                  AND c.valid_before > coalesce(sft_core.preauthorized_until(c.team_id, c.project_id, c.user_id), '-infinity') AND c.valid_before > now()
                ORDER BY c.authority_id, c.serial LOOP
        PERFORM sftca.revoke(one.authority_id, one.serial, one.serial, 'preauthorization ended');
    END LOOP;
    PERFORM sft_core.touch_projects(team_id, VARIADIC projects);
END $$;
COMMENT ON FUNCTION sft_core.preauthorization_close(uuid, uuid, uuid[]) IS 'Revokes the certificates of a user that outlive the preauthorizations of their projects.';

CREATE FUNCTION sft_core.preauthorization_set_projects(team_id uuid, grant_id uuid, names text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one text;
BEGIN
    DELETE FROM sft.preauthorization_projects x WHERE x.team_id = preauthorization_set_projects.team_id AND x.preauthorization_id = grant_id;
    FOREACH one IN ARRAY names LOOP
        INSERT INTO sft.preauthorization_projects (team_id, preauthorization_id, project_id)
        VALUES (preauthorization_set_projects.team_id, grant_id, sft_core.project_id(preauthorization_set_projects.team_id, one))
        ON CONFLICT ON CONSTRAINT preauthorization_project_taken DO NOTHING;
    END LOOP;
END $$;
COMMENT ON FUNCTION sft_core.preauthorization_set_projects(uuid, uuid, text[]) IS 'Says which projects a preauthorization is for. Refuses: project_unknown.';

CREATE FUNCTION sft_core.preauthorization_create(by sft.actor, team_id uuid, user_id uuid, projects text[], expires_at timestamptz,
    disabled boolean, wanted uuid) RETURNS uuid
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sft.preauthorizations (id, team_id, user_id, expires_at, disabled, created_by)
    VALUES (wanted, preauthorization_create.team_id, preauthorization_create.user_id, preauthorization_create.expires_at,
        preauthorization_create.disabled, (by).name);
    PERFORM sft_core.preauthorization_set_projects(team_id, wanted, projects);
    PERFORM sft_core.note(by, team_id, 'preauthorization.create', jsonb_build_object('preauthorization_id', wanted, 'subject_id', user_id,
        'projects', to_jsonb(projects), 'expires_at', expires_at, 'disabled', disabled));
    RETURN wanted;
END $$;
COMMENT ON FUNCTION sft_core.preauthorization_create(sft.actor, uuid, uuid, text[], timestamptz, boolean, uuid) IS 'Lets a user into projects for a time. Refuses: project_unknown, preauthorization_taken, preauthorization_expires_at_range.';

CREATE FUNCTION sft_core.preauthorization_update(by sft.actor, team_id uuid, grant_id uuid, b jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a sft.preauthorizations;
    old uuid[] := ARRAY(SELECT x.project_id FROM sft.preauthorization_projects x WHERE x.team_id = $2 AND x.preauthorization_id = grant_id);
BEGIN
    PERFORM sft_core.fence(team_id);
    UPDATE sft.preauthorizations x SET
        expires_at = CASE WHEN b ? 'expires_at' THEN sft_core.maybe_time(b, 'expires_at') ELSE x.expires_at END,
        disabled = coalesce(sft_core.maybe_bool(b, 'disabled'), x.disabled)
     WHERE x.team_id = preauthorization_update.team_id AND x.id = grant_id RETURNING x.* INTO a;
    IF b->>'projects' IS NOT NULL THEN
        PERFORM sft_core.preauthorization_set_projects(team_id, grant_id, sft_core.maybe_texts(b, 'projects', 100));
    END IF;
    PERFORM sft_core.preauthorization_close(team_id, a.user_id, old);
    PERFORM sft_core.note(by, team_id, 'preauthorization.update', jsonb_build_object('preauthorization_id', grant_id, 'subject_id', a.user_id,
        'projects', b->'projects', 'expires_at', a.expires_at, 'disabled', a.disabled));
END $$;
COMMENT ON FUNCTION sft_core.preauthorization_update(sft.actor, uuid, uuid, jsonb) IS 'Changes expires_at, disabled and projects, those that are given; certificates that are no longer covered are revoked. Refuses: expires_at_format, disabled_format, projects_format, project_unknown, preauthorization_expires_at_range.';

CREATE FUNCTION sft_core.preauthorization_in_path(req sft.request) RETURNS sft.preauthorizations
LANGUAGE plpgsql STABLE AS $$
DECLARE
    a    sft.preauthorizations;
    team uuid := ((req).actor).team_id;
BEGIN
    SELECT x.* INTO a FROM sft.preauthorizations x
      JOIN sft.preauthorization_projects p ON p.team_id = x.team_id AND p.preauthorization_id = x.id AND p.project_id = sft_core.project_id(team, (req).params[2])
     WHERE x.team_id = team AND x.id::text = lower((req).params[3]);
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'preauthorization_unknown', 'There is no such preauthorization in the project.');
    END IF;
    RETURN a;
END $$;
COMMENT ON FUNCTION sft_core.preauthorization_in_path(sft.request) IS 'The preauthorization that the path names. Refuses: project_unknown, preauthorization_unknown.';

CREATE FUNCTION sft_api.preauthorization_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team    uuid := (req.actor).team_id;
    project uuid := sft_core.project_id(team, req.params[2]);
    page    sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(u.name), a.id)::sft_core.entry FROM sft.preauthorizations a JOIN sft.users u ON u.team_id = a.team_id AND u.id = a.user_id
          JOIN sft.preauthorization_projects p ON p.team_id = a.team_id AND p.preauthorization_id = a.id AND p.project_id = project
         WHERE a.team_id = team AND (sft_core.query_flag(req.query, 'include_expired') OR a.expires_at IS NULL OR a.expires_at > now())));
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.preauthorization_json(a) AS item FROM sft.preauthorizations a WHERE a.team_id = team AND a.id = i.id OFFSET 0) l
        ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.preauthorization_list(sft.request) IS 'The preauthorizations of a project by user, without expired ones unless include_expired. Refuses: project_unknown, include_expired_format, count_format, offset_format.';

CREATE FUNCTION sft_api.preauthorization_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team     uuid := (req.actor).team_id;
    project  uuid := sft_core.project_id(team, req.params[2]);
    projects text[] := sft_core.maybe_texts(req.body, 'projects', 100);
    wanted   text := sft_core.maybe_text(req.body, 'id');
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(projects) p WHERE lower(p) = lower(req.params[2])) THEN
        projects := projects || (SELECT p.name::text FROM sft.projects p WHERE p.team_id = team AND p.id = project);
    END IF;
    PERFORM sft_core.preauthorization_create(req.actor, team, sft_core.user_id(team, sft_core.need_text(req.body, 'user_name', 127)), projects,
        sft_core.maybe_time(req.body, 'expires_at'), coalesce(sft_core.maybe_bool(req.body, 'disabled'), false),
        CASE WHEN sft_core.is_uuid(lower(wanted)) THEN lower(wanted)::uuid ELSE gen_random_uuid() END);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.preauthorization_create(sft.request) IS 'Lets a user into the project, and others that are named, until expires_at. An id that is a uuid is taken. Refuses: project_unknown, user_name_missing, user_unknown, expires_at_format, disabled_format, projects_format, preauthorization_taken, preauthorization_expires_at_range.';

CREATE FUNCTION sft_api.preauthorization_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.preauthorization_json(sft_core.preauthorization_in_path(req)));
END $$;
COMMENT ON FUNCTION sft_api.preauthorization_show(sft.request) IS 'A preauthorization. Refuses: project_unknown, preauthorization_unknown.';

CREATE FUNCTION sft_api.preauthorization_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    a sft.preauthorizations := sft_core.preauthorization_in_path(req);
BEGIN
    PERFORM sft_core.preauthorization_update(req.actor, a.team_id, a.id, req.body);
    RETURN sft_core.reply(200, (SELECT sft_core.preauthorization_json(x) FROM sft.preauthorizations x WHERE x.team_id = a.team_id AND x.id = a.id));
END $$;
COMMENT ON FUNCTION sft_api.preauthorization_update(sft.request) IS 'Changes until when, for which projects and whether at all; its user stays. Refuses: project_unknown, preauthorization_unknown, expires_at_format, disabled_format, projects_format, preauthorization_expires_at_range.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',  '/v1/teams/{team}/projects/{project_name}/preauthorizations',          0, 'member', '{access_admin}', true, 'preauthorization_list'),
    ('POST', '/v1/teams/{team}/projects/{project_name}/preauthorizations',      16384, 'member', '{access_admin}', true, 'preauthorization_create'),
    ('GET',  '/v1/teams/{team}/projects/{project_name}/preauthorizations/{id}',     0, 'member', '{access_admin}', true, 'preauthorization_show'),
    ('PUT',  '/v1/teams/{team}/projects/{project_name}/preauthorizations/{id}', 16384, 'member', '{access_admin}', true, 'preauthorization_update');
