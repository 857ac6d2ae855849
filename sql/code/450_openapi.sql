-- SPDX-License-Identifier: PostgreSQL
-- 450_openapi.sql - the description of the API for programs: OpenAPI 3.1, made of the routes and of the comments on their functions.

CREATE FUNCTION sft_core.openapi_types() RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN '{
    "id":    {"type": "string", "format": "uuid"},
    "text":  {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "int":   {"type": "integer"},
    "bool":  {"type": "boolean"},
    "time":  {"type": "string", "format": "date-time"},
    "map":   {"type": "object", "additionalProperties": {"type": "string"}},
    "any":   {}
}'::jsonb;
COMMENT ON FUNCTION sft_core.openapi_types() IS 'The types that fields of the API have.';

-- Name, then the fields, each with its type; a type with ? may be null or absent
CREATE FUNCTION sft_core.openapi_objects() RETURNS TABLE (name text, fields text)
LANGUAGE sql IMMUTABLE AS $$
    VALUES
    ('Error', 'code int, type text, error text, message text, trace_id text'),
    ('Project', 'id id, name text, team text, deleted_at time?, create_server_users bool, force_shared_ssh_users bool, shared_standard_user_name text?, shared_admin_user_name text?, next_unix_uid int, next_unix_gid int, require_preauth_for_creds bool, user_on_demand_period int?, forward_traffic bool, gateway_selector text?, ssh_session_recording bool, rdp_session_recording bool, ssh_certificate_type text'),
    ('ProjectGroup', 'id text?, group text, name text, group_id text, project text?, server_access bool, server_admin bool, create_server_group bool, server_group_name text?, unix_gid int?, servers_selector text?, profile_attributes any?, deleted_at time?, removed_at time?'),
    ('Group', 'id id, name text, roles texts, federated_from_team text?, federation_approved_at time?, deleted_at time?'),
    ('User', 'id id, name text, status text, user_type text, team_name text, details any?, role_grants any?, oauth_client_application_id text?, deleted_at time?'),
    ('ServiceUserKey', 'id id, issued_at time, expires_at time?, last_used time?, secret text?'),
    ('ServiceToken', 'bearer_token text, expires_at time, team_name text'),
    ('Attribute', 'id id, attribute_name text, attribute_value any?, managed bool'),
    ('Server', 'id id, hostname text, canonical_name text?, alt_names texts, access_address text?, bastion text?, cloud_provider text?, instance_details any, last_seen time?, managed bool, os text?, os_type text?, project_name text, registered_at time?, services texts, sftd_version text?, ssh_host_keys texts, state text, team_name text, labels map, deleted_at time?'),
    ('EnrollmentToken', 'id id, token text, created_by_user text, issued_at time, description text'),
    ('ServerUser', 'id text, user_name text, server_user_name text, windows_server_user_name text?, unix_uid int?, unix_gid int?, admin bool, status text, type text'),
    ('Preauthorization', 'id id, user_name text, projects texts, servers any?, expires_at time?, disabled bool'),
    ('Client', 'id id, user_name text?, hostname text, os text, description text, encrypted bool?, state text, deleted_at time?'),
    ('SudoEntitlement', 'id id, name text, description text?, structured_commands any, opt_no_exec bool, opt_no_passwd bool, opt_run_as text?, opt_set_env bool, add_env texts, sub_env texts, created_at time, updated_at time'),
    ('TeamSettings', 'team text, approve_device_without_interaction bool, client_session_duration int, web_session_duration int, post_device_enrollment_url text?, post_login_url text?, post_logout_url text?, reactivate_users_via_idp bool, user_provisioning_exact_username bool, include_user_sid text'),
    ('TeamStats', 'num_clients int, num_gateways int, num_groups int, num_human_users int, num_projects int, num_servers int, num_service_users int'),
    ('ClientConfigOption', 'id id, config_key text, config_value text'),
    ('CloudAccount', 'id id, provider text, account_id text, description text?'),
    ('AuditEvent', 'id text, timestamp time, details any'),
    ('ClientEnrollmentPolicy', 'id id, name text, description text, type text, requires_approval bool, token text?'),
    ('GatewaySetupToken', 'id id, description text, registration_type text, details any, created_at time, token text?'),
    ('Gateway', 'id id, name text, access_address text?, default_address text?, description text, cloud_provider text?, refuse_connections bool, labels map, deleted_at time?'),
    ('KubernetesCluster', 'id id, key text, auth text, labels map, api_url text, public_certificate text, deleted_at time?'),
    ('KubernetesClusterGroup', 'id id, group_name text, cluster_selector text, claims any'),
    ('TokenText', 'token text'),
    ('Role', 'name text'),
    ('AttributeConflict', 'id id, attribute_name text, attribute_value any?, managed bool, user_name text?, group_name text?'),
    ('Invitation', 'id id, user_name text, created_by text, created_at time, expires_at time, used_at time?, client_id id?, token text?'),
    ('ProjectEntitlement', 'entitlement_id id, name text, group text, group_id id, position int, added_at time'),
    ('Lock', 'id id, subject_kind text, subject_id id, subject_name text?, reason text, created_by text, created_at time, expires_at time?, lifted_at time?, lifted_by text?, active bool'),
    ('RevokedRange', 'id id, authority_id id, project_name text, purpose text, serial_from int, serial_to int, reason text, revoked_at time, expires_at time'),
    ('Revocation', 'subject_kind text, subject_id id, reason text, certificates int'),
    ('Authority', 'id id, purpose text, project_id id, project_name text, algorithm text, created_at time, active_generation int?, next_generation int?, trust_version int, krl_version int?'),
    ('AuthorityKey', 'authority_id id, generation int, state text, algorithm text, public_key text, fingerprint text, certificate text?, created_at time, activated_at time?, retiring_at time?, retired_at time?'),
    ('Acknowledgement', 'server_id id, hostname text, trust_version int?, acknowledged bool, last_seen time?'),
    ('Login', 'id text, reported_at time, server_id id?, hostname text?, project_name text?, user_name text?, request_id id?, details any'),
    ('Credential', 'request_id id, kind text, serial int, valid_after time, valid_before time, server_user_name text, principal text, admin bool, project text, server_id id?, authority_id id, certificate text?, chain text?'),
    ('Enrollment', 'id id, state text, team_name text, user_name text?, code text'),
    ('ClientSession', 'id id, user_name text, expires_at time, signed_in_at time')
$$;
COMMENT ON FUNCTION sft_core.openapi_objects() IS 'The objects of the API: name, and their fields with types.';

CREATE FUNCTION sft_core.openapi_schema(fields text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('type', 'object',
        'required', coalesce(jsonb_agg(f[1] ORDER BY o) FILTER (WHERE f[3] = ''), '[]'),
        'properties', jsonb_object_agg(f[1], CASE
            WHEN f[3] = '' OR f[2] = 'any' THEN sft_core.openapi_types()->f[2]
            ELSE jsonb_set(sft_core.openapi_types()->f[2], '{type}', jsonb_build_array(sft_core.openapi_types()->f[2]->'type', 'null')) END))
      FROM regexp_matches(fields, '(\w+) (\w+)(\??)', 'g') WITH ORDINALITY m (f, o)
$$;
COMMENT ON FUNCTION sft_core.openapi_schema(text) IS 'The JSON schema of an object from the list of its fields.';

-- What a call that works answers: status, shape (an object, list:object, or - for nothing) the fields of its body and the values of its query.
CREATE FUNCTION sft_core.openapi_answers() RETURNS TABLE (route text, status int, shape text, body text, query text)
LANGUAGE sql IMMUTABLE AS $$
    VALUES
    ('POST /v1/teams/{}/service_token', 200, 'ServiceToken', 'key_id text, key_secret text', ''),
    ('GET /v1/teams/{}/service_users', 200, 'list:User', '', 'count,descending,offset,prev,contains,include_service_users,starts_with,status'),
    ('POST /v1/teams/{}/service_users', 201, 'User', 'name text', ''),
    ('GET /v1/teams/{}/service_users/{}', 200, 'User', '', ''),
    ('PUT /v1/teams/{}/service_users/{}', 200, 'User', 'name text?, status text?, details any?', ''),
    ('GET /v1/teams/{}/service_users/{}/keys', 200, 'list:ServiceUserKey', '', ''),
    ('POST /v1/teams/{}/service_users/{}/keys', 200, 'ServiceUserKey', '', ''),
    ('DELETE /v1/teams/{}/service_users/{}/keys/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/servers', 200, 'list:Server', '', 'count,descending,offset,prev,alt_names_contains,bastion,canonical_name,cloud_provider,hostname,project_name,selector,state'),
    ('PUT /v1/teams/{}/servers/{}', 204, '-', 'labels map?', ''),
    ('GET /v1/teams/{}/settings', 200, 'TeamSettings', '', ''),
    ('PUT /v1/teams/{}/settings', 200, 'TeamSettings', 'approve_device_without_interaction bool?, client_session_duration int?, post_device_enrollment_url text?, post_login_url text?, post_logout_url text?, reactivate_users_via_idp bool?, user_provisioning_exact_username bool?, web_session_duration int?', ''),
    ('GET /v1/teams/{}/team_stats', 200, 'TeamStats', '', ''),
    ('GET /v1/teams/{}/users', 200, 'list:User', '', 'count,descending,offset,prev,contains,include_service_users,starts_with,status'),
    ('GET /v1/teams/{}/users/{}', 200, 'User', '', ''),
    ('PUT /v1/teams/{}/users/{}', 200, 'User', 'name text?, status text?, details any?', ''),
    ('GET /v1/teams/{}/users/{}/groups', 200, 'list:Group', '', 'count,descending,offset,prev,contains'),
    ('GET /v1/teams/{}/groups', 200, 'list:Group', '', 'count,descending,offset,prev,contains'),
    ('POST /v1/teams/{}/groups', 201, 'Group', 'name text, roles texts?, federated_from_team text?', ''),
    ('GET /v1/teams/{}/groups/{}', 200, 'Group', '', ''),
    ('DELETE /v1/teams/{}/groups/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/groups/{}', 204, '-', 'roles texts?', ''),
    ('GET /v1/teams/{}/groups/{}/users', 200, 'list:User', '', 'count,descending,offset,prev,contains,starts_with,status,user_type'),
    ('POST /v1/teams/{}/groups/{}/users', 204, '-', 'name text', ''),
    ('DELETE /v1/teams/{}/groups/{}/users/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/groups/{}/users_not_in_group', 200, 'list:User', '', 'count,descending,offset,prev,contains,include_service_users,starts_with,status'),
    ('GET /v1/teams/{}/groups/{}/attributes', 200, 'list:Attribute', '', 'count,descending,offset,prev,conflicting'),
    ('GET /v1/teams/{}/groups/{}/attributes/{}', 200, 'Attribute', '', ''),
    ('PUT /v1/teams/{}/groups/{}/attributes/{}', 204, '-', 'attribute_name text, attribute_value any', ''),
    ('GET /v1/teams/{}/users/{}/attributes', 200, 'list:Attribute', '', 'count,descending,offset,prev,conflicting'),
    ('GET /v1/teams/{}/users/{}/attributes/{}', 200, 'Attribute', '', ''),
    ('PUT /v1/teams/{}/users/{}/attributes/{}', 204, '-', 'attribute_name text, attribute_value any', ''),
    ('GET /v1/teams/{}/projects', 200, 'list:Project', '', 'count,descending,offset,prev,self'),
    ('POST /v1/teams/{}/projects', 201, 'Project', 'name text, create_server_users bool?, force_shared_ssh_users bool?, shared_standard_user_name text?, shared_admin_user_name text?, next_unix_uid int?, next_unix_gid int?, require_preauth_for_creds bool?, user_on_demand_period int?, forward_traffic bool?, gateway_selector text?, ssh_session_recording bool?, rdp_session_recording bool?, ssh_certificate_type text?', ''),
    ('GET /v1/teams/{}/projects/{}', 200, 'Project', '', ''),
    ('DELETE /v1/teams/{}/projects/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/projects/{}', 204, '-', 'create_server_users bool?, forward_traffic bool?, next_unix_gid int?, next_unix_uid int?, rdp_session_recording bool?, require_preauth_for_creds bool?, ssh_certificate_type text?, ssh_session_recording bool?, user_on_demand_period int?', ''),
    ('GET /v1/teams/{}/projects/{}/client_config_options', 200, 'list:ClientConfigOption', '', ''),
    ('POST /v1/teams/{}/projects/{}/client_config_options', 200, 'ClientConfigOption', 'config_key text, config_value text', ''),
    ('DELETE /v1/teams/{}/projects/{}/client_config_options/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/projects/{}/cloud_accounts', 200, 'list:CloudAccount', '', ''),
    ('POST /v1/teams/{}/projects/{}/cloud_accounts', 200, 'CloudAccount', 'provider text, account_id text, description text?', ''),
    ('DELETE /v1/teams/{}/projects/{}/cloud_accounts/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/projects/{}/groups', 200, 'list:ProjectGroup', '', 'include_removed,create_server_group,has_selectors,has_no_selectors'),
    ('POST /v1/teams/{}/projects/{}/groups', 204, '-', 'group text, name text?, server_access bool?, server_admin bool?, create_server_group bool?, servers_selector text?', ''),
    ('GET /v1/teams/{}/projects/{}/groups/{}', 200, 'ProjectGroup', '', ''),
    ('DELETE /v1/teams/{}/projects/{}/groups/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/projects/{}/groups/{}', 204, '-', 'group text?, name text?, server_access bool?, server_admin bool?, create_server_group bool?, servers_selector text?', ''),
    ('GET /v1/teams/{}/projects/{}/preauthorizations', 200, 'list:Preauthorization', '', 'count,descending,offset,prev,include_expired'),
    ('POST /v1/teams/{}/projects/{}/preauthorizations', 204, '-', 'disabled bool?, expires_at time?, projects texts?, user_name text', ''),
    ('GET /v1/teams/{}/projects/{}/preauthorizations/{}', 200, 'Preauthorization', '', ''),
    ('PUT /v1/teams/{}/projects/{}/preauthorizations/{}', 200, 'Preauthorization', 'disabled bool?, expires_at time?, projects texts?, user_name text?', ''),
    ('GET /v1/teams/{}/projects/{}/server_enrollment_tokens', 200, 'list:EnrollmentToken', '', ''),
    ('POST /v1/teams/{}/projects/{}/server_enrollment_tokens', 201, 'EnrollmentToken', 'description text?', ''),
    ('GET /v1/teams/{}/projects/{}/server_enrollment_tokens/{}', 200, 'EnrollmentToken', '', ''),
    ('DELETE /v1/teams/{}/projects/{}/server_enrollment_tokens/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/projects/{}/server_users', 200, 'list:ServerUser', '', ''),
    ('GET /v1/teams/{}/projects/{}/server_users/{}', 200, 'list:ServerUser', '', ''),
    ('GET /v1/teams/{}/projects/{}/servers', 200, 'list:Server', '', ''),
    ('POST /v1/teams/{}/projects/{}/servers', 200, 'Server', 'hostname text, access_address text, alt_names texts?', ''),
    ('GET /v1/teams/{}/projects/{}/servers/{}', 200, 'Server', '', ''),
    ('DELETE /v1/teams/{}/projects/{}/servers/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/projects/{}/servers/{}', 204, '-', 'labels map?', ''),
    ('GET /v1/teams/{}/entitlements/sudo', 200, 'list:SudoEntitlement', '', 'count,descending,offset,prev'),
    ('POST /v1/teams/{}/entitlements/sudo', 201, 'SudoEntitlement', 'name text, add_env texts?, description text?, opt_no_exec bool?, opt_no_passwd bool?, opt_run_as text?, opt_set_env bool?, structured_commands any?, sub_env texts?', ''),
    ('GET /v1/teams/{}/entitlements/sudo/{}', 200, 'SudoEntitlement', '', ''),
    ('DELETE /v1/teams/{}/entitlements/sudo/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/entitlements/sudo/{}', 204, '-', 'name text?, add_env texts?, description text?, opt_no_exec bool?, opt_no_passwd bool?, opt_run_as text?, opt_set_env bool?, structured_commands any?, sub_env texts?', ''),
    ('GET /v1/teams/{}/clients', 200, 'list:Client', '', 'count,descending,offset,prev,all,state,username'),
    ('GET /v1/teams/{}/clients/{}', 200, 'Client', '', ''),
    ('DELETE /v1/teams/{}/clients/{}', 204, '-', '', ''),
    ('PUT /v1/teams/{}/clients/{}', 204, '-', 'state text?, user_name text?', ''),
    ('GET /v1/teams/{}/auditsV2', 200, 'list:AuditEvent', '', 'count,descending,offset,prev'),
    ('GET /v1/instance', 200, 'any', '', ''),
    ('GET /v1/openapi.json', 200, 'any', '', ''),
    ('POST /v1/teams/{}/clients', 201, 'Enrollment', 'id id, public_key text, hostname text, os text, description text?, encrypted bool?, invitation any?, user_name text?', ''),
    ('GET /v1/teams/{}/clients/{}/enrollment', 200, 'Enrollment', '', ''),
    ('POST /v1/teams/{}/clients/{}/approval', 200, 'Enrollment', 'code text', ''),
    ('POST /v1/teams/{}/client_sessions', 201, 'ClientSession', 'password text, new_password text?', ''),
    ('GET /v1/teams/{}/client_sessions/{}', 200, 'ClientSession', '', ''),
    ('DELETE /v1/teams/{}/client_sessions/{}', 204, '-', '', ''),
    ('POST /v1/resolve', 200, 'any', 'names texts, include_user_access_methods bool?', ''),
    ('POST /v1/teams/{}/credentials', 201, 'Credential', 'kind text, server text?, project text?, public_key text, ttl int?', ''),
    ('GET /v1/teams/{}/credentials/{}', 200, 'Credential', '', ''),
    ('GET /v1/teams/{}/credentials', 200, 'list:Credential', '', 'count,descending,offset,prev'),
    ('POST /v1/teams/{}/revocations', 201, 'Revocation', 'request_id id?, user text?, client text?, server text?, project text?, issued_after time?, issued_before time?, reason text', ''),
    ('POST /v1/teams/{}/locks', 201, 'Lock', 'subject_kind text, subject text, reason text, expires_at time?', ''),
    ('GET /v1/teams/{}/locks', 200, 'list:Lock', '', 'count,descending,offset,prev,include_ended'),
    ('GET /v1/teams/{}/locks/{}', 200, 'Lock', '', ''),
    ('DELETE /v1/teams/{}/locks/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/logins', 200, 'list:Login', '', 'count,descending,offset,prev'),
    ('GET /v1/teams/{}/revocations', 200, 'list:RevokedRange', '', 'count,descending,offset,prev'),
    ('GET /v1/teams/{}/authorities', 200, 'list:Authority', '', 'project'),
    ('GET /v1/teams/{}/authorities/{}', 200, 'Authority', '', ''),
    ('GET /v1/teams/{}/authorities/{}/keys', 200, 'list:AuthorityKey', '', ''),
    ('POST /v1/teams/{}/authorities/{}/keys', 201, 'AuthorityKey', '', ''),
    ('POST /v1/teams/{}/authorities/{}/keys/{}/activation', 200, 'AuthorityKey', 'waive texts?', ''),
    ('DELETE /v1/teams/{}/authorities/{}/keys/{}', 204, '-', '', 'force'),
    ('GET /v1/teams/{}/authorities/{}/acknowledgements', 200, 'list:Acknowledgement', '', ''),
    ('POST /v1/servers/enroll', 201, 'any', 'id id, public_key text, token any, hostname text, canonical_name text?, alt_names texts?, access_address text?, ssh_port int?, bastion text?, os text, os_type text, sftd_version text, ssh_host_keys texts?, labels map?', ''),
    ('GET /v1/server/state', 200, 'any', '', 'after'),
    ('POST /v1/server/report', 204, '-', 'state_version int, trust_version int, krl_version int, healthy bool, facts any, drift any?, logins any?', ''),
    ('POST /v1/server/host_certificates', 201, 'any', 'public_key text', ''),
    ('GET /v1/authorities/{}/trust', 200, 'bytes', '', ''),
    ('GET /v1/authorities/{}/krl', 200, 'bytes', '', ''),
    ('GET /v1/authorities/{}/crl', 200, 'bytes', '', 'format,generation'),
    ('GET /v1/teams/{}/client_enrollment_policies', 200, 'list:ClientEnrollmentPolicy', '', 'count,descending,offset,prev,contains,starts_with'),
    ('POST /v1/teams/{}/client_enrollment_policies', 201, 'ClientEnrollmentPolicy', 'name text, description text?, requires_approval bool?', ''),
    ('GET /v1/teams/{}/client_enrollment_policies/{}', 200, 'ClientEnrollmentPolicy', '', ''),
    ('PUT /v1/teams/{}/client_enrollment_policies/{}', 204, '-', 'name text?, description text?, requires_approval bool?', ''),
    ('DELETE /v1/teams/{}/client_enrollment_policies/{}', 204, '-', '', ''),
    ('POST /v1/teams/{}/client_enrollment_policies/{}/token', 200, 'ClientEnrollmentPolicy', '', ''),
    ('DELETE /v1/teams/{}/client_enrollment_policies/{}/token', 204, '-', '', ''),
    ('GET /v1/teams/{}/gateway_setup_tokens', 200, 'list:GatewaySetupToken', '', 'count,descending,offset,prev,description'),
    ('POST /v1/teams/{}/gateway_setup_tokens', 201, 'GatewaySetupToken', 'description text?, registration_type text?, details any?', ''),
    ('GET /v1/teams/{}/gateway_setup_tokens/{}', 200, 'GatewaySetupToken', '', ''),
    ('GET /v1/teams/{}/gateway_setup_tokens/{}/token', 200, 'TokenText', '', ''),
    ('DELETE /v1/teams/{}/gateway_setup_tokens/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/gateways', 200, 'list:Gateway', '', 'count,descending,offset,prev,contains'),
    ('GET /v1/teams/{}/gateways/{}', 200, 'Gateway', '', ''),
    ('PUT /v1/teams/{}/gateways/{}', 204, '-', 'description text?, refuse_connections bool?, labels map?', ''),
    ('DELETE /v1/teams/{}/gateways/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/kubernetes/clusters', 200, 'list:KubernetesCluster', '', 'count,descending,offset,prev,contains,selector'),
    ('POST /v1/teams/{}/kubernetes/clusters', 201, 'KubernetesCluster', 'key text, auth text?, labels map?, api_url text?, public_certificate text?', ''),
    ('GET /v1/teams/{}/kubernetes/clusters/{}', 200, 'KubernetesCluster', '', ''),
    ('PUT /v1/teams/{}/kubernetes/clusters/{}', 204, '-', 'auth text?, labels map?, api_url text?, public_certificate text?', ''),
    ('DELETE /v1/teams/{}/kubernetes/clusters/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/kubernetes/cluster_groups', 200, 'list:KubernetesClusterGroup', '', 'count,descending,offset,prev'),
    ('POST /v1/teams/{}/kubernetes/cluster_groups', 201, 'KubernetesClusterGroup', 'group_name text, cluster_selector text?, claims any?', ''),
    ('GET /v1/teams/{}/kubernetes/cluster_groups/{}', 200, 'KubernetesClusterGroup', '', ''),
    ('PUT /v1/teams/{}/kubernetes/cluster_groups/{}', 204, '-', 'cluster_selector text?, claims any?', ''),
    ('DELETE /v1/teams/{}/kubernetes/cluster_groups/{}', 204, '-', '', ''),
    ('POST /v1/teams/{}/users', 201, 'User', 'name text, user_type text?, server_user_name text?, status text?, details any?', ''),
    ('GET /v1/teams/{}/invitations', 200, 'list:Invitation', '', 'count,descending,offset,prev,include_expired'),
    ('POST /v1/teams/{}/invitations', 201, 'Invitation', 'user_name text, lifetime int?', ''),
    ('DELETE /v1/teams/{}/invitations/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/projects/{}/entitlements', 200, 'list:ProjectEntitlement', '', ''),
    ('POST /v1/teams/{}/projects/{}/entitlements', 201, 'ProjectEntitlement', 'group text, entitlement_id id, position int?', ''),
    ('DELETE /v1/teams/{}/projects/{}/entitlements/{}/{}', 204, '-', '', ''),
    ('GET /v1/teams/{}/current_user', 200, 'User', '', ''),
    ('GET /v1/teams/{}/users_by_id/{}', 200, 'User', '', ''),
    ('GET /v1/teams/{}/roles', 200, 'list:Role', '', ''),
    ('GET /v1/teams/{}/attributes/conflicts', 200, 'list:AttributeConflict', '', '')
$$;
COMMENT ON FUNCTION sft_core.openapi_answers() IS 'What calls answer when they work, and the fields of their bodies; values in paths as {}.';

CREATE FUNCTION sft_core.openapi_content(shape text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN shape = '-' THEN NULL
    WHEN shape = 'bytes' THEN '{"*/*": {}}'
    ELSE jsonb_build_object('application/json', jsonb_build_object('schema', CASE
        WHEN shape = 'any' THEN '{"type": "object"}'
        WHEN shape LIKE 'list:%' THEN jsonb_build_object('type', 'object', 'required', '["list"]'::jsonb, 'properties',
            jsonb_build_object('list', jsonb_build_object('type', 'array', 'items',
                jsonb_build_object('$ref', '#/components/schemas/' || substr(shape, 6)))))
        ELSE jsonb_build_object('$ref', '#/components/schemas/' || shape) END)) END;
COMMENT ON FUNCTION sft_core.openapi_content(text) IS 'The content of an answer of a shape; null for none.';

CREATE FUNCTION sft_core.openapi_parameters(path text, query text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_agg(p ORDER BY o), '[]') FROM (
        SELECT o, jsonb_build_object('name', m[1], 'in', 'path', 'required', true, 'schema', jsonb_build_object('type', 'string'))
          FROM regexp_matches(path, '\{([^}]*)\}', 'g') WITH ORDINALITY x (m, o)
        UNION ALL
        SELECT 100 + o, jsonb_build_object('name', q, 'in', 'query', 'schema', CASE WHEN q = 'count'
                   THEN '{"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}' ELSE '{"type": "string"}'::jsonb END)
          FROM unnest(string_to_array(nullif(query, ''), ',')) WITH ORDINALITY x (q, o)) y (o, p)
$$;
COMMENT ON FUNCTION sft_core.openapi_parameters(text, text) IS 'The parameters of a call: the values in its path and of its query.';

CREATE FUNCTION sft_core.openapi_security(auth text, roles text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN auth = 'none' THEN '[]'
    WHEN roles IS NOT NULL THEN '[{"bearer": []}, {"signature": []}]' ELSE '[{"signature": []}]' END::jsonb;
COMMENT ON FUNCTION sft_core.openapi_security(text, text[]) IS 'How a caller of a route says who it is.';

-- What the comments promise: "Refuses: word, word." with words for people before it.
CREATE FUNCTION sft_core.openapi_operation(method text, path text, auth text, roles text[], about text, name text, status int, shape text,
    body text, query text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'operationId', name, 'summary', split_part(about, '. ', 1), 'description', about,
    'tags', jsonb_build_array(coalesce(substring(path FROM '^/v1/teams/[^/]+/([^/]+)'), substring(path FROM '^/v1/([^/.]+)'))),
    'parameters', sft_core.openapi_parameters(path, query), 'security', sft_core.openapi_security(auth, roles), 'x-roles', to_jsonb(roles),
    'x-caller', auth,
    'requestBody', CASE WHEN body <> '' THEN jsonb_build_object('required', body ~ ' \w+(,|$)', 'content', jsonb_build_object(
        'application/json', jsonb_build_object('schema', sft_core.openapi_schema(body)))) END,
    'responses', jsonb_build_object(status::text, jsonb_build_object('description', CASE WHEN shape = '-' THEN 'Done.' ELSE 'The answer.' END,
        'content', sft_core.openapi_content(shape)), 'default', '{"$ref": "#/components/responses/Refused"}'::jsonb)));
COMMENT ON FUNCTION sft_core.openapi_operation(text, text, text, text[], text, text, int, text, text, text) IS 'One call: what it is for, who may, what it takes and answers.';

CREATE FUNCTION sft_core.openapi_paths() RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
    SELECT jsonb_object_agg(p.path, p.operations)
      FROM (SELECT r.path, jsonb_object_agg(lower(r.method), sft_core.openapi_operation(r.method, r.path, r.auth, r.roles,
                   obj_description(r.proc::oid, 'pg_proc'), (SELECT f.proname::text FROM pg_proc f WHERE f.oid = r.proc::oid),
                   coalesce(a.status, 200), coalesce(a.shape, 'any'), coalesce(a.body, ''), coalesce(a.query, ''))) AS operations
              FROM sft_api.route r
              LEFT JOIN sft_core.openapi_answers() a ON a.route = r.method || ' ' || regexp_replace(r.path, '\{[^}]*\}', '{}', 'g')
             GROUP BY r.path) p);
END $$;
COMMENT ON FUNCTION sft_core.openapi_paths() IS 'Every route as OpenAPI describes it.';

CREATE FUNCTION sft_core.openapi_document() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('openapi', '3.1.0',
        'info', jsonb_build_object('title', 'sft', 'version', '1', 'description', 'Short-lived access certificates. Calls below /v1/teams are compatible with the product''s public API; '
            || 'signatures (RFC 9421) and the calls of clients and servers are in docs/wire.md, the error words in docs/errors.md.'),
        'paths', sft_core.openapi_paths(),
        'components', jsonb_build_object(
            'securitySchemes', '{"bearer": {"type": "http", "scheme": "bearer", "description": "From POST /v1/teams/{team}/service_token."},
                "signature": {"type": "apiKey", "in": "header", "name": "Signature", "description": "RFC 9421 by the key of a client or a server."}}'::jsonb,
            'responses', '{"Refused": {"description": "Refused: error is the word, message the sentence.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}}'::jsonb,
            'schemas', (SELECT jsonb_object_agg(o.name, sft_core.openapi_schema(o.fields)) FROM sft_core.openapi_objects() o)))
$$;
COMMENT ON FUNCTION sft_core.openapi_document() IS 'The description of the whole API. Takes half a second: 911 keeps what it says.';

CREATE FUNCTION sft_api.openapi_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    body bytea := convert_to(sft_core.openapi_text(), 'UTF8');
    tag  text := '"' || encode(substr(sha256(body), 1, 16), 'hex') || '"';
    headers text := format(E'etag: %s
cache-control: public, max-age=300
', tag);
BEGIN
    IF tag = ANY (regexp_split_to_array(sft_core.header(req.headers, 'if-none-match'), '[ ]*,[ ]*')) THEN
        RETURN sft_core.reply(304, NULL, headers);
    END IF;
    RETURN (200, E'content-type: application/json
' || headers, body, NULL, NULL, NULL)::sft.response;
END $$;
COMMENT ON FUNCTION sft_api.openapi_show(sft.request) IS 'This description: every call, who may make it, what it takes and answers.';

INSERT INTO sft_core.routes (method, path, auth, proc) VALUES
    ('GET', '/v1/openapi.json', 'none', 'openapi_show');
