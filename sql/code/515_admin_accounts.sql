-- SPDX-License-Identifier: PostgreSQL
-- 515_admin_accounts.sql - settings of teams, roles of groups, attributes and preauthorizations, for a DBA. The same acts as over HTTP.

CREATE FUNCTION sft_admin.set_team(team_name text, settings jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
BEGIN
    RETURN sft_core.settings_json(sft_core.settings_update(sft_core.dba(), sft_core.team_id(team_name), settings));
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.set_team(text, jsonb) IS
'Changes the settings that are named, and returns all: client_session_duration (60 to 90000 seconds), web_session_duration (1800 to 90000), strict_devices, approve_device_without_interaction, rate_limit_per_minute (10 to 1000000), post_login_url and so on; null unsets a URL. Refuses: <field>_format, post_…_url_format, include_user_sid_unknown, team_unknown.
Example: SELECT sft_admin.set_team(''acme'', ''{"client_session_duration": 28800}'');';

CREATE FUNCTION sft_admin.set_group_roles(team_name text, group_name text, roles text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.group_set_roles(sft_core.dba(), team, sft_core.group_id(team, group_name), roles);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.set_group_roles(text, text, text[]) IS
'Says what members of a group may do in the team: access_admin, access_user, reporting_user, server_admin. Refuses: group_unknown, group_built_in, group_role_unknown.
Example: SELECT sft_admin.set_group_roles(''acme'', ''helpdesk'', ''{reporting_user}'');';

CREATE FUNCTION sft_admin.set_user_attribute(team_name text, user_name text, attribute text, value text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    who  sft.users; a sft_core.attribute; rule text;
BEGIN
    SELECT u.* INTO STRICT who FROM sft.users u WHERE u.id = sft_core.user_id(team, user_name);
    SELECT x.* INTO a FROM sft_core.user_attributes(who) x WHERE x.name = attribute;
    IF a.id IS NULL THEN
        PERFORM sft_core.refuse(400, 'attribute_name_unknown', sft_core.sentence_of('attribute_name_unknown'));
    END IF;
    PERFORM sft_core.attribute_set(sft_core.dba(), team, a, value);
    RETURN NOT EXISTS (SELECT FROM sft.attributes x WHERE x.team_id = team AND x.id = a.id AND x.conflicting);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.set_user_attribute(text, text, text, text) IS
'Sets what a user''s account on servers is like: unix_user_name, unix_uid, unix_gid, user_shell, gecos_field, home_directory, windows_user_name; null leaves it to the platform. Returns false where another has, or had, that: then it counts for nothing. Refuses: user_unknown, attribute_name_unknown, attribute_value_format, server_user_name_….
Example: SELECT sft_admin.set_user_attribute(''acme'', ''alice'', ''user_shell'', ''/usr/bin/zsh'');';

CREATE FUNCTION sft_admin.set_group_attribute(team_name text, group_name text, attribute text, value text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    g    sft.groups; a sft_core.attribute; rule text;
BEGIN
    SELECT x.* INTO STRICT g FROM sft.groups x WHERE x.id = sft_core.group_id(team, group_name);
    SELECT x.* INTO a FROM sft_core.group_attributes(g) x WHERE x.name = attribute;
    IF a.id IS NULL THEN
        PERFORM sft_core.refuse(400, 'attribute_name_unknown', sft_core.sentence_of('attribute_name_unknown'));
    END IF;
    PERFORM sft_core.attribute_set(sft_core.dba(), team, a, value);
    RETURN NOT EXISTS (SELECT FROM sft.attributes x WHERE x.team_id = team AND x.id = a.id AND x.conflicting);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.set_group_attribute(text, text, text, text) IS
'Sets what a group is like on servers: unix_group_name, unix_gid, windows_group_name; null leaves it to the platform. Returns false where another has, or had, that. Refuses: group_unknown, attribute_name_unknown, attribute_value_format, server_user_name_….
Example: SELECT sft_admin.set_group_attribute(''acme'', ''ops'', ''unix_gid'', ''5000'');';

CREATE FUNCTION sft_admin.preauthorize(team_name text, user_name text, project_name text, expires_at timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    RETURN sft_core.preauthorization_create(sft_core.dba(), team, sft_core.user_id(team, user_name), ARRAY[project_name], expires_at, false, gen_random_uuid());
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.preauthorize(text, text, text, timestamptz) IS
'Lets a user into a project that asks for a preauthorization, until expires_at (null: until end_preauthorization). Returns its id. Refuses: user_unknown, project_unknown, preauthorization_expires_at_range.
Example: SELECT sft_admin.preauthorize(''acme'', ''alice'', ''prod'', now() + interval ''4 hours'');';

CREATE FUNCTION sft_admin.end_preauthorization(id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team uuid := (SELECT a.team_id FROM sft.preauthorizations a WHERE a.id = end_preauthorization.id);
BEGIN
    IF team IS NULL THEN
        PERFORM sft_core.refuse(404, 'preauthorization_unknown', 'There is no such preauthorization.');
    END IF;
    PERFORM sft_core.preauthorization_update(sft_core.dba(), team, id, '{"disabled": true}');
END $$;
COMMENT ON FUNCTION sft_admin.end_preauthorization(uuid) IS 'Disables a preauthorization; certificates that it covered are revoked. Refuses: preauthorization_unknown.';

CREATE VIEW sft_admin.attributes AS
    SELECT t.name AS team, u.name AS user_name, g.name AS group_name, a.name AS attribute, a.value, a.conflicting, a.changed_by, a.changed_at
      FROM sft.attributes a JOIN sft.teams t ON t.id = a.team_id
      LEFT JOIN sft.users u ON u.team_id = a.team_id AND u.id = a.user_id
      LEFT JOIN sft.groups g ON g.team_id = a.team_id AND g.id = a.group_id;
COMMENT ON VIEW sft_admin.attributes IS 'What somebody has set about accounts and groups on servers; conflicting: another has, or had, that, and it counts for nothing.';

CREATE VIEW sft_admin.preauthorizations AS
    SELECT t.name AS team, u.name AS user_name, p.name AS project, a.expires_at, a.disabled, a.created_by, a.created_at,
           NOT a.disabled AND (a.expires_at IS NULL OR a.expires_at > now()) AS counts, p.require_preauth_for_creds, a.id
      FROM sft.preauthorizations a JOIN sft.teams t ON t.id = a.team_id JOIN sft.users u ON u.team_id = a.team_id AND u.id = a.user_id
      JOIN sft.preauthorization_projects x ON x.team_id = a.team_id AND x.preauthorization_id = a.id
      JOIN sft.projects p ON p.team_id = x.team_id AND p.id = x.project_id;
COMMENT ON VIEW sft_admin.preauthorizations IS 'Who is let into which project until when, and whether the project asks.';

CREATE VIEW sft_admin.service_keys AS
    SELECT t.name AS team, u.name AS user_name, k.id AS key_id, k.issued_at, k.expires_at, k.last_used_at, k.deleted_at, k.created_by,
           k.deleted_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.status = 'ACTIVE' AS counts
      FROM sft.service_keys k JOIN sft.teams t ON t.id = k.team_id JOIN sft.users u ON u.team_id = k.team_id AND u.id = k.user_id;
COMMENT ON VIEW sft_admin.service_keys IS 'The keys of service users, without their secrets.';
