-- SPDX-License-Identifier: PostgreSQL
-- 520_admin_projects.sql - projects, the groups in them, their policy, enrollment tokens, for a DBA.

CREATE FUNCTION sft_admin.create_project(team_name text, project_name text, create_server_users boolean DEFAULT true, ttl interval DEFAULT '5 minutes',
                                         next_unix_uid int DEFAULT 60001, next_unix_gid int DEFAULT 63001,
                                         ssh_certificate_type text DEFAULT 'CERT_TYPE_ED25519_01') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
BEGIN
    RETURN sft_core.project_create(sft_core.dba(), sft_core.team_id(team_name), project_name, jsonb_build_object('create_server_users', create_server_users,
                                   'certificate_ttl_s', extract(epoch FROM ttl)::int, 'next_unix_uid', next_unix_uid, 'next_unix_gid', next_unix_gid,
                                   'ssh_certificate_type', ssh_certificate_type));
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_project(text, text, boolean, interval, int, int, text) IS
'Makes a project with authorities of its own for users, hosts and X.509. With create_server_users its agents make and remove accounts. ssh_certificate_type is CERT_TYPE_ED25519_01, CERT_TYPE_ECDSA_256_01, _384_01, _521_01, CERT_TYPE_RSA_01 or CERT_TYPE_RSA_SHA2_512_01 and stays. Returns the project''s id. Refuses: project_name_format, project_name_taken, certificate_ttl_range, unix_id_range, ssh_certificate_type_unknown.
Example: SELECT sft_admin.create_project(''acme'', ''prod'');';

CREATE FUNCTION sft_admin.add_project_group(team_name text, project_name text, group_name text, server_access boolean DEFAULT true,
                                            server_admin boolean DEFAULT false, create_server_group boolean DEFAULT false,
                                            servers_selector text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.project_group_set(sft_core.dba(), team, sft_core.project_id(team, project_name), sft_core.group_id(team, group_name),
                                       server_access, server_admin, create_server_group, servers_selector);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.add_project_group(text, text, text, boolean, boolean, boolean, text) IS
'Lets a group''s members log in to a project''s servers, with sudo if server_admin; again: changes it. create_server_group makes the group on the servers too. servers_selector narrows the servers by their labels, as in env=prod,tier in (web,db),!retired: a name without sftd. or api. before it is anybody''s, the servers'' own agents'' too. Refuses: project_unknown, group_unknown, project_group_rights_missing, servers_selector_format.
Example: SELECT sft_admin.add_project_group(''acme'', ''prod'', ''ops'', server_admin => true);';

CREATE FUNCTION sft_admin.remove_project_group(team_name text, project_name text, group_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.project_group_remove(sft_core.dba(), team, sft_core.project_id(team, project_name), sft_core.group_id(team, group_name));
END $$;
COMMENT ON FUNCTION sft_admin.remove_project_group(text, text, text) IS 'Takes a group out of a project. Refuses: project_unknown, group_unknown, project_group_unknown.';

CREATE FUNCTION sft_admin.set_policy(team_name text, project_name text, source_networks cidr[] DEFAULT NULL, sign_in_age interval DEFAULT NULL,
                                     ttl interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.policy_set(sft_core.dba(), team, sft_core.project_id(team, project_name), source_networks,
                                extract(epoch FROM sign_in_age)::int, extract(epoch FROM ttl)::int);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.set_policy(text, text, cidr[], interval, interval) IS
'Sets a project''s whole policy: networks to ask from, greatest age of the sign-in, greatest ttl that may be asked for. What is left out does not matter any more. Refuses: project_unknown, source_networks_empty, seconds_range, max_certificate_ttl_range.
Example: SELECT sft_admin.set_policy(''acme'', ''prod'', source_networks => ''{192.0.2.0/24}'', sign_in_age => ''8 hours'');';

CREATE FUNCTION sft_admin.create_server_enrollment_token(team_name text, project_name text, description text DEFAULT '',
                                                         expires_at timestamptz DEFAULT NULL, max_uses int DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    RETURN sft_core.token_text('server_enrollment_token', sft_core.server_enrollment_token_create(sft_core.dba(), team,
               sft_core.project_id(team, project_name), description, expires_at, max_uses), team);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_server_enrollment_token(text, text, text, timestamptz, int) IS
'Returns a token with which servers join a project: until expires_at, at most max_uses times, or for good. Put it into the server''s token file, mode 0600. Refuses: project_unknown, max_uses_range, line_format, instance_unset.
Example: SELECT sft_admin.create_server_enrollment_token(''acme'', ''prod'', ''rack 7'', now() + interval ''1 day'', 20);';

CREATE FUNCTION sft_admin.delete_server_enrollment_token(id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_core.server_enrollment_token_delete(sft_core.dba(), (SELECT t.team_id FROM sft.server_enrollment_tokens t WHERE t.id = delete_server_enrollment_token.id), id);
END $$;
COMMENT ON FUNCTION sft_admin.delete_server_enrollment_token(uuid) IS 'Ends a token; servers that joined with it stay. Refuses: server_enrollment_token_unknown.';
