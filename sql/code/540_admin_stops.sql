-- SPDX-License-Identifier: PostgreSQL
-- 540_admin_stops.sql - stopping somebody or something at once, and what may be forgotten, for a DBA.

CREATE FUNCTION sft_admin.lock(team_name text, subject_kind text, subject text, reason text, expires_at timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    RETURN sft_core.lock_create(sft_core.dba(), team, subject_kind, sft_admin.subject_id(team, subject_kind, subject), reason, expires_at);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.lock(text, text, text, text, timestamptz) IS
'Stops a user, client, server, project or team at once, until expires_at or unlock(): no certificates, no sign-in, no way in on servers. Returns the lock''s id. Refuses: lock_subject_kind_unknown, <kind>_unknown, lock_reason_missing, lock_expires_at_range.
Example: SELECT sft_admin.lock(''acme'', ''user'', ''alice'', ''laptop stolen'');';

CREATE FUNCTION sft_admin.unlock(team_name text, subject_kind text, subject text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team   CONSTANT uuid := sft_core.team_id(team_name);
    found  CONSTANT uuid := sft_admin.subject_id(team, subject_kind, subject);
    one    uuid;
    lifted int := 0;
BEGIN
    FOR one IN SELECT l.id FROM sft.locks l
                WHERE l.team_id = team AND l.subject_kind = unlock.subject_kind AND l.subject_id = found AND l.lifted_at IS NULL
                  AND (l.expires_at IS NULL OR l.expires_at > now()) ORDER BY l.id LOOP
        PERFORM sft_core.lock_lift(sft_core.dba(), team, one);
        lifted := lifted + 1;
    END LOOP;
    IF lifted = 0 THEN
        PERFORM sft_core.refuse(404, 'lock_unknown', 'There is no such lock, or it has ended.');
    END IF;
    RETURN lifted;
END $$;
COMMENT ON FUNCTION sft_admin.unlock(text, text, text) IS
'Lifts every lock on a subject; returns how many. Certificates that a lock revoked stay revoked. Refuses: <kind>_unknown, lock_unknown.
Example: SELECT sft_admin.unlock(''acme'', ''user'', ''alice'');';

CREATE FUNCTION sft_admin.revoke_certificates(team_name text, project_name text, serial_from bigint, serial_to bigint, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team      CONSTANT uuid := sft_core.team_id(team_name);
    project   CONSTANT uuid := sft_core.project_id(team, project_name);
    authority uuid;
    affected  bigint;
BEGIN
    IF serial_from IS NULL OR serial_to IS NULL OR serial_from < 1 OR serial_to < serial_from THEN
        PERFORM sft_core.refuse(400, 'serial_range', 'A range of serials goes from a positive serial to one that is not smaller.');
    END IF;
    FOR authority IN SELECT a FROM sft.projects p, unnest(ARRAY[p.user_authority_id, p.host_authority_id, p.x509_authority_id]) a
                      WHERE p.team_id = team AND p.id = project LOOP
        PERFORM sftca.revoke(authority, serial_from, serial_to, reason);
    END LOOP;
    SELECT count(*) INTO affected FROM sft.projects p JOIN sftca.certificates c
        ON c.authority_id IN (p.user_authority_id, p.host_authority_id, p.x509_authority_id)
     WHERE p.team_id = team AND p.id = project AND c.serial BETWEEN serial_from AND serial_to AND c.valid_before > now();
    PERFORM sft_core.touch_project(team, project);
    PERFORM sft_core.note(sft_core.dba(), team, 'certificates.revoke',
        jsonb_build_object('serial_from', serial_from, 'serial_to', serial_to, 'reason', reason, 'certificates', affected), project);
    RETURN affected;
END $$;
COMMENT ON FUNCTION sft_admin.revoke_certificates(text, text, bigint, bigint, text) IS
'Revokes all of a project''s certificates with serials in a range (serials are in the order of time); returns how many of them had not expired. Refuses: project_unknown, serial_range.
Example: SELECT sft_admin.revoke_certificates(''acme'', ''prod'', 1, 9223372036854775807, ''authority suspected'');';

CREATE FUNCTION sft_admin.revoke_user(team_name text, user_name text, reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me       CONSTANT sft.actor := sft_core.dba();
    team     CONSTANT uuid := sft_core.team_id(team_name);
    who      CONSTANT uuid := sft_core.user_id(team, user_name);
    affected bigint;
BEGIN
    PERFORM sft_core.fence(team);
    affected := sft_core.revoke_live(team, 'user', who, reason);
    PERFORM sft_core.sessions_end(me, team, who);
    PERFORM sft_core.touch_subject(team, 'user', who);
    PERFORM sft_core.note(me, team, 'certificates.revoke', jsonb_build_object('subject_id', who, 'reason', reason, 'certificates', affected));
    RETURN affected;
END $$;
COMMENT ON FUNCTION sft_admin.revoke_user(text, text, text) IS
'Revokes a user''s certificates that have not expired and signs the user out; returns how many. The user may sign in again: to keep them out, lock() or disable_user(). Refuses: user_unknown.
Example: SELECT sft_admin.revoke_user(''acme'', ''alice'', ''laptop lost'');';

CREATE FUNCTION sft_admin.purge(keep interval DEFAULT '30 days') RETURNS TABLE (what text, forgotten bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM sft.nonces n WHERE n.created_at < now() - interval '1 hour';             -- a signature is good for two minutes
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    what := 'nonces';
    RETURN NEXT;
    DELETE FROM sft.refusals r WHERE r.minute < now() - greatest(keep, interval '1 hour');
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    what := 'refusals';
    RETURN NEXT;
    DELETE FROM sft.changes c WHERE c.at < now() - greatest(keep, interval '1 hour');
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    what := 'changes';
    RETURN NEXT;
    PERFORM sft_core.note(sft_core.dba(), NULL, 'purge', jsonb_build_object('keep', keep));
END $$;
COMMENT ON FUNCTION sft_admin.purge(interval) IS
'Forgets what nobody needs: nonces whose signatures are long void, old counts of refusals, old changes. Never audit, credentials or certificates. Run it from a timer.
Example: SELECT * FROM sft_admin.purge();';
