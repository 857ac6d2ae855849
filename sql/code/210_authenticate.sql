-- SPDX-License-Identifier: PostgreSQL
-- 210_authenticate.sql - who signed: from Signature-Input to an actor, for one request or a batch of them.

CREATE TYPE sft_core.signed AS (ord int, kind text, id uuid, team_id uuid, request_id uuid, error text);
COMMENT ON TYPE sft_core.signed IS 'What a signature says and whether it holds; error is null when it does.';

CREATE TYPE sft_core.identity AS (ord int, actor sft.actor, status int, error text, message text, extra jsonb);
COMMENT ON TYPE sft_core.identity IS 'Who made a request, or why that is refused. actor is null where the signature did not hold.';

CREATE FUNCTION sft_core.verify_signature(req sft.request, key_blob bytea) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT sftca.verify_request(key_blob, (req).method, i.authority, (req).target, (req).raw_body,
               sft_core.header((req).headers, 'content-digest'), sft_core.header((req).headers, 'signature-input'),
                   (req).signature)
      FROM sft.instance i
$$;
COMMENT ON FUNCTION sft_core.verify_signature(sft.request, bytea) IS 'Null where a request was signed by this key for this instance, otherwise the code word.';

CREATE FUNCTION sft_core.signature_fault(input text, signature text, created bigint, nonce uuid) RETURNS text
LANGUAGE sql VOLATILE
RETURN CASE WHEN signature IS NULL OR input IS NULL THEN 'signature_missing'
    WHEN created IS NULL OR nonce IS NULL THEN 'signature_malformed'
    WHEN abs(created - extract(epoch FROM clock_timestamp())) > 60 THEN 'clock_skew' END;
COMMENT ON FUNCTION sft_core.signature_fault(text, text, bigint, uuid) IS 'What is wrong with a signature before any key is looked up.';

CREATE FUNCTION sft_core.signature_sentence(error text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE error
    WHEN 'signature_missing' THEN 'This request has to be signed.'
    WHEN 'signature_malformed' THEN 'The signature headers are not in the form that this platform reads.'
    WHEN 'clock_skew' THEN 'The request''s time differs from the platform''s by more than 60 seconds.'
    WHEN 'key_unknown' THEN 'No live client or server has this key.'
    WHEN 'digest_mismatch' THEN 'The body is not what its digest says.'
    ELSE 'The signature does not fit the request.' END;
COMMENT ON FUNCTION sft_core.signature_sentence(text) IS 'What people read when a signature is refused.';

CREATE FUNCTION sft_core.signature_extra(error text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE error WHEN 'clock_skew' THEN jsonb_build_object('time', sft_core.json_time(clock_timestamp())) END;
END $$;
COMMENT ON FUNCTION sft_core.signature_extra(text) IS 'What else the body of such a refusal says: the platform''s time.';

-- Look-ups on the hot path are LATERAL with OFFSET 0: always one index probe a row, however small the tables were when the plan was made.
CREATE FUNCTION sft_core.verify_all(reqs sft.request[], wanted text, authority text) RETURNS sft_core.signed[]
LANGUAGE plpgsql AS $$
DECLARE
    result sft_core.signed[];
BEGIN
    SELECT array_agg((r.ord, k.kind, k.id, k.team_id, p.nonce,
               coalesce(f.fault, CASE WHEN k.id IS NULL THEN 'key_unknown'
                   ELSE sftca.verify_request(k.key_blob, r.method, authority, r.target, r.raw_body,
                       sft_core.header(r.headers, 'content-digest'), h.input, r.signature) END))::sft_core.signed)
      INTO result
      FROM unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer,
          trace_id, request_id, signature, actor, ord)
      CROSS JOIN LATERAL (SELECT sft_core.header(r.headers, 'signature-input') AS input OFFSET 0) h
      CROSS JOIN LATERAL sftca.parse_signature(h.input) p
      CROSS JOIN LATERAL (SELECT sft_core.signature_fault(h.input, r.signature, p.created, p.nonce) AS fault,
                                 split_part(p.keyid, '/', 1) AS kind, split_part(p.keyid, '/', 2) AS id OFFSET 0) f
      LEFT JOIN LATERAL (SELECT x.kind, x.id, x.team_id, x.key_blob FROM sft.actor_keys x
                          WHERE x.kind = wanted AND f.kind = wanted AND x.id = CASE WHEN f.fault IS NULL
                              AND sft_core.is_uuid(f.id) THEN f.id::uuid END OFFSET 0) k ON true;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.verify_all(sft.request[], text, text) IS 'Looks up the keys of signatures by clients or servers, and verifies each.';

CREATE FUNCTION sft_core.identity_sentence(error text, team text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE error
    WHEN 'team_unknown' THEN format('There is no team named %s.', left(team, 64))
    WHEN 'client_not_approved' THEN 'This client is not approved yet.'
    WHEN 'user_disabled' THEN 'This user is disabled.'
    WHEN 'session_required' THEN 'Sign in again: there is no live session.'
    WHEN 'server_authorization_revoked' THEN 'This server was removed.'
    ELSE sft_core.signature_sentence(error) END;
COMMENT ON FUNCTION sft_core.identity_sentence(text, text) IS 'What people read when they are not who may ask.';

CREATE FUNCTION sft_core.identify_clients(reqs sft.request[], signed sft_core.signed[],
    need_user boolean) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT s.ord,
           CASE WHEN c.id IS NOT NULL THEN
               ('client', coalesce(u.name::text, 'client/' || s.id), s.team_id, u.id, c.id, x.id, NULL, NULL,
                   x.signed_in_at, x.expires_at, r.peer, s.request_id, r.trace_id)::sft.actor END,
           CASE WHEN f.error = 'team_unknown' THEN 404 WHEN f.error IN ('client_not_approved',
               'user_disabled') THEN 403 WHEN f.error IS NOT NULL THEN 401 END,
           f.error, CASE WHEN f.error IS NOT NULL THEN sft_core.identity_sentence(f.error, r.params[1]) END, CASE
               WHEN f.error IS NOT NULL THEN sft_core.signature_extra(f.error) END
      FROM unnest(signed) s
      JOIN unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer,
          trace_id, request_id, signature, actor, ord) ON r.ord = s.ord
      LEFT JOIN LATERAL (SELECT y.name FROM sft.teams y WHERE y.id = s.team_id OFFSET 0) t ON true
      LEFT JOIN LATERAL (SELECT y.id, y.state, y.user_id FROM sft.clients y WHERE s.error IS NULL
          AND y.team_id = s.team_id AND y.id = s.id AND y.state <> 'DELETED' OFFSET 0) c ON true
      LEFT JOIN LATERAL (SELECT y.id, y.name, y.status FROM sft.users y WHERE y.team_id = s.team_id
          AND y.id = c.user_id OFFSET 0) u ON true
      LEFT JOIN LATERAL (SELECT y.id, y.signed_in_at, y.expires_at FROM sft.client_sessions y
                          WHERE y.team_id = s.team_id AND y.client_id = c.id AND y.ended_at IS NULL
                              AND y.expires_at > now() OFFSET 0) x ON true
      CROSS JOIN LATERAL (SELECT CASE
          WHEN s.error IS NOT NULL THEN s.error
          WHEN c.id IS NULL THEN 'key_unknown'
          WHEN r.route LIKE '% /v1/teams/%' AND lower(r.params[1]) <> t.name THEN 'team_unknown'
          WHEN need_user AND c.state <> 'ACTIVE' THEN 'client_not_approved'
          WHEN need_user AND u.status <> 'ACTIVE' THEN 'user_disabled'
          WHEN need_user AND x.id IS NULL THEN 'session_required' END AS error OFFSET 0) f;
END $$;
COMMENT ON FUNCTION sft_core.identify_clients(sft.request[], sft_core.signed[], boolean) IS 'The actors behind verified client keys. Refuses: key_unknown (removed), team_unknown, client_not_approved, user_disabled, session_required.';

CREATE FUNCTION sft_core.identify_servers(reqs sft.request[], signed sft_core.signed[]) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT s.ord,
           CASE WHEN f.error IS NULL THEN
               ('server', 'server/' || s.id, s.team_id, NULL, NULL, NULL, v.id, v.project_id, NULL, NULL, r.peer,
                   s.request_id, r.trace_id)::sft.actor END,
           CASE WHEN f.error IS NOT NULL THEN 401 END, f.error, CASE
               WHEN f.error IS NOT NULL THEN sft_core.identity_sentence(f.error, NULL) END,
           CASE WHEN f.error = 'server_authorization_revoked' THEN '{"type": "server_authorization_revoked"}'
               WHEN f.error IS NOT NULL THEN sft_core.signature_extra(f.error) END
      FROM unnest(signed) s
      JOIN unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer,
          trace_id, request_id, signature, actor, ord) ON r.ord = s.ord
      LEFT JOIN LATERAL (SELECT y.id, y.project_id, y.deleted_at FROM sft.servers y WHERE s.error IS NULL
          AND y.team_id = s.team_id AND y.id = s.id OFFSET 0) v ON true
      CROSS JOIN LATERAL (SELECT CASE
          WHEN s.error IS NOT NULL THEN s.error
          WHEN v.id IS NULL THEN 'key_unknown'
          WHEN v.deleted_at IS NOT NULL THEN 'server_authorization_revoked' END AS error OFFSET 0) f;
END $$;
COMMENT ON FUNCTION sft_core.identify_servers(sft.request[], sft_core.signed[]) IS 'The actors behind verified server keys. Refuses: server_authorization_revoked.';

CREATE FUNCTION sft_core.authenticate(reqs sft.request[], auth text) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql AS $$
DECLARE
    signed    sft_core.signed[];
    authority text;
BEGIN
    SELECT i.authority INTO authority FROM sft.instance i WHERE i.singleton;
    IF authority IS NULL THEN
        PERFORM sft_core.refuse(503, 'instance_unset', 'This platform is not set up yet.');
    END IF;
    signed := sft_core.verify_all(reqs, CASE auth WHEN 'server' THEN 'server' ELSE 'client' END, authority);
    PERFORM sft_core.see_teams(VARIADIC ARRAY(SELECT DISTINCT s.team_id FROM unnest(signed) s WHERE s.error IS NULL
        AND s.team_id IS NOT NULL));
    IF reqs[1].route = 'POST /v1/teams/{team}/credentials' THEN
        -- before clients, sessions and users are looked at: who is being removed meanwhile is seen removed
        PERFORM sft_core.fence_shared(VARIADIC ARRAY(SELECT DISTINCT s.team_id FROM unnest(signed) s
            WHERE s.error IS NULL AND s.team_id IS NOT NULL));
    END IF;
    IF auth = 'server' THEN
        RETURN QUERY SELECT * FROM sft_core.identify_servers(reqs, signed);
    ELSE
        RETURN QUERY SELECT * FROM sft_core.identify_clients(reqs, signed, auth = 'user');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.authenticate(sft.request[], text) IS 'Who made the requests of one kind (client, user, server); afterwards exactly their teams are seen. Refuses: signature_…, key_unknown, digest_mismatch, clock_skew, and what the kinds add.';
