-- SPDX-License-Identifier: PostgreSQL
-- 133_project_options.sql - what a project tells its users' sft, and its accounts at cloud providers.

CREATE FUNCTION sft_core.client_config_option_json(o sft.client_config_options) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (o).id, 'config_key', (o).config_key, 'config_value', (o).config_value);
COMMENT ON FUNCTION sft_core.client_config_option_json(sft.client_config_options) IS 'An option as answers show it.';

CREATE FUNCTION sft_api.client_config_option_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (o.config_key, o.id)::sft_core.entry FROM sft.client_config_options o WHERE o.team_id = p.team_id AND o.project_id = p.id), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.client_config_option_json(x) AS item FROM sft.client_config_options x WHERE x.team_id = p.team_id AND x.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.client_config_option_list(sft.request) IS 'What a project tells its users'' sft, by key. Refuses: project_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.client_config_option_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who   sft.actor := req.actor;
    p     sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    value jsonb := req.body->'config_value';
    made  sft.client_config_options;
BEGIN
    IF jsonb_typeof(value) = 'boolean' THEN
        value := to_jsonb(value::text);
    END IF;
    PERFORM sft_core.project_hold(p.team_id, p.id);
    INSERT INTO sft.client_config_options AS c (team_id, project_id, config_key, config_value)
    VALUES (p.team_id, p.id, sft_core.need_text(req.body, 'config_key'), sft_core.need_text(jsonb_build_object('config_value', value), 'config_value'))
    ON CONFLICT ON CONSTRAINT config_key_taken DO UPDATE SET config_value = EXCLUDED.config_value RETURNING c.* INTO made;
    PERFORM sft_core.note(who, p.team_id, 'client_config_option.update', sft_core.client_config_option_json(made), p.id);
    RETURN sft_core.reply(200, sft_core.client_config_option_json(made));
END $$;
COMMENT ON FUNCTION sft_api.client_config_option_create(sft.request) IS 'Sets an option; again: another value. Refuses: project_unknown, config_key_missing, config_key_unknown, config_value_missing, config_value_format.';

CREATE FUNCTION sft_api.client_config_option_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    gone sft.client_config_options;
BEGIN
    DELETE FROM sft.client_config_options o WHERE o.team_id = p.team_id AND o.project_id = p.id AND o.id = sft_core.uuid_of(req.params[3]) RETURNING o.* INTO gone;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_config_option_unknown', 'There is no such option in this project.');
    END IF;
    PERFORM sft_core.note(req.actor, p.team_id, 'client_config_option.delete', sft_core.client_config_option_json(gone), p.id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_config_option_delete(sft.request) IS 'Unsets an option. Refuses: project_unknown, client_config_option_unknown.';

-- Cloud accounts --------------------------------------------------------------------------------
CREATE FUNCTION sft_core.cloud_account_json(c sft.cloud_accounts) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('id', (c).id, 'provider', (c).provider, 'account_id', (c).account_id, 'description', (c).description);
COMMENT ON FUNCTION sft_core.cloud_account_json(sft.cloud_accounts) IS 'A cloud account as answers show it.';

CREATE FUNCTION sft_api.cloud_account_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(
        SELECT (c.provider || ' ' || c.account_id, c.id)::sft_core.entry FROM sft.cloud_accounts c
         WHERE c.team_id = p.team_id AND c.project_id = p.id AND c.deleted_at IS NULL), usual => 1000);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT l.item FROM unnest(page.ids::uuid[]) WITH ORDINALITY i (id, o)
         CROSS JOIN LATERAL (SELECT sft_core.cloud_account_json(c) AS item FROM sft.cloud_accounts c WHERE c.team_id = p.team_id AND c.id = i.id OFFSET 0) l ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.cloud_account_list(sft.request) IS 'The cloud accounts of a project. Refuses: project_unknown, count_format, offset_format.';

CREATE FUNCTION sft_api.cloud_account_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    made sft.cloud_accounts;
BEGIN
    PERFORM sft_core.project_hold(p.team_id, p.id);
    INSERT INTO sft.cloud_accounts AS c (team_id, project_id, provider, account_id, description)
    VALUES (p.team_id, p.id, sft_core.need_text(req.body, 'provider', 16), sft_core.need_text(req.body, 'account_id'), coalesce(sft_core.maybe_text(req.body, 'description'), ''))
    RETURNING c.* INTO made;
    PERFORM sft_core.note(req.actor, p.team_id, 'cloud_account.create', sft_core.cloud_account_json(made), p.id);
    RETURN sft_core.reply(200, sft_core.cloud_account_json(made));
END $$;
COMMENT ON FUNCTION sft_api.cloud_account_create(sft.request) IS 'Gives a project a cloud account. Refuses: project_unknown, provider_missing, cloud_provider_unknown, account_id_missing, cloud_account_id_format, cloud_account_id_taken.';

CREATE FUNCTION sft_api.cloud_account_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    p    sft.projects := sft_core.project_seen(req.actor, req.params[2]);
    gone sft.cloud_accounts;
BEGIN
    UPDATE sft.cloud_accounts c SET deleted_at = now()
     WHERE c.team_id = p.team_id AND c.project_id = p.id AND c.id = sft_core.uuid_of(req.params[3]) AND c.deleted_at IS NULL RETURNING c.* INTO gone;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'cloud_account_unknown', 'There is no such cloud account in this project.');
    END IF;
    PERFORM sft_core.note(req.actor, p.team_id, 'cloud_account.delete', sft_core.cloud_account_json(gone), p.id);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.cloud_account_delete(sft.request) IS 'Takes a cloud account away. Refuses: project_unknown, cloud_account_unknown.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET',    '/v1/teams/{team}/projects/{project_name}/client_config_options',         0, 'member', '{access_user,access_admin}', true, 'client_config_option_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/client_config_options',      4096, 'member', '{access_admin}',             true, 'client_config_option_create'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/client_config_options/{id}', 4096, 'member', '{access_admin}',             true, 'client_config_option_delete'),
    ('GET',    '/v1/teams/{team}/projects/{project_name}/cloud_accounts',                0, 'member', '{access_user,access_admin,reporting_user}', true, 'cloud_account_list'),
    ('POST',   '/v1/teams/{team}/projects/{project_name}/cloud_accounts',             4096, 'member', '{access_admin}',             true, 'cloud_account_create'),
    ('DELETE', '/v1/teams/{team}/projects/{project_name}/cloud_accounts/{id}',        4096, 'member', '{access_admin}',             true, 'cloud_account_delete');
