-- SPDX-License-Identifier: PostgreSQL
-- 560_admin_views.sql - what there is and what happened, over all teams, with names in place of ids. No secret is in any of them.

-- A view reads tables with its owner's rights, but calls functions with the reader's: hence a definer function here.
CREATE FUNCTION sft_admin.statement_key() RETURNS TABLE (key_id text, public_key text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT k.key_id, k.public_key FROM sftca.statement_keys k WHERE k.state = 'active';
END $$;
COMMENT ON FUNCTION sft_admin.statement_key() IS 'The key that signs what the platform says, and its hash as tokens carry it.';

CREATE VIEW sft_admin.instance AS
    SELECT i.name, i.url, i.authority, i.tls_authority, i.version, k.key_id AS statement_key_id, k.public_key AS statement_key
      FROM sft.instance i LEFT JOIN sft_admin.statement_key() k ON true;
COMMENT ON VIEW sft_admin.instance IS 'What this platform says of itself, and the key that signs it.';

CREATE VIEW sft_admin.teams AS
    SELECT t.name, t.id, make_interval(secs => t.client_session_duration_s) AS client_session_duration, t.created_at,
           (SELECT count(*) FROM sft.users u WHERE u.team_id = t.id AND u.status = 'ACTIVE') AS users,
           (SELECT count(*) FROM sft.servers s WHERE s.team_id = t.id AND s.deleted_at IS NULL) AS servers
      FROM sft.teams t;
COMMENT ON VIEW sft_admin.teams IS 'Tenants.';

CREATE VIEW sft_admin.users AS
    SELECT t.name AS team, u.name, u.status, u.user_type, u.server_user_name, u.unix_uid, u.full_name, u.email,
           (SELECT array_agg(g.name::text ORDER BY g.name) FROM sft.group_members m JOIN sft.groups g ON g.team_id = m.team_id AND g.id = m.group_id
             WHERE m.team_id = u.team_id AND m.user_id = u.id) AS groups,
           u.password_hash IS NOT NULL AS has_password, u.password_must_change, u.created_at, u.deleted_at, u.id
      FROM sft.users u JOIN sft.teams t ON t.id = u.team_id;
COMMENT ON VIEW sft_admin.users IS 'People and services, with their groups and their names and numbers on servers.';

CREATE VIEW sft_admin.groups AS
    SELECT t.name AS team, g.name, g.roles, g.server_group_name, g.unix_gid,
           (SELECT array_agg(u.name::text ORDER BY u.name) FROM sft.group_members m JOIN sft.users u ON u.team_id = m.team_id AND u.id = m.user_id
             WHERE m.team_id = g.team_id AND m.group_id = g.id) AS members,
           (SELECT array_agg(p.name::text ORDER BY p.name) FROM sft.project_groups pg JOIN sft.projects p ON p.team_id = pg.team_id AND p.id = pg.project_id
             WHERE pg.team_id = g.team_id AND pg.group_id = g.id) AS projects, g.created_at, g.id
      FROM sft.groups g JOIN sft.teams t ON t.id = g.team_id WHERE g.deleted_at IS NULL;
COMMENT ON VIEW sft_admin.groups IS 'Groups with their members and the projects they are in.';

CREATE VIEW sft_admin.projects AS
    SELECT t.name AS team, p.name, p.create_server_users, make_interval(secs => p.certificate_ttl_s) AS ttl, y.source_networks,
           make_interval(secs => y.max_sign_in_age_s) AS sign_in_age, make_interval(secs => y.max_certificate_ttl_s) AS greatest_ttl,
           (SELECT count(*) FROM sft.servers s WHERE s.team_id = p.team_id AND s.project_id = p.id AND s.deleted_at IS NULL) AS servers,
           p.force_shared_ssh_users, p.shared_standard_user_name, p.shared_admin_user_name, p.require_preauth_for_creds, p.user_on_demand_period, p.forward_traffic,
           p.gateway_selector, p.ssh_session_recording, p.rdp_session_recording, p.ssh_certificate_type,
           p.state_version, p.user_authority_id, p.host_authority_id, p.x509_authority_id, p.created_at, p.deleted_at, p.id
      FROM sft.projects p JOIN sft.teams t ON t.id = p.team_id
      LEFT JOIN sft.policies y ON y.team_id = p.team_id AND y.project_id = p.id;
COMMENT ON VIEW sft_admin.projects IS 'Projects with their policy and authorities.';

CREATE VIEW sft_admin.project_groups AS
    SELECT t.name AS team, p.name AS project, g.name AS "group", pg.server_access, pg.server_admin, pg.create_server_group, pg.servers_selector, pg.added_at
      FROM sft.project_groups pg JOIN sft.teams t ON t.id = pg.team_id
      JOIN sft.projects p ON p.team_id = pg.team_id AND p.id = pg.project_id
      JOIN sft.groups g ON g.team_id = pg.team_id AND g.id = pg.group_id;
COMMENT ON VIEW sft_admin.project_groups IS 'Which groups may use which project''s servers, and how.';

CREATE VIEW sft_admin.entitlements AS
    SELECT t.name AS team, e.name, e.description, (SELECT array_agg(c->>'rendered_command') FROM jsonb_array_elements(e.structured_commands) c) AS commands,
           coalesce(e.opt_run_as, 'root') AS run_as, e.opt_no_passwd, e.opt_no_exec, e.opt_set_env, e.add_env, e.sub_env,
           (SELECT array_agg(p.name || '/' || g.name || '@' || x.position ORDER BY p.name, x.position) FROM sft.project_entitlements x
              JOIN sft.projects p ON p.team_id = x.team_id AND p.id = x.project_id JOIN sft.groups g ON g.team_id = x.team_id AND g.id = x.group_id
             WHERE x.team_id = e.team_id AND x.entitlement_id = e.id) AS given_to, e.created_at, e.updated_at, e.id
      FROM sft.entitlements e JOIN sft.teams t ON t.id = e.team_id WHERE e.deleted_at IS NULL;
COMMENT ON VIEW sft_admin.entitlements IS 'Sudo entitlements: what they allow, as sudoers has it, and the project groups that have them, with their place.';

CREATE VIEW sft_admin.client_enrollment_policies AS
    SELECT t.name AS team, p.name, p.description, p.requires_approval, p.token_id IS NOT NULL AS has_token,
           (SELECT count(*) FROM sft.clients c WHERE c.team_id = p.team_id AND c.client_enrollment_policy_id = p.id AND c.state <> 'DELETED') AS clients,
           p.created_by, p.created_at, p.rotated_at, p.deleted_at, p.id
      FROM sft.client_enrollment_policies p JOIN sft.teams t ON t.id = p.team_id;
COMMENT ON VIEW sft_admin.client_enrollment_policies IS 'Policies by which fleets enroll, without their tokens.';

CREATE VIEW sft_admin.server_enrollment_tokens AS
    SELECT t.name AS team, p.name AS project, k.description, k.created_by, k.issued_at, k.expires_at, k.max_uses, k.uses, k.deleted_at, k.id
      FROM sft.server_enrollment_tokens k JOIN sft.teams t ON t.id = k.team_id
      JOIN sft.projects p ON p.team_id = k.team_id AND p.id = k.project_id;
COMMENT ON VIEW sft_admin.server_enrollment_tokens IS 'Tokens with which servers join, without their secrets.';

CREATE VIEW sft_admin.invitations AS
    SELECT t.name AS team, u.name AS user_name, i.created_by, i.created_at, i.expires_at, i.used_at, i.client_id, i.deleted_at, i.id
      FROM sft.invitations i JOIN sft.teams t ON t.id = i.team_id JOIN sft.users u ON u.team_id = i.team_id AND u.id = i.user_id;
COMMENT ON VIEW sft_admin.invitations IS 'Invitations, without their secrets, and the clients that used them.';

CREATE FUNCTION sft_admin.wanted_version(team_id uuid, server_id uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN sft_core.state_version(team_id, server_id);
END $$;
COMMENT ON FUNCTION sft_admin.wanted_version(uuid, uuid) IS 'The version of the state that a server should have applied.';

CREATE VIEW sft_admin.servers AS
    SELECT t.name AS team, p.name AS project, s.hostname, s.canonical_name, s.alt_names, s.access_address, s.ssh_port, s.os, s.sftd_version,
           r.reported_at AS last_seen, r.healthy, r.state_version AS applied_version, sft_admin.wanted_version(s.team_id, s.id) AS wanted_version,
           r.drift, s.removals_confirmed, s.removals_confirmed_version, s.labels, s.api_labels, s.managed, s.default_address, s.bastion, s.registered_at, s.deleted_at, s.id
      FROM sft.servers s JOIN sft.teams t ON t.id = s.team_id
      JOIN sft.projects p ON p.team_id = s.team_id AND p.id = s.project_id
      LEFT JOIN sft.server_reports r ON r.team_id = s.team_id AND r.server_id = s.id;
COMMENT ON VIEW sft_admin.servers IS 'Servers with their last report: who is behind (applied_version below wanted_version), who drifts, who is silent.';

CREATE VIEW sft_admin.clients AS
    SELECT t.name AS team, u.name AS user_name, c.claimed_name, c.state, rtrim(regexp_replace(c.code, '(.{4})', '\1-', 'g'), '-') AS code, c.hostname, c.os, c.encrypted, c.description,
           l.expires_at AS signed_in_until, c.enrolled_at, c.approved_at, c.approved_by, c.deleted_at, c.public_key, c.id
      FROM sft.clients c JOIN sft.teams t ON t.id = c.team_id
      LEFT JOIN sft.users u ON u.team_id = c.team_id AND u.id = c.user_id
      LEFT JOIN sft.client_sessions l ON l.team_id = c.team_id AND l.client_id = c.id AND l.ended_at IS NULL AND l.expires_at > now();
COMMENT ON VIEW sft_admin.clients IS 'Devices: those that wait for approval (state PENDING), with the code to compare, and those that are approved.';

CREATE VIEW sft_admin.client_sessions AS
    SELECT t.name AS team, u.name AS user_name, c.hostname, s.signed_in_at, s.expires_at, s.ended_at, s.ended_by, s.client_id, s.id
      FROM sft.client_sessions s JOIN sft.teams t ON t.id = s.team_id
      JOIN sft.users u ON u.team_id = s.team_id AND u.id = s.user_id JOIN sft.clients c ON c.team_id = s.team_id AND c.id = s.client_id;
COMMENT ON VIEW sft_admin.client_sessions IS 'Sign-ins.';

CREATE VIEW sft_admin.locks AS
    SELECT t.name AS team, l.subject_kind,
           CASE l.subject_kind WHEN 'user' THEN (SELECT u.name FROM sft.users u WHERE u.team_id = l.team_id AND u.id = l.subject_id)
                               WHEN 'server' THEN (SELECT s.hostname FROM sft.servers s WHERE s.team_id = l.team_id AND s.id = l.subject_id)
                               WHEN 'client' THEN (SELECT c.hostname FROM sft.clients c WHERE c.team_id = l.team_id AND c.id = l.subject_id)
                               WHEN 'project' THEN (SELECT p.name FROM sft.projects p WHERE p.team_id = l.team_id AND p.id = l.subject_id)
                               ELSE t.name END AS subject,
           l.reason, l.lifted_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > now()) AS holds,
           l.created_by, l.created_at, l.expires_at, l.lifted_at, l.lifted_by, l.subject_id, l.id
      FROM sft.locks l JOIN sft.teams t ON t.id = l.team_id;
COMMENT ON VIEW sft_admin.locks IS 'What is, or was, stopped, by whom and why.';

CREATE VIEW sft_admin.credentials AS
    SELECT c.created_at, t.name AS team, c.project, u.name AS user_name, s.hostname AS server, c.kind, c.serial, c.principal, c.admin,
           c.valid_after, c.valid_before, c.peer, d.hostname AS client, c.decision, c.fingerprint, c.client_id, c.server_id, c.request_id
      FROM sft.credentials c JOIN sft.teams t ON t.id = c.team_id
      JOIN sft.users u ON u.team_id = c.team_id AND u.id = c.user_id
      JOIN sft.clients d ON d.team_id = c.team_id AND d.id = c.client_id
      LEFT JOIN sft.servers s ON s.team_id = c.team_id AND s.id = c.server_id;
COMMENT ON VIEW sft_admin.credentials IS 'Who was issued what, for where, and why: the decision with its inputs. request_id is the id in sft_admin.certificates and audit.';

CREATE VIEW sft_admin.certificates AS
    SELECT v.recorded_at, v.kind, v.serial, v.key_id, v.principals, v.fingerprint, v.valid_after, v.valid_before, v.authority_id, v.generation,
           p.name AS project, t.name AS team,
           EXISTS (SELECT FROM sftca.revocations r WHERE r.authority_id = v.authority_id AND v.serial BETWEEN r.serial_from AND r.serial_to) AS revoked,
           octet_length(v.tbs) AS tbs_bytes, v.id
      FROM sftca.certificates v
      LEFT JOIN sft.projects p ON v.authority_id IN (p.user_authority_id, p.host_authority_id, p.x509_authority_id)
      LEFT JOIN sft.teams t ON t.id = p.team_id;
COMMENT ON VIEW sft_admin.certificates IS 'The vault''s records of everything that could be signed, user and host, SSH and X.509.';

CREATE VIEW sft_admin.authorities AS
    SELECT t.name AS team, p.name AS project, k.purpose, k.algorithm, k.generation, k.state, k.fingerprint, k.public_key, k.certificate_pem, k.created_at, k.authority_id
      FROM sftca.keys k
      LEFT JOIN sft.projects p ON k.authority_id IN (p.user_authority_id, p.host_authority_id, p.x509_authority_id)
      LEFT JOIN sft.teams t ON t.id = p.team_id;
COMMENT ON VIEW sft_admin.authorities IS 'Authorities and their generations of keys: public parts.';

CREATE VIEW sft_admin.audit AS
    SELECT a.at, t.name AS team, a.type, a.actor, a.status, a.error, p.name AS project, s.hostname AS server, a.peer, a.details,
           a.request_id, a.trace_id, a.user_id, a.client_id, a.session_id, a.server_id, a.project_id, a.id
      FROM sft.audit_events a LEFT JOIN sft.teams t ON t.id = a.team_id
      LEFT JOIN sft.projects p ON p.team_id = a.team_id AND p.id = a.project_id
      LEFT JOIN sft.servers s ON s.team_id = a.team_id AND s.id = a.server_id;
COMMENT ON VIEW sft_admin.audit IS 'What was done and what was refused (error is not null), by whom, from where. Order by id.';

CREATE VIEW sft_admin.refusals AS
    SELECT r.minute, r.peer, r.error, r.count FROM sft.refusals r;
COMMENT ON VIEW sft_admin.refusals IS 'Refusals of callers whom nobody knew, counted per peer and minute.';
