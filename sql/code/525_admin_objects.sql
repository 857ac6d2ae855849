-- SPDX-License-Identifier: PostgreSQL
-- 525_admin_objects.sql - settings and the end of projects, labels, servers without an agent, sudo entitlements, fleets, for a DBA.

CREATE FUNCTION sft_admin.set_project(team_name text, project_name text, settings jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.only_fields(settings, 'create_server_users', 'certificate_ttl_s', 'next_unix_uid', 'next_unix_gid', 'force_shared_ssh_users', 'shared_standard_user_name',
        'shared_admin_user_name', 'require_preauth_for_creds', 'user_on_demand_period', 'forward_traffic', 'gateway_selector', 'ssh_session_recording', 'rdp_session_recording');
    PERFORM sft_core.project_update(sft_core.dba(), team, sft_core.project_id(team, project_name), settings);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.set_project(text, text, jsonb) IS
'Changes the settings of a project that are named, as the API calls them; the others stay. Refuses: project_unknown, field_unknown, <field>_format, certificate_ttl_range, unix_id_range, shared_user_names_missing, shared_user_names_same, shared_user_name_taken, shared_user_name_of_group.
Example: SELECT sft_admin.set_project(''acme'', ''prod'', ''{"force_shared_ssh_users": true, "shared_standard_user_name": "app", "shared_admin_user_name": "appadmin"}'');';

CREATE FUNCTION sft_admin.delete_project(team_name text, project_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.project_delete(sft_core.dba(), team, sft_core.project_id(team, project_name));
END $$;
COMMENT ON FUNCTION sft_admin.delete_project(text, text) IS
'Ends a project for good: its servers are removed, its tokens void, everything that its authorities signed is revoked. The name is free again. Refuses: project_unknown.
Example: SELECT sft_admin.delete_project(''acme'', ''sandbox'');';

CREATE FUNCTION sft_admin.add_server(team_name text, project_name text, hostname text, access_address text DEFAULT NULL, alt_names text[] DEFAULT '{}', bastion text DEFAULT NULL,
                                     labels jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    RETURN sft_core.unmanaged_server_create(sft_core.dba(), team, sft_core.project_id(team, project_name), jsonb_build_object('hostname', hostname, 'access_address', access_address,
               'alt_names', to_jsonb(alt_names), 'bastion', bastion, 'labels', labels));
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.add_server(text, text, text, text, text[], text, jsonb) IS
'Writes down a server that runs no agent, mostly a bastion, so that its name resolves; its sshd is told by hand whom to trust. Returns its id. Refuses: project_unknown, hostname_missing, host_name_format, alt_names_format, labels_format.
Example: SELECT sft_admin.add_server(''acme'', ''prod'', ''jump'', ''198.51.100.1'');';

CREATE FUNCTION sft_admin.set_server_labels(team_name text, server text, labels jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.server_labels_set(sft_core.dba(), team, sft_admin.server_id(team, server), sft_core.api_labels_of(jsonb_build_object('labels', labels)));
END $$;
COMMENT ON FUNCTION sft_admin.set_server_labels(text, text, jsonb) IS
'Replaces the labels of a server that were set here or over the API (api.…); those that its agent reports stay (sftd.…). Selectors of project groups may let other people in by them. Refuses: server_unknown, server_ambiguous, labels_format.
Example: SELECT sft_admin.set_server_labels(''acme'', ''web01'', ''{"env": "prod", "tier": "web"}'');';

-- Sudo entitlements -----------------------------------------------------------------------------
CREATE FUNCTION sft_admin.entitlement(team_id uuid, name text) RETURNS sft.entitlements
LANGUAGE plpgsql STABLE AS $$
DECLARE
    e sft.entitlements;
BEGIN
    SELECT x.* INTO e FROM sft.entitlements x WHERE x.team_id = entitlement.team_id AND lower(x.name) = lower(entitlement.name) AND x.deleted_at IS NULL;
    RETURN e;
END $$;
COMMENT ON FUNCTION sft_admin.entitlement(uuid, text) IS 'The sudo entitlement of a name, or null.';

CREATE FUNCTION sft_admin.set_entitlement(team_name text, name text, definition jsonb) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    old  CONSTANT sft.entitlements := sft_admin.entitlement(team, name);
    rule text;
BEGIN
    PERFORM sft_core.only_fields(definition, 'description', 'structured_commands', 'opt_no_exec', 'opt_no_passwd', 'opt_run_as', 'opt_set_env', 'add_env', 'sub_env');
    IF old.id IS NULL THEN
        RETURN (sft_core.entitlement_create(sft_core.dba(), team, definition || jsonb_build_object('name', name))).id;
    END IF;
    PERFORM sft_core.entitlement_update(sft_core.dba(), old, definition);
    RETURN old.id;
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.set_entitlement(text, text, jsonb) IS
'Makes a sudo entitlement, or changes the one of this name. Commands are objects of command, command_type (executable, directory, raw), args_type (any, none, custom) and args. Nobody has it until give_entitlement. Returns its id. Refuses: entitlement_name_format, field_unknown, structured_commands_missing, structured_commands_format, opt_run_as_format, add_env_dangerous.
Example: SELECT sft_admin.set_entitlement(''acme'', ''restart-web'', ''{"structured_commands": [{"command": "/usr/bin/systemctl", "args_type": "custom", "args": "restart nginx"}]}'');';

CREATE FUNCTION sft_admin.delete_entitlement(team_name text, name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_core.entitlement_delete(sft_core.dba(), sft_admin.entitlement(sft_core.team_id(team_name), name));
END $$;
COMMENT ON FUNCTION sft_admin.delete_entitlement(text, text) IS 'Takes a sudo entitlement away from everybody. Refuses: entitlement_unknown.';

CREATE FUNCTION sft_admin.project_group(team_id uuid, project_name text, group_name text) RETURNS sft.project_groups
LANGUAGE plpgsql STABLE AS $$
DECLARE
    pg sft.project_groups;
BEGIN
    SELECT x.* INTO pg FROM sft.project_groups x WHERE x.team_id = project_group.team_id AND x.project_id = sft_core.project_id(project_group.team_id, project_name)
        AND x.group_id = sft_core.group_id(project_group.team_id, group_name);
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_group_unknown', 'This group is not in the project.');
    END IF;
    RETURN pg;
END $$;
COMMENT ON FUNCTION sft_admin.project_group(uuid, text, text) IS 'A group in a project. Refuses: project_unknown, group_unknown, project_group_unknown.';

CREATE FUNCTION sft_admin.give_entitlement(team_name text, project_name text, group_name text, entitlement text, place int DEFAULT 100) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.entitlement_give(sft_core.dba(), sft_admin.project_group(team, project_name, group_name), (sft_admin.entitlement(team, entitlement)).id, place);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.give_entitlement(text, text, text, text, int) IS
'Lets a group''s members run an entitlement''s commands by sudo on the servers of a project that they may use; place orders them (0 to 999, the last that matches counts). Refuses: project_unknown, group_unknown, project_group_unknown, entitlement_unknown, entitlement_position_range.
Example: SELECT sft_admin.give_entitlement(''acme'', ''prod'', ''ops'', ''restart-web'');';

CREATE FUNCTION sft_admin.take_entitlement(team_name text, project_name text, group_name text, entitlement text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.entitlement_take(sft_core.dba(), sft_admin.project_group(team, project_name, group_name), (sft_admin.entitlement(team, entitlement)).id);
END $$;
COMMENT ON FUNCTION sft_admin.take_entitlement(text, text, text, text) IS 'Takes a sudo entitlement from a group of a project. Refuses: project_unknown, group_unknown, project_group_unknown, project_entitlement_unknown.';

-- Fleets ----------------------------------------------------------------------------------------
CREATE FUNCTION sft_admin.create_client_enrollment_policy(team_name text, name text, requires_approval boolean DEFAULT true, description text DEFAULT '') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me   CONSTANT sft.actor := sft_core.dba();
    made sft.client_enrollment_policies;
    rule text;
BEGIN
    made := sft_core.client_enrollment_policy_create(me, sft_core.team_id(team_name), name, description, requires_approval);
    RETURN sft_core.token_text('client_enrollment_policy', made.token_id, made.team_id);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_client_enrollment_policy(text, text, boolean, text) IS
'Returns a token with which devices of a fleet enroll (sft fleet enroll); they are nobody''s until approve_client gives them to a user. Refuses: client_enrollment_policy_name_format, client_enrollment_policy_name_taken, line_format, instance_unset.
Example: SELECT sft_admin.create_client_enrollment_policy(''acme'', ''meeting rooms'');';

CREATE FUNCTION sft_admin.delete_client_enrollment_policy(id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p sft.client_enrollment_policies;
BEGIN
    SELECT x.* INTO p FROM sft.client_enrollment_policies x WHERE x.id = delete_client_enrollment_policy.id AND x.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_enrollment_policy_unknown', 'There is no such policy.');
    END IF;
    PERFORM sft_core.client_enrollment_policy_turn(sft_core.dba(), p, NULL, true, 'client_enrollment_policies.delete');
END $$;
COMMENT ON FUNCTION sft_admin.delete_client_enrollment_policy(uuid) IS 'Ends a policy and its token; devices that enrolled stay. Refuses: client_enrollment_policy_unknown.';
