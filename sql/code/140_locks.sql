-- SPDX-License-Identifier: PostgreSQL
-- 140_locks.sql - stopping somebody or something at once: locks, and the revocation of what is out.

CREATE FUNCTION sft_core.is_revoked(authority_id uuid, serial bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sftca.revocations r WHERE r.authority_id = is_revoked.authority_id
        AND r.serial_to >= is_revoked.serial AND r.serial_from <= is_revoked.serial)
$$;
COMMENT ON FUNCTION sft_core.is_revoked(uuid, bigint) IS 'Whether a certificate was taken back already: taking it back again adds nothing.';

CREATE FUNCTION sft_core.revoke_live(team_id uuid, subject_kind text, subject_id uuid, reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    one record; revoked bigint := 0;
BEGIN
    FOR one IN SELECT c.authority_id, c.serial, c.project_id FROM sft.credentials c
                WHERE c.team_id = revoke_live.team_id AND c.valid_before > now()
                  AND CASE subject_kind WHEN 'user' THEN c.user_id WHEN 'client' THEN c.client_id
                      WHEN 'project' THEN c.project_id
                      WHEN 'team' THEN c.team_id END = subject_id
                  AND NOT sft_core.is_revoked(c.authority_id, c.serial)
                ORDER BY c.authority_id, c.serial LOOP
        PERFORM sftca.revoke(one.authority_id, one.serial, one.serial, reason);
        revoked := revoked + 1;
    END LOOP;
    RETURN revoked;
END $$;
COMMENT ON FUNCTION sft_core.revoke_live(uuid, text, uuid, text) IS 'Revokes the unexpired certificates of a user, client, project or team that are not revoked yet; returns how many. The caller touches the projects.';

CREATE FUNCTION sft_core.projects_of_subject(team_id uuid, subject_kind text, subject_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
    SELECT CASE subject_kind
        WHEN 'user' THEN sft_core.projects_of_user(team_id, subject_id)
        WHEN 'client' THEN (SELECT sft_core.projects_of_user(c.team_id, c.user_id) FROM sft.clients c
            WHERE c.team_id = $1 AND c.id = subject_id)
        WHEN 'project' THEN (SELECT ARRAY[p.id] FROM sft.projects p WHERE p.team_id = $1 AND p.id = subject_id
            AND p.deleted_at IS NULL)
        WHEN 'team' THEN (SELECT array_agg(p.id) FROM sft.projects p WHERE p.team_id = $1 AND p.deleted_at IS NULL)
        END
$$;
COMMENT ON FUNCTION sft_core.projects_of_subject(uuid, text, uuid) IS 'The projects whose servers have to know of a lock; null for a server, which is told itself.';

CREATE FUNCTION sft_core.subject_exists(team_id uuid, subject_kind text, subject_id uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE subject_kind
        WHEN 'user' THEN EXISTS (SELECT FROM sft.users x WHERE x.team_id = $1 AND x.id = $3)
        WHEN 'client' THEN EXISTS (SELECT FROM sft.clients x WHERE x.team_id = $1 AND x.id = $3)
        WHEN 'server' THEN EXISTS (SELECT FROM sft.servers x WHERE x.team_id = $1 AND x.id = $3)
        WHEN 'project' THEN EXISTS (SELECT FROM sft.projects x WHERE x.team_id = $1 AND x.id = $3)
        WHEN 'team' THEN $1 = $3 END
$$;
COMMENT ON FUNCTION sft_core.subject_exists(uuid, text, uuid) IS 'Whether a team has what somebody wants to lock.';

CREATE FUNCTION sft_core.touch_subject(team_id uuid, subject_kind text, subject_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF subject_kind = 'server' THEN
        PERFORM sft_core.touch_server(team_id, subject_id);
    ELSE
        PERFORM sft_core.touch_projects(team_id, VARIADIC coalesce(sft_core.projects_of_subject(team_id, subject_kind,
            subject_id), '{}'));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.touch_subject(uuid, text, uuid) IS 'A lock changed: the servers that it concerns should know.';

CREATE FUNCTION sft_core.lock_create(by sft.actor, team_id uuid, subject_kind text, subject_id uuid, reason text,
    expires_at timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    revoked bigint;
BEGIN
    PERFORM sft_core.fence(team_id);
    IF NOT coalesce(sft_core.subject_exists(team_id, subject_kind, subject_id), true) THEN
        PERFORM sft_core.refuse(404, subject_kind || '_unknown', format('There is no such %s.', subject_kind));
    END IF;
    INSERT INTO sft.locks (team_id, subject_kind, subject_id, reason, created_by, expires_at)
    VALUES (lock_create.team_id, lock_create.subject_kind, lock_create.subject_id, lock_create.reason, (by).name,
        lock_create.expires_at)
    RETURNING id INTO made;
    revoked := sft_core.revoke_live(team_id, subject_kind, subject_id, reason);
    PERFORM sft_core.touch_subject(team_id, subject_kind, subject_id);
    PERFORM sft_core.note(by, team_id, 'lock.create', jsonb_build_object('lock_id', made, 'subject_kind',
        subject_kind, 'subject_id', subject_id,
                          'reason', reason, 'expires_at', expires_at, 'certificates_revoked', revoked));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.lock_create(sft.actor, uuid, text, uuid, text, timestamptz) IS 'Stops a user, client, server, project or team; unexpired certificates of all but a server are revoked. Refuses: lock_subject_kind_unknown, <subject>_unknown, lock_reason_missing, lock_expires_at_range.';

CREATE FUNCTION sft_core.lock_lift(by sft.actor, team_id uuid, lock_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old sft.locks;
BEGIN
    UPDATE sft.locks l SET lifted_at = now(), lifted_by = (by).name
     WHERE l.team_id = lock_lift.team_id AND l.id = lock_id AND l.lifted_at IS NULL
         AND (l.expires_at IS NULL OR l.expires_at > now())
    RETURNING l.* INTO old;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'lock_unknown', 'There is no such lock, or it has ended.');
    END IF;
    PERFORM sft_core.touch_subject(team_id, old.subject_kind, old.subject_id);
    PERFORM sft_core.note(by, team_id, 'lock.lift', jsonb_build_object('lock_id', lock_id, 'subject_kind',
        old.subject_kind, 'subject_id', old.subject_id));
END $$;
COMMENT ON FUNCTION sft_core.lock_lift(sft.actor, uuid, uuid) IS 'Ends a lock. Certificates that it revoked stay revoked. Refuses: lock_unknown.';
