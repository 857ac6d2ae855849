-- SPDX-License-Identifier: PostgreSQL
-- 105_roles.sql - what members of a team may do: the roles that they hold through groups, and the limits on calling.

CREATE FUNCTION sft_core.roles_of(team_id uuid, user_id uuid) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT r.role), '{}')
      FROM sft.group_members m
      JOIN sft.groups g ON g.team_id = m.team_id AND g.id = m.group_id AND g.deleted_at IS NULL
      CROSS JOIN LATERAL unnest(g.roles || CASE WHEN lower(g.name) = 'owners' THEN ARRAY['owners'] ELSE '{}' END) r (role)
     WHERE m.team_id = roles_of.team_id AND m.user_id = roles_of.user_id
$$;
COMMENT ON FUNCTION sft_core.roles_of(uuid, uuid) IS 'The roles that a user holds in the team through groups; owners for a member of that group.';

CREATE FUNCTION sft_core.has_role(team_id uuid, user_id uuid, VARIADIC any_of text[]) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT sft_core.roles_of(has_role.team_id, has_role.user_id) && any_of
$$;
COMMENT ON FUNCTION sft_core.has_role(uuid, uuid, text[]) IS 'Whether a user holds one of these roles.';

CREATE FUNCTION sft_core.sees_all(by sft.actor) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT sft_core.has_role((by).team_id, (by).user_id, 'access_admin', 'reporting_user')
$$;
COMMENT ON FUNCTION sft_core.sees_all(sft.actor) IS 'Whether lists show everything of the team, or only what belongs to the caller''s own projects.';

CREATE FUNCTION sft_core.need_roles(by sft.actor, roles text[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT roles && (sft_core.roles_of((by).team_id, (by).user_id) || ARRAY['everyone']
        || CASE WHEN (by).client_id IS NULL THEN '{}' ELSE ARRAY['authenticated_client'] END) THEN
        PERFORM sft_core.refuse(403, 'role_missing', format('This takes one of the roles %s.', array_to_string(roles, ', ')));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.need_roles(sft.actor, text[]) IS 'Lets pass who holds one of these roles. Refuses: role_missing.';

-- owners hold everything; an access_admin what is below
CREATE FUNCTION sft_core.with_lower(roles text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN roles || CASE WHEN roles && ARRAY['owners', 'access_admin'] THEN ARRAY['access_admin', 'access_user', 'reporting_user', 'server_admin'] ELSE '{}' END;
COMMENT ON FUNCTION sft_core.with_lower(text[]) IS 'Roles, and those that they contain.';

CREATE FUNCTION sft_core.may_grant(by sft.actor, roles text[]) RETURNS boolean
LANGUAGE sql STABLE
RETURN (by).kind NOT IN ('client', 'service') OR roles <@ sft_core.with_lower(sft_core.roles_of((by).team_id, (by).user_id));
COMMENT ON FUNCTION sft_core.may_grant(sft.actor, text[]) IS 'Nobody grants what they do not hold: whether a caller holds all these roles. A DBA holds everything.';

CREATE FUNCTION sft_core.need_grant(by sft.actor, roles text[]) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- what is no role at all is the table's to refuse
    IF NOT sft_core.may_grant(by, ARRAY(SELECT r FROM unnest(roles) r WHERE r IN ('access_admin', 'access_user', 'reporting_user', 'server_admin', 'owners'))) THEN
        PERFORM sft_core.refuse(403, 'role_not_held', format('Only who holds %s gives or takes it.', array_to_string(roles, ', ')));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.need_grant(sft.actor, text[]) IS 'Refuses: role_not_held.';

CREATE FUNCTION sft_core.need_rank(by sft.actor, team_id uuid, user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM sft_core.need_grant(by, sft_core.roles_of(need_rank.team_id, need_rank.user_id));
END $$;
COMMENT ON FUNCTION sft_core.need_rank(sft.actor, uuid, uuid) IS 'Who acts on another user, or could then act as that user, holds at least that user''s roles. Refuses: role_not_held.';

CREATE FUNCTION sft_core.refuse_locked(who sft.actor) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    reason text := sft_core.lock_on(who.team_id, who.client_id, who.user_id);
BEGIN
    IF reason IS NOT NULL THEN
        PERFORM sft_core.refuse(403, 'locked', format('Locked: %s', reason));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.refuse_locked(sft.actor) IS 'A stolen device that is locked lets no other in, and removes none. Refuses: locked.';

CREATE FUNCTION sft_core.refuse_strict(by sft.actor) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (by).kind = 'service' AND (SELECT t.strict_devices FROM sft.teams t WHERE t.id = (by).team_id) THEN
        PERFORM sft_core.refuse(403, 'strict_devices', 'In this team a bearer token lets no device in.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.refuse_strict(sft.actor) IS 'Asked wherever a device could come in: a token that was stolen must not make one. Refuses: strict_devices.';

-- Calls are counted when their answer is there, and looked at before: nobody waits for a counter.
CREATE TYPE sft_core.quota AS (allowed int, used int, resets_at timestamptz);
COMMENT ON TYPE sft_core.quota IS 'How many calls a caller may make in this minute, has made, and when the next begins.';

CREATE FUNCTION sft_core.quota_of(by sft.actor) RETURNS sft_core.quota
LANGUAGE plpgsql STABLE AS $$
DECLARE
    this_minute timestamptz := date_trunc('minute', now());
    used        int;
BEGIN
    IF NOT pg_is_in_recovery() THEN                          -- a standby has no unlogged tables
        SELECT c.calls INTO used FROM sft.call_counts c
         WHERE c.team_id = (by).team_id AND c.caller_id = coalesce((by).client_id, (by).user_id) AND c.started_at >= this_minute;
    END IF;
    RETURN ((SELECT t.rate_limit_per_minute FROM sft.teams t WHERE t.id = (by).team_id), coalesce(used, 0),
        this_minute + interval '1 minute')::sft_core.quota;
END $$;
COMMENT ON FUNCTION sft_core.quota_of(sft.actor) IS 'What a caller has left of this minute.';

CREATE FUNCTION sft_core.quota_need(by sft.actor) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    quota sft_core.quota := sft_core.quota_of(by);
BEGIN
    IF quota.used >= quota.allowed THEN
        PERFORM sft_core.refuse(429, 'too_many_requests', format('Only %s calls a minute.', quota.allowed));
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.quota_need(sft.actor) IS 'Refuses: too_many_requests.';

CREATE FUNCTION sft_core.quota_use(by sft.actor) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sft.call_counts AS c (team_id, caller_id, calls, started_at)
    VALUES ((by).team_id, coalesce((by).client_id, (by).user_id), 1, date_trunc('minute', now()))
    ON CONFLICT ON CONSTRAINT call_count_taken DO UPDATE SET started_at = greatest(c.started_at, EXCLUDED.started_at),
        calls = CASE WHEN c.started_at >= EXCLUDED.started_at THEN c.calls + 1 ELSE 1 END;
END $$;
COMMENT ON FUNCTION sft_core.quota_use(sft.actor) IS 'Counts a call; the last thing that a call does.';

CREATE FUNCTION sft_core.quota_headers(by sft.actor, status int) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT format(E'x-ratelimit-limit: %s\nx-ratelimit-remaining: %s\nx-ratelimit-reset: %s\n', q.allowed, greatest(0, q.allowed - q.used),
                  extract(epoch FROM q.resets_at)::bigint)
        || CASE WHEN status = 429 THEN format(E'x-ratelimit-retry-at: %s\nretry-after: %s\n', extract(epoch FROM q.resets_at)::bigint,
               greatest(1, ceil(extract(epoch FROM q.resets_at - clock_timestamp()))::int)) ELSE '' END
      FROM sft_core.quota_of(by) q
$$;
COMMENT ON FUNCTION sft_core.quota_headers(sft.actor, int) IS 'The X-RateLimit headers of an answer.';
