-- SPDX-License-Identifier: PostgreSQL
-- 340_public.sql - what everybody may read, signed by the platform: the instance, trusted keys, revocation lists.

CREATE FUNCTION sft_core.instance_version() RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT i.version + (SELECT coalesce(sum(array_position(ARRAY['next', 'active', 'retiring', 'retired'], k.state)),
        0) FROM sftca.keys k WHERE k.purpose = 'statement') FROM sft.instance i
$$;
COMMENT ON FUNCTION sft_core.instance_version() IS 'Grows with every change of the instance or of its statement keys.';

CREATE FUNCTION sft_api.instance_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    current bigint := sft_core.instance_version();
    body    jsonb;
BEGIN
    IF current IS NULL THEN
        PERFORM sft_core.refuse(503, 'instance_unset', 'This platform is not set up yet.');
    END IF;
    SELECT jsonb_build_object('name', i.name, 'url', i.url, 'authority', i.authority, 'wire', jsonb_build_array(1),
        'tls_authority', i.tls_authority,
               'statement_keys', (SELECT jsonb_agg(jsonb_build_object('key_id', k.key_id, 'public_key', k.public_key, 'state', k.state) ORDER BY k.created_at)
                                    FROM sftca.statement_keys k WHERE k.state <> 'retired'),
               'time', sft_core.json_time(clock_timestamp()), 'version', current) INTO body FROM sft.instance i;
    RETURN sft_core.statement('instance', req, false, current, convert_to(body::text, 'UTF8'));
END $$;
COMMENT ON FUNCTION sft_api.instance_show(sft.request) IS 'What this platform is, by which keys it speaks and which TLS authority its gateways have. Refuses: instance_unset.';

CREATE FUNCTION sft_core.authority_of(req sft.request) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    wanted uuid := CASE WHEN sft_core.is_uuid((req).params[1]) THEN (req).params[1]::uuid END;
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.keys k WHERE k.authority_id = wanted AND k.purpose <> 'statement') THEN
        PERFORM sft_core.refuse(404, 'authority_unknown', 'There is no such authority.');
    END IF;
    RETURN wanted;
END $$;
COMMENT ON FUNCTION sft_core.authority_of(sft.request) IS 'The authority in the path. Refuses: authority_unknown.';

CREATE FUNCTION sft_core.cached(req sft.request, purpose text, version bigint, body bytea,
    kind text) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    tag  text := '"' || version || '-' || encode(substr(sha256(body), 1, 12), 'hex') || '"';
    mine text := sft_core.header(req.headers, 'if-none-match');
BEGIN
    IF mine = '*' OR tag = ANY (regexp_split_to_array(regexp_replace(mine, 'W/', '', 'g'), '[ ]*,[ ]*')) THEN
        RETURN sft_core.reply(304, NULL, 'etag: ' || tag || E'\n');
    END IF;
    RETURN sft_core.statement(purpose, req, false, version, body, kind, 'etag: ' || tag || E'\n');
END $$;
COMMENT ON FUNCTION sft_core.cached(sft.request, text, bigint, bytea, text) IS 'Public material with an ETag; 304 to who has it already.';

CREATE FUNCTION sft_api.trust_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    authority uuid := sft_core.authority_of(req);
BEGIN
    RETURN sft_core.cached(req, 'trust', sft_core.trust_version(authority),
        convert_to(sftca.trust_bundle(authority), 'UTF8'), 'text/plain; charset=utf-8');
END $$;
COMMENT ON FUNCTION sft_api.trust_show(sft.request) IS 'The keys of an authority that are to be trusted. Refuses: authority_unknown.';

CREATE FUNCTION sft_api.krl_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    authority uuid := sft_core.authority_of(req);
BEGIN
    RETURN sft_core.cached(req, 'krl', sftca.krl_version(authority), sftca.krl(authority), 'application/octet-stream');
END $$;
COMMENT ON FUNCTION sft_api.krl_show(sft.request) IS 'An SSH authority''s revocation list. Refuses: authority_unknown.';

INSERT INTO sft_core.routes (method, path, auth, proc) VALUES
    ('GET', '/v1/instance',                 'none', 'instance_show'),
    ('GET', '/v1/authorities/{uuid}/trust', 'none', 'trust_show'),
    ('GET', '/v1/authorities/{uuid}/krl',   'none', 'krl_show');
