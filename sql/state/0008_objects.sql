-- SPDX-License-Identifier: PostgreSQL
-- 0008_objects.sql - projects with all their options, labels and selectors, servers without an agent, and what else a project or team has.

-- Labels ----------------------------------------------------------------------------------------
CREATE FUNCTION sft.prefixed(labels jsonb, source text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.jsonb_object_agg(source || '.' || l.key, l.value), '{}'::jsonb)
      FROM pg_catalog.jsonb_each(labels) l (key, value);
END;
COMMENT ON FUNCTION sft.prefixed(jsonb, text) IS 'Labels with their source before each name: env of sftd is sftd.env.';

CREATE FUNCTION sft.server_labels(labels jsonb, api_labels jsonb, os_type text, managed boolean) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT sft.prefixed(labels, 'sftd') || sft.prefixed(api_labels, 'api')
        || pg_catalog.jsonb_build_object('system.os_type', os_type, 'system.managed', CASE WHEN managed THEN 'true' ELSE 'false' END);
END;
COMMENT ON FUNCTION sft.server_labels(jsonb, jsonb, text, boolean) IS 'A server''s labels as people see them, each with its source: what its agent says, what was set over the API, what the platform knows.';

CREATE FUNCTION sft.label_values(labels jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.jsonb_object_agg(n.name, n.found), '{}'::jsonb)
      FROM (SELECT k.name, pg_catalog.jsonb_agg(l.value ORDER BY l.key) AS found
              FROM pg_catalog.jsonb_each(labels) l (key, value)
              CROSS JOIN LATERAL (VALUES (l.key),
                  (CASE WHEN NOT pg_catalog.substr(l.key, pg_catalog.strpos(l.key, '.') + 1) ~ '^(sftd|api|aws|gce|system)[.]'
                        THEN pg_catalog.substr(l.key, pg_catalog.strpos(l.key, '.') + 1) END)) k (name)
             WHERE k.name IS NOT NULL
             GROUP BY k.name) n;
END;
COMMENT ON FUNCTION sft.label_values(jsonb) IS 'What selectors look at: each label by its full name and, with the values of all sources, by its bare one. A bare name that would pass for another source''s full one is left out: sftd.api.env is not api.env.';

ALTER TABLE sft.servers
    ADD COLUMN managed boolean NOT NULL DEFAULT true,
    ADD COLUMN default_address text,
    ADD COLUMN api_labels jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN label_values jsonb NOT NULL GENERATED ALWAYS AS (sft.label_values(sft.server_labels(labels, api_labels, os_type, managed))) STORED,
    ADD CONSTRAINT server_unmanaged CHECK (managed OR server_enrollment_token_id IS NULL);
CREATE INDEX servers_that_live ON sft.servers (team_id, hostname, id) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.servers IS 'Hosts, each in one project: with an agent (managed), or a name and an address that somebody has written down.';
COMMENT ON COLUMN sft.servers.labels IS 'What the server''s agent says of it; shown as sftd.<name>. Whoever runs the server decides these.';
COMMENT ON COLUMN sft.servers.api_labels IS 'What was set over the API; shown as api.<name>.';
COMMENT ON COLUMN sft.servers.label_values IS 'All labels as selectors look at them: name to list of values.';
COMMENT ON COLUMN sft.servers.default_address IS 'The address that the agent''s report makes the best: the lowest public IPv4 address, or else the lowest private one.';
COMMENT ON CONSTRAINT server_unmanaged ON sft.servers IS 'A server without an agent has not joined with a token.';
COMMENT ON INDEX sft.servers_that_live IS 'Live servers in the order of lists.';

-- Projects --------------------------------------------------------------------------------------
ALTER TABLE sft.projects
    ADD COLUMN force_shared_ssh_users    boolean NOT NULL DEFAULT false,
    ADD COLUMN shared_standard_user_name sft.server_user_name,
    ADD COLUMN shared_admin_user_name    sft.server_user_name,
    ADD COLUMN require_preauth_for_creds boolean NOT NULL DEFAULT false,
    ADD COLUMN user_on_demand_period     sft.seconds,
    ADD COLUMN forward_traffic           boolean NOT NULL DEFAULT false,
    ADD COLUMN gateway_selector          text,
    ADD COLUMN ssh_session_recording     boolean NOT NULL DEFAULT false,
    ADD COLUMN rdp_session_recording     boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT shared_user_names_missing CHECK (NOT force_shared_ssh_users OR (shared_standard_user_name IS NOT NULL AND shared_admin_user_name IS NOT NULL)),
    ADD CONSTRAINT shared_user_names_same CHECK (shared_standard_user_name <> shared_admin_user_name),
    ADD CONSTRAINT shared_user_name_of_group CHECK (left(shared_standard_user_name, 4) <> 'sft_' AND left(shared_admin_user_name, 4) <> 'sft_'),
    DROP CONSTRAINT ssh_certificate_type_unknown,
    ADD CONSTRAINT ssh_certificate_type_unknown CHECK (ssh_certificate_type IN ('CERT_TYPE_ED25519_01', 'CERT_TYPE_RSA_01', 'CERT_TYPE_RSA_SHA2_512_01',
        'CERT_TYPE_ECDSA_256_01', 'CERT_TYPE_ECDSA_384_01', 'CERT_TYPE_ECDSA_521_01'));
COMMENT ON COLUMN sft.projects.force_shared_ssh_users IS 'Everybody uses one of two accounts on the servers: the standard one, or the admin one.';
COMMENT ON COLUMN sft.projects.require_preauth_for_creds IS 'No certificate without a live preauthorization.';
COMMENT ON COLUMN sft.projects.user_on_demand_period IS 'Kept and shown; accounts are made in advance all the same (docs/limits.md).';
COMMENT ON COLUMN sft.projects.forward_traffic IS 'Connections go through a gateway. There is none yet: while this is set no SSH certificate is issued.';
COMMENT ON COLUMN sft.projects.gateway_selector IS 'Which gateways; null: any. Kept and shown.';
COMMENT ON COLUMN sft.projects.ssh_session_recording IS 'SSH sessions are recorded by a gateway. There is none yet: while this is set no SSH certificate is issued.';
COMMENT ON COLUMN sft.projects.rdp_session_recording IS 'RDP sessions are recorded. The platform opens none.';
COMMENT ON CONSTRAINT shared_user_names_missing ON sft.projects IS 'Shared users need shared_standard_user_name and shared_admin_user_name.';
COMMENT ON CONSTRAINT shared_user_names_same ON sft.projects IS 'The shared standard user and the shared admin user have different names.';
COMMENT ON CONSTRAINT shared_user_name_of_group ON sft.projects IS 'A shared user''s name does not start with sft_: groups on servers do.';
COMMENT ON CONSTRAINT ssh_certificate_type_unknown ON sft.projects IS 'The certificate type is CERT_TYPE_ED25519_01, CERT_TYPE_ECDSA_256_01, CERT_TYPE_ECDSA_384_01, CERT_TYPE_ECDSA_521_01, CERT_TYPE_RSA_01 or CERT_TYPE_RSA_SHA2_512_01.';

CREATE TABLE sft.shared_accounts (
    id               uuid                 NOT NULL DEFAULT gen_random_uuid() CONSTRAINT shared_account_taken PRIMARY KEY,
    team_id          uuid                 NOT NULL,
    project_id       uuid                 NOT NULL,
    server_user_name sft.server_user_name NOT NULL,
    unix_uid         sft.unix_id          NOT NULL,
    created_at       timestamptz          NOT NULL DEFAULT now(),
    CONSTRAINT shared_account_team UNIQUE (team_id, id),
    CONSTRAINT shared_account_name_taken UNIQUE (team_id, project_id, server_user_name),
    CONSTRAINT shared_account_unix_uid_taken UNIQUE (team_id, unix_uid),
    CONSTRAINT shared_account_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE sft.shared_accounts IS 'The accounts that a project''s users share. Rows stay, so that no uid is given twice.';
COMMENT ON CONSTRAINT shared_account_taken ON sft.shared_accounts IS 'A shared account with this id exists already.';
COMMENT ON CONSTRAINT shared_account_team ON sft.shared_accounts IS 'A shared account is in one team.';
COMMENT ON CONSTRAINT shared_account_name_taken ON sft.shared_accounts IS 'The project has this shared account.';
COMMENT ON CONSTRAINT shared_account_unix_uid_taken ON sft.shared_accounts IS 'Another shared account has this uid.';
COMMENT ON CONSTRAINT shared_account_project_unknown ON sft.shared_accounts IS 'There is no such project in the team.';

ALTER TABLE sft.unix_ids
    ADD COLUMN shared_account_id uuid,
    ADD CONSTRAINT unix_id_shared_account_taken UNIQUE (team_id, shared_account_id),
    DROP CONSTRAINT unix_id_holder,
    ADD CONSTRAINT unix_id_holder CHECK (num_nonnulls(user_id, group_id, shared_account_id) = 1),
    ADD CONSTRAINT unix_id_shared_account_unknown FOREIGN KEY (team_id, shared_account_id) REFERENCES sft.shared_accounts (team_id, id) ON DELETE RESTRICT;
COMMENT ON TABLE sft.unix_ids IS 'Every number ever given to a user (uid and gid), a shared account or a group (gid) of a team. Rows stay: no number is given twice.';
COMMENT ON CONSTRAINT unix_id_shared_account_taken ON sft.unix_ids IS 'This shared account has a uid.';
COMMENT ON CONSTRAINT unix_id_holder ON sft.unix_ids IS 'A number belongs to one user, one group or one shared account.';
COMMENT ON CONSTRAINT unix_id_shared_account_unknown ON sft.unix_ids IS 'There is no such shared account in the team.';

-- Selectors -------------------------------------------------------------------------------------
-- The text is what people wrote; the path is what it means, made by sft_core.selector_path when it is stored.
ALTER TABLE sft.project_groups
    DROP CONSTRAINT servers_selector_unsupported,
    ADD COLUMN servers_match jsonpath,
    ADD CONSTRAINT servers_selector_length CHECK (length(servers_selector) BETWEEN 1 AND 1000),
    ADD CONSTRAINT servers_selector_parsed CHECK ((servers_selector IS NULL) = (servers_match IS NULL));
COMMENT ON COLUMN sft.project_groups.servers_selector IS 'Labels that narrow the servers; null: all of them.';
COMMENT ON COLUMN sft.project_groups.servers_match IS 'The selector over label_values, as PostgreSQL runs it.';
COMMENT ON CONSTRAINT servers_selector_length ON sft.project_groups IS 'A selector has 1 to 1000 characters.';
COMMENT ON CONSTRAINT servers_selector_parsed ON sft.project_groups IS 'A selector is stored with its meaning.';

-- What else a project has -----------------------------------------------------------------------
CREATE TABLE sft.client_config_options (
    id           uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT client_config_option_taken PRIMARY KEY,
    team_id      uuid        NOT NULL,
    project_id   uuid        NOT NULL,
    config_key   text        NOT NULL CONSTRAINT config_key_unknown CHECK (config_key IN ('ssh.insecure_forward_agent', 'ssh.port_forward_method',
                 'rdp.screensize', 'rdp.fullscreen')),
    config_value sft.line    NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT config_key_taken UNIQUE (team_id, project_id, config_key),
    CONSTRAINT config_value_format CHECK (CASE config_key WHEN 'ssh.insecure_forward_agent' THEN config_value IN ('none', 'host')
        WHEN 'ssh.port_forward_method' THEN config_value IN ('native', 'netcat') WHEN 'rdp.fullscreen' THEN config_value IN ('true', 'false')
        ELSE config_value ~ '^[0-9]{2,5}x[0-9]{2,5}$' END),
    CONSTRAINT client_config_option_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
COMMENT ON TABLE sft.client_config_options IS 'Settings of sft that a project gives its users; told with the answer of resolve.';
COMMENT ON CONSTRAINT client_config_option_taken ON sft.client_config_options IS 'An option with this id exists already.';
COMMENT ON CONSTRAINT config_key_unknown ON sft.client_config_options IS 'A project can set ssh.insecure_forward_agent, ssh.port_forward_method, rdp.screensize and rdp.fullscreen.';
COMMENT ON CONSTRAINT config_key_taken ON sft.client_config_options IS 'The project has this option already.';
COMMENT ON CONSTRAINT config_value_format ON sft.client_config_options IS 'This option does not have that value: insecure_forward_agent is none or host, port_forward_method native or netcat, screensize WxH, fullscreen true or false.';
COMMENT ON CONSTRAINT client_config_option_project_unknown ON sft.client_config_options IS 'There is no such project in the team.';

CREATE TABLE sft.cloud_accounts (
    id          uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT cloud_account_taken PRIMARY KEY,
    team_id     uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    provider    text        NOT NULL CONSTRAINT cloud_provider_unknown CHECK (provider IN ('aws', 'gce')),
    account_id  text        NOT NULL,
    description sft.line    NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    CONSTRAINT cloud_account_id_format CHECK (CASE provider WHEN 'aws' THEN account_id ~ '^[0-9]{12}$'
        WHEN 'gce' THEN account_id ~ '^([a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$' ELSE true END),
    CONSTRAINT cloud_account_project_unknown FOREIGN KEY (team_id, project_id) REFERENCES sft.projects (team_id, id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX cloud_account_id_taken ON sft.cloud_accounts (team_id, provider, account_id) WHERE deleted_at IS NULL;
CREATE INDEX cloud_accounts_of_project ON sft.cloud_accounts (team_id, project_id);
COMMENT ON TABLE sft.cloud_accounts IS 'Accounts at cloud providers that belong to a project. Servers do not join by them yet.';
COMMENT ON CONSTRAINT cloud_account_taken ON sft.cloud_accounts IS 'A cloud account with this id exists already.';
COMMENT ON CONSTRAINT cloud_provider_unknown ON sft.cloud_accounts IS 'A provider is aws or gce.';
COMMENT ON CONSTRAINT cloud_account_id_format ON sft.cloud_accounts IS 'An account_id of aws has 12 digits; one of gce is the id of a project there.';
COMMENT ON CONSTRAINT cloud_account_project_unknown ON sft.cloud_accounts IS 'There is no such project in the team.';
COMMENT ON INDEX sft.cloud_account_id_taken IS 'A project of the team has this cloud account.';
COMMENT ON INDEX sft.cloud_accounts_of_project IS 'The cloud accounts of a project.';

-- Sudo entitlements -----------------------------------------------------------------------------
CREATE TABLE sft.entitlements (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT entitlement_taken PRIMARY KEY,
    team_id             uuid        NOT NULL CONSTRAINT entitlement_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name                text        NOT NULL COLLATE "C" CONSTRAINT entitlement_name_format CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$'),
    description         sft.line    NOT NULL DEFAULT '',
    structured_commands jsonb       NOT NULL CONSTRAINT structured_commands_format CHECK (jsonb_typeof(structured_commands) = 'array'),
    opt_no_exec         boolean     NOT NULL DEFAULT false,
    opt_no_passwd       boolean     NOT NULL DEFAULT true,
    opt_run_as          text        CONSTRAINT opt_run_as_format CHECK (opt_run_as ~ '^(ALL|[a-z_][a-z0-9_-]{0,30})$'),
    opt_set_env         boolean     NOT NULL DEFAULT false,
    add_env             text[]      NOT NULL DEFAULT '{}',
    sub_env             text[]      NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    deleted_at          timestamptz,
    CONSTRAINT entitlement_team UNIQUE (team_id, id)
);
CREATE UNIQUE INDEX entitlement_name_taken ON sft.entitlements (team_id, lower(name)) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.entitlements IS 'Commands that may be run by sudo. They take effect for the project groups that they are given to.';
COMMENT ON COLUMN sft.entitlements.structured_commands IS 'Checked objects: command, command_type, args, args_type; what sudoers says is made from them.';
COMMENT ON COLUMN sft.entitlements.opt_run_as IS 'As whom; null: root.';
COMMENT ON CONSTRAINT entitlement_taken ON sft.entitlements IS 'An entitlement with this id exists already.';
COMMENT ON CONSTRAINT entitlement_team_unknown ON sft.entitlements IS 'There is no such team.';
COMMENT ON CONSTRAINT entitlement_name_format ON sft.entitlements IS 'An entitlement''s name has 1 to 127 of letters, digits and . _ -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT structured_commands_format ON sft.entitlements IS 'structured_commands is a list of commands.';
COMMENT ON CONSTRAINT opt_run_as_format ON sft.entitlements IS 'opt_run_as is ALL or the name of an account.';
COMMENT ON CONSTRAINT entitlement_team ON sft.entitlements IS 'An entitlement is in one team.';
COMMENT ON INDEX sft.entitlement_name_taken IS 'An entitlement with this name exists already.';

CREATE TABLE sft.project_entitlements (
    team_id        uuid        NOT NULL,
    project_id     uuid        NOT NULL,
    group_id       uuid        NOT NULL,
    entitlement_id uuid        NOT NULL,
    position       int         NOT NULL DEFAULT 100 CONSTRAINT entitlement_position_range CHECK (position BETWEEN 0 AND 999),
    added_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_entitlement_taken PRIMARY KEY (team_id, project_id, group_id, entitlement_id),
    CONSTRAINT project_entitlement_group_unknown FOREIGN KEY (team_id, project_id, group_id) REFERENCES sft.project_groups (team_id, project_id, group_id) ON DELETE CASCADE,
    CONSTRAINT project_entitlement_unknown FOREIGN KEY (team_id, entitlement_id) REFERENCES sft.entitlements (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX project_entitlements_of_entitlement ON sft.project_entitlements (team_id, entitlement_id);
COMMENT ON TABLE sft.project_entitlements IS 'Which groups of a project have which sudo entitlements on the servers that they may use.';
COMMENT ON COLUMN sft.project_entitlements.position IS 'Their order in sudoers, where the last that matches counts; equal ones go by name.';
COMMENT ON CONSTRAINT entitlement_position_range ON sft.project_entitlements IS 'A position lies between 0 and 999.';
COMMENT ON CONSTRAINT project_entitlement_taken ON sft.project_entitlements IS 'This group has this entitlement in the project.';
COMMENT ON CONSTRAINT project_entitlement_group_unknown ON sft.project_entitlements IS 'This group is not in the project.';
COMMENT ON CONSTRAINT project_entitlement_unknown ON sft.project_entitlements IS 'There is no such entitlement in the team.';
COMMENT ON INDEX sft.project_entitlements_of_entitlement IS 'Where an entitlement was given.';

-- Fleet enrollment of clients -------------------------------------------------------------------
CREATE TABLE sft.client_enrollment_policies (
    id                uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT client_enrollment_policy_taken PRIMARY KEY,
    team_id           uuid        NOT NULL CONSTRAINT client_enrollment_policy_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    name              text        NOT NULL COLLATE "C" CONSTRAINT client_enrollment_policy_name_format CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9._ -]{0,126}$'),
    description       sft.line    NOT NULL DEFAULT '',
    requires_approval boolean     NOT NULL DEFAULT true,
    token_id          uuid,
    created_by        text        NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    rotated_at        timestamptz,
    deleted_at        timestamptz,
    CONSTRAINT client_enrollment_policy_team UNIQUE (team_id, id),
    CONSTRAINT client_enrollment_policy_token_taken UNIQUE (token_id)
);
CREATE UNIQUE INDEX client_enrollment_policy_name_taken ON sft.client_enrollment_policies (team_id, lower(name)) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.client_enrollment_policies IS 'What lets devices enroll without a user at hand; somebody gives them to a user afterwards.';
COMMENT ON COLUMN sft.client_enrollment_policies.requires_approval IS 'A device that was given to a user still has to be approved.';
COMMENT ON COLUMN sft.client_enrollment_policies.token_id IS 'The id in the token of now; null: it was withdrawn. The secret is not stored.';
COMMENT ON CONSTRAINT client_enrollment_policy_taken ON sft.client_enrollment_policies IS 'A policy with this id exists already.';
COMMENT ON CONSTRAINT client_enrollment_policy_team_unknown ON sft.client_enrollment_policies IS 'There is no such team.';
COMMENT ON CONSTRAINT client_enrollment_policy_name_format ON sft.client_enrollment_policies IS 'A policy''s name has 1 to 127 of letters, digits, spaces and . _ -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT client_enrollment_policy_team ON sft.client_enrollment_policies IS 'A policy is in one team.';
COMMENT ON CONSTRAINT client_enrollment_policy_token_taken ON sft.client_enrollment_policies IS 'A token with this id exists already.';
COMMENT ON INDEX sft.client_enrollment_policy_name_taken IS 'A policy with this name exists already.';

ALTER TABLE sft.clients
    ADD COLUMN client_enrollment_policy_id uuid,
    ADD CONSTRAINT client_policy_unknown FOREIGN KEY (team_id, client_enrollment_policy_id) REFERENCES sft.client_enrollment_policies (team_id, id) ON DELETE RESTRICT;
CREATE INDEX clients_of_policy ON sft.clients (team_id, client_enrollment_policy_id);
COMMENT ON COLUMN sft.clients.client_enrollment_policy_id IS 'The policy with whose token it enrolled.';
COMMENT ON CONSTRAINT client_policy_unknown ON sft.clients IS 'There is no such client enrollment policy in the team.';
COMMENT ON INDEX sft.clients_of_policy IS 'The clients that enrolled by a policy.';

-- Records of what the platform does not run yet -------------------------------------------------
CREATE TABLE sft.gateway_setup_tokens (
    id                uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT gateway_setup_token_taken PRIMARY KEY,
    team_id           uuid        NOT NULL CONSTRAINT gateway_setup_token_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    description       sft.line    NOT NULL DEFAULT '',
    registration_type text        NOT NULL DEFAULT 'gateway-agent' CONSTRAINT registration_type_unknown CHECK (registration_type IN ('gateway-agent')),
    labels            jsonb       NOT NULL DEFAULT '{}',
    created_by        text        NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    deleted_at        timestamptz,
    CONSTRAINT gateway_setup_token_team UNIQUE (team_id, id)
);
COMMENT ON TABLE sft.gateway_setup_tokens IS 'What would let a gateway join. The secret is not stored: the vault computes it from the id.';
COMMENT ON CONSTRAINT gateway_setup_token_taken ON sft.gateway_setup_tokens IS 'A token with this id exists already.';
COMMENT ON CONSTRAINT gateway_setup_token_team_unknown ON sft.gateway_setup_tokens IS 'There is no such team.';
COMMENT ON CONSTRAINT registration_type_unknown ON sft.gateway_setup_tokens IS 'The registration_type is gateway-agent.';
COMMENT ON CONSTRAINT gateway_setup_token_team ON sft.gateway_setup_tokens IS 'A token is in one team.';

CREATE TABLE sft.gateways (
    id                     uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT gateway_taken PRIMARY KEY,
    team_id                uuid        NOT NULL,
    gateway_setup_token_id uuid        NOT NULL,
    name                   sft.line    NOT NULL,
    access_address         sft.line,
    default_address        sft.line,
    description            sft.line    NOT NULL DEFAULT '',
    cloud_provider         text        CONSTRAINT gateway_cloud_provider_unknown CHECK (cloud_provider IN ('aws', 'gce', 'azure')),
    refuse_connections     boolean     NOT NULL DEFAULT false,
    labels                 jsonb       NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    deleted_at             timestamptz,
    CONSTRAINT gateway_team UNIQUE (team_id, id),
    CONSTRAINT gateway_token_unknown FOREIGN KEY (team_id, gateway_setup_token_id) REFERENCES sft.gateway_setup_tokens (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX gateways_of_token ON sft.gateways (team_id, gateway_setup_token_id);
COMMENT ON TABLE sft.gateways IS 'Gateways that joined with a setup token. Nothing joins yet.';
COMMENT ON CONSTRAINT gateway_taken ON sft.gateways IS 'A gateway with this id exists already.';
COMMENT ON CONSTRAINT gateway_cloud_provider_unknown ON sft.gateways IS 'A cloud provider is aws, gce or azure.';
COMMENT ON CONSTRAINT gateway_team ON sft.gateways IS 'A gateway is in one team.';
COMMENT ON CONSTRAINT gateway_token_unknown ON sft.gateways IS 'There is no such setup token in the team.';
COMMENT ON INDEX sft.gateways_of_token IS 'The gateways that joined with a token.';

CREATE TABLE sft.kubernetes_clusters (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT kubernetes_cluster_taken PRIMARY KEY,
    team_id            uuid        NOT NULL CONSTRAINT kubernetes_cluster_team_unknown REFERENCES sft.teams ON DELETE RESTRICT,
    key                text        NOT NULL COLLATE "C" CONSTRAINT kubernetes_cluster_key_format CHECK (key ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$'),
    auth               text        NOT NULL DEFAULT 'NONE' CONSTRAINT kubernetes_auth_unknown CHECK (auth IN ('NONE', 'OIDC')),
    labels             jsonb       NOT NULL DEFAULT '{}',
    label_values       jsonb       NOT NULL GENERATED ALWAYS AS (sft.label_values(sft.prefixed(labels, 'api'))) STORED,
    api_url            text        NOT NULL DEFAULT '' CONSTRAINT kubernetes_api_url_format CHECK (api_url = '' OR api_url ~ '^https://[^[:space:]"\\]{1,255}$'),
    public_certificate text        NOT NULL DEFAULT '' CONSTRAINT kubernetes_certificate_length CHECK (length(public_certificate) <= 16384),
    created_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    CONSTRAINT kubernetes_cluster_team UNIQUE (team_id, id)
);
CREATE UNIQUE INDEX kubernetes_cluster_key_taken ON sft.kubernetes_clusters (team_id, lower(key)) WHERE deleted_at IS NULL;
COMMENT ON TABLE sft.kubernetes_clusters IS 'Kubernetes clusters, as records: the platform is not their issuer yet.';
COMMENT ON CONSTRAINT kubernetes_cluster_taken ON sft.kubernetes_clusters IS 'A cluster with this id exists already.';
COMMENT ON CONSTRAINT kubernetes_cluster_team_unknown ON sft.kubernetes_clusters IS 'There is no such team.';
COMMENT ON CONSTRAINT kubernetes_cluster_key_format ON sft.kubernetes_clusters IS 'A cluster''s key has 1 to 127 of letters, digits and . _ -, and starts with a letter, a digit or _.';
COMMENT ON CONSTRAINT kubernetes_auth_unknown ON sft.kubernetes_clusters IS 'auth is NONE or OIDC.';
COMMENT ON CONSTRAINT kubernetes_api_url_format ON sft.kubernetes_clusters IS 'An api_url starts with https://, or is empty.';
COMMENT ON CONSTRAINT kubernetes_certificate_length ON sft.kubernetes_clusters IS 'A public_certificate has at most 16384 characters.';
COMMENT ON CONSTRAINT kubernetes_cluster_team ON sft.kubernetes_clusters IS 'A cluster is in one team.';
COMMENT ON INDEX sft.kubernetes_cluster_key_taken IS 'A cluster with this key exists already.';

CREATE TABLE sft.kubernetes_cluster_groups (
    id               uuid        NOT NULL DEFAULT gen_random_uuid() CONSTRAINT kubernetes_cluster_group_taken PRIMARY KEY,
    team_id          uuid        NOT NULL,
    group_id         uuid        NOT NULL,
    cluster_selector text        NOT NULL CONSTRAINT cluster_selector_length CHECK (length(cluster_selector) <= 1000),
    cluster_match    jsonpath,
    claims           jsonb       NOT NULL DEFAULT '{}' CONSTRAINT claims_format CHECK (jsonb_typeof(claims) = 'object'),
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kubernetes_cluster_group_group_unknown FOREIGN KEY (team_id, group_id) REFERENCES sft.groups (team_id, id) ON DELETE RESTRICT
);
CREATE INDEX kubernetes_cluster_groups_of_group ON sft.kubernetes_cluster_groups (team_id, group_id);
COMMENT ON TABLE sft.kubernetes_cluster_groups IS 'Which groups use which clusters and with which claims, as records.';
COMMENT ON COLUMN sft.kubernetes_cluster_groups.cluster_match IS 'The selector over label_values; null: every cluster.';
COMMENT ON CONSTRAINT kubernetes_cluster_group_taken ON sft.kubernetes_cluster_groups IS 'A cluster group with this id exists already.';
COMMENT ON CONSTRAINT cluster_selector_length ON sft.kubernetes_cluster_groups IS 'A selector has at most 1000 characters.';
COMMENT ON CONSTRAINT claims_format ON sft.kubernetes_cluster_groups IS 'claims is an object of lists.';
COMMENT ON CONSTRAINT kubernetes_cluster_group_group_unknown ON sft.kubernetes_cluster_groups IS 'There is no such group in the team.';
COMMENT ON INDEX sft.kubernetes_cluster_groups_of_group IS 'The clusters of a group.';

-- Walls -----------------------------------------------------------------------------------------
DO $$
DECLARE
    tenant text;
    rule   CONSTANT text := 'team_id = ANY ((SELECT sft.current_teams())::uuid[])';
BEGIN
    FOREACH tenant IN ARRAY ARRAY['shared_accounts', 'client_config_options', 'cloud_accounts', 'entitlements', 'project_entitlements',
        'client_enrollment_policies', 'gateway_setup_tokens', 'gateways', 'kubernetes_clusters', 'kubernetes_cluster_groups'] LOOP
        EXECUTE format('ALTER TABLE sft.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant);
        EXECUTE format('CREATE POLICY team ON sft.%I USING (%s)', tenant, rule);
        EXECUTE format('COMMENT ON POLICY team ON sft.%I IS %L', tenant, 'Rows of the teams at hand, and no others.');
    END LOOP;
END $$;
