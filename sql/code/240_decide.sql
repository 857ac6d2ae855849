-- SPDX-License-Identifier: PostgreSQL
-- 240_decide.sql - the one function that decides who gets a certificate, for how long and as whom; and how a target's name is understood.

CREATE TYPE sft_core.ask AS (
    ord int, actor sft.actor, kind text, server_name text, project_name text, public_key text, fingerprint text,
        ttl_s int,
    server_id uuid, project_id uuid, status int, error text, message text
);
COMMENT ON TYPE sft_core.ask IS 'A certificate that somebody asks for. server_id and project_id are filled by target_all; error is set where that failed.';

CREATE TYPE sft_core.decision AS (
    ask sft_core.ask, allowed boolean, status int, error text, message text, ttl_s int, server_user_name text,
        principal text, admin boolean,
    authority_id uuid, extensions jsonb, team text, project text, user_name text, details jsonb
);
COMMENT ON TYPE sft_core.decision IS 'What was decided about an ask, which goes with it. details keeps inputs and result, for the record.';

CREATE FUNCTION sft_core.server_name_of(name text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN regexp_replace(lower(name), '[.]local$', '');
COMMENT ON FUNCTION sft_core.server_name_of(text) IS 'A server''s name as it is looked up: lower case, without .local.';

-- Takes keys and no expressions of them: under row security only a plain value finds its way into an index.
CREATE FUNCTION sft_core.servers_keyed(team_id uuid, id uuid, key text) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT v.id FROM sft.servers v
     WHERE v.team_id = servers_keyed.team_id AND v.id = servers_keyed.id AND v.deleted_at IS NULL
    UNION
    SELECT v.id FROM sft.server_names n
      JOIN sft.servers v ON v.team_id = n.team_id AND v.id = n.server_id AND v.deleted_at IS NULL
      LEFT JOIN sft.server_reports r ON r.team_id = v.team_id AND r.server_id = v.id
     WHERE n.team_id = servers_keyed.team_id AND n.name = servers_keyed.key
       AND (NOT v.managed OR greatest(r.reported_at, v.registered_at) > now() - interval '96 hours')
$$;
COMMENT ON FUNCTION sft_core.servers_keyed(uuid, uuid, text) IS 'The live servers of an id or of a name as it is looked up. A name counts while the server''s agent was seen within 96 hours; that of a server without an agent always.';

CREATE FUNCTION sft_core.servers_named(team_id uuid, name text) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT k FROM sft_core.servers_keyed(servers_named.team_id, sft_core.uuid_of(servers_named.name), sft_core.server_name_of(servers_named.name)) k
$$;
COMMENT ON FUNCTION sft_core.servers_named(uuid, text) IS 'The live servers that a uuid or name means.';

CREATE FUNCTION sft_core.may_use(team_id uuid, project_id uuid, user_id uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sft.group_members m
                     JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id
                         AND pg.project_id = may_use.project_id
                    WHERE m.team_id = may_use.team_id AND m.user_id = may_use.user_id)
$$;
COMMENT ON FUNCTION sft_core.may_use(uuid, uuid, uuid) IS 'Whether a user is in a project through a group, on whichever of its servers.';

CREATE FUNCTION sft_core.may_enter(team_id uuid, project_id uuid, label_values jsonb, user_id uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM sft.group_members m
                     JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id
                         AND pg.project_id = may_enter.project_id
                    WHERE m.team_id = may_enter.team_id AND m.user_id = may_enter.user_id
                      AND sft_core.selected(pg.servers_match, may_enter.label_values))
$$;
COMMENT ON FUNCTION sft_core.may_enter(uuid, uuid, jsonb, uuid) IS 'Whether a user may use the server of a project that has these labels: by a group whose selector picks it.';

CREATE FUNCTION sft_core.target_all(asks sft_core.ask[]) RETURNS sft_core.ask[]
LANGUAGE plpgsql AS $$
DECLARE
    result sft_core.ask[];
BEGIN
    SELECT array_agg((a.ord, a.actor, a.kind, a.server_name, a.project_name, a.public_key, a.fingerprint, a.ttl_s,
        t.server_id, t.project_id,
               CASE f.error WHEN 'server_ambiguous' THEN 409 ELSE CASE WHEN f.error IS NOT NULL THEN 404 END END,
                   f.error,
               CASE f.error WHEN 'server_ambiguous' THEN format('There are %s servers named %s; ask by id.', t.usable,
                   a.server_name)
                   WHEN 'server_unknown' THEN format('There is no server named %s in your team.', a.server_name)
                   WHEN 'project_unknown' THEN format('There is no project named %s in your team.',
                       a.project_name) END)::sft_core.ask)
      INTO result
      FROM unnest(asks) a
      CROSS JOIN LATERAL (SELECT sft_core.uuid_of(a.server_name) AS id, sft_core.server_name_of(a.server_name) AS name OFFSET 0) k
      CROSS JOIN LATERAL (
          SELECT (array_agg(c.server_id ORDER BY c.usable DESC, c.server_id))[1] AS server_id,
              (array_agg(c.project_id ORDER BY c.usable DESC, c.server_id))[1] AS project_id,
                 count(*) FILTER (WHERE c.usable) AS usable
            FROM (SELECT v.id AS server_id, v.project_id, EXISTS (
                      SELECT FROM sft.group_members m JOIN sft.project_groups pg ON pg.team_id = m.team_id
                          AND pg.group_id = m.group_id AND pg.project_id = v.project_id
                       WHERE m.team_id = (a.actor).team_id AND m.user_id = (a.actor).user_id
                         AND sft_core.selected(pg.servers_match, v.label_values)) AS usable
                    FROM sft_core.servers_keyed((a.actor).team_id, k.id, k.name) n
                    CROSS JOIN LATERAL (SELECT y.id, y.project_id, y.label_values FROM sft.servers y
                        WHERE y.team_id = (a.actor).team_id AND y.id = n OFFSET 0) v
                   WHERE a.kind = 'ssh_user'
                  UNION ALL
                  SELECT NULL, p.id, false FROM sft.projects p
                   WHERE a.kind = 'x509_client' AND p.team_id = (a.actor).team_id
                       AND lower(p.name) = lower(a.project_name) AND p.deleted_at IS NULL) c OFFSET 0) t
      CROSS JOIN LATERAL (SELECT CASE WHEN t.usable > 1 THEN 'server_ambiguous' WHEN t.project_id IS NOT NULL THEN NULL
                                      WHEN a.kind = 'ssh_user' THEN 'server_unknown'
                                          ELSE 'project_unknown' END AS error OFFSET 0) f;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.target_all(sft_core.ask[]) IS 'Finds the server or project that each ask means; where several servers have a name, the one that the user may use. Refuses, in the row: server_unknown, server_ambiguous, project_unknown.';

CREATE FUNCTION sft_core.decision_sentence(error text, d record) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE error
        WHEN 'project_deleted' THEN format('The project %s was deleted.', d.project)
        WHEN 'user_disabled' THEN 'This user is disabled.'
        WHEN 'locked' THEN format('Locked (%s).', d.lock)
        WHEN 'not_granted' THEN format('No group of %s is in the project %s.', d.user_name, d.project)
        WHEN 'not_selected' THEN format('No group of %s in the project %s is for this server: their selectors leave it out.', d.user_name, d.project)
        WHEN 'not_everywhere' THEN format('No group of %s in the project %s is for all of it, as this certificate would be.', d.user_name, d.project)
        WHEN 'gateway_required' THEN format('The project %s wants connections to go through a gateway, and this platform has none.', d.project)
        WHEN 'preauth_missing' THEN format('The project %s wants a preauthorization, and %s has none that counts now.', d.project, d.user_name)
        WHEN 'source_address_denied' THEN format('The project %s is not open to requests from %s.', d.project,
            coalesce(host(d.peer), 'an unknown address'))
        WHEN 'sign_in_too_old' THEN format('The project %s wants a sign-in within %s seconds: sign in again.',
            d.project, d.max_sign_in_age_s)
        WHEN 'ttl_too_long' THEN format('A certificate of the project %s lives at most %s seconds.', d.project,
            d.max_ttl_s)
        WHEN 'session_required' THEN 'Sign in again: the session is over.' END;
END $$;
COMMENT ON FUNCTION sft_core.decision_sentence(text, record) IS 'What people read of a reason to say no.';

CREATE FUNCTION sft_core.decide(asks sft_core.ask[]) RETURNS SETOF sft_core.decision
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT q.a, n.error IS NULL, CASE WHEN n.error IS NULL THEN 201 WHEN n.error = 'session_required' THEN 401
        ELSE 403 END,
           CASE WHEN n.error IN ('project_deleted', 'not_selected', 'not_everywhere') THEN 'not_granted' ELSE n.error END,
               nullif(array_to_string(n.sentences, ' '), ''),
           c.ttl_s, w.account, CASE WHEN a.kind = 'ssh_user' AND NOT x.everywhere THEN a.server_id || ':' || w.account ELSE w.account END, x.admin,
           CASE a.kind WHEN 'ssh_user' THEN p.user_authority_id ELSE p.x509_authority_id END,
           jsonb_build_object('permit-pty', '', 'permit-port-forwarding', '', 'permit-user-rc', '', 'project@sft',
               p.name, 'request@sft', (a.actor).request_id, 'team@sft', t.name),
           t.name::text, p.name::text, u.name::text,
           jsonb_build_object(
               'inputs', jsonb_build_object('kind', a.kind, 'user', u.name, 'user_status', u.status, 'client_id', (a.actor).client_id, 'server_id', a.server_id, 'project', p.name,
                   'groups', to_jsonb(x.groups), 'peer', host((a.actor).peer), 'signed_in_at', (a.actor).signed_in_at, 'session_expires_at', (a.actor).session_expires_at,
                   'ttl_s', a.ttl_s, 'locks', coalesce(to_jsonb(l.reasons), '[]'), 'preauthorized_until', CASE WHEN p.require_preauth_for_creds THEN h.until END, 'policy', CASE WHEN y.project_id IS NOT NULL THEN jsonb_build_object('source_networks', to_jsonb(y.source_networks),
                       'max_sign_in_age_s', y.max_sign_in_age_s, 'max_certificate_ttl_s', y.max_certificate_ttl_s) END),
               'result', jsonb_build_object('allowed', n.error IS NULL, 'error', n.error, 'reasons', to_jsonb(n.sentences), 'server_user_name', w.account, 'admin', x.admin, 'everywhere', x.everywhere, 'ttl_s', c.ttl_s))
      FROM (SELECT x AS a FROM unnest(asks) x WHERE x.error IS NULL OFFSET 0) q
      CROSS JOIN LATERAL (SELECT (q.a).*) a
      CROSS JOIN LATERAL (SELECT z.id, z.name FROM sft.teams z WHERE z.id = (a.actor).team_id OFFSET 0) t
      CROSS JOIN LATERAL (SELECT z.* FROM sft.projects z WHERE z.team_id = t.id AND z.id = a.project_id OFFSET 0) p
      CROSS JOIN LATERAL (SELECT z.id, z.name, z.status, z.server_user_name FROM sft.users z WHERE z.team_id = t.id
          AND z.id = (a.actor).user_id OFFSET 0) u
      LEFT JOIN LATERAL (SELECT z.label_values FROM sft.servers z WHERE z.team_id = t.id AND z.id = a.server_id OFFSET 0) s ON true
      LEFT JOIN LATERAL (SELECT z.* FROM sft.policies z WHERE z.team_id = t.id
          AND z.project_id = p.id OFFSET 0) y ON true
      CROSS JOIN LATERAL (SELECT CASE WHEN p.require_preauth_for_creds THEN sft_core.preauthorized_until(t.id, p.id, u.id)
          ELSE 'infinity' END AS until OFFSET 0) h
      CROSS JOIN LATERAL (
          SELECT count(*) > 0 AS member, coalesce(bool_or(k.picked), false) AS picked,
              coalesce(bool_or(pg.server_admin) FILTER (WHERE k.picked), false) AS admin,
              coalesce(array_agg(g.name::text) FILTER (WHERE k.picked), '{}') AS groups,
              -- a shared admin account is another account: to have it everywhere one has to be admin everywhere
              coalesce(bool_or(pg.servers_match IS NULL AND (NOT p.force_shared_ssh_users OR pg.server_admin)), false)
              OR coalesce(bool_or(pg.servers_match IS NULL), false) AND NOT coalesce(bool_or(pg.server_admin) FILTER (WHERE k.picked), false) AS everywhere
            FROM sft.group_members m
            JOIN sft.project_groups pg ON pg.team_id = m.team_id AND pg.group_id = m.group_id AND pg.project_id = p.id
            JOIN sft.groups g ON g.team_id = m.team_id AND g.id = m.group_id
            CROSS JOIN LATERAL (SELECT CASE WHEN a.kind = 'ssh_user' THEN sft_core.selected(pg.servers_match, s.label_values)
                                            ELSE pg.servers_match IS NULL END AS picked) k
           WHERE m.team_id = t.id AND m.user_id = u.id OFFSET 0) x
      CROSS JOIN LATERAL (SELECT CASE WHEN NOT p.force_shared_ssh_users THEN u.server_user_name::text
                                      WHEN x.admin THEN p.shared_admin_user_name::text ELSE p.shared_standard_user_name::text END AS account) w
      CROSS JOIN LATERAL (
          SELECT array_agg(k.subject_kind || ': ' || k.reason ORDER BY k.created_at) AS reasons FROM sft.locks k
           WHERE k.team_id = t.id AND k.lifted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
             AND k.subject_id = ANY (ARRAY[u.id, (a.actor).client_id, a.server_id, p.id, t.id]) OFFSET 0) l
      CROSS JOIN LATERAL (
          SELECT coalesce(y.max_certificate_ttl_s, p.certificate_ttl_s) AS max_ttl_s,
                 least(coalesce(a.ttl_s, least(p.certificate_ttl_s, coalesce(y.max_certificate_ttl_s,
                     p.certificate_ttl_s))),
                       floor(extract(epoch FROM (a.actor).session_expires_at - now()))::int,
                       CASE WHEN h.until < 'infinity' THEN greatest(1, floor(extract(epoch FROM least(h.until, now() + interval '2 days') - now()))::int) END) AS ttl_s OFFSET 0) c
      CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
              CASE WHEN p.deleted_at IS NOT NULL THEN 'project_deleted' END,
              CASE WHEN u.status <> 'ACTIVE' THEN 'user_disabled' END,
              CASE WHEN l.reasons IS NOT NULL THEN 'locked' END,
              CASE WHEN NOT x.member THEN 'not_granted' WHEN x.picked THEN NULL
                   WHEN a.kind = 'ssh_user' THEN 'not_selected' ELSE 'not_everywhere' END,
              CASE WHEN h.until IS NULL THEN 'preauth_missing' END,
              CASE WHEN a.kind = 'ssh_user' AND (p.forward_traffic OR p.ssh_session_recording) THEN 'gateway_required' END,
              CASE WHEN y.source_networks IS NOT NULL AND NOT coalesce((a.actor).peer <<= ANY (y.source_networks),
                  false) THEN 'source_address_denied' END,
              CASE WHEN y.max_sign_in_age_s IS NOT NULL
                  AND NOT coalesce((a.actor).signed_in_at > now() - make_interval(secs => y.max_sign_in_age_s),
                  false) THEN 'sign_in_too_old' END,
              CASE WHEN a.ttl_s > c.max_ttl_s THEN 'ttl_too_long' END,
              CASE WHEN c.ttl_s < 1 THEN 'session_required' END], NULL) AS reasons OFFSET 0) v
      CROSS JOIN LATERAL (SELECT v.reasons[1] AS error, CASE WHEN v.reasons = '{}' THEN '{}' ELSE ARRAY(
              SELECT sft_core.decision_sentence(w, s) FROM unnest(v.reasons) WITH ORDINALITY q (w, o),
                     LATERAL (SELECT p.name AS project, u.name AS user_name, l.reasons[1] AS lock,
                         (a.actor).peer AS peer, y.max_sign_in_age_s, c.max_ttl_s) s
                         ORDER BY o) END AS sentences OFFSET 0) n;
    RETURN QUERY
    SELECT x, false, x.status, x.error, x.message, NULL::int, NULL, NULL, NULL::boolean, NULL::uuid, NULL::jsonb,
        NULL, NULL, NULL, '{}'::jsonb FROM unnest(asks) x WHERE x.error IS NOT NULL;
END $$;
COMMENT ON FUNCTION sft_core.decide(sft_core.ask[]) IS 'Decides asks, in any order: status, locks, membership, selectors, preauthorization, gateways, source network, age of sign-in, ttl. An ask without a target stays refused as it is. Reads only; the same answer explains and issues.';
