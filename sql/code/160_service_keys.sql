-- SPDX-License-Identifier: PostgreSQL
-- 160_service_keys.sql - keys of service users, and the bearer tokens that they buy. Neither is stored: the vault computes both.

CREATE FUNCTION sft_core.same_secret(a text, b text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    salt text := gen_random_uuid()::text;                    -- what the comparison's time tells is about hashes that nobody can foresee
BEGIN
    RETURN coalesce(sha256(convert_to(salt || a, 'UTF8')) = sha256(convert_to(salt || b, 'UTF8')), false);
END $$;
COMMENT ON FUNCTION sft_core.same_secret(text, text) IS 'Whether two secrets are the same; the time it takes tells nothing.';

CREATE FUNCTION sft_core.service_key_secret(key_id uuid) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN translate(encode(sft_core.from_base64url(sftca.secret('service_key', key_id))
        || sft_core.from_base64url(sftca.secret('service_key_more', key_id)), 'base64'), E'\n', '');
END $$;
COMMENT ON FUNCTION sft_core.service_key_secret(uuid) IS 'The secret of a service key: base64 of 64 bytes.';

CREATE FUNCTION sft_core.service_key_create(by sft.actor, team_id uuid, user_id uuid) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
BEGIN
    PERFORM FROM sft.users u WHERE u.team_id = service_key_create.team_id AND u.id = service_key_create.user_id
        AND u.user_type = 'service' AND u.status <> 'DELETED' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'user_unknown', 'There is no such service user.');
    END IF;
    UPDATE sft.service_keys k SET expires_at = least(k.expires_at, now() + interval '48 hours')
     WHERE k.team_id = service_key_create.team_id AND k.user_id = service_key_create.user_id AND k.deleted_at IS NULL;
    INSERT INTO sft.service_keys (team_id, user_id, created_by) VALUES (service_key_create.team_id, service_key_create.user_id, (by).name)
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'apikey.rotate', jsonb_build_object('key_id', made, 'subject_id', user_id));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.service_key_create(sft.actor, uuid, uuid) IS 'Makes a key for a service user; its earlier ones go on for 48 hours. Refuses: user_unknown.';

CREATE FUNCTION sft_core.service_key_delete(by sft.actor, team_id uuid, user_id uuid, key_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.service_keys k SET deleted_at = now() WHERE k.team_id = service_key_delete.team_id AND k.user_id = service_key_delete.user_id
        AND k.id = key_id AND k.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'service_key_unknown', 'This service user has no such key.');
    END IF;
    PERFORM sft_core.note(by, team_id, 'apikey.delete', jsonb_build_object('key_id', key_id, 'subject_id', user_id));
END $$;
COMMENT ON FUNCTION sft_core.service_key_delete(sft.actor, uuid, uuid, uuid) IS 'Ends a key, and at once every token that it bought. Refuses: service_key_unknown.';

CREATE FUNCTION sft_core.bearer_mac(signed text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN sftca.secret('bearer', encode(substr(sha256(convert_to(signed, 'UTF8')), 1, 16), 'hex')::uuid);
END $$;
COMMENT ON FUNCTION sft_core.bearer_mac(text) IS 'The third part of a bearer token, over the first two.';

CREATE FUNCTION sft_core.bearer_token(key sft.service_keys, team text, user_name text, expires_at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    signed text := sft_core.base64url(convert_to('{"alg":"HS256","typ":"JWT"}', 'UTF8')) || '.' || sft_core.base64url(convert_to(jsonb_build_object(
        'iss', 'sft', 'jti', gen_random_uuid(), 'exp', extract(epoch FROM expires_at)::bigint, 'team', team, 'user', user_name,
        'team_id', key.team_id, 'key_id', key.id)::text, 'UTF8'));
BEGIN
    RETURN signed || '.' || sft_core.bearer_mac(signed);
END $$;
COMMENT ON FUNCTION sft_core.bearer_token(sft.service_keys, text, text, timestamptz) IS 'A bearer token in the form of a JWT. No row is kept: its key''s row says whether it still counts.';

CREATE FUNCTION sft_core.bearer_claims(token text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF token IS NULL OR length(token) > 4096 OR token !~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]{43}$'
        OR NOT sft_core.same_secret(split_part(token, '.', 3), sft_core.bearer_mac(split_part(token, '.', 1) || '.' || split_part(token, '.', 2))) THEN
        RETURN NULL;
    END IF;
    RETURN convert_from(sft_core.from_base64url(split_part(token, '.', 2)), 'UTF8')::jsonb;
END $$;
COMMENT ON FUNCTION sft_core.bearer_claims(text) IS 'What a bearer token says; null: this platform did not make it.';

CREATE FUNCTION sft_core.service_key_live(team_id uuid, key_id uuid) RETURNS sft.service_keys
LANGUAGE sql STABLE AS $$
    SELECT k.* FROM sft.service_keys k JOIN sft.users u ON u.team_id = k.team_id AND u.id = k.user_id AND u.user_type = 'service' AND u.status = 'ACTIVE'
     WHERE k.team_id = service_key_live.team_id AND k.id = service_key_live.key_id AND k.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;
COMMENT ON FUNCTION sft_core.service_key_live(uuid, uuid) IS 'A key that counts: not expired, not deleted, of an active service user.';
