-- SPDX-License-Identifier: PostgreSQL
-- 0009_people.sql - settings of teams, every name that was ever given on servers, attributes of users and groups, preauthorizations.

ALTER TABLE sft.teams
    ADD COLUMN web_session_duration_s sft.seconds NOT NULL DEFAULT 36000
        CONSTRAINT web_session_duration_range CHECK (web_session_duration_s BETWEEN 1800 AND 90000),
    ADD COLUMN approve_device_without_interaction boolean NOT NULL DEFAULT false,
    ADD COLUMN strict_devices boolean NOT NULL DEFAULT true,
    ADD COLUMN post_device_enrollment_url text CONSTRAINT post_device_enrollment_url_format
        CHECK (post_device_enrollment_url ~ '^https?://[^[:space:][:cntrl:]"<>\\]+$' AND length(post_device_enrollment_url) <= 2048),
    ADD COLUMN post_login_url text CONSTRAINT post_login_url_format
        CHECK (post_login_url ~ '^https?://[^[:space:][:cntrl:]"<>\\]+$' AND length(post_login_url) <= 2048),
    ADD COLUMN post_logout_url text CONSTRAINT post_logout_url_format
        CHECK (post_logout_url ~ '^https?://[^[:space:][:cntrl:]"<>\\]+$' AND length(post_logout_url) <= 2048),
    ADD COLUMN reactivate_users_via_idp boolean NOT NULL DEFAULT false,
    ADD COLUMN user_provisioning_exact_username boolean NOT NULL DEFAULT false,
    ADD COLUMN include_user_sid text NOT NULL DEFAULT 'Never' CONSTRAINT include_user_sid_unknown
        CHECK (include_user_sid IN ('Never', 'If Available', 'Always'));
COMMENT ON COLUMN sft.teams.web_session_duration_s IS 'How long somebody stays signed in to the dashboard.';
COMMENT ON COLUMN sft.teams.approve_device_without_interaction IS 'A device whose user is known for sure needs no further approval.';
COMMENT ON COLUMN sft.teams.strict_devices IS 'A service user''s bearer token approves no devices.';
COMMENT ON COLUMN sft.teams.post_device_enrollment_url IS 'Where the browser goes after a device was approved.';
COMMENT ON COLUMN sft.teams.post_login_url IS 'Where the browser goes after a sign-in.';
COMMENT ON COLUMN sft.teams.post_logout_url IS 'Where the browser goes after signing out.';
COMMENT ON COLUMN sft.teams.reactivate_users_via_idp IS 'Who provisions a user that is disabled makes it active again.';
COMMENT ON COLUMN sft.teams.user_provisioning_exact_username IS 'A provisioned user''s account name is the user''s name as it is, or provisioning is refused; otherwise one is derived.';
COMMENT ON COLUMN sft.teams.include_user_sid IS 'Whether certificates carry the user''s security identifier of a Windows directory.';
COMMENT ON CONSTRAINT web_session_duration_range ON sft.teams IS 'A web session lasts between 1800 and 90000 seconds.';
COMMENT ON CONSTRAINT post_device_enrollment_url_format ON sft.teams IS 'post_device_enrollment_url is an http or https URL of at most 2048 characters.';
COMMENT ON CONSTRAINT post_login_url_format ON sft.teams IS 'post_login_url is an http or https URL of at most 2048 characters.';
COMMENT ON CONSTRAINT post_logout_url_format ON sft.teams IS 'post_logout_url is an http or https URL of at most 2048 characters.';
COMMENT ON CONSTRAINT include_user_sid_unknown ON sft.teams IS 'include_user_sid is Never, If Available or Always.';

-- A user may have had several numbers: an attribute changes it, and the earlier ones stay taken.
ALTER TABLE sft.unix_ids DROP CONSTRAINT unix_id_user_taken, DROP CONSTRAINT unix_id_group_taken;
CREATE INDEX unix_ids_of_user ON sft.unix_ids (team_id, user_id);
CREATE INDEX unix_ids_of_group ON sft.unix_ids (team_id, group_id);
COMMENT ON INDEX sft.unix_ids_of_user IS 'The numbers that a user has or had.';
COMMENT ON INDEX sft.unix_ids_of_group IS 'The numbers that a group has or had.';

CREATE TABLE sft.unix_names (
    team_id  uuid                 NOT NULL CONSTRAINT unix_name_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name     sft.server_user_name NOT NULL,
    user_id  uuid,
    group_id uuid,
    given_at timestamptz          NOT NULL DEFAULT now(),
    CONSTRAINT unix_name_taken PRIMARY KEY (team_id, name),
    CONSTRAINT unix_name_holder CHECK (num_nonnulls(user_id, group_id) = 1),
    CONSTRAINT unix_name_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT unix_name_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX unix_names_of_user ON sft.unix_names (team_id, user_id);
CREATE INDEX unix_names_of_group ON sft.unix_names (team_id, group_id);
COMMENT ON TABLE sft.unix_names IS 'Every name ever given on servers to a user or a group of a team. Rows stay: nobody inherits an account, a home or what a group could do.';
COMMENT ON CONSTRAINT unix_name_team_unknown ON sft.unix_names IS 'There is no such team.';
COMMENT ON CONSTRAINT unix_name_taken ON sft.unix_names IS 'Another user or group of the team has, or had, this name on servers.';
COMMENT ON CONSTRAINT unix_name_holder ON sft.unix_names IS 'A name belongs to one user or one group.';
COMMENT ON CONSTRAINT unix_name_user_unknown ON sft.unix_names IS 'There is no such user in the team.';
COMMENT ON CONSTRAINT unix_name_group_unknown ON sft.unix_names IS 'There is no such group in the team.';
COMMENT ON INDEX sft.unix_names_of_user IS 'The names that a user has or had.';
COMMENT ON INDEX sft.unix_names_of_group IS 'The names that a group has or had.';

CREATE TABLE sft.attributes (
    team_id     uuid        NOT NULL,
    id          uuid        NOT NULL CONSTRAINT attribute_taken PRIMARY KEY,
    user_id     uuid,
    group_id    uuid,
    name        text        NOT NULL,
    value       sft.line    NOT NULL,
    conflicting boolean     NOT NULL,
    changed_by  text        NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT attribute_holder CHECK (num_nonnulls(user_id, group_id) = 1),
    CONSTRAINT attribute_name_unknown CHECK (name = ANY (CASE WHEN group_id IS NULL
        THEN ARRAY['unix_user_name', 'unix_uid', 'unix_gid', 'windows_user_name', 'user_shell', 'gecos_field', 'home_directory']
        ELSE ARRAY['unix_group_name', 'unix_gid', 'windows_group_name'] END)),
    CONSTRAINT attribute_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT attribute_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX attributes_of_user ON sft.attributes (team_id, user_id);
CREATE INDEX attributes_of_group ON sft.attributes (team_id, group_id);
CREATE INDEX attributes_in_conflict ON sft.attributes (team_id) WHERE conflicting;
COMMENT ON TABLE sft.attributes IS 'What somebody has set about the accounts of a user or the group on servers. Without a row the platform''s own choice counts.';
COMMENT ON COLUMN sft.attributes.id IS 'Computed from the holder and the name, so that an attribute has its id before it is set.';
COMMENT ON COLUMN sft.attributes.conflicting IS 'Somebody else has, or had, this: it is kept and reported, and counts for nothing.';
COMMENT ON CONSTRAINT attribute_taken ON sft.attributes IS 'This attribute is set.';
COMMENT ON CONSTRAINT attribute_holder ON sft.attributes IS 'An attribute belongs to one user or one group.';
COMMENT ON CONSTRAINT attribute_name_unknown ON sft.attributes IS 'There is no attribute of this name.';
COMMENT ON CONSTRAINT attribute_user_unknown ON sft.attributes IS 'There is no such user in the team.';
COMMENT ON CONSTRAINT attribute_group_unknown ON sft.attributes IS 'There is no such group in the team.';
COMMENT ON INDEX sft.attributes_of_user IS 'The attributes of a user.';
COMMENT ON INDEX sft.attributes_of_group IS 'The attributes of a group.';
COMMENT ON INDEX sft.attributes_in_conflict IS 'What an administrator should look at.';

CREATE TABLE sft.preauthorizations (
    id         uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT preauthorization_taken PRIMARY KEY,
    team_id    uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    expires_at timestamptz CONSTRAINT preauthorization_expires_at_range CHECK (expires_at BETWEEN '2000-01-01' AND '2200-01-01'),
    disabled   boolean     NOT NULL DEFAULT false,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT preauthorization_team UNIQUE (team_id, id),
    CONSTRAINT preauthorization_user_unknown FOREIGN KEY (team_id, user_id) REFERENCES sft.users (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX preauthorizations_of_user ON sft.preauthorizations (team_id, user_id);
COMMENT ON TABLE sft.preauthorizations IS 'Grants for a time: where a project asks for one, a user without gets no certificate.';
COMMENT ON COLUMN sft.preauthorizations.expires_at IS 'Null: until it is disabled.';
COMMENT ON CONSTRAINT preauthorization_taken ON sft.preauthorizations IS 'A preauthorization with this id exists already.';
COMMENT ON CONSTRAINT preauthorization_expires_at_range ON sft.preauthorizations IS 'A preauthorization expires between the years 2000 and 2200.';
COMMENT ON CONSTRAINT preauthorization_team ON sft.preauthorizations IS 'A preauthorization is in one team.';
COMMENT ON CONSTRAINT preauthorization_user_unknown ON sft.preauthorizations IS 'There is no such user in the team.';
COMMENT ON INDEX sft.preauthorizations_of_user IS 'The preauthorizations of a user.';

CREATE TABLE sft.preauthorization_projects (
    team_id             uuid NOT NULL,
    preauthorization_id uuid NOT NULL,
    project_id          uuid NOT NULL,
    CONSTRAINT preauthorization_project_taken PRIMARY KEY (team_id, preauthorization_id, project_id),
    CONSTRAINT preauthorization_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT,
    CONSTRAINT preauthorization_unknown FOREIGN KEY (team_id, preauthorization_id) REFERENCES sft.preauthorizations (team_id, id) ON DELETE CASCADE
);
CREATE INDEX preauthorizations_of_project ON sft.preauthorization_projects (team_id, project_id);
CREATE INDEX preauthorization_projects_of_grant ON sft.preauthorization_projects (team_id, preauthorization_id);
COMMENT ON TABLE sft.preauthorization_projects IS 'The projects that a preauthorization is for.';
COMMENT ON CONSTRAINT preauthorization_project_taken ON sft.preauthorization_projects IS 'The preauthorization is for this project already.';
COMMENT ON CONSTRAINT preauthorization_project_unknown ON sft.preauthorization_projects IS 'There is no such project in the team.';
COMMENT ON CONSTRAINT preauthorization_unknown ON sft.preauthorization_projects IS 'There is no such preauthorization.';
COMMENT ON INDEX sft.preauthorizations_of_project IS 'The preauthorizations for a project.';
COMMENT ON INDEX sft.preauthorization_projects_of_grant IS 'The projects of a preauthorization.';

DO $$
DECLARE
    tenant text;
BEGIN
    -- the names that are out already; row security binds the owner, so it has to say whose
    PERFORM set_config('sft.teams', (SELECT coalesce(array_agg(t.id), '{}')::text FROM sft.teams t), true);
    INSERT INTO sft.unix_names (team_id, name, user_id, given_at) SELECT u.team_id, u.server_user_name, u.id, u.created_at FROM sft.users u;
    INSERT INTO sft.unix_names (team_id, name, group_id, given_at) SELECT g.team_id, g.server_group_name, g.id, g.created_at FROM sft.groups g;
    PERFORM set_config('sft.teams', '', true);
    FOREACH tenant IN ARRAY ARRAY['unix_names', 'attributes', 'preauthorizations', 'preauthorization_projects'] LOOP
        EXECUTE format('ALTER TABLE sft.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant);
        EXECUTE format('CREATE POLICY team ON sft.%I USING (team_id = ANY ((SELECT sft.current_teams())::uuid[]))', tenant);
        EXECUTE format('COMMENT ON POLICY team ON sft.%I IS %L', tenant, 'Rows of the teams at hand, and no others.');
    END LOOP;
END $$;

REVOKE UPDATE, DELETE, TRUNCATE ON sft.unix_names FROM sft_owner;
