-- SPDX-License-Identifier: PostgreSQL
-- 530_admin_machines.sql - approving and removing devices, removing servers, for a DBA.

CREATE FUNCTION sft_admin.approve_client(client text, user_name text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me    CONSTANT sft.actor := sft_core.dba();
    waits CONSTANT sft.clients := sft_admin.client_of(client);
    whose CONSTANT text := coalesce(user_name, nullif(waits.claimed_name, ''));
BEGIN
    IF whose IS NULL THEN
        PERFORM sft_core.refuse(400, 'user_name_missing', 'This client names no user: say whose it is.');
    END IF;
    PERFORM sft_core.client_activate(me, waits.team_id, waits.id, sft_core.user_id(waits.team_id, whose), me.name);
    RETURN waits.id;
END $$;
COMMENT ON FUNCTION sft_admin.approve_client(text, text) IS
'Approves a waiting device, named by the code that its user reads out (or by its id), for the user it says it belongs to or for the one given. Returns its id. Refuses: client_unknown, client_ambiguous, user_name_missing, user_unknown.
Example: SELECT sft_admin.approve_client(''ABCD-EFGH-IJKL-MNOP'');';

CREATE FUNCTION sft_admin.remove_client(client text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone CONSTANT sft.clients := sft_admin.client_of(client);
BEGIN
    PERFORM sft_core.client_remove(sft_core.dba(), gone.team_id, gone.id);
END $$;
COMMENT ON FUNCTION sft_admin.remove_client(text) IS
'Removes a device, named by its id or code: its session ends, its certificates are revoked, its key is never accepted again. Refuses: client_unknown, client_ambiguous.
Example: SELECT sft_admin.remove_client(id::text) FROM sft_admin.clients WHERE hostname = ''lost-laptop'';';

CREATE FUNCTION sft_admin.remove_server(team_name text, server text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team CONSTANT uuid := sft_core.team_id(team_name);
BEGIN
    PERFORM sft_core.server_remove(sft_core.dba(), team, sft_admin.server_id(team, server));
END $$;
COMMENT ON FUNCTION sft_admin.remove_server(text, text) IS
'Removes a server, by id or name: nobody gets a certificate for it, its key is never accepted again. Its agent is told so. Refuses: server_unknown, server_ambiguous.
Example: SELECT sft_admin.remove_server(''acme'', ''web01'');';

CREATE FUNCTION sft_admin.allow_removals(team_name text, server text, removals int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team  CONSTANT uuid := sft_core.team_id(team_name);
    which CONSTANT uuid := sft_admin.server_id(team, server);
    rule  text;
BEGIN
    PERFORM sft_core.touch_server(team, which);
    UPDATE sft.servers s SET removals_confirmed = removals, removals_confirmed_version = sft_core.state_version(team, which)
     WHERE s.team_id = team AND s.id = which;
    PERFORM sft_core.note(sft_core.dba(), team, 'server.allow_removals', jsonb_build_object('removals', removals), NULL, which);
EXCEPTION WHEN integrity_constraint_violation THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    PERFORM sft_admin.refuse(SQLSTATE, rule, SQLERRM);
END $$;
COMMENT ON FUNCTION sft_admin.allow_removals(text, text, int) IS
'Confirms that a server''s agent may remove this many accounts to reach its state as it is now: agents refuse mass removals that nobody confirmed, and the next change of state needs a word of its own. Refuses: server_unknown, server_ambiguous, removals_confirmed_range.
Example: SELECT sft_admin.allow_removals(''acme'', ''web01'', 12);';
