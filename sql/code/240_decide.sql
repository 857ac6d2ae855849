-- SPDX-License-Identifier: PostgreSQL
-- 240_decide.sql - the one function that decides who gets a certificate, for how long and as whom; and how a target's name is understood.

CREATE TYPE sft_core.ask AS (
    ord int, actor sft.actor, kind text, server_name text, project_name text, public_key text, fingerprint text, ttl_s int,
    server_id uuid, project_id uuid, status int, error text, message text
);
COMMENT ON TYPE sft_core.ask IS 'A certificate that somebody asks for. server_id and project_id are filled by target_all; error is set where that failed.';

CREATE TYPE sft_core.decision AS (
    ord int, allowed boolean, status int, error text, message text, ttl_s int, server_user_name text, principal text, admin boolean,
    authority_id uuid, extensions jsonb, team text, project text, user_name text, details jsonb
);
COMMENT ON TYPE sft_core.decision IS 'What was decided about an ask. details keeps inputs and result, for the record.';

CREATE FUNCTION sft_core.server_name_of(name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN regexp_replace(lower(name), '[.]local$', '');
COMMENT ON FUNCTION sft_core.server_name_of(text) IS 'A server''s name as it is looked up: lower case, without .local.';

CREATE FUNCTION sft_core.servers_named(team_id uuid, name text) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT v.id FROM sft.servers v
     WHERE v.team_id = servers_named.team_id AND v.id = CASE WHEN sft_core.is_uuid(name) THEN name::uuid END AND v.deleted_at IS NULL
    UNION
    SELECT v.id FROM sft.server_names n
      JOIN sft.servers v ON v.team_id = n.team_id AND v.id = n.server_id AND v.deleted_at IS NULL
      LEFT JOIN sft.server_reports r ON r.team_id = v.team_id AND r.server_id = v.id
     WHERE n.team_id = servers_named.team_id AND n.name = sft_core.server_name_of(servers_named.name)
       AND greatest(r.reported_at, v.registered_at) > now() - interval '96 hours'
$$;
COMMENT ON FUNCTION sft_core.servers_named(uuid, text) IS 'The live servers that a uuid or name means. A name counts while the server''s agent was seen within 96 hours.';

CREATE FUNCTION sft_core.may_use(team_id uuid, project_id uuid, user_id uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sft.group_members m
                     JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id AND pg.project_id = may_use.project_id
                    WHERE m.team_id = may_use.team_id AND m.user_id = may_use.user_id)
$$;
COMMENT ON FUNCTION sft_core.may_use(uuid, uuid, uuid) IS 'Whether a user is in a project through a group.';

CREATE FUNCTION sft_core.target_all(asks sft_core.ask[]) RETURNS sft_core.ask[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    result sft_core.ask[];
BEGIN
    SELECT array_agg((a.ord, a.actor, a.kind, a.server_name, a.project_name, a.public_key, a.fingerprint, a.ttl_s, t.server_id, coalesce(t.project_id, p.id),
               CASE WHEN t.usable > 1 THEN 409 WHEN coalesce(t.project_id, p.id) IS NULL THEN 404 END,
               CASE WHEN t.usable > 1 THEN 'server_ambiguous' WHEN coalesce(t.project_id, p.id) IS NOT NULL THEN NULL
                    WHEN a.kind = 'ssh_user' THEN 'server_unknown' ELSE 'project_unknown' END,
               CASE WHEN t.usable > 1 THEN format('There are %s servers named %s; ask by id.', t.usable, a.server_name) WHEN coalesce(t.project_id, p.id) IS NOT NULL THEN NULL
                    WHEN a.kind = 'ssh_user' THEN format('There is no server named %s in your team.', a.server_name)
                    ELSE format('There is no project named %s in your team.', a.project_name) END)::sft_core.ask ORDER BY a.ord)
      INTO result
      FROM unnest(asks) a
      LEFT JOIN sft.projects p ON a.kind = 'x509_client' AND p.team_id = (a.actor).team_id AND lower(p.name) = lower(a.project_name) AND p.deleted_at IS NULL
      LEFT JOIN LATERAL (
          SELECT (array_agg(c.id ORDER BY c.usable DESC, c.id))[1] AS server_id, (array_agg(c.project_id ORDER BY c.usable DESC, c.id))[1] AS project_id,
                 count(*) FILTER (WHERE c.usable) AS usable
            FROM (SELECT v.id, v.project_id, sft_core.may_use(v.team_id, v.project_id, (a.actor).user_id) AS usable
                    FROM sft_core.servers_named((a.actor).team_id, a.server_name) n JOIN sft.servers v ON v.team_id = (a.actor).team_id AND v.id = n) c) t ON a.kind = 'ssh_user';
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.target_all(sft_core.ask[]) IS 'Finds the server or project that each ask means; where several servers have a name, the one that the user may use. Refuses, in the row: server_unknown, server_ambiguous, project_unknown.';

CREATE FUNCTION sft_core.decide(asks sft_core.ask[]) RETURNS SETOF sft_core.decision
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT a.ord, v.error IS NULL, coalesce(v.status, 201), v.error, v.message, c.ttl_s, u.server_user_name::text, u.server_user_name::text, x.admin,
           CASE a.kind WHEN 'ssh_user' THEN p.user_authority_id ELSE p.x509_authority_id END,
           jsonb_build_object('permit-pty', '', 'permit-port-forwarding', '', 'permit-user-rc', '', 'project@sft', p.name, 'request@sft', (a.actor).request_id, 'team@sft', t.name),
           t.name::text, p.name::text, u.name::text,
           jsonb_build_object(
               'inputs', jsonb_build_object('kind', a.kind, 'user', u.name, 'user_status', u.status, 'client_id', (a.actor).client_id, 'server_id', a.server_id, 'project', p.name,
                   'groups', x.groups, 'peer', host((a.actor).peer), 'signed_in_at', (a.actor).signed_in_at, 'session_expires_at', (a.actor).session_expires_at,
                   'ttl_s', a.ttl_s, 'locks', l.reasons, 'policy', CASE WHEN y.project_id IS NOT NULL THEN jsonb_build_object('source_networks', to_jsonb(y.source_networks),
                       'max_sign_in_age_s', y.max_sign_in_age_s, 'max_certificate_ttl_s', y.max_certificate_ttl_s) END),
               'result', jsonb_build_object('allowed', v.error IS NULL, 'error', v.error, 'reasons', v.reasons, 'server_user_name', u.server_user_name, 'admin', x.admin, 'ttl_s', c.ttl_s))
      FROM unnest(asks) a
      JOIN sft.teams t ON t.id = (a.actor).team_id
      JOIN sft.projects p ON p.team_id = t.id AND p.id = a.project_id
      JOIN sft.users u ON u.team_id = t.id AND u.id = (a.actor).user_id
      LEFT JOIN sft.policies y ON y.team_id = t.id AND y.project_id = p.id
      CROSS JOIN LATERAL (
          SELECT count(*) > 0 AS member, coalesce(bool_or(pg.server_admin), false) AS admin, coalesce(jsonb_agg(g.name), '[]') AS groups
            FROM sft.group_members m
            JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id AND pg.project_id = p.id
            JOIN sft.groups g ON g.team_id = m.team_id AND g.id = m.group_id
           WHERE m.team_id = t.id AND m.user_id = u.id) x
      CROSS JOIN LATERAL (
          SELECT coalesce(jsonb_agg(k.subject_kind || ': ' || k.reason), '[]') AS reasons, min(k.subject_kind || ': ' || k.reason) AS first FROM sft.locks k
           WHERE k.team_id = t.id AND k.lifted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
             AND k.subject_id = ANY (ARRAY[u.id, (a.actor).client_id, a.server_id, p.id, t.id])) l
      CROSS JOIN LATERAL (
          SELECT coalesce(y.max_certificate_ttl_s, p.certificate_ttl_s) AS max_ttl_s,
                 least(coalesce(a.ttl_s, least(p.certificate_ttl_s, coalesce(y.max_certificate_ttl_s, p.certificate_ttl_s))),
                       floor(extract(epoch FROM (a.actor).session_expires_at - now()))::int) AS ttl_s) c
      CROSS JOIN LATERAL (
          SELECT (array_agg(r.status ORDER BY r.step))[1] AS status, (array_agg(r.error ORDER BY r.step))[1] AS error,
                 string_agg(r.message, ' ' ORDER BY r.step) AS message, coalesce(jsonb_agg(r.message ORDER BY r.step), '[]') AS reasons
            FROM (VALUES
              (1, p.deleted_at IS NOT NULL, 403, 'not_granted', format('The project %s was deleted.', p.name)),
              (2, u.status <> 'ACTIVE', 403, 'user_disabled', 'This user is disabled.'),
              (3, l.first IS NOT NULL, 403, 'locked', format('Locked (%s).', l.first)),
              (4, NOT x.member, 403, 'not_granted', format('No group of %s is in the project %s.', u.name, p.name)),
              (5, y.source_networks IS NOT NULL AND NOT coalesce((a.actor).peer <<= ANY (y.source_networks), false), 403, 'source_address_denied',
                  format('The project %s is not open to requests from %s.', p.name, coalesce(host((a.actor).peer), 'an unknown address'))),
              (6, y.max_sign_in_age_s IS NOT NULL AND NOT coalesce((a.actor).signed_in_at > now() - make_interval(secs => y.max_sign_in_age_s), false), 403, 'sign_in_too_old',
                  format('The project %s wants a sign-in within %s seconds: sign in again.', p.name, y.max_sign_in_age_s)),
              (7, a.ttl_s > c.max_ttl_s, 403, 'ttl_too_long', format('A certificate of the project %s lives at most %s seconds.', p.name, c.max_ttl_s)),
              (8, c.ttl_s < 1, 401, 'session_required', 'Sign in again: the session is over.')
            ) r (step, hit, status, error, message) WHERE r.hit) v;
END $$;
COMMENT ON FUNCTION sft_core.decide(sft_core.ask[]) IS 'Decides asks whose target is known: status, locks, membership, source network, age of sign-in, ttl. Reads only; the same answer explains and issues.';
