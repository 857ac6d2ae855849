-- SPDX-License-Identifier: PostgreSQL
-- 0007_callers.sql - who else may call: service users by their keys; how often anybody may.

COMMENT ON TYPE sft.actor IS 'Who acts, from where, in which call. kind: user, client, service (a bearer token), server, dba, system.';

ALTER TABLE sft.groups DROP CONSTRAINT group_role_unknown;
ALTER TABLE sft.groups ADD CONSTRAINT group_role_unknown
    CHECK (roles <@ ARRAY['access_admin', 'access_user', 'reporting_user', 'server_admin']);
COMMENT ON CONSTRAINT group_role_unknown ON sft.groups IS 'A role is access_admin, access_user, reporting_user or server_admin.';

ALTER TABLE sft.teams ADD COLUMN rate_limit_per_minute int NOT NULL DEFAULT 6000
    CONSTRAINT rate_limit_range CHECK (rate_limit_per_minute BETWEEN 10 AND 1000000);
COMMENT ON COLUMN sft.teams.rate_limit_per_minute IS 'How many calls of the team''s API one caller (a client, a service user) may make in a minute.';
COMMENT ON CONSTRAINT rate_limit_range ON sft.teams IS 'A caller may make between 10 and 1000000 calls a minute.';

CREATE TABLE sft.service_keys (
    id           uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT service_key_taken PRIMARY KEY,
    team_id      uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    created_by   text        NOT NULL,
    issued_at    timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    deleted_at   timestamptz,
    CONSTRAINT service_key_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX service_keys_of_user ON sft.service_keys (team_id, user_id);
COMMENT ON TABLE sft.service_keys IS 'What a service user gets bearer tokens with. The secret is not stored: the vault computes it from the id.';
COMMENT ON COLUMN sft.service_keys.expires_at IS 'Null: until it is replaced or deleted. A replaced key goes on for a while.';
COMMENT ON COLUMN sft.service_keys.last_used_at IS 'When it last bought a token.';
COMMENT ON COLUMN sft.service_keys.deleted_at IS 'From then on its tokens open nothing either.';
COMMENT ON CONSTRAINT service_key_taken ON sft.service_keys IS 'A key with this id exists already.';
COMMENT ON CONSTRAINT service_key_user_unknown ON sft.service_keys IS 'There is no such user in the team.';
COMMENT ON INDEX sft.service_keys_of_user IS 'The keys of a service user.';

-- Counts are worth no flush of the log; a crash forgets them.
CREATE UNLOGGED TABLE sft.call_counts (
    team_id    uuid        NOT NULL CONSTRAINT call_count_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    caller_id  uuid        NOT NULL,
    calls      int         NOT NULL,
    started_at timestamptz NOT NULL,
    CONSTRAINT call_count_taken PRIMARY KEY (team_id, caller_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE sft.call_counts IS 'How many calls each client or service user has made in the current minute. One row a caller, written last in a call, so that nobody waits for it.';
COMMENT ON COLUMN sft.call_counts.caller_id IS 'The client or the service user.';
COMMENT ON CONSTRAINT call_count_team_unknown ON sft.call_counts IS 'There is no such team.';
COMMENT ON CONSTRAINT call_count_taken ON sft.call_counts IS 'This caller''s calls are counted already.';

DO $$
DECLARE
    tenant text;
BEGIN
    FOREACH tenant IN ARRAY ARRAY['service_keys', 'call_counts'] LOOP
        EXECUTE format('ALTER TABLE sft.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant);
        EXECUTE format('CREATE POLICY team ON sft.%I USING (team_id = ANY ((SELECT sft.current_teams())::uuid[]))', tenant);
        EXECUTE format('COMMENT ON POLICY team ON sft.%I IS %L', tenant, 'Rows of the teams at hand, and no others.');
    END LOOP;
END $$;
