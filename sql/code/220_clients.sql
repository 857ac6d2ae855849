-- SPDX-License-Identifier: PostgreSQL
-- 220_clients.sql - devices: enrolling, approving and removing them.

CREATE FUNCTION sft_core.device_key(req sft.request, OUT public_key text, OUT key_type text, OUT fingerprint text,
    OUT blob bytea, OUT code text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT k.type, k.fingerprint, k.blob, upper(replace(k.device_code, '-', '')), k.type || ' '
        || translate(encode(k.blob, 'base64'), E'\n', '')
      INTO key_type, fingerprint, blob, code, public_key
      FROM sftca.parse_public_key(sft_core.need_text((req).body, 'public_key', 4096)) k;
    IF key_type NOT IN ('ssh-ed25519', 'ecdsa-sha2-nistp256') THEN
        PERFORM sft_core.refuse(400, 'public_key_type',
            'The key of a client or server is ecdsa-sha2-nistp256 or ssh-ed25519.');
    END IF;
END $$;
COMMENT ON FUNCTION sft_core.device_key(sft.request) IS 'The public_key of a client or server that enrolls. Refuses: public_key_….';

CREATE FUNCTION sft_core.signed_by_itself(req sft.request, kind text, id uuid, blob bytea) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    input text := sft_core.header((req).headers, 'signature-input');
    parsed record;
    fault text;
BEGIN
    SELECT * INTO parsed FROM sftca.parse_signature(input);
    fault := sft_core.signature_fault(input, req.signature, parsed.created, parsed.nonce);
    IF fault IS NULL AND parsed.keyid IS DISTINCT FROM kind || '/' || id THEN
        fault := 'key_unknown';
    END IF;
    fault := coalesce(fault, sft_core.verify_signature(req, blob));
    IF fault IS NOT NULL THEN
        PERFORM sft_core.refuse(401, fault, sft_core.signature_sentence(fault), sft_core.signature_extra(fault));
    END IF;
    RETURN parsed.nonce;
END $$;
COMMENT ON FUNCTION sft_core.signed_by_itself(sft.request, text, uuid, bytea) IS 'Checks that who enrolls holds the key that it brings; returns the request_id. Refuses: signature_…, key_unknown, digest_mismatch, clock_skew.';

CREATE FUNCTION sft_core.actor_known(kind text, id uuid, team_id uuid, blob bytea, fingerprint text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    known sft.actor_keys;
BEGIN
    SELECT k.* INTO known FROM sft.actor_keys k WHERE k.kind = actor_known.kind AND k.id = actor_known.id;
    IF FOUND AND (known.key_blob <> blob OR known.team_id <> actor_known.team_id) THEN
        PERFORM sft_core.refuse(409, kind || '_taken', format('A %s with this id is known under another key or team.',
            kind));
    ELSIF NOT FOUND AND EXISTS (SELECT FROM sft.actor_keys k WHERE k.fingerprint = actor_known.fingerprint) THEN
        PERFORM sft_core.refuse(409, 'key_taken', sft_core.sentence_of('key_taken'));
    END IF;
    RETURN known.id IS NOT NULL;
END $$;
COMMENT ON FUNCTION sft_core.actor_known(text, uuid, uuid, bytea, text) IS 'Whether this id has enrolled with this very key. Refuses: client_taken, server_taken, key_taken.';

CREATE FUNCTION sft_core.client_json(team_id uuid, client_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('id', c.id, 'state', c.state, 'team_name', t.name, 'user_name', u.name,
               'code', concat_ws('-', substr(c.code, 1, 4), substr(c.code, 5, 4), substr(c.code, 9, 4), substr(c.code, 13, 4)))
      FROM sft.clients c JOIN sft.teams t ON t.id = c.team_id
      LEFT JOIN sft.users u ON u.team_id = c.team_id AND u.id = c.user_id
     WHERE c.team_id = client_json.team_id AND c.id = client_json.client_id
$$;
COMMENT ON FUNCTION sft_core.client_json(uuid, uuid) IS 'A client''s enrollment as it sees it.';

CREATE FUNCTION sft_core.invitation_use(team_id uuid, invitation jsonb, client_id uuid,
    public_key text) RETURNS sft.invitations
LANGUAGE plpgsql AS $$
DECLARE
    used sft.invitations;
BEGIN
    PERFORM sft_core.only_fields(invitation, 'id', 'mac');
    SELECT i.* INTO used FROM sft.invitations i
      JOIN sft.users u ON u.team_id = i.team_id AND u.id = i.user_id AND u.status = 'ACTIVE'
     WHERE i.team_id = invitation_use.team_id AND i.id = sft_core.need_uuid(invitation, 'id')
       AND i.used_at IS NULL AND i.deleted_at IS NULL AND i.expires_at > now() FOR NO KEY UPDATE OF i;
    IF NOT FOUND OR NOT coalesce(sftca.verify_mac('invitation', used.id, invitation_use.client_id,
        invitation_use.public_key, coalesce(sft_core.maybe_text(invitation, 'mac', 64), '')), false) THEN
        PERFORM sft_core.refuse(401, 'invitation_invalid', 'This invitation is unknown, used, expired or not yours.');
    END IF;
    UPDATE sft.invitations i SET used_at = now(), client_id = invitation_use.client_id
     WHERE i.team_id = invitation_use.team_id AND i.id = used.id;
    RETURN used;
END $$;
COMMENT ON FUNCTION sft_core.invitation_use(uuid, jsonb, uuid, text) IS 'Uses up the invitation that a client presents; one of many that try at once wins. Refuses: invitation_invalid.';

CREATE FUNCTION sft_core.client_insert(req sft.request, team_id uuid, id uuid, key record) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    b jsonb := (req).body;
BEGIN
    UPDATE sft.clients c SET state = 'DELETED', deleted_at = now()
     WHERE c.team_id = client_insert.team_id AND c.state = 'PENDING' AND c.client_enrollment_policy_id IS NULL
       AND c.enrolled_at < now() - interval '7 days';
    -- strangers can fill the queue of those who wait; who brings an invitation does not wait in it
    IF b->>'invitation' IS NULL AND b->>'policy' IS NULL AND (SELECT count(*) FROM sft.clients c WHERE c.team_id = client_insert.team_id
        AND c.state = 'PENDING' AND c.client_enrollment_policy_id IS NULL) >= 1000 THEN
        PERFORM sft_core.refuse(429, 'too_many_pending_clients', 'Too many clients wait for approval in this team.');
    END IF;
    INSERT INTO sft.actor_keys (kind, id, team_id, key_type, key_blob, fingerprint)
    VALUES ('client', client_insert.id, client_insert.team_id, key.key_type, key.blob, key.fingerprint);
    INSERT INTO sft.clients (id, team_id, claimed_name, hostname, os, description, encrypted, public_key, code)
    VALUES (client_insert.id, client_insert.team_id, sft_core.maybe_text(b, 'user_name', 127),
        sft_core.need_text(b, 'hostname'), sft_core.need_text(b, 'os'),
            coalesce(sft_core.maybe_text(b, 'description'), ''), sft_core.maybe_bool(b, 'encrypted'), key.public_key,
                key.code);
END $$;
COMMENT ON FUNCTION sft_core.client_insert(sft.request, uuid, uuid, record) IS 'A new client, waiting for approval; those that waited for a week are forgotten. Refuses: too_many_pending_clients, hostname_…, os_…, user_name_format, description_format, encrypted_format.';

CREATE FUNCTION sft_core.client_activate(by sft.actor, team_id uuid, client_id uuid, user_id uuid,
    how text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sft.clients c SET state = 'ACTIVE', user_id = client_activate.user_id, approved_at = now(), approved_by = how
     WHERE c.team_id = client_activate.team_id AND c.id = client_activate.client_id AND c.state = 'PENDING';
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client waiting for approval.');
    END IF;
    PERFORM sft_core.note(by, team_id, 'client.assign', jsonb_build_object('subject_client_id', client_id,
        'subject_id', user_id, 'approved_by', how));
END $$;
COMMENT ON FUNCTION sft_core.client_activate(sft.actor, uuid, uuid, uuid, text) IS 'Approves a client that waits, for a user. Refuses: client_unknown.';

CREATE FUNCTION sft_api.client_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    b    jsonb := req.body;
    joining uuid;
    team uuid := sft_core.team_id(lower(req.params[1]));
    key  record;
    used sft.invitations;
    self sft.actor;
BEGIN
    PERFORM sft_core.only_fields(b, 'id', 'public_key', 'hostname', 'os', 'description', 'encrypted', 'invitation', 'policy',
        'user_name');
    joining := sft_core.need_uuid(b, 'id');
    SELECT * INTO key FROM sft_core.device_key(req);
    self := ('client', 'client/' || joining, team, NULL, joining, NULL, NULL, NULL, NULL, NULL, req.peer,
        sft_core.signed_by_itself(req, 'client', joining, key.blob), req.trace_id)::sft.actor;
    PERFORM sft_core.see_teams(team);
    IF sft_core.actor_known('client', joining, team, key.blob, key.fingerprint) THEN
        IF EXISTS (SELECT FROM sft.clients c WHERE c.team_id = team AND c.id = (self).client_id
            AND c.state = 'DELETED') THEN
            PERFORM sft_core.refuse(409, 'client_taken', 'This client was removed; enroll with a new id and key.');
        END IF;
        RETURN sft_core.reply(200, sft_core.client_json(team, joining));
    END IF;
    PERFORM sft_core.client_insert(req, team, joining, key);
    PERFORM sft_core.note(self, team, 'client.enroll', jsonb_build_object('hostname', b->>'hostname', 'os', b->>'os',
        'fingerprint', key.fingerprint, 'invitation_id', b->'invitation'->>'id'));
    IF b->>'invitation' IS NOT NULL THEN
        used := sft_core.invitation_use(team, sft_core.need_object(b, 'invitation'), joining, key.public_key);
        UPDATE sft.clients c SET invitation_id = used.id WHERE c.team_id = team AND c.id = (self).client_id;
        PERFORM sft_core.client_activate(self, team, joining, used.user_id, 'invitation/' || used.id);
    ELSIF b->>'policy' IS NOT NULL THEN
        PERFORM sft_core.policy_use(self, team, sft_core.need_object(b, 'policy'), key.public_key);
    END IF;
    RETURN sft_core.reply(201, sft_core.client_json(team, joining));
END $$;
COMMENT ON FUNCTION sft_api.client_create(sft.request) IS 'Enrolls a device with the key that signs the request; an invitation approves it at once, with the token of a policy it waits for somebody to give it to a user. Refuses: client_taken, key_taken, invitation_invalid, policy_invalid, public_key_…, team_unknown.';

CREATE FUNCTION sft_api.client_enrollment_show(req sft.request) RETURNS sft.response
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF req.params[2] IS DISTINCT FROM (req.actor).client_id::text THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client.');
    END IF;
    RETURN sft_core.reply(200, sft_core.client_json((req.actor).team_id, (req.actor).client_id));
END $$;
COMMENT ON FUNCTION sft_api.client_enrollment_show(sft.request) IS 'A client''s own state. Refuses: client_unknown.';

CREATE FUNCTION sft_api.client_approval_create(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who    sft.actor := req.actor;
    waits  sft.clients;
    target uuid := who.user_id;
BEGIN
    PERFORM sft_core.only_fields(req.body, 'code');
    PERFORM sft_core.refuse_locked(who);
    SELECT c.* INTO waits FROM sft.clients c WHERE c.team_id = who.team_id AND c.id = CASE
        WHEN sft_core.is_uuid(req.params[2]) THEN req.params[2]::uuid END AND c.state = 'PENDING';
    IF waits.client_enrollment_policy_id IS NOT NULL THEN
        target := waits.user_id;                             -- nobody takes a device of the fleet for himself
    ELSIF waits.claimed_name IS NOT NULL AND waits.claimed_name <> '' THEN
        target := (SELECT u.id FROM sft.users u WHERE u.team_id = who.team_id
            AND lower(u.name) = lower(waits.claimed_name) AND u.status = 'ACTIVE');
    END IF;
    IF waits.id IS NULL OR target IS NULL OR (target <> who.user_id AND NOT sft_core.has_role(who.team_id,
        who.user_id, 'access_admin')) THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client waiting for your approval.');
    END IF;
    IF upper(replace(sft_core.need_text(req.body, 'code', 32), '-', '')) <> waits.code THEN
        PERFORM sft_core.refuse(409, 'code_mismatch', 'This is not the code that the client shows.');
    END IF;
    PERFORM sft_core.need_rank(who, who.team_id, target);
    PERFORM sft_core.client_activate(who, who.team_id, waits.id, target, who.name);
    RETURN sft_core.reply(200, sft_core.client_json(who.team_id, waits.id));
END $$;
COMMENT ON FUNCTION sft_api.client_approval_create(sft.request) IS 'Approves a waiting client: one''s own, or as an access_admin another user''s. Refuses: client_unknown, code_mismatch, locked, role_not_held.';

CREATE FUNCTION sft_core.client_remove(by sft.actor, team_id uuid, client_id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    gone sft.clients;
BEGIN
    PERFORM sft_core.fence(team_id);
    UPDATE sft.clients c SET state = 'DELETED', deleted_at = now()
     WHERE c.team_id = client_remove.team_id AND c.id = client_remove.client_id AND c.state <> 'DELETED'
         RETURNING c.* INTO gone;
    IF NOT FOUND THEN
        PERFORM sft_core.refuse(404, 'client_unknown', 'There is no such client.');
    END IF;
    PERFORM sft_core.sessions_end(by, team_id, NULL, client_id);
    IF sft_core.revoke_live(team_id, 'client', client_id, 'client removed') > 0 THEN
        PERFORM sft_core.touch_projects(team_id, VARIADIC sft_core.projects_of_user(team_id, gone.user_id));
    END IF;
    PERFORM sft_core.note(by, team_id, 'client.remove', jsonb_build_object('subject_client_id', client_id,
        'subject_id', gone.user_id, 'hostname', gone.hostname));
END $$;
COMMENT ON FUNCTION sft_core.client_remove(sft.actor, uuid, uuid) IS 'Ends a client, its session and its unexpired certificates. Refuses: client_unknown.';

CREATE FUNCTION sft_api.client_delete(req sft.request) RETURNS sft.response
LANGUAGE plpgsql AS $$
DECLARE
    who    sft.actor := req.actor;
    target uuid := sft_core.uuid_of(req.params[2]);
    other  sft.clients;
BEGIN
    IF target IS NULL OR target IS DISTINCT FROM who.client_id THEN
        IF who.kind = 'client' AND who.session_id IS NULL THEN
            PERFORM sft_core.refuse(401, 'session_required', 'Sign in again: there is no live session.');
        END IF;
        PERFORM sft_core.refuse_locked(who);
        SELECT c.* INTO other FROM sft.clients c WHERE c.team_id = who.team_id AND c.id = target AND c.state <> 'DELETED';
        IF other.id IS NULL OR (other.user_id IS DISTINCT FROM who.user_id AND NOT sft_core.has_role(who.team_id, who.user_id, 'access_admin')) THEN
            PERFORM sft_core.refuse(404, 'client_unknown', 'You have no such client.');
        END IF;
        PERFORM sft_core.need_rank(who, who.team_id, other.user_id);
    END IF;
    PERFORM sft_core.client_remove(who, who.team_id, target);
    RETURN sft_core.reply(204);
END $$;
COMMENT ON FUNCTION sft_api.client_delete(sft.request) IS 'Removes the client itself, another of the same user, or as an access_admin anybody''s. Refuses: client_unknown, session_required, locked, role_not_held.';

INSERT INTO sft_core.routes (method, path, max_body, auth, roles, product, writes, proc) VALUES
    ('POST',   '/v1/teams/{team}/clients',               16384, 'self',   NULL, false, false, 'client_create'),
    ('GET',    '/v1/teams/{team}/clients/{id}/enrollment',   0, 'client', NULL, false, NULL,  'client_enrollment_show'),
    ('POST',   '/v1/teams/{team}/clients/{id}/approval',  1024, 'user',   NULL, false, NULL,  'client_approval_create'),
    ('DELETE', '/v1/teams/{team}/clients/{id}',           4096, 'client', '{access_admin,access_user}', true, NULL, 'client_delete');
