-- SPDX-License-Identifier: PostgreSQL
-- 130_projects.sql - projects, the groups in them, their policy.

CREATE FUNCTION sft_core.project_create(by sft.actor, team_id uuid, name text, create_server_users boolean DEFAULT true,
                                        certificate_ttl_s int DEFAULT 300, next_unix_uid int DEFAULT 60001,
                                            next_unix_gid int DEFAULT 63001) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made uuid;
    full_name text := (SELECT t.name FROM sft.teams t WHERE t.id = project_create.team_id) || '/'
        || name::sft.project_name;
BEGIN
    INSERT INTO sft.projects (team_id, name, create_server_users, certificate_ttl_s, next_unix_uid, next_unix_gid,
                              user_authority_id, host_authority_id, x509_authority_id)
    VALUES (project_create.team_id, project_create.name, project_create.create_server_users,
        project_create.certificate_ttl_s,
            project_create.next_unix_uid, project_create.next_unix_gid,
                sftca.authority_create('ssh_user', name => full_name),
            sftca.authority_create('ssh_host', name => full_name), sftca.authority_create('x509', name => full_name))
    RETURNING id INTO made;
    PERFORM sft_core.note(by, team_id, 'project.create', jsonb_build_object('project', project_create.name), made);
    RETURN made;
END $$;
COMMENT ON FUNCTION sft_core.project_create(sft.actor, uuid, text, boolean, int, int, int) IS 'Makes a project with its three authorities. Refuses: project_name_format, project_name_taken, certificate_ttl_range, unix_id_range.';

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

CREATE FUNCTION sft_core.project_group_set(by sft.actor, team_id uuid, project_id uuid, group_id uuid,
    server_access boolean DEFAULT true,
                                           server_admin boolean DEFAULT false, create_server_group boolean DEFAULT false, servers_selector text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sft_core.fence(team_id);
    INSERT INTO sft.project_groups AS pg (team_id, project_id, group_id, server_access, server_admin,
        create_server_group, servers_selector)
    VALUES (project_group_set.team_id, project_group_set.project_id, project_group_set.group_id,
        project_group_set.server_access,
            project_group_set.server_admin, project_group_set.create_server_group,
                nullif(project_group_set.servers_selector, ''))
    ON CONFLICT ON CONSTRAINT project_group_taken DO UPDATE SET server_access = EXCLUDED.server_access,
        server_admin = EXCLUDED.server_admin,
        create_server_group = EXCLUDED.create_server_group, servers_selector = EXCLUDED.servers_selector;
    PERFORM sft_core.give_unix_ids(team_id, project_id);
    PERFORM sft_core.touch_project(team_id, project_id);
    PERFORM sft_core.note(by, team_id, 'project.add_group', jsonb_build_object('group_id', group_id, 'server_access',
        server_access,
                          'server_admin', server_admin, 'create_server_group', create_server_group), project_id);
END $$;
COMMENT ON FUNCTION sft_core.project_group_set(sft.actor, uuid, uuid, uuid, boolean, boolean, boolean, text) IS 'Puts a group into a project, or changes how it is in it. Refuses: project_group_rights_missing, servers_selector_unsupported, project_group_project_unknown, project_group_group_unknown.';

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
