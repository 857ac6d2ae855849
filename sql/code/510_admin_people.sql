-- SPDX-License-Identifier: PostgreSQL
-- 510_admin_people.sql - the instance, teams, users, groups, passwords and invitations, for a DBA.

CREATE FUNCTION sft_admin.set_instance(name text, url text, authority text, tls_authority text DEFAULT '') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
BEGIN
    -- psql's \set x `cat file` drops the last newline
    PERFORM sft_core.instance_set(sft_core.dba(), name, url, authority,
                                  CASE WHEN tls_authority LIKE '%-----' THEN tls_authority || E'\n' ELSE tls_authority END);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.set_instance(text, text, text, text) IS
'Says what this platform is called, where clients find it (https://host:port), which authority requests are signed for (host:port, no port when 443) and which PEM certificates its TLS certificate chains to (empty: the system''s). Makes the statement key at the first time.
Example: SELECT sft_admin.set_instance(''demo'', ''https://sft.example.com'', ''sft.example.com'', pg_read_file(…) or :''ca_pem'');';

CREATE FUNCTION sft_admin.create_team(team_name text, owner_name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me CONSTANT sft.actor := sft_core.dba();
    team uuid; rule text;
BEGIN
    team := sft_core.team_create(me, team_name);
    PERFORM sft_core.member_add(me, team, sft_core.group_id(team, 'owners'), sft_core.user_create(me, team, owner_name));
    RETURN team;
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_team(text, text) IS
'Makes a team with its built-in groups everyone and owners, and its first owner. Returns the team''s id. Refuses: team_name_format, team_name_taken, user_name_format.
Example: SELECT sft_admin.create_team(''acme'', ''olga'');';

CREATE FUNCTION sft_admin.create_user(team_name text, user_name text, server_user_name text DEFAULT NULL, full_name text DEFAULT NULL,
                                      email text DEFAULT NULL, user_type text DEFAULT 'human') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
BEGIN
    RETURN sft_core.user_create(sft_core.dba(), sft_core.team_id(team_name), user_name, user_type, server_user_name,
                                jsonb_build_object('full_name', full_name, 'email', email));
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_user(text, text, text, text, text, text) IS
'Makes a user in the group everyone; the account name on servers is derived from the name unless given. Returns the user''s id. Then reset_password() and invite(). Refuses: user_name_format, user_name_taken, server_user_name_format, server_user_name_reserved, server_user_name_taken, user_type_unknown, team_unknown.
Example: SELECT sft_admin.create_user(''acme'', ''alice'');';

CREATE FUNCTION sft_admin.set_user_status(team_name text, user_name text, status text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.user_set_status(sft_core.dba(), team, sft_core.user_id(team, user_name), status);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.set_user_status(text, text, text) IS 'Makes a user ACTIVE, DISABLED or DELETED; enable_user, disable_user and delete_user say it in a word. Refuses: user_unknown, user_deleted, user_status_unknown.';

CREATE FUNCTION sft_admin.disable_user(team_name text, user_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_admin.set_user_status(team_name, user_name, 'DISABLED');
END $$;
COMMENT ON FUNCTION sft_admin.disable_user(text, text) IS 'Stops a user: signed out, certificates revoked, gone from servers, until enable_user. Refuses: user_unknown.';

CREATE FUNCTION sft_admin.enable_user(team_name text, user_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_admin.set_user_status(team_name, user_name, 'ACTIVE');
END $$;
COMMENT ON FUNCTION sft_admin.enable_user(text, text) IS 'Lets a disabled user work again. Refuses: user_unknown, user_deleted.';

CREATE FUNCTION sft_admin.delete_user(team_name text, user_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_admin.set_user_status(team_name, user_name, 'DELETED');
END $$;
COMMENT ON FUNCTION sft_admin.delete_user(text, text) IS 'Removes a user for good: groups, clients, certificates. The name, the account name and the uid are never given to another. Refuses: user_unknown.';

CREATE FUNCTION sft_admin.create_group(team_name text, group_name text, roles text[] DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule text;
BEGIN
    RETURN sft_core.group_create(sft_core.dba(), sft_core.team_id(team_name), group_name, roles);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION sft_admin.create_group(text, text, text[]) IS
'Makes a group; roles are access_admin, access_user, reporting_user. Returns the group''s id. Refuses: group_name_format, group_name_taken, group_role_unknown.
Example: SELECT sft_admin.create_group(''acme'', ''ops'');';

CREATE FUNCTION sft_admin.delete_group(team_name text, group_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.group_delete(sft_core.dba(), team, sft_core.group_id(team, group_name));
END $$;
COMMENT ON FUNCTION sft_admin.delete_group(text, text) IS 'Removes a group, and with it what its members could do by it. Refuses: group_unknown.';

CREATE FUNCTION sft_admin.add_member(team_name text, group_name text, user_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    rule text;
BEGIN
    PERFORM sft_core.member_add(sft_core.dba(), team, sft_core.group_id(team, group_name), sft_core.user_id(team, user_name));
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.add_member(text, text, text) IS
'Puts a user into a group. Refuses: group_unknown, user_unknown, group_member_taken.
Example: SELECT sft_admin.add_member(''acme'', ''ops'', ''alice'');';

CREATE FUNCTION sft_admin.remove_member(team_name text, group_name text, user_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.member_remove(sft_core.dba(), team, sft_core.group_id(team, group_name), sft_core.user_id(team, user_name));
END $$;
COMMENT ON FUNCTION sft_admin.remove_member(text, text, text) IS 'Takes a user out of a group; servers follow within seconds. Refuses: group_unknown, user_unknown, group_member_unknown.';

CREATE FUNCTION sft_admin.reset_password(team_name text, user_name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me       CONSTANT sft.actor := sft_core.dba();
    team     CONSTANT uuid := sft_core.team_id(team_name);
    who      CONSTANT uuid := sft_core.user_id(team, user_name);
    password CONSTANT text := sftca.random_text(20);
BEGIN
    PERFORM sft_core.user_set_password(me, team, who, convert_to(password, 'UTF8'), true);
    PERFORM sft_core.sessions_end(me, team, who);
    RETURN password;
END $$;
COMMENT ON FUNCTION sft_admin.reset_password(text, text) IS
'Makes up a one-time password, ends the user''s sessions and returns it: hand it over; the next sign-in has to choose another. No password is ever written in SQL. Refuses: user_unknown.
Example: SELECT sft_admin.reset_password(''acme'', ''alice'');';

CREATE FUNCTION sft_admin.invite(team_name text, user_name text, lifetime interval DEFAULT '1 day') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    RETURN sft_core.token_text('invitation', sft_core.invitation_create(sft_core.dba(), team, sft_core.user_id(team, user_name), lifetime), team);
END $$;
COMMENT ON FUNCTION sft_admin.invite(text, text, interval) IS
'Returns an invitation: with it the user enrolls one device (sft enroll), once, within its lifetime. Hand it over by a way that only the user reads. Refuses: user_unknown, invitation_lifetime_range, instance_unset.
Example: SELECT sft_admin.invite(''acme'', ''alice'');';

CREATE FUNCTION sft_admin.delete_invitation(id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sft_core.invitation_delete(sft_core.dba(), (SELECT i.team_id FROM sft.invitations i WHERE i.id = delete_invitation.id), delete_invitation.id);
END $$;
COMMENT ON FUNCTION sft_admin.delete_invitation(uuid) IS 'Ends an invitation that nobody used. Refuses: invitation_unknown.';

CREATE FUNCTION sft_admin.create_service_key(team_name text, user_name text) RETURNS TABLE (key_id uuid, key_secret text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
    made uuid;
BEGIN
    made := sft_core.service_key_create(sft_core.dba(), team, sft_core.user_id(team, user_name));
    RETURN QUERY SELECT made, sft_core.service_key_secret(made);
END $$;
COMMENT ON FUNCTION sft_admin.create_service_key(text, text) IS
'Makes a key for a service user and shows its secret, this once: with both it gets bearer tokens (POST T/service_token). Its earlier keys go on for 48 hours. Refuses: user_unknown.
Example: SELECT * FROM sft_admin.create_service_key(''acme'', ''terraform'');';

CREATE FUNCTION sft_admin.delete_service_key(key_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone sft.service_keys;
BEGIN
    SELECT k.* INTO gone FROM sft.service_keys k WHERE k.id = delete_service_key.key_id;
    PERFORM sft_core.service_key_delete(sft_core.dba(), gone.team_id, gone.user_id, delete_service_key.key_id);
END $$;
COMMENT ON FUNCTION sft_admin.delete_service_key(uuid) IS 'Ends a service user''s key and every token that it bought, at once. Refuses: service_key_unknown.';
