-- SPDX-License-Identifier: PostgreSQL
-- 150_tokens.sql - enrollment tokens and invitations: rows without secrets, and their text.

CREATE FUNCTION sft_core.token_text(purpose text, id uuid, team_id uuid) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    about record;
BEGIN
    SELECT i.url, t.name AS team, k.key_id INTO about
      FROM sft.instance i, sft.teams t, sftca.statement_keys k WHERE t.id = token_text.team_id AND k.state = 'active';
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(409, 'instance_unset', 'The instance is not set up: its URL is not known.');
    END IF;
    RETURN translate(encode(convert_to(jsonb_build_object('s', sftca.secret(purpose, id), 'u', about.url, 'i', id,
        't', about.team, 'k', about.key_id)::text, 'UTF8'), 'base64'), E'\n', '');
END $$;
COMMENT ON FUNCTION sft_core.token_text(text, uuid, uuid) IS 'The text that is handed over: base64 of {s,u,i,t,k}. purpose: server_enrollment_token, invitation, client_enrollment_policy or gateway_setup_token. Refuses: instance_unset.';

CREATE FUNCTION sft_core.server_enrollment_token_create(by sft.actor, team_id uuid, project_id uuid,
    description text DEFAULT '',
                                                        expires_at timestamptz DEFAULT NULL, max_uses int DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    PERFORM sft_core.project_hold(team_id, project_id);
    INSERT INTO sft.server_enrollment_tokens (team_id, project_id, description, created_by, expires_at, max_uses)
    VALUES (server_enrollment_token_create.team_id, server_enrollment_token_create.project_id,
        server_enrollment_token_create.description,
            (by).name, server_enrollment_token_create.expires_at, server_enrollment_token_create.max_uses)
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'server_enrollment_token.create',
        jsonb_build_object('token_id', made, 'expires_at', expires_at, 'max_uses', max_uses), project_id);
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.server_enrollment_token_create(sft.actor, uuid, uuid, text, timestamptz, int) IS 'Makes a token with which servers join a project. Refuses: server_enrollment_token_project_unknown, max_uses_range, line_format.';

CREATE FUNCTION sft_core.server_enrollment_token_delete(by sft.actor, team_id uuid, token_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    project uuid;
BEGIN
    UPDATE sft.server_enrollment_tokens t SET deleted_at = now()
     WHERE t.team_id = server_enrollment_token_delete.team_id AND t.id = token_id AND t.deleted_at IS NULL
         RETURNING t.project_id INTO project;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'server_enrollment_token_unknown', 'There is no such token.');
    END IF;
    PERFORM sft_core.note(by, team_id, 'server_enrollment_token.delete', jsonb_build_object('token_id', token_id),
        project);
END $$;
COMMENT ON FUNCTION sft_core.server_enrollment_token_delete(sft.actor, uuid, uuid) IS 'Ends a token; servers that joined with it stay. Refuses: server_enrollment_token_unknown.';

CREATE FUNCTION sft_core.invitation_create(by sft.actor, team_id uuid, user_id uuid,
    lifetime interval DEFAULT '1 day') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    IF lifetime NOT BETWEEN interval '1 minute' AND interval '30 days' THEN
        PERFORM sft_core.refuse(400, 'invitation_lifetime_range', 'An invitation lives between a minute and 30 days.');
    END IF;
    PERFORM sft_core.need_rank(by, team_id, user_id);        -- who has the invitation becomes that user
    INSERT INTO sft.invitations (team_id, user_id, created_by, expires_at)
    VALUES (invitation_create.team_id, invitation_create.user_id, (by).name, now() + lifetime) RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'team_invitation.create', jsonb_build_object('invitation_id', made,
        'subject_id', user_id));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.invitation_create(sft.actor, uuid, uuid, interval) IS 'Lets a user enroll one client. Refuses: invitation_user_unknown, invitation_lifetime_range, role_not_held.';

-- Over HTTP -------------------------------------------------------------------------------------
CREATE FUNCTION sft_core.server_enrollment_token_json(t sft.server_enrollment_tokens) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (t).id, 'token', sft_core.token_text('server_enrollment_token', (t).id, (t).team_id), 'created_by_user', (t).created_by,
    'issued_at', sft_core.json_time((t).issued_at), 'description', (t).description, 'expires_at', sft_core.json_time((t).expires_at),
    'max_uses', (t).max_uses, 'uses', (t).uses);
COMMENT ON FUNCTION sft_core.server_enrollment_token_json(sft.server_enrollment_tokens) IS 'A server enrollment token as answers show it, with its text.';

CREATE FUNCTION sft_core.server_enrollment_token_of(by sft.actor, project text, id text) RETURNS sft.server_enrollment_tokens
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p sft.projects := sft_core.project_seen(by, project);
    t sft.server_enrollment_tokens;
BEGIN
    SELECT x.* INTO t FROM sft.server_enrollment_tokens x WHERE x.team_id = p.team_id AND x.project_id = p.id AND x.deleted_at IS NULL
        AND x.id = CASE WHEN sft_core.is_uuid(server_enrollment_token_of.id) THEN server_enrollment_token_of.id::uuid END;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'server_enrollment_token_unknown', 'There is no such token.');
    END IF;
    RETURN t;
END $$;
COMMENT ON FUNCTION sft_core.server_enrollment_token_of(sft.actor, text, text) IS 'A token of a project that the caller may see. Refuses: project_unknown, server_enrollment_token_unknown.';

CREATE FUNCTION sft_api.server_enrollment_token_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (sft_core.time_key(t.issued_at), t.id)::sft_core.entry FROM sft.server_enrollment_tokens t
         WHERE t.team_id = p.team_id AND t.project_id = p.id AND t.deleted_at IS NULL), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.server_enrollment_token_json(t) AS item FROM sft.server_enrollment_tokens t WHERE t.team_id = p.team_id AND t.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.server_enrollment_token_list(sft.request) IS 'The tokens of a project, oldest first. Refuses: project_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.server_enrollment_token_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    made uuid := sft_core.server_enrollment_token_create(req.actor, p.team_id, p.id, coalesce(sft_core.maybe_text(req.body, 'description'), ''),
                     sft_core.maybe_time(req.body, 'expires_at'), sft_core.maybe_bigint(req.body, 'max_uses', 1, 1000000)::int);
BEGIN
    RETURN sft_core.reply(201, (SELECT sft_core.server_enrollment_token_json(t) FROM sft.server_enrollment_tokens t WHERE t.team_id = p.team_id AND t.id = made));
END $$;
COMMENT ON FUNCTION sft_api.server_enrollment_token_create(sft.request) IS 'Makes a token with which servers join the project; expires_at and max_uses are ours. Refuses: project_unknown, description_format, expires_at_format, max_uses_format, instance_unset.';

CREATE FUNCTION sft_api.server_enrollment_token_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.server_enrollment_token_json(sft_core.server_enrollment_token_of(req.actor, req.params[2], req.params[3])));
END $$;
COMMENT ON FUNCTION sft_api.server_enrollment_token_show(sft.request) IS 'A token of a project. Refuses: project_unknown, server_enrollment_token_unknown.';

CREATE FUNCTION sft_api.server_enrollment_token_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    t sft.server_enrollment_tokens := sft_core.server_enrollment_token_of(req.actor, req.params[2], req.params[3]);
BEGIN
    PERFORM sft_core.server_enrollment_token_delete(req.actor, t.team_id, t.id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.server_enrollment_token_delete(sft.request) IS 'Ends a token; servers that joined with it stay. Refuses: project_unknown, server_enrollment_token_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/projects/{project_name}/server_enrollment_tokens',         0, 'member', '{access_user,access_admin}', true, 'server_enrollment_token_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/server_enrollment_tokens',      4096, 'member', '{access_user,access_admin}', true, 'server_enrollment_token_create'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/server_enrollment_tokens/{id}',    0, 'member', '{access_user,access_admin}', true, 'server_enrollment_token_show'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/server_enrollment_tokens/{id}', 4096, 'member', '{access_admin}',             true, 'server_enrollment_token_delete');
