-- SPDX-License-Identifier: PostgreSQL
-- 030_versions.sql - what is desired on servers has a version; changing it raises the version and pokes who waits.

CREATE FUNCTION sft_core.poke(topic text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sft.changes (topic) VALUES (poke.topic);
    PERFORM pg_notify('sft_changes', topic);
    IF random() < 0.02 THEN
        DELETE FROM sft.changes c WHERE c.at < now() - interval '7 days';
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.poke(text) IS 'Writes down that a topic changed and tells the gateways at commit. Never called by issuing, audit or reports (but a report of other labels can change what is desired).';

CREATE FUNCTION sft_core.touch_project(team_id uuid, project_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.projects p SET state_version = p.state_version + 1
     WHERE p.team_id = touch_project.team_id AND p.id = touch_project.project_id;
    PERFORM sft_core.poke('project/' || project_id);
END $$;
COMMENT ON FUNCTION sft_core.touch_project(uuid, uuid) IS 'Something changed that a project''s servers should have.';

CREATE FUNCTION sft_core.touch_server(team_id uuid, server_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.servers s SET state_version = s.state_version + 1
     WHERE s.team_id = touch_server.team_id AND s.id = touch_server.server_id;
    PERFORM sft_core.poke('server/' || server_id);
END $$;
COMMENT ON FUNCTION sft_core.touch_server(uuid, uuid) IS 'Something changed that one server should have.';

CREATE FUNCTION sft_core.touch_projects(team_id uuid, VARIADIC project_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT p FROM unnest(project_ids) p ORDER BY p LOOP      -- one order for all: no deadlocks
        PERFORM sft_core.touch_project(team_id, one);
    END LOOP;
END $$;
COMMENT ON FUNCTION sft_core.touch_projects(uuid, uuid[]) IS 'Something changed that several projects'' servers should have.';

CREATE FUNCTION sft_core.fence(team_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(5337002, hashtext(team_id::text));
END $$;
COMMENT ON FUNCTION sft_core.fence(uuid) IS 'Taking access away waits here for issues under way in the team, so that it sees them, and holds back new ones until it has committed.';

CREATE FUNCTION sft_core.fence_shared(VARIADIC team_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- who takes access away is done in milliseconds, or is a person with an open transaction: no use in waiting long
    PERFORM set_config('lock_timeout', '1s', true);
    PERFORM pg_advisory_xact_lock_shared(5337002, k) FROM (SELECT DISTINCT hashtext(t::text) AS k
        FROM unnest(team_ids) t ORDER BY k) keys;
END $$;
COMMENT ON FUNCTION sft_core.fence_shared(uuid[]) IS 'Issuing holds this until its commit, so that nobody''s access ends unseen between decision and record.';

CREATE FUNCTION sft_core.projects_of_user(team_id uuid, user_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT pg.project_id), '{}')
      FROM sft.group_members m JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id
     WHERE m.team_id = projects_of_user.team_id AND m.user_id = projects_of_user.user_id
$$;
COMMENT ON FUNCTION sft_core.projects_of_user(uuid, uuid) IS 'The projects that a user is in through groups.';

CREATE FUNCTION sft_core.trust_version(authority_id uuid) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(sum(array_position(ARRAY['next', 'active', 'retiring', 'retired'], k.state)), 0)
        FROM sftca.keys k WHERE k.authority_id = trust_version.authority_id);
END $$;
COMMENT ON FUNCTION sft_core.trust_version(uuid) IS 'The version of an authority''s trusted keys: generations only move onward, so the sum of their steps only grows.';

CREATE FUNCTION sft_core.state_version(team_id uuid, server_id uuid) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT p.state_version + s.state_version + sft_core.trust_version(p.user_authority_id) + sftca.krl_version(p.user_authority_id)
             + (SELECT count(*) FROM sft.locks l WHERE l.team_id = p.team_id AND l.expires_at <= now()
                 AND l.lifted_at IS NULL)
          FROM sft.servers s JOIN sft.projects p ON p.team_id = s.team_id AND p.id = s.project_id
         WHERE s.team_id = state_version.team_id AND s.id = state_version.server_id);
END $$;
COMMENT ON FUNCTION sft_core.state_version(uuid, uuid) IS 'The version of a server''s desired state: a sum of what only grows. Keys and revocations count by themselves, and so does a lock that ends when nothing is written.';
