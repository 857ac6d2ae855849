-- SPDX-License-Identifier: PostgreSQL
-- 100_teams.sql - the instance and its teams.

CREATE FUNCTION sft_core.instance_set(by sft.actor, name text, url text, authority text,
    tls_authority text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM sftca.statement_keys k WHERE k.state = 'active') THEN
        PERFORM sftca.statement_key_create();
    END IF;
    INSERT INTO sft.instance AS i (name, url, authority, tls_authority)
    VALUES (instance_set.name, instance_set.url, lower(instance_set.authority),
        coalesce(instance_set.tls_authority, ''))
    ON CONFLICT (singleton) DO UPDATE SET name = EXCLUDED.name, url = EXCLUDED.url, authority = EXCLUDED.authority,
        tls_authority = EXCLUDED.tls_authority, version = i.version + 1;
    PERFORM sft_core.note(by, NULL, 'instance.update', jsonb_build_object('name', instance_set.name, 'url',
        instance_set.url, 'authority', instance_set.authority));
END $$;
COMMENT ON FUNCTION sft_core.instance_set(sft.actor, text, text, text, text) IS 'Says what this platform is called and where it is found. Makes the statement key at the first time.';

CREATE FUNCTION sft_core.team_create(by sft.actor, name text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    team uuid;
BEGIN
    INSERT INTO sft.teams (name) VALUES (team_create.name) RETURNING id INTO team;
    PERFORM sft_core.group_create(by, team, 'everyone', '{}');
    PERFORM sft_core.group_create(by, team, 'owners', '{access_admin,access_user,reporting_user}');
    PERFORM sft_core.note(by, team, 'team.create', jsonb_build_object('name', team_create.name));
    RETURN team;
END $$;
COMMENT ON FUNCTION sft_core.team_create(sft.actor, text) IS 'Makes a team with its built-in groups everyone and owners. The caller must see it already or be beyond the wall. Refuses: team_name_format, team_name_taken.';

CREATE FUNCTION sft_core.team_id(name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid;
BEGIN
    SELECT t.id INTO team FROM sft.teams t WHERE t.name = team_id.name;
    IF team IS NULL THEN
        PERFORM sft_core.refuse(404, 'team_unknown', format('There is no team named %s.', left(team_id.name, 64)));
    END IF;
    RETURN team;
END $$;
COMMENT ON FUNCTION sft_core.team_id(text) IS 'The team of a name. Refuses: team_unknown.';

CREATE FUNCTION sft_core.settings_json(t sft.teams) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('team', (t).name, 'approve_device_without_interaction', (t).approve_device_without_interaction,
    'client_session_duration', (t).client_session_duration_s, 'web_session_duration', (t).web_session_duration_s,
    'post_device_enrollment_url', (t).post_device_enrollment_url, 'post_login_url', (t).post_login_url, 'post_logout_url', (t).post_logout_url,
    'reactivate_users_via_idp', (t).reactivate_users_via_idp, 'user_provisioning_exact_username', (t).user_provisioning_exact_username,
    'include_user_sid', (t).include_user_sid, 'strict_devices', (t).strict_devices, 'rate_limit_per_minute', (t).rate_limit_per_minute);
COMMENT ON FUNCTION sft_core.settings_json(sft.teams) IS 'The settings of a team as answers show them; the last two are ours.';

CREATE FUNCTION sft_core.whole(b jsonb, VARIADIC fields text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT b || coalesce(jsonb_object_agg(f, trunc((b->>f)::numeric)), '{}')
      FROM unnest(fields) f WHERE jsonb_typeof(b->f) = 'number' AND length(b->>f) < 20 AND (b->>f)::numeric = trunc((b->>f)::numeric)
$$;
COMMENT ON FUNCTION sft_core.whole(jsonb, text[]) IS 'A body in which 3600.0 is 3600: the product calls some whole numbers doubles.';

CREATE FUNCTION sft_core.settings_update(by sft.actor, team_id uuid, given jsonb) RETURNS sft.teams
LANGUAGE plpgsql AS $$
DECLARE
    b jsonb := sft_core.whole(given, 'client_session_duration', 'web_session_duration', 'rate_limit_per_minute');
    t sft.teams;
BEGIN
    SELECT x.* INTO STRICT t FROM sft.teams x WHERE x.id = settings_update.team_id FOR NO KEY UPDATE;
    t.client_session_duration_s := coalesce(sft_core.maybe_bigint(b, 'client_session_duration', 60, 90000), t.client_session_duration_s);
    t.web_session_duration_s := coalesce(sft_core.maybe_bigint(b, 'web_session_duration', 1800, 90000), t.web_session_duration_s);
    t.rate_limit_per_minute := coalesce(sft_core.maybe_bigint(b, 'rate_limit_per_minute', 10, 1000000), t.rate_limit_per_minute);
    t.approve_device_without_interaction := coalesce(sft_core.maybe_bool(b, 'approve_device_without_interaction'), t.approve_device_without_interaction);
    t.reactivate_users_via_idp := coalesce(sft_core.maybe_bool(b, 'reactivate_users_via_idp'), t.reactivate_users_via_idp);
    t.user_provisioning_exact_username := coalesce(sft_core.maybe_bool(b, 'user_provisioning_exact_username'), t.user_provisioning_exact_username);
    t.strict_devices := coalesce(sft_core.maybe_bool(b, 'strict_devices'), t.strict_devices);
    t.include_user_sid := coalesce(sft_core.maybe_text(b, 'include_user_sid'), t.include_user_sid);
    t.post_device_enrollment_url := CASE WHEN b ? 'post_device_enrollment_url' THEN nullif(sft_core.maybe_text(b, 'post_device_enrollment_url', 2048), '')
        ELSE t.post_device_enrollment_url END;
    t.post_login_url := CASE WHEN b ? 'post_login_url' THEN nullif(sft_core.maybe_text(b, 'post_login_url', 2048), '') ELSE t.post_login_url END;
    t.post_logout_url := CASE WHEN b ? 'post_logout_url' THEN nullif(sft_core.maybe_text(b, 'post_logout_url', 2048), '') ELSE t.post_logout_url END;
    UPDATE sft.teams x SET client_session_duration_s = t.client_session_duration_s, web_session_duration_s = t.web_session_duration_s,
        rate_limit_per_minute = t.rate_limit_per_minute, approve_device_without_interaction = t.approve_device_without_interaction,
        reactivate_users_via_idp = t.reactivate_users_via_idp, user_provisioning_exact_username = t.user_provisioning_exact_username,
        strict_devices = t.strict_devices, include_user_sid = t.include_user_sid, post_device_enrollment_url = t.post_device_enrollment_url,
        post_login_url = t.post_login_url, post_logout_url = t.post_logout_url WHERE x.id = t.id;
    PERFORM sft_core.note(by, team_id, 'team_settings.update', sft_core.settings_json(t) - 'team');
    RETURN t;
END $$;
COMMENT ON FUNCTION sft_core.settings_update(sft.actor, uuid, jsonb) IS 'Changes the settings that a request names; null unsets a URL. A session that is open keeps its length. Refuses: <field>_format, post_…_url_format, include_user_sid_unknown.';

CREATE FUNCTION sft_api.settings_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.reply(200, (SELECT sft_core.settings_json(t) FROM sft.teams t WHERE t.id = (req.actor).team_id));
END $$;
COMMENT ON FUNCTION sft_api.settings_show(sft.request) IS 'The settings of the team.';

CREATE FUNCTION sft_api.settings_update(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
BEGIN
    IF (req.actor).kind = 'service' AND sft_core.maybe_bool(req.body, 'strict_devices') = false THEN
        PERFORM sft_core.refuse(403, 'strict_devices', 'A bearer token does not undo the rule that binds it.');
    END IF;
    RETURN sft_core.reply(200, sft_core.settings_json(sft_core.settings_update(req.actor, (req.actor).team_id, req.body)));
END $$;
COMMENT ON FUNCTION sft_api.settings_update(sft.request) IS 'Changes settings of the team, those that are given. Refuses: <field>_format, post_…_url_format, include_user_sid_unknown, strict_devices.';

CREATE FUNCTION sft_api.team_stats_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    team uuid := (req.actor).team_id;
BEGIN
    RETURN sft_core.reply(200, jsonb_build_object(
        'num_clients', (SELECT count(*) FROM sft.clients c WHERE c.team_id = team AND c.state <> 'DELETED'),
        'num_gateways', (SELECT count(*) FROM sft.gateways g WHERE g.team_id = team),
        'num_groups', (SELECT count(*) FROM sft.groups g WHERE g.team_id = team AND g.deleted_at IS NULL),
        'num_human_users', (SELECT count(*) FROM sft.users u WHERE u.team_id = team AND u.user_type = 'human' AND u.status <> 'DELETED'),
        'num_service_users', (SELECT count(*) FROM sft.users u WHERE u.team_id = team AND u.user_type = 'service' AND u.status <> 'DELETED'),
        'num_projects', (SELECT count(*) FROM sft.projects p WHERE p.team_id = team AND p.deleted_at IS NULL),
        'num_servers', (SELECT count(*) FROM sft.servers v WHERE v.team_id = team AND v.deleted_at IS NULL)));
END $$;
COMMENT ON FUNCTION sft_api.team_stats_show(sft.request) IS 'How many of each a team has, without what was deleted.';

CREATE FUNCTION sft_api.role_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sft_core.page_reply(sft_core.page_of(req, '{}'), ARRAY(SELECT jsonb_build_object('name', r)
        FROM unnest(ARRAY['access_admin', 'access_user', 'reporting_user', 'server_admin']) r));
END $$;
COMMENT ON FUNCTION sft_api.role_list(sft.request) IS 'The roles that a group can have.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, proc) VALUES
    ('GET', '/v1/teams/{team}/settings',      0, 'member', '{access_admin,access_user}', true, 'settings_show'),
    ('PUT', '/v1/teams/{team}/settings',   8192, 'member', '{access_admin}',             true, 'settings_update'),
    ('GET', '/v1/teams/{team}/team_stats',    0, 'member', '{access_admin}',             true, 'team_stats_show'),
    ('GET', '/v1/teams/{team}/roles',         0, 'member', '{everyone}',                 true, 'role_list');
