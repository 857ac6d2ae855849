-- SPDX-License-Identifier: PostgreSQL
-- 0003_projects.sql - projects, who may use them, their policy, and locks.

CREATE TABLE sft.projects (
    id                   uuid             NOT NULL DEFAULT gen_random_uuid() CONSTRAINT project_taken PRIMARY KEY,
    team_id              uuid             NOT NULL CONSTRAINT project_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name                 sft.project_name NOT NULL,
    create_server_users  boolean          NOT NULL DEFAULT true,
    certificate_ttl_s    int              NOT NULL DEFAULT 300 CONSTRAINT certificate_ttl_range CHECK (certificate_ttl_s BETWEEN 60 AND 86400),
    next_unix_uid        sft.unix_id      NOT NULL DEFAULT 60001,
    next_unix_gid        sft.unix_id      NOT NULL DEFAULT 63001,
    user_authority_id    uuid             NOT NULL CONSTRAINT project_user_authority_taken UNIQUE,
    host_authority_id    uuid             NOT NULL CONSTRAINT project_host_authority_taken UNIQUE,
    x509_authority_id    uuid             NOT NULL CONSTRAINT project_x509_authority_taken UNIQUE,
    ssh_certificate_type text             NOT NULL DEFAULT 'CERT_TYPE_ED25519_01' CONSTRAINT ssh_certificate_type_unknown
                         CHECK (ssh_certificate_type IN ('CERT_TYPE_ED25519_01')),
    state_version        bigint           NOT NULL DEFAULT 1,
    created_at           timestamptz      NOT NULL DEFAULT now(),
    deleted_at           timestamptz,
    CONSTRAINT project_team UNIQUE (team_id, id)
);
CREATE UNIQUE INDEX project_name_taken ON sft.projects (team_id, lower(name)) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.projects IS 'The scope of access: servers, the groups that may use them, and authorities of its own.';
COMMENT ON COLUMN sft.projects.create_server_users IS 'Agents create and remove accounts; otherwise they only say who may use existing ones.';
COMMENT ON COLUMN sft.projects.certificate_ttl_s IS 'How long a user certificate lives, and the most that may be asked for unless a policy says more.';
COMMENT ON COLUMN sft.projects.next_unix_uid IS 'Where the search for a free uid starts.';
COMMENT ON COLUMN sft.projects.next_unix_gid IS 'Where the search for a free gid starts.';
COMMENT ON COLUMN sft.projects.user_authority_id IS 'The vault''s authority for SSH user certificates.';
COMMENT ON COLUMN sft.projects.host_authority_id IS 'The vault''s authority for SSH host certificates.';
COMMENT ON COLUMN sft.projects.x509_authority_id IS 'The vault''s authority for X.509 certificates.';
COMMENT ON COLUMN sft.projects.state_version IS 'Grows with every change of what should be true on the project''s servers.';
COMMENT ON CONSTRAINT project_taken ON sft.projects IS 'A project with this id exists already.';
COMMENT ON CONSTRAINT project_team_unknown ON sft.projects IS 'There is no such team.';
COMMENT ON CONSTRAINT certificate_ttl_range ON sft.projects IS 'A certificate lives between 60 and 86400 seconds.';
COMMENT ON CONSTRAINT project_user_authority_taken ON sft.projects IS 'This authority belongs to another project.';
COMMENT ON CONSTRAINT project_host_authority_taken ON sft.projects IS 'This authority belongs to another project.';
COMMENT ON CONSTRAINT project_x509_authority_taken ON sft.projects IS 'This authority belongs to another project.';
COMMENT ON CONSTRAINT ssh_certificate_type_unknown ON sft.projects IS 'The certificate type is CERT_TYPE_ED25519_01.';
COMMENT ON CONSTRAINT project_team ON sft.projects IS 'A project is in one team.';
COMMENT ON INDEX sft.project_name_taken IS 'A project with this name exists already.';

CREATE TABLE sft.project_groups (
    team_id             uuid        NOT NULL,
    project_id          uuid        NOT NULL,
    group_id            uuid        NOT NULL,
    server_access       boolean     NOT NULL DEFAULT true,
    server_admin        boolean     NOT NULL DEFAULT false,
    create_server_group boolean     NOT NULL DEFAULT false,
    servers_selector    text        CONSTRAINT servers_selector_unsupported CHECK (servers_selector IS NULL),
    added_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_group_taken PRIMARY KEY (team_id, project_id, group_id),
    CONSTRAINT project_group_rights_missing CHECK (server_access OR server_admin),
    CONSTRAINT project_group_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT project_group_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX project_groups_of_group ON sft.project_groups (team_id, group_id);
COMMENT ON TABLE sft.project_groups IS 'Which groups may use a project''s servers, and how. A user''s rights are the union over groups.';
COMMENT ON COLUMN sft.project_groups.server_access IS 'Members may log in.';
COMMENT ON COLUMN sft.project_groups.server_admin IS 'Members may log in and use sudo.';
COMMENT ON COLUMN sft.project_groups.create_server_group IS 'The group exists on the project''s servers, with its members.';
COMMENT ON COLUMN sft.project_groups.servers_selector IS 'Labels that narrow the servers; null: all of them. Nothing else is honoured yet, so nothing else is stored.';
COMMENT ON CONSTRAINT servers_selector_unsupported ON sft.project_groups IS 'Selectors of servers are not supported yet.';
COMMENT ON CONSTRAINT project_group_taken ON sft.project_groups IS 'This group is in the project already.';
COMMENT ON CONSTRAINT project_group_rights_missing ON sft.project_groups IS 'A group in a project has server_access or server_admin.';
COMMENT ON CONSTRAINT project_group_project_unknown ON sft.project_groups IS 'There is no such project in the team.';
COMMENT ON CONSTRAINT project_group_group_unknown ON sft.project_groups IS 'There is no such group in the team.';
COMMENT ON INDEX sft.project_groups_of_group IS 'The projects of a group.';

CREATE TABLE sft.policies (
    team_id               uuid        NOT NULL,
    project_id            uuid        NOT NULL,
    source_networks       cidr[]      CONSTRAINT source_networks_empty CHECK (cardinality(source_networks) BETWEEN 1 AND 256 AND array_position(source_networks, NULL) IS NULL),
    max_sign_in_age_s     sft.seconds,
    max_certificate_ttl_s int         CONSTRAINT max_certificate_ttl_range CHECK (max_certificate_ttl_s BETWEEN 60 AND 86400),
    changed_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT policy_taken PRIMARY KEY (team_id, project_id),
    CONSTRAINT policy_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE sft.policies IS 'What else must hold before a project''s certificate is issued. Null: that input does not matter.';
COMMENT ON COLUMN sft.policies.source_networks IS 'Certificates are asked for from one of these networks.';
COMMENT ON COLUMN sft.policies.max_sign_in_age_s IS 'The user has signed in within this time.';
COMMENT ON COLUMN sft.policies.max_certificate_ttl_s IS 'The most that may be asked for; null: the project''s certificate_ttl_s.';
COMMENT ON CONSTRAINT source_networks_empty ON sft.policies IS 'source_networks has 1 to 256 networks, or is null.';
COMMENT ON CONSTRAINT max_certificate_ttl_range ON sft.policies IS 'A certificate lives between 60 and 86400 seconds.';
COMMENT ON CONSTRAINT policy_taken ON sft.policies IS 'This project has a policy.';
COMMENT ON CONSTRAINT policy_project_unknown ON sft.policies IS 'There is no such project in the team.';

CREATE TABLE sft.locks (
    id           uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT lock_taken PRIMARY KEY,
    team_id      uuid        NOT NULL CONSTRAINT lock_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    subject_kind text        NOT NULL CONSTRAINT lock_subject_kind_unknown CHECK (subject_kind IN ('user', 'client', 'server', 'project', 'team')),
    subject_id   uuid        NOT NULL,
    reason       sft.line    NOT NULL CONSTRAINT lock_reason_missing CHECK (reason <> ''),
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz CONSTRAINT lock_expires_at_range CHECK (expires_at > created_at AND expires_at < '2200-01-01'),
    lifted_at    timestamptz,
    lifted_by    text,
    CONSTRAINT lock_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
    CONSTRAINT lock_lifted_too_late CHECK (lifted_at < expires_at)
);
CREATE INDEX locks_of_subject ON sft.locks (team_id, subject_id) WHERE lifted_at IS NULL;
CREATE INDEX locks_that_expire ON sft.locks (team_id, expires_at) WHERE expires_at IS NOT NULL AND lifted_at IS NULL;
COMMENT ON TABLE sft.locks IS 'What is stopped at once: no certificates, no sign-in, no principals on servers. Rows stay, lifted or expired.';
COMMENT ON COLUMN sft.locks.subject_id IS 'The user, client, server, project or team.';
COMMENT ON CONSTRAINT lock_taken ON sft.locks IS 'A lock with this id exists already.';
COMMENT ON CONSTRAINT lock_team_unknown ON sft.locks IS 'There is no such team.';
COMMENT ON CONSTRAINT lock_subject_kind_unknown ON sft.locks IS 'A lock is on a user, client, server, project or team.';
COMMENT ON CONSTRAINT lock_reason_missing ON sft.locks IS 'A lock has a reason.';
COMMENT ON CONSTRAINT lock_expires_at_range ON sft.locks IS 'A lock expires after it was made.';
COMMENT ON CONSTRAINT lock_lifted ON sft.locks IS 'A lifted lock says when and by whom.';
COMMENT ON CONSTRAINT lock_lifted_too_late ON sft.locks IS 'A lock is lifted before it expires; afterwards there is nothing to lift.';
COMMENT ON INDEX sft.locks_of_subject IS 'The locks on a subject.';
COMMENT ON INDEX sft.locks_that_expire IS 'The locks that end by themselves: each end counts in the version of servers'' state.';
