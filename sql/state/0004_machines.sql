-- SPDX-License-Identifier: PostgreSQL
-- 0004_machines.sql - servers and clients, their keys, how they join, and the sessions of clients.

CREATE TABLE sft.actor_keys (
    kind        text        NOT NULL CONSTRAINT actor_kind_unknown CHECK (kind IN ('client', 'server')),
    id          uuid        NOT NULL,
    team_id     uuid        NOT NULL CONSTRAINT actor_key_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    key_type    text        NOT NULL,
    key_blob    bytea       NOT NULL,
    fingerprint text        NOT NULL CONSTRAINT key_taken UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT actor_taken PRIMARY KEY (kind, id)
);
CREATE INDEX actor_keys_of_team ON sft.actor_keys (team_id);
COMMENT ON TABLE sft.actor_keys IS 'The public keys of clients and servers, by the keyid of their signatures. Read before the team is known; rows stay after removal.';
COMMENT ON COLUMN sft.actor_keys.key_blob IS 'The key in SSH wire format.';
COMMENT ON CONSTRAINT actor_kind_unknown ON sft.actor_keys IS 'A key belongs to a client or a server.';
COMMENT ON CONSTRAINT actor_key_team_unknown ON sft.actor_keys IS 'There is no such team.';
COMMENT ON CONSTRAINT key_taken ON sft.actor_keys IS 'This key is known already.';
COMMENT ON CONSTRAINT actor_taken ON sft.actor_keys IS 'This id is known under another key.';
COMMENT ON INDEX sft.actor_keys_of_team IS 'The keys of a team.';

CREATE TABLE sft.server_enrollment_tokens (
    id          uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT server_enrollment_token_taken PRIMARY KEY,
    team_id     uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    description sft.line    NOT NULL DEFAULT '',
    created_by  text        NOT NULL,
    issued_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    max_uses    int         CONSTRAINT max_uses_range CHECK (max_uses > 0),
    uses        int         NOT NULL DEFAULT 0,
    deleted_at  timestamptz,
    CONSTRAINT server_enrollment_token_team UNIQUE (team_id, id),
    CONSTRAINT server_enrollment_token_uses CHECK (uses <= max_uses),
    CONSTRAINT server_enrollment_token_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX server_enrollment_tokens_of_project ON sft.server_enrollment_tokens (team_id, project_id);
COMMENT ON TABLE sft.server_enrollment_tokens IS 'What lets a server join a project. The secret is not stored: the vault computes it from the id.';
COMMENT ON CONSTRAINT server_enrollment_token_taken ON sft.server_enrollment_tokens IS 'A token with this id exists already.';
COMMENT ON CONSTRAINT max_uses_range ON sft.server_enrollment_tokens IS 'max_uses is at least 1.';
COMMENT ON CONSTRAINT server_enrollment_token_team ON sft.server_enrollment_tokens IS 'A token is in one team.';
COMMENT ON CONSTRAINT server_enrollment_token_uses ON sft.server_enrollment_tokens IS 'This token has been used as often as it may be.';
COMMENT ON CONSTRAINT server_enrollment_token_project_unknown ON sft.server_enrollment_tokens IS 'There is no such project in the team.';
COMMENT ON INDEX sft.server_enrollment_tokens_of_project IS 'The tokens of a project.';

CREATE TABLE sft.servers (
    id                       uuid          NOT NULL CONSTRAINT server_taken PRIMARY KEY,
    team_id                  uuid          NOT NULL,
    project_id               uuid          NOT NULL,
    server_enrollment_token_id uuid,
    hostname                 sft.host_name NOT NULL,
    canonical_name           sft.host_name,
    alt_names                text[]        NOT NULL DEFAULT '{}',
    access_address           sft.line,
    ssh_port                 int           NOT NULL DEFAULT 22 CONSTRAINT ssh_port_range CHECK (ssh_port BETWEEN 1 AND 65535),
    bastion                  sft.line,
    os                       sft.line      NOT NULL,
    os_type                  text          NOT NULL DEFAULT 'linux' CONSTRAINT os_type_unknown CHECK (os_type IN ('linux')),
    sftd_version             sft.line      NOT NULL,
    ssh_host_keys            text[]        NOT NULL DEFAULT '{}',
    labels                   jsonb         NOT NULL DEFAULT '{}',
    registered_at            timestamptz   NOT NULL DEFAULT now(),
    deleted_at               timestamptz,
    state_version            bigint        NOT NULL DEFAULT 0,
    removals_confirmed       int           NOT NULL DEFAULT 0 CONSTRAINT removals_confirmed_range CHECK (removals_confirmed >= 0),
    removals_confirmed_version bigint,
    CONSTRAINT server_team UNIQUE (team_id, id),
    CONSTRAINT server_token_unknown FOREIGN KEY (team_id, server_enrollment_token_id) REFERENCES sft.server_enrollment_tokens (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT server_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX servers_of_project ON sft.servers (team_id, project_id) WHERE deleted_at IS NULL;
CREATE INDEX servers_by_hostname ON sft.servers (team_id, hostname) WHERE deleted_at IS NULL;
CREATE INDEX servers_of_token ON sft.servers (team_id, server_enrollment_token_id);
COMMENT ON TABLE sft.servers IS 'Hosts with an agent, each in one project.';
COMMENT ON COLUMN sft.servers.id IS 'Chosen by the server; its HostKeyAlias and first host principal.';
COMMENT ON COLUMN sft.servers.state_version IS 'Grows with changes for this server alone; what the agent sees is the sum with the project''s.';
COMMENT ON COLUMN sft.servers.removals_confirmed IS 'How many account removals an administrator has confirmed (the agent''s guard against mass removal).';
COMMENT ON COLUMN sft.servers.removals_confirmed_version IS 'The one version of the state that this confirmation is for.';
COMMENT ON CONSTRAINT server_taken ON sft.servers IS 'A server with this id exists already.';
COMMENT ON CONSTRAINT server_token_unknown ON sft.servers IS 'There is no such enrollment token.';
COMMENT ON CONSTRAINT ssh_port_range ON sft.servers IS 'ssh_port lies between 1 and 65535.';
COMMENT ON CONSTRAINT os_type_unknown ON sft.servers IS 'The os_type is linux.';
COMMENT ON CONSTRAINT removals_confirmed_range ON sft.servers IS 'The number of confirmed removals is not negative.';
COMMENT ON CONSTRAINT server_team ON sft.servers IS 'A server is in one team.';
COMMENT ON CONSTRAINT server_project_unknown ON sft.servers IS 'There is no such project in the team.';
COMMENT ON INDEX sft.servers_of_project IS 'The live servers of a project.';
COMMENT ON INDEX sft.servers_by_hostname IS 'Live servers by hostname.';
COMMENT ON INDEX sft.servers_of_token IS 'The servers that joined with a token.';

CREATE TABLE sft.server_names (
    team_id   uuid NOT NULL,
    name      text COLLATE "C" NOT NULL,
    server_id uuid NOT NULL,
    CONSTRAINT server_name_taken PRIMARY KEY (team_id, name, server_id),
    CONSTRAINT server_name_server_unknown FOREIGN KEY (team_id, server_id) REFERENCES sft.servers (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX server_names_of_server ON sft.server_names (team_id, server_id);
COMMENT ON TABLE sft.server_names IS 'Every name by which people may ask for a live server: canonical name or hostname, alternative names, access address. Kept by sft_core.server_names_set.';
COMMENT ON COLUMN sft.server_names.name IS 'In lower case, without .local at its end.';
COMMENT ON CONSTRAINT server_name_taken ON sft.server_names IS 'This server has this name.';
COMMENT ON CONSTRAINT server_name_server_unknown ON sft.server_names IS 'There is no such server in the team.';
COMMENT ON INDEX sft.server_names_of_server IS 'The names of a server.';

CREATE TABLE sft.server_reports (
    server_id     uuid        NOT NULL CONSTRAINT server_report_taken PRIMARY KEY,
    team_id       uuid        NOT NULL,
    reported_at   timestamptz NOT NULL DEFAULT now(),
    state_version bigint      NOT NULL,
    trust_version bigint      NOT NULL,
    krl_version   bigint      NOT NULL,
    healthy       boolean     NOT NULL,
    addresses     text[]      NOT NULL DEFAULT '{}',
    drift         jsonb       NOT NULL DEFAULT '[]',
    CONSTRAINT server_report_server_unknown FOREIGN KEY (team_id, server_id) REFERENCES sft.servers (team_id, id) ON DELETE RESTRICT
) WITH (fillfactor = 70);
CREATE INDEX server_reports_of_team ON sft.server_reports (team_id, server_id);
COMMENT ON TABLE sft.server_reports IS 'Each server''s last report, apart from servers because it changes all the time.';
COMMENT ON COLUMN sft.server_reports.state_version IS 'The version that the agent has applied.';
COMMENT ON COLUMN sft.server_reports.drift IS 'What the agent could not bring to the desired state, and why.';
COMMENT ON CONSTRAINT server_report_taken ON sft.server_reports IS 'This server has reported.';
COMMENT ON CONSTRAINT server_report_server_unknown ON sft.server_reports IS 'There is no such server in the team.';
COMMENT ON INDEX sft.server_reports_of_team IS 'The reports of a team''s servers.';

CREATE TABLE sft.clients (
    id             uuid        NOT NULL CONSTRAINT client_taken PRIMARY KEY,
    team_id        uuid        NOT NULL CONSTRAINT client_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    user_id        uuid,
    claimed_name   sft.line,
    hostname       sft.line    NOT NULL,
    os             sft.line    NOT NULL,
    description    sft.line    NOT NULL DEFAULT '',
    encrypted      boolean,
    state          text        NOT NULL DEFAULT 'PENDING' CONSTRAINT client_state_unknown CHECK (state IN ('PENDING', 'ACTIVE', 'DELETED')),
    public_key     text        NOT NULL,
    code           text        NOT NULL,
    invitation_id  uuid,
    enrolled_at    timestamptz NOT NULL DEFAULT now(),
    approved_at    timestamptz,
    approved_by    text,
    deleted_at     timestamptz,
    CONSTRAINT client_team UNIQUE (team_id, id),
    CONSTRAINT client_approved CHECK (state <> 'ACTIVE' OR (user_id IS NOT NULL AND approved_at IS NOT NULL AND approved_by IS NOT NULL)),
    CONSTRAINT client_deleted CHECK ((state = 'DELETED') = (deleted_at IS NOT NULL)),
    CONSTRAINT client_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX clients_of_user ON sft.clients (team_id, user_id);
CREATE INDEX clients_by_code ON sft.clients (team_id, code);
CREATE INDEX clients_that_wait ON sft.clients (team_id, enrolled_at) WHERE state = 'PENDING';
COMMENT ON TABLE sft.clients IS 'Devices. An approved one belongs to one user.';
COMMENT ON COLUMN sft.clients.id IS 'Chosen by the client.';
COMMENT ON COLUMN sft.clients.claimed_name IS 'Whose it says it is; means nothing until somebody approves it.';
COMMENT ON COLUMN sft.clients.encrypted IS 'Whether its disk is encrypted, as it says; null: unknown.';
COMMENT ON COLUMN sft.clients.code IS 'What people compare when they approve: computed from the public key.';
COMMENT ON CONSTRAINT client_taken ON sft.clients IS 'A client with this id exists already.';
COMMENT ON CONSTRAINT client_team_unknown ON sft.clients IS 'There is no such team.';
COMMENT ON CONSTRAINT client_state_unknown ON sft.clients IS 'A client''s state is PENDING, ACTIVE or DELETED.';
COMMENT ON CONSTRAINT client_team ON sft.clients IS 'A client is in one team.';
COMMENT ON CONSTRAINT client_approved ON sft.clients IS 'An active client has a user and says who approved it.';
COMMENT ON CONSTRAINT client_deleted ON sft.clients IS 'A deleted client has the time of the deletion, and no other has one.';
COMMENT ON CONSTRAINT client_user_unknown ON sft.clients IS 'There is no such user in the team.';
COMMENT ON INDEX sft.clients_of_user IS 'The clients of a user.';
COMMENT ON INDEX sft.clients_that_wait IS 'Clients that wait for approval.';
COMMENT ON INDEX sft.clients_by_code IS 'Clients by the code that people compare.';

CREATE TABLE sft.invitations (
    id         uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT invitation_taken PRIMARY KEY,
    team_id    uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    client_id  uuid,
    deleted_at timestamptz,
    CONSTRAINT invitation_used CHECK ((used_at IS NULL) = (client_id IS NULL)),
    CONSTRAINT invitation_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT invitation_client_unknown FOREIGN KEY (team_id, client_id) REFERENCES sft.clients (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX invitations_of_user ON sft.invitations (team_id, user_id);
CREATE INDEX invitations_of_client ON sft.invitations (team_id, client_id);
COMMENT ON TABLE sft.invitations IS 'What lets a user enroll one client without another''s approval. The secret is not stored: the vault computes it from the id.';
COMMENT ON COLUMN sft.invitations.client_id IS 'The client that used it.';
COMMENT ON CONSTRAINT invitation_taken ON sft.invitations IS 'An invitation with this id exists already.';
COMMENT ON CONSTRAINT invitation_used ON sft.invitations IS 'A used invitation says when and by which client.';
COMMENT ON CONSTRAINT invitation_user_unknown ON sft.invitations IS 'There is no such user in the team.';
COMMENT ON CONSTRAINT invitation_client_unknown ON sft.invitations IS 'There is no such client in the team.';
COMMENT ON INDEX sft.invitations_of_user IS 'The invitations of a user.';
COMMENT ON INDEX sft.invitations_of_client IS 'The invitation that a client used.';

CREATE TABLE sft.client_sessions (
    id           uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT client_session_taken PRIMARY KEY,
    team_id      uuid        NOT NULL,
    client_id    uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     text,
    CONSTRAINT client_session_client_unknown FOREIGN KEY (team_id, client_id) REFERENCES sft.clients (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT client_session_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX client_session_live ON sft.client_sessions (team_id, client_id) WHERE ended_at IS NULL;
CREATE INDEX client_sessions_of_client ON sft.client_sessions (team_id, client_id);
CREATE INDEX client_sessions_of_user ON sft.client_sessions (team_id, user_id);
COMMENT ON TABLE sft.client_sessions IS 'Sign-ins. A session is bound to the client''s key; there is no token to steal.';
COMMENT ON CONSTRAINT client_session_taken ON sft.client_sessions IS 'A session with this id exists already.';
COMMENT ON CONSTRAINT client_session_client_unknown ON sft.client_sessions IS 'There is no such client in the team.';
COMMENT ON CONSTRAINT client_session_user_unknown ON sft.client_sessions IS 'There is no such user in the team.';
COMMENT ON INDEX sft.client_session_live IS 'A client has at most one session that was not ended.';
COMMENT ON INDEX sft.client_sessions_of_client IS 'The sessions of a client.';
COMMENT ON INDEX sft.client_sessions_of_user IS 'The sessions of a user.';

CREATE TABLE sft.password_attempts (
    team_id    uuid        NOT NULL,
    client_id  uuid        NOT NULL,
    attempts   int         NOT NULL,
    started_at timestamptz NOT NULL,
    CONSTRAINT password_attempt_taken PRIMARY KEY (team_id, client_id),
    CONSTRAINT password_attempt_client_unknown FOREIGN KEY (team_id, client_id) REFERENCES sft.clients (team_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE sft.password_attempts IS 'Wrong passwords per client in the current window; counted before the work. Only an approved client can guess, so nobody can lock out another.';
COMMENT ON CONSTRAINT password_attempt_taken ON sft.password_attempts IS 'This client''s attempts are counted already.';
COMMENT ON CONSTRAINT password_attempt_client_unknown ON sft.password_attempts IS 'There is no such client in the team.';
