-- SPDX-License-Identifier: PostgreSQL
-- 410_revocations.sql - taking certificates back: one, or all of a user, client, server or project, or of a span of time.

CREATE FUNCTION sft_core.subject_of(team_id uuid, kind text, name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_ids uuid[];
BEGIN
    CASE kind
    WHEN 'user' THEN RETURN sft_core.user_id(team_id, name);
    WHEN 'project' THEN RETURN sft_core.project_id(team_id, name);
    WHEN 'team' THEN
        IF name IS DISTINCT FROM (SELECT t.name::text FROM sft.teams t WHERE t.id = subject_of.team_id) THEN
            PERFORM sft_core.refuse(404, 'team_unknown', format('There is no team named %s.', left(name, 64)));
        END IF;
        RETURN team_id;
    WHEN 'server' THEN
        found_ids := ARRAY(SELECT v.id FROM sft.servers v WHERE v.team_id = subject_of.team_id AND v.deleted_at IS NULL
            AND CASE WHEN sft_core.is_uuid(name) THEN v.id = name::uuid ELSE EXISTS (SELECT FROM sft.server_names n
                WHERE n.team_id = v.team_id AND n.server_id = v.id AND n.name = sft_core.server_name_of(subject_of.name)) END);
    WHEN 'client' THEN
        found_ids := ARRAY(SELECT c.id FROM sft.clients c WHERE c.team_id = subject_of.team_id AND c.state <> 'DELETED'
            AND CASE WHEN sft_core.is_uuid(name) THEN c.id = name::uuid
                ELSE c.code = upper(replace(subject_of.name, '-', '')) END);
    ELSE
        PERFORM sft_core.refuse(400, 'lock_subject_kind_unknown', sft_core.sentence_of('lock_subject_kind_unknown'));
    END CASE;
    IF cardinality(found_ids) = 0 THEN
        PERFORM sft_core.refuse(404, kind || '_unknown', format('There is no %s named %s.', kind, left(name, 64)));
    ELSIF cardinality(found_ids) > 1 THEN
        PERFORM sft_core.refuse(409, kind || '_ambiguous', format('There are %s of the name %s: say which by its id.',
            cardinality(found_ids), left(name, 64)));
    END IF;
    RETURN found_ids[1];
END $$;
COMMENT ON FUNCTION sft_core.subject_of(uuid, text, text) IS 'The user, client, server, project or team that a caller names: people and projects by name, servers by id or any name, clients by id or code. Refuses: <kind>_unknown, <kind>_ambiguous, lock_subject_kind_unknown.';

CREATE FUNCTION sft_core.revoke_certificate(team_id uuid, wanted uuid, reason text, OUT project_id uuid, OUT revoked bigint)
LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    SELECT c.project_id, c.authority_id, c.serial, c.valid_before INTO one FROM sft.credentials c
     WHERE (c.team_id = revoke_certificate.team_id) IS TRUE AND c.request_id = wanted;
    IF NOT FOUND THEN
        SELECT h.project_id, h.authority_id, h.serial, h.valid_before INTO one FROM sft.host_certificates h
         WHERE (h.team_id = revoke_certificate.team_id) IS TRUE AND h.request_id = wanted;
    END IF;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'credential_unknown', 'There is no such certificate.');
    END IF;
    revoked := 0;
    project_id := one.project_id;
    IF one.valid_before > now() AND NOT sft_core.is_revoked(one.authority_id, one.serial) THEN
        PERFORM sftca.revoke(one.authority_id, one.serial, one.serial, reason);
        revoked := 1;
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.revoke_certificate(uuid, uuid, text) IS 'Takes back the certificate of a request_id, a user''s or a host''s; returns its project, and 0 where it had expired or was revoked before. Refuses: credential_unknown.';

CREATE FUNCTION sft_core.revoke_of_server(team_id uuid, server_id uuid, reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    one record; revoked bigint := 0;
BEGIN
    FOR one IN SELECT c.authority_id, c.serial FROM sft.credentials c
                WHERE c.team_id = revoke_of_server.team_id AND c.valid_before > now()
                  AND c.server_id = revoke_of_server.server_id
                UNION ALL
               SELECT h.authority_id, h.serial FROM sft.host_certificates h
                WHERE h.team_id = revoke_of_server.team_id AND h.server_id = revoke_of_server.server_id
                  AND h.valid_before > now() ORDER BY 1, 2 LOOP
        IF NOT sft_core.is_revoked(one.authority_id, one.serial) THEN
            PERFORM sftca.revoke(one.authority_id, one.serial, one.serial, reason);
            revoked := revoked + 1;
        END IF;
    END LOOP;
    RETURN revoked;
END $$;
COMMENT ON FUNCTION sft_core.revoke_of_server(uuid, uuid, text) IS 'Takes back the certificates that were issued for a server, and its own; returns how many.';

CREATE FUNCTION sft_core.revoke_span(team_id uuid, project_id uuid, since timestamptz, until timestamptz,
    reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    authority uuid;
    first_serial bigint := greatest(sftca.serial_at(since), 1);
    last_serial  bigint := sftca.serial_at(until + interval '1 millisecond') - 1;
BEGIN
    IF since < '2020-01-01' OR until < since OR until > now() + interval '1 minute' THEN
        PERFORM sft_core.wrong('issued_after', 'is not after issued_before; both lie between 2020 and now');
    END IF;
    FOR authority IN SELECT a FROM sft.projects p, unnest(ARRAY[p.user_authority_id, p.x509_authority_id]) a
                      WHERE p.team_id = revoke_span.team_id AND p.id = revoke_span.project_id ORDER BY a LOOP
        PERFORM sftca.revoke(authority, first_serial, last_serial, reason);
    END LOOP;
    RETURN (SELECT count(*) FROM sft.credentials c WHERE c.team_id = revoke_span.team_id AND c.valid_before > now()
        AND c.project_id = revoke_span.project_id AND c.serial BETWEEN first_serial AND last_serial);
END $$;
COMMENT ON FUNCTION sft_core.revoke_span(uuid, uuid, timestamptz, timestamptz, text) IS 'Takes back all that a project''s user authorities issued in a span of time, also what this database has no record of (it was restored); returns how many of those that it knows had not expired. Refuses: issued_after_format.';

CREATE FUNCTION sft_core.revocation_subject(body jsonb, OUT kind text, OUT name text)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    named text[] := ARRAY(SELECT k FROM unnest(ARRAY['request_id', 'user', 'client', 'server', 'project']) k
        WHERE body->>k IS NOT NULL);
BEGIN
    PERFORM sft_core.only_fields(body, 'request_id', 'user', 'client', 'server', 'project', 'issued_after',
        'issued_before', 'reason');
    IF cardinality(named) <> 1 THEN
        PERFORM sft_core.refuse(400, 'revocation_subject',
            'Exactly one of request_id, user, client, server and project says what is revoked.');
    END IF;
    kind := named[1];
    name := CASE kind WHEN 'request_id' THEN sft_core.need_uuid(body, kind)::text ELSE sft_core.need_text(body, kind) END;
    IF kind <> 'project' AND coalesce(body->>'issued_after', body->>'issued_before') IS NOT NULL THEN
        PERFORM sft_core.wrong('issued_after', 'goes with a project');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.revocation_subject(jsonb) IS 'What a request to revoke names. Refuses: field_unknown, revocation_subject, request_id_format, issued_after_format.';

CREATE FUNCTION sft_core.revocation_create(by sft.actor, team_id uuid, kind text, subject uuid, reason text,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    revoked bigint; project uuid;
BEGIN
    PERFORM sft_core.fence(team_id);
    CASE kind
    WHEN 'request_id' THEN
        SELECT r.project_id, r.revoked INTO project, revoked FROM sft_core.revoke_certificate(team_id, subject, reason) r;
        PERFORM sft_core.touch_project(team_id, project);
    WHEN 'server' THEN
        revoked := sft_core.revoke_of_server(team_id, subject, reason);
        project := (SELECT v.project_id FROM sft.servers v WHERE v.team_id = revocation_create.team_id AND v.id = subject);
        PERFORM sft_core.touch_project(team_id, project);
    WHEN 'project' THEN
        project := subject;
        revoked := sft_core.revoke_span(team_id, subject, coalesce(since, '2020-01-01 00:00:00+00'),
            coalesce(until, clock_timestamp()), reason);
        PERFORM sft_core.touch_project(team_id, project);
    ELSE
        revoked := sft_core.revoke_live(team_id, kind, subject, reason);
        PERFORM sft_core.sessions_end(by, team_id, CASE kind WHEN 'user' THEN subject END, CASE kind WHEN 'client' THEN subject END);
        PERFORM sft_core.touch_subject(team_id, kind, subject);
    END CASE;
    PERFORM sft_core.note(by, team_id, 'certificates.revoke', jsonb_strip_nulls(jsonb_build_object('subject_kind', kind,
        'subject_id', subject, 'reason', reason, 'issued_after', since, 'issued_before', until, 'certificates', revoked)),
        project, CASE kind WHEN 'server' THEN subject END);
    RETURN revoked;
END $$;
COMMENT ON FUNCTION sft_core.revocation_create(sft.actor, uuid, text, uuid, text, timestamptz, timestamptz) IS 'Takes certificates back and tells the servers; kind request_id, user, client (both signed out as well), server or project. Returns how many live ones that were. Refuses: credential_unknown, issued_after_format.';

CREATE FUNCTION sft_api.revocation_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who     sft.actor := req.actor;
    reason  text := sft_core.need_text(req.body, 'reason');
    named   record;
    subject uuid;
    revoked bigint;
BEGIN
    SELECT * INTO named FROM sft_core.revocation_subject(req.body);
    subject := CASE named.kind WHEN 'request_id' THEN named.name::uuid
        ELSE sft_core.subject_of(who.team_id, named.kind, named.name) END;
    revoked := sft_core.revocation_create(who, who.team_id, named.kind, subject, reason,
        sft_core.maybe_time(req.body, 'issued_after'), sft_core.maybe_time(req.body, 'issued_before'));
    RETURN sft_core.reply(201, jsonb_build_object('subject_kind', named.kind, 'subject_id', subject, 'reason', reason,
        'certificates', revoked));
END $$;
COMMENT ON FUNCTION sft_api.revocation_create(sft.request) IS 'Revokes a certificate, or those of a user, client, server or project; connected servers refuse them within seconds. Refuses: revocation_subject, reason_missing, credential_unknown, <kind>_unknown, <kind>_ambiguous, issued_after_format.';

CREATE FUNCTION sft_core.revocation_json(r sftca.revocations, project text, purpose text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('id', (r).id, 'authority_id', (r).authority_id, 'project_name', project, 'purpose', purpose,
    'serial_from', (r).serial_from, 'serial_to', (r).serial_to, 'reason', (r).reason,
    'revoked_at', sft_core.json_time((r).revoked_at), 'expires_at', sft_core.json_time((r).expires_at));
COMMENT ON FUNCTION sft_core.revocation_json(sftca.revocations, text, text) IS 'A revocation as answers show it.';

CREATE FUNCTION sft_api.revocation_list(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
DECLARE
    who  sft.actor := req.actor;
    page sft_core.page;
BEGIN
    page := sft_core.page_of(req, ARRAY(SELECT (sft_core.time_key(r.revoked_at), r.id)::sft_core.entry
        FROM sft_core.authorities_of(who.team_id) a JOIN sftca.revocations r ON r.authority_id = a.authority_id
       WHERE r.expires_at > now()), newest => true);
    RETURN sft_core.page_reply(page, ARRAY(
        SELECT sft_core.revocation_json(r, a.project, a.purpose) FROM unnest(page.ids) WITH ORDINALITY i (id, o)
          JOIN sftca.revocations r ON r.id = i.id::uuid JOIN sft_core.authorities_of(who.team_id) a ON a.authority_id = r.authority_id ORDER BY i.o));
END $$;
COMMENT ON FUNCTION sft_api.revocation_list(sft.request) IS 'The revocations that still matter, newest first. Refuses: count_format, offset_format, descending_format, prev_format.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, proc) VALUES
    ('POST', '/v1/teams/{team}/revocations', 4096, 'member', '{access_admin}',                'revocation_create'),
    ('GET',  '/v1/teams/{team}/revocations',    0, 'member', '{access_admin,reporting_user}', 'revocation_list');
