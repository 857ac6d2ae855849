-- SPDX-License-Identifier: PostgreSQL
-- 0006_walls.sql - row security, the second wall behind the functions' own checks. It binds the owner too.

DO $$
DECLARE
    tenant text;
    rule   CONSTANT text := 'team_id = ANY ((SELECT sft.current_teams())::uuid[])';
BEGIN
    FOREACH tenant IN ARRAY ARRAY['users', 'groups', 'group_members', 'unix_ids', 'projects', 'project_groups', 'policies',
        'locks', 'server_enrollment_tokens', 'servers', 'server_names', 'server_reports', 'clients', 'invitations', 'client_sessions',
        'password_attempts', 'credentials', 'host_certificates', 'audit_events', 'actor_keys'] LOOP
        EXECUTE format('ALTER TABLE sft.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant);
        EXECUTE format('CREATE POLICY team ON sft.%I USING (%s)', tenant, rule);
        EXECUTE format('COMMENT ON POLICY team ON sft.%I IS %L', tenant, 'Rows of the teams at hand, and no others.');
    END LOOP;
END $$;

CREATE POLICY lookup ON sft.actor_keys FOR SELECT USING (true);
COMMENT ON POLICY lookup ON sft.actor_keys IS 'A signature''s keyid is looked up before its team is known: this tells the team.';
CREATE POLICY presented ON sft.server_enrollment_tokens FOR SELECT USING (id = (SELECT sft.current_token())::uuid);
COMMENT ON POLICY presented ON sft.server_enrollment_tokens IS 'The one token that a caller presents, before its team is known.';
CREATE POLICY finishing ON sft.credentials FOR SELECT USING (request_id = ANY ((SELECT sft.current_requests())::uuid[]));
COMMENT ON POLICY finishing ON sft.credentials IS 'The records that are being finished: that door knows ids and no team.';
CREATE POLICY finishing ON sft.host_certificates FOR SELECT USING (request_id = ANY ((SELECT sft.current_requests())::uuid[]));
COMMENT ON POLICY finishing ON sft.host_certificates IS 'The records that are being finished: that door knows ids and no team.';
CREATE POLICY instance ON sft.audit_events FOR INSERT WITH CHECK (team_id IS NULL);
COMMENT ON POLICY instance ON sft.audit_events IS 'Events of the whole instance may be added; only roles beyond the wall read them.';
