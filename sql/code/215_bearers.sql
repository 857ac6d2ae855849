-- SPDX-License-Identifier: PostgreSQL
-- 215_bearers.sql - service users at the door: selling bearer tokens, and knowing who brings one.

CREATE FUNCTION sft_core.service_actor(key sft.service_keys, req sft.request) RETURNS sft.actor
LANGUAGE sql STABLE AS $$
    SELECT ('service', u.name, u.team_id, u.id, NULL, NULL, NULL, NULL, NULL, NULL, (req).peer, gen_random_uuid(), (req).trace_id)::sft.actor
      FROM sft.users u WHERE u.team_id = key.team_id AND u.id = key.user_id
$$;
COMMENT ON FUNCTION sft_core.service_actor(sft.service_keys, sft.request) IS 'The service user whose key it is, as the actor of a call.';

CREATE FUNCTION sft_core.identify_bearer(req sft.request) RETURNS sft_core.identity
LANGUAGE plpgsql AS $$
DECLARE
    claims jsonb := sft_core.bearer_claims(substring(sft_core.header((req).headers, 'authorization') FROM '^Bearer (.*)$'));
    team   sft.teams; key sft.service_keys; live sft.service_keys;
BEGIN
    SELECT t.* INTO team FROM sft.teams t WHERE t.id = (claims->>'team_id')::uuid;
    IF team.id IS NOT NULL AND (split_part((req).route, ' ', 2) NOT LIKE '/v1/teams/%' OR lower((req).params[1]) = team.name) THEN
        PERFORM sft_core.see_teams(team.id);
        SELECT k.* INTO key FROM sft.service_keys k WHERE k.team_id = team.id AND k.id = (claims->>'key_id')::uuid;
        live := sft_core.service_key_live(team.id, key.id);
    END IF;
    IF live.id IS NULL OR to_timestamp((claims->>'exp')::bigint) <= now() THEN       -- the audit may know whose it was, the answer does not say
        RETURN (1, sft_core.service_actor(key, req), 401, 'token_invalid', 'This bearer token is not valid here, or not any more: get a new one.', NULL)::sft_core.identity;
    END IF;
    RETURN (1, sft_core.service_actor(key, req), NULL, NULL, NULL, NULL)::sft_core.identity;
END $$;
COMMENT ON FUNCTION sft_core.identify_bearer(sft.request) IS 'The service user behind a bearer token; afterwards exactly its team is seen. One answer for whatever is wrong with it. Refuses: token_invalid.';

CREATE FUNCTION sft_api.service_token_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    asked  text := lower(sft_core.need_text(req.body, 'key_id'));
    secret text := sft_core.need_text(req.body, 'key_secret');
    team   sft.teams; key sft.service_keys; who sft.actor; until timestamptz;
BEGIN
    SELECT t.* INTO team FROM sft.teams t WHERE t.name = lower(req.params[1]);
    PERFORM sft_core.see_teams(team.id);
    key := sft_core.service_key_live(team.id, CASE WHEN sft_core.is_uuid(asked) THEN asked::uuid END);
    IF NOT sft_core.same_secret(secret, sft_core.service_key_secret(coalesce(key.id, gen_random_uuid()))) OR key.id IS NULL THEN
        PERFORM sft_core.refuse(401, 'key_invalid', 'There is no such key with this secret.');
    END IF;
    who := sft_core.service_actor(key, req);
    PERFORM sft_core.refuse_locked(who);
    PERFORM sft_core.quota_need(who);
    until := date_trunc('second', least(key.expires_at, now() + interval '1 hour'));
    UPDATE sft.service_keys k SET last_used_at = now() WHERE k.team_id = team.id AND k.id = key.id;
    PERFORM sft_core.note(who, team.id, 'auth_token.issue', jsonb_build_object('session_type', 'service_token', 'key_id', key.id));
    PERFORM sft_core.quota_use(who);
    RETURN sft_core.reply(200, jsonb_build_object('bearer_token', sft_core.bearer_token(key, team.name, who.name, until),
        'expires_at', sft_core.json_time(until), 'team_name', team.name), sft_core.quota_headers(who, 200));
END $$;
COMMENT ON FUNCTION sft_api.service_token_create(sft.request) IS 'Sells a bearer token of an hour for a service user''s key. Refuses: key_id_missing, key_secret_missing, key_invalid, locked, too_many_requests.';

INSERT INTO sft_core.routes (method, path, max_body, auth, product, proc) VALUES
    ('POST', '/v1/teams/{team}/service_token', 4096, 'none', true, 'service_token_create');
