-- SPDX-License-Identifier: PostgreSQL
-- 155_invitations.sql - invitations over HTTP: one lets its user enroll one device without another's approval. (150 makes them and their text.)

CREATE FUNCTION sft_core.invitation_delete(by sft.actor, team_id uuid, invitation_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone sft.invitations;
BEGIN
    UPDATE sft.invitations i SET deleted_at = now() WHERE i.team_id = invitation_delete.team_id AND i.id = invitation_delete.invitation_id
        AND i.deleted_at IS NULL AND i.used_at IS NULL RETURNING i.* INTO gone;
    IF gone.id IS NULL THEN
        PERFORM sft_core.refuse(404, 'invitation_unknown', 'There is no such invitation, or it was used.');
    END IF;
    PERFORM sft_core.note(by, gone.team_id, 'team_invitation.delete', jsonb_build_object('invitation_id', gone.id, 'subject_id', gone.user_id));
END $$;
COMMENT ON FUNCTION sft_core.invitation_delete(sft.actor, uuid, uuid) IS 'Ends an invitation that nobody used. Refuses: invitation_unknown.';

CREATE FUNCTION sft_core.invitation_json(i sft.invitations) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (i).id, 'user_name', (SELECT u.name FROM sft.users u WHERE u.team_id = (i).team_id AND u.id = (i).user_id),
    'created_by', (i).created_by, 'created_at', sft_core.json_time((i).created_at), 'expires_at', sft_core.json_time((i).expires_at),
    'used_at', sft_core.json_time((i).used_at), 'client_id', (i).client_id);
COMMENT ON FUNCTION sft_core.invitation_json(sft.invitations) IS 'An invitation as answers show it, without its token.';

CREATE FUNCTION sft_api.invitation_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid := (req.actor).team_id;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (sft_core.time_key(i.created_at), i.id)::sft_core.entry FROM sft.invitations i
        WHERE i.team_id = team AND i.deleted_at IS NULL
          AND (sft_core.query_flag(req.query, 'include_expired') OR i.used_at IS NULL AND i.expires_at > now())), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY e (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.invitation_json(i) AS item FROM sft.invitations i WHERE i.team_id = team AND i.id = e.id OFFSET 0) l ORDER BY e.o));
END $$;
COMMENT ON FUNCTION sft_api.invitation_list(sft.request) IS 'The open invitations, newest first; with include_expired used and expired ones too. Refuses: include_expired_format, count_format, offset_format.';

CREATE FUNCTION sft_api.invitation_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team     uuid := (req.actor).team_id;
    lifetime bigint; made uuid;
BEGIN
    PERFORM sft_core.only_fields(req.body, 'user_name', 'lifetime');
    PERFORM sft_core.refuse_strict(req.actor);
    lifetime := coalesce(sft_core.maybe_bigint(req.body, 'lifetime', 60, 2592000), 86400);
    made := sft_core.invitation_create(req.actor, team, sft_core.user_id(team, sft_core.need_text(req.body, 'user_name', 127)),
        make_interval(secs => lifetime));
    RETURN sft_core.reply(201, (SELECT sft_core.invitation_json(i) FROM sft.invitations i WHERE i.team_id = team AND i.id = made)
        || jsonb_build_object('token', sft_core.token_text('invitation', made, team)));
END $$;
COMMENT ON FUNCTION sft_api.invitation_create(sft.request) IS 'Invites a user to enroll one device, within lifetime seconds (a day unless given): the token is for that user''s eyes. Refuses: user_name_missing, user_unknown, lifetime_format, role_not_held, strict_devices, instance_unset, field_unknown.';

CREATE FUNCTION sft_api.invitation_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.invitation_delete(req.actor, (req.actor).team_id, CASE WHEN sft_core.is_uuid(req.params[2]) THEN req.params[2]::uuid END);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.invitation_delete(sft.request) IS 'Ends an invitation that nobody used. Refuses: invitation_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, proc) VALUES
    ('GET',    '/v1/teams/{team}/invitations',         0, 'member', '{access_admin}', 'invitation_list'),
    ('POST',   '/v1/teams/{team}/invitations',      4096, 'member', '{access_admin}', 'invitation_create'),
    ('DELETE', '/v1/teams/{team}/invitations/{id}',    0, 'member', '{access_admin}', 'invitation_delete');
