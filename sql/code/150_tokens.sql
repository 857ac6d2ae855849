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
COMMENT ON FUNCTION sft_core.token_text(text, uuid, uuid) IS 'The text that is handed over: base64 of {s,u,i,t,k}. purpose: server_enrollment_token or invitation. Refuses: instance_unset.';

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
    INSERT INTO sft.invitations (team_id, user_id, created_by, expires_at)
    VALUES (invitation_create.team_id, invitation_create.user_id, (by).name, now() + lifetime) RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'team_invitation.create', jsonb_build_object('invitation_id', made,
        'subject_id', user_id));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.invitation_create(sft.actor, uuid, uuid, interval) IS 'Lets a user enroll one client. Refuses: invitation_user_unknown, invitation_lifetime_range.';
