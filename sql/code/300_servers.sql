-- SPDX-License-Identifier: PostgreSQL
-- 300_servers.sql - hosts: joining, what they say of themselves, their names, removing them.

CREATE FUNCTION sft_core.server_state(v sft.servers, reported_at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN CASE WHEN NOT (v).managed OR greatest(reported_at, (v).registered_at) > now() - interval '96 hours' THEN 'ACTIVE' ELSE 'INACTIVE' END;
COMMENT ON FUNCTION sft_core.server_state(sft.servers, timestamptz) IS 'Whether a server''s agent was seen within 96 hours; a server without an agent is ACTIVE.';

CREATE FUNCTION sft_core.server_json(v sft.servers) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', v.id, 'hostname', v.hostname, 'canonical_name', v.canonical_name, 'alt_names', to_jsonb(v.alt_names), 'access_address', v.access_address,
        'default_address', v.default_address, 'ssh_port', v.ssh_port, 'os', nullif(v.os, ''), 'os_type', v.os_type, 'project_name', p.name, 'project_id', p.id, 'team_name', t.name,
        'state', sft_core.server_state(v, r.reported_at),
        'last_seen', sft_core.json_time(r.reported_at), 'registered_at', sft_core.json_time(v.registered_at), 'managed', v.managed, 'labels', sft_core.server_labels(v),
        'services', jsonb_build_array('ssh'), 'bastion', v.bastion, 'cloud_provider', NULL, 'instance_details', jsonb_build_object(),
        'sftd_version', nullif(v.sftd_version, ''), 'ssh_host_keys', to_jsonb(v.ssh_host_keys),
        'host_authority_id', p.host_authority_id, 'user_authority_id', p.user_authority_id, 'deleted_at', sft_core.json_time(v.deleted_at))
      FROM sft.projects p JOIN sft.teams t ON t.id = p.team_id
      LEFT JOIN sft.server_reports r ON r.team_id = v.team_id AND r.server_id = v.id
     WHERE p.team_id = v.team_id AND p.id = v.project_id
$$;
COMMENT ON FUNCTION sft_core.server_json(sft.servers) IS 'A server as answers show it.';

CREATE FUNCTION sft_core.host_keys_of(b jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    key text; keys text[] := '{}';
BEGIN
    FOREACH key IN ARRAY sft_core.maybe_texts(b, 'ssh_host_keys', 16, 4096) LOOP
        IF key !~ '^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,}={0,2}( .*)?$' THEN
            PERFORM sft_core.wrong('ssh_host_keys', 'is a list of SSH public keys');
        END IF;
        keys := keys || (split_part(key, ' ', 1) || ' ' || split_part(key, ' ', 2));
    END LOOP;
    RETURN keys;
END $$;
COMMENT ON FUNCTION sft_core.host_keys_of(jsonb) IS 'The host keys that a server reports, without comments. Refuses: ssh_host_keys_format.';

CREATE FUNCTION sft_core.labels_of(b jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sft_core.label_map(coalesce(sft_core.maybe_object(b, 'labels'), '{}'), 'labels');
END $$;
COMMENT ON FUNCTION sft_core.labels_of(jsonb) IS 'The labels that a server''s agent reports. Refuses: labels_format.';

CREATE FUNCTION sft_core.alt_names_of(b jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT DISTINCT lower(n)::sft.host_name::text FROM unnest(sft_core.maybe_texts(b, 'alt_names', 32)) n
    ORDER BY 1);
COMMENT ON FUNCTION sft_core.alt_names_of(jsonb) IS 'A server''s alternative names. Refuses: alt_names_format, host_name_format.';

CREATE FUNCTION sft_core.server_names_set(server sft.servers) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    names text[] := ARRAY(SELECT DISTINCT sft_core.server_name_of(n)
                            FROM unnest(server.alt_names || ARRAY[coalesce(server.canonical_name,
                                server.hostname)::text, server.access_address::text, server.default_address]) n
                           WHERE n <> '' AND NOT sft_core.is_uuid(sft_core.server_name_of(n))
                               AND server.deleted_at IS NULL);
BEGIN
    DELETE FROM sft.server_names n WHERE n.team_id = server.team_id AND n.server_id = server.id
        AND n.name <> ALL (names);
    INSERT INTO sft.server_names (team_id, name, server_id) SELECT server.team_id, n, server.id FROM unnest(names) n
    ON CONFLICT ON CONSTRAINT server_name_taken DO NOTHING;
END $$;
COMMENT ON FUNCTION sft_core.server_names_set(sft.servers) IS 'Keeps the names by which a server is found: the canonical name or else the hostname, the alternative names, the access address, the default address; none that looks like a server''s id; none when it is removed.';

CREATE FUNCTION sft_core.token_use(token jsonb, server_id uuid, public_key text) RETURNS sft.server_enrollment_tokens
LANGUAGE plpgsql AS $$
DECLARE
    t sft.server_enrollment_tokens;
    presented uuid;
BEGIN
    PERFORM sft_core.only_fields(token, 'id', 'mac');
    presented := sft_core.need_uuid(token, 'id');
    PERFORM set_config('sft.token', presented::text, true);
    SELECT x.* INTO t FROM sft.server_enrollment_tokens x WHERE x.id = presented;
    PERFORM set_config('sft.token', '', true);
    PERFORM sft_core.see_teams(t.team_id);
    UPDATE sft.server_enrollment_tokens x SET uses = x.uses + 1
      FROM sft.projects p
     WHERE x.team_id = t.team_id AND x.id = t.id AND x.deleted_at IS NULL
         AND (x.expires_at IS NULL OR x.expires_at > now())
       AND (x.max_uses IS NULL OR x.uses < x.max_uses) AND p.team_id = x.team_id AND p.id = x.project_id
           AND p.deleted_at IS NULL;
    IF NOT FOUND OR NOT coalesce(sftca.verify_mac('server_enrollment_token', t.id, server_id, public_key,
        coalesce(sft_core.maybe_text(token, 'mac', 64), '')), false) THEN
        PERFORM sft_core.refuse(401, 'token_invalid',
            'This token is unknown, deleted, expired or used up, or not yours.');
    END IF;
    RETURN t;
END $$;
COMMENT ON FUNCTION sft_core.token_use(jsonb, uuid, text) IS 'Counts a use of the enrollment token that a server presents; afterwards its team is seen. Refuses: token_invalid.';

CREATE FUNCTION sft_core.server_joined(team_id uuid, server_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', v.id, 'team_name', t.name, 'project_name', p.name, 'project_id', p.id)
      FROM sft.servers v JOIN sft.projects p ON p.team_id = v.team_id AND p.id = v.project_id
          JOIN sft.teams t ON t.id = v.team_id
     WHERE v.team_id = server_joined.team_id AND v.id = server_joined.server_id AND v.deleted_at IS NULL
$$;
COMMENT ON FUNCTION sft_core.server_joined(uuid, uuid) IS 'Where a server has joined; null when it was removed.';

CREATE FUNCTION sft_core.server_insert(b jsonb, id uuid, token sft.server_enrollment_tokens, key record) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    made sft.servers;
BEGIN
    PERFORM sft_core.project_hold(token.team_id, token.project_id);
    INSERT INTO sft.actor_keys (kind, id, team_id, key_type, key_blob, fingerprint)
    VALUES ('server', server_insert.id, token.team_id, key.key_type, key.blob, key.fingerprint);
    INSERT INTO sft.servers (id, team_id, project_id, server_enrollment_token_id, hostname, canonical_name, alt_names,
        access_address, ssh_port, bastion,
                             os, os_type, sftd_version, ssh_host_keys, labels)
    VALUES (server_insert.id, token.team_id, token.project_id, token.id, lower(sft_core.need_text(b, 'hostname')),
        lower(nullif(sft_core.maybe_text(b, 'canonical_name'), '')),
            sft_core.alt_names_of(b), lower(nullif(sft_core.maybe_text(b, 'access_address'), '')),
                coalesce(sft_core.maybe_bigint(b, 'ssh_port', 1, 65535), 22),
            nullif(sft_core.maybe_text(b, 'bastion'), ''), sft_core.need_text(b, 'os'),
                coalesce(sft_core.maybe_text(b, 'os_type', 16), 'linux'),
            sft_core.need_text(b, 'sftd_version', 64), sft_core.host_keys_of(b), sft_core.labels_of(b))
    RETURNING * INTO made;
    PERFORM sft_core.server_names_set(made);
END $$;
COMMENT ON FUNCTION sft_core.server_insert(jsonb, uuid, sft.server_enrollment_tokens, record) IS 'A new server from what it says. Refuses: hostname_…, host_name_format, alt_names_format, ssh_port_format, os_…, os_type_unknown, sftd_version_…, ssh_host_keys_format, labels_format.';

CREATE FUNCTION sft_api.server_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    b     jsonb := req.body;
    joining uuid;
    key   record;
    known sft.actor_keys;
    token sft.server_enrollment_tokens;
    nonce uuid;
BEGIN
    PERFORM sft_core.only_fields(b, 'id', 'public_key', 'token', 'hostname', 'canonical_name', 'alt_names',
        'access_address', 'ssh_port', 'bastion', 'os', 'os_type',
                                 'sftd_version', 'ssh_host_keys', 'labels');
    joining := sft_core.need_uuid(b, 'id');
    SELECT * INTO key FROM sft_core.device_key(req);
    nonce := sft_core.signed_by_itself(req, 'server', joining, key.blob);
    SELECT k.* INTO known FROM sft.actor_keys k WHERE k.kind = 'server' AND k.id = joining;
    IF FOUND AND known.key_blob = key.blob THEN
        PERFORM sft_core.see_teams(known.team_id);
        IF sft_core.server_joined(known.team_id, joining) IS NULL THEN
            PERFORM sft_core.refuse(409, 'server_taken', 'This server was removed; enroll with a new id and key.');
        END IF;
        RETURN sft_core.reply(200, sft_core.server_joined(known.team_id, joining));
    END IF;
    PERFORM sft_core.actor_known('server', joining, NULL, key.blob, key.fingerprint);
    token := sft_core.token_use(sft_core.need_object(b, 'token'), joining, key.public_key);
    PERFORM sft_core.server_insert(b, joining, token, key);
    PERFORM sft_core.note(('server', 'server/' || joining, token.team_id, NULL, NULL, NULL, joining, token.project_id,
        NULL, NULL, req.peer, nonce, req.trace_id)::sft.actor,
                          token.team_id, 'server.enroll', jsonb_build_object('hostname', b->>'hostname', 'token_id',
                              token.id, 'fingerprint', key.fingerprint));
    RETURN sft_core.reply(201, sft_core.server_joined(token.team_id, joining));
END $$;
COMMENT ON FUNCTION sft_api.server_create(sft.request) IS 'A server joins the project of its token, with the key that signs the request. Refuses: token_invalid, server_taken, key_taken, public_key_….';

CREATE FUNCTION sft_core.server_remove(by sft.actor, team_id uuid, server_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone sft.servers; one record;
BEGIN
    UPDATE sft.servers v SET deleted_at = now()
     WHERE v.team_id = server_remove.team_id AND v.id = server_remove.server_id AND v.deleted_at IS NULL
         RETURNING v.* INTO gone;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'server_unknown', 'There is no such server.');
    END IF;
    PERFORM sft_core.server_names_set(gone);
    FOR one IN SELECT h.authority_id, h.serial FROM sft.host_certificates h
                WHERE h.team_id = server_remove.team_id AND h.server_id = server_remove.server_id
                    AND h.valid_before > now() ORDER BY h.serial LOOP
        PERFORM sftca.revoke(one.authority_id, one.serial, one.serial, 'server removed');
    END LOOP;
    PERFORM sft_core.touch_server(team_id, server_id);
    PERFORM sft_core.note(by, team_id, 'server.remove', jsonb_build_object('hostname', gone.hostname),
        gone.project_id, server_id);
END $$;
COMMENT ON FUNCTION sft_core.server_remove(sft.actor, uuid, uuid) IS 'Removes a server from its project; its host certificates are revoked and its agent is told at once. Refuses: server_unknown.';

CREATE FUNCTION sft_core.default_address(addresses text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT host(a.ip) FROM (
        SELECT x::inet AS ip FROM unnest(addresses) x WHERE x ~ '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])([.]|$)){4}$') a
     WHERE NOT a.ip <<= ANY ('{0.0.0.0/8,127.0.0.0/8,169.254.0.0/16,224.0.0.0/3}'::inet[])
     ORDER BY a.ip <<= ANY ('{10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10}'::inet[]), a.ip LIMIT 1
$$;
COMMENT ON FUNCTION sft_core.default_address(text[]) IS 'The best of a server''s addresses: the numerically lowest public IPv4 address, else the lowest private one.';

CREATE FUNCTION sft_core.labels_changed(by sft.actor, old sft.servers, new sft.servers) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF sft_core.server_labels(old) = sft_core.server_labels(new) THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM sft.project_groups pg WHERE pg.team_id = new.team_id AND pg.project_id = new.project_id AND pg.servers_match IS NOT NULL) THEN
        PERFORM sft_core.touch_server(new.team_id, new.id);
    END IF;
    PERFORM sft_core.note(by, new.team_id, 'server_labels.update', jsonb_build_object('labels', sft_core.server_labels(new),
        'labels_before', sft_core.server_labels(old)), new.project_id, new.id);
END $$;
COMMENT ON FUNCTION sft_core.labels_changed(sft.actor, sft.servers, sft.servers) IS 'Who may use a server can follow from its labels: tells the server where a selector is about, and the audit always.';

CREATE FUNCTION sft_core.server_labels_set(by sft.actor, team_id uuid, server_id uuid, labels jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old sft.servers; new sft.servers;
BEGIN
    PERFORM sft_core.fence(team_id);
    SELECT v.* INTO old FROM sft.servers v WHERE v.team_id = server_labels_set.team_id AND v.id = server_labels_set.server_id
        AND v.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'server_unknown', 'There is no such server.');
    END IF;
    UPDATE sft.servers v SET api_labels = server_labels_set.labels WHERE v.team_id = old.team_id AND v.id = old.id RETURNING v.* INTO new;
    PERFORM sft_core.labels_changed(by, old, new);
END $$;
COMMENT ON FUNCTION sft_core.server_labels_set(sft.actor, uuid, uuid, jsonb) IS 'Replaces all labels of a server that were set over the API; names without their source. Refuses: server_unknown.';

CREATE FUNCTION sft_core.unmanaged_server_create(by sft.actor, team_id uuid, project_id uuid, b jsonb) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    made sft.servers;
BEGIN
    PERFORM sft_core.project_hold(team_id, project_id);
    INSERT INTO sft.servers (id, team_id, project_id, managed, hostname, canonical_name, alt_names, access_address, ssh_port, bastion, os, sftd_version,
        ssh_host_keys, api_labels)
    VALUES (gen_random_uuid(), unmanaged_server_create.team_id, unmanaged_server_create.project_id, false, lower(sft_core.need_text(b, 'hostname')),
        lower(nullif(sft_core.maybe_text(b, 'canonical_name'), '')), sft_core.alt_names_of(b), lower(nullif(sft_core.maybe_text(b, 'access_address'), '')),
        coalesce(sft_core.maybe_bigint(b, 'ssh_port', 1, 65535), 22), nullif(sft_core.maybe_text(b, 'bastion'), ''), '', '', sft_core.host_keys_of(b),
        sft_core.api_labels_of(b))
    RETURNING * INTO made;
    PERFORM sft_core.server_names_set(made);
    PERFORM sft_core.note(by, team_id, 'unmanaged_server.create', jsonb_build_object('hostname', made.hostname, 'access_address', made.access_address), project_id, made.id);
    RETURN made.id;
END $$;
COMMENT ON FUNCTION sft_core.unmanaged_server_create(sft.actor, uuid, uuid, jsonb) IS 'Writes down a server without an agent, mostly a bastion, so that its name resolves. Refuses: hostname_…, host_name_format, alt_names_format, ssh_port_format, ssh_host_keys_format, labels_format, project_unknown.';

CREATE FUNCTION sft_core.facts_take(who sft.actor, f jsonb) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    old sft.servers; new sft.servers; seen text[] := sft_core.maybe_texts(f, 'addresses', 64, 64);
BEGIN
    PERFORM sft_core.only_fields(f, 'hostname', 'os', 'addresses', 'ssh_host_keys', 'sftd_version', 'access_address',
        'ssh_port', 'canonical_name', 'alt_names', 'bastion', 'labels');
    SELECT v.* INTO STRICT old FROM sft.servers v WHERE v.team_id = who.team_id AND v.id = who.server_id;
    new := old;
    new.hostname := lower(coalesce(sft_core.maybe_text(f, 'hostname'), old.hostname));
    new.os := coalesce(sft_core.maybe_text(f, 'os'), old.os);
    new.sftd_version := coalesce(sft_core.maybe_text(f, 'sftd_version', 64), old.sftd_version);
    new.ssh_port := coalesce(sft_core.maybe_bigint(f, 'ssh_port', 1, 65535), old.ssh_port);
    new.access_address := CASE WHEN f ? 'access_address' THEN lower(nullif(sft_core.maybe_text(f, 'access_address'),
        '')) ELSE old.access_address END;
    new.canonical_name := CASE WHEN f ? 'canonical_name' THEN lower(nullif(sft_core.maybe_text(f, 'canonical_name'),
        '')) ELSE old.canonical_name END;
    new.bastion := CASE WHEN f ? 'bastion' THEN nullif(sft_core.maybe_text(f, 'bastion'), '') ELSE old.bastion END;
    new.alt_names := CASE WHEN f ? 'alt_names' THEN sft_core.alt_names_of(f) ELSE old.alt_names END;
    new.labels := CASE WHEN f ? 'labels' THEN sft_core.labels_of(f) ELSE old.labels END;
    new.ssh_host_keys := CASE WHEN f ? 'ssh_host_keys' THEN sft_core.host_keys_of(f) ELSE old.ssh_host_keys END;
    new.default_address := sft_core.default_address(seen);
    IF new IS DISTINCT FROM old THEN
        UPDATE sft.servers v SET hostname = new.hostname, os = new.os, sftd_version = new.sftd_version,
            ssh_port = new.ssh_port, access_address = new.access_address,
               canonical_name = new.canonical_name, bastion = new.bastion, alt_names = new.alt_names,
                   labels = new.labels, ssh_host_keys = new.ssh_host_keys, default_address = new.default_address
         WHERE v.team_id = who.team_id AND v.id = who.server_id;
        PERFORM sft_core.server_names_set(new);
        PERFORM sft_core.note(who, who.team_id, 'server.update', jsonb_build_object('hostname', new.hostname,
            'hostname_before', old.hostname));
        PERFORM sft_core.labels_changed(who, old, new);
    END IF;
    RETURN seen;
END $$;
COMMENT ON FUNCTION sft_core.facts_take(sft.actor, jsonb) IS 'Takes what a server says of itself; writes only what changed; other labels can change who may use it. Returns its addresses. Refuses: as enrolling does.';

CREATE FUNCTION sft_core.drift_of(b jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    item jsonb;
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(sft_core.maybe_list(b, 'drift', 256)) LOOP
        IF jsonb_typeof(item) <> 'object' THEN
            PERFORM sft_core.wrong('drift', 'is a list of objects with what, reason and fix');
        END IF;
        PERFORM sft_core.only_fields(item, 'what', 'reason', 'fix');
        PERFORM sft_core.need_text(item, 'what', 1000), sft_core.maybe_text(item, 'reason', 1000),
            sft_core.maybe_text(item, 'fix', 1000);
    END LOOP;
    RETURN sft_core.maybe_list(b, 'drift', 256);
END $$;
COMMENT ON FUNCTION sft_core.drift_of(jsonb) IS 'What an agent could not bring to the desired state. Refuses: drift_format, what_missing and the like.';

CREATE FUNCTION sft_core.logins_take(who sft.actor, logins jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    item jsonb;
BEGIN
    FOR item IN SELECT value FROM jsonb_array_elements(logins) LOOP
        IF jsonb_typeof(item) <> 'object' OR length(item::text) > 2000 THEN
            PERFORM sft_core.wrong('logins', 'is a list of objects of at most 2000 characters');
        END IF;
        PERFORM sft_core.note(who, who.team_id, 'server.ssh_login', item);
    END LOOP;
END $$;
COMMENT ON FUNCTION sft_core.logins_take(sft.actor, jsonb) IS 'Logins that an agent saw become audit events. Refuses: logins_format.';

CREATE FUNCTION sft_api.server_report_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    b    jsonb := req.body;
    who  sft.actor := req.actor;
    seen text[];
BEGIN
    PERFORM sft_core.only_fields(b, 'state_version', 'trust_version', 'krl_version', 'healthy', 'facts', 'drift',
        'logins');
    seen := sft_core.facts_take(who, sft_core.need_object(b, 'facts'));
    INSERT INTO sft.server_reports (server_id, team_id, state_version, trust_version, krl_version, healthy, addresses,
        drift)
    VALUES (who.server_id, who.team_id, sft_core.need_bigint(b, 'state_version', 0, 1000000000000000),
        sft_core.need_bigint(b, 'trust_version', 0, 1000000000000000),
            sft_core.need_bigint(b, 'krl_version', 0, 1000000000000000),
                coalesce(sft_core.maybe_bool(b, 'healthy'), false), seen, sft_core.drift_of(b))
    ON CONFLICT ON CONSTRAINT server_report_taken DO UPDATE SET reported_at = now(),
        state_version = EXCLUDED.state_version, trust_version = EXCLUDED.trust_version,
        krl_version = EXCLUDED.krl_version, healthy = EXCLUDED.healthy, addresses = EXCLUDED.addresses,
            drift = EXCLUDED.drift;
    PERFORM sft_core.logins_take(who, sft_core.maybe_list(b, 'logins', 256));
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.server_report_create(sft.request) IS 'What a server''s agent has applied and seen. Notifies nobody, unless the server''s labels changed what is desired there. Refuses: state_version_…, facts_…, drift_format, logins_format and what enrolling refuses.';

INSERT INTO sft_core.routes (method, path, max_body, auth, writes, proc) VALUES
    ('POST', '/v1/servers/enroll', 65536, 'self',   false, 'server_create'),
    ('POST', '/v1/server/report', 262144, 'server', NULL,  'server_report_create');
