-- SPDX-License-Identifier: PostgreSQL
-- 545_admin_keys.sql - turning the keys of a project's authorities, for a DBA.

CREATE FUNCTION sft_admin.authority_of(team_id uuid, project_name text, purpose text) RETURNS sft_core.authority
LANGUAGE plpgsql STABLE AS $$
DECLARE
    within    CONSTANT uuid := sft_core.project_id(team_id, project_name);
    found_one sft_core.authority;
BEGIN
    SELECT a.* INTO found_one FROM sft_core.authorities_of(authority_of.team_id) a
     WHERE a.project_id = within AND a.purpose = authority_of.purpose;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(400, 'authority_purpose', 'The purpose of a project''s authority is ssh_user, ssh_host or x509.');
    END IF;
    RETURN found_one;
END $$;
COMMENT ON FUNCTION sft_admin.authority_of(uuid, text, text) IS 'A project''s authority for a purpose. Refuses: project_unknown, authority_purpose.';

CREATE FUNCTION sft_admin.prepare_key(team_name text, project_name text, purpose text DEFAULT 'ssh_user') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    RETURN sft_core.key_prepare(sft_core.dba(), team, sft_admin.authority_of(team, project_name, purpose));
END $$;
COMMENT ON FUNCTION sft_admin.prepare_key(text, text, text) IS
'Makes the next key of a project''s authority (purpose ssh_user, ssh_host or x509): it is trusted from now on and signs once activated. Returns its generation. Refuses: team_unknown, project_unknown, authority_purpose, key_next_exists.
Example: SELECT sft_admin.prepare_key(''acme'', ''prod'');';

CREATE FUNCTION sft_admin.activate_key(team_name text, project_name text, generation int, waive text[] DEFAULT '{}',
    purpose text DEFAULT 'ssh_user') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.key_activate(sft_core.dba(), team, sft_admin.authority_of(team, project_name, purpose), generation, waive);
END $$;
COMMENT ON FUNCTION sft_admin.activate_key(text, text, int, text[], text) IS
'Lets the next key sign and the active one retire. Refused until every server of the project has acknowledged that it trusts the key, or is waived by its name or id. Refuses: servers_behind, generation_unknown, key_state, server_unknown, server_ambiguous, project_unknown, authority_purpose.
Example: SELECT sft_admin.activate_key(''acme'', ''prod'', 2, waive => ''{web07}'');';

CREATE FUNCTION sft_admin.retire_key(team_name text, project_name text, generation int, force boolean DEFAULT false,
    purpose text DEFAULT 'ssh_user') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.key_retire(sft_core.dba(), team, sft_admin.authority_of(team, project_name, purpose), generation, force);
END $$;
COMMENT ON FUNCTION sft_admin.retire_key(text, text, int, boolean, text) IS
'Ends trust in a key that is next or retiring and destroys its private part. Refused while certificates that it signed live, unless forced. Refuses: key_in_use, generation_unknown, key_state, project_unknown, authority_purpose.
Example: SELECT sft_admin.retire_key(''acme'', ''prod'', 1);';
