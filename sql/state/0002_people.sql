-- SPDX-License-Identifier: PostgreSQL
-- 0002_people.sql - the instance, teams, users, groups, and the numbers that users and groups have on servers.

CREATE TABLE sft.instance (
    singleton     boolean     NOT NULL DEFAULT true CONSTRAINT instance_taken PRIMARY KEY
                              CONSTRAINT instance_single CHECK (singleton),
    name          sft.line    NOT NULL,
    url           text        NOT NULL CONSTRAINT instance_url_format CHECK (url ~ '^https://[^[:space:]"\\]{1,255}$' AND right(url, 1) <> '/'),
    authority     text        NOT NULL CONSTRAINT instance_authority_format CHECK (authority ~ '^[a-z0-9.:\[\]_-]{1,255}$'),
    tls_authority text        NOT NULL DEFAULT '' CONSTRAINT instance_tls_authority_format
                              CHECK (tls_authority = '' OR tls_authority ~ '^-----BEGIN CERTIFICATE-----\n[^"]*-----END CERTIFICATE-----\n$'),
    version       bigint      NOT NULL DEFAULT 1
);
COMMENT ON TABLE sft.instance IS 'What this platform says of itself; one row.';
COMMENT ON COLUMN sft.instance.url IS 'Where clients and agents find the gateway, without a slash at the end.';
COMMENT ON COLUMN sft.instance.authority IS 'The @authority that requests must be signed for: lower case, no port when it is 443.';
COMMENT ON COLUMN sft.instance.tls_authority IS 'PEM of the certificates that the gateway''s TLS certificate must chain to; empty: the system''s.';
COMMENT ON COLUMN sft.instance.version IS 'Grows with every change of this row or of the statement keys.';
COMMENT ON CONSTRAINT instance_taken ON sft.instance IS 'The instance is set already.';
COMMENT ON CONSTRAINT instance_single ON sft.instance IS 'There is one instance.';
COMMENT ON CONSTRAINT instance_url_format ON sft.instance IS 'The instance''s URL starts with https:// and has no slash at the end.';
COMMENT ON CONSTRAINT instance_authority_format ON sft.instance IS 'The instance''s authority is a host in lower case, with its port unless that is 443.';
COMMENT ON CONSTRAINT instance_tls_authority_format ON sft.instance IS 'The TLS authority is one or more PEM certificates, each line ended by a newline.';

CREATE TABLE sft.teams (
    id                        uuid          NOT NULL DEFAULT gen_random_uuid() CONSTRAINT team_taken PRIMARY KEY,
    name                      sft.team_name NOT NULL CONSTRAINT team_name_taken UNIQUE,
    client_session_duration_s sft.seconds   NOT NULL DEFAULT 36000
                              CONSTRAINT client_session_duration_range CHECK (client_session_duration_s BETWEEN 60 AND 90000),
    created_at                timestamptz   NOT NULL DEFAULT now()
);
COMMENT ON TABLE sft.teams IS 'Tenants.';
COMMENT ON COLUMN sft.teams.client_session_duration_s IS 'How long a signed-in client stays signed in.';
COMMENT ON CONSTRAINT team_taken ON sft.teams IS 'A team with this id exists already.';
COMMENT ON CONSTRAINT team_name_taken ON sft.teams IS 'A team with this name exists already.';
COMMENT ON CONSTRAINT client_session_duration_range ON sft.teams IS 'A client session lasts between 60 and 90000 seconds.';

CREATE TABLE sft.users (
    id                   uuid                 NOT NULL DEFAULT gen_random_uuid() CONSTRAINT user_taken PRIMARY KEY,
    team_id              uuid                 NOT NULL CONSTRAINT user_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name                 sft.user_name        NOT NULL,
    user_type            text                 NOT NULL DEFAULT 'human' CONSTRAINT user_type_unknown CHECK (user_type IN ('human', 'service')),
    status               text                 NOT NULL DEFAULT 'ACTIVE' CONSTRAINT user_status_unknown CHECK (status IN ('ACTIVE', 'DISABLED', 'DELETED')),
    first_name           sft.line,
    last_name            sft.line,
    full_name            sft.line,
    email                sft.line,
    server_user_name     sft.server_user_name NOT NULL CONSTRAINT server_user_name_of_group CHECK (left(server_user_name, 4) <> 'sft_'),
    unix_uid             sft.unix_id,
    password_hash        text,
    password_must_change boolean              NOT NULL DEFAULT false,
    created_at           timestamptz          NOT NULL DEFAULT now(),
    deleted_at           timestamptz,
    CONSTRAINT user_team UNIQUE (team_id, id),
    CONSTRAINT server_user_name_taken UNIQUE (team_id, server_user_name),
    CONSTRAINT user_unix_uid_taken UNIQUE (team_id, unix_uid),
    CONSTRAINT user_deleted_at CHECK ((status = 'DELETED') = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX user_name_taken ON sft.users (team_id, lower(name));
COMMENT ON TABLE sft.users IS 'People and services of a team. Never removed, so that nobody inherits a name, an account or a uid.';
COMMENT ON COLUMN sft.users.server_user_name IS 'The account name on servers; derived from the name unless given.';
COMMENT ON COLUMN sft.users.unix_uid IS 'The uid, and gid, on servers; given at the first access to a project, then for good.';
COMMENT ON COLUMN sft.users.password_hash IS 'scrypt, made and checked in the vault; null: this user cannot sign in by password.';
COMMENT ON COLUMN sft.users.password_must_change IS 'The password is a one-time one: the next sign-in has to choose another.';
COMMENT ON CONSTRAINT user_taken ON sft.users IS 'A user with this id exists already.';
COMMENT ON CONSTRAINT user_team_unknown ON sft.users IS 'There is no such team.';
COMMENT ON CONSTRAINT user_type_unknown ON sft.users IS 'A user_type is human or service.';
COMMENT ON CONSTRAINT user_status_unknown ON sft.users IS 'A user''s status is ACTIVE, DISABLED or DELETED.';
COMMENT ON CONSTRAINT user_team ON sft.users IS 'A user is in one team.';
COMMENT ON CONSTRAINT server_user_name_taken ON sft.users IS 'Another user of the team has, or had, this server user name.';
COMMENT ON CONSTRAINT server_user_name_of_group ON sft.users IS 'A server user name does not start with sft_: groups on servers do.';
COMMENT ON CONSTRAINT user_unix_uid_taken ON sft.users IS 'Another user of the team has, or had, this uid.';
COMMENT ON CONSTRAINT user_deleted_at ON sft.users IS 'A deleted user has the time of the deletion, and nobody else has one.';
COMMENT ON INDEX sft.user_name_taken IS 'A user with this name exists already, or did.';

CREATE TABLE sft.groups (
    id                uuid                 NOT NULL DEFAULT gen_random_uuid() CONSTRAINT group_taken PRIMARY KEY,
    team_id           uuid                 NOT NULL CONSTRAINT group_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name              sft.group_name       NOT NULL,
    roles             text[]               NOT NULL DEFAULT '{}' CONSTRAINT group_role_unknown
                      CHECK (roles <@ ARRAY['access_admin', 'access_user', 'reporting_user']),
    server_group_name sft.server_user_name NOT NULL,
    unix_gid          sft.unix_id,
    created_at        timestamptz          NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    CONSTRAINT group_team UNIQUE (team_id, id),
    CONSTRAINT server_group_name_taken UNIQUE (team_id, server_group_name),
    CONSTRAINT group_unix_gid_taken UNIQUE (team_id, unix_gid)
);
CREATE UNIQUE INDEX group_name_taken ON sft.groups (team_id, lower(name)) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.groups IS 'Groups of users of a team.';
COMMENT ON COLUMN sft.groups.roles IS 'What members may do in the team.';
COMMENT ON COLUMN sft.groups.server_group_name IS 'The group''s name on servers, sft_ and a form of its name; never another group''s.';
COMMENT ON COLUMN sft.groups.unix_gid IS 'The gid on servers; given when a project first creates the group on servers, then for good.';
COMMENT ON CONSTRAINT group_taken ON sft.groups IS 'A group with this id exists already.';
COMMENT ON CONSTRAINT group_team_unknown ON sft.groups IS 'There is no such team.';
COMMENT ON CONSTRAINT group_role_unknown ON sft.groups IS 'A role is access_admin, access_user or reporting_user.';
COMMENT ON CONSTRAINT group_team ON sft.groups IS 'A group is in one team.';
COMMENT ON CONSTRAINT server_group_name_taken ON sft.groups IS 'Another group of the team has, or had, this name on servers.';
COMMENT ON CONSTRAINT group_unix_gid_taken ON sft.groups IS 'Another group of the team has, or had, this gid.';
COMMENT ON INDEX sft.group_name_taken IS 'A group with this name exists already.';

CREATE TABLE sft.group_members (
    team_id  uuid        NOT NULL,
    group_id uuid        NOT NULL,
    user_id  uuid        NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT group_member_taken PRIMARY KEY (team_id, user_id, group_id),
    CONSTRAINT group_member_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT group_member_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX group_members_of_group ON sft.group_members (team_id, group_id);
COMMENT ON TABLE sft.group_members IS 'Who is in which group.';
COMMENT ON CONSTRAINT group_member_taken ON sft.group_members IS 'This user is in the group already.';
COMMENT ON CONSTRAINT group_member_group_unknown ON sft.group_members IS 'There is no such group in the team.';
COMMENT ON CONSTRAINT group_member_user_unknown ON sft.group_members IS 'There is no such user in the team.';
COMMENT ON INDEX sft.group_members_of_group IS 'The members of a group.';

CREATE TABLE sft.unix_ids (
    team_id  uuid        NOT NULL CONSTRAINT unix_id_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    unix_id  sft.unix_id NOT NULL,
    user_id  uuid,
    group_id uuid,
    given_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unix_id_taken PRIMARY KEY (team_id, unix_id),
    CONSTRAINT unix_id_user_taken UNIQUE (team_id, user_id),
    CONSTRAINT unix_id_group_taken UNIQUE (team_id, group_id),
    CONSTRAINT unix_id_holder CHECK (num_nonnulls(user_id, group_id) = 1),
    CONSTRAINT unix_id_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT unix_id_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE sft.unix_ids IS 'Every number ever given to a user (uid and gid) or a group (gid) of a team. Rows stay: no number is given twice.';
COMMENT ON CONSTRAINT unix_id_team_unknown ON sft.unix_ids IS 'There is no such team.';
COMMENT ON CONSTRAINT unix_id_taken ON sft.unix_ids IS 'This uid or gid has been given to somebody.';
COMMENT ON CONSTRAINT unix_id_user_taken ON sft.unix_ids IS 'This user has a uid.';
COMMENT ON CONSTRAINT unix_id_group_taken ON sft.unix_ids IS 'This group has a gid.';
COMMENT ON CONSTRAINT unix_id_holder ON sft.unix_ids IS 'A number belongs to one user or one group.';
COMMENT ON CONSTRAINT unix_id_user_unknown ON sft.unix_ids IS 'There is no such user in the team.';
COMMENT ON CONSTRAINT unix_id_group_unknown ON sft.unix_ids IS 'There is no such group in the team.';
