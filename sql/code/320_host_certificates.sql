-- SPDX-License-Identifier: PostgreSQL
-- 320_host_certificates.sql - certificates for servers' SSH host keys.

CREATE FUNCTION sft_core.host_principals(v sft.servers) RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT ARRAY[v.id::text] || ARRAY(
        SELECT DISTINCT n FROM unnest(v.alt_names || ARRAY[v.hostname::text, v.canonical_name::text]) n
         WHERE n IS NOT NULL AND NOT sft_core.is_uuid(n)                 -- an id is its own server's alone: clients know hosts by it
           AND NOT EXISTS (SELECT FROM sft.server_names o WHERE o.team_id = v.team_id
               AND o.name = sft_core.server_name_of(n) AND o.server_id <> v.id)
           AND NOT EXISTS (SELECT FROM sft.servers o WHERE o.team_id = v.team_id AND o.hostname = n AND o.id <> v.id
               AND o.deleted_at IS NULL)
         ORDER BY n)
$$;
COMMENT ON FUNCTION sft_core.host_principals(sft.servers) IS 'The names in a host certificate: the server''s id, then those of its names that no other live server of the team claims.';

CREATE FUNCTION sft_core.host_certificate_json(h sft.host_certificates, certificate text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('request_id', (h).request_id, 'certificate', certificate, 'serial', (h).serial,
    'valid_after', sft_core.json_time((h).valid_after),
    'valid_before', sft_core.json_time((h).valid_before), 'principals', to_jsonb((h).principals), 'authority_id', (h).authority_id);
COMMENT ON FUNCTION sft_core.host_certificate_json(sft.host_certificates, text) IS 'A host certificate as its server sees it.';

CREATE FUNCTION sft_api.host_certificate_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who  sft.actor := req.actor;
    v    sft.servers; p sft.projects; key record; names text[]; made bigint;
    since timestamptz := date_trunc('second', now()) - interval '60 seconds';
    until timestamptz := date_trunc('second', now()) + interval '7 days';
BEGIN
    PERFORM sft_core.only_fields(req.body, 'public_key');
    SELECT k.type || ' ' || translate(encode(k.blob, 'base64'), E'\n', '') AS line, k.fingerprint INTO key
      FROM sftca.parse_public_key(sft_core.need_text(req.body, 'public_key', 16384)) k;
    SELECT x.* INTO STRICT v FROM sft.servers x WHERE x.team_id = who.team_id
        AND x.id = who.server_id FOR NO KEY UPDATE;
    SELECT x.* INTO STRICT p FROM sft.projects x WHERE x.team_id = v.team_id AND x.id = v.project_id;
    IF v.deleted_at IS NOT NULL THEN
        PERFORM sft_core.refuse(401, 'server_authorization_revoked', 'This server was removed.',
            '{"type": "server_authorization_revoked"}');
    END IF;
    names := sft_core.host_principals(v);
    made := sftca.prepare_ssh_host(who.request_id, p.host_authority_id, key.line,
        concat_ws(':', 'sft1', (SELECT t.name FROM sft.teams t WHERE t.id = who.team_id), p.name, v.id,
            who.request_id), names, since, until);
    INSERT INTO sft.host_certificates (request_id, team_id, project_id, server_id, authority_id, serial, fingerprint,
        principals, valid_after, valid_before)
    VALUES (who.request_id, who.team_id, p.id, v.id, p.host_authority_id, made, key.fingerprint, names, since, until);
    PERFORM sft_core.note(who, who.team_id, 'server_creds.issue', jsonb_build_object('serial', made, 'principals',
        to_jsonb(names), 'fingerprint', key.fingerprint, 'valid_before', until));
    RETURN (NULL, NULL, NULL, NULL, who.request_id, NULL)::sft.response;
END $$;
COMMENT ON FUNCTION sft_api.host_certificate_create(sft.request) IS 'A week''s certificate for one of the server''s host keys. Refuses: public_key_…, server_authorization_revoked.';

INSERT INTO sft_core.routes (method, path, max_body, auth, proc) VALUES
    ('POST', '/v1/server/host_certificates', 16384, 'server', 'host_certificate_create');
