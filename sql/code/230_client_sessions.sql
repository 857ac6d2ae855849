-- SPDX-License-Identifier: PostgreSQL
-- 230_client_sessions.sql - signing in: a password, given through an approved client, opens a session of that client.

CREATE FUNCTION sft_core.lock_on(team_id uuid, VARIADIC subjects uuid[]) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT l.reason FROM sft.locks l
     WHERE l.team_id = lock_on.team_id AND l.subject_id = ANY (subjects || lock_on.team_id) AND l.lifted_at IS NULL
         AND (l.expires_at IS NULL OR l.expires_at > now())
     ORDER BY l.created_at LIMIT 1
$$;
COMMENT ON FUNCTION sft_core.lock_on(uuid, uuid[]) IS 'Why one of these, or the whole team, is locked now; null: it is not.';

CREATE FUNCTION sft_core.attempt_count(who sft.actor) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    so_far int;
BEGIN
    INSERT INTO sft.password_attempts AS p (team_id, client_id, attempts, started_at) VALUES (who.team_id,
        who.client_id, 1, now())
    ON CONFLICT ON CONSTRAINT password_attempt_taken DO UPDATE SET
        attempts = CASE WHEN p.started_at < now() - interval '15 minutes' THEN 1 ELSE p.attempts + 1 END,
        started_at = CASE WHEN p.started_at < now() - interval '15 minutes' THEN now() ELSE p.started_at END
    RETURNING attempts INTO so_far;
    IF so_far > 10 THEN
        PERFORM sft_core.refuse(429, 'too_many_attempts', 'Too many wrong passwords; wait 15 minutes.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.attempt_count(sft.actor) IS 'Counts an attempt before the work is done; those of one client come one after another. Refuses: too_many_attempts.';

CREATE FUNCTION sft_core.password_change(who sft.actor, old_hash text, new_password text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF length(new_password) < 10 THEN
        PERFORM sft_core.wrong('new_password', 'has at least 10 characters');
    ELSIF sftca.verify_password(old_hash, convert_to(new_password, 'UTF8')) THEN
        PERFORM sft_core.refuse(400, 'new_password_same', 'The new password is the old one.');
    END IF;
    PERFORM sft_core.user_set_password(who, who.team_id, who.user_id, convert_to(new_password, 'UTF8'), false);
    PERFORM sft_core.sessions_end(who, who.team_id, who.user_id);
END $$;
COMMENT ON FUNCTION sft_core.password_change(sft.actor, text, text) IS 'Takes the password that a user chose; whoever signed in with the old one is signed out. Refuses: new_password_format, new_password_same.';

CREATE FUNCTION sft_core.session_json(team_id uuid, session_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', s.id, 'user_name', u.name, 'expires_at', sft_core.json_time(s.expires_at),
        'signed_in_at', sft_core.json_time(s.signed_in_at))
      FROM sft.client_sessions s JOIN sft.users u ON u.team_id = s.team_id AND u.id = s.user_id
     WHERE s.team_id = session_json.team_id AND s.id = session_json.session_id
$$;
COMMENT ON FUNCTION sft_core.session_json(uuid, uuid) IS 'A session as its client sees it.';

CREATE FUNCTION sft_core.session_open(who sft.actor) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    opened uuid;
BEGIN
    PERFORM sft_core.sessions_end(who, who.team_id, NULL, who.client_id);
    INSERT INTO sft.client_sessions (team_id, client_id, user_id, expires_at)
    SELECT who.team_id, who.client_id, who.user_id, now() + make_interval(secs => t.client_session_duration_s)
        FROM sft.teams t WHERE t.id = who.team_id
    RETURNING id INTO STRICT opened;
    DELETE FROM sft.password_attempts p WHERE p.team_id = who.team_id AND p.client_id = who.client_id;
    PERFORM sft_core.note(who, who.team_id, 'auth_token.issue', jsonb_build_object('session_type',
        'authenticated_client', 'session_id', opened, 'method', 'password'));
    RETURN opened;
END $$;
COMMENT ON FUNCTION sft_core.session_open(sft.actor) IS 'Opens a session for a client; its earlier one ends.';

CREATE FUNCTION sft_api.client_session_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who      sft.actor := req.actor;
    client   sft.clients;
    person   sft.users;
    password text; new_password text; reason text; opened uuid;
BEGIN
    PERFORM sft_core.only_fields(req.body, 'password', 'new_password');
    password := sft_core.need_text(req.body, 'password', 1024);
    new_password := sft_core.maybe_text(req.body, 'new_password', 1024);
    SELECT c.* INTO STRICT client FROM sft.clients c WHERE c.team_id = who.team_id AND c.id = who.client_id;
    SELECT u.* INTO person FROM sft.users u WHERE u.team_id = who.team_id AND u.id = who.user_id;
    reason := sft_core.lock_on(who.team_id, who.client_id, who.user_id);
    IF client.state <> 'ACTIVE' THEN
        PERFORM sft_core.refuse(403, 'client_not_approved', 'This client is not approved yet.');
    ELSIF person.status <> 'ACTIVE' THEN
        PERFORM sft_core.refuse(403, 'user_disabled', 'This user is disabled.');
    ELSIF reason IS NOT NULL THEN
        PERFORM sft_core.refuse(403, 'locked', format('Locked: %s', reason));
    END IF;
    PERFORM sft_core.attempt_count(who);
    IF NOT coalesce(sftca.verify_password(person.password_hash, convert_to(password, 'UTF8')), false) THEN
        RETURN sft_core.refusal(401, 'password_wrong', 'The password is wrong.', req.trace_id);      -- not raised: the count stays
    END IF;
    IF new_password IS NOT NULL THEN
        PERFORM sft_core.password_change(who, person.password_hash, new_password);
    ELSIF person.password_must_change THEN
        PERFORM sft_core.refuse(403, 'password_change_required', 'This password was for one time: choose a new one.');
    END IF;
    opened := sft_core.session_open(who);                    -- a statement of its own: what follows must see its row
    RETURN sft_core.reply(201, sft_core.session_json(who.team_id, opened));
END $$;
COMMENT ON FUNCTION sft_api.client_session_create(sft.request) IS 'Signs a user in through an approved client. Refuses: password_wrong, password_change_required, client_not_approved, user_disabled, locked, too_many_attempts.';

CREATE FUNCTION sft_core.own_session(req sft.request) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (req.actor).session_id IS NULL OR req.params[2] IS DISTINCT FROM (req.actor).session_id::text THEN
        PERFORM sft_core.refuse(404, 'client_session_unknown', 'This client has no such live session.');
    END IF;
    RETURN (req.actor).session_id;
END $$;
COMMENT ON FUNCTION sft_core.own_session(sft.request) IS 'The session in the path, if it is the caller''s live one. Refuses: client_session_unknown.';

CREATE FUNCTION sft_api.client_session_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.session_json((req.actor).team_id, sft_core.own_session(req)));
END $$;
COMMENT ON FUNCTION sft_api.client_session_show(sft.request) IS 'The client''s live session. Refuses: client_session_unknown.';

CREATE FUNCTION sft_api.client_session_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    ended uuid := sft_core.own_session(req);
BEGIN
    PERFORM sft_core.sessions_end(req.actor, (req.actor).team_id, NULL, (req.actor).client_id);
    PERFORM sft_core.note(req.actor, (req.actor).team_id, 'auth_token.end', jsonb_build_object('session_id', ended));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_session_delete(sft.request) IS 'Signs out. Refuses: client_session_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, proc) VALUES
    ('POST',   '/v1/teams/{team}/client_sessions',     8192, 'client', 'client_session_create'),
    ('GET',    '/v1/teams/{team}/client_sessions/{id}',   0, 'client', 'client_session_show'),
    ('DELETE', '/v1/teams/{team}/client_sessions/{id}',   0, 'client', 'client_session_delete');
