-- SPDX-License-Identifier: PostgreSQL
-- 430_lock_calls.sql - locks over HTTP: making, listing and lifting them.

CREATE FUNCTION sft_core.lock_subject_name(l sft.locks) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE l.subject_kind
        WHEN 'user' THEN (SELECT x.name::text FROM sft.users x WHERE x.team_id = l.team_id AND x.id = l.subject_id)
        WHEN 'client' THEN (SELECT x.hostname::text FROM sft.clients x WHERE x.team_id = l.team_id AND x.id = l.subject_id)
        WHEN 'server' THEN (SELECT x.hostname::text FROM sft.servers x WHERE x.team_id = l.team_id AND x.id = l.subject_id)
        WHEN 'project' THEN (SELECT x.name::text FROM sft.projects x WHERE x.team_id = l.team_id AND x.id = l.subject_id)
        ELSE (SELECT x.name::text FROM sft.teams x WHERE x.id = l.team_id) END
$$;
COMMENT ON FUNCTION sft_core.lock_subject_name(sft.locks) IS 'What people call the subject of a lock.';

CREATE FUNCTION sft_core.lock_json(l sft.locks) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (l).id, 'subject_kind', (l).subject_kind, 'subject_id', (l).subject_id,
    'subject_name', sft_core.lock_subject_name(l), 'reason', (l).reason, 'created_by', (l).created_by,
    'created_at', sft_core.json_time((l).created_at), 'expires_at', sft_core.json_time((l).expires_at),
    'lifted_at', sft_core.json_time((l).lifted_at), 'lifted_by', (l).lifted_by,
    'active', (l).lifted_at IS NULL AND ((l).expires_at IS NULL OR (l).expires_at > now()));
COMMENT ON FUNCTION sft_core.lock_json(sft.locks) IS 'A lock as answers show it.';

CREATE FUNCTION sft_core.lock_need(team_id uuid, wanted text) RETURNS sft.locks
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_lock sft.locks;
BEGIN
    SELECT l.* INTO found_lock FROM sft.locks l WHERE l.team_id = lock_need.team_id
        AND l.id = CASE WHEN sft_core.is_uuid(wanted) THEN wanted::uuid END;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'lock_unknown', 'There is no such lock, or it has ended.');
    END IF;
    RETURN found_lock;
END $$;
COMMENT ON FUNCTION sft_core.lock_need(uuid, text) IS 'The team''s lock of an id, also one that has ended. Refuses: lock_unknown.';

CREATE FUNCTION sft_api.lock_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who  sft.actor := req.actor;
    b    jsonb := req.body;
    kind text := sft_core.need_text(b, 'subject_kind', 32);
    made uuid;
BEGIN
    PERFORM sft_core.only_fields(b, 'subject_kind', 'subject', 'reason', 'expires_at');
    made := sft_core.lock_create(who, who.team_id, kind, sft_core.subject_of(who.team_id, kind,
        sft_core.need_text(b, 'subject')), sft_core.need_text(b, 'reason'), sft_core.maybe_time(b, 'expires_at'));
    RETURN sft_core.reply(201, sft_core.lock_json(sft_core.lock_need(who.team_id, made::text)));
END $$;
COMMENT ON FUNCTION sft_api.lock_create(sft.request) IS 'Stops a user, client, server, project or the whole team at once; what they hold is revoked. Refuses: subject_kind_missing, subject_missing, reason_missing, lock_subject_kind_unknown, <kind>_unknown, <kind>_ambiguous, lock_expires_at_range.';

CREATE FUNCTION sft_api.lock_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.lock_json(sft_core.lock_need((req.actor).team_id, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.lock_show(sft.request) IS 'A lock, also one that has ended. Refuses: lock_unknown.';

CREATE FUNCTION sft_api.lock_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.actor := req.actor;
    l   sft.locks := sft_core.lock_need(who.team_id, req.params[2]);
BEGIN
    PERFORM sft_core.lock_lift(who, who.team_id, l.id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.lock_delete(sft.request) IS 'Lifts a lock; certificates that it revoked stay revoked. Refuses: lock_unknown.';

CREATE FUNCTION sft_api.lock_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    over boolean := sft_core.query_flag(req.query, 'include_ended');
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (sft_core.time_key(l.created_at), l.id)::sft_core.entry FROM sft.locks l
        WHERE l.team_id = who.team_id AND (over OR l.lifted_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > now()))), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY n (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.lock_json(l) AS item FROM sft.locks l WHERE l.team_id = who.team_id AND l.id = n.id OFFSET 0) l ORDER BY n.o));
END $$;
COMMENT ON FUNCTION sft_api.lock_list(sft.request) IS 'The locks that hold, newest first; with include_ended=true all that ever did. Refuses: include_ended_format, count_format, offset_format, descending_format, prev_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, proc) VALUES
    ('POST',   '/v1/teams/{team}/locks',   4096, 'member', '{access_admin}',                'lock_create'),
    ('GET',    '/v1/teams/{team}/locks',      0, 'member', '{access_admin,reporting_user}', 'lock_list'),
    ('GET',    '/v1/teams/{team}/locks/{id}', 0, 'member', '{access_admin,reporting_user}', 'lock_show'),
    ('DELETE', '/v1/teams/{team}/locks/{id}', 0, 'member', '{access_admin}',                'lock_delete');
