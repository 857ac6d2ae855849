-- SPDX-License-Identifier: PostgreSQL
-- 345_gateways.sql - gateways and the tokens that would let them join: records, so that what administers the product finds them.

CREATE FUNCTION sft_core.gateway_setup_token_json(t sft.gateway_setup_tokens) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (t).id, 'description', (t).description, 'registration_type', (t).registration_type, 'details', jsonb_build_object('labels', (t).labels),
    'created_at', sft_core.json_time((t).created_at), 'created_by_user', (t).created_by, 'deleted_at', sft_core.json_time((t).deleted_at));
COMMENT ON FUNCTION sft_core.gateway_setup_token_json(sft.gateway_setup_tokens) IS 'A gateway setup token as answers show it, without its text.';

CREATE FUNCTION sft_core.gateway_setup_token_of(by sft.actor, id text) RETURNS sft.gateway_setup_tokens
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t sft.gateway_setup_tokens;
BEGIN
    SELECT x.* INTO t FROM sft.gateway_setup_tokens x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(gateway_setup_token_of.id) AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'gateway_setup_token_unknown', 'There is no such token.');
    END IF;
    RETURN t;
END $$;
COMMENT ON FUNCTION sft_core.gateway_setup_token_of(sft.actor, text) IS 'A setup token of the team. Refuses: gateway_setup_token_unknown.';

CREATE FUNCTION sft_api.gateway_setup_token_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(t.description), t.id)::sft_core.entry FROM sft.gateway_setup_tokens t
         WHERE t.team_id = who.team_id AND t.deleted_at IS NULL AND sft_core.name_matches(req.query, t.description)
           AND (sft_core.query_text(req.query, 'description') IS NULL OR t.description = req.query->>'description')));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.gateway_setup_token_json(t) AS item FROM sft.gateway_setup_tokens t WHERE t.team_id = who.team_id AND t.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.gateway_setup_token_list(sft.request) IS 'The setup tokens of the team by description. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_api.gateway_setup_token_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who sft.actor := req.actor;
    t   sft.gateway_setup_tokens;
BEGIN
    INSERT INTO sft.gateway_setup_tokens AS x (team_id, description, registration_type, labels, created_by)
    VALUES (who.team_id, coalesce(sft_core.maybe_text(req.body, 'description'), ''), coalesce(nullif(sft_core.maybe_text(req.body, 'registration_type', 32), ''), 'gateway-agent'),
        sft_core.label_map(coalesce(sft_core.maybe_object(coalesce(sft_core.maybe_object(req.body, 'details'), '{}'), 'labels'), '{}'), 'labels'), who.name) RETURNING x.* INTO t;
    PERFORM sft_core.note(who, who.team_id, 'gateway.setup_token.create', sft_core.gateway_setup_token_json(t));
    RETURN sft_core.reply(201, sft_core.gateway_setup_token_json(t) || jsonb_build_object('token', sft_core.token_text('gateway_setup_token', t.id, t.team_id)));
END $$;
COMMENT ON FUNCTION sft_api.gateway_setup_token_create(sft.request) IS 'Makes a setup token for a gateway; nothing joins with it yet. Refuses: description_format, registration_type_unknown, details_format, labels_format, instance_unset.';

CREATE FUNCTION sft_api.gateway_setup_token_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.gateway_setup_token_json(sft_core.gateway_setup_token_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.gateway_setup_token_show(sft.request) IS 'A setup token. Refuses: gateway_setup_token_unknown.';

CREATE FUNCTION sft_api.gateway_setup_token_token_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t sft.gateway_setup_tokens := sft_core.gateway_setup_token_of(req.actor, req.params[2]);
BEGIN
    RETURN sft_core.reply(200, jsonb_build_object('token', sft_core.token_text('gateway_setup_token', t.id, t.team_id)));
END $$;
COMMENT ON FUNCTION sft_api.gateway_setup_token_token_show(sft.request) IS 'The text of a setup token. Refuses: gateway_setup_token_unknown, instance_unset.';

CREATE FUNCTION sft_api.gateway_setup_token_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    t sft.gateway_setup_tokens := sft_core.gateway_setup_token_of(req.actor, req.params[2]);
BEGIN
    UPDATE sft.gateway_setup_tokens x SET deleted_at = now() WHERE x.team_id = t.team_id AND x.id = t.id;
    PERFORM sft_core.note(req.actor, t.team_id, 'gateway.setup_token.delete', jsonb_build_object('gateway_setup_token_id', t.id));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.gateway_setup_token_delete(sft.request) IS 'Ends a setup token. Refuses: gateway_setup_token_unknown.';

-- Gateways --------------------------------------------------------------------------------------
CREATE FUNCTION sft_core.gateway_json(g sft.gateways) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (g).id, 'name', (g).name, 'access_address', (g).access_address, 'default_address', (g).default_address, 'description', (g).description,
    'cloud_provider', (g).cloud_provider, 'refuse_connections', (g).refuse_connections, 'labels', (g).labels, 'deleted_at', sft_core.json_time((g).deleted_at));
COMMENT ON FUNCTION sft_core.gateway_json(sft.gateways) IS 'A gateway as answers show it.';

CREATE FUNCTION sft_core.gateway_of(by sft.actor, id text) RETURNS sft.gateways
LANGUAGE plpgsql STABLE AS $$
DECLARE
    g sft.gateways;
BEGIN
    SELECT x.* INTO g FROM sft.gateways x WHERE x.team_id = (by).team_id AND x.id = sft_core.uuid_of(gateway_of.id) AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'gateway_unknown', 'There is no such gateway.');
    END IF;
    RETURN g;
END $$;
COMMENT ON FUNCTION sft_core.gateway_of(sft.actor, text) IS 'A gateway of the team. Refuses: gateway_unknown.';

CREATE FUNCTION sft_api.gateway_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (lower(g.name), g.id)::sft_core.entry FROM sft.gateways g WHERE g.team_id = who.team_id AND g.deleted_at IS NULL AND sft_core.name_matches(req.query, g.name)));
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.gateway_json(g) AS item FROM sft.gateways g WHERE g.team_id = who.team_id AND g.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.gateway_list(sft.request) IS 'The team''s gateways by name. Refuses: count_format, offset_format.';

CREATE FUNCTION sft_api.gateway_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, sft_core.gateway_json(sft_core.gateway_of(req.actor, req.params[2])));
END $$;
COMMENT ON FUNCTION sft_api.gateway_show(sft.request) IS 'A gateway. Refuses: gateway_unknown.';

CREATE FUNCTION sft_api.gateway_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    g sft.gateways := sft_core.gateway_of(req.actor, req.params[2]);
BEGIN
    UPDATE sft.gateways x SET description = coalesce(sft_core.maybe_text(req.body, 'description'), x.description),
           refuse_connections = coalesce(sft_core.maybe_bool(req.body, 'refuse_connections'), x.refuse_connections),
           labels = CASE WHEN req.body ? 'labels' THEN sft_core.label_map(coalesce(sft_core.maybe_object(req.body, 'labels'), '{}'), 'labels') ELSE x.labels END
     WHERE x.team_id = g.team_id AND x.id = g.id RETURNING x.* INTO g;
    PERFORM sft_core.note(req.actor, g.team_id, 'gateway.update', sft_core.gateway_json(g));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.gateway_update(sft.request) IS 'Changes what is written down of a gateway. Refuses: gateway_unknown, <field>_format, labels_format.';

CREATE FUNCTION sft_api.gateway_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    g sft.gateways := sft_core.gateway_of(req.actor, req.params[2]);
BEGIN
    UPDATE sft.gateways x SET deleted_at = now() WHERE x.team_id = g.team_id AND x.id = g.id;
    PERFORM sft_core.note(req.actor, g.team_id, 'gateway.delete', jsonb_build_object('gateway_id', g.id, 'name', g.name));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.gateway_delete(sft.request) IS 'Ends a gateway. Refuses: gateway_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/gateway_setup_tokens',               0, 'member', '{access_admin,reporting_user}', true, 'gateway_setup_token_list'),
    ('POST',   '/v1/teams/{team}/gateway_setup_tokens',           16384, 'member', '{access_admin}', true, 'gateway_setup_token_create'),
    ('GET',    '/v1/teams/{team}/gateway_setup_tokens/{id}',          0, 'member', '{access_admin,reporting_user}', true, 'gateway_setup_token_show'),
    ('GET',    '/v1/teams/{team}/gateway_setup_tokens/{id}/token',    0, 'member', '{access_admin}', true, 'gateway_setup_token_token_show'),
    ('DELETE', '/v1/teams/{team}/gateway_setup_tokens/{id}',       4096, 'member', '{access_admin}', true, 'gateway_setup_token_delete'),
    ('GET',    '/v1/teams/{team}/gateways',                           0, 'member', '{access_admin,access_user,reporting_user}', true, 'gateway_list'),
    ('GET',    '/v1/teams/{team}/gateways/{id}',                      0, 'member', '{access_admin,access_user,reporting_user}', true, 'gateway_show'),
    ('PUT',    '/v1/teams/{team}/gateways/{id}',                  16384, 'member', '{access_admin}', true, 'gateway_update'),
    ('DELETE', '/v1/teams/{team}/gateways/{id}',                   4096, 'member', '{access_admin}', true, 'gateway_delete');
