-- SPDX-License-Identifier: PostgreSQL
-- 160_service_keys.sql - service users, their keys, and the bearer tokens that they buy. Neither is stored: the vault computes both.

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
    PERFORM sft_core.need_rank(by, team_id, user_id);        -- who has the key acts as that user
    UPDATE sft.service_keys k SET expires_at = least(k.expires_at, now() + interval '48 hours')
     WHERE k.team_id = service_key_create.team_id AND k.user_id = service_key_create.user_id AND k.deleted_at IS NULL;
    INSERT INTO sft.service_keys (team_id, user_id, created_by) VALUES (service_key_create.team_id, service_key_create.user_id, (by).name)
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'apikey.rotate', jsonb_build_object('key_id', made, 'subject_id', user_id));
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.service_key_create(sft.actor, uuid, uuid) IS 'Makes a key for a service user; its earlier ones go on for 48 hours. Refuses: user_unknown, role_not_held.';

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

CREATE FUNCTION sft_core.service_key_json(k sft.service_keys) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (k).id, 'issued_at', sft_core.json_time((k).issued_at), 'expires_at', sft_core.json_time((k).expires_at),
    'last_used', sft_core.json_time((k).last_used_at));
COMMENT ON FUNCTION sft_core.service_key_json(sft.service_keys) IS 'A key as answers show it, without its secret.';

CREATE FUNCTION sft_api.service_user_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.user_page(req, 'service');
END $$;
COMMENT ON FUNCTION sft_api.service_user_list(sft.request) IS 'The service users of the team. Refuses: status_format, count_format, offset_format.';

CREATE FUNCTION sft_api.service_user_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    team uuid := (req.actor).team_id;
    made uuid := sft_core.user_create(req.actor, team, sft_core.need_text(req.body, 'name', 127), 'service');
BEGIN
    RETURN sft_core.reply(201, (SELECT sft_core.user_json(u) FROM sft.users u WHERE u.team_id = team AND u.id = made));
END $$;
COMMENT ON FUNCTION sft_api.service_user_create(sft.request) IS 'Makes a service user, in the group everyone. Refuses: name_missing, name_format, user_name_format, user_name_taken.';

CREATE FUNCTION sft_api.service_user_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.user_json(sft_core.user_in_path(req, 'service')));
END $$;
COMMENT ON FUNCTION sft_api.service_user_show(sft.request) IS 'A service user; a deleted one says so. Refuses: user_unknown.';

CREATE FUNCTION sft_api.service_user_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN sft_core.user_put(req, sft_core.user_in_path(req, 'service'));
END $$;
COMMENT ON FUNCTION sft_api.service_user_update(sft.request) IS 'Activates, disables or deletes a service user. Refuses: user_unknown, status_format, details_format, user_deleted, own_status, role_not_held.';

CREATE FUNCTION sft_api.service_key_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.users := sft_core.user_in_path(req, 'service');
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (sft_core.time_key(k.issued_at), k.id)::sft_core.entry FROM sft.service_keys k
        WHERE k.team_id = who.team_id AND k.user_id = who.id AND k.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
        CROSS JOIN LATERAL (SELECT sft_core.service_key_json(k) AS item FROM sft.service_keys k WHERE k.team_id = who.team_id AND k.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.service_key_list(sft.request) IS 'The keys of a service user that still count, oldest first. Refuses: user_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.service_key_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who  sft.users := sft_core.user_in_path(req, 'service');
    made uuid := sft_core.service_key_create(req.actor, who.team_id, who.id);
BEGIN
    RETURN sft_core.reply(200, (SELECT sft_core.service_key_json(k) FROM sft.service_keys k WHERE k.team_id = who.team_id AND k.id = made)
        || jsonb_build_object('secret', sft_core.service_key_secret(made)));
END $$;
COMMENT ON FUNCTION sft_api.service_key_create(sft.request) IS 'Makes a key and shows its secret this once; the user''s earlier keys go on for 48 hours. Refuses: user_unknown, role_not_held.';

CREATE FUNCTION sft_api.service_key_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.users := sft_core.user_in_path(req, 'service');
BEGIN
    PERFORM sft_core.need_rank(req.actor, who.team_id, who.id);
    PERFORM sft_core.service_key_delete(req.actor, who.team_id, who.id, CASE WHEN sft_core.is_uuid(req.params[3]) THEN req.params[3]::uuid END);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.service_key_delete(sft.request) IS 'Ends a key and every token that it bought, at once. Refuses: user_unknown, service_key_unknown, role_not_held.';

-- a key has no body to make it of, but clients send one all the same
INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/service_users',                      0, 'member', '{access_admin}', true, 'service_user_list'),
    ('POST',   '/v1/teams/{team}/service_users',                   8192, 'member', '{access_admin}', true, 'service_user_create'),
    ('GET',    '/v1/teams/{team}/service_users/{user}',               0, 'member', '{access_admin}', true, 'service_user_show'),
    ('PUT',    '/v1/teams/{team}/service_users/{user}',            8192, 'member', '{access_admin}', true, 'service_user_update'),
    ('GET',    '/v1/teams/{team}/service_users/{user}/keys',          0, 'member', '{access_admin}', true, 'service_key_list'),
    ('POST',   '/v1/teams/{team}/service_users/{user}/keys',       8192, 'member', '{access_admin}', true, 'service_key_create'),
    ('DELETE', '/v1/teams/{team}/service_users/{user}/keys/{key}',    0, 'member', '{access_admin}', true, 'service_key_delete');
