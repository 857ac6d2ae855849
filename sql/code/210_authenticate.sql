-- SPDX-License-Identifier: PostgreSQL
-- 210_authenticate.sql - who signed: from Signature-Input to an actor, for one request or a batch of them.

CREATE TYPE sft_core.signed AS (ord int, kind text, id uuid, team_id uuid, request_id uuid, error text);
COMMENT ON TYPE sft_core.signed IS 'What a signature says and whether it holds; error is null when it does.';

CREATE TYPE sft_core.identity AS (ord int, actor sft.actor, status int, error text, message text, extra jsonb);
COMMENT ON TYPE sft_core.identity IS 'Who made a request, or why that is refused. actor is null where the signature did not hold.';

CREATE FUNCTION sft_core.verify_signature(req sft.request, key_blob bytea) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT sftca.verify_request(key_blob, (req).method, i.authority, (req).target, (req).raw_body,
               sft_core.header((req).headers, 'content-digest'), sft_core.header((req).headers, 'signature-input'), (req).signature)
      FROM sft.instance i
$$;
COMMENT ON FUNCTION sft_core.verify_signature(sft.request, bytea) IS 'Null where a request was signed by this key for this instance, otherwise the code word.';

CREATE FUNCTION sft_core.signature_fault(req sft.request, created bigint, nonce uuid) RETURNS text
LANGUAGE sql STABLE
RETURN CASE WHEN (req).signature IS NULL OR sft_core.header((req).headers, 'signature-input') IS NULL THEN 'signature_missing'
    WHEN created IS NULL OR nonce IS NULL THEN 'signature_malformed'
    WHEN created NOT BETWEEN extract(epoch FROM clock_timestamp())::bigint - 60 AND extract(epoch FROM clock_timestamp())::bigint + 60 THEN 'clock_skew' END;
COMMENT ON FUNCTION sft_core.signature_fault(sft.request, bigint, uuid) IS 'What is wrong with a signature before any key is looked up.';

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
LANGUAGE sql STABLE
RETURN CASE error WHEN 'clock_skew' THEN jsonb_build_object('time', sft_core.json_time(clock_timestamp())) END;
COMMENT ON FUNCTION sft_core.signature_extra(text) IS 'What else the body of such a refusal says: the platform''s time.';

CREATE FUNCTION sft_core.verify_all(reqs sft.request[], wanted text) RETURNS sft_core.signed[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    result sft_core.signed[];
BEGIN
    SELECT array_agg((r.ord, k.kind, k.id, k.team_id, s.nonce,
               coalesce(f.fault, CASE WHEN k.id IS NULL THEN 'key_unknown'
                   ELSE sftca.verify_request(k.key_blob, r.method, i.authority, r.target, r.raw_body,
                       sft_core.header(r.headers, 'content-digest'), s.input, r.signature) END))::sft_core.signed ORDER BY r.ord)
      INTO result
      FROM unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer, trace_id, request_id, signature, actor, ord)
      CROSS JOIN sft.instance i
      CROSS JOIN LATERAL (SELECT h.input, p.* FROM (SELECT sft_core.header(r.headers, 'signature-input') AS input) h, sftca.parse_signature(h.input) p OFFSET 0) s
      CROSS JOIN LATERAL (SELECT sft_core.signature_fault((NULL, NULL, NULL, NULL, NULL, r.headers, NULL, NULL, NULL, NULL, NULL, r.signature, NULL)::sft.request, s.created, s.nonce) AS fault OFFSET 0) f
      LEFT JOIN sft.actor_keys k ON f.fault IS NULL AND k.kind = wanted AND split_part(s.keyid, '/', 1) = wanted
           AND k.id = CASE WHEN sft_core.is_uuid(split_part(s.keyid, '/', 2)) THEN split_part(s.keyid, '/', 2)::uuid END;
    RETURN result;
END $$;
COMMENT ON FUNCTION sft_core.verify_all(sft.request[], text) IS 'Looks up the keys of signatures by clients or servers, and verifies each.';

CREATE FUNCTION sft_core.identify_clients(reqs sft.request[], signed sft_core.signed[], need_user boolean) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT s.ord,
           CASE WHEN s.error IS NULL AND c.state IN ('PENDING', 'ACTIVE') THEN
               ('client', coalesce(u.name::text, 'client/' || s.id), s.team_id, u.id, c.id, x.id, NULL, NULL, x.signed_in_at, x.expires_at, r.peer, s.request_id, r.trace_id)::sft.actor END,
           f.status, f.error, f.message, f.extra
      FROM unnest(signed) s
      JOIN unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer, trace_id, request_id, signature, actor, ord) ON r.ord = s.ord
      LEFT JOIN sft.teams t ON t.id = s.team_id
      LEFT JOIN sft.clients c ON s.error IS NULL AND c.team_id = s.team_id AND c.id = s.id
      LEFT JOIN sft.users u ON u.team_id = c.team_id AND u.id = c.user_id
      LEFT JOIN sft.client_sessions x ON x.team_id = c.team_id AND x.client_id = c.id AND x.ended_at IS NULL AND x.expires_at > now()
      CROSS JOIN LATERAL (SELECT * FROM (VALUES
          (1, s.error IS NOT NULL, 401, s.error, sft_core.signature_sentence(s.error), sft_core.signature_extra(s.error)),
          (2, c.state IS NULL OR c.state = 'DELETED', 401, 'key_unknown', sft_core.signature_sentence('key_unknown'), NULL),
          (3, r.route LIKE '% /v1/teams/%' AND lower(r.params[1]) <> t.name, 404, 'team_unknown', format('There is no team named %s.', left(r.params[1], 64)), NULL),
          (4, need_user AND c.state <> 'ACTIVE', 403, 'client_not_approved', 'This client is not approved yet.', NULL),
          (5, need_user AND u.status <> 'ACTIVE', 403, 'user_disabled', 'This user is disabled.', NULL),
          (6, need_user AND x.id IS NULL, 401, 'session_required', 'Sign in again: there is no live session.', NULL),
          (7, true, NULL, NULL, NULL, NULL)) v (step, hit, status, error, message, extra)
          WHERE v.hit ORDER BY v.step LIMIT 1) f;
END $$;
COMMENT ON FUNCTION sft_core.identify_clients(sft.request[], sft_core.signed[], boolean) IS 'The actors behind verified client keys. Refuses: key_unknown (removed), team_unknown, client_not_approved, user_disabled, session_required.';

CREATE FUNCTION sft_core.identify_servers(reqs sft.request[], signed sft_core.signed[]) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT s.ord,
           CASE WHEN s.error IS NULL AND v.deleted_at IS NULL THEN
               ('server', 'server/' || s.id, s.team_id, NULL, NULL, NULL, v.id, v.project_id, NULL, NULL, r.peer, s.request_id, r.trace_id)::sft.actor END,
           CASE WHEN s.error IS NOT NULL OR v.id IS NULL OR v.deleted_at IS NOT NULL THEN 401 END,
           CASE WHEN v.deleted_at IS NOT NULL THEN 'server_authorization_revoked' WHEN s.error IS NULL AND v.id IS NULL THEN 'key_unknown' ELSE s.error END,
           CASE WHEN v.deleted_at IS NOT NULL THEN 'This server was removed.' ELSE sft_core.signature_sentence(coalesce(s.error, 'key_unknown')) END,
           CASE WHEN v.deleted_at IS NOT NULL THEN '{"type": "server_authorization_revoked"}' ELSE sft_core.signature_extra(s.error) END
      FROM unnest(signed) s
      JOIN unnest(reqs) WITH ORDINALITY r (route, method, params, target, query, headers, raw_body, body, peer, trace_id, request_id, signature, actor, ord) ON r.ord = s.ord
      LEFT JOIN sft.servers v ON s.error IS NULL AND v.team_id = s.team_id AND v.id = s.id;
END $$;
COMMENT ON FUNCTION sft_core.identify_servers(sft.request[], sft_core.signed[]) IS 'The actors behind verified server keys. Refuses: server_authorization_revoked.';

CREATE FUNCTION sft_core.authenticate(reqs sft.request[], auth text) RETURNS SETOF sft_core.identity
LANGUAGE plpgsql AS $$
DECLARE
    signed sft_core.signed[];
BEGIN
    IF NOT EXISTS (SELECT FROM sft.instance) THEN
        PERFORM sft_core.refuse(503, 'instance_unset', 'This platform is not set up yet.');
    END IF;
    signed := sft_core.verify_all(reqs, CASE auth WHEN 'server' THEN 'server' ELSE 'client' END);
    PERFORM sft_core.see_teams(VARIADIC ARRAY(SELECT DISTINCT s.team_id FROM unnest(signed) s WHERE s.error IS NULL AND s.team_id IS NOT NULL));
    IF auth = 'server' THEN
        RETURN QUERY SELECT * FROM sft_core.identify_servers(reqs, signed);
    ELSE
        RETURN QUERY SELECT * FROM sft_core.identify_clients(reqs, signed, auth = 'user');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.authenticate(sft.request[], text) IS 'Who made the requests of one kind (client, user, server); afterwards exactly their teams are seen. Refuses: signature_…, key_unknown, digest_mismatch, clock_skew, and what the kinds add.';
