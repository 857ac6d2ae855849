-- SPDX-License-Identifier: PostgreSQL
-- 130_projects.sql - projects, the groups in them, their policy.

CREATE FUNCTION sft_core.algorithm_of(ssh_certificate_type text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE ssh_certificate_type WHEN 'CERT_TYPE_ED25519_01' THEN 'ed25519' WHEN 'CERT_TYPE_ECDSA_256_01' THEN 'ecdsa-p256'
    WHEN 'CERT_TYPE_ECDSA_384_01' THEN 'ecdsa-p384' WHEN 'CERT_TYPE_ECDSA_521_01' THEN 'ecdsa-p521'
    WHEN 'CERT_TYPE_RSA_01' THEN 'rsa-3072' WHEN 'CERT_TYPE_RSA_SHA2_512_01' THEN 'rsa-3072' END;
COMMENT ON FUNCTION sft_core.algorithm_of(text) IS 'The algorithm of the authorities for a project''s certificate type; RSA always signs with SHA-512.';

CREATE FUNCTION sft_core.maybe_selector(b jsonb, field text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    value text := btrim(sft_core.maybe_text(b, field, 1000), ' ');
BEGIN
    PERFORM sft_core.selector_parse(field, value);
    RETURN nullif(value, '');
END $$;
COMMENT ON FUNCTION sft_core.maybe_selector(jsonb, text) IS 'A selector in a request; null where it is empty, absent or null. Refuses: <field>_format.';

-- Null unsets what can be unset; for everything else it says as little as an absent field.
CREATE FUNCTION sft_core.project_settings(p sft.projects, b jsonb) RETURNS sft.projects
LANGUAGE plpgsql STABLE AS $$
BEGIN
    p.create_server_users := coalesce(sft_core.maybe_bool(b, 'create_server_users'), p.create_server_users);
    p.certificate_ttl_s := coalesce(sft_core.maybe_bigint(b, 'certificate_ttl_s', 0, 2147483647), p.certificate_ttl_s);
    p.next_unix_uid := coalesce(sft_core.maybe_bigint(b, 'next_unix_uid', 0, 2147483647), p.next_unix_uid);
    p.next_unix_gid := coalesce(sft_core.maybe_bigint(b, 'next_unix_gid', 0, 2147483647), p.next_unix_gid);
    p.force_shared_ssh_users := coalesce(sft_core.maybe_bool(b, 'force_shared_ssh_users'), p.force_shared_ssh_users);
    p.require_preauth_for_creds := coalesce(sft_core.maybe_bool(b, 'require_preauth_for_creds'), p.require_preauth_for_creds);
    p.forward_traffic := coalesce(sft_core.maybe_bool(b, 'forward_traffic'), p.forward_traffic);
    p.ssh_session_recording := coalesce(sft_core.maybe_bool(b, 'ssh_session_recording'), p.ssh_session_recording);
    p.rdp_session_recording := coalesce(sft_core.maybe_bool(b, 'rdp_session_recording'), p.rdp_session_recording);
    IF b ? 'shared_standard_user_name' THEN
        p.shared_standard_user_name := nullif(sft_core.maybe_text(b, 'shared_standard_user_name', 31), '');
    END IF;
    IF b ? 'shared_admin_user_name' THEN
        p.shared_admin_user_name := nullif(sft_core.maybe_text(b, 'shared_admin_user_name', 31), '');
    END IF;
    IF b ? 'user_on_demand_period' THEN
        p.user_on_demand_period := sft_core.maybe_bigint(b, 'user_on_demand_period', 0, 31536000);
    END IF;
    IF b ? 'gateway_selector' THEN
        p.gateway_selector := sft_core.maybe_selector(b, 'gateway_selector');
    END IF;
    RETURN p;
END $$;
COMMENT ON FUNCTION sft_core.project_settings(sft.projects, jsonb) IS 'A project with the settings that a request changes. Refuses: <field>_format, server_user_name_format, server_user_name_reserved.';

CREATE FUNCTION sft_core.shared_account_give(project sft.projects, name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    made uuid := gen_random_uuid();
    n    int;
BEGIN
    IF EXISTS (SELECT FROM sft.shared_accounts a WHERE a.team_id = project.team_id AND a.project_id = project.id
        AND a.server_user_name = shared_account_give.name) THEN
        RETURN;
    END IF;
    PERFORM FROM sft.teams t WHERE t.id = project.team_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM sft.unix_names u WHERE u.team_id = project.team_id AND u.name = shared_account_give.name) THEN
        PERFORM sft_core.refuse(409, 'shared_user_name_taken', format('A user or group of the team has, or had, the name %s on servers.', name));
    END IF;
    n := sft_core.free_unix_id(project.team_id, project.next_unix_uid, 60514);
    INSERT INTO sft.shared_accounts (id, team_id, project_id, server_user_name, unix_uid)
    VALUES (made, project.team_id, project.id, name, n);
    INSERT INTO sft.unix_ids (team_id, unix_id, shared_account_id) VALUES (project.team_id, n, made);
    UPDATE sft.projects p SET next_unix_uid = n + 1 WHERE p.team_id = project.team_id AND p.id = project.id;
END $$;
COMMENT ON FUNCTION sft_core.shared_account_give(sft.projects, text) IS 'Makes a shared account, with a uid for good, if the project has none of this name. Refuses: shared_user_name_taken.';

CREATE FUNCTION sft_core.shared_accounts_give(team_id uuid, project_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    project sft.projects; name text;
BEGIN
    SELECT p.* INTO STRICT project FROM sft.projects p WHERE p.team_id = shared_accounts_give.team_id
        AND p.id = shared_accounts_give.project_id;
    IF project.force_shared_ssh_users THEN
        FOREACH name IN ARRAY ARRAY[project.shared_standard_user_name, project.shared_admin_user_name] LOOP
            PERFORM sft_core.shared_account_give(project, name);
            SELECT p.* INTO STRICT project FROM sft.projects p WHERE p.team_id = project.team_id AND p.id = project.id;
        END LOOP;
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.shared_accounts_give(uuid, uuid) IS 'Makes the shared accounts that a project wants. Refuses: shared_user_name_taken.';

CREATE FUNCTION sft_core.account_of(p sft.projects, own text, admin boolean) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN NOT (p).force_shared_ssh_users THEN own WHEN admin THEN (p).shared_admin_user_name ELSE (p).shared_standard_user_name END;
COMMENT ON FUNCTION sft_core.account_of(sft.projects, text, boolean) IS 'The account that a user has on servers of a project: the own one, or the shared one.';

CREATE FUNCTION sft_core.project_create(by sft.actor, team_id uuid, name text, settings jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    p         sft.projects;
    full_name text := (SELECT t.name FROM sft.teams t WHERE t.id = project_create.team_id) || '/' || name::sft.project_name;
BEGIN
    SELECT false, 300, 60001, 63001, false, false, false, false, false INTO p.create_server_users, p.certificate_ttl_s, p.next_unix_uid, p.next_unix_gid,
        p.force_shared_ssh_users, p.require_preauth_for_creds, p.forward_traffic, p.ssh_session_recording, p.rdp_session_recording;
    p := sft_core.project_settings(p, settings);
    p.ssh_certificate_type := coalesce(nullif(sft_core.maybe_text(settings, 'ssh_certificate_type', 64), ''), 'CERT_TYPE_ED25519_01');
    IF sft_core.algorithm_of(p.ssh_certificate_type) IS NULL THEN
        PERFORM sft_core.refuse(400, 'ssh_certificate_type_unknown', sft_core.sentence_of('ssh_certificate_type_unknown'));
    END IF;
    INSERT INTO sft.projects (team_id, name, create_server_users, certificate_ttl_s, next_unix_uid, next_unix_gid, force_shared_ssh_users, shared_standard_user_name,
        shared_admin_user_name, require_preauth_for_creds, user_on_demand_period, forward_traffic, gateway_selector, ssh_session_recording, rdp_session_recording,
        ssh_certificate_type, user_authority_id, host_authority_id, x509_authority_id)
    VALUES (project_create.team_id, project_create.name, p.create_server_users, p.certificate_ttl_s, p.next_unix_uid, p.next_unix_gid, p.force_shared_ssh_users,
        p.shared_standard_user_name, p.shared_admin_user_name, p.require_preauth_for_creds, p.user_on_demand_period, p.forward_traffic, p.gateway_selector,
        p.ssh_session_recording, p.rdp_session_recording, p.ssh_certificate_type,
        sftca.authority_create('ssh_user', sft_core.algorithm_of(p.ssh_certificate_type), full_name),
        sftca.authority_create('ssh_host', sft_core.algorithm_of(p.ssh_certificate_type), full_name), sftca.authority_create('x509', name => full_name))
    RETURNING id INTO p.id;
    PERFORM sft_core.shared_accounts_give(team_id, p.id);
    PERFORM sft_core.note(by, team_id, 'project.create', jsonb_build_object('project', project_create.name, 'settings', settings), p.id);
    RETURN p.id;
END $$;
COMMENT ON FUNCTION sft_core.project_create(sft.actor, uuid, text, jsonb) IS 'Makes a project with its three authorities; what settings leave out is off. Refuses: project_name_format, project_name_taken, <field>_format, certificate_ttl_range, unix_id_range, ssh_certificate_type_unknown, shared_user_names_missing, shared_user_names_same, shared_user_name_of_group, shared_user_name_taken, server_user_name_format, server_user_name_reserved.';

CREATE FUNCTION sft_core.project_update(by sft.actor, team_id uuid, project_id uuid, settings jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old sft.projects; p sft.projects;
BEGIN
    PERFORM sft_core.fence(team_id);
    SELECT x.* INTO STRICT old FROM sft.projects x WHERE x.team_id = project_update.team_id AND x.id = project_update.project_id FOR NO KEY UPDATE;
    p := sft_core.project_settings(old, settings);
    IF coalesce(nullif(sft_core.maybe_text(settings, 'ssh_certificate_type', 64), ''), old.ssh_certificate_type) <> old.ssh_certificate_type THEN
        PERFORM sft_core.refuse(409, 'ssh_certificate_type_fixed', 'The certificate type of a project stays what it was made with.');
    END IF;
    IF p IS NOT DISTINCT FROM old THEN
        RETURN;
    END IF;
    UPDATE sft.projects x SET create_server_users = p.create_server_users, certificate_ttl_s = p.certificate_ttl_s, next_unix_uid = p.next_unix_uid,
           next_unix_gid = p.next_unix_gid, force_shared_ssh_users = p.force_shared_ssh_users, shared_standard_user_name = p.shared_standard_user_name,
           shared_admin_user_name = p.shared_admin_user_name, require_preauth_for_creds = p.require_preauth_for_creds, user_on_demand_period = p.user_on_demand_period,
           forward_traffic = p.forward_traffic, gateway_selector = p.gateway_selector, ssh_session_recording = p.ssh_session_recording,
           rdp_session_recording = p.rdp_session_recording
     WHERE x.team_id = project_update.team_id AND x.id = project_update.project_id;
    PERFORM sft_core.shared_accounts_give(team_id, project_id);
    PERFORM sft_core.touch_project(team_id, project_id);
    PERFORM sft_core.note(by, team_id, 'project.update', jsonb_build_object('settings', settings), project_id);
END $$;
COMMENT ON FUNCTION sft_core.project_update(sft.actor, uuid, uuid, jsonb) IS 'Changes the settings of a project that a request names. Refuses: as making one does, and ssh_certificate_type_fixed.';

CREATE FUNCTION sft_core.project_delete(by sft.actor, team_id uuid, project_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone sft.projects; one uuid; servers int := 0; revoked bigint;
BEGIN
    PERFORM sft_core.fence(team_id);
    -- tokens before the project, as a server that joins takes them
    UPDATE sft.server_enrollment_tokens t SET deleted_at = now() WHERE t.team_id = project_delete.team_id AND t.project_id = project_delete.project_id AND t.deleted_at IS NULL;
    UPDATE sft.projects p SET deleted_at = now()
     WHERE p.team_id = project_delete.team_id AND p.id = project_delete.project_id AND p.deleted_at IS NULL RETURNING p.* INTO gone;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_unknown', 'There is no such project.');
    END IF;
    FOR one IN SELECT v.id FROM sft.servers v WHERE v.team_id = gone.team_id AND v.project_id = gone.id AND v.deleted_at IS NULL ORDER BY v.id LOOP
        PERFORM sft_core.server_remove(by, team_id, one);
        servers := servers + 1;
    END LOOP;
    UPDATE sft.cloud_accounts c SET deleted_at = now() WHERE c.team_id = gone.team_id AND c.project_id = gone.id AND c.deleted_at IS NULL;
    DELETE FROM sft.project_groups pg WHERE pg.team_id = gone.team_id AND pg.project_id = gone.id;
    SELECT count(*) INTO revoked FROM sft.credentials c WHERE c.team_id = gone.team_id AND c.project_id = gone.id AND c.valid_before > now();
    -- every serial of its authorities, those that nobody has yet as well: nothing of this project is trusted or signed again
    FOREACH one IN ARRAY ARRAY[gone.user_authority_id, gone.host_authority_id, gone.x509_authority_id] LOOP
        PERFORM sftca.revoke(one, 1, 9223372036854775807, 'cessation_of_operation: project deleted');
    END LOOP;
    PERFORM sft_core.touch_project(team_id, project_id);
    PERFORM sft_core.note(by, team_id, 'project.delete', jsonb_build_object('project', gone.name, 'servers_removed', servers, 'certificates_revoked', revoked), project_id);
END $$;
COMMENT ON FUNCTION sft_core.project_delete(sft.actor, uuid, uuid) IS 'Ends a project: its servers are removed, its tokens void, everything that its authorities signed or will sign is revoked. Its name is free again; its id never. Refuses: project_unknown.';

CREATE FUNCTION sft_core.project_id(team_id uuid, name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT p.id INTO found_id FROM sft.projects p
     WHERE p.team_id = project_id.team_id AND lower(p.name) = lower(project_id.name) AND p.deleted_at IS NULL;
    IF found_id IS NULL THEN
        PERFORM sft_core.refuse(404, 'project_unknown', format('There is no project named %s.',
            left(project_id.name, 64)));
    END IF;
    RETURN found_id;
END $$;
COMMENT ON FUNCTION sft_core.project_id(uuid, text) IS 'The project of a name. Refuses: project_unknown.';

CREATE FUNCTION sft_core.project_hold(team_id uuid, project_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sft.projects p WHERE p.team_id = project_hold.team_id AND p.id = project_hold.project_id AND p.deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_unknown', 'This project was deleted.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.project_hold(uuid, uuid) IS 'Keeps a project from being deleted while something is put into it. Refuses: project_unknown.';

CREATE FUNCTION sft_core.project_group_set(by sft.actor, team_id uuid, project_id uuid, group_id uuid,
    server_access boolean DEFAULT true,
                                           server_admin boolean DEFAULT false, create_server_group boolean DEFAULT false, servers_selector text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    wanted CONSTANT text := nullif(btrim(project_group_set.servers_selector, ' '), '');
    old    sft.project_groups;
BEGIN
    PERFORM sft_core.fence(team_id);
    PERFORM sft_core.project_hold(team_id, project_id);
    PERFORM sft_core.group_hold(team_id, group_id);
    SELECT pg.* INTO old FROM sft.project_groups pg WHERE pg.team_id = project_group_set.team_id
        AND pg.project_id = project_group_set.project_id AND pg.group_id = project_group_set.group_id FOR NO KEY UPDATE;
    INSERT INTO sft.project_groups AS pg (team_id, project_id, group_id, server_access, server_admin,
        create_server_group, servers_selector, servers_match)
    VALUES (project_group_set.team_id, project_group_set.project_id, project_group_set.group_id,
        project_group_set.server_access,
            project_group_set.server_admin, project_group_set.create_server_group,
                wanted, sft_core.selector_path(sft_core.selector_parse('servers_selector', wanted)))
    ON CONFLICT ON CONSTRAINT project_group_taken DO UPDATE SET server_access = EXCLUDED.server_access,
        server_admin = EXCLUDED.server_admin, create_server_group = EXCLUDED.create_server_group,
        servers_selector = EXCLUDED.servers_selector, servers_match = EXCLUDED.servers_match;
    PERFORM sft_core.give_unix_ids(team_id, project_id);
    PERFORM sft_core.touch_project(team_id, project_id);
    PERFORM sft_core.note(by, team_id, CASE WHEN old.group_id IS NOT NULL AND old.servers_selector IS DISTINCT FROM wanted
        THEN 'project_group_selector.update' ELSE 'project.add_group' END,
        jsonb_build_object('group_id', group_id, 'server_access', server_access, 'server_admin', server_admin, 'create_server_group', create_server_group,
                           'servers_selector', wanted, 'servers_selector_before', old.servers_selector), project_id);
END $$;
COMMENT ON FUNCTION sft_core.project_group_set(sft.actor, uuid, uuid, uuid, boolean, boolean, boolean, text) IS 'Puts a group into a project, or changes how it is in it. Refuses: project_group_rights_missing, servers_selector_format, project_group_project_unknown, group_unknown.';

CREATE FUNCTION sft_core.project_group_remove(by sft.actor, team_id uuid, project_id uuid, group_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    DELETE FROM sft.project_groups pg WHERE pg.team_id = project_group_remove.team_id
        AND pg.project_id = project_group_remove.project_id
        AND pg.group_id = project_group_remove.group_id;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'project_group_unknown', 'This group is not in the project.');
    END IF;
    PERFORM sft_core.touch_project(team_id, project_id);
    PERFORM sft_core.note(by, team_id, 'project.remove_group', jsonb_build_object('group_id', group_id), project_id);
END $$;
COMMENT ON FUNCTION sft_core.project_group_remove(sft.actor, uuid, uuid, uuid) IS 'Takes a group out of a project. Refuses: project_group_unknown.';

CREATE FUNCTION sft_core.policy_set(by sft.actor, team_id uuid, project_id uuid, source_networks cidr[] DEFAULT NULL,
                                    max_sign_in_age_s int DEFAULT NULL, max_certificate_ttl_s int DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    INSERT INTO sft.policies AS p (team_id, project_id, source_networks, max_sign_in_age_s, max_certificate_ttl_s)
    VALUES (policy_set.team_id, policy_set.project_id, policy_set.source_networks, policy_set.max_sign_in_age_s,
        policy_set.max_certificate_ttl_s)
    ON CONFLICT ON CONSTRAINT policy_taken DO UPDATE SET source_networks = EXCLUDED.source_networks,
        max_sign_in_age_s = EXCLUDED.max_sign_in_age_s, max_certificate_ttl_s = EXCLUDED.max_certificate_ttl_s,
            changed_at = now();
    PERFORM sft_core.note(by, team_id, 'policy.update', jsonb_build_object('source_networks', to_jsonb(source_networks),
                          'max_sign_in_age_s', max_sign_in_age_s, 'max_certificate_ttl_s', max_certificate_ttl_s), project_id);
END $$;
COMMENT ON FUNCTION sft_core.policy_set(sft.actor, uuid, uuid, cidr[], int, int) IS 'Sets a project''s whole policy. Refuses: source_networks_empty, seconds_range, max_certificate_ttl_range, policy_project_unknown.';
