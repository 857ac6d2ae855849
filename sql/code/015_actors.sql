-- SPDX-License-Identifier: PostgreSQL
-- 015_actors.sql - who acts, and the audit that keeps it. Every function that changes something takes the actor as "by".

CREATE FUNCTION sft_core.see_teams(VARIADIC teams uuid[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('sft.teams', coalesce(teams, '{}')::text, true);
END $$;
COMMENT ON FUNCTION sft_core.see_teams(uuid[]) IS 'Says for the rest of the transaction which teams'' rows may be seen. Only the doors call it.';

CREATE FUNCTION sft_core.dba() RETURNS sft.actor
LANGUAGE sql STABLE
RETURN ('dba', 'dba:' || session_user, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, inet_client_addr(), NULL,
    NULL)::sft.actor;
COMMENT ON FUNCTION sft_core.dba() IS 'The actor of a call through sft_admin: the role that logged in.';

CREATE FUNCTION sft_core.note(by sft.actor, team_id uuid, type text, details jsonb DEFAULT '{}',
    project_id uuid DEFAULT NULL,
                              server_id uuid DEFAULT NULL, status int DEFAULT NULL,
                                  error text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sft.audit_events (team_id, type, actor_kind, actor, user_id, client_id, session_id, server_id,
        project_id,
                                  request_id, trace_id, peer, status, error, details)
    VALUES (note.team_id, note.type, coalesce((by).kind, 'unknown'), coalesce((by).name, ''), (by).user_id,
        (by).client_id,
            (by).session_id, coalesce(note.server_id, (by).server_id), coalesce(note.project_id, (by).project_id),
            (by).request_id, (by).trace_id, (by).peer, note.status, note.error, note.details);
END $$;
COMMENT ON FUNCTION sft_core.note(sft.actor, uuid, text, jsonb, uuid, uuid, int, text) IS 'Adds an audit event: who, in which team, what; details as an object. status and error tell of a refusal.';
