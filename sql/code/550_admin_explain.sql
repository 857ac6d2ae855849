-- SPDX-License-Identifier: PostgreSQL
-- 550_admin_explain.sql - why somebody may or may not: the question that issuing asks, answered without issuing.

CREATE FUNCTION sft_admin.explain_access(team_name text, user_name text, server text, peer inet DEFAULT NULL,
                                         signed_in_at timestamptz DEFAULT now(), ttl interval DEFAULT NULL)
RETURNS TABLE (allowed boolean, error text, reasons text, server_user_name text, admin boolean, lifetime interval, inputs jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team  CONSTANT uuid := sft_core.team_id(team_name);
    whose CONSTANT uuid := sft_core.user_id(team, user_name);
    where_to CONSTANT uuid := sft_admin.server_id(team, server);
    a     sft_core.ask;
BEGIN
    a.ord := 1;
    a.kind := 'ssh_user';
    a.actor := ('user', user_name, team, whose, NULL, NULL, NULL, NULL, signed_in_at,
                (SELECT signed_in_at + make_interval(secs => t.client_session_duration_s) FROM sft.teams t WHERE t.id = team), peer, NULL, NULL)::sft.actor;
    a.server_id := where_to;
    a.project_id := (SELECT s.project_id FROM sft.servers s WHERE s.team_id = team AND s.id = where_to);
    a.ttl_s := extract(epoch FROM ttl)::int;
    RETURN QUERY
    SELECT d.allowed, d.error, d.message, d.server_user_name, d.admin, make_interval(secs => d.ttl_s), d.details->'inputs'
      FROM sft_core.decide(ARRAY[a]) d;
END $$;
COMMENT ON FUNCTION sft_admin.explain_access(text, text, text, inet, timestamptz, interval) IS
'Says whether a user, signed in then and asking from there, would get a certificate for a server, with all reasons against it and the inputs of the decision. Locks on a device are not in it: it is about the user. Nothing is issued or audited. Refuses: team_unknown, user_unknown, server_unknown, server_ambiguous.
Example: SELECT * FROM sft_admin.explain_access(''acme'', ''alice'', ''web01'', peer => ''192.0.2.7'');';
