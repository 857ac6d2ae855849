-- SPDX-License-Identifier: PostgreSQL
-- 425_crl.sql - X.509 revocation lists for everybody. The authority itself signs them, so no statement is needed.

CREATE FUNCTION sft_core.crl_tag(authority_id uuid, form text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT '"' || encode(substr(sha256(convert_to(concat_ws(' ', form, sft_core.trust_version(crl_tag.authority_id), count(*),
               max(r.revoked_at), floor(extract(epoch FROM now()) / 3600)), 'UTF8')), 1, 16), 'hex') || '"'
      FROM sftca.revocations r WHERE r.authority_id = crl_tag.authority_id AND r.expires_at > now()
$$;
COMMENT ON FUNCTION sft_core.crl_tag(uuid, text) IS 'The ETag of a revocation list: another with each revocation and each change of keys, and every hour, since a list grows old.';

CREATE FUNCTION sft_api.crl_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    authority  uuid := sft_core.authority_of(req);
    form       text := coalesce(nullif(req.query->>'format', ''), 'der');
    generation int := sft_core.query_number(req.query, 'generation', 1, 1000000);
    tag        text := sft_core.crl_tag(authority, form || coalesce(generation, 0));
    mine       text := sft_core.header(req.headers, 'if-none-match');
    headers    text;
BEGIN
    IF form NOT IN ('der', 'pem') THEN
        PERFORM sft_core.wrong('format', 'is der or pem');
    ELSIF NOT EXISTS (SELECT FROM sftca.keys k WHERE k.authority_id = authority AND k.purpose = 'x509') THEN
        PERFORM sft_core.refuse(404, 'authority_unknown', 'There is no such authority for X.509.');
    ELSIF mine = '*' OR tag = ANY (regexp_split_to_array(regexp_replace(mine, 'W/', '', 'g'), '[ ]*,[ ]*')) THEN
        RETURN sft_core.reply(304, NULL, 'etag: ' || tag || E'\n');
    END IF;
    headers := format(E'content-type: %s\netag: %s\ncache-control: public, max-age=300\n',
        CASE form WHEN 'der' THEN 'application/pkix-crl' ELSE 'application/x-pem-file' END, tag);
    RETURN (200, headers, CASE form WHEN 'der' THEN sftca.crl(authority, generation)
        ELSE convert_to(sftca.crl_bundle(authority), 'UTF8') END, NULL, NULL, NULL)::sft.response;
END $$;
COMMENT ON FUNCTION sft_api.crl_show(sft.request) IS 'An X.509 authority''s revocation list, signed by the authority: DER of the active key or of ?generation=, with ?format=pem those of all trusted keys. Refuses: authority_unknown, generation_unknown, format_format, generation_format, key_retired.';

INSERT INTO sft_core.routes (method, path, auth, proc) VALUES
    ('GET', '/v1/authorities/{uuid}/crl', 'none', 'crl_show');
